/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Watches the pins of the data path. Somebody may remove them under a running daemon (rm -r, umount): nothing
 * happens to tasks then, but with the daemon's death all would be lost. What has gone is put back, and told:
 * as an event of kind PINS, in the log, in the status. Where the directory itself has gone it is made and locked
 * anew; where no bpffs is mounted any more, or another daemon has taken the directory, that is told as trouble
 * until it is over.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct datapath;
struct event_log;

/* Given by the daemon; everything pointed to outlives the struct. */
struct pins_settings {
    struct event_base *base;
    struct datapath *datapath;
    struct event_log *events;
    const char *bpffs;
    int *lock; /* of the bpffs directory: replaced when that has been made anew; NULL: none to keep */
    /* A link that has gone with its pin, by the name of its task's links: attaches that anew. May be NULL. */
    bool (*on_lost)(void *user, const char *link_name);
    void *user;
};

struct pins {
    struct pins_settings settings;
    struct event *timer;
    uint64_t put_back;   /* pins, since the start */
    int64_t put_back_at; /* wall clock in s, of the last ones; 0: never */
    unsigned maps;       /* put back and not told yet */
    unsigned links;
    unsigned lost;
    char trouble[1024]; /* "": none */
};

#define PINS_INTERVAL_MS 1000
#define PINS_TASKS       64 /* whose links are looked at in one go */

/* Begins to look, each second. -ENOMEM. A zeroed struct does nothing. */
int pins_begin(struct pins *pins, const struct pins_settings *settings);
void pins_done(struct pins *pins);

/* One look. True: something was put back, so more may have gone. */
bool pins_look(struct pins *pins);

/* For the status: why pins cannot be put back, with what to do. False: nothing is wrong. `user` is the struct
 * pins. */
bool pins_trouble(const void *user, char *text, size_t size);
