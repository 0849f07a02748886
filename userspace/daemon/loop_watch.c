/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The clock is a timerfd and not a timer of libevent, which goes by the kernel's coarse clock and by whole
 * milliseconds: it would measure its own steps of 4 ms.
 */
#include "daemon/loop_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

/* A process that was stopped for an hour has missed 36,000: the last minute's tell enough. */
#define MOST_TICKS 600u

void loop_watch_count(struct loop_watch *watch, uint64_t now_ns)
{
    if (now_ns > watch->due_ns + (uint64_t)MOST_TICKS * LOOP_WATCH_INTERVAL_NS) {
        uint64_t missed = (now_ns - watch->due_ns) / LOOP_WATCH_INTERVAL_NS;

        histogram_observe(&watch->lag, (double)(now_ns - watch->due_ns) / 1e9);
        watch->due_ns += (missed - MOST_TICKS + 2) * LOOP_WATCH_INTERVAL_NS;
    }
    for (; watch->due_ns <= now_ns; watch->due_ns += LOOP_WATCH_INTERVAL_NS)
        histogram_observe(&watch->lag, (double)(now_ns - watch->due_ns) / 1e9);
}

static void loop_watch_on_tick(evutil_socket_t fd, short what, void *user)
{
    uint64_t ticks;

    (void)what;
    /* The kernel sets the clock again only when it is read; how many there were is known without. */
    (void)!read(fd, &ticks, sizeof(ticks));
    loop_watch_count(user, clock_monotonic_ns());
}

static struct itimerspec ticks_from(uint64_t first_ns)
{
    return (struct itimerspec){
        .it_value = {.tv_sec = (time_t)(first_ns / 1000000000u), .tv_nsec = (long)(first_ns % 1000000000u)},
        .it_interval = {.tv_nsec = LOOP_WATCH_INTERVAL_NS},
    };
}

int loop_watch_begin(struct loop_watch *watch, struct event_base *base)
{
    struct itimerspec ticks;
    int r = 0;

    watch->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (watch->fd < 0)
        return -errno;
    watch->event = event_new(base, watch->fd, EV_READ | EV_PERSIST, loop_watch_on_tick, watch);
    if (!watch->event) {
        (void)close(watch->fd);
        return -ENOMEM;
    }
    watch->due_ns = clock_monotonic_ns() + LOOP_WATCH_INTERVAL_NS;
    ticks = ticks_from(watch->due_ns);
    /* Among what waits in one turn it is the first: it measures the loop and no queue that it stands in. */
    if (event_priority_set(watch->event, 0) < 0 || event_add(watch->event, NULL) < 0)
        r = -ENOMEM;
    else if (timerfd_settime(watch->fd, TFD_TIMER_ABSTIME, &ticks, NULL) < 0)
        r = -errno;
    if (r < 0)
        loop_watch_done(watch);
    return r;
}

void loop_watch_done(struct loop_watch *watch)
{
    if (!watch->event)
        return;
    event_free(watch->event);
    watch->event = NULL;
    (void)close(watch->fd);
}
