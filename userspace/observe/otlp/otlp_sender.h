/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Requests to a collector, one under way at a time. What there is to send stays with whoever has it: he is asked for it
 * when it can be sent, and told what became of it. After a failure that may pass the next one waits, longer each time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "observe/otlp/otlp_headers.h"

struct event_base;
struct fetch;
struct fetcher;

#define OTLP_PAUSE_MS      1000u /* after the first failure, then twice as long each time */
#define OTLP_PAUSE_MOST_MS 60000u

enum otlp_end {
    OTLP_TAKEN,
    OTLP_LATER,   /* it was not taken and may be if it is sent again */
    OTLP_REFUSED, /* nor will it be */
};

struct otlp_sender_settings {
    struct event_base *base;
    const char *endpoint; /* fetch_url_is_usable(); "/v1/..." comes behind it */
    const struct otlp_headers *headers;
    uint32_t pause_ms; /* 0: OTLP_PAUSE_MS */
    /* What is to be sent now, to *ret_body, which the sender frees. Returns its path ("/v1/traces"); NULL: nothing. */
    const char *(*next)(void *user, char **ret_body);
    /* Once for each. `rejected`: how many items of what it has taken the collector does not want. */
    void (*ended)(void *user, enum otlp_end end, uint64_t rejected);
    void *user;
};

struct otlp_sender {
    struct otlp_sender_settings settings;
    struct fetcher *fetcher;
    struct fetch *fetch; /* NULL: none is under way */
    uint64_t not_before; /* CLOCK_MONOTONIC, ms */
    unsigned failures;   /* in a row */
    char reason[200];    /* of the last one */
    char answer[4096];   /* of the one under way */
    size_t n_answer;
};

int otlp_sender_begin(struct otlp_sender *sender, const struct otlp_sender_settings *settings); /* -ENOMEM */
void otlp_sender_done(struct otlp_sender *sender); /* harmless on one that is all 0; nobody is told */

/* Sends what there is, unless one is under way or the pause lasts. To be called now and then. */
void otlp_sender_look(struct otlp_sender *sender);

/* How long the pause is after so many failures in a row, without what chance adds to it. */
uint32_t otlp_pause_ms(uint32_t first_ms, unsigned failures);

/* What an answer of that status says. */
enum otlp_end otlp_judge(long status);

/* How many items the answer's "partialSuccess" rejects; 0 also where it is no such answer. */
uint64_t otlp_rejected(const char *answer, size_t length);
