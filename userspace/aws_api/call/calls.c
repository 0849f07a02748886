/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws_api/call/calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/cloud_map_views.h"
#include "base/json.h"
#include "model/catalog_aws.h"

#define MAX_OPERATIONS 2000 /* that are remembered; the oldest go */

/* ---- changing ---- */

int aws_fail_as(struct aws_error *said, int r, const struct error *error)
{
    const char *message = error->message[0] ? error->message : strerror(-r);

    switch (error->number ? error->number : -r) {
    case ENOSPC:
    case E2BIG:
        return aws_fail(said, said->invalid ? "LimitExceededException" : "ResourceLimitExceeded", "%s",
                        message);
    case EBUSY:
    case EEXIST:
        return said->invalid ? aws_invalid(said, "%s", message)
                             : aws_fail(said, "ResourceInUse", "%s", message);
    case EINVAL:
        return aws_invalid(said, "%s", message);
    case EAGAIN:
    case ECANCELED:
    case ENOLCK:
        return aws_fail(said, AWS_UNAVAILABLE, "%s", message);
    default:
        return aws_fail(said, AWS_INTERNAL, "%s", message);
    }
}

int aws_put(struct aws_call *call, int made, struct registry_row *row)
{
    struct error error = {0};
    int r = made < 0 ? made : transaction_put(call->transaction, *row, &error);

    return r < 0 ? aws_fail_as(call->error, r, &error) : 0;
}

/* Compact, and not more than what a row may hold. */
static char *print_kept(struct aws_call *call, const cJSON *kept)
{
    char *text = cJSON_PrintUnformatted(kept);

    if (!text) {
        (void)aws_fail(call->error, AWS_INTERNAL, "out of memory");
    } else if (strlen(text) > CATALOG_AWS_MAX) {
        free(text);
        text = NULL;
        (void)aws_invalid(call->error, "The request is larger than what is kept: at most %u bytes.",
                          CATALOG_AWS_MAX);
    }
    return text;
}

int aws_put_namespace(struct aws_call *call, const char *name, const cJSON *kept)
{
    _cleanup_free_ char *text = print_kept(call, kept);
    struct registry_row row;

    return text ? aws_put(call, row_for_namespace(name, text, &row), &row) : -EINVAL;
}

int aws_put_service(struct aws_call *call, const struct service *service,
                    const struct service_settings *settings, const cJSON *kept)
{
    _cleanup_free_ char *text = print_kept(call, kept);
    struct registry_row row;

    if (!text)
        return -EINVAL;
    return aws_put(call,
                   row_for_service(service->parent->name, service->name, service->aliases, service->n_aliases,
                                   service->document, settings, text, &row),
                   &row);
}

int aws_put_record(struct aws_call *call, enum aws_record_kind kind, const char *name, const cJSON *json)
{
    _cleanup_free_ char *text = json ? print_kept(call, json) : NULL;
    struct registry_row row;

    if (json && !text)
        return -EINVAL;
    return aws_put(call, row_for_aws(kind, name, text, &row), &row);
}

cJSON *aws_service_kept(const struct service *service)
{
    cJSON *kept = cloud_map_kept(service->aws);

    if (!service->aws) {
        (void)cJSON_AddStringToObject(kept, "id", service->id);
        (void)cJSON_AddNumberToObject(cJSON_AddObjectToObject(kept, "HealthCheckCustomConfig"),
                                      "FailureThreshold", 1);
    }
    return kept;
}

/* ---- ids and operations ---- */

/* SplitMix64: one addition, and a mixing in which every bit of the sum reaches every bit of the number. */
uint64_t aws_draw(struct aws_call *call)
{
    uint64_t mixed = call->drawn += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static void draw_letters(struct aws_call *call, char *to, int n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint64_t random = 0;

    for (int i = 0; i < n; i++) {
        if (i % 12 == 0)
            random = aws_draw(call);
        to[i] = letters[random & 31];
        random >>= 5;
    }
    to[n] = '\0';
}

void aws_new_id(struct aws_call *call, const char *prefix, char id[static AWS_NEW_ID_SIZE])
{
    (void)snprintf(id, AWS_NEW_ID_SIZE, "%.16s", prefix);
    draw_letters(call, id + strlen(id), 16);
}

/* They sort by time, so that the oldest is the first in the registry's order too. */
static void new_operation_id(struct aws_call *call, char id[static AWS_NEW_ID_SIZE])
{
    (void)snprintf(id, AWS_NEW_ID_SIZE, "%012llx-", (unsigned long long)call->now_ms);
    draw_letters(call, id + strlen(id), 16);
}

int aws_put_operation(struct aws_call *call, const char *type, const char *namespace_name,
                      const struct aws_target targets[2])
{
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    cJSON *object = cJSON_AddObjectToObject(json, "Targets");
    char id[AWS_NEW_ID_SIZE];
    int r;

    new_operation_id(call, id);
    for (int i = 0; i < 2 && targets[i].kind; i++)
        (void)cJSON_AddStringToObject(object, targets[i].kind, targets[i].id);
    (void)cJSON_AddStringToObject(json, "Type", type);
    (void)cJSON_AddNumberToObject(json, "CreateDate", aws_time(call->now_ms));
    (void)cJSON_AddStringToObject(json, "Namespace", namespace_name);
    r = aws_put_record(call, AWS_OPERATIONS, id, json);
    if (r == 0 && aws_count_records(call, AWS_OPERATIONS) > MAX_OPERATIONS) {
        _cleanup_free_ char *oldest = strdup(aws_next_of_all(call, AWS_OPERATIONS, NULL)->name);

        r = oldest ? aws_put_record(call, AWS_OPERATIONS, oldest, NULL)
                   : aws_fail(call->error, AWS_INTERNAL, "out of memory");
    }
    if (r == 0)
        (void)cJSON_AddStringToObject(call->answer, "OperationId", id);
    return r;
}

int aws_begin_page(struct aws_call *call, const char *token_member, const char *size_member, size_t maximum,
                   size_t usual, struct aws_page *ret_page)
{
    return aws_get_page(call->body, token_member, size_member, maximum, usual, call->seal, ret_page,
                        call->error);
}

int aws_begin_list(struct aws_call *call, const struct cloud_map_filter_rule *rules, size_t n_rules,
                   struct aws_page *ret_page, const cJSON **ret_filters)
{
    int r = aws_begin_page(call, "NextToken", "MaxResults", 100, 100, ret_page);

    if (r == 0)
        r = aws_get_list(call->body, "Filters", AWS_OPTIONAL, 0, 0, ret_filters, call->error);
    return r < 0 ? r : cloud_map_check_filters(*ret_filters, rules, n_rules, call->error);
}
