/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Signs of life for the service manager. */
#include "daemon/watchdog.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/number.h"
#include "daemon/notify.h"

#define MOST_USEC (24ull * 3600 * 1000 * 1000) /* what is more is no interval that anybody meant */

static int read_variable(const char *name, uint64_t *ret_value)
{
    const char *text = getenv(name);

    return text ? parse_number(text, 1, MOST_USEC, ret_value) : -ENOENT;
}

uint64_t watchdog_interval(void)
{
    uint64_t interval;
    uint64_t pid;
    int r = read_variable("WATCHDOG_PID", &pid);

    if (r != -ENOENT && (r < 0 || pid != (uint64_t)getpid()))
        return 0;
    return read_variable("WATCHDOG_USEC", &interval) < 0 ? 0 : interval;
}

static void on_time(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
    notify_manager("WATCHDOG=1");
}

int watchdog_begin(struct event_base *base, struct event **ret_event)
{
    uint64_t half = watchdog_interval() / 2;
    const struct timeval time = {.tv_sec = (time_t)(half / 1000000),
                                 .tv_usec = (suseconds_t)(half % 1000000)};
    struct event *event;

    if (half == 0) {
        *ret_event = NULL;
        return 0;
    }
    event = event_new(base, -1, EV_PERSIST, on_time, NULL);
    if (!event || event_priority_set(event, 0) < 0 || event_add(event, &time) < 0) {
        if (event)
            event_free(event);
        return -ENOMEM;
    }
    *ret_event = event;
    return 0;
}
