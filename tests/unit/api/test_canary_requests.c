/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Canaries by request: start, pause, resume, promote, abort, clear, and what comes of them meanwhile. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/api/api_lab.h"

#define START "POST /v1/canaries"
#define ACT   "PATCH /v1/canaries"
#define ROUTE "PUT /v1/routes"

#define V1_TO_V2 "{'dnsName':'v1','from':'v1','to':'v2'}"

/* The only canary that there is, or nothing; the caller's. */
static cJSON *canary(struct lab *lab)
{
    _cleanup_json_ cJSON *answer = lab_get(lab, "GET /v1/canaries", "", 200);
    const cJSON *item = json_at(answer, "canaries.0");

    json_expect(answer, "canaries.1", "");
    return item ? cJSON_Duplicate(item, true) : NULL;
}

static void expect_canary(struct lab *lab, const char *path, const char *wanted)
{
    _cleanup_json_ cJSON *found = canary(lab);

    if (!found)
        fail_msg("there is no canary");
    json_expect(found, path, wanted);
}

/* What the namespace's alias v1 leads to: "v1=90 v2=10". */
static void expect_route(struct lab *lab, const char *wanted)
{
    _cleanup_json_ cJSON *answer = lab_get(lab, "GET /v1/aliases", "", 200);
    const cJSON *item = json_item(json_at(answer, "aliases"), "dnsName", "v1");
    const cJSON *target;
    char text[128] = "";

    cJSON_ArrayForEach (target, json_at(item, "targets"))
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s=%g", *text ? " " : "",
                       json_at(target, "service")->valuestring,
                       json_at(target, "wantedPercent")->valuedouble);
    assert_string_equal(text, wanted);
}

static void act(struct lab *lab, const char *action)
{
    char body[128];

    (void)snprintf(body, sizeof(body), "{'dnsName':'v1','action':'%s'}", action);
    lab_do(lab, ACT, body);
}

static void expect_busy(struct lab *lab, const char *action, const char *part)
{
    char body[128];

    (void)snprintf(body, sizeof(body), "{'dnsName':'v1','action':'%s'}", action);
    lab_refuse(lab, ACT, body, 409, "action", part);
}

/* ---- start ---- */

static void test_a_start_as_it_is_without_more(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL, *listed = NULL;

    lab_two_services(lab);
    answer = lab_get(lab, START, V1_TO_V2, 200);
    json_expect(answer, "revision", "3");
    json_expect(answer, "warnings", "[]");
    json_expect(answer, "canary.namespace", "'default'");
    json_expect(answer, "canary.client", "''");
    json_expect(answer, "canary.dnsName", "'v1'");
    json_expect(answer, "canary.port", "80");
    json_expect(answer, "canary.protocol", "'tcp'");
    json_expect(answer, "canary.from", "'v1'");
    json_expect(answer, "canary.to", "'v2'");
    json_expect(answer, "canary.strategy", "'LINEAR'");
    json_expect(answer, "canary.stepPercent", "10");
    json_expect(answer, "canary.canaryPercent", "");
    json_expect(answer, "canary.intervalSeconds", "360");
    json_expect(answer, "canary.maxFailuresPercent", "5");
    json_expect(answer, "canary.minConnects", "20");
    json_expect(answer, "canary.state", "'RUNNING'");
    json_expect(answer, "canary.percent", "10");
    json_expect(answer, "canary.step", "{'connects':0,'failures':0,'failurePercent':0,'ejections':0}");
    json_expect(answer, "canary.endedAt", "");
    json_expect(answer, "canary.reason", "");
    expect_route(lab, "v1=90 v2=10");
    /* The list has the same, but for the time that is left. */
    listed = canary(lab);
    cJSON_DeleteItemFromObjectCaseSensitive(listed, "nextStepInSeconds");
    cJSON_DeleteItemFromObjectCaseSensitive((cJSON *)json_at(answer, "canary"), "nextStepInSeconds");
    assert_true(cJSON_Compare(listed, json_at(answer, "canary"), true));
}

static void test_a_start_with_everything(void **state)
{
    static const struct {
        const char *more;
        const char *path;
        const char *wanted;
    } all[] = {
        {"'stepPercent':3", "stepPercent", "3"},
        {"'stepPercent':100,'strategy':'linear'", "percent", "100"},
        {"'strategy':'CANARY'", "canaryPercent", "5"},
        {"'strategy':'canary'", "intervalSeconds", "600"},
        {"'strategy':'CANARY','canaryPercent':0.1", "percent", "0.1"},
        {"'strategy':'CANARY','canaryPercent':99.9", "canaryPercent", "99.9"},
        {"'intervalSeconds':0", "intervalSeconds", "0"},
        {"'intervalSeconds':86400", "intervalSeconds", "86400"},
        {"'minConnects':0", "minConnects", "0"},
        {"'maxFailuresPercent':0", "maxFailuresPercent", "0"},
        {"'maxFailuresPercent':100.0", "maxFailuresPercent", "100"},
        {"'maxFailuresPercent':0.5", "maxFailuresPercent", "0.5"},
    };
    struct lab *lab = *state;
    char body[256];

    lab_two_services(lab);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        (void)snprintf(body, sizeof(body), "{'dnsName':'v1','from':'v1','to':'v2',%s}", all[i].more);
        lab_do(lab, START, body);
        expect_canary(lab, all[i].path, all[i].wanted);
        act(lab, "abort");
        expect_route(lab, "v1=100");
    }
}

static void test_a_start_warns(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;

    lab_two_services(lab);
    lab_do(lab, "PATCH /v1/instances", "{'service':'v2','id':'b','health':'UNHEALTHY'}");
    answer = lab_get(lab, START, V1_TO_V2, 200);
    json_expect(answer, "warnings", "['v2 has no healthy instance; until it has, all goes to v1']");
}

static void test_what_cannot_be_started(void **state)
{
    static const struct refusal all[] = {
        {START, "{'dnsName':'v1','from':'v1','to':'v1'}", 400, "to", "another service than from"},
        {START, "{'dnsName':'v1','from':'v3','to':'v2'}", 404, "from", "a service of namespace default"},
        {START, "{'dnsName':'v1','from':'v1','to':'v3'}", 404, "to", "did you mean \"v1\"?"},
        {START, "{'dnsName':'v1','from':'v1','to':'a b'}", 400, "to", "allowed"},
        {START, "{'dnsName':'v1','from':'v1','to':'v2','namespace':'nobody'}", 404, "from",
         "a service of namespace nobody"},
        {START, "{'dnsName':'v1','from':'v1','to':'v2','strategy':'BLUE'}", 400, "strategy",
         "LINEAR, CANARY"},
        {START, "{'dnsName':'v1','from':'v1','to':'v2','stepPercent':2.9}", 400, "stepPercent",
         "a percentage from 3.0 to 100.0, in tenths"},
        {START, "{'dnsName':'v1','from':'v1','to':'v2','stepPercent':100.1}", 400, "stepPercent",
         "from 3.0 to 100.0"},
        {START, "{'dnsName':'v1','from':'v1','to':'v2','stepPercent':10.05}", 400, "stepPercent",
         "in tenths"},
        {START, "{'dnsName':'v1','from':'v1','to':'v2','canaryPercent':5}", 400, "canaryPercent",
         "stepPercent with LINEAR"},
        {START, "{'dnsName':'v1','from':'v1','to':'v2','strategy':'CANARY','stepPercent':5}", 400,
         "stepPercent", "canaryPercent with CANARY"},
        {START, "{'dnsName':'v1','from':'v1','to':'v2','strategy':'CANARY','canaryPercent':0}", 400,
         "canaryPercent", "from 0.1 to 100.0"},
        {START, "{'dnsName':'v1','from':'v1','to':'v2','intervalSeconds':86401}", 400, "intervalSeconds",
         "from 0 to 86400"},
        {START, "{'dnsName':'v1','from':'v1','to':'v2','minConnects':1000000001}", 400, "minConnects",
         "from 0 to 1000000000"},
        {START, "{'dnsName':'v1','from':'v1','to':'v2','maxFailuresPercent':100.1}", 400,
         "maxFailuresPercent", "from 0.0 to 100.0"},
        {START, "{'dnsName':'v9','from':'v1','to':'v2'}", 404, "dnsName",
         "a client alias that leads to a service"},
        {START, "{'dnsName':'v1','port':81,'from':'v1','to':'v2'}", 404, "dnsName", "a client alias"},
        {START, "{'dnsName':'v2','from':'v1','to':'v2'}", 409, "from", "v2:80/tcp leads to v2"},
        {START, "{'dnsName':'elsewhere','from':'v1','to':'v2'}", 409, "from", "elsewhere:80/tcp leads to v4"},
        {START, "{'dnsName':'none-of-from','from':'v1','to':'v2'}", 409, "from", "leads to v2"},
        {START, "{'dnsName':'no-weight-of-from','from':'v1','to':'v2'}", 409, "from", "leads to v2"},
        {ACT, "{'dnsName':'v1','action':'pause'}", 404, "dnsName", "an alias with a canary"},
        {ACT, "{'dnsName':'v1','action':'pause','namespace':'nobody'}", 404, "dnsName",
         "an alias with a canary"},
        {ACT, "{'dnsName':'v1','action':'stop'}", 400, "action", "pause, resume, promote, abort, clear"},
        {"POST /v1/batch", "{'changes':[{'op':'start-canary','dnsName':'v1','from':'v1','to':'v2'}]}", 400,
         "changes[0].op", "register"},
    };
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_do(lab, ROUTE, "{'dnsName':'none-of-from','targets':[{'service':'v2','weight':1}]}");
    lab_do(lab, ROUTE,
           "{'dnsName':'no-weight-of-from','targets':[{'service':'v1','weight':0},{'service':'v2','weight':1}"
           "]}");
    lab_do(lab, "POST /v1/instances", "{'service':'v4','id':'d','address':'10.0.0.4:80'}");
    lab_do(lab, ROUTE,
           "{'dnsName':'elsewhere','targets':[{'service':'v1','weight':1},{'service':'v4','weight':1}]}");
    lab_refuse_all(lab, all, ARRAY_SIZE(all));
}

/* ---- by hand ---- */

static void test_pause_resume_promote_clear(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *paused = NULL, *resumed = NULL, *cleared = NULL;

    lab_two_services(lab);
    lab_do(lab, START, V1_TO_V2);
    expect_busy(lab, "resume", "pause, promote or abort: the canary is RUNNING");
    expect_busy(lab, "clear", "the canary is RUNNING");
    paused = lab_get(lab, ACT, "{'dnsName':'v1','action':'pause'}", 200);
    json_expect(paused, "canary.state", "'PAUSED'");
    json_expect(paused, "revision", "4");
    expect_busy(lab, "pause", "resume, promote or abort: the canary is PAUSED");
    expect_busy(lab, "clear", "the canary is PAUSED");
    expect_route(lab, "v1=90 v2=10");
    resumed = lab_get(lab, ACT, "{'dnsName':'v1','action':'resume'}", 200);
    json_expect(resumed, "canary.state", "'RUNNING'");
    act(lab, "promote");
    expect_canary(lab, "state", "'SUCCEEDED'");
    expect_canary(lab, "percent", "100");
    expect_canary(lab, "nextStepInSeconds", "");
    expect_route(lab, "v2=100");
    for (size_t i = 0; i < 4; i++)
        expect_busy(lab, (const char *const[]){"pause", "resume", "promote", "abort"}[i],
                    "clear: the canary is SUCCEEDED");
    cleared = lab_get(lab, ACT, "{'dnsName':'v1','action':'clear'}", 200);
    json_expect(cleared, "canary", "");
    assert_null(canary(lab));
    expect_route(lab, "v2=100"); /* its route stays */
    lab_refuse(lab, ACT, "{'dnsName':'v1','action':'clear'}", 404, "dnsName", "an alias with a canary");
}

static void test_an_abort_gives_back_the_route_before(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_do(lab, ROUTE,
           "{'dnsName':'v1','targets':[{'service':'v1','weight':3},{'service':'v2','weight':1}],"
           "'onEmpty':'unhealthy'}");
    lab_do(lab, START, "{'dnsName':'v1','from':'v1','to':'v2','stepPercent':50}");
    expect_route(lab, "v1=50 v2=50");
    act(lab, "abort");
    expect_canary(lab, "state", "'ABORTED'");
    expect_canary(lab, "percent", "50");
    {
        _cleanup_json_ cJSON *routes = lab_get(lab, "GET /v1/routes", "", 200);

        json_expect(routes, "routes.0.onEmpty", "'unhealthy'");
    }
    expect_busy(lab, "abort", "clear: the canary is ABORTED");
}

static void test_while_it_runs_the_route_is_its_own(void **state)
{
    static const struct refusal all[] = {
        {ROUTE, "{'dnsName':'v1','targets':[{'service':'v1','weight':1}]}", 409, NULL, ""},
        {"DELETE /v1/routes", "{'dnsName':'v1'}", 409, NULL, ""},
        {START, V1_TO_V2, 409, "dnsName", "an alias without a canary; this one's is RUNNING"},
        {"DELETE /v1/services", "{'service':'v2'}", 409, NULL, ""},
    };
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_do(lab, START, V1_TO_V2);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        _cleanup_free_ char *before = lab_state(lab);

        cJSON_Delete(lab_get(lab, all[i].what, all[i].body, all[i].status));
        lab_expect_state(lab, before, all[i].body);
    }
    /* Of another client it is not. */
    lab_do(lab, ROUTE, "{'dnsName':'v1','client':'shop','targets':[{'service':'v1','weight':1}]}");
    lab_do(lab, START, "{'dnsName':'v1','client':'shop','from':'v1','to':'v2'}");
    act(lab, "abort");
    lab_do(lab, ROUTE, "{'dnsName':'v1','targets':[{'service':'v1','weight':1}]}");
    /* One that has ended is replaced. */
    lab_do(lab, START, V1_TO_V2);
}

/* ---- by itself ---- */

static void set_outcomes(struct lab *lab, unsigned established, unsigned refused)
{
    const struct svc_endpoint_stats stats = {.established = established, .refused = refused};

    assert_int_equal(
        memory_datapath_set_stats(lab->house.datapath, lab_instance(lab, "v2", "b")->endpoint, &stats), 0);
}

static void sweep(struct lab *lab)
{
    uint64_t revision = registry_revision(lab->house.registry);

    canaries_sweep(&lab->canaries);
    REGISTRY_TURN_UNTIL(registry_revision(lab->house.registry) > revision &&
                        engine_is_steady(lab->house.engine));
}

static void test_too_many_failures_roll_back(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *found = NULL;

    lab_two_services(lab);
    set_outcomes(lab, 1000, 1000); /* before it began: not its own */
    lab_do(lab, START, V1_TO_V2);
    set_outcomes(lab, 1010, 1005);
    expect_canary(lab, "step.connects", "15");
    expect_canary(lab, "step.failures", "5");
    set_outcomes(lab, 1010, 1010);
    sweep(lab);
    lab_some_turns(lab);
    found = canary(lab);
    json_expect(found, "state", "'ROLLED_BACK'");
    json_expect(found, "percent", "10");
    assert_true(strstr(json_at(found, "reason")->valuestring, "10 of 20"));
    assert_non_null(json_at(found, "endedAt"));
    expect_route(lab, "v1=100");
    expect_busy(lab, "resume", "clear: the canary is ROLLED_BACK");
    act(lab, "clear");
    assert_null(canary(lab));
}

static void test_it_steps_to_its_end(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_do(lab, START, "{'dnsName':'v1','from':'v1','to':'v2','stepPercent':60,'intervalSeconds':0}");
    expect_route(lab, "v1=40 v2=60");
    sweep(lab);
    lab_some_turns(lab);
    expect_canary(lab, "percent", "100");
    expect_canary(lab, "state", "'RUNNING'");
    sweep(lab);
    lab_some_turns(lab);
    expect_canary(lab, "state", "'SUCCEEDED'");
    expect_route(lab, "v2=100");
}

static void test_the_list_is_by_namespace_and_name(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *all = NULL, *one = NULL;

    lab_two_services(lab);
    lab_do(lab, "POST /v1/instances", "{'service':'x','address':'10.0.0.3:80','namespace':'a'}");
    lab_do(lab, "POST /v1/instances", "{'service':'y','address':'10.0.0.4:80','namespace':'a'}");
    lab_do(lab, START, "{'dnsName':'v2','from':'v2','to':'v1'}");
    lab_do(lab, START, V1_TO_V2);
    lab_do(lab, START, "{'dnsName':'y','from':'y','to':'x','namespace':'a'}");
    all = lab_get(lab, "GET /v1/canaries", "", 200);
    json_expect(all, "canaries.0.dnsName", "'y'");
    json_expect(all, "canaries.1.dnsName", "'v1'");
    json_expect(all, "canaries.2.dnsName", "'v2'");
    one = lab_get(lab, "GET /v1/canaries?namespace=a", "", 200);
    json_expect(one, "canaries.0.dnsName", "'y'");
    json_expect(one, "canaries.1", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_a_start_as_it_is_without_more),
        LAB_TEST(test_a_start_with_everything),
        LAB_TEST(test_a_start_warns),
        LAB_TEST(test_what_cannot_be_started),
        LAB_TEST(test_pause_resume_promote_clear),
        LAB_TEST(test_an_abort_gives_back_the_route_before),
        LAB_TEST(test_while_it_runs_the_route_is_its_own),
        LAB_TEST(test_too_many_failures_roll_back),
        LAB_TEST(test_it_steps_to_its_end),
        LAB_TEST(test_the_list_is_by_namespace_and_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
