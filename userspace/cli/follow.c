/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/report.h"

#define POLL_INTERVAL_MS  500
#define FOLLOW_TIMEOUT_MS 5000

struct follower {
    const struct invocation *invocation;
    const struct follow *what;
    uint64_t after; /* the last number seen */
    char epoch[64]; /* of the daemon that gave it; "": none yet */
    bool is_gone;   /* and that has been said */
    bool is_behind; /* the answer had not all that there is */
};

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
                           "the daemon was restarted, going on with its %s from the first",
                           follower->what->what);
        follower->after = 0;
    }
    return is_another;
}

static int follow_take_answer(struct follower *follower, const struct control_response *response)
{
    const struct invocation *invocation = follower->invocation;
    bool is_first = !follower->epoch[0];

    follower->is_gone = follower->is_behind = false;
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
                           "%s were overwritten before they could be read: too many at once",
                           follower->what->what);
    follower->after = text_number(response->json, "next");
    follower->is_behind = cJSON_IsFalse(cJSON_GetObjectItem(response->json, "isWhole"));
    return follower->what->print(invocation, response->json, follower->what->outlet);
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
    _cleanup_free_ char *query = NULL;
    int r;

    if (asprintf(&query, "%s%cafter=%" PRIu64, follower->what->path,
                 strchr(follower->what->path, '?') ? '&' : '?', follower->after) < 0)
        query = NULL;
    path = query ? api_narrow(invocation, query) : NULL;
    if (!path)
        return report_error(invocation, CLI_FAILED, "out of memory");
    request.path = path;
    r = control_client_request(&request, &response, &error);
    if (r == CONTROL_CLIENT_ANSWERED)
        return follow_take_answer(follower, &response);
    if (r == CONTROL_CLIENT_UNREACHABLE && !follower->epoch[0])
        return report_unreachable(invocation, error.number);
    if (r < 0 && !follower->epoch[0])
        return report_error(invocation, CLI_FAILED, "%s", error.message);
    say_gone(follower, r < 0 ? error.message : strerror(error.number));
    return CLI_DONE;
}

/* False: whoever read the output has gone. */
static bool pause_between(const struct outlet *outlet)
{
    struct pollfd output = {.fd = outlet->kind == OUTLET_STDOUT ? STDOUT_FILENO : -1};

    return poll(&output, 1, POLL_INTERVAL_MS) <= 0;
}

int follow_until_interrupted(const struct invocation *invocation, const struct follow *what)
{
    const struct sigaction interrupt = {.sa_handler = on_interrupt};
    struct follower follower = {.invocation = invocation, .what = what};
    int status;

    (void)sigaction(SIGINT, &interrupt, NULL);
    do {
        status = poll_daemon(&follower);
    } while (status == CLI_DONE && (follower.is_behind || pause_between(what->outlet)));
    return status;
}
