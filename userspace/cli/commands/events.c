/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* events: one line each, written at once, so that it can be watched and piped. */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/list.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/width.h"

#define POLL_INTERVAL_MS  500
#define FOLLOW_TIMEOUT_MS 5000

struct follower {
    const struct invocation *invocation;
    uint64_t after; /* the last number seen */
    char epoch[64]; /* of the daemon that gave it; "": none yet */
    bool is_gone;   /* and that has been said */
};

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

/* JSON Lines: the same on a terminal as in a pipe. */
static void events_print_json(const cJSON *event)
{
    char *text = cJSON_PrintUnformatted(event);

    if (text)
        (void)puts(text);
    cJSON_free(text);
}

static int print_events(const struct invocation *invocation, const cJSON *answer)
{
    const cJSON *event;

    cJSON_ArrayForEach (event, text_child(answer, "events")) {
        if (!events_matches(invocation, event))
            continue;
        if (invocation->is_json)
            events_print_json(event);
        else
            events_print_text(invocation, event);
        if (fflush(stdout) != 0)
            return CLI_FAILED; /* main() says why */
    }
    return CLI_DONE;
}

static int print_once(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    int status = api_get(invocation, "/v1/events", &response);

    if (status != CLI_DONE)
        return status;
    if (cJSON_GetArraySize(text_child(response.json, "events")) == 0)
        report_hint(invocation, "Nothing has happened since the daemon was started.");
    return print_events(invocation, response.json);
}

/* Everything printed has been flushed, and nothing is held but what the kernel takes back. */
static void on_interrupt(int number)
{
    (void)number;
    _exit(CLI_DONE);
}

static void say_gone(struct follower *follower, const char *why)
{
    if (!follower->is_gone)
        (void)report_error(follower->invocation, CLI_DONE, "the daemon has gone (%s), waiting for it", why);
    follower->is_gone = true;
}

/* A change of epoch: its numbers have begun anew, and what it answered was by the old ones. */
static bool is_another_daemon(struct follower *follower, const char *epoch)
{
    bool is_another = follower->epoch[0] && strcmp(follower->epoch, epoch) != 0;

    (void)snprintf(follower->epoch, sizeof(follower->epoch), "%s", epoch);
    if (is_another) {
        (void)report_error(follower->invocation, CLI_DONE,
                           "the daemon was restarted, going on with its events from the first");
        follower->after = 0;
    }
    return is_another;
}

static int events_take_answer(struct follower *follower, const struct control_response *response)
{
    const struct invocation *invocation = follower->invocation;
    bool is_first = !follower->epoch[0];

    follower->is_gone = false;
    if (response->status >= 400)
        return report_refusal(invocation, response->status, response->json);
    if (!cJSON_IsObject(response->json) || !*text_member(response->json, "epoch"))
        return report_error(invocation, CLI_FAILED,
                            "what answers on %s is no svcconnect daemon of this version",
                            invocation->socket_path);
    if (is_another_daemon(follower, text_member(response->json, "epoch")))
        return CLI_DONE;
    if (!is_first && text_is_true(response->json, "lost"))
        (void)report_error(invocation, CLI_DONE,
                           "events were overwritten before they could be read: too many at once");
    follower->after = text_number(response->json, "next");
    return print_events(invocation, response->json);
}

/* One request. An absent daemon is waited for, unless it was never there. */
static int poll_daemon(struct follower *follower)
{
    const struct invocation *invocation = follower->invocation;
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_free_ char *path = NULL;
    struct control_request request = {
        .socket_path = invocation->socket_path, .method = "GET", .timeout_ms = FOLLOW_TIMEOUT_MS};
    struct error error = {0};
    char query[80];
    int r;

    (void)snprintf(query, sizeof(query), "/v1/events?settled=true&after=%" PRIu64, follower->after);
    path = api_narrow(invocation, query);
    if (!path)
        return report_error(invocation, CLI_FAILED, "out of memory");
    request.path = path;
    r = control_client_request(&request, &response, &error);
    if (r == CONTROL_CLIENT_ANSWERED)
        return events_take_answer(follower, &response);
    if (r == CONTROL_CLIENT_UNREACHABLE && !follower->epoch[0])
        return report_unreachable(invocation, error.number);
    if (r < 0 && !follower->epoch[0])
        return report_error(invocation, CLI_FAILED, "%s", error.message);
    say_gone(follower, r < 0 ? error.message : strerror(error.number));
    return CLI_DONE;
}

/* False: whoever read the output has gone. */
static bool pause_between(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO};

    return poll(&output, 1, POLL_INTERVAL_MS) <= 0;
}

static int follow(const struct invocation *invocation)
{
    const struct sigaction interrupt = {.sa_handler = on_interrupt};
    struct follower follower = {.invocation = invocation};
    int status;

    (void)sigaction(SIGINT, &interrupt, NULL);
    do {
        status = poll_daemon(&follower);
    } while (status == CLI_DONE && pause_between());
    return status;
}

int command_events(const struct invocation *invocation)
{
    int status = list_check_form(invocation);

    if (status == CLI_DONE)
        status = events_check_filters(invocation);
    if (status != CLI_DONE)
        return status;
    return invocation->options[OPTION_FOLLOW] ? follow(invocation) : print_once(invocation);
}
