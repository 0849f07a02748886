/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The AWS APIs on TCP: who asks (signature, key pair), what is asked (tables of operations), and the answer.
 * Key pairs are in the state directory's aws-credentials.json (0600); the first is made with the file.
 */
#pragma once

#include <stdint.h>

#include "aws/aws_credentials.h"
#include "aws_api/call/later.h"
#include "aws_api/call/quota.h"
#include "base/error.h"
#include "control/control_server.h"
#include "http/server.h"

#define AWS_DEFAULT_LISTEN "127.0.0.1:4599"

/* Texts must live as long as the API. */
struct aws_api_settings {
    const char *listen;    /* "IP:PORT" or "off" */
    const char *state_dir; /* of the key pairs' file */
    const struct ecs_happenings *happenings;
    struct aws_quotas quotas; /* of keys for one namespace */
};

struct aws_api {
    struct engine *engine;
    struct aws_api_settings settings;
    struct http_server *server; /* NULL: nobody listens */
    struct event_base *base;
    struct event *retry;  /* while somebody else has the address */
    struct error trouble; /* why nobody listens; number 0: somebody does, or the API is off */
    struct aws_credentials credentials;
    char *path;            /* of their file */
    uint64_t answer_id[2]; /* x-amzn-RequestId of the last answer: random, then counted */
    struct aws_waiting_list waiting;
};

/*
 * Reads or makes the key pairs, then listens as the settings say. An address that somebody else has, or that this
 * host does not have yet, is no failure: the API is tried again every second until it can be had, and the daemon
 * is degraded meanwhile. Everybody's address without a key pair is refused. `api` stays where it is until
 * aws_api_done(), which comes before the engine ends and also after a failure.
 */
int aws_api_start(struct aws_api *api, struct engine *engine, struct event_base *base,
                  const struct aws_api_settings *settings, struct error *error);
void aws_api_done(struct aws_api *api);

/* Why nobody listens, though somebody should; false: all is well. `user` is the struct aws_api. */
bool aws_api_trouble(const void *user, char *text, size_t size);

/* The control API's requests about key pairs (docs/api.md); their user is the struct aws_api. */
extern const struct control_route aws_api_routes[];

/* keys.c */
int aws_keys_load(struct aws_api *api, struct error *error);
