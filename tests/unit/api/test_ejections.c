/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Ejecting by hand: this host's alone, so the registry hears nothing of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/api/api_lab.h"

#define EJECT   "POST /v1/ejections"
#define UNEJECT "DELETE /v1/ejections"

static void expect_ejected(struct lab *lab, const char *id, bool is_ejected)
{
    _cleanup_json_ cJSON *endpoint = lab_endpoint(lab, id);

    json_expect(endpoint, "ejected", is_ejected ? "true" : "false");
    assert_int_equal(json_at(endpoint, "ejectedSeconds") != NULL, is_ejected);
    assert_int_equal(json_at(endpoint, "ejectedUntil") != NULL, is_ejected);
    json_expect(endpoint, "eligible", "true"); /* an ejection is not in it */
}

/* No more than it was ejected for, and most of that: however long the test has taken. */
static void expect_left(struct lab *lab, const char *id, double most)
{
    _cleanup_json_ cJSON *endpoint = lab_endpoint(lab, id);
    double left = json_at(endpoint, "ejectedSeconds")->valuedouble;

    assert_true(left <= most && left > most / 2);
}

static void test_out_and_back(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *out = NULL, *back = NULL, *again = NULL;
    _cleanup_free_ char *before = NULL;

    lab_two_services(lab);
    before = lab_state(lab);
    expect_ejected(lab, "a", false);
    out = lab_get(lab, EJECT, "{'service':'v1','id':'a','forSeconds':600}", 200);
    json_expect(out, "forSeconds", "600");
    json_expect(out, "revision", "");
    expect_ejected(lab, "a", true);
    expect_left(lab, "a", 600);
    expect_ejected(lab, "b", false);
    back = lab_get(lab, UNEJECT, "{'service':'v1','id':'a'}", 200);
    json_expect(back, "wasEjected", "true");
    expect_ejected(lab, "a", false);
    again = lab_get(lab, UNEJECT, "{'service':'v1','id':'a'}", 200);
    json_expect(again, "wasEjected", "false");
    lab_expect_state(lab, before, "an ejection");
    house_expect_events(&lab->house,
                        "EJECTED a ejected for 600 s by hand\nRETURNED a drawn again, by hand\n");
}

static void test_for_how_long(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *by_default = NULL, *of_service = NULL, *longest = NULL;

    lab_two_services(lab);
    by_default = lab_get(lab, EJECT, "{'service':'v1','id':'a'}", 200);
    json_expect(by_default, "forSeconds", "30");
    lab_do(lab, "PUT /v1/settings", "{'service':'v1','settings':{'ejection':{'baseSeconds':240}}}");
    of_service = lab_get(lab, EJECT, "{'service':'v1','id':'a'}", 200);
    json_expect(of_service, "forSeconds", "240");
    expect_left(lab, "a", 240);
    longest = lab_get(lab, EJECT, "{'service':'v1','id':'a','forSeconds':86400}", 200);
    json_expect(longest, "forSeconds", "86400");
    expect_left(lab, "a", 86400);
}

/* A host name stands for all of its addresses, of which this one has none yet. */
static void test_a_host_name(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *out = NULL, *back = NULL;
    _cleanup_free_ char *told = NULL;

    lab_do(lab, "POST /v1/instances", "{'service':'db','id':'d','address':'db.example.net:5432'}");
    out = lab_get(lab, EJECT, "{'service':'db','id':'d','forSeconds':5}", 200);
    json_expect(out, "forSeconds", "5");
    back = lab_get(lab, UNEJECT, "{'service':'db','id':'d'}", 200);
    json_expect(back, "wasEjected", "false");
    told = house_events(&lab->house);
    assert_null(strstr(told, "by hand"));
}

static int setup_resolved(void **state)
{
    static const char *const rows[] = {
        "services/default/db",
        "{\"clientAliases\":[{\"dnsName\":\"db\",\"port\":5432,\"protocol\":\"tcp\"}]}",
        "instances/default/db/d",
        "{\"host\":\"db.example.net\",\"port\":5432,\"protocol\":\"tcp\",\"weight\":1,"
        "\"health\":\"HEALTHY\"}",
        "host/resolved/default/db/d",
        "{\"host\":\"db.example.net\",\"addresses\":[\"10.0.0.5\",\"10.0.0.6\"]}",
        NULL};
    struct lab *lab = lab_make();

    *state = lab;
    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    lab_begin_rooms(lab);
    lab_listen(lab);
    return 0;
}

/* How many of the endpoints are ejected. */
static unsigned n_ejected(struct lab *lab)
{
    _cleanup_json_ cJSON *answer = lab_get(lab, "GET /v1/endpoints", "", 200);
    const cJSON *item;
    unsigned n = 0;

    assert_int_equal(cJSON_GetArraySize(json_at(answer, "endpoints")), 2);
    cJSON_ArrayForEach (item, json_at(answer, "endpoints"))
        n += cJSON_IsTrue(json_at(item, "ejected"));
    return n;
}

static void test_all_addresses_of_a_host_name(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *back = NULL;

    lab_do(lab, "POST /v1/ejections", "{'service':'db','id':'d'}");
    assert_int_equal(n_ejected(lab), 2);
    back = lab_get(lab, UNEJECT, "{'service':'db','id':'d'}", 200);
    json_expect(back, "wasEjected", "true");
    assert_int_equal(n_ejected(lab), 0);
}

static void test_what_is_refused(void **state)
{
    static const struct refusal all[] = {
        {EJECT, "{'service':'v1','id':'a','forSeconds':0}", 400, "forSeconds", "from 1 to 86400"},
        {EJECT, "{'service':'v1','id':'a','forSeconds':86401}", 400, "forSeconds", "from 1 to 86400"},
        {EJECT, "{'service':'v1','id':'b'}", 404, "id", "an instance of service v1"},
        {EJECT, "{'service':'v3','id':'a'}", 404, "service", "a service of namespace default"},
        {EJECT, "{'service':'v1','id':'a','namespace':'nobody'}", 404, "service", "namespace nobody"},
        {UNEJECT, "{'service':'v1','id':'b'}", 404, "id", "an instance of service v1"},
        {UNEJECT, "{'service':'v1','id':'a','forSeconds':1}", 400, "forSeconds", "(unknown member)"},
        {UNEJECT, "{'service':'v1','id':'a','namespace':'nobody'}", 404, "service", "namespace nobody"},
    };
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_refuse_all(lab, all, ARRAY_SIZE(all));
    expect_ejected(lab, "a", false);
    /* Who has no record in the kernel cannot be ejected, and is told so. */
    outliers_remove(&lab->outliers, lab_instance(lab, "v1", "a")->endpoint);
    lab_refuse(lab, EJECT, "{'service':'v1','id':'a'}", 404, NULL, "endpoint a has no record to change");
    lab_refuse(lab, UNEJECT, "{'service':'v1','id':'a'}", 404, NULL, "endpoint a has no record to change");
    house_expect_events(&lab->house, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_out_and_back),
        LAB_TEST(test_for_how_long),
        LAB_TEST(test_a_host_name),
        cmocka_unit_test_setup_teardown(test_all_addresses_of_a_host_name, setup_resolved, lab_teardown),
        LAB_TEST(test_what_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
