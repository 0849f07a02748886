/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The names that every service has beside its client aliases, however it came to be: NAME, and NAME.SUFFIX
 * for the suffixes of the configuration. They lead to where its first client alias leads. They are no aliases
 * of their own: that costs no entry of a map and no address, and they follow the service without being stored.
 */
#pragma once

#include "model/catalog.h"

#define NAME_SUFFIXES_MAX 16 /* of the configuration */
#define NAME_SUFFIXES_USUAL                                                                                  \
    "NAMESPACE,NAMESPACE.svc.cluster.local,default.svc.cluster.local,NAMESPACE.REGION.ecs.amazonaws.com"
#define NAME_REGION_USUAL "us-east-1"

/* 1 to NAME_SUFFIXES_MAX suffixes joined by commas, or none; the labels NAMESPACE and REGION stand for those.
 * -EINVAL. */
int name_suffixes_check(const char *field, const char *suffixes, struct error *error);
int name_region_check(const char *field, const char *region, struct error *error);

/* The suffixes of one namespace, lower case; those that are no DNS names for it are left out. Ends with NULL;
 * free() frees all. -ENOMEM. */
int name_suffixes_make(const char *suffixes, const char *region, const char *namespace_name,
                       char ***ret_suffixes);

struct service_name {
    char *name;                       /* lower case, in the list's own memory */
    const struct client_alias *alias; /* the first that is its own; NULL: it has none */
};

/* The first client alias that is the service's own, where its names lead; the catalog's. NULL: it has none. */
const struct client_alias *service_names_alias(const struct service *service);

/* The declared services of the namespace, sorted; of those that differ by case only, one. free() frees all.
 * Aliases are the catalog's. -ENOMEM. */
int service_names_list(const struct model_namespace *parent, struct service_name **ret_names, size_t *ret_n);
