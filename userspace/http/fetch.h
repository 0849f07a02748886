/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Requests to other daemons of this host, over their Unix sockets, and to addresses over TCP: the answer's body comes as it
 * arrives, in pieces, so that an endless one (a stream of events) is a request like others. Bounded in time and bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct fetch;
struct fetcher;

/* Texts are copied; `user` is given to both functions. */
struct fetch_request {
    const char
        *socket; /* path of the Unix socket; NULL: the target is a whole URL, whose host is an address */
    const char *
        target; /* "/path?query", already escaped; a server by https has to have a certificate for its address */
    const char *body;           /* NULL: GET, else POST of this JSON */
    const char *const *headers; /* lines of "Name: value", beside the usual ones */
    size_t n_headers;
    uint32_t timeout_ms; /* for all of it; 0: it may go on for ever */
    size_t max_bytes;    /* of the body; 0: any number */
    /* A piece of the body of an answer with a status of 200 to 299. Non-zero ends the request with it. Nothing else can
     * be begun or cancelled meanwhile. */
    int (*body_piece)(const char *bytes, size_t n, void *user);
    /*
     * The end, once, unless it was cancelled; the fetch is gone then. `result` 0: an answer came whole, with
     * this status; else a negative errno with a sentence for people.
     */
    void (*done)(int result, long status, const char *reason, void *user);
    void *user;
};

int fetcher_new(struct event_base *base, struct fetcher **ret_fetcher); /* -ENOMEM */
void fetcher_free(struct fetcher **fetcher); /* NULL-safe, sets to NULL; what is under way is cancelled */

/* -ENOMEM, -ENAMETOOLONG: nothing was begun and nobody will be told. */
int fetch_start(struct fetcher *fetcher, const struct fetch_request *request, struct fetch **ret_fetch);
/* Nobody is told; not from within body_piece. NULL-safe; sets to NULL. */
void fetch_cancel(struct fetch **fetch);
