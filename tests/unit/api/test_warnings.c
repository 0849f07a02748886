/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a change is warned of: aliases that it leaves without an endpoint, names that nobody has. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/change/warnings.h"
#include "unit/api/api_lab.h"

#define SET         "PUT /v1/routes"
#define CLEAR       "DELETE /v1/routes"
#define REGISTER    "POST /v1/instances"
#define UPDATE      "PATCH /v1/instances"
#define DEREGISTER  "DELETE /v1/instances"
#define LEFT(alias) "no endpoint of client alias " alias " of namespace default is left to be drawn"
#define GOES(alias) "client alias " alias " of namespace default goes, and had endpoints"

struct step {
    const char *what;
    const char *body;
    const char *wanted; /* part of the only warning; NULL: there is none */
};

static void expect_steps(struct lab *lab, const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        _cleanup_json_ cJSON *answer = lab_get(lab, steps[i].what, steps[i].body, 200);
        const cJSON *list = json_at(answer, "warnings");
        const cJSON *first = cJSON_GetArrayItem(list, 0);
        const char *text = first ? first->valuestring : "(none)";

        if (cJSON_GetArraySize(list) != (steps[i].wanted ? 1 : 0) ||
            (steps[i].wanted && !strstr(text, steps[i].wanted)))
            fail_msg("%s %s: %d warnings, the first: %s; wanted: %s", steps[i].what, steps[i].body,
                     cJSON_GetArraySize(list), text, steps[i].wanted ? steps[i].wanted : "(none)");
    }
}

static void test_the_last_endpoint_of_an_alias(void **state)
{
    static const struct step steps[] = {
        {REGISTER, "{'service':'v1','id':'a2','address':'10.0.0.3:80'}", NULL},
        {UPDATE, "{'service':'v1','id':'a','weight':0}", NULL}, /* another is left */
        {UPDATE, "{'service':'v1','id':'a2','health':'UNHEALTHY'}", LEFT("v1:80/tcp")},
        {UPDATE, "{'service':'v1','id':'a2','weight':7}", NULL}, /* said once: nothing is lost now */
        {UPDATE, "{'service':'v1','id':'a2','health':'HEALTHY'}", NULL},
        {UPDATE, "{'service':'v1','id':'a2','weight':0}", LEFT("v1:80/tcp")},
        {UPDATE, "{'service':'v1','id':'a2','weight':1}", NULL},
        {"POST /v1/drains", "{'service':'v1','id':'a2','timeoutSeconds':60}", LEFT("v1:80/tcp")},
        {DEREGISTER, "{'service':'v1','id':'a2','now':true}", NULL}, /* nothing was sent to it any more */
        {DEREGISTER, "{'service':'v2','id':'b','now':true}", LEFT("v2:80/tcp")},
        {UPDATE, "{'service':'v1','id':'a','weight':1}", NULL},
        {"DELETE /v1/services", "{'service':'v1'}", GOES("v1:80/tcp")},
        {"DELETE /v1/services", "{'service':'v2'}", NULL},
    };
    struct lab *lab = *state;

    lab_two_services(lab);
    expect_steps(lab, steps, ARRAY_SIZE(steps));
}

static void test_other_protocols_do_not_count(void **state)
{
    static const struct step steps[] = {
        {REGISTER, "{'service':'v1','id':'u','address':'10.0.0.3:80','protocol':'udp'}", NULL},
        {UPDATE, "{'service':'v1','id':'a','weight':0}", LEFT("v1:80/tcp")},
        {DEREGISTER, "{'service':'v1','id':'u','now':true}", LEFT("v1:80/udp")},
    };
    struct lab *lab = *state;

    lab_two_services(lab);
    expect_steps(lab, steps, ARRAY_SIZE(steps));
}

static void test_routes_count(void **state)
{
    static const struct step steps[] = {
        {SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1},{'service':'v2','weight':1}]}", NULL},
        {UPDATE, "{'service':'v1','id':'a','weight':0}", NULL}, /* the route has another target */
        {CLEAR, "{'dnsName':'v1'}", LEFT("v1:80/tcp")},
        {SET, "{'dnsName':'v1','targets':[{'service':'v2','weight':1}]}", NULL},
        {SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1}]}", LEFT("v1:80/tcp")},
        {SET, "{'dnsName':'only','port':80,'targets':[{'service':'v2','weight':1}]}", NULL},
        {CLEAR, "{'dnsName':'only'}", GOES("only:80/tcp")},
        {SET, "{'dnsName':'v2','client':'v1','targets':[{'service':'v1','weight':1}]}",
         "connects to it by tasks of v1 are refused"},
    };
    struct lab *lab = *state;

    lab_two_services(lab);
    expect_steps(lab, steps, ARRAY_SIZE(steps));
}

/* With these, what is not healthy is drawn where nothing healthy is there. */
static void test_last_resorts_count(void **state)
{
    static const struct step steps[] = {
        {"PUT /v1/settings", "{'service':'v1','settings':{'panicThresholdPercent':50}}", NULL},
        {UPDATE, "{'service':'v1','id':'a','health':'UNHEALTHY'}", NULL},
        {UPDATE, "{'service':'v1','id':'a','weight':0}", LEFT("v1:80/tcp")},
        {SET, "{'dnsName':'v2','onEmpty':'unhealthy','targets':[{'service':'v2','weight':1}]}", NULL},
        {UPDATE, "{'service':'v2','id':'b','health':'UNHEALTHY'}", NULL},
        {"POST /v1/drains", "{'service':'v2','id':'b','timeoutSeconds':60}", LEFT("v2:80/tcp")},
    };
    struct lab *lab = *state;

    lab_two_services(lab);
    expect_steps(lab, steps, ARRAY_SIZE(steps));
}

static void test_batches_are_taken_together(void **state)
{
    static const struct step steps[] = {
        {"POST /v1/batch",
         "{'changes':[{'op':'update','service':'v1','id':'a','weight':0},"
         "{'op':'register','service':'v1','id':'a2','address':'10.0.0.3:80'}]}",
         NULL},
        {"POST /v1/batch",
         "{'dryRun':true,'changes':[{'op':'deregister','service':'v1','id':'a2','now':true},"
         "{'op':'deregister','service':'v1','id':'a','now':true}]}",
         LEFT("v1:80/tcp")},
        {"POST /v1/batch",
         "{'changes':[{'op':'declare-service','service':'v3','port':80},{'op':'set-route','dnsName':'x','"
         "port':80,"
         "'targets':[{'service':'v3','weight':1}]}]}",
         "target v3 has no instance"},
        {UPDATE, "{'service':'v1','id':'a2','weight':0}", LEFT("v1:80/tcp")}, /* the dry run took nothing */
    };
    struct lab *lab = *state;

    lab_two_services(lab);
    expect_steps(lab, steps, ARRAY_SIZE(steps));
}

#define ROUTE_DOCUMENT(more, target)                                                                         \
    "{" more "'documents':[{'source':'r.json','text':'{`namespace`:`default`,`routes`:[{`dnsName`:`front`,"  \
    "`port`:80,`targets`:[{`discoveryName`:`" target "`,`weight`:1}]}]}'}]}"

static void test_documents_are_taken_together(void **state)
{
    static const struct step steps[] = {
        {UPDATE, "{'service':'v1','id':'a','weight':0}", LEFT("v1:80/tcp")},
        {"POST /v1/documents", ROUTE_DOCUMENT("", "v2"), NULL},
        {"POST /v1/documents", ROUTE_DOCUMENT("'dryRun':true,", "v1"), "r.json: " LEFT("front:80/tcp")},
        {"POST /v1/documents", ROUTE_DOCUMENT("", "v1"), "r.json: " LEFT("front:80/tcp")},
        {"POST /v1/documents", ROUTE_DOCUMENT("", "v1"), NULL},
    };
    struct lab *lab = *state;

    lab_two_services(lab);
    expect_steps(lab, steps, ARRAY_SIZE(steps));
}

static void test_a_client_that_nobody_is(void **state)
{
    static const struct step steps[] = {
        {SET, "{'dnsName':'v1','client':'v2','targets':[{'service':'v1','weight':1}]}", NULL},
        {SET, "{'dnsName':'v1','client':'v22','targets':[{'service':'v1','weight':1}]}",
         "client v22 is no service and no task's service in namespace default (did you mean \"v2\"?)"},
        {"PUT /v1/services", "{'service':'web','port':80}", NULL},
        {SET, "{'dnsName':'v1','client':'web','targets':[{'service':'v1','weight':1}]}", NULL},
        {SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1},{'service':'web','weight':1}]}",
         "target web has no instance"},
    };
    struct lab *lab = *state;

    lab_two_services(lab);
    expect_steps(lab, steps, ARRAY_SIZE(steps));
}

static void expect_task_warning(struct lab *lab, const char *namespace_name, const char *service,
                                const char *wanted)
{
    _cleanup_json_ cJSON *answer = cJSON_CreateObject();
    const cJSON *list = cJSON_AddArrayToObject(answer, "warnings");

    warnings_add_task(&lab->api, namespace_name, service, answer);
    assert_int_equal(cJSON_GetArraySize(list), wanted ? 1 : 0);
    if (wanted && !strstr(cJSON_GetArrayItem(list, 0)->valuestring, wanted))
        fail_msg("%s; wanted: %s", cJSON_GetArrayItem(list, 0)->valuestring, wanted);
}

static void test_a_task_of_what_nobody_has(void **state)
{
    struct lab *lab = *state;

    expect_task_warning(lab, "default", "", NULL); /* nothing is registered yet, and nothing was named */
    lab_two_services(lab);
    lab_do(lab, SET, "{'dnsName':'v1','client':'shop-client','targets':[{'service':'v1','weight':1}]}");
    lab_do(lab, REGISTER, "{'service':'v1','id':'a','address':'10.0.0.1:80','namespace':'payments'}");
    expect_task_warning(lab, "default", "", NULL);
    expect_task_warning(lab, "default", "v1", NULL);
    expect_task_warning(lab, "default", "shop-client", NULL); /* its routes are what it is */
    expect_task_warning(lab, "default", "elsewhere", "elsewhere is no service of namespace default");
    expect_task_warning(lab, "payments", "v12", "(did you mean \"v1\"?)");
    expect_task_warning(lab, "paymets", "v1",
                        "nothing is registered in namespace paymets (did you mean \"payments\"?)");
}

static void test_a_long_list_ends(void **state)
{
    _cleanup_json_ cJSON *answer = cJSON_CreateObject();
    const cJSON *list = cJSON_AddArrayToObject(answer, "warnings");

    (void)state;
    for (unsigned i = 0; i < 2 * WARNINGS_MAX; i++)
        warnings_add(answer, "again");
    assert_int_equal(cJSON_GetArraySize(list), WARNINGS_MAX);
    assert_string_equal(cJSON_GetArrayItem(list, WARNINGS_MAX - 1)->valuestring, "and more of this kind");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_the_last_endpoint_of_an_alias),
        LAB_TEST(test_other_protocols_do_not_count),
        LAB_TEST(test_routes_count),
        LAB_TEST(test_last_resorts_count),
        LAB_TEST(test_batches_are_taken_together),
        LAB_TEST(test_documents_are_taken_together),
        LAB_TEST(test_a_client_that_nobody_is),
        LAB_TEST(test_a_task_of_what_nobody_has),
        cmocka_unit_test(test_a_long_list_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
