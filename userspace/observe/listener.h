/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * An HTTP server that nobody has to have: an address that somebody else has, or that is not there yet, is tried again
 * every second, and does not keep the daemon from starting.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>

#include "base/error.h"
#include "http/server.h"

struct listener_settings {
    struct event_base *base;
    const char *listen; /* "IP:PORT" or "off" */
    const struct http_service *service;
    void *user;       /* of the service */
    const char *what; /* cannot be had meanwhile: "nobody reads the metrics there" */
    const char *flag; /* that names the address: "--metrics-listen" */
    const char *up;   /* said when it is there, before the address */
};

struct listener {
    struct listener_settings settings;
    struct http_server *server; /* NULL: off, or the address cannot be had */
    struct event *retry;
    struct error trouble; /* why it cannot */
};

/* The texts stay good until listener_done(). -EINVAL, -ENOMEM and others with the sentence. */
int listener_start(struct listener *self, const struct listener_settings *settings, struct error *error);
void listener_done(struct listener *self); /* harmless on one that is all 0 */

/* For struct api_trouble: `user` is the listener. */
bool listener_trouble(const void *user, char *text, size_t size);
