/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Requests to whichever member of an etcd answers. A call waits for its answer, so it is for threads that may wait:
 * never for the loop. A client belongs to one thread at a time.
 */
#pragma once

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry/etcd/etcd_settings.h"

struct etcd_client {
    const struct etcd_settings *settings;
    size_t member; /* the one that is asked */
    CURL *easy;
    char *token; /* NULL: none yet */
    struct curl_slist *headers;
    bool is_distrusted; /* an attempt of the last call failed for a member's certificate, or ours */
};

int etcd_client_init(struct etcd_client *client, const struct etcd_settings *settings); /* -ENOMEM */
void etcd_client_done(struct etcd_client *client);

/*
 * POSTs `body` to "/v3/..." and returns the answer of a member; others are asked where one does not answer, with pauses
 * after each round, until the settings' patience is at its end. The caller deletes the answer.
 *   -ENOTCONN: nobody has answered; whether it was done is not known
 *   else what etcd_read_refusal() makes of a refusal; -ENOMEM
 */
int etcd_client_call(struct etcd_client *client, const char *path, const char *body, cJSON **ret_answer,
                     struct error *error);

/* A handle that is ready to POST `body` to a member (the next one with every call), for who wants an endless answer.
 * -ENOTCONN, -EACCES: there is no token. */
int etcd_client_prepare(struct etcd_client *client, const char *path, const char *body, struct error *error);

/* The next call asks another member. */
void etcd_client_next_member(struct etcd_client *client);

/* The token is asked for anew. */
void etcd_client_forget_token(struct etcd_client *client);

/* A pause before the attempt number `n` (from 0): none, then drawn from twice as much each time, below `most_ms`. */
uint32_t etcd_pause_ms(unsigned n, uint32_t most_ms);
