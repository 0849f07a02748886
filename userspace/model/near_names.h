/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Names that are registered and nearly the one that was given. Texts are the catalog's; NULL: there is none
 * among the first NEAR_MISS_MOST (base/near_miss.h). `parent` may be NULL.
 */
#pragma once

#include "model/catalog.h"

const char *near_namespace(const struct catalog *catalog, const char *name);
const char *near_service(const struct model_namespace *parent, const char *name); /* declared ones */
const char *near_instance(const struct service *service, const char *id);
/* A dnsName of services' aliases and of everybody's routes. */
const char *near_alias(const struct model_namespace *parent, const char *dns_name);
