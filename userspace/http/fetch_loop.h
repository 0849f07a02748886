/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * libcurl on the loop: it says which sockets and what time to wait for, libevent waits, and each event goes
 * back to libcurl. Nothing blocks as long as nobody gives it a name to resolve.
 */
#pragma once

#include <curl/curl.h>

struct event_base;
struct fetch_loop;

/* A transfer is over and out of the loop; the function may add and remove others. */
typedef void (*fetch_loop_done_fn)(CURL *easy, CURLcode code, void *user);

/* -ENOMEM. */
int fetch_loop_new(struct event_base *base, fetch_loop_done_fn done, void *user,
                   struct fetch_loop **ret_loop);
void fetch_loop_free(struct fetch_loop **loop); /* NULL-safe, sets to NULL; no transfer is in it */

/* From now on it is under way. -ENOMEM. */
int fetch_loop_add(struct fetch_loop *loop, CURL *easy);
void fetch_loop_remove(struct fetch_loop *loop, CURL *easy);
