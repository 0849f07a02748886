/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The addresses of one answer, put in order. Pure. */
#pragma once

#include <stddef.h>

#include "base/address.h"

#define RESOLVED_MAX 128 /* of one family: the lowest */

struct resolved_list {
    struct ip_address addresses[RESOLVED_MAX];
    size_t n;
    size_t refused; /* that cannot be endpoints */
};

typedef bool (*resolved_refuses_fn)(const struct ip_address *address, void *user);

/* Adds one, unless it is there or `refuses` says so; of more than there is room for the lowest are kept. */
void resolved_list_add(struct resolved_list *list, const struct ip_address *address,
                       resolved_refuses_fn refuses, void *user);

/* IPv4 first, lowest first: the first n of two answers with the same addresses are the same. */
void resolved_list_sort(struct resolved_list *list);
