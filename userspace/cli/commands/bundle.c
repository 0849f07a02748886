/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bundle: what a bug report needs, as one tar.gz that only its owner reads. Each part is bounded, and one that cannot
 * be had is told in its place. What is in documents, keys, commands and attributes is left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/api.h"
#include "cli/bundle/redact.h"
#include "cli/bundle/tar.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/text.h"

#define BUNDLE_PART       ((size_t)4 << 20) /* bytes of one */
#define BUNDLE_COMMAND_MS 10000

struct bundle {
    const struct invocation *invocation;
    struct tar *tar;
    unsigned n, n_missing;
    int result;
};

/* One that is longer is cut, and says so. */
static void bundle_add(struct bundle *bundle, const char *name, const char *text, size_t length)
{
    _cleanup_free_ char *cut = NULL;
    size_t most = BUNDLE_PART;
    int r;

    if (length > BUNDLE_PART) {
        static const char end[] = "\n(cut here)\n";

        cut = malloc(most + sizeof(end));
        if (!cut) {
            bundle->result = -ENOMEM;
            return;
        }
        memcpy(cut, text, most);
        memcpy(cut + most, end, sizeof(end));
        text = cut;
        length = most + sizeof(end) - 1;
    }
    r = tar_add(bundle->tar, name, text, length);
    if (bundle->result == 0)
        bundle->result = r;
    bundle->n++;
}

static void bundle_miss(struct bundle *bundle, const char *name, const char *why)
{
    char text[700];

    (void)snprintf(text, sizeof(text), "not to be had: %.600s\n", why);
    bundle_add(bundle, name, text, strlen(text));
    bundle->n_missing++;
}

/* ---- what the daemon tells ---- */

static int bundle_read(struct bundle *bundle, const char *path, struct control_response *ret_response,
                       struct error *error)
{
    const struct control_request request = {
        .socket_path = bundle->invocation->socket_path, .method = "GET", .path = path, .timeout_ms = 30000};

    return control_client_request(&request, ret_response, error);
}

/* JSON goes through redact(); what is not JSON is only what is known to have no secrets. */
static void bundle_add_read(struct bundle *bundle, const char *name, const char *path)
{
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_free_ char *text = NULL;
    struct error error = {0};

    if (bundle_read(bundle, path, &response, &error) != CONTROL_CLIENT_ANSWERED) {
        bundle_miss(bundle, name, error.message);
        return;
    }
    if (!response.json) {
        bundle_add(bundle, name, response.text, response.length);
        return;
    }
    redact(response.json);
    text = cJSON_Print(response.json);
    if (text)
        bundle_add(bundle, name, text, strlen(text));
    else
        bundle->result = -ENOMEM;
}

/* ---- what the kernel tells ---- */

static void bundle_add_file(struct bundle *bundle, const char *name, const char *path)
{
    _cleanup_free_ char *text = NULL;
    size_t length = 0;
    int r = file_read(path, BUNDLE_PART, &text, &length);

    if (r < 0)
        bundle_miss(bundle, name, strerror(-r));
    else
        bundle_add(bundle, name, text, length);
}

/* Standard output and error of a program, for so long and so many bytes. The caller frees it; NULL: none. */
static char *bundle_run_for(const char *const words[], size_t *ret_length)
{
    char *text = malloc(BUNDLE_PART + 2);
    uint64_t until = clock_monotonic_ms() + BUNDLE_COMMAND_MS;
    size_t length = 0;
    int ends[2];
    pid_t pid;

    if (!text || pipe2(ends, O_CLOEXEC) < 0) {
        free(text);
        return NULL;
    }
    pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)execvp(words[0], (char *const *)words);
        _exit(127);
    }
    (void)close(ends[1]);
    while (pid > 0 && length <= BUNDLE_PART) {
        struct pollfd one = {.fd = ends[0], .events = POLLIN};
        uint64_t now = clock_monotonic_ms();
        ssize_t n;

        if (now >= until || poll(&one, 1, (int)(until - now)) <= 0)
            break;
        n = read(ends[0], text + length, BUNDLE_PART + 1 - length);
        if (n <= 0)
            break;
        length += (size_t)n;
    }
    (void)close(ends[0]);
    if (pid > 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    *ret_length = length;
    return text;
}

static void bundle_add_run(struct bundle *bundle, const char *name, const char *const words[])
{
    size_t length = 0;
    _cleanup_free_ char *text = bundle_run_for(words, &length);

    if (text && length > 0)
        bundle_add(bundle, name, text, length);
    else
        bundle_miss(bundle, name, "the program is not installed, or said nothing in time");
}

/* Names and addresses, as people read the maps; no map has text of a document in it. */
static void bundle_add_maps(struct bundle *bundle, const char *bpffs)
{
    static const char *const maps[] = {"aliases", "endpoints", "endpoint_stats", "tasks", "counters"};

    for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
        char name[64];
        _cleanup_free_ char *path = NULL;

        (void)snprintf(name, sizeof(name), "svcconnect/maps/%s.txt", maps[i]);
        if (asprintf(&path, "%s/maps/%s", bpffs, maps[i]) < 0) {
            path = NULL;
            bundle->result = -ENOMEM;
            return;
        }
        bundle_add_run(bundle, name, (const char *const[]){"bpftool", "map", "dump", "pinned", path, NULL});
    }
}

/* ---- how the daemon was started ---- */

/* A word of a command line that has a password in it is left out. */
static void add_command_line(struct bundle *bundle, const char *words, size_t length, char **ret_config)
{
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out) {
        bundle->result = -ENOMEM;
        return;
    }
    for (const char *word = words; word < words + length; word += strlen(word) + 1) {
        const char *next = word + strlen(word) + 1;

        (void)fputs(redact_has_login(word) ? "(left out)" : word, out);
        (void)fputc('\n', out);
        if (strncmp(word, "--config=", 9) == 0 || (strcmp(word, "--config") == 0 && next < words + length)) {
            free(*ret_config);
            *ret_config = strdup(word[8] == '=' ? word + 9 : next);
        }
    }
    if (fclose(out) == 0)
        bundle_add(bundle, "svcconnect/command-line.txt", text, size);
}

/* As it is in the file now; what a running daemon has may be older. */
static void add_configuration(struct bundle *bundle, uint64_t pid)
{
    static const char name[] = "svcconnect/configuration.json";
    _cleanup_free_ char *path = strdup("/etc/svcconnect/svcconnect.json");
    _cleanup_free_ char *words = NULL;
    _cleanup_free_ char *text = NULL;
    _cleanup_free_ char *printed = NULL;
    _cleanup_json_ cJSON *json = NULL;
    struct error error = {0};
    char command_line[64];
    size_t length = 0;
    int r;

    (void)snprintf(command_line, sizeof(command_line), "/proc/%llu/cmdline", (unsigned long long)pid);
    if (pid > 0 && file_read(command_line, 1 << 16, &words, &length) == 0)
        add_command_line(bundle, words, length, &path);
    r = path ? file_read(path, BUNDLE_PART, &text, &length) : -ENOMEM;
    if (r < 0) {
        bundle_miss(bundle, name, strerror(-r));
        return;
    }
    if (json_parse(path, text, length, &json, &error) < 0) {
        bundle_miss(bundle, name, "the file is no JSON");
        return;
    }
    redact(json);
    printed = cJSON_Print(json);
    if (printed)
        bundle_add(bundle, name, printed, strlen(printed));
}

/* ---- all of it ---- */

static void bundle_add_all(struct bundle *bundle)
{
    static const struct {
        const char *name, *path;
    } reads[] = {
        {"svcconnect/status.json", "/v1/status"},       {"svcconnect/services.json", "/v1/services"},
        {"svcconnect/endpoints.json", "/v1/endpoints"}, {"svcconnect/aliases.json", "/v1/aliases"},
        {"svcconnect/routes.json", "/v1/routes"},       {"svcconnect/tasks.json", "/v1/tasks"},
        {"svcconnect/hosts.json", "/v1/hosts"},         {"svcconnect/settings.json", "/v1/settings"},
        {"svcconnect/canaries.json", "/v1/canaries"},   {"svcconnect/containers.json", "/v1/containers"},
        {"svcconnect/events.json", "/v1/events"},       {"svcconnect/history.json", "/v1/history?limit=200"},
        {"svcconnect/metrics.txt", "/metrics"},
    };
    _cleanup_control_response_ struct control_response status = {0};
    struct error error = {0};
    const char *bpffs = "/sys/fs/bpf/svcconnect";

    for (size_t i = 0; i < ARRAY_SIZE(reads); i++)
        bundle_add_read(bundle, reads[i].name, reads[i].path);
    if (bundle_read(bundle, "/v1/status", &status, &error) == CONTROL_CLIENT_ANSWERED && status.json &&
        *text_member(text_child(status.json, "directories"), "bpffs"))
        bpffs = text_member(text_child(status.json, "directories"), "bpffs");
    add_configuration(bundle, text_number(status.json, "pid"));
    bundle_add_file(bundle, "svcconnect/host/kernel.txt", "/proc/version");
    bundle_add_file(bundle, "svcconnect/host/os-release.txt", "/etc/os-release");
    bundle_add_file(bundle, "svcconnect/host/mounts.txt", "/proc/self/mountinfo");
    bundle_add_file(bundle, "svcconnect/host/memory.txt", "/proc/meminfo");
    bundle_add_file(bundle, "svcconnect/host/pressure-cpu.txt", "/proc/pressure/cpu");
    bundle_add_run(bundle, "svcconnect/host/programs.txt",
                   (const char *const[]){"bpftool", "prog", "list", NULL});
    bundle_add_run(bundle, "svcconnect/host/cgroups.txt",
                   (const char *const[]){"bpftool", "cgroup", "tree", NULL});
    bundle_add_maps(bundle, bpffs);
}

static int say_bundled(const struct bundle *bundle, const char *file)
{
    _cleanup_json_ cJSON *json = NULL;

    if (!bundle->invocation->is_json) {
        (void)printf(
            "%s: %u files, %u of them only say why something is missing; names and addresses of services and "
            "tasks are in it, no keys, documents or commands\n",
            file, bundle->n, bundle->n_missing);
        return CLI_DONE;
    }
    json = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(json, "file", file);
    (void)cJSON_AddNumberToObject(json, "files", bundle->n);
    (void)cJSON_AddNumberToObject(json, "missing", bundle->n_missing);
    return api_print_json(bundle->invocation, json, NULL);
}

int command_bundle(const struct invocation *invocation)
{
    struct bundle bundle = {.invocation = invocation};
    char usual[64];
    const char *file = invocation->arguments[0];
    time_t now = time(NULL);
    struct tm parts;
    _cleanup_close_ int fd = -1;
    int r;

    (void)strftime(usual, sizeof(usual), "svcconnect-%Y%m%d-%H%M%S.tar.gz", gmtime_r(&now, &parts));
    file = file ? file : usual;
    fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return report_error(invocation, CLI_FAILED, "%s: %s", file, strerror(errno));
    r = tar_new(fd, now, &bundle.tar);
    if (r == 0) {
        bundle_add_all(&bundle);
        r = tar_finish(&bundle.tar);
    }
    r = bundle.result < 0 ? bundle.result : r;
    if (r < 0) {
        (void)unlink(file);
        return report_error(invocation, CLI_FAILED, "%s: %s", file, strerror(-r));
    }
    return say_bundled(&bundle, file);
}
