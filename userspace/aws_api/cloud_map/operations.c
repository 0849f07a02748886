/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Cloud Map's operations: what was done, for those who ask what became of it. All have succeeded: what cannot
 * be done is refused at once. */
#include <stdio.h>
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "aws_api/call/calls.h"
#include "model/catalog_aws.h"

static const char *text_member(const cJSON *json, const char *name)
{
    const cJSON *item = aws_member(json, name);

    return cJSON_IsString(item) ? item->valuestring : "";
}

int aws_GetOperation(struct aws_call *call)
{
    _cleanup_json_ cJSON *kept = NULL;
    const struct aws_record *record;
    const char *id = NULL;
    cJSON *operation;
    int r = aws_get_text(call->body, "OperationId", AWS_REQUIRED, 1, 255, &id, call->error);

    if (r < 0)
        return r;
    record = aws_record(call, AWS_OPERATIONS, id);
    if (!record) {
        r = aws_permit(call, NULL);
        return r < 0
                   ? r
                   : aws_fail(call->error, "OperationNotFound", "There is no operation with the id %s.", id);
    }
    kept = cloud_map_kept(record->text);
    operation = cJSON_AddObjectToObject(call->answer, "Operation");
    (void)cJSON_AddStringToObject(operation, "Id", record->name);
    (void)cJSON_AddStringToObject(operation, "OwnerAccount", CLOUD_MAP_ACCOUNT);
    aws_copy_member(operation, kept, "Type");
    (void)cJSON_AddStringToObject(operation, "Status", "SUCCESS");
    aws_copy_member(operation, kept, "CreateDate");
    (void)cJSON_AddItemToObject(operation, "UpdateDate",
                                cJSON_Duplicate(aws_member(kept, "CreateDate"), true));
    aws_copy_member(operation, kept, "Targets");
    return 0;
}

static bool operations_passes(const cJSON *filters, const struct aws_record *record)
{
    _cleanup_json_ cJSON *kept = cloud_map_kept(record->text);
    const cJSON *targets = aws_member(kept, "Targets");
    char date[32];

    (void)snprintf(date, sizeof(date), "%.0f", cJSON_GetNumberValue(aws_member(kept, "CreateDate")) * 1000);
    return cloud_map_passes(filters, "NAMESPACE_ID", text_member(targets, "NAMESPACE")) &&
           cloud_map_passes(filters, "SERVICE_ID", text_member(targets, "SERVICE")) &&
           cloud_map_passes(filters, "STATUS", "SUCCESS") &&
           cloud_map_passes(filters, "TYPE", text_member(kept, "Type")) &&
           cloud_map_passes(filters, "UPDATE_DATE", date);
}

int aws_ListOperations(struct aws_call *call)
{
    static const struct cloud_map_filter_rule rules[] = {
        {"NAMESPACE_ID", {"EQ", NULL}}, {"SERVICE_ID", {"EQ", NULL}},       {"STATUS", {"EQ", "IN", NULL}},
        {"TYPE", {"EQ", "IN", NULL}},   {"UPDATE_DATE", {"BETWEEN", NULL}},
    };
    const struct aws_record *record = NULL;
    size_t n = 0;
    _cleanup_free_ const char **keys = calloc(aws_count_records(call, AWS_OPERATIONS) + 1, sizeof(*keys));
    const cJSON *filters = NULL;
    struct aws_page page;
    cJSON *list;
    size_t begin, end;
    int r = aws_begin_list(call, rules, ARRAY_SIZE(rules), &page, &filters);

    if (r == 0 && !keys)
        r = aws_fail(call->error, AWS_INTERNAL, "out of memory");
    if (r < 0)
        return r;
    while ((record = aws_next_record(call, AWS_OPERATIONS, record)))
        if (operations_passes(filters, record))
            keys[n++] = record->name;
    list = cJSON_AddArrayToObject(call->answer, "Operations");
    aws_page_cut(&page, keys, n, &begin, &end, call->answer, "NextToken");
    for (size_t i = begin; i < end; i++) {
        cJSON *item = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(item, "Id", keys[i]);
        (void)cJSON_AddStringToObject(item, "Status", "SUCCESS");
        (void)cJSON_AddItemToArray(list, item);
    }
    return 0;
}
