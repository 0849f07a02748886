/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* backup: a copy of what is on disk, made by this process; the daemon has no part in it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/state_files.h"
#include "registry/sqlite/sqlite_backup.h"

static int backup_tell(const struct invocation *invocation, const char *file,
                       const struct backup_facts *facts)
{
    _cleanup_json_ cJSON *json = NULL;
    FILE *out = strcmp(file, "-") == 0 ? stderr : stdout;

    if (!invocation->is_json || out == stderr) {
        (void)fprintf(out,
                      "%s: registry %.8s at revision %" PRIu64 ", %" PRIu64 " services, %" PRIu64
                      " instances; keep it secret, AWS key pairs are in it\n",
                      out == stderr ? "standard output" : file, *facts->id ? facts->id : "(no id)",
                      facts->revision, facts->services, facts->instances);
        return CLI_DONE;
    }
    json = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(json, "file", file);
    (void)cJSON_AddStringToObject(json, "id", facts->id);
    (void)cJSON_AddNumberToObject(json, "revision", (double)facts->revision);
    (void)cJSON_AddNumberToObject(json, "services", (double)facts->services);
    (void)cJSON_AddNumberToObject(json, "instances", (double)facts->instances);
    return api_print_json(invocation, json, NULL);
}

/* To standard output, from a copy that nobody else can open and that is gone when this process is. */
static int write_out(const struct invocation *invocation, const char *path)
{
    char buffer[1 << 16];
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;

    (void)unlink(path);
    while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0)
        if (fwrite(buffer, 1, (size_t)n, stdout) != (size_t)n) {
            n = -1;
            break;
        }
    if (n < 0 || fflush(stdout) != 0)
        return report_error(invocation, CLI_FAILED, "writing to standard output: %s", strerror(errno));
    return CLI_DONE;
}

static int back_up(const struct invocation *invocation, const struct state_files *files, const char *file)
{
    const struct backup_carried keys = {STATE_KEYS_NAME, files->keys};
    _cleanup_free_ char *through = NULL;
    bool is_output = strcmp(file, "-") == 0;
    struct backup_facts facts = {0};
    struct error error = {0};
    int r;

    if (is_output && isatty(STDOUT_FILENO))
        return report_usage(invocation,
                            "a backup is not for a terminal: redirect standard output, or name a file");
    if (is_output && asprintf(&through, "%s/backup-%d", files->directory, (int)getpid()) < 0)
        return report_error(invocation, CLI_FAILED, "out of memory");
    r = sqlite_backup_write(files->registry, &keys, is_output ? through : file, &facts, &error);
    if (r == -EUCLEAN)
        return report_error(invocation, CLI_FAILED, "%s; a damaged registry cannot be backed up",
                            error.message);
    if (r < 0)
        return report_error(invocation, CLI_FAILED, "%s%s", error.message,
                            r == -EACCES ? "; this takes root"
                            : r == -ENOENT && !files->is_running
                                ? "; no daemon answers, so give --state-dir if it is elsewhere"
                                : "");
    r = is_output ? write_out(invocation, through) : CLI_DONE;
    return r == CLI_DONE ? backup_tell(invocation, file, &facts) : r;
}

int command_backup(const struct invocation *invocation)
{
    struct state_files files = {0};
    int status = state_files_find(invocation, &files);

    if (status == CLI_DONE)
        status = back_up(invocation, &files, invocation->arguments[0]);
    state_files_done(&files);
    return status;
}
