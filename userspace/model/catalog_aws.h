/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the AWS API adds to the catalog: ids, opaque texts, instances without an address, and records of its
 * own. An id is the one that the text came with, or one derived from the names, so that whatever was made by
 * other means has one too and keeps it.
 */
#pragma once

#include "model/catalog.h"
#include "model/names.h"

#define CATALOG_AWS_MAX (64u << 10) /* bytes of one text */

struct model_namespace *catalog_namespace_by_id(const struct catalog *catalog, const char *id);
struct service *catalog_service_by_id(const struct catalog *catalog, const char *id);

/* How a namespace may be named beside its name: its id, or an ARN that ends with the one or the other. */
#define CATALOG_NAMESPACE_MARK ":namespace/"
bool catalog_is_namespace_reference(const char *text);

/*
 * The namespace that is meant, by name, id or ARN; a name goes before an id, but for an ARN. NULL: there is none here.
 * *ret_name: its name, or the one that a new one would have; NULL where `text` is no name but the id or ARN
 * of one that is not here. Both texts may be the caller's own.
 */
struct model_namespace *catalog_find_namespace(const struct catalog *catalog, const char *text,
                                               const char **ret_name);

/* `text` is copied, NULL forgets; `id` NULL: the derived one. -ENOMEM leaves the old ones. */
int catalog_set_namespace_aws(struct model_namespace *parent, const char *text, const char *id);
int catalog_set_service_aws(struct service *service, const char *text, const char *id);

/* Instances without an address. A record is a `struct instance` with nothing but id, health
 * and attributes. */
struct instance *catalog_record(const struct service *service, const char *id);
struct instance *catalog_make_record(struct service *service, const char *id); /* NULL: no memory */
void catalog_remove_record(struct instance *record);

/* Copies; NULL: none. -ENOMEM leaves the old ones. */
int catalog_set_attributes(struct instance *instance, const char *attributes, const char *creator);

/* A member of what the AWS API keeps of a service, true: whoever has the host has given its check a type since. */
#define CATALOG_CHECK_OF_HOST "CheckOfHost"

/* Was the service's health check made over the AWS API: by HealthCheckConfig, or by a document of ECS? Not where it was
 * set on the control socket later. */
bool catalog_is_check_of_aws(const struct service *service);

/* Tells that the set of the service's instances has changed. */
void catalog_bump_instances(struct service *service);

/* Of AWS_LEFT_OUT: {"creator"} of an instance that its container is not to have again before its next start. */
#define CATALOG_LEFT_OUT_SIZE (MODEL_NAMESPACE_MAX + MODEL_SERVICE_MAX + MODEL_INSTANCE_MAX + 3)
const char *catalog_left_out_name(const char *namespace_name, const char *service, const char *id,
                                  char name[static CATALOG_LEFT_OUT_SIZE]);

const char *aws_record_kind_name(enum aws_record_kind kind); /* "operations", ... */
struct aws_record *catalog_aws_record(const struct catalog *catalog, enum aws_record_kind kind,
                                      const char *name);
/* Stores or replaces. -ENOMEM leaves the old one. */
int catalog_set_aws_record(struct catalog *catalog, enum aws_record_kind kind, const char *name,
                           const char *text);
void catalog_remove_aws_record(struct catalog *catalog, enum aws_record_kind kind, const char *name);

/* ---- for catalog.c ---- */

void catalog_identify_namespace(struct model_namespace *parent, const char *id);
void catalog_identify_service(struct service *service, const char *id);
void catalog_forget_namespace(struct model_namespace *parent);
void catalog_forget_service(struct service *service); /* records too */
struct instance *catalog_new_instance(struct service *service,
                                      const char *id); /* catalog.c; in no hash yet */
void catalog_free_instance(struct instance *instance);
void catalog_free_aws_records(struct catalog *catalog);
void catalog_drop_if_forgotten(struct service *service); /* catalog.c */
