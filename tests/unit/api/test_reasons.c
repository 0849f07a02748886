/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Why an endpoint is drawn or is not, as GET /v1/endpoints tells it: each reason, and which of several. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/read/reason.h"
#include "unit/api/api_lab.h"

static void expect_reason(struct lab *lab, const char *id, bool is_drawn, const char *code, const char *part)
{
    _cleanup_json_ cJSON *endpoint = lab_endpoint(lab, id);

    if (!endpoint)
        fail_msg("there is no endpoint %s", id);
    json_expect(endpoint, "drawn", is_drawn ? "true" : "false");
    assert_string_equal(cJSON_GetStringValue(json_at(endpoint, "reasonCode")), code);
    if (!strstr(cJSON_GetStringValue(json_at(endpoint, "reason")), part))
        fail_msg("%s: %s", code, cJSON_GetStringValue(json_at(endpoint, "reason")));
}

static void test_nothing_is_against_it(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    expect_reason(lab, "a", true, "unchecked", "not checked");
}

/* From the one that goes by itself to the one that stays: each goes before those that were there. */
static void test_the_weightiest_is_told(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_do(lab, "POST /v1/ejections", "{'service':'v1','id':'a','forSeconds':600}");
    expect_reason(lab, "a", false, "ejected", "s more");
    lab_do(lab, "PATCH /v1/instances", "{'service':'v1','id':'a','weight':0}");
    expect_reason(lab, "a", false, "weight", "weight 0");
    lab_do(lab, "PATCH /v1/instances", "{'service':'v1','id':'a','health':'UNHEALTHY'}");
    expect_reason(lab, "a", false, "reported", "reported by its owner");
    lab_do(lab, "POST /v1/drains", "{'service':'v1','id':'a','timeoutSeconds':600}");
    expect_reason(lab, "a", false, "draining", "draining");
    expect_reason(lab, "b", true, "unchecked", "not checked");
}

static void test_a_name_without_an_address(void **state)
{
    struct lab *lab = *state;

    lab_do(lab, "POST /v1/instances", "{'service':'db','id':'d','address':'db.example.net:5432'}");
    expect_reason(lab, "d", false, "unresolved", "not resolved yet");
}

/* A check that has no answer yet keeps it back; what is not against it stands behind what is. */
static void test_all_of_them_at_once(void **state)
{
    struct lab *lab = *state;
    struct instance *instance;
    struct reasons reasons;

    lab_two_services(lab);
    instance = lab_instance(lab, "v1", "a");
    instance->ramp = 12;
    reasons_find(&lab->api, instance, &reasons);
    assert_true(reasons.is_drawn && reasons.n == 2);
    assert_string_equal(reasons.items[1].code, "slowStart");
    assert_non_null(strstr(reasons.items[1].text, "25.00 %"));
    assert_false(reasons.items[1].is_against);
    instance->is_held_back = true;
    instance->weight = 0;
    reasons_find(&lab->api, instance, &reasons);
    assert_true(!reasons.is_drawn && reasons.n == 3);
    assert_string_equal(reasons.items[0].code, "unchecked");
    assert_true(reasons.items[0].is_against);
    assert_string_equal(reasons.items[1].code, "weight");
    instance->weight = 1;
    instance->is_held_back = false;
    instance->ramp = 0;
}

/* Below the threshold of its service health keeps nobody out, and the list says that it does not. */
static void test_panic(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_do(lab, "POST /v1/instances", "{'service':'v1','id':'c','address':'10.0.0.3:80'}");
    lab_do(lab, "POST /v1/instances", "{'service':'v1','id':'d','address':'10.0.0.4:80'}");
    lab_do(lab, "PUT /v1/settings", "{'service':'v1','settings':{'panicThresholdPercent':60}}");
    lab_do(lab, "PATCH /v1/instances", "{'service':'v1','id':'a','health':'UNHEALTHY'}");
    expect_reason(lab, "a", false, "reported", "reported by its owner"); /* two of three are well */
    lab_do(lab, "PATCH /v1/instances", "{'service':'v1','id':'c','health':'UNHEALTHY'}");
    expect_reason(lab, "a", true, "panic", "fewer than 60 % of the service are healthy");
    expect_reason(lab, "a", true, "panic", "reported by its owner");
    expect_reason(lab, "d", true, "unchecked", "not checked"); /* nothing was against it */
    lab_do(lab, "POST /v1/ejections", "{'service':'v1','id':'a','forSeconds':600}");
    expect_reason(lab, "a", false, "ejected", "s more");
    lab_do(lab, "PATCH /v1/instances", "{'service':'v1','id':'c','weight':0}");
    expect_reason(lab, "c", false, "weight", "weight 0");
    lab_do(lab, "PUT /v1/settings", "{'service':'v1','settings':{'panicThresholdPercent':0}}");
    expect_reason(lab, "c", false, "reported", "reported by its owner");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_nothing_is_against_it),
        LAB_TEST(test_the_weightiest_is_told),
        LAB_TEST(test_a_name_without_an_address),
        LAB_TEST(test_all_of_them_at_once),
        LAB_TEST(test_panic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
