/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A house, and requests of the AWS APIs as they are after
 * their signature was judged. No socket: a reply is a struct here that counts what it was sent.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws_api/call/later.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "model/catalog_aws.h"
#include "unit/aws/json_text.h"
#include "unit/house.h"
#include "unit/registry/catalog_text.h"

#define CLOUD_MAP "Route53AutoNaming_v20170314."
#define ECS       "AmazonEC2ContainerServiceV20141113."

struct aws_lab {
    struct house house;
    struct event_base *base; /* these are the house's */
    struct fake_store *store;
    struct registry *registry;
    struct datapath *datapath;
    struct engine *engine;
    struct aws_waiting_list waiting;
    struct aws_credential who;
    int64_t later_ms;     /* time that has passed beside the second for each question */
    int64_t clock_set_ms; /* how far somebody has put the wall clock forward */
    uint64_t n_asked;     /* gives the seed and the time of the next request */
};

/* What a client has got. */
struct outcome {
    unsigned n_sent;
    int status;
    cJSON *body;
};

static inline void outcome_done(struct outcome *outcome)
{
    cJSON_Delete(outcome->body);
    *outcome = (struct outcome){0};
}

static inline cJSON *take_body(struct evbuffer *body)
{
    size_t length = evbuffer_get_length(body);
    cJSON *json = cJSON_ParseWithLength((const char *)evbuffer_pullup(body, -1), length);

    assert_non_null(json);
    (void)evbuffer_drain(body, length);
    return json;
}

static inline void lab_send(void *reply, int status, struct evbuffer *body)
{
    struct outcome *outcome = reply;

    outcome->n_sent++;
    outcome->status = status;
    cJSON_Delete(outcome->body);
    outcome->body = take_body(body);
}

static inline void aws_lab_new(struct aws_lab *lab, uint32_t max_endpoints)
{
    *lab = (struct aws_lab){.waiting.send = lab_send};
    (void)snprintf(lab->who.name, sizeof(lab->who.name), "tester");
    (void)snprintf(lab->who.access_key_id, sizeof(lab->who.access_key_id), "AKIATEST");
    house_make_of_size(&lab->house, (struct house_size){64, 4096, max_endpoints});
    house_begin(&lab->house);
    lab->base = lab->house.base;
    lab->store = lab->house.store;
    lab->registry = lab->house.registry;
    lab->datapath = lab->house.datapath;
    lab->engine = lab->house.engine;
}

static inline void aws_lab_done(struct aws_lab *lab)
{
    aws_later_end(&lab->waiting);
    house_stop(&lab->house);
    house_end(&lab->house);
}

static inline int lab_setup(void **state)
{
    struct aws_lab *lab = calloc(1, sizeof(*lab));

    aws_lab_new(lab, 64);
    *state = lab;
    return 0;
}

static inline int lab_teardown(void **state)
{
    aws_lab_done(*state);
    free(*state);
    return 0;
}

#define AWS_TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

/* ---- asking ---- */

/* "Route53AutoNaming_v20170314.GetService" with a body, ' for ". */
static inline struct aws_request lab_request(struct aws_lab *lab, const char *target, const char *body)
{
    const struct aws_dialect *dialect = aws_dialect_of(target);
    struct aws_request request = {
        .engine = lab->engine,
        .dialect = dialect,
        .who = lab->who,
        .region = "eu-central-1",
        .body = json_from(body),
        .now_ms = 1700000000000 + lab->later_ms + lab->clock_set_ms + (int64_t)lab->n_asked * 1000,
        .run_ms = 1700000000000 + lab->later_ms + (int64_t)lab->n_asked * 1000,
        .seed = lab->n_asked,
    };

    lab->n_asked++;
    assert_non_null(dialect);
    for (request.operation = dialect->operations; request.operation->name; request.operation++)
        if (strcmp(request.operation->name, target + strlen(dialect->prefix)) == 0)
            return request;
    fail_msg("no operation %s", target);
    return request;
}

/* As the daemon does it: a read at once, a change as a job; with all its turns. */
static inline void lab_ask(struct aws_lab *lab, const char *target, const char *body, struct outcome *outcome)
{
    struct aws_request request = lab_request(lab, target, body);
    struct evbuffer *text = evbuffer_new();

    *outcome = (struct outcome){0};
    if (request.operation->is_read) {
        int r = aws_request_run(&request, NULL, text);

        lab_send(outcome, aws_request_finish(&request, r, text), text);
    } else {
        assert_int_equal(aws_later(&lab->waiting, &request, outcome), 0);
        assert_int_equal(outcome->n_sent, 0);
        engine_settle(lab->engine);
    }
    assert_int_equal(outcome->n_sent, 1);
    aws_request_done(&request);
    evbuffer_free(text);
}

static inline void lab_expect(struct aws_lab *lab, const char *target, const char *body, int status,
                              const char *type)
{
    struct outcome outcome;
    const char *found;

    lab_ask(lab, target, body, &outcome);
    found = cJSON_GetStringValue(cJSON_GetObjectItem(outcome.body, "__type"));
    if (outcome.status != status || (type && (!found || strcmp(found, type) != 0)))
        fail_msg("%s: status %d: %s", target, outcome.status, cJSON_PrintUnformatted(outcome.body));
    outcome_done(&outcome);
}

/* "Service.Id" of the answer of a request that succeeds. */
static inline void lab_get(struct aws_lab *lab, const char *target, const char *body, const char *path,
                           char *ret_text, size_t size)
{
    char names[128];
    char *rest = NULL;
    struct outcome outcome;
    const cJSON *item;

    lab_ask(lab, target, body, &outcome);
    if (outcome.status != 200)
        fail_msg("%s: status %d: %s", target, outcome.status, cJSON_PrintUnformatted(outcome.body));
    item = outcome.body;
    (void)snprintf(names, sizeof(names), "%s", path);
    for (char *name = strtok_r(names, ".", &rest); name; name = strtok_r(NULL, ".", &rest))
        item = cJSON_GetObjectItemCaseSensitive(item, name);
    if (!cJSON_IsString(item))
        fail_msg("%s: no %s in %s", target, path, cJSON_PrintUnformatted(outcome.body));
    (void)snprintf(ret_text, size, "%s", item->valuestring);
    outcome_done(&outcome);
}

/* ---- what is there ---- */

static inline char *rows_text(const struct aws_lab *lab)
{
    size_t n;
    const struct fake_row *rows = fake_store_rows(lab->store, &n);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    for (size_t i = 0; i < n; i++)
        (void)fprintf(out, "%s %s\n", rows[i].key, rows[i].value);
    (void)fclose(out);
    return text;
}

/* Everything of a catalog that the AWS APIs show. */
static inline char *whole_text(const struct catalog *catalog)
{
    _cleanup_free_ char *common = catalog_text(catalog);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)fputs(common, out);
    for (int kind = 0; kind < AWS_RECORD_KINDS; kind++)
        (void)fprintf(out, "records of kind %d: %u\n", kind, HASH_COUNT(catalog->aws_records[kind]));
    for (const struct model_namespace *parent = catalog->namespaces; parent; parent = parent->hh.next) {
        if (parent->aws)
            (void)fprintf(out, "%s %s %s\n", parent->name, parent->id, parent->aws);
        for (const struct service *service = parent->services; service; service = service->hh.next)
            (void)fprintf(out, "%s/%s %s %s %u records\n", parent->name, service->name, service->id,
                          service->aws ? service->aws : "", HASH_COUNT(service->records));
    }
    (void)fclose(out);
    return text;
}

/* Whoever reads between two turns sees what is on disk, no more and no less. */
static inline void expect_committed(const struct aws_lab *lab)
{
    struct catalog *fresh = catalog_new();
    size_t n;
    const struct fake_row *rows = fake_store_rows(lab->store, &n);
    _cleanup_free_ char *found = catalog_text(engine_catalog(lab->engine));
    _cleanup_free_ char *wanted = NULL;
    struct error error = {0};

    for (size_t i = 0; i < n; i++)
        assert_int_equal(row_apply(fresh, rows[i].key, rows[i].value, &error), 0);
    wanted = catalog_text(fresh);
    assert_string_equal(found, wanted);
    for (int kind = 0; kind < AWS_RECORD_KINDS; kind++)
        assert_int_equal(HASH_COUNT(engine_catalog(lab->engine)->aws_records[kind]),
                         HASH_COUNT(fresh->aws_records[kind]));
    catalog_free(&fresh);
}
