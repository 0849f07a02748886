/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sockets and time of libcurl on libevent; what libcurl calls back and what it is told belong together. */
#include "http/fetch_loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

struct fetch_loop {
    struct event_base *base;
    fetch_loop_done_fn done;
    void *user;
    CURLM *multi;
    struct event timer;
};

/* The function that is told may add and remove transfers, so each message is asked for anew. */
static void fetch_loop_tell(struct fetch_loop *loop)
{
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(loop->multi, &left))) {
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_multi_remove_handle(loop->multi, easy);
        loop->done(easy, code, loop->user);
    }
}

static void fetch_loop_on_event(evutil_socket_t fd, short what, void *user)
{
    struct fetch_loop *loop = user;
    int mask = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    int running;

    (void)curl_multi_socket_action(loop->multi, fd, mask, &running);
    fetch_loop_tell(loop);
}

static void fetch_loop_on_timer(evutil_socket_t fd, short what, void *user)
{
    struct fetch_loop *loop = user;
    int running;

    (void)fd;
    (void)what;
    (void)curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    fetch_loop_tell(loop);
}

/* The event belongs to the socket, not to the transfer: libcurl may close it after the transfer is over. */
static int fetch_loop_on_socket(CURL *easy, curl_socket_t fd, int wanted, void *user, void *socket_user)
{
    struct fetch_loop *loop = user;
    struct event *event = socket_user;
    short what = EV_PERSIST;

    (void)easy;
    if (event)
        (void)event_del(event);
    if (wanted == CURL_POLL_REMOVE) {
        free(event);
        return 0;
    }
    if (wanted & CURL_POLL_IN)
        what |= EV_READ;
    if (wanted & CURL_POLL_OUT)
        what |= EV_WRITE;
    if (!event) {
        event = calloc(1, sizeof(*event));
        if (!event)
            return -1;
        (void)curl_multi_assign(loop->multi, fd, event);
    }
    /* If this fails, the transfer runs into its timeout. */
    if (event_assign(event, loop->base, fd, what, fetch_loop_on_event, loop) == 0)
        (void)event_add(event, NULL);
    return 0;
}

static int fetch_loop_on_timeout(CURLM *multi, long timeout_ms, void *user)
{
    struct fetch_loop *loop = user;
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

    (void)multi;
    if (timeout_ms < 0) {
        (void)event_del(&loop->timer);
        return 0;
    }
    return event_add(&loop->timer, &timeout) < 0 ? -1 : 0;
}

int fetch_loop_add(struct fetch_loop *loop, CURL *easy)
{
    return curl_multi_add_handle(loop->multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void fetch_loop_remove(struct fetch_loop *loop, CURL *easy)
{
    (void)curl_multi_remove_handle(loop->multi, easy);
}

int fetch_loop_new(struct event_base *base, fetch_loop_done_fn done, void *user, struct fetch_loop **ret_loop)
{
    struct fetch_loop *loop = calloc(1, sizeof(*loop));
    CURLMcode bad = CURLM_OK;

    if (!loop)
        return -ENOMEM;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(loop);
        return -ENOMEM;
    }
    loop->base = base;
    loop->done = done;
    loop->user = user;
    loop->multi = curl_multi_init();
    if (!loop->multi || event_assign(&loop->timer, base, -1, 0, fetch_loop_on_timer, loop) < 0) {
        fetch_loop_free(&loop);
        return -ENOMEM;
    }
    bad |= curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, fetch_loop_on_socket);
    bad |= curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    bad |= curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, fetch_loop_on_timeout);
    bad |= curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    if (bad) {
        fetch_loop_free(&loop);
        return -ENOMEM;
    }
    *ret_loop = loop;
    return 0;
}

void fetch_loop_free(struct fetch_loop **loop)
{
    if (!*loop)
        return;
    (void)curl_multi_cleanup((*loop)->multi);
    if (event_initialized(&(*loop)->timer))
        (void)event_del(&(*loop)->timer); /* last: libcurl may have set it while it cleaned up */
    curl_global_cleanup();
    free(*loop);
    *loop = NULL;
}
