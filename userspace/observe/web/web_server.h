/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The page (--web-listen): its files, and what it shows as a stream (live.h). Read only, for browsers of this host, or
 * of others that have the token. What strangers send is a head, judged by web_guard.h, and of its target the path and
 * three values.
 */
#pragma once

#include "observe/listener.h"

struct api;
struct totals;
struct caller_totals;

struct web_server_settings {
    struct event_base *base;
    struct api *api;
    struct totals *totals;
    struct caller_totals *callers; /* NULL: nobody counts who calls whom */
    const char *listen;            /* "IP:PORT" or "off" */
    const char *token_file;        /* "off": none; needed on an address that is no loopback one */
};

struct web_server {
    struct web_server_settings settings;
    char *token;              /* "": none is asked for */
    struct listener listener; /* its trouble is the server's */
};

/* -EINVAL, -EACCES, -ENOMEM and others with the sentence. */
int web_server_start(struct web_server *self, const struct web_server_settings *settings,
                     struct error *error);
void web_server_done(struct web_server *self); /* harmless on one that is all 0 */
