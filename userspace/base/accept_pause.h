/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a listener does when there is no descriptor or no memory left to accept with: it stops for a second. The client
 * stays in the kernel's queue, so its descriptor stays readable, and trying again at once would keep the loop
 * busy with failing.
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

/* In memory of the owner's, zero at first. */
struct accept_pause {
    struct event timer;
    const char *name; /* of who listens, for the log */
    void (*go_on)(void *user);
    void *user;
    bool is_on;
};

/* `go_on` is called when a pause is over; it may begin the next one. */
void accept_pause_init(struct accept_pause *pause, struct event_base *base, const char *name,
                       void (*go_on)(void *user), void *user);

/* Is this errno one of those after which trying again at once is no use? */
bool accept_pause_is_due(int number);

/* The owner has stopped listening, or does now. */
void accept_pause_begin(struct accept_pause *pause, int number);

/* Harmless on one that was never made. */
void accept_pause_done(struct accept_pause *pause);
