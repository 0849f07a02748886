/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "runtimes/docker_lookup.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/fetch.h"
#include "runtimes/docker_json.h"

#define SINCE_S    600 /* between its creation and now; podman run takes less than one of them */
#define ANSWER_MAX (1024u + DOCKER_EVENT_MAX)

struct docker_lookup {
    struct fetch *fetch;
    struct evbuffer *answer;
    const char *runtime;
    char id[DOCKER_ID_MAX + 1];
    void (*done)(struct container *container, void *user);
    void *user;
};

static bool lookup_is_podman(const char *runtime)
{
    return strcmp(runtime, "podman") == 0;
}

static void lookup_free(struct docker_lookup *lookup)
{
    if (lookup->answer)
        evbuffer_free(lookup->answer);
    free(lookup);
}

static int lookup_on_piece(const char *bytes, size_t n, void *user)
{
    return evbuffer_add(((struct docker_lookup *)user)->answer, bytes, n) < 0 ? -ENOMEM : 0;
}

/* The last creation of this id; ids are not used twice. */
static struct container *lookup_read_events(struct docker_lookup *lookup)
{
    struct container *found = NULL;
    size_t length;
    char *line;

    while ((line = evbuffer_readln(lookup->answer, &length, EVBUFFER_EOL_LF))) {
        struct docker_event event = {.action = DOCKER_OTHER};
        struct error error = {0};

        if (length > 0 && docker_read_event(lookup->runtime, line, length, &event, &error) < 0)
            log_debug("%s: %s", lookup->runtime, error.message);
        free(line);
        if (event.container && strcmp(event.id, lookup->id) == 0) {
            container_free(&found);
            found = TAKE_PTR(event.container);
        }
        container_free(&event.container);
    }
    return found;
}

static struct container *lookup_read_list(struct docker_lookup *lookup)
{
    size_t length = evbuffer_get_length(lookup->answer);
    const char *text = (const char *)evbuffer_pullup(lookup->answer, -1);
    struct container *found = NULL;
    struct error error = {0};

    if (docker_read_listed(lookup->runtime, text ? text : "", length, lookup->id, &found, &error) < 0)
        log_debug("%s: %s", lookup->runtime, error.message);
    return found;
}

static void lookup_on_done(int result, long status, const char *reason, void *user)
{
    struct docker_lookup *lookup = user;
    struct container *found = NULL;

    if (result < 0 || status != 200)
        log_debug("%s: container %.12s: status %ld %s", lookup->runtime, lookup->id, status, reason);
    else if (lookup_is_podman(lookup->runtime))
        found = lookup_read_events(lookup);
    else
        found = lookup_read_list(lookup);
    lookup->done(found, lookup->user);
    lookup_free(lookup);
}

/* filters={"container":["ID"],"event":["create"]} and {"id":["ID"]} */
static void lookup_target(const char *runtime, const char *id, char *ret_target, size_t size)
{
    if (lookup_is_podman(runtime))
        (void)snprintf(ret_target, size,
                       "/events?stream=false&since=%lld&filters=%%7B%%22container%%22%%3A%%5B%%22%s%%22%%5D"
                       "%%2C%%22event%%22%%3A%%5B%%22create%%22%%5D%%7D",
                       (long long)clock_wall_s() - SINCE_S, id);
    else
        (void)snprintf(ret_target, size,
                       "/containers/json?all=1&filters=%%7B%%22id%%22%%3A%%5B%%22%s%%22%%5D%%7D", id);
}

int docker_lookup_start(const struct docker_lookup_request *request, struct docker_lookup **ret_lookup)
{
    char target[320];
    struct docker_lookup *lookup;
    struct fetch_request fetch = {.socket = request->socket,
                                  .target = target,
                                  .timeout_ms = request->timeout_ms,
                                  .max_bytes = ANSWER_MAX,
                                  .body_piece = lookup_on_piece,
                                  .done = lookup_on_done};
    int r;

    if (strlen(request->id) > DOCKER_ID_MAX || !*request->id ||
        request->id[strspn(request->id, "0123456789abcdef")])
        return -EINVAL;
    lookup = calloc(1, sizeof(*lookup));
    if (!lookup)
        return -ENOMEM;
    lookup->runtime = request->runtime;
    lookup->done = request->done;
    lookup->user = request->user;
    (void)snprintf(lookup->id, sizeof(lookup->id), "%s", request->id);
    lookup->answer = evbuffer_new();
    fetch.user = lookup;
    lookup_target(request->runtime, request->id, target, sizeof(target));
    r = lookup->answer ? fetch_start(request->fetcher, &fetch, &lookup->fetch) : -ENOMEM;
    if (r < 0) {
        lookup_free(lookup);
        return r;
    }
    *ret_lookup = lookup;
    return 0;
}

void docker_lookup_cancel(struct docker_lookup **lookup)
{
    if (!*lookup)
        return;
    fetch_cancel(&(*lookup)->fetch);
    lookup_free(*lookup);
    *lookup = NULL;
}
