/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One question of DNS, and whether what came back answers it as it should. Pure. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUESTION_MAX 272 /* header, the longest name, type and class */

/* For the A records of a name. Its length; 0: it is no name that can be asked for. */
size_t question_make(const char *name, uint16_t id, unsigned char ret_question[static QUESTION_MAX]);

/* Is it an answer to this question, without an error, that has this address? */
bool question_is_answered_by(const unsigned char *question, size_t question_size, const unsigned char *answer,
                             size_t answer_size, const struct in_addr *address);
