/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/state_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/api.h"
#include "cli/report.h"
#include "cli/text.h"

#define USUAL_DIRECTORY "/var/lib/svcconnect"

/* The daemon's own word; NULL: none answers. */
static char *ask_daemon(const struct invocation *invocation)
{
    const struct control_request request = {
        .socket_path = invocation->socket_path, .method = "GET", .path = "/v1/status"};
    _cleanup_control_response_ struct control_response response = {0};
    const char *directory;

    if (control_client_request(&request, &response, NULL) != CONTROL_CLIENT_ANSWERED)
        return NULL;
    directory = text_member(text_child(response.json, "directories"), "state");
    return *directory ? strdup(directory) : NULL;
}

int state_files_find(const struct invocation *invocation, struct state_files *ret_files)
{
    const char *given = invocation->options[OPTION_STATE_DIR];
    struct state_files files = {.directory = ask_daemon(invocation)};

    files.is_running = files.directory != NULL;
    if (files.is_running && given && strcmp(given, files.directory) != 0) {
        int status = report_usage(
            invocation,
            "--state-dir %s: the daemon on %s has its state in %s; leave the option out, or give "
            "--socket of a daemon that does not run",
            given, invocation->socket_path, files.directory);

        state_files_done(&files);
        return status;
    }
    if (!files.directory)
        files.directory = strdup(given ? given : USUAL_DIRECTORY);
    if (!files.directory || asprintf(&files.registry, "%s/registry.db", files.directory) < 0 ||
        asprintf(&files.keys, "%s/" STATE_KEYS_NAME, files.directory) < 0) {
        state_files_done(&files);
        return report_error(invocation, CLI_FAILED, "out of memory");
    }
    *ret_files = files;
    return CLI_DONE;
}

void state_files_done(struct state_files *files)
{
    free(files->directory);
    free(files->registry);
    free(files->keys);
    *files = (struct state_files){0};
}

static int copy_all(int from, int to)
{
    char buffer[1 << 16];

    for (;;) {
        ssize_t n = read(from, buffer, sizeof(buffer));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 || fsync(to) < 0 ? -errno : 0;
        if (write(to, buffer, (size_t)n) != n)
            return -EIO;
    }
}

int state_files_take_in(const struct invocation *invocation, const struct state_files *files,
                        const char *from, char **ret_path)
{
    bool is_input = strcmp(from, "-") == 0;
    _cleanup_close_ int file = is_input ? dup(STDIN_FILENO) : open(from, O_RDONLY | O_CLOEXEC);
    _cleanup_close_ int copy = -1;
    char *path = NULL;
    int r;

    if (file < 0)
        return report_error(invocation, CLI_FAILED, "%s: %s", from, strerror(errno));
    if (asprintf(&path, "%s/restore-XXXXXX", files->directory) < 0)
        return report_error(invocation, CLI_FAILED, "out of memory");
    copy = mkostemp(path, O_CLOEXEC);
    if (copy < 0) {
        r = report_error(invocation, CLI_FAILED, "%s: %s%s", files->directory, strerror(errno),
                         errno == EACCES ? "; this takes root" : "");
        free(path);
        return r;
    }
    r = copy_all(file, copy);
    if (r < 0) {
        (void)unlink(path);
        free(path);
        return report_error(invocation, CLI_FAILED, "%s: %s", from, strerror(-r));
    }
    *ret_path = path;
    return CLI_DONE;
}
