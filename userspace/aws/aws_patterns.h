/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The patterns of the service models, for the tables: each a question and the sentence that answers a no. */
#pragma once

#include <stdbool.h>

struct aws_pattern {
    bool (*is_good)(const char *text);
    const char *allowed;
};

extern const struct aws_pattern aws_pattern_printable; /* also the empty text: lengths are another matter */
extern const struct aws_pattern aws_pattern_value;     /* of an attribute */
extern const struct aws_pattern aws_pattern_service;   /* a name of Cloud Map's */
extern const struct aws_pattern aws_pattern_tag;       /* a key or value of ECS's */
