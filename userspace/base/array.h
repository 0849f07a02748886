/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Arrays that grow by one item at a time, without a capacity to keep beside the count. */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/*
 * `items` with room for one more than the `n` there are, or NULL with `items` as it was. It doubles where n
 * is a power of two, so that the room follows from the count alone: an array that grows by this must get its
 * room from nothing else. It may lose items in between.
 */
static inline void *array_with_room(void *items, size_t n, size_t size)
{
    return n & (n - 1) ? items : reallocarray(items, n ? n * 2 : 1, size);
}

/* Room for one more item behind the `n` of the array that the pointer `items` points to: 0 or -ENOMEM. */
#define ARRAY_MAKE_ROOM(items, n)                                                                            \
    ({                                                                                                       \
        __typeof__(items) larger_ = array_with_room((items), (n), sizeof(*(items)));                         \
        if (larger_)                                                                                         \
            (items) = larger_;                                                                               \
        larger_ ? 0 : -ENOMEM;                                                                               \
    })
