/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Zones of a catalog: where instances are, by the attribute AVAILABILITY_ZONE that Cloud Map has for it, and where
 * this host is. A name is held once for all instances in it, so that zones are compared by their place in memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/hash.h"

struct catalog;
struct instance;

#define CATALOG_ZONE_ATTRIBUTE "AVAILABILITY_ZONE"

struct catalog_zone {
    char *name;
    size_t n_users;
    UT_hash_handle hh;
};

/* 0, or -EINVAL with an input error about `field`. */
int catalog_check_zone_name(const char *field, const char *name, struct error *error);

/* NULL: nothing is in it. */
const struct catalog_zone *catalog_zone(const struct catalog *catalog, const char *name);

/* Where this host is; NULL or "": nobody knows. -ENOMEM leaves what was. */
int catalog_set_host_zone(struct catalog *catalog, const char *name);

/* By the instance's attributes; a text there that is no zone's name tells nothing. -ENOMEM leaves what was. */
int catalog_read_zone(struct instance *instance);

/* Both are in the same zone from now on, which may be none. -ENOMEM leaves what was. */
int catalog_copy_zone(const struct instance *from, struct instance *to);

void catalog_leave_zone(struct instance *instance); /* for catalog_free_instance() */
void catalog_forget_zones(struct catalog *catalog); /* for catalog_free(), when instances are gone */
