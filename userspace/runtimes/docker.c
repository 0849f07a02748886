/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One runtime, from its first connection to its end. Long because the stream, the list and the answers about single containers
 * decide together what is asked for next.
 */
#include "runtimes/docker.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/clock.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "http/fetch.h"

#define ANSWER_MS    15000u
#define RESYNC_MS    60000u
#define AT_ONCE      4 /* containers that are asked for */
#define RETRY_MIN_MS 200u
#define RETRY_MAX_MS 5000u
#define LINES_MAX    (4u * DOCKER_EVENT_MAX) /* that have come and not been read yet */

/* A container that is to be asked for. */
struct asked {
    char id[DOCKER_ID_MAX + 1];
    struct docker *docker;
    struct fetch *fetch; /* NULL: it waits for its turn */
    struct evbuffer *answer;
    bool is_again;     /* something has happened since */
    UT_hash_handle hh; /* by id, in the order in which they came */
};

struct docker {
    struct docker_settings settings;
    struct fetch *events;
    struct fetch *list;
    struct evbuffer *line; /* of the stream, what has no end yet */
    struct evbuffer *list_answer;
    struct asked *asked;
    unsigned n_fetches;
    struct event *retry; /* to connect */
    struct event *read;  /* lines that have come, outside of libcurl's calls */
    struct event *resync;
    uint32_t retry_ms;
    bool is_connected;
    bool is_skipping; /* the rest of an event that is too long */
    bool is_settling; /* listed, and not all of them have been asked for */
};

static void docker_connect(struct docker *docker);

const char *docker_runtime(const struct docker *docker)
{
    return docker->settings.runtime;
}

static void docker_tell_connection(struct docker *docker, bool is_connected, const char *reason)
{
    docker->is_connected = is_connected;
    docker->settings.connection(docker, is_connected, reason, docker->settings.user);
}

/* What was asked for is of no use any more: all of it is listed anew. */
static void docker_disconnect(struct docker *docker)
{
    struct asked *asked;
    struct asked *next;

    docker->is_skipping = false;
    fetch_cancel(&docker->events);
    fetch_cancel(&docker->list);
    HASH_ITER (hh, docker->asked, asked, next) {
        HASH_DEL(docker->asked, asked);
        fetch_cancel(&asked->fetch);
        evbuffer_free(asked->answer);
        free(asked);
    }
    docker->n_fetches = 0;
    docker->is_settling = false;
    (void)evbuffer_drain(docker->line, evbuffer_get_length(docker->line));
    (void)evbuffer_drain(docker->list_answer, evbuffer_get_length(docker->list_answer));
}

static void docker_try_later(struct docker *docker, const char *reason)
{
    struct timeval pause = {.tv_sec = docker->retry_ms / 1000, .tv_usec = docker->retry_ms % 1000 * 1000};

    docker_disconnect(docker);
    docker_tell_connection(docker, false, reason);
    docker->retry_ms = docker->retry_ms * 2 < RETRY_MAX_MS ? docker->retry_ms * 2 : RETRY_MAX_MS;
    (void)event_add(docker->retry, &pause);
}

/* ---- one container ---- */

static void docker_ask_next(struct docker *docker);

static int docker_on_answer_piece(const char *bytes, size_t n, void *user)
{
    return evbuffer_add(((struct asked *)user)->answer, bytes, n) < 0 ? -ENOMEM : 0;
}

static void docker_take_answer(struct docker *docker, struct asked *asked)
{
    size_t length = evbuffer_get_length(asked->answer);
    const char *text = (const char *)evbuffer_pullup(asked->answer, -1);
    struct container *container;
    struct error error = {0};

    if (docker_read_inspect(docker->settings.runtime, text ? text : "", length, &container, &error) < 0) {
        log_warning("%s: container %.12s: %s", docker->settings.runtime, asked->id, error.message);
        docker->settings.unread(docker, asked->id, docker->settings.user);
    } else {
        docker->settings.put(container, docker->settings.user);
    }
}

static void docker_tell_settled(struct docker *docker)
{
    if (!docker->is_settling || docker->asked)
        return;
    docker->is_settling = false;
    docker->settings.settled(docker, docker->settings.user);
}

static void docker_on_answer(int result, long status, const char *reason, void *user)
{
    struct asked *asked = user;
    struct docker *docker = asked->docker;

    asked->fetch = NULL;
    docker->n_fetches--;
    if (asked->is_again) {
        asked->is_again = false;
        (void)evbuffer_drain(asked->answer, evbuffer_get_length(asked->answer));
        docker_ask_next(docker);
        return;
    }
    HASH_DEL(docker->asked, asked);
    if (result == 0 && status == 200)
        docker_take_answer(docker, asked);
    else if (result == 0 && status == 404)
        docker->settings.gone(asked->id, docker->settings.user);
    else {
        log_warning("%s: container %.12s: status %ld %s", docker->settings.runtime, asked->id, status,
                    reason);
        docker->settings.unread(docker, asked->id, docker->settings.user);
    }
    evbuffer_free(asked->answer);
    free(asked);
    docker_ask_next(docker);
    docker_tell_settled(docker);
}

static void docker_ask_next(struct docker *docker)
{
    struct asked *asked;
    struct asked *next;

    HASH_ITER (hh, docker->asked, asked, next) {
        char target[DOCKER_ID_MAX + 32];
        struct fetch_request request = {.socket = docker->settings.socket,
                                        .target = target,
                                        .timeout_ms = ANSWER_MS,
                                        .max_bytes = DOCKER_INSPECT_MAX,
                                        .body_piece = docker_on_answer_piece,
                                        .done = docker_on_answer,
                                        .user = asked};

        if (docker->n_fetches == AT_ONCE)
            return;
        if (asked->fetch)
            continue;
        (void)snprintf(target, sizeof(target), "/containers/%s/json", asked->id);
        if (fetch_start(docker->settings.fetcher, &request, &asked->fetch) < 0)
            return; /* the next resync asks again */
        docker->n_fetches++;
    }
}

static void docker_ask(struct docker *docker, const char *id)
{
    struct asked *asked;

    HASH_FIND_STR(docker->asked, id, asked);
    if (asked) {
        asked->is_again = asked->fetch != NULL;
        return;
    }
    asked = calloc(1, sizeof(*asked));
    if (!asked)
        return;
    asked->docker = docker;
    (void)snprintf(asked->id, sizeof(asked->id), "%s", id);
    asked->answer = evbuffer_new();
    if (!asked->answer) {
        free(asked);
        return;
    }
    HASH_ADD_STR(docker->asked, id, asked);
    docker_ask_next(docker);
}

/* ---- all of them ---- */

static int docker_on_list_piece(const char *bytes, size_t n, void *user)
{
    return evbuffer_add(((struct docker *)user)->list_answer, bytes, n) < 0 ? -ENOMEM : 0;
}

static void docker_on_list(int result, long status, const char *reason, void *user)
{
    struct docker *docker = user;
    size_t length = evbuffer_get_length(docker->list_answer);
    const char *text = (const char *)evbuffer_pullup(docker->list_answer, -1);
    char(*ids)[DOCKER_ID_MAX + 1] = NULL;
    struct error error = {0};
    size_t n = 0;

    docker->list = NULL;
    if (result < 0 || status != 200) {
        char sentence[300];

        (void)snprintf(sentence, sizeof(sentence), "status %ld %s", status, reason);
        docker_try_later(docker, result < 0 ? reason : sentence);
        return;
    }
    if (docker_read_list(text ? text : "", length, &ids, &n, &error) < 0) {
        docker_try_later(docker, error.message);
        return;
    }
    (void)evbuffer_drain(docker->list_answer, length);
    if (!docker->is_connected)
        docker_tell_connection(docker, true, "");
    docker->retry_ms = RETRY_MIN_MS;
    docker->settings.listed(docker, ids, n, docker->settings.user);
    for (size_t i = 0; i < n; i++)
        docker_ask(docker, ids[i]);
    free(ids);
    docker->is_settling = true;
    docker_tell_settled(docker);
}

static void docker_list(struct docker *docker)
{
    struct fetch_request request = {.socket = docker->settings.socket,
                                    .target = "/containers/json?all=1",
                                    .timeout_ms = ANSWER_MS,
                                    .max_bytes = DOCKER_LIST_MAX,
                                    .body_piece = docker_on_list_piece,
                                    .done = docker_on_list,
                                    .user = docker};

    if (docker->list)
        return;
    docker->settings.listing(docker, docker->settings.user);
    if (fetch_start(docker->settings.fetcher, &request, &docker->list) < 0)
        docker_try_later(docker, "no memory");
}

static void docker_on_resync(evutil_socket_t fd, short what, void *user)
{
    struct docker *docker = user;

    (void)fd;
    (void)what;
    if (docker->is_connected)
        docker_list(docker);
}

/* ---- events ---- */

static void docker_take_event(struct docker *docker, const char *text, size_t length)
{
    struct docker_event event;
    struct error error = {0};

    if (docker_read_event(docker->settings.runtime, text, length, &event, &error) < 0) {
        log_warning("%s: %s", docker->settings.runtime, error.message);
        return;
    }
    switch (event.action) {
    case DOCKER_CREATED:
        docker->settings.put(event.container, docker->settings.user);
        break;
    case DOCKER_CHANGED:
        docker_ask(docker, event.id);
        break;
    case DOCKER_ENDING:
        docker->settings.ending(event.id, docker->settings.user);
        break;
    case DOCKER_DESTROYED:
        docker->settings.gone(event.id, docker->settings.user);
        break;
    case DOCKER_OTHER:
        break;
    }
}

/* Within libcurl's call nothing can be asked for. */
static int docker_on_event_piece(const char *bytes, size_t n, void *user)
{
    struct docker *docker = user;

    if (docker->is_skipping) {
        const char *end = memchr(bytes, '\n', n);

        if (!end)
            return 0;
        docker->is_skipping = false;
        n -= (size_t)(end + 1 - bytes);
        bytes = end + 1;
    }
    if (evbuffer_add(docker->line, bytes, n) < 0)
        return -ENOMEM;
    event_active(docker->read, 0, 0);
    return evbuffer_get_length(docker->line) > LINES_MAX ? -EMSGSIZE : 0;
}

/*
 * Events have all labels of their container, which are as many as somebody likes. What is said of that one is lost
 * and looked up; to lose the stream would keep the names of all others waiting.
 */
static void docker_skip_event(struct docker *docker)
{
    log_warning("%s: an event is longer than %u bytes (very many labels?): all containers are listed instead",
                docker->settings.runtime, DOCKER_EVENT_MAX);
    (void)evbuffer_drain(docker->line, evbuffer_get_length(docker->line));
    docker->is_skipping = true;
    if (!docker->is_connected)
        return; /* they are about to be */
    fetch_cancel(&docker->list);
    (void)evbuffer_drain(docker->list_answer, evbuffer_get_length(docker->list_answer));
    docker_list(docker);
}

static void docker_on_lines(evutil_socket_t fd, short what, void *user)
{
    struct docker *docker = user;
    size_t length;
    char *line;

    (void)fd;
    (void)what;
    while ((line = evbuffer_readln(docker->line, &length, EVBUFFER_EOL_LF))) {
        docker_take_event(docker, line, length);
        free(line);
    }
    if (docker->events && evbuffer_get_length(docker->line) > DOCKER_EVENT_MAX)
        docker_skip_event(docker);
}

static void docker_on_events_end(int result, long status, const char *reason, void *user)
{
    struct docker *docker = user;
    char sentence[300];

    docker->events = NULL;
    docker_on_lines(-1, 0, docker);
    (void)snprintf(sentence, sizeof(sentence), "status %ld", status);
    docker_try_later(docker, result < 0 ? reason : status == 200 ? "it has ended" : sentence);
}

static void docker_connect(struct docker *docker)
{
    char target[160];
    struct fetch_request request = {.socket = docker->settings.socket,
                                    .target = target,
                                    .body_piece = docker_on_event_piece,
                                    .done = docker_on_events_end,
                                    .user = docker};

    /* filters={"type":["container","network"]} */
    (void)snprintf(
        target, sizeof(target),
        "/events?since=%lld&filters=%%7B%%22type%%22%%3A%%5B%%22container%%22%%2C%%22network%%22%%5D%%7D",
        (long long)clock_wall_s());
    if (fetch_start(docker->settings.fetcher, &request, &docker->events) < 0)
        docker_try_later(docker, "no memory");
    else
        docker_list(docker);
}

static void docker_on_retry(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    docker_connect(user);
}

int docker_new(const struct docker_settings *settings, struct docker **ret_docker)
{
    const uint32_t resync_ms = settings->resync_ms ? settings->resync_ms : RESYNC_MS;
    const struct timeval pause = {.tv_sec = resync_ms / 1000, .tv_usec = resync_ms % 1000 * 1000};
    const struct timeval now = {0};
    struct docker *docker = calloc(1, sizeof(*docker));

    if (!docker)
        return -ENOMEM;
    docker->settings = *settings;
    docker->retry_ms = RETRY_MIN_MS;
    docker->line = evbuffer_new();
    docker->list_answer = evbuffer_new();
    docker->retry = event_new(settings->base, -1, 0, docker_on_retry, docker);
    docker->read = event_new(settings->base, -1, 0, docker_on_lines, docker);
    docker->resync = event_new(settings->base, -1, EV_PERSIST, docker_on_resync, docker);
    if (!docker->line || !docker->list_answer || !docker->retry || !docker->read || !docker->resync ||
        event_add(docker->resync, &pause) < 0 || event_add(docker->retry, &now) < 0) {
        docker_free(&docker);
        return -ENOMEM;
    }
    *ret_docker = docker;
    return 0;
}

void docker_free(struct docker **docker)
{
    struct docker *old = *docker;

    if (!old)
        return;
    if (old->line && old->list_answer)
        docker_disconnect(old);
    if (old->retry)
        event_free(old->retry);
    if (old->read)
        event_free(old->read);
    if (old->resync)
        event_free(old->resync);
    if (old->line)
        evbuffer_free(old->line);
    if (old->list_answer)
        evbuffer_free(old->list_answer);
    free(old);
    *docker = NULL;
}
