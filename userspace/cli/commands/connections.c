/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* connections: one line for each connection that has ended and was logged, or that ends from now on. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/arguments.h"
#include "cli/commands/commands.h"
#include "cli/follow.h"
#include "cli/list.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/width.h"

/* "web", "/cgroup/of/a/task", and in brackets whose process it was. */
static char *connections_client(const cJSON *item)
{
    const char *client = text_member(item, "client"), *cgroup = text_member(item, "cgroup");
    const char *name = *client ? client : *cgroup ? cgroup : "-";
    char *text = NULL;

    int length = cJSON_GetObjectItem(item, "pid")
                     ? asprintf(&text, "%s (%s %" PRIu64 ")", name, text_member(item, "process"),
                                text_number(item, "pid"))
                     : asprintf(&text, "%s", name);

    return length < 0 ? NULL : text;
}

/* Nothing but an alias that was dialled: it was refused before it led anywhere. */
static bool connections_is_alias_alone(const cJSON *item)
{
    return cJSON_GetObjectItem(item, "aliasPort") && !*text_member(item, "service") &&
           strcmp(text_member(item, "address"), text_member(item, "aliasAddress")) == 0;
}

/* "backend:80 -> v1/a 10.0.0.1:8080"; what is not known is left out. */
static char *connections_way(const cJSON *item)
{
    const char *alias = text_member(item, "alias"), *address = text_member(item, "address");
    const char *service = text_member(item, "service"), *instance = text_member(item, "instance");
    bool is_v6 = strchr(address, ':') != NULL;
    _cleanup_free_ char *dialled = NULL;
    char *text = NULL;

    if (cJSON_GetObjectItem(item, "aliasPort") &&
        asprintf(&dialled, "%s:%" PRIu64 "%s", *alias ? alias : text_member(item, "aliasAddress"),
                 text_number(item, "aliasPort"), connections_is_alias_alone(item) ? "" : " -> ") < 0)
        return NULL;
    if (connections_is_alias_alone(item))
        return TAKE_PTR(dialled);
    if (asprintf(&text, "%s%s%s%s%s%s%s%s:%" PRIu64, dialled ? dialled : "", service, *service ? "/" : "",
                 instance, *service ? " " : "", is_v6 ? "[" : "", address, is_v6 ? "]" : "",
                 text_number(item, "port")) < 0)
        return NULL;
    return text;
}

/* "  NAME 0.05ms", if it is known. */
static void connections_time(const cJSON *item, const char *member, const char *name, char text[static 48])
{
    const cJSON *time = cJSON_GetObjectItem(item, member);

    text[0] = '\0';
    if (cJSON_IsNumber(time))
        (void)snprintf(text, 48, "  %s %.2fms", name, cJSON_GetNumberValue(time) / 1000);
}

/* " 12.3ms", " 100/3000 bytes", " rtt 0.05ms", " first 20.1ms", as far as they are known. */
static char *connections_figures(const cJSON *item)
{
    const cJSON *lasted = cJSON_GetObjectItem(item, "milliseconds");
    char duration[48] = "", round_trip[48], first[48];
    char *text = NULL;

    if (cJSON_IsNumber(lasted))
        (void)snprintf(duration, sizeof(duration), "  %.1fms", cJSON_GetNumberValue(lasted));
    connections_time(item, "roundTripMicroseconds", "rtt", round_trip);
    connections_time(item, "firstByteMicroseconds", "first", first);
    if (asprintf(&text, "%s  %" PRIu64 "/%" PRIu64 " bytes%s%s", duration, text_number(item, "bytesSent"),
                 text_number(item, "bytesReceived"), round_trip, first) < 0)
        return NULL;
    return text;
}

static char *connections_line(const cJSON *item)
{
    _cleanup_free_ char *client = connections_client(item);
    _cleanup_free_ char *way = connections_way(item);
    _cleanup_free_ char *figures = connections_figures(item);
    _cleanup_free_ char *line = NULL;

    if (!client || !way || !figures ||
        asprintf(&line, "%s  %-10s  %s  %s%s%s%s", text_member(item, "time"), text_member(item, "outcome"),
                 client, way, figures, *text_member(item, "reason") ? "  " : "",
                 text_member(item, "reason")) < 0)
        return NULL;
    return text_printable(line);
}

static void connections_print_text(const struct invocation *invocation, const cJSON *item)
{
    size_t width = invocation->options[OPTION_WIDE] ? 0 : width_of_terminal();
    _cleanup_free_ char *whole = connections_line(item);
    _cleanup_free_ char *line = whole && width ? width_cut(whole, width) : NULL;
    bool is_red = text_wants_colour() && strcmp(text_member(item, "outcome"), "closed") != 0;

    (void)printf("%s%s%s\n", is_red ? text_colour_code(TEXT_RED) : "",
                 line    ? line
                 : whole ? whole
                         : "?",
                 is_red ? text_colour_code(TEXT_PLAIN) : "");
}

/* To a file or the journal: whole, without colours. */
static int connections_put(const struct invocation *invocation, const cJSON *item, struct outlet *outlet)
{
    _cleanup_free_ char *line = connections_line(item);

    if (!line)
        return report_error(invocation, CLI_FAILED, "out of memory");
    return outlet_put(outlet, line, strcmp(text_member(item, "outcome"), "closed") != 0);
}

static int print_connections(const struct invocation *invocation, const cJSON *answer, struct outlet *outlet)
{
    const cJSON *item;
    int status = CLI_DONE;

    cJSON_ArrayForEach (item, text_child(answer, "connections")) {
        if (invocation->is_json)
            status = outlet_put_json(outlet, item, strcmp(text_member(item, "outcome"), "closed") != 0);
        else if (outlet->kind != OUTLET_STDOUT)
            status = connections_put(invocation, item, outlet);
        else
            connections_print_text(invocation, item);
        if (status != CLI_DONE)
            return status;
        if (fflush(stdout) != 0)
            return CLI_FAILED; /* main() says why */
    }
    return CLI_DONE;
}

static void connections_tell_empty(const struct invocation *invocation, const cJSON *answer)
{
    const char *log = text_member(answer, "log");

    if (strcmp(log, "off") == 0)
        report_hint(invocation, "No connection is logged: the daemon's setting connectionLog is off.");
    else
        report_hint(
            invocation,
            "No such connection was logged since the daemon was started; its setting connectionLog is %s.",
            log);
}

/* Some at a time, until that were all. */
static int connections_print_once(const struct invocation *invocation, const char *path,
                                  struct outlet *outlet)
{
    bool is_whole = false;
    uint64_t after = 0, n = 0;
    int status = CLI_DONE;

    while (status == CLI_DONE && !is_whole) {
        _cleanup_control_response_ struct control_response response = {0};
        _cleanup_free_ char *page = NULL;

        if (asprintf(&page, "%s&after=%" PRIu64, path, after) < 0)
            return report_error(invocation, CLI_FAILED, "out of memory");
        status = api_get(invocation, page, &response);
        if (status != CLI_DONE)
            return status;
        status = print_connections(invocation, response.json, outlet);
        n += (uint64_t)cJSON_GetArraySize(text_child(response.json, "connections"));
        is_whole = text_is_true(response.json, "isWhole");
        after = text_number(response.json, "next");
        if (is_whole && n == 0)
            connections_tell_empty(invocation, response.json);
    }
    return status;
}

/* What is asked for, as a query. The caller frees it; NULL with the exit status of what is wrong. */
static char *connections_path(const struct invocation *invocation, int *ret_status)
{
    const char *slow = invocation->options[OPTION_SLOW];
    uint64_t milliseconds;
    char *path = NULL;
    size_t size = 0;
    FILE *out;

    if (slow && argument_number(slow, &milliseconds) < 0) {
        *ret_status = report_usage(invocation, ARGUMENT_NO_NUMBER, "slow", slow);
        return NULL;
    }
    *ret_status = CLI_FAILED;
    out = open_memstream(&path, &size);
    if (!out)
        return NULL;
    (void)fprintf(out, "/v1/connections?failed=%s", invocation->options[OPTION_FAILED] ? "true" : "false");
    api_add_query(out, '&', "slow", slow);
    api_add_query(out, '&', "service", invocation->options[OPTION_SERVICE]);
    api_add_query(out, '&', "client", invocation->options[OPTION_CLIENT]);
    if (fclose(out) != 0) {
        free(path);
        return NULL;
    }
    return path;
}

int command_connections(const struct invocation *invocation)
{
    int status = list_check_form(invocation);
    _cleanup_free_ char *path = status == CLI_DONE ? connections_path(invocation, &status) : NULL;
    _cleanup_outlet_ struct outlet outlet = {0};
    const struct follow what = {
        .path = path, .what = "connections", .print = print_connections, .outlet = &outlet};

    if (path)
        status = outlet_open(invocation, &outlet);
    if (status != CLI_DONE)
        return status;
    return invocation->options[OPTION_FOLLOW] ? follow_until_interrupted(invocation, &what)
                                              : connections_print_once(invocation, path, &outlet);
}
