/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Settings by request: of a service and of the daemon, read back as they were set. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/catalog_aws.h"
#include "unit/api/api_lab.h"

#define SET "PUT /v1/settings"
#define GET "GET /v1/settings"

#define EJECTION_BY_DEFAULT "{'failures':5,'windowSeconds':30,'baseSeconds':30,'maxSeconds':300}"

/* Of the service in namespace "default": a member of `settings` or `own`. */
static void expect_of(struct lab *lab, const char *name, const char *path, const char *wanted)
{
    _cleanup_json_ cJSON *answer = lab_get(lab, GET "?namespace=default", "", 200);
    const cJSON *item = json_item(json_at(answer, "services"), "name", name);

    if (!item)
        fail_msg("no settings of %s", name);
    json_expect(item, path, wanted);
}

static void set(struct lab *lab, const char *name, const char *settings)
{
    char body[1024];

    (void)snprintf(body, sizeof(body), "{'service':'%s','settings':%s}", name, settings);
    lab_do(lab, SET, body);
}

static void test_what_holds_when_nothing_was_set(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;

    lab_two_services(lab);
    answer = lab_get(lab, GET, "", 200);
    json_expect(answer, "global", "{'ejection':" EJECTION_BY_DEFAULT ",'connectTimeoutSeconds':0}");
    json_expect(answer, "services.0.name", "'v1'");
    json_expect(answer, "services.1.name", "'v2'");
    json_expect(answer, "services.2", "");
    json_expect(answer, "services.0.namespace", "'default'");
    json_expect(answer, "services.0.document", "");
    json_expect(answer, "services.0.own", "{}");
    json_expect(answer, "services.0.settings.healthCheck.type", "'none'");
    json_expect(answer, "services.0.settings.ejection", EJECTION_BY_DEFAULT);
    json_expect(answer, "services.0.settings.drainSeconds", "20");
    json_expect(answer, "services.0.settings.admissionSeconds", "480");
    json_expect(answer, "services.0.settings.udpStickinessSeconds", "30");
    json_expect(answer, "services.0.settings.peerName", "'endpoint'");
    json_expect(answer, "services.0.settings.dnsRoutingPolicy", "'MULTIVALUE'");
    json_expect(answer, "services.0.settings.localLiveness", "'auto'");
}

/* Each by itself, as `own` and as what holds. */
static void test_each_is_read_back_as_it_was_set(void **state)
{
    static const struct {
        const char *member;
        const char *value;
    } all[] = {
        {"connectTimeoutSeconds", "127"},
        {"panicThresholdPercent", "100"},
        {"slowStartSeconds", "3600"},
        {"drainSeconds", "0"},
        {"admissionSeconds", "86400"},
        {"udpStickinessSeconds", "0"},
        {"peerName", "'alias'"},
        {"dnsRoutingPolicy", "'WEIGHTED'"},
        {"localLiveness", "'off'"},
        {"ejection", "{'failures':255,'windowSeconds':3600,'baseSeconds':86400,'maxSeconds':86400}"},
        {"healthCheck",
         "{'type':'tcp','interval':300,'timeout':60,'retries':10,'healthyRetries':9,'startPeriod':299,"
         "'port':65535}"},
        {"healthCheck",
         "{'type':'http','interval':1,'timeout':1,'retries':1,'healthyRetries':2,'startPeriod':1,"
         "'port':1,'path':'/a?b','host':'x.example','expectedStatus':'204-299'}"},
    };
    struct lab *lab = *state;
    char body[512], path[64];

    lab_two_services(lab);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        (void)snprintf(body, sizeof(body), "{'%s':%s}", all[i].member, all[i].value);
        set(lab, "v1", body);
        (void)snprintf(path, sizeof(path), "settings.%s", all[i].member);
        expect_of(lab, "v1", path, all[i].value);
        (void)snprintf(path, sizeof(path), "own.%s", all[i].member);
        expect_of(lab, "v1", path, all[i].value);
        expect_of(lab, "v2", "own", "{}");
        (void)snprintf(body, sizeof(body), "{'%s':null}", all[i].member);
        set(lab, "v1", body);
        expect_of(lab, "v1", "own", "{}");
    }
}

static void test_what_is_not_given_stays(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    set(lab, "v1", "{'healthCheck':{'type':'http','path':'/ok'},'drainSeconds':7}");
    set(lab, "v1", "{'healthCheck':{'interval':9}}");
    expect_of(lab, "v1", "settings.healthCheck.path", "'/ok'");
    expect_of(lab, "v1", "settings.healthCheck.interval", "9");
    expect_of(lab, "v1", "own.drainSeconds", "7");
    set(lab, "v1", "{}");
    expect_of(lab, "v1", "own.drainSeconds", "7");
    /* Another instance and another route leave them as they are. */
    lab_do(lab, "POST /v1/instances", "{'service':'v1','address':'10.0.0.4:80','protocol':'udp'}");
    expect_of(lab, "v1", "own.drainSeconds", "7");
    set(lab, "v1", "{'healthCheck':{'type':'tcp'}}");
    expect_of(lab, "v1", "own.healthCheck.path", "");
    expect_of(lab, "v1", "own.healthCheck.interval", "9");
    /* GET /v1/services has those of its own. */
    {
        _cleanup_json_ cJSON *services = lab_get(lab, "GET /v1/services", "", 200);

        json_expect(json_item(json_at(services, "services"), "name", "v1"), "settings.drainSeconds", "7");
        json_expect(json_item(json_at(services, "services"), "name", "v2"), "settings", "");
    }
}

static void test_a_check_decides_about_health(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *before = NULL, *checked = NULL, *after = NULL;

    lab_two_services(lab);
    before = lab_endpoint(lab, "a");
    json_expect(before, "reason", "'not checked'");
    json_expect(before, "check", "");
    set(lab, "v1", "{'healthCheck':{'type':'tcp','interval':300}}");
    checked = lab_endpoint(lab, "a");
    json_expect(checked, "check.probes", "0");
    json_expect(checked, "health", "'HEALTHY'"); /* it was there before the check, and keeps what it had */
    set(lab, "v1", "{'healthCheck':null}");
    after = lab_endpoint(lab, "a");
    json_expect(after, "check", "");
    json_expect(after, "reason", "'not checked'");
}

/* A check that came by the AWS API is the host's once its type is set here, and not by anything less. */
static void test_a_check_of_aws_becomes_the_hosts(void **state)
{
    struct lab *lab = *state;
    const struct service *service;

    house_put(&lab->house, "services/default/cart",
              "{\"clientAliases\":[],\"aws\":{\"HealthCheckConfig\":{\"Type\":\"TCP\"}},\"settings\":{"
              "\"healthCheck\":{\"type\":\"tcp\",\"interval\":300}}}");
    service = catalog_service(engine_catalog(lab->house.engine), "default", "cart");
    assert_true(catalog_is_check_of_aws(service));
    set(lab, "cart", "{'healthCheck':{'interval':200}}");
    assert_true(catalog_is_check_of_aws(service));
    set(lab, "cart", "{'drainSeconds':3}");
    assert_true(catalog_is_check_of_aws(service));
    set(lab, "cart", "{'healthCheck':{'type':'tcp'}}");
    assert_false(catalog_is_check_of_aws(service));
    assert_non_null(
        strstr(service->aws, "\"HealthCheckConfig\":")); /* which is what AWS's clients see still */
    set(lab, "cart", "{'healthCheck':{'type':'tcp','interval':100}}");
    assert_false(catalog_is_check_of_aws(service));
}

static void test_what_holds_for_all(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL, *back = NULL;

    lab_two_services(lab);
    set(lab, "v2", "{'ejection':{'failures':1}}");
    answer =
        lab_get(lab, SET,
                "{'settings':{'ejection':{'failures':9,'windowSeconds':10},'connectTimeoutSeconds':4}}", 200);
    json_expect(answer, "revision", "4");
    cJSON_Delete(answer);
    answer = lab_get(lab, GET, "", 200);
    json_expect(answer, "global",
                "{'ejection':{'failures':9,'windowSeconds':10,'baseSeconds':30,'maxSeconds':300},"
                "'connectTimeoutSeconds':4}");
    expect_of(lab, "v1", "settings.ejection.failures", "9");
    expect_of(lab, "v1", "settings.connectTimeoutSeconds", "4");
    expect_of(lab, "v1", "own", "{}");
    /* A service that sets one of them has all four, of the defaults. */
    expect_of(lab, "v2", "settings.ejection",
              "{'failures':1,'windowSeconds':30,'baseSeconds':30,'maxSeconds':300}");
    expect_of(lab, "v2", "settings.connectTimeoutSeconds", "4");
    /* 0 of its own is another thing than none of its own. */
    set(lab, "v2", "{'connectTimeoutSeconds':0}");
    expect_of(lab, "v2", "settings.connectTimeoutSeconds", "0");
    expect_of(lab, "v2", "own.connectTimeoutSeconds", "0");
    lab_do(lab, SET, "{'settings':{'ejection':null,'connectTimeoutSeconds':null}}");
    back = lab_get(lab, GET, "", 200);
    json_expect(back, "global", "{'ejection':" EJECTION_BY_DEFAULT ",'connectTimeoutSeconds':0}");
}

static void test_namespaces_narrow_the_services(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *all = NULL, *one = NULL, *none = NULL;

    lab_two_services(lab);
    lab_do(lab, "POST /v1/instances", "{'service':'v1','address':'10.0.0.3:80','namespace':'another'}");
    lab_do(lab, SET, "{'service':'v1','namespace':'another','settings':{'drainSeconds':3}}");
    expect_of(lab, "v1", "own", "{}");
    all = lab_get(lab, GET, "", 200);
    assert_int_equal(cJSON_GetArraySize(json_at(all, "services")), 3);
    json_expect(all, "services.0.namespace", "'another'");
    one = lab_get(lab, GET "?namespace=another", "", 200);
    assert_int_equal(cJSON_GetArraySize(json_at(one, "services")), 1);
    json_expect(one, "services.0.own", "{'drainSeconds':3}");
    none = lab_get(lab, GET "?namespace=nobody", "", 200);
    json_expect(none, "services", "[]");
    json_expect(none, "global.connectTimeoutSeconds", "0");
}

static void test_what_cannot_be_set(void **state)
{
    static const struct refusal all[] = {
        {SET, "{'service':'v1','settings':{'drainSeconds':3601}}", 400, "settings.drainSeconds",
         "from 0 to 3600"},
        {SET, "{'service':'v1','settings':{'drainSeconds':-1}}", 400, "settings.drainSeconds",
         "from 0 to 3600"},
        {SET, "{'service':'v1','settings':{'drainSeconds':'20'}}", 400, "settings.drainSeconds",
         "from 0 to 3600"},
        {SET, "{'service':'v1','settings':{'drain':1}}", 400, "settings.drain", "(unknown member)"},
        {SET, "{'service':'v1','settings':{'connectTimeoutSeconds':128}}", 400,
         "settings.connectTimeoutSeconds", "from 0 to 127"},
        {SET, "{'service':'v1','settings':{'panicThresholdPercent':101}}", 400,
         "settings.panicThresholdPercent", "from 0 to 100"},
        {SET, "{'service':'v1','settings':{'peerName':'me'}}", 400, "settings.peerName", "endpoint"},
        {SET, "{'service':'v1','settings':{'healthCheck':{'type':'icmp'}}}", 400, "settings.healthCheck.type",
         "tcp"},
        {SET, "{'service':'v1','settings':{'healthCheck':{'type':'http','interval':0}}}", 400,
         "settings.healthCheck.interval", "from 1 to 300"},
        {SET, "{'service':'v1','settings':{'healthCheck':{'type':'tcp','path':'/'}}}", 400,
         "settings.healthCheck.path", "allowed"},
        {SET, "{'service':'v1','settings':{'healthCheck':{'type':'exec','command':['CMD','/bin/true']}}}",
         400, "settings.healthCheck.command", "execChecks"},
        {SET, "{'service':'v1','settings':{'ejection':{'baseSeconds':60,'maxSeconds':59}}}", 400,
         "settings.ejection.maxSeconds", "at least baseSeconds, which is 60"},
        {SET, "{'service':'v1','settings':{'ejection':1}}", 400, "settings.ejection", "allowed"},
        {SET, "{'service':'v1','settings':[]}", 400, "settings", "an object with the settings that change"},
        {SET, "{'service':'v3','settings':{'drainSeconds':1}}", 404, "service",
         "a service of namespace default"},
        {SET, "{'service':'v1','namespace':'nobody','settings':{'drainSeconds':1}}", 404, "service",
         "a service of namespace nobody"},
        {SET, "{'service':'of-document','settings':{'drainSeconds':1}}", 409, "service",
         "this one's settings stand in its document, doc"},
        {SET, "{'namespace':'default','settings':{'connectTimeoutSeconds':1}}", 400, "service",
         "without both, the settings of the whole daemon"},
        {SET, "{'settings':{'drainSeconds':1}}", 400, "settings.drainSeconds", "(unknown member)"},
        {SET, "{'settings':{'healthCheck':{'type':'tcp'}}}", 400, "settings.healthCheck", "(unknown member)"},
        {SET, "{'settings':{'ejection':{'failures':256}}}", 400, "settings.ejection.failures",
         "from 0 to 255"},
        {SET, "{'settings':{'connectTimeoutSeconds':'4'}}", 400, "settings.connectTimeoutSeconds",
         "from 0 to 127"},
    };
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;

    lab_two_services(lab);
    lab_do(lab, "POST /v1/documents", "{'documents':[" DOCUMENT("s", "doc", "of-document", "x") "]}");
    lab_refuse_all(lab, all, ARRAY_SIZE(all));
    answer = lab_get(lab, GET, "", 200);
    json_expect(json_item(json_at(answer, "services"), "name", "of-document"), "document", "'doc'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_what_holds_when_nothing_was_set),  LAB_TEST(test_each_is_read_back_as_it_was_set),
        LAB_TEST(test_what_is_not_given_stays),          LAB_TEST(test_a_check_decides_about_health),
        LAB_TEST(test_a_check_of_aws_becomes_the_hosts), LAB_TEST(test_what_holds_for_all),
        LAB_TEST(test_namespaces_narrow_the_services),   LAB_TEST(test_what_cannot_be_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
