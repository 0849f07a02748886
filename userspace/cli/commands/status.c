/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* status: the daemon's status document in, a block to read out. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/text.h"

static void print_label(const char *label)
{
    (void)printf("%-12s ", label);
}

static void print_state(const cJSON *status)
{
    const char *state = text_member(status, "state");
    bool is_ok = strcmp(state, "ok") == 0;
    bool has_colour = text_wants_colour();
    const cJSON *sentence;

    print_label("state");
    (void)printf("%s%s%s\n", has_colour ? text_colour_code(is_ok ? TEXT_GREEN : TEXT_YELLOW) : "", state,
                 has_colour ? text_colour_code(TEXT_PLAIN) : "");
    cJSON_ArrayForEach (sentence, text_child(status, "degraded")) {
        print_label("");
        (void)printf("%s\n", cJSON_IsString(sentence) ? sentence->valuestring : "");
    }
}

static void print_uptime(uint64_t seconds)
{
    if (seconds >= 86400)
        (void)printf("%" PRIu64 " d %" PRIu64 " h", seconds / 86400, seconds / 3600 % 24);
    else if (seconds >= 3600)
        (void)printf("%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds / 60 % 60);
    else if (seconds >= 60)
        (void)printf("%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
    else
        (void)printf("%" PRIu64 " s", seconds);
}

static void print_identity(const cJSON *status)
{
    const cJSON *registry = text_child(status, "registry");
    const cJSON *kernel = text_child(status, "kernel");

    print_label("daemon");
    (void)printf("svcconnectd %s, pid %" PRIu64 ", up ", text_member(status, "version"),
                 text_number(status, "pid"));
    print_uptime(text_number(status, "uptimeSeconds"));
    (void)putchar('\n');
    print_label("kernel");
    (void)printf("%s%s\n", text_member(kernel, "release"),
                 text_is_true(kernel, "setRetval") ? "" : ", answers EPERM where there is no endpoint");
    print_label("registry");
    (void)printf("%s %s, revision %" PRIu64 "\n", text_member(registry, "type"),
                 text_member(registry, "path"), text_number(registry, "revision"));
    print_label("alias range");
    (void)printf("%s %s\n", text_member(status, "aliasRange"), text_member(status, "aliasRange6"));
}

static void print_counts(const cJSON *status)
{
    static const struct {
        const char *member;
        const char *one;
    } kinds[] = {
        {"namespaces", "namespace"}, {"services", "service"}, {"instances", "instance"},
        {"aliases", "alias"},        {"tasks", "task"},
    };

    print_label("holds");
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        uint64_t count = text_number(status, kinds[i].member);

        (void)printf("%s%" PRIu64 " %s", i ? ", " : "", count, count == 1 ? kinds[i].one : kinds[i].member);
    }
    (void)putchar('\n');
}

/* A source is a file name and its message may quote the file: neither may command the terminal. */
static void print_failed(const cJSON *failed, bool has_colour)
{
    _cleanup_free_ char *source = text_printable(text_member(failed, "source"));
    _cleanup_free_ char *message = text_printable(text_member(failed, "message"));

    if (!source || !message)
        return;
    print_label("");
    (void)printf("%sfailed: %s: %s%s\n", has_colour ? text_colour_code(TEXT_YELLOW) : "", source, message,
                 has_colour ? text_colour_code(TEXT_PLAIN) : "");
}

static void print_documents(const cJSON *status)
{
    const cJSON *documents = text_child(status, "documents");
    const cJSON *list = text_child(documents, "failed");
    bool has_colour = text_wants_colour();
    const cJSON *failed;

    if (!documents)
        return;
    print_label("documents");
    (void)printf("%" PRIu64 " in force", text_number(documents, "count"));
    if (cJSON_GetArraySize(list) > 0)
        (void)printf(", %d failed", cJSON_GetArraySize(list));
    (void)putchar('\n');
    cJSON_ArrayForEach (failed, list) {
        print_failed(failed, has_colour);
    }
}

static void print_names(const cJSON *status)
{
    const cJSON *names = text_child(status, "externalNames");
    uint64_t count = text_number(names, "count");

    if (count == 0)
        return;
    print_label("host names");
    (void)printf("%" PRIu64 ", %" PRIu64 " failing, %" PRIu64 " without an address\n", count,
                 text_number(names, "failing"), text_number(names, "unresolved"));
}

static void print_runtimes(const cJSON *status)
{
    const cJSON *runtimes = text_child(status, "containerRuntimes");
    const cJSON *host = text_child(runtimes, "hostAddress");
    uint64_t count = text_number(runtimes, "count");

    if (count == 0)
        return;
    print_label("runtimes");
    (void)printf("%" PRIu64 " of containers, %" PRIu64 " connected\n", count,
                 text_number(runtimes, "connected"));
    print_label("host network");
    if (*text_member(host, "address"))
        (void)printf("%s (%s)\n", text_member(host, "address"), text_member(host, "from"));
    else
        (void)printf("no address: containers on it serve nobody\n");
}

static void print_loop(const cJSON *status)
{
    const cJSON *p99 = text_child(text_child(status, "loop"), "lagP99Ms");
    const cJSON *most = text_child(text_child(status, "loop"), "lagMaxMs");

    if (!cJSON_IsNumber(p99) || !cJSON_IsNumber(most))
        return;
    print_label("event loop");
    (void)printf("at most %.3g ms late 99 %% of the time, %.3g ms at the worst\n", p99->valuedouble,
                 most->valuedouble);
}

static void print_counters(const cJSON *status)
{
    static const struct {
        const char *member;
        const char *words;
    } reasons[] = {
        {"hit", "to an alias"},
        {"miss", "to port 53, and to no alias"},
        {"noEndpoint", "refused: no endpoint"},
        {"noAlias", "refused: no alias at an alias address"},
        {"policy", "refused: the task may not call that service"},
        {"policyAudited", "not refused yet: it may not call that service, but policyMode is audit"},
        {"retried", "looked up again"},
        {"inconsistent", "refused: inconsistent read"},
        {"redrawn", "drawn again: the first draw was ejected"},
        {"allEjected", "to an ejected endpoint, for want of others"},
        {"saved", "drawn again: nobody listened there, on this host"},
    };
    const cJSON *counters = text_child(status, "counters");
    const cJSON *writes = text_child(status, "writes");

    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        print_label(i ? "" : "connects");
        (void)printf("%10" PRIu64 "  %s\n", text_number(counters, reasons[i].member), reasons[i].words);
    }
    print_label("writes");
    (void)printf("%10" PRIu64 "  to kernel maps since start\n", text_number(writes, "maps"));
    print_label("");
    (void)printf("%10" PRIu64 "  adopted from an earlier run\n", text_number(writes, "adopted"));
}

static void print_health(const cJSON *status)
{
    const cJSON *health = text_child(status, "health");

    print_label("checks");
    (void)printf("%" PRIu64 " endpoints, %" PRIu64 " probes, %" PRIu64 " failed\n",
                 text_number(health, "targets"), text_number(health, "probes"),
                 text_number(health, "failed"));
}

static void print_maps(const cJSON *status)
{
    bool is_first = true;
    const cJSON *map;

    cJSON_ArrayForEach (map, text_child(status, "maps")) {
        uint64_t used = text_number(map, "used");
        uint64_t max = text_number(map, "max");
        char amount[48];

        (void)snprintf(amount, sizeof(amount), "%" PRIu64 "/%" PRIu64, used, max);
        print_label(is_first ? "maps" : "");
        (void)printf("%-12s %15s  %.1f %%\n", text_member(map, "name"), amount,
                     max ? 100.0 * (double)used / (double)max : 0.0);
        is_first = false;
    }
}

static void print_directories(const cJSON *status)
{
    const cJSON *directories = text_child(status, "directories");
    const cJSON *directory;

    cJSON_ArrayForEach (directory, directories) {
        print_label(directory == directories->child ? "directories" : "");
        (void)printf("%-12s %s\n", directory->string ? directory->string : "",
                     cJSON_IsString(directory) ? directory->valuestring : "-");
    }
}

int command_status(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    int status = api_read(invocation, "/v1/status", &response);

    if (status == CLI_DONE && invocation->options[OPTION_CHECK]) {
        if (!invocation->is_json)
            print_state(response.json);
        return strcmp(text_member(response.json, "state"), "ok") == 0 ? CLI_DONE : CLI_FAILED;
    }
    if (status != CLI_DONE || invocation->is_json)
        return status;
    print_state(response.json);
    print_identity(response.json);
    print_counts(response.json);
    print_runtimes(response.json);
    print_names(response.json);
    print_documents(response.json);
    print_health(response.json);
    print_loop(response.json);
    print_counters(response.json);
    print_maps(response.json);
    print_directories(response.json);
    return CLI_DONE;
}
