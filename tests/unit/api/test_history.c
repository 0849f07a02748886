/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* GET /v1/history: what an entry tells, which are shown, page by page, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUSE_HISTORY 8

#include "unit/api/api_lab.h"

#define LIST "GET /v1/history"

/* As the list has it, with this query; the caller's. */
static cJSON *history(struct lab *lab, const char *query)
{
    char what[128];

    (void)snprintf(what, sizeof(what), LIST "%s", query);
    return lab_get(lab, what, "", 200);
}

/* "KIND name: change" of each entry, newest first, with a line end. */
static void expect(struct lab *lab, const char *query, const char *wanted)
{
    _cleanup_json_ cJSON *answer = history(lab, query);
    _cleanup_free_ char *text = calloc(1, 65536);
    const cJSON *item;

    cJSON_ArrayForEach (item, json_at(answer, "history"))
        (void)sprintf(text + strlen(text), "%s %s%s%s: %s\n", json_at(item, "kind")->valuestring,
                      json_at(item, "service")->valuestring, *json_at(item, "name")->valuestring ? "/" : "",
                      json_at(item, "name")->valuestring, json_at(item, "change")->valuestring);
    assert_string_equal(text, wanted);
}

static void test_nothing_yet(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = history(lab, "");

    json_expect(answer, "history", "[]");
    json_expect(answer, "oldest", "0");
    json_expect(answer, "next", "0");
}

static void test_what_an_entry_tells(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;
    char number[32];

    lab_do(lab, "POST /v1/instances", "{'service':'v1','id':'a','address':'10.0.0.1:80'}");
    lab_do(lab, "PATCH /v1/instances", "{'service':'v1','id':'a','weight':5}");
    answer = history(lab, "");
    json_expect(answer, "history.0.operation", "'update'");
    json_expect(answer, "history.0.kind", "'instance'");
    json_expect(answer, "history.0.namespace", "'default'");
    json_expect(answer, "history.0.service", "'v1'");
    json_expect(answer, "history.0.name", "'a'");
    json_expect(answer, "history.0.client", "''");
    json_expect(answer, "history.0.change", "'weight 1 -> 5'");
    json_expect(answer, "history.0.before.weight", "1");
    json_expect(answer, "history.0.after.weight", "5");
    json_expect(answer, "history.0.isWithheld", "");
    json_expect(answer, "history.0.more", "");
    json_expect(answer, "history.0.by.kind", "'socket'");
    (void)snprintf(number, sizeof(number), "%d", (int)getpid());
    json_expect(answer, "history.0.by.pid", number);
    (void)snprintf(number, sizeof(number), "%d", (int)getuid());
    json_expect(answer, "history.0.by.uid", number);
    (void)snprintf(number, sizeof(number), "%llu",
                   (unsigned long long)engine_figures(lab->house.engine).revision);
    json_expect(answer, "history.0.revision", number);
    assert_int_equal(strlen(json_at(answer, "history.0.time")->valuestring), strlen("2026-01-31T12:00:00Z"));
    json_expect(answer, "history.1.before", ""); /* it was made by this one */
    assert_non_null(json_at(answer, "history.1.after"));
}

/* Of all kinds that have one, a service's are those that name it. */
static void test_of_one_service(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_do(
        lab, "PUT /v1/routes",
        "{'dnsName':'front','port':80,'targets':[{'service':'v1','weight':9},{'service':'v2','weight':1}]}");
    lab_do(lab, "PUT /v1/routes", "{'dnsName':'other','port':80,'targets':[{'service':'v2','weight':1}]}");
    expect(lab, "?service=v1",
           "route /front:80/tcp: created: targets v1=9 v2=1\n"
           "instance v1/a: created: address 10.0.0.1, port 80, protocol tcp, weight 1, health HEALTHY\n"
           "service v1: created: clientAliases [{\"dnsName\":\"v1\",\"port\":80,\"protocol\":\"tcp\"}]\n");
    expect(lab, "?service=other&limit=1", "route /other:80/tcp: created: targets v2=1\n");
    expect(lab, "?service=nobody", "");
    expect(lab, "?namespace=elsewhere", "");
}

/* What is removed is named as it was. */
static void test_a_service_that_is_removed(void **state)
{
    struct lab *lab = *state;

    lab_do(lab, "POST /v1/instances", "{'service':'v1','id':'a','address':'10.0.0.1:80'}");
    lab_do(lab, "DELETE /v1/services", "{'service':'v1'}");
    expect(lab, "?service=v1&limit=2",
           "service v1: removed: clientAliases [{\"dnsName\":\"v1\",\"port\":80,\"protocol\":\"tcp\"}]\n"
           "instance v1/a: removed: address 10.0.0.1, port 80, protocol tcp, weight 1, health HEALTHY\n");
}

static void test_what_may_hold_a_secret_is_withheld(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;
    const cJSON *document;

    lab_do(lab, "POST /v1/documents", "{'documents':[" DOCUMENT("f.json", "web", "web", "web") "]}");
    answer = history(lab, "");
    document = json_item(json_at(answer, "history"), "kind", "document");
    assert_non_null(document);
    json_expect(document, "isWithheld", "true");
    json_expect(document, "before", "");
    json_expect(document, "after", "");
    json_expect(document, "name", "'web'");
}

/* Newest first, each entry once, until there are no more; the oldest have given way. */
static void test_pages(void **state)
{
    struct lab *lab = *state;
    uint64_t before = 0;
    unsigned n = 0;

    lab_do(lab, "POST /v1/instances", "{'service':'v1','id':'a','address':'10.0.0.1:80'}");
    for (int weight = 2; weight <= 12; weight++) {
        char body[96];

        (void)snprintf(body, sizeof(body), "{'service':'v1','id':'a','weight':%d}", weight);
        lab_do(lab, "PATCH /v1/instances", body);
    }
    do {
        char query[64], change[64];
        _cleanup_json_ cJSON *answer = NULL;

        (void)snprintf(query, sizeof(query), before ? "?limit=3&before=%llu" : "?limit=3",
                       (unsigned long long)before);
        answer = history(lab, query);
        for (int i = 0; i < cJSON_GetArraySize(json_at(answer, "history")); i++, n++) {
            char path[32];

            (void)snprintf(path, sizeof(path), "history.%d.change", i);
            (void)snprintf(change, sizeof(change), "'weight %u -> %u'", 11 - n, 12 - n);
            json_expect(answer, path, change);
        }
        before = (uint64_t)json_at(answer, "next")->valuedouble;
        assert_true(n <= HOUSE_HISTORY);
    } while (before);
    assert_int_equal(n, HOUSE_HISTORY);
}

static void test_refusals(void **state)
{
    static const struct refusal refusals[] = {
        {LIST "?limit=0", "", 400, "limit", "0"},       {LIST "?limit=1001", "", 400, "limit", "1001"},
        {LIST "?limit=some", "", 400, "limit", "some"}, {LIST "?before=0", "", 400, "before", "0"},
        {LIST "?before=-1", "", 400, "before", "-1"},
    };

    lab_refuse_all(*state, refusals, ARRAY_SIZE(refusals));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_nothing_yet),
        LAB_TEST(test_what_an_entry_tells),
        LAB_TEST(test_of_one_service),
        LAB_TEST(test_a_service_that_is_removed),
        LAB_TEST(test_what_may_hold_a_secret_is_withheld),
        LAB_TEST(test_pages),
        LAB_TEST(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
