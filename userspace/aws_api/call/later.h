/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Requests whose answer cannot be given at once. What changes something is a job: it may run several times,
 * and its client hears of it when it is on disk and in effect. What only reads waits until the catalog may
 * be read.
 */
#pragma once

#include "aws_api/call/request.h"

/* Once for each request, at a later turn of the loop. `reply` is whatever aws_later() was given. */
typedef void (*aws_send_fn)(void *reply, int status, struct evbuffer *body);

struct aws_waiting;

/* Those of one owner; all 0 at the beginning. */
struct aws_waiting_list {
    struct aws_waiting *first;
    aws_send_fn send;
};

/* Takes the request over, and empties it. On failure it stays the caller's with its error, and nothing is
 * sent. */
int aws_later(struct aws_waiting_list *list, struct aws_request *request, void *reply);

/*
 * The owner ends, before the engine: reads are answered with ServiceUnavailable, here; changes that are on
 * their way are made or not, and answered when the engine says which.
 */
void aws_later_end(struct aws_waiting_list *list);
