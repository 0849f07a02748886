/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the AWS API's operations share: putting rows, ids, the table. What they may see is call/scope.h's.
 *
 * An operation that changes something runs within a job: its rows go into the call's transaction, and it may
 * run again, with another catalog, before one of its runs is answered. So it keeps nothing between runs,
 * makes its answer anew, and draws ids from the call, which draws the same ones again.
 */
#pragma once

#include "aws/aws_fields.h"
#include "aws/aws_page.h"
#include "aws/cloud_map_fields.h"
#include "aws_api/call/scope.h"
#include "aws_api/call/table.h"
#include "engine/change/transaction.h"
#include "registry/rows.h"

/* The page that a request asks for, with tokens that are good for its key and operation alone. */
int aws_begin_page(struct aws_call *call, const char *token_member, const char *size_member, size_t maximum,
                   size_t usual, struct aws_page *ret_page);

/*
 * What every filtered list of Cloud Map begins with: its page and its filters, checked against the rules.
 * 0, or -EINVAL with the call's error.
 */
int aws_begin_list(struct aws_call *call, const struct cloud_map_filter_rule *rules, size_t n_rules,
                   struct aws_page *ret_page, const cJSON **ret_filters);

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

/* ---- the operations (call/table.h) ---- */

/* 0, or -EINVAL with the call's error. */
typedef int (*aws_operation_fn)(struct aws_call *call);

struct aws_operation {
    const char *name;
    aws_operation_fn run;
    bool is_read;
    unsigned scope; /* of enum aws_scope: all of them must have been looked at before there is an answer */
};

enum aws_access {
    AWS_READS = 1,
    AWS_CHANGES,
};

#define AWS_ROW(name, function, access, scope) {#name, aws_##function, AWS_##access == AWS_READS, scope},
#define AWS_DECLARE(name, function, access, scope)                                                           \
    _Static_assert((scope) > 0, #name " is about somebody's objects");                                       \
    int aws_##function(struct aws_call *call);

AWS_CLOUD_MAP_TABLE(AWS_DECLARE)
AWS_ECS_TABLE(AWS_DECLARE)
AWS_STS_TABLE(AWS_DECLARE)

extern const struct aws_operation aws_cloud_map_operations[]; /* each ends with a NULL name */
extern const struct aws_operation aws_ecs_operations[];
extern const struct aws_operation aws_sts_operations[];
