/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Diff of tables to operations: what turns the published set into the wanted one. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <svcconnect/abi.h>

/* One alias in one scope with its tables, as wanted or as published. Points into the caller's memory. */
struct table_view {
    const char *identity;          /* unique within a set */
    const struct svc_slot *slots4; /* for AF_INET sockets */
    uint32_t count4;
    const struct svc_slot *slots6; /* for AF_INET6 sockets; may be the same memory */
    uint32_t count6;
    uint32_t stickiness_ms;
    uint32_t flags; /* SVC_SERVICE_... */
};

enum table_change {
    TABLE_ADD,     /* alias and table are new */
    TABLE_REPLACE, /* alias stays, its table differs */
    TABLE_REMOVE,  /* alias goes */
};

struct table_operation {
    enum table_change change;
    size_t wanted;  /* index into wanted; meaningless for TABLE_REMOVE */
    size_t current; /* index into current; meaningless for TABLE_ADD */
};

/*
 * Both sets in any order. Operations come ordered: removals, replacements, additions; each group by identity.
 * The caller frees *ret_operations, which is NULL when nothing differs. -ENOMEM; -EEXIST: an identity twice in
 * a set.
 */
int table_diff(const struct table_view *wanted, size_t n_wanted, const struct table_view *current,
               size_t n_current, struct table_operation **ret_operations, size_t *ret_n_operations);
