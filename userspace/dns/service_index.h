/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The names of services, without regard to case, and the client alias that each leads to: what the catalog had of
 * them when the last change was complete. It follows change by change, so that a question costs the same however
 * many there are, and can be answered while the catalog is nobody's to read.
 */
#pragma once

#include "base/hash.h"

struct engine;
struct model_namespace;
struct service;

struct indexed_service {
    struct indexed_service *next, *prev; /* names that differ by case only */
    char *alias;                         /* its DNS name; NULL: it leads nowhere */
    const char *name;                    /* in `key` */
    const char *folded;
    UT_hash_handle hh;        /* by key */
    UT_hash_handle hh_folded; /* by folded; of the first of those that differ by case only */
    char key[];               /* "NAMESPACE/NAME", and behind it the same with the name in lower case */
};

struct service_index {
    struct indexed_service *all;
    struct indexed_service *folded;
};

/* Of all services that the catalog has; it was empty. -ENOMEM. */
int service_index_fill(struct service_index *index, const struct engine *engine);

/* As the catalog has the service now, or has it no more. -ENOMEM: it is what it was. */
int service_index_follow(struct service_index *index, const struct engine *engine, const char *namespace_name,
                         const char *service);

/* One whose name, of `length` and in lower case, is this; NULL. */
const struct indexed_service *service_index_find(const struct service_index *index,
                                                 const char *namespace_name, const char *name, size_t length);

void service_index_done(struct service_index *index);
