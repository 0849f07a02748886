/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What ECS's operations share. A service is its document, the very one that `apply` would store, with the
 * members that ECS keeps besides; so documents that were applied are services here too. */
#pragma once

#include "aws/ecs_views.h"
#include "aws_api/call/calls.h"
#include "model/catalog_aws.h"

/*
 * An ARN is read whole: what it says of kind, region, account and, of a service, cluster (NULL: any) must be
 * what is asked for. A text that is no ARN passes.
 */
int ecs_check_arn(struct aws_call *call, const char *text, const char *kind, const char *cluster);

/*
 * The cluster in the member "cluster", which must be there for this key: its own, one that it has a service in,
 * or "default", which always is there and everybody's.
 */
int ecs_find_cluster(struct aws_call *call, const char **ret_name);
bool ecs_sees_cluster(struct aws_call *call, const char *name);
/* The name in the member "service", which may be an ARN of that cluster. */
int ecs_get_service(struct aws_call *call, const char *cluster, const char **ret_name);
/* The namespace that is the cluster's default; NULL: none, gone, or not for this key. */
const struct model_namespace *ecs_cluster_namespace(struct aws_call *call, const char *cluster);

/* ECS takes fewer names than Cloud Map, which the others are given to by their ARN. InvalidParameterException. */
int ecs_check_namespace(const char *member, const char *text, struct aws_error *error);

/* A namespace by name, or by ARN with its id or its name; NULL: there is none for this key. */
const struct model_namespace *ecs_namespace(struct aws_call *call, const char *text);

/* The record of a task definition, by "FAMILY", "FAMILY:REVISION" or ARN; without a revision the
 * latest active one. The caller frees *ret_kept. */
int ecs_find_definition(struct aws_call *call, const char *text, const struct aws_record **ret_record,
                        cJSON **ret_kept);

/*
 * A service as it is stored: its document has its name, or "CLUSTER.NAME" where another cluster's service had
 * that name in the namespace before.
 */
#define ECS_STORED_SIZE (2 * ECS_NAME_MAX + 2)
struct ecs_service {
    const struct model_namespace *parent;
    const struct stored_document *stored;
    cJSON *document; /* owned */
};
void ecs_service_done(struct ecs_service *service);
const char *ecs_service_name(const struct ecs_service *service);
/* 0, or -ENOENT without an error: there is none for this key. */
int ecs_lookup_service(struct aws_call *call, const char *cluster, const char *name,
                       struct ecs_service *ret_service);
/* Has the cluster a service of that name that this key may not see? */
bool ecs_is_anothers(struct aws_call *call, const char *cluster, const char *name);
/* All of a cluster, or of a namespace, one by one; a document may be of another kind. */
bool ecs_is_service(const struct stored_document *stored, const char *cluster, cJSON **ret_document);
/* The service as answers show it; the caller frees it. */
cJSON *ecs_view(struct aws_call *call, const struct ecs_service *service, const char *status, bool with_tags);
/* Instances registered for what the document publishes. */
unsigned ecs_running(const struct model_namespace *parent, const char *document_name);

/* Is the word in the request's list of what is to be shown too? */
bool ecs_is_included(const cJSON *include, const char *word);

/* ---- history.c: what was deployed of a service ---- */

/*
 * Notes what `document` is about to become of the service; `known` is what it was, NULL: it is new. What
 * concerns its tasks or names is a deployment, whose id the document gets; a count alone is none.
 */
int ecs_note_deployment(struct aws_call *call, const char *cluster, const char *namespace_name,
                        const struct ecs_service *known, cJSON *document);
int ecs_note_event(struct aws_call *call, const char *cluster, const struct ecs_service *service,
                   const char *message);
/* Forgets it with a deleted service's own end. */
int ecs_forget_history(struct aws_call *call, const char *key);
/* The history as it is kept, or what the document alone tells; the caller's. Of the latest deployment on, in
 * "deployments", and of the latest event on, in "events". */
cJSON *ecs_history(struct aws_call *call, const char *cluster, const char *namespace_name,
                   const cJSON *document);
/* Puts the latest deployment's times and the events into a service's view. */
void ecs_show_history(struct aws_call *call, const char *cluster, const char *namespace_name,
                      const cJSON *document, cJSON *view);

/* ---- ended.c: services that were deleted, for as long as they are INACTIVE ---- */

/* Notes one that is about to be deleted, and forgets one that is made again. */
int ecs_end_service(struct aws_call *call, const char *cluster, const struct ecs_service *service);
int ecs_forget_ended(struct aws_call *call, const char *cluster, const char *name);
/* What is kept of one that the key may see, and how it is shown; the caller's. NULL: there is none. */
cJSON *ecs_ended_service(struct aws_call *call, const char *cluster, const char *name);
cJSON *ecs_ended_view(struct aws_call *call, const cJSON *kept, bool with_tags);
