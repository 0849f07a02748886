/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The catalog as Cloud Map shows it. What AWS's own members of a thing are is kept under their AWS names, so
 * that showing is copying. */
#pragma once

#include "aws/aws_fields.h"
#include "aws/cloud_map_fields.h"
#include "model/catalog.h"

#define CLOUD_MAP_ARN_SIZE 256

/* "arn:aws:servicediscovery:REGION:ACCOUNT:KIND/ID" */
const char *cloud_map_arn(const char *region, const char *kind, const char *id,
                          char arn[static CLOUD_MAP_ARN_SIZE]);

/* The text that is kept, as an object; an empty one where there is none. The caller frees it. */
cJSON *cloud_map_kept(const char *aws);

/* Of the object that is kept. */
enum cloud_map_type cloud_map_type_of(const cJSON *kept);

/* What a service asks of its instances; one that was made by other means takes the health that is reported
 * for them. `aws` is the namespace's and the service's text. */
struct cloud_map_wants cloud_map_wants_of(const struct service *service);
bool cloud_map_has_check(const struct service *service);

/* "HEALTHY", "UNHEALTHY" or "UNKNOWN" */
const char *cloud_map_health(const struct instance *instance, bool has_check);

/* Namespace or NamespaceSummary, Service or ServiceSummary; the caller frees it. */
cJSON *cloud_map_namespace_view(const struct model_namespace *parent, const char *region, bool is_summary);
cJSON *cloud_map_service_view(const struct service *service, const char *region, bool is_summary);
/* The attributes it was registered with, or those that say the same. */
cJSON *cloud_map_attributes_view(const struct instance *instance);
/* As JSON; `buffer` is used where none are kept. */
#define CLOUD_MAP_ATTRIBUTES_SIZE 384
const char *cloud_map_attributes_text(const struct instance *instance,
                                      char buffer[static CLOUD_MAP_ATTRIBUTES_SIZE]);

/* An instance, addressed or not, by its id; NULL. One that drains has left already. */
struct instance *cloud_map_instance_of(const struct service *service, const char *id);
size_t cloud_map_count(const struct service *service);
