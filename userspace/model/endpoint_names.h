/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * An instance as an endpoint: the name its number goes by, its entry for people, and whether connections may
 * be sent to it.
 */
#pragma once

#include <stdbool.h>

#include <svcconnect/abi.h>

#include "model/catalog_external.h"

#define ENDPOINT_NAME_SIZE (1024 + 128 + EXTERNAL_KEY_SIZE + 3)

/* "NS/SERVICE/ID", which an endpoint's number goes by; NS as in model_namespace_part(). */
const char *endpoint_name(const struct instance *instance, char name[static ENDPOINT_NAME_SIZE]);
const char *endpoint_name_of(const char *namespace_name, const char *service, const char *id,
                             char name[static ENDPOINT_NAME_SIZE]);

/* What `endpoints` shows of it. */
void endpoint_entry(const struct instance *instance, struct svc_endpoint *ret_entry);

/* The registered instance that an entry is about, NULL if there is none, and what its number went by. */
struct instance *entry_instance(const struct catalog *catalog, const struct svc_endpoint *entry,
                                char name[static ENDPOINT_NAME_SIZE]);

/* Is the instance one that a connection over `protocol` may be sent to? */
bool instance_is_eligible(const struct instance *instance, enum svc_protocol protocol);

/* May it be for want of healthy ones? Never what is leaving. */
bool instance_is_last_resort(const struct instance *instance, enum svc_protocol protocol);
