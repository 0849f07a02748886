/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whose everything is, and what a key may see of it. These are the only doors by which operations come to the
 * catalog (scripts/check-layering), so that none can forget to ask.
 *
 * A key for all namespaces sees everything. One for a single namespace sees that namespace and what belongs to
 * it; what does not is answered as if it were not there:
 *
 *   namespace, Cloud Map service, instance, operation   its namespace
 *   ECS service, also one that was deleted               the namespace that it is in
 *   task definition     of the key that registered the family's first revision, and the family's for good
 *   cluster             of the key that made it; else its default namespace; "default" is everybody's to use
 *
 * What a key for all namespaces has made, and what was stored before there were owners, is nobody's: only keys
 * for all namespaces see it (docs/architecture.md).
 */
#pragma once

#include <cjson/cJSON.h>
#include <event2/buffer.h>

#include "aws/aws_credentials.h"
#include "aws/aws_error.h"
#include "aws/aws_page.h"
#include "aws/ecs_views.h"
#include "model/catalog.h"

/* Kinds of objects, as bits. */
enum aws_scope {
    AWS_OF_NAMESPACE = 1 << 0,
    AWS_OF_SERVICE = 1 << 1, /* of Cloud Map, with its instances */
    AWS_OF_OPERATION = 1 << 2,
    AWS_OF_CLUSTER = 1 << 3,
    AWS_OF_DEFINITION = 1 << 4,
    AWS_OF_ECS_SERVICE = 1 << 5,
    AWS_OF_RESOURCE = 1 << 6, /* whatever an ARN names */
    AWS_OF_CALLER = 1 << 7,   /* the key itself */
};

struct ecs_happenings;
struct engine;
struct transaction;

struct aws_call {
    struct engine *engine;
    const struct ecs_happenings *happenings; /* NULL: nobody notes them */
    struct transaction *transaction;         /* of an operation that changes something; NULL: it only reads */
    const struct aws_credential *who;
    const char *region;
    const cJSON *body;
    const struct aws_seal *seal; /* of tokens of pages */
    int64_t now_ms;              /* wall clock, when it was asked */
    int64_t run_ms;              /* clock_run_ms(), for what lasts until a time */
    uint64_t drawn;              /* the state of aws_draw(): a run begins with the request's seed */
    struct aws_error *error;
    cJSON *answer;         /* an object to fill */
    unsigned entered;      /* of enum aws_scope: what has been looked at with the key's rights */
    struct evbuffer *text; /* or the answer's text, which goes before it */
};

/* ---- rights ---- */

/* Is the key for one namespace only? */
bool aws_is_bound(const struct aws_call *call);
bool aws_may_see(const struct aws_call *call, const char *namespace_name);
/*
 * AccessDeniedException for a key that is for another namespace. Its sentence does not tell whether there is
 * one, so that it may be used for what is not there too: `namespace_name` NULL.
 */
int aws_permit(struct aws_call *call, const char *namespace_name);

/* Is it the key's own? Else AccessDeniedException. For changes of what others may see too. `namespace_name`
 * is the owner's, NULL: nobody's. */
int aws_permit_owner(struct aws_call *call, const char *namespace_name);

/* ---- namespaces and Cloud Map's services ---- */

/* All that the key may see, one after the other: NULL is the first, and comes after the last. */
const struct model_namespace *aws_next_namespace(struct aws_call *call,
                                                 const struct model_namespace *previous);
/* By its name; NULL: there is none for this key. */
const struct model_namespace *aws_namespace_named(struct aws_call *call, const char *name);
/* By name, id or ARN, as catalog_find_namespace(); what the key may not see is not there, and has no name. */
const struct model_namespace *aws_namespace_meant(struct aws_call *call, const char *text,
                                                  const char **ret_name);

/* Not an ARN of another region or account, which is of nothing that is here, whatever its id. */
bool aws_is_of_here(const struct aws_call *call, const char *member);
/* By the id or ARN in a member of the body. */
int aws_find_namespace(struct aws_call *call, const char *member, struct model_namespace **ret_parent);
int aws_find_service(struct aws_call *call, const char *member, struct service **ret_service);
/* Of the service that "ServiceId" names, the instance that "InstanceId" names. */
int aws_find_instance(struct aws_call *call, struct service **ret_service, struct instance **ret_instance);
/* By names, for discovery. */
int aws_find_discovered(struct aws_call *call, struct service **ret_service);
/* By an ARN, either of which the other is NULL. ResourceNotFoundException, or for a key of one namespace
 * AccessDeniedException. */
int aws_find_resource(struct aws_call *call, const char *arn, struct model_namespace **ret_parent,
                      struct service **ret_service);
/* By its id alone; NULL: there is none for this key. */
const struct service *aws_service_with_id(struct aws_call *call, const char *id);
/* How many there are at most. */
size_t aws_count_namespaces(const struct aws_call *call);
size_t aws_count_services(const struct aws_call *call);

/* ---- records ---- */

/* NULL: there is none for this key. */
const struct aws_record *aws_record(struct aws_call *call, enum aws_record_kind kind, const char *name);
/* All that the key may see, as aws_next_namespace(). */
const struct aws_record *aws_next_record(struct aws_call *call, enum aws_record_kind kind,
                                         const struct aws_record *previous);

/*
 * Everybody's: to see whether a name is taken, which one is too many, whose something is. Nothing of them may
 * come into an answer.
 */
const struct aws_record *aws_next_of_all(const struct aws_call *call, enum aws_record_kind kind,
                                         const struct aws_record *previous);
const struct aws_record *aws_record_of_all(const struct aws_call *call, enum aws_record_kind kind,
                                           const char *name);
const struct model_namespace *aws_next_namespace_of_all(const struct aws_call *call,
                                                        const struct model_namespace *previous);
size_t aws_count_records(const struct aws_call *call, enum aws_record_kind kind);

/* Writes into `kept`, which is empty, whose the record is that is about to be made: whose `as` is, one of its
 * family; NULL: the key's. */
void aws_set_owner(const struct aws_call *call, cJSON *kept, const struct aws_record *as);
