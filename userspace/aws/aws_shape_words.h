/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The words that tables of shapes are written in: short ones, so included by tables alone. */
#pragma once

#include "aws/aws_shape.h"

/* What may follow: REQUIRED, WITHIN(), ONE_OF(), MATCHING(). */
#define TEXT(name_, ...)                                                                                     \
    {                                                                                                        \
        .name = name_, .kind = AWS_SHAPE_TEXT, __VA_ARGS__                                                   \
    }
#define WHOLE(name_, ...)                                                                                    \
    {                                                                                                        \
        .name = name_, .kind = AWS_SHAPE_WHOLE, __VA_ARGS__                                                  \
    }
#define NUMBER(name_, ...)                                                                                   \
    {                                                                                                        \
        .name = name_, .kind = AWS_SHAPE_NUMBER, __VA_ARGS__                                                 \
    }
#define TRUTH(name_, ...)                                                                                    \
    {                                                                                                        \
        .name = name_, .kind = AWS_SHAPE_BOOL, __VA_ARGS__                                                   \
    }
#define OBJECT(name_, of_, ...)                                                                              \
    {                                                                                                        \
        .name = name_, .kind = AWS_SHAPE_OBJECT, .of = of_, __VA_ARGS__                                      \
    }
#define LIST(name_, item_, ...)                                                                              \
    {                                                                                                        \
        .name = name_, .kind = AWS_SHAPE_LIST, .of = item_, __VA_ARGS__                                      \
    }
#define TEXTS(name_, ...)                                                                                    \
    {                                                                                                        \
        .name = name_, .kind = AWS_SHAPE_LIST, .of = ITEM(TEXT(NULL)), __VA_ARGS__                           \
    }
#define OBJECTS(name_, of_, ...)                                                                             \
    {                                                                                                        \
        .name = name_, .kind = AWS_SHAPE_LIST, .of = ITEM(OBJECT(NULL, of_)), __VA_ARGS__                    \
    }
#define MAP(name_, value_, ...)                                                                              \
    {                                                                                                        \
        .name = name_, .kind = AWS_SHAPE_MAP, .of = value_, __VA_ARGS__                                      \
    }
#define REQUIRED                   .is_required = true
#define WITHIN(minimum_, maximum_) .minimum = minimum_, .maximum = maximum_
#define ONE_OF(words_)             .words = "|" words_ "|"
#define MATCHING(pattern_)         .pattern = &pattern_
#define NO_MORE                                                                                              \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }
/* What a list or map holds, where its own table would be one line. */
#define ITEM(shape_) ((const struct aws_shape[]){shape_})
