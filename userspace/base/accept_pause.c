/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/accept_pause.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

static void accept_pause_over(evutil_socket_t fd, short what, void *user)
{
    struct accept_pause *pause = user;

    (void)fd;
    (void)what;
    pause->is_on = false;
    pause->go_on(pause->user);
}

void accept_pause_init(struct accept_pause *pause, struct event_base *base, const char *name,
                       void (*go_on)(void *user), void *user)
{
    *pause = (struct accept_pause){.name = name, .go_on = go_on, .user = user};
    (void)evtimer_assign(&pause->timer, base, accept_pause_over, pause);
}

bool accept_pause_is_due(int number)
{
    return number == EMFILE || number == ENFILE || number == ENOMEM || number == ENOBUFS;
}

void accept_pause_begin(struct accept_pause *pause, int number)
{
    static const struct timeval second = {.tv_sec = 1};

    if (pause->is_on)
        return;
    pause->is_on = true;
    log_warning("%s: nobody can connect for a second: %s", pause->name, strerror(number));
    (void)event_add(&pause->timer, &second);
}

void accept_pause_done(struct accept_pause *pause)
{
    if (pause->go_on)
        (void)event_del(&pause->timer);
    *pause = (struct accept_pause){0};
}
