/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the AWS API's operations share: the call, looking things up with the caller's rights, putting rows.
 *
 * An operation that changes something runs within a job: its rows go into the call's transaction, and it may
 * run again, with another catalog, before one of its runs is answered. So it keeps nothing between runs,
 * makes its answer anew, and draws ids from the call, which draws the same ones again.
 */
#pragma once

#include <cjson/cJSON.h>
#include <event2/buffer.h>

#include "aws/aws_credentials.h"
#include "aws/aws_fields.h"
#include "aws/cloud_map_fields.h"
#include "engine/change/transaction.h"
#include "registry/rows.h"

struct aws_call {
    struct engine *engine;
    struct transaction *transaction; /* of an operation that changes something; NULL: it only reads */
    const struct aws_credential *who;
    const char *region;
    const cJSON *body;
    int64_t now_ms; /* wall clock, when it was asked */
    uint64_t drawn; /* the state of aws_draw(): a run begins with the request's seed */
    struct aws_error *error;
    cJSON *answer;         /* an object to fill */
    struct evbuffer *text; /* or the answer's text, which goes before it */
};

/*
 * What every filtered list of Cloud Map begins with: its page and its filters, checked against the rules.
 * 0, or -EINVAL with the call's error.
 */
int aws_begin_list(struct aws_call *call, const struct cloud_map_filter_rule *rules, size_t n_rules,
                   struct aws_page *ret_page, const cJSON **ret_filters);

/* 0, or -EINVAL with the call's error. */
typedef int (*aws_operation_fn)(struct aws_call *call);

struct aws_operation {
    const char *name;
    aws_operation_fn run;
    bool is_read;
};

extern const struct aws_operation aws_cloud_map_operations[]; /* both end with a NULL name */
extern const struct aws_operation aws_ecs_operations[];

/* ---- rights and finding ---- */

/* AccessDeniedException for a key that is bound to another namespace. */
int aws_permit(struct aws_call *call, const char *namespace_name);
bool aws_may_see(const struct aws_call *call, const char *namespace_name);

/* Not an ARN of another region or account, which is of nothing that is here, whatever its id. */
bool aws_is_of_here(const struct aws_call *call, const char *member);
/* By the id or ARN in a member of the body. */
int aws_find_namespace(struct aws_call *call, const char *member, struct model_namespace **ret_parent);
int aws_find_service(struct aws_call *call, const char *member, struct service **ret_service);
/* Of the service that "ServiceId" names, the instance that "InstanceId" names. */
int aws_find_instance(struct aws_call *call, struct service **ret_service, struct instance **ret_instance);
/* By names, for discovery. */
int aws_find_discovered(struct aws_call *call, struct service **ret_service);

/* ---- changing ---- */

/* What the engine or the registry has failed with, in the API's words; `error` may be empty. -EINVAL. */
int aws_fail_as(struct aws_error *said, int r, const struct error *error);

/* Puts a row that a row_for_...() made, or fails with what that returned. */
int aws_put(struct aws_call *call, int made, struct registry_row *row);
/* Prints `kept` as what is kept of the namespace or service; everything else stays as it is. */
int aws_put_namespace(struct aws_call *call, const char *name, const cJSON *kept);
int aws_put_service(struct aws_call *call, const struct service *service,
                    const struct service_settings *settings, const cJSON *kept);

/* What is kept of the service, to be changed and put; of one that was made by other means, what it is taken
 * for. The caller frees it. */
cJSON *aws_service_kept(const struct service *service);

/* A record of the AWS API's own; `json` NULL removes it. */
int aws_put_record(struct aws_call *call, enum aws_record_kind kind, const char *name, const cJSON *json);

/* Random numbers, and ids made of them; the same in each run of an operation. */
uint64_t aws_draw(struct aws_call *call);
#define AWS_NEW_ID_SIZE 40
void aws_new_id(struct aws_call *call, const char *prefix, char id[static AWS_NEW_ID_SIZE]);

/* Records an operation that has succeeded and puts "OperationId" into the answer. Of the pairs of a target's
 * kind and id, the first without kind ends them. */
struct aws_target {
    const char *kind; /* "NAMESPACE", "SERVICE", "INSTANCE" */
    const char *id;
};
int aws_put_operation(struct aws_call *call, const char *type, const char *namespace_name,
                      const struct aws_target targets[2]);

/* ---- the operations, by file ---- */

#define AWS_OPERATION(name) int aws_##name(struct aws_call *call)

/* cloud_map/namespaces.c */
AWS_OPERATION(CreateHttpNamespace);
AWS_OPERATION(CreatePrivateDnsNamespace);
AWS_OPERATION(CreatePublicDnsNamespace);
AWS_OPERATION(GetNamespace);
AWS_OPERATION(ListNamespaces);
AWS_OPERATION(DeleteNamespace);
AWS_OPERATION(UpdateHttpNamespace);
AWS_OPERATION(UpdatePrivateDnsNamespace);
AWS_OPERATION(UpdatePublicDnsNamespace);
/* cloud_map/services.c */
AWS_OPERATION(CreateService);
AWS_OPERATION(GetService);
AWS_OPERATION(ListServices);
AWS_OPERATION(UpdateService);
AWS_OPERATION(DeleteService);
/* cloud_map/instances.c */
AWS_OPERATION(RegisterInstance);
AWS_OPERATION(DeregisterInstance);
AWS_OPERATION(GetInstance);
AWS_OPERATION(ListInstances);
AWS_OPERATION(UpdateInstanceCustomHealthStatus);
AWS_OPERATION(GetInstancesHealthStatus);
AWS_OPERATION(DiscoverInstances);
AWS_OPERATION(DiscoverInstancesRevision);
/* cloud_map/tags.c */
AWS_OPERATION(TagResource);
AWS_OPERATION(UntagResource);
AWS_OPERATION(ListTagsForResource);
AWS_OPERATION(GetServiceAttributes);
AWS_OPERATION(UpdateServiceAttributes);
AWS_OPERATION(DeleteServiceAttributes);
/* cloud_map/operations.c */
AWS_OPERATION(GetOperation);
AWS_OPERATION(ListOperations);
