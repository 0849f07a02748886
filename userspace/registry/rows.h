/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Rows of the registry and the model: the one place that knows how a thing is keyed and written.
 *
 *   namespaces/NS                {} (NS in all keys: the name, a slash in it written as a space)
 *   services/NS/SERVICE          {"clientAliases": [{"dnsName", "port", "protocol"}], "document", "settings"}
 *   instances/NS/SERVICE/ID      {"address", "port", "protocol", "weight", "health", "draining"}; of a container's
 *                                also "healthByHand", and "byHand" in "draining"
 *   routes/NS/CLIENT/ALIAS       {"targets": [{"service", "weight"}], "onEmpty": "unhealthy"}
 *                                (CLIENT empty: everybody; without onEmpty: refuse)
 *   documents/NS/NAME            {"source", "text"}: an ECS document as it was applied
 *   settings/global              {"ejection", "connectTimeoutSeconds"}
 *   canaries/NS/CLIENT/ALIAS     {"from", "to", "state", ...}: see rows_canary.c (CLIENT as for routes)
 *   aws/KIND/NAME                a JSON object of the AWS API's own: an operation, cluster, task definition; of the kind
 *                                left-out an instance of a container, NS/SERVICE/ID, that was deregistered by hand
 *   history/PLACE                what was changed, by whom: see engine/history/history.h
 *   host/address/DNSNAME         number of the alias address in this host's range
 *   host/scope/NS[/CLIENT]       scope number on this host
 *   host/resolved/NS/SERVICE/ID  {"host", "addresses"}: what this host found a host name to be, last
 *
 * Beside these, what the AWS API keeps: "aws" of a namespace and a service (an object), "attributes" and
 * "creatorRequestId" of an instance; an instance without "address" is a record (model/catalog_aws.h), or with
 * "host" in its place one of a host name (model/catalog_external.h).
 * Applying rows is the only way the catalog changes: from a request, from a load, from a watch, and undoing.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "model/catalog.h"
#include "model/catalog_external.h"
#include "model/document_record.h"
#include "model/names.h"
#include "registry/registry.h"

/* What a row touches, so that routing can be asked about just that. Texts point into the row's key. */
enum row_kind {
    ROW_NAMESPACE,
    ROW_SERVICE,
    ROW_INSTANCE,
    ROW_ROUTE,
    ROW_DOCUMENT,
    ROW_GLOBAL_SETTINGS,
    ROW_CANARY,
    ROW_HOST_ADDRESS,
    ROW_HOST_SCOPE,
    ROW_HOST_RESOLVED,
    ROW_AWS,
    ROW_UNKNOWN, /* from a newer version: kept, not understood */
};

#define ROW_KEY_SIZE 1536

struct row_name {
    enum row_kind kind;
    char text[ROW_KEY_SIZE]; /* backs the members below */
    const char *namespace_name;
    const char *service; /* ROW_SERVICE, ROW_INSTANCE */
    const char *client;  /* ROW_ROUTE, ROW_CANARY: "" for everybody */
    const char *last;    /* instance id, alias identity, document or dns name, name of an AWS record */
    enum aws_record_kind aws_kind; /* ROW_AWS */
};

/* -EINVAL: too long or parts missing. */
int row_parse_key(const char *key, struct row_name *ret_name);

/* What one host knows for itself: no row of the catalog, which cannot say what it was before. */
bool row_is_of_host(const char *key);

/* Each fills *ret_row with malloc'd key and value (row_done() frees). -ENOMEM. */
int row_for_namespace(const char *namespace_name, const char *aws, struct registry_row *ret_row);
int row_for_service(const char *namespace_name, const char *service, const struct client_alias *aliases,
                    size_t n_aliases, const char *document, const struct service_settings *settings,
                    const char *aws, struct registry_row *ret_row);
int row_for_instance(const char *namespace_name, const char *service, const struct instance *instance,
                     struct registry_row *ret_row);
int row_for_route(const char *namespace_name, const char *client, const struct client_alias *alias,
                  const struct named_target *targets, size_t n_targets, bool is_unhealthy_on_empty,
                  struct registry_row *ret_row);
int row_for_document(const char *namespace_name, const char *name, const char *source, const char *text,
                     struct registry_row *ret_row);
/* The same value for the record, which keeps it in record->row; pure. */
int row_write_document(struct document_record *record);
/* Reads one back. -EINVAL: it is none. */
int row_read_document(const char *key, const char *value, struct document_record **ret_record,
                      struct error *error);
/* Its key, malloc'd; NULL: no memory. */
char *row_document_key(const char *namespace_name, const char *name);
int row_delete_document(const char *namespace_name, const char *name, struct registry_row *ret_row);
/* All defaults: a deletion. */
int row_for_global_settings(const struct ejection_policy *ejection, uint32_t connect_timeout_ms,
                            struct registry_row *ret_row);
int row_for_canary(const char *namespace_name, const struct catalog_canary *entry,
                   struct registry_row *ret_row);
int row_for_host_number(enum row_kind kind, const char *name, uint32_t number, struct registry_row *ret_row);

/* `name`: "NS/SERVICE/ID"; `host` NULL: a deletion. */
int row_for_resolved(const char *name, const char *host, const struct ip_address *addresses, size_t n,
                     struct registry_row *ret_row);
/* Reads one back. -EINVAL: it is none; what is no address any more is passed over. */
int row_read_resolved(const char *value, char ret_host[static MODEL_HOST_NAME_MAX + 1],
                      struct ip_address ret_addresses[static EXTERNAL_MAX_ADDRESSES], size_t *ret_n);

/* `text` NULL: a deletion. */
int row_for_aws(enum aws_record_kind kind, const char *name, const char *text, struct registry_row *ret_row);

/* Deletions: a key with no value. */
int row_delete_namespace(const char *namespace_name, struct registry_row *ret_row);
int row_delete_service(const char *namespace_name, const char *service, struct registry_row *ret_row);
int row_delete_instance(const char *namespace_name, const char *service, const char *id,
                        struct registry_row *ret_row);
int row_delete_route(const char *namespace_name, const char *client, const char *identity,
                     struct registry_row *ret_row);
int row_delete_canary(const char *namespace_name, const char *client, const char *identity,
                      struct registry_row *ret_row);

void row_done(struct registry_row *row);

/* The route a ROW_ROUTE's name means; NULL. */
struct route *row_find_route(const struct model_namespace *parent, const struct row_name *name);

/* The row that would bring back what `key` names in the catalog as it is now (a deletion if it
 * is not there). */
int row_of_catalog(const struct catalog *catalog, const char *key, struct registry_row *ret_row);

/*
 * Applies one row (value NULL: deletes). Host rows and unknown rows leave the catalog alone. -EINVAL: the
 * value is not such a row (error says which member); -ENOMEM. On failure nothing has changed.
 */
int row_apply(struct catalog *catalog, const char *key, const char *value, struct error *error);

/* The same for a document whose row has been read already. */
int row_apply_document(struct catalog *catalog, const char *key, struct document_record *record,
                       struct error *error);
