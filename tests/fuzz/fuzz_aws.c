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
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int r, struct aws_error *error)
{
    if ((r < 0) != (error->type != NULL) || (r < 0 && !error->message[0]))
        abort();
    aws_error_done(error);
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
    check(cloud_map_check_service_attributes(body, &error), &error);
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
        if (r == 0)
            r = sigv4_verify(&request, rest, size - length, &authorization, "secret", "ecs",
                             authorization.time, &error);
        check(r, &error);
    }
    if (json_parse("body", rest, size - length, &body, &ours) == 0 && cJSON_IsObject(body))
        ask(body);
    cJSON_Delete(body);
    free(head);
    return 0;
}
