/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* events: one line each, written at once, so that it can be watched and piped. */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/follow.h"
#include "cli/list.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/width.h"

static enum text_colour colour_of(const char *kind)
{
    static const struct {
        const char *kind;
        enum text_colour colour;
    } colours[] = {
        {"EJECTED", TEXT_RED},     {"CONNECT_FAILED", TEXT_RED}, {"EVENTS_LOST", TEXT_RED},
        {"RETURNED", TEXT_GREEN},  {"DRAINED", TEXT_GREEN},      {"HEALTH", TEXT_YELLOW},
        {"DRAINING", TEXT_YELLOW}, {"CANARY", TEXT_YELLOW},      {"TASK", TEXT_DIM},
    };

    for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
        if (strcmp(kind, colours[i].kind) == 0)
            return colours[i].colour;
    return TEXT_PLAIN;
}

/* "namespace/service/instance" as far as there is one. */
static char *place_of(const cJSON *event)
{
    const char *service = text_member(event, "service");
    const char *instance = text_member(event, "instance");
    const char *namespace_name = text_member(event, "namespace");
    char *text;

    if (asprintf(&text, "%s%s%s%s%s", *namespace_name ? namespace_name : "-", *service ? "/" : "", service,
                 *instance ? "/" : "", instance) < 0)
        return NULL;
    return text;
}

/* One line for people, without its colour. NULL: no memory. `is_short`: the time of day alone. */
static char *events_line(const cJSON *event, bool is_short)
{
    uint64_t count = text_number(event, "count");
    const char *when = text_member(event, "time");
    const char *clock = strchr(when, 'T');
    _cleanup_free_ char *place = place_of(event);
    _cleanup_free_ char *line = NULL;
    char times[40] = "";

    if (count > 1)
        (void)snprintf(times, sizeof(times), ", %" PRIu64 " times", count);
    if (is_short && clock && strlen(clock) > 9)
        when = clock + 1;
    if (!place || asprintf(&line, "%.*s  %-14s  %s  %s%s", is_short ? 8 : 64, when,
                           text_member(event, "kind"), place, text_member(event, "message"), times) < 0)
        return NULL;
    return text_printable(line);
}

/* As much of the line as the terminal has room for; -o wide and a pipe have it whole. */
static void events_print_text(const struct invocation *invocation, const cJSON *event)
{
    size_t width = invocation->options[OPTION_WIDE] ? 0 : width_of_terminal();
    const char *kind = text_member(event, "kind");
    bool has_colour = text_wants_colour();
    _cleanup_free_ char *whole = events_line(event, width > 0);
    _cleanup_free_ char *line = whole && width ? width_cut(whole, width) : NULL;
    const char *text = line ? line : whole ? whole : "?";
    const char *found = has_colour ? strstr(text, kind) : NULL;
    int before = found ? (int)(found - text) : 0;

    if (found)
        (void)printf("%.*s%s%s%s%s\n", before, text, text_colour_code(colour_of(kind)), kind,
                     text_colour_code(TEXT_PLAIN), found + strlen(kind));
    else
        (void)puts(text);
}

/* All that --filter asks for: TEXT somewhere in the line, MEMBER=VALUE as a pattern of the shell. */
static bool events_matches(const struct invocation *invocation, const cJSON *event)
{
    _cleanup_free_ char *line = events_line(event, false);

    for (size_t i = 0; i < invocation->filter_count; i++) {
        const char *filter = invocation->filters[i];
        const char *equals = strchr(filter, '=');
        char name[16] = "";

        if (equals)
            (void)snprintf(name, sizeof(name), "%.*s", (int)(equals - filter), filter);
        if (equals ? fnmatch(equals + 1, text_member(event, name), FNM_CASEFOLD) != 0
                   : !line || !strcasestr(line, filter))
            return false;
    }
    return true;
}

/* A column that no event has would keep nothing, for ever. */
static int events_check_filters(const struct invocation *invocation)
{
    static const char *const members[] = {"kind", "namespace", "service", "instance", "message"};

    for (size_t i = 0; i < invocation->filter_count; i++) {
        const char *filter = invocation->filters[i];
        const char *equals = strchr(filter, '=');
        bool is_known = !equals;

        for (size_t m = 0; m < ARRAY_SIZE(members); m++)
            is_known = is_known || (strlen(members[m]) == (size_t)(equals - filter) &&
                                    strncmp(members[m], filter, strlen(members[m])) == 0);
        if (!is_known)
            return report_usage(
                invocation,
                "--filter: \"%.*s\" is no column; give one of: kind, namespace, service, instance, "
                "message",
                (int)(equals - filter), filter);
    }
    return CLI_DONE;
}

static bool events_is_failure(const cJSON *event)
{
    return colour_of(text_member(event, "kind")) == TEXT_RED;
}

/* To a file or the journal: whole, without colours. */
static int events_put(const struct invocation *invocation, const cJSON *event, struct outlet *outlet)
{
    _cleanup_free_ char *line = events_line(event, false);

    if (!line)
        return report_error(invocation, CLI_FAILED, "out of memory");
    return outlet_put(outlet, line, events_is_failure(event));
}

static int print_events(const struct invocation *invocation, const cJSON *answer, struct outlet *outlet)
{
    const cJSON *event;
    int status = CLI_DONE;

    cJSON_ArrayForEach (event, text_child(answer, "events")) {
        if (!events_matches(invocation, event))
            continue;
        if (invocation->is_json)
            status = outlet_put_json(outlet, event, events_is_failure(event));
        else if (outlet->kind != OUTLET_STDOUT)
            status = events_put(invocation, event, outlet);
        else
            events_print_text(invocation, event);
        if (status != CLI_DONE)
            return status;
        if (fflush(stdout) != 0)
            return CLI_FAILED; /* main() says why */
    }
    return CLI_DONE;
}

static int print_once(const struct invocation *invocation, struct outlet *outlet)
{
    _cleanup_control_response_ struct control_response response = {0};
    int status = api_get(invocation, "/v1/events", &response);

    if (status != CLI_DONE)
        return status;
    if (cJSON_GetArraySize(text_child(response.json, "events")) == 0)
        report_hint(invocation, "Nothing has happened since the daemon was started.");
    return print_events(invocation, response.json, outlet);
}

int command_events(const struct invocation *invocation)
{
    _cleanup_outlet_ struct outlet outlet = {0};
    const struct follow what = {
        .path = "/v1/events?settled=true", .what = "events", .print = print_events, .outlet = &outlet};
    int status = list_check_form(invocation);

    if (status == CLI_DONE)
        status = events_check_filters(invocation);
    if (status == CLI_DONE)
        status = outlet_open(invocation, &outlet);
    if (status != CLI_DONE)
        return status;
    return invocation->options[OPTION_FOLLOW] ? follow_until_interrupted(invocation, &what)
                                              : print_once(invocation, &outlet);
}
