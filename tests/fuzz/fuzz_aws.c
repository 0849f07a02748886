/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bytes as a request of the AWS API: the head, the Authorization header, the signature, the JSON body and the
 * checks of Cloud Map's members. It must survive anything, and a refusal must say what it refuses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/aws_fields.h"
#include "aws/aws_page.h"
#include "aws/cloud_map_discover.h"
#include "aws/cloud_map_fields.h"
#include "aws/ecs_views.h"
#include "aws/sigv4.h"
#include "base/array.h"
#include "base/json.h"

#define FUZZ_NOW    1767225600 /* 2026-01-01T00:00:00Z */
#define FUZZ_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int r, struct aws_error *error)
{
    if ((r < 0) != (error->type != NULL) || (r < 0 && !error->message[0]))
        abort();
    aws_error_done(error);
}

/* Members that are looked at wherever they are. */
static void ask_parts(const cJSON *body)
{
    static const struct cloud_map_filter_rule rules[] = {
        {"NAME", {"EQ", "BEGINS_WITH"}}, {"TYPE", {"EQ", "IN"}}, {"BETWEEN_ONLY", {"BETWEEN"}}};
    const cJSON *filters = aws_member(body, "Filters");
    const cJSON *tags = NULL;
    const char *text = NULL;
    const char *name = cJSON_GetStringValue(aws_member(body, "Name"));
    const char *keys[] = {"b", "a", "c", "a"};
    const struct aws_seal seal = {.service = "servicediscovery", .operation = "ListServices"};
    struct aws_page page;
    struct aws_error error = {0};
    char family[ECS_NAME_MAX + 1];
    unsigned revision = 0;

    check(cloud_map_check_filters(filters, rules, ARRAY_SIZE(rules), &error), &error);
    if (!error.type && name && cloud_map_check_filters(filters, rules, ARRAY_SIZE(rules), &error) == 0)
        (void)cloud_map_passes(filters, "NAME", name);
    aws_error_done(&error);
    for (int type = CLOUD_MAP_HTTP; name && type <= CLOUD_MAP_DNS_PUBLIC; type++)
        check(cloud_map_check_namespace(name, (enum cloud_map_type)type, &error), &error);
    if (name) {
        check(cloud_map_check_service(name, &error), &error);
        check(cloud_map_check_instance(name, &error), &error);
        (void)ecs_last_part(name);
        (void)ecs_parse_definition(name, family, &revision);
    }
    if (cloud_map_get_tags(body, true, &tags, &error) == 0) {
        cJSON *merged = cloud_map_merge_tags(tags, tags, "arn:aws:x", &error);

        check(merged ? 0 : -1, &error);
        cJSON_Delete(merged);
    }
    aws_error_done(&error);
    check(ecs_get_name(body, "cluster", "cluster", "default", &text, &error), &error);
    check(cloud_map_check_dns_update(aws_member(body, "DnsConfig"), CLOUD_MAP_A | CLOUD_MAP_SRV, &error),
          &error);
    if (aws_get_page(body, "NextToken", "MaxResults", 100, 2, &seal, &page, &error) == 0) {
        cJSON *answer = cJSON_CreateObject();
        size_t begin = 0;
        size_t end = 0;

        aws_page_cut(&page, keys, ARRAY_SIZE(keys), &begin, &end, answer, "NextToken");
        if (begin > end || end > ARRAY_SIZE(keys))
            abort();
        aws_copy_member(answer, body, "Tags");
        cJSON_Delete(answer);
    }
    aws_error_done(&error);
}

static void ask(const cJSON *body)
{
    const struct cloud_map_wants wants = {.type = CLOUD_MAP_DNS_PRIVATE, .has_custom_check = true};
    struct cloud_map_instance instance;
    struct discover_query query = {0};
    struct aws_error error = {0};
    const struct aws_seal seal = {.service = "ecs", .operation = "ListServices"};
    struct aws_page page;
    const cJSON *item = NULL;
    const cJSON *custom = NULL;
    const char *text = NULL;
    unsigned records = 0;

    check(cloud_map_get_id(body, "Id", "namespace", &text, &error), &error);
    check(cloud_map_get_tags(body, false, &item, &error), &error);
    check(cloud_map_get_dns(body, CLOUD_MAP_DNS_PRIVATE, &item, &records, &error), &error);
    check(cloud_map_get_check(body, CLOUD_MAP_HTTP, records, &item, &custom, &error), &error);
    check(aws_get_page(body, "NextToken", "MaxResults", 100, 100, &seal, &page, &error), &error);
    check(discover_read(body, &query, &error), &error);
    check(ecs_get_tags(body, &item, &error), &error);
    check(cloud_map_check_attributes(body, &wants, &instance, &error), &error);
    check(cloud_map_check_attributes(aws_member(body, "Attributes"), &wants, &instance, &error), &error);
    check(cloud_map_check_service_attributes(body, &error), &error);
    check(cloud_map_check_service_attributes(aws_member(body, "Attributes"), &error), &error);
    ask_parts(body);
}

/*
 * As the seeds are signed: at this time, with this secret. With the signature that it should have, what the head lets
 * through is let through, and without one character of it is not.
 */
static void verify(const struct http_request *request, const void *body, size_t length,
                   struct sigv4_authorization *authorization)
{
    const char *service = strcmp(authorization->service, "ecs") == 0 ? "ecs" : "servicediscovery";
    struct aws_error error = {0};
    int head, r;

    check(sigv4_verify(request, body, length, authorization, FUZZ_SECRET, service, FUZZ_NOW, &error), &error);
    head = sigv4_check_head(request, authorization, service, FUZZ_NOW, &error);
    check(head, &error);
    if (sigv4_sign(request, body, length, authorization, FUZZ_SECRET, authorization->signature) < 0)
        return;
    r = sigv4_verify(request, body, length, authorization, FUZZ_SECRET, service, FUZZ_NOW, &error);
    if (r != head && (head < 0 || !http_request_header(request, "X-Amz-Content-SHA256")))
        abort();
    aws_error_done(&error);
    authorization->signature[length % 64] ^= 1;
    if (sigv4_verify(request, body, length, authorization, FUZZ_SECRET, service, FUZZ_NOW, &error) == 0)
        abort();
    aws_error_done(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length = http_request_head_length((const char *)data, size);
    struct sigv4_authorization authorization;
    struct http_request request;
    struct aws_error error = {0};
    struct error ours = {0};
    cJSON *body = NULL;
    const char *rest;
    char *head;
    int r;

    if (length == 0 || !(head = malloc(length + 1)))
        return 0;
    memcpy(head, data, length);
    rest = (const char *)data + length;
    if (http_request_parse(head, length, &request) == 0) {
        r = sigv4_parse(&request, &authorization, &error);
        check(r, &error);
        if (r == 0)
            verify(&request, rest, size - length, &authorization);
    }
    if (json_parse("body", rest, size - length, &body, &ours) == 0 && cJSON_IsObject(body))
        ask(body);
    cJSON_Delete(body);
    free(head);
    return 0;
}
