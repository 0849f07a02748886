/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How values look to people: colours on a terminal, percentages, addresses with ports; and members of an
 * answer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/json.h"

enum text_colour {
    TEXT_PLAIN,
    TEXT_BOLD,
    TEXT_DIM,
    TEXT_GREEN,
    TEXT_YELLOW,
    TEXT_RED,
};

/* Is standard output a terminal that takes colours, and has nobody set NO_COLOR? */
bool text_wants_colour(void);

/* A word as a shell takes it: quoted if it has to be. */
void text_write_word(FILE *out, const char *word);

/* The escape sequence that begins a colour; TEXT_PLAIN ends one. */
const char *text_colour_code(enum text_colour colour);

#define TEXT_PERCENT_SIZE 16

/*
 * "90.0 %"; two decimals below 0.1 and between 99.9 and 100, "<0.01 %" and ">99.99 %" beyond those, so that
 * only nothing shows as 0.0 and only everything as 100.0.
 */
const char *text_share(double percent, char text[static TEXT_PERCENT_SIZE]);

/* The same of a member of an answer; "-" if it is no number. */
const char *text_percent(const cJSON *number, char text[static TEXT_PERCENT_SIZE]);

#define TEXT_ENDPOINT_SIZE 64

/* "127.0.0.2:8081" or "[fd00::1]:8081" of an object's `address` and `port`. */
const char *text_endpoint(const cJSON *object, char text[static TEXT_ENDPOINT_SIZE]);

/* A copy in which what a terminal would obey (control characters, changes of direction) and what is no UTF-8 are
 * '?'. The caller frees it. NULL: no
 * memory. */
char *text_printable(const char *text);

#define TEXT_BYTES_SIZE 16

/* "512", "1.5K", "20.0G": powers of 1024. */
const char *text_bytes(uint64_t bytes, char text[static TEXT_BYTES_SIZE]);

/* Of the `outcomes` of an endpoint or a caller, those that count as failures of connects. */
uint64_t text_failures(const cJSON *object);

/* Members of an answer; "" , 0, false, NULL where they are missing. */
const char *text_member(const cJSON *object, const char *name);
uint64_t text_number(const cJSON *object, const char *name);
bool text_is_true(const cJSON *object, const char *name);
const cJSON *text_child(const cJSON *object, const char *name);
