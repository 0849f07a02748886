/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The AWS APIs on TCP: who asks (signature, key pair), what is asked (table of operations), and the answer.
 * Key pairs are in the state directory's aws-credentials.json (0600); the first is made with the file.
 */
#pragma once

#include <stdint.h>

#include "aws/aws_credentials.h"
#include "base/error.h"
#include "control/control_server.h"
#include "http/server.h"

#define AWS_DEFAULT_LISTEN "127.0.0.1:4599"

struct daemon;

struct aws_api {
    struct http_server *server;
    struct aws_credentials credentials;
    char *path;            /* of their file */
    uint64_t answer_id[2]; /* x-amzn-RequestId of the last answer: random, then counted */
};

/*
 * Reads or makes the key pairs, then listens as the settings say. A default address that another daemon of
 * this host has is no failure but a warning. Everybody's address without a key pair is refused.
 */
int aws_api_start(struct daemon *daemon, struct error *error);
void aws_api_done(struct daemon *daemon);

/* The control API's part (docs/api.md). */
int read_credentials(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
int handle_add_credential(const struct control_call *call, cJSON **ret_answer, struct error *error,
                          void *user);
int handle_remove_credential(const struct control_call *call, cJSON **ret_answer, struct error *error,
                             void *user);

/* aws_keys.c */
int aws_keys_load(struct daemon *daemon, struct error *error);
