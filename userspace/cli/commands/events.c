/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* events: one line each, written at once, so that it can be watched and piped. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/text.h"

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

static void events_print_text(const cJSON *event)
{
    const char *kind = text_member(event, "kind");
    uint64_t count = text_number(event, "count");
    bool has_colour = text_wants_colour();
    _cleanup_free_ char *place = place_of(event);
    _cleanup_free_ char *printable = place ? text_printable(place) : NULL;
    _cleanup_free_ char *message = text_printable(text_member(event, "message"));
    char times[40] = "";

    if (count > 1)
        (void)snprintf(times, sizeof(times), ", %" PRIu64 " times", count);
    (void)printf("%s  %s%-14s%s  %s  %s%s\n", text_member(event, "time"),
                 has_colour ? text_colour_code(colour_of(kind)) : "", kind,
                 has_colour ? text_colour_code(TEXT_PLAIN) : "", printable ? printable : "?",
                 message ? message : "?", times);
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
        if (invocation->is_json)
            events_print_json(event);
        else
            events_print_text(event);
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
    return invocation->options[OPTION_FOLLOW] ? follow(invocation) : print_once(invocation);
}
