/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the API's model says of a request: a table of its members, and the one walk that holds a request
 * against it, before its operation sees it. A member that no table has is passed over, as AWS does; a member
 * that is null is one that is missing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "aws/aws_error.h"
#include "aws/aws_patterns.h"

enum aws_kind {
    AWS_SHAPE_TEXT,
    AWS_SHAPE_WHOLE, /* a number without a fraction; of 32 bits where nothing else is said */
    AWS_SHAPE_NUMBER,
    AWS_SHAPE_BOOL,
    AWS_SHAPE_OBJECT,
    AWS_SHAPE_LIST,
    AWS_SHAPE_MAP, /* an object with any members, all of one shape */
};

struct aws_shape {
    const char *name; /* NULL ends a table; not looked at in what a list or map holds */
    enum aws_kind kind;
    bool is_required;
    int64_t minimum;   /* characters of a text, items of a list or map, or the number itself; */
    int64_t maximum;   /* both 0: nothing is said */
    const char *words; /* what a text may be, as "|ONE|TWO|"; NULL: anything */
    const struct aws_pattern *pattern; /* of a text; NULL: anything */
    const struct aws_shape *of;  /* members of an object; the one shape of a list's items or a map's values */
    const struct aws_shape *key; /* of a map's names; NULL: anything */
};

/* What an operation takes. */
struct aws_input {
    const char *operation; /* NULL ends a list */
    const struct aws_shape *members;
    const char *invalid; /* the type for bad input of this one; NULL: the API's */
};

extern const struct aws_input cloud_map_inputs[];
extern const struct aws_input ecs_inputs[];

/* NULL: there is no such operation. */
const struct aws_input *aws_input_of(const struct aws_input *inputs, const char *operation);

/*
 * 0, or -EINVAL with the first thing that is wrong, named by its path ("Tags[0].Key"): SerializationException
 * for another JSON type, the type for bad input for the rest.
 */
int aws_shape_check(const cJSON *body, const struct aws_input *input, struct aws_error *error);

/*
 * A copy of what the table knows of an object, all the way down: what a client has sent besides is not shown.
 * Members that are null are left out. The caller's; NULL: no memory.
 */
cJSON *aws_shape_copy(const cJSON *object, const struct aws_shape *members);
