/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Why a connect goes where: names, ports, routes, shares as the slots have them, and the reasons of each endpoint. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOUSE_ENDPOINTS 256

#include "unit/api/api_lab.h"

#define REGISTER "POST /v1/instances"
#define ROUTE    "PUT /v1/routes"

static cJSON *explain(struct lab *lab, const char *query)
{
    char what[256];

    (void)snprintf(what, sizeof(what), "GET /v1/explain?%s", query);
    return lab_get(lab, what, "", 200);
}

/* One member of the answer. */
static void expect_of(struct lab *lab, const char *query, const char *path, const char *wanted)
{
    _cleanup_json_ cJSON *answer = explain(lab, query);

    json_expect(answer, path, wanted);
}

static const cJSON *endpoint_of(const cJSON *answer, const char *id)
{
    const cJSON *item = json_item(json_at(answer, "endpoints"), "id", id);

    if (!item)
        fail_msg("there is no endpoint %s", id);
    return item;
}

static void expect_percents(const cJSON *answer, const char *id, const char *member, double ipv4, double ipv6)
{
    const cJSON *percents = json_at(endpoint_of(answer, id), member);

    if (fabs(json_at(percents, "ipv4")->valuedouble - ipv4) > 1e-4 ||
        fabs(json_at(percents, "ipv6")->valuedouble - ipv6) > 1e-4)
        fail_msg("%s of %s: %f and %f", member, id, json_at(percents, "ipv4")->valuedouble,
                 json_at(percents, "ipv6")->valuedouble);
}

/* It has the reason, and that is against it or not. */
static void expect_why(const cJSON *answer, const char *id, const char *code, bool is_against)
{
    const cJSON *reason = json_item(json_at(endpoint_of(answer, id), "reasons"), "code", code);

    if (!reason)
        fail_msg("%s has no reason %s", id, code);
    json_expect(reason, "against", is_against ? "true" : "false");
}

/* ---- names and ports ---- */

static void test_how_a_name_resolves(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    expect_of(lab, "name=v1", "resolution.outcome", "'alias'");
    expect_of(lab, "name=V1.", "resolution.outcome", "'alias'");
    expect_of(lab, "name=v1.default", "resolution.outcome", "'service'");
    expect_of(lab, "name=v1.default", "resolution.dnsName", "'v1'");
    expect_of(lab, "name=example.com", "resolution.outcome", "'outside'");
    expect_of(lab, "name=example.com", "connect.outcome", "'passes'");
    expect_of(lab, "name=192.0.2.7", "resolution.outcome", "'foreign'");
    expect_of(lab, "name=192.0.2.7", "connect.outcome", "'passes'");
}

static void test_an_alias_address(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;
    char query[128];

    lab_two_services(lab);
    answer = explain(lab, "name=v1");
    (void)snprintf(query, sizeof(query), "name=%s",
                   cJSON_GetStringValue(json_at(answer, "resolution.addresses.0")));
    expect_of(lab, query, "resolution.outcome", "'address'");
    expect_of(lab, query, "alias", "{'dnsName':'v1','port':80,'protocol':'tcp'}");
    (void)snprintf(query, sizeof(query), "name=%s",
                   cJSON_GetStringValue(json_at(answer, "resolution.addresses.1")));
    expect_of(lab, query, "alias", "{'dnsName':'v1','port':80,'protocol':'tcp'}");
    expect_of(lab, "name=127.255.3.3", "resolution.outcome", "'stale'");
    expect_of(lab, "name=127.255.3.3", "connect.outcome", "'refused'");
}

static void test_ports(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_do(lab, ROUTE, "{'dnsName':'v1','port':443,'targets':[{'service':'v2','weight':1}]}");
    lab_do(lab, REGISTER, "{'service':'dns','id':'u','address':'10.0.0.3:53','protocol':'udp'}");
    lab_do(lab, REGISTER, "{'service':'dns','id':'t','address':'10.0.0.3:53'}");
    lab_refuse(lab, "GET /v1/explain?name=v1", "", 400, "port", "80/tcp, 443/tcp");
    expect_of(lab, "name=v1&port=80", "alias.port", "80");
    expect_of(lab, "name=v1&port=443", "alias.port", "443");
    expect_of(lab, "name=v1&port=81", "connect.outcome", "'refused'");
    expect_of(lab, "name=v1&port=81", "alias", "");
    expect_of(lab, "name=v1&protocol=udp", "connect.outcome", "'refused'");
    expect_of(lab, "name=dns&port=53", "alias.protocol", "'tcp'");
    expect_of(lab, "name=dns&port=53&protocol=udp", "alias.protocol", "'udp'");
}

static void test_what_is_refused(void **state)
{
    static const struct refusal all[] = {
        {"GET /v1/explain", "", 400, "name", "1 to 127"},
        {"GET /v1/explain?name=.", "", 400, "name", "1 to 127"},
        {"GET /v1/explain?name=v1&port=0", "", 400, "port", "from 1 to 65535"},
        {"GET /v1/explain?name=v1&protocol=sctp", "", 400, "protocol", "tcp or udp"},
        {"GET /v1/explain?name=v1&namespace=nowhere", "", 404, "namespace", "that is there"},
        {"GET /v1/explain?name=v1&service=a%20b", "", 400, "service", "allowed"},
        {"GET /v1/explain?name=v1&pid=0", "", 400, "pid", "from 1"},
        {"GET /v1/explain?name=v1&pid=1", "", 404, "pid", "svcconnect tasks"},
        {"GET /v1/explain?name=v1&pid=2147483647", "", 404, "pid", "running"},
        {"GET /v1/explain?name=v1&pid=1&cgroup=/x", "", 400, "pid", "not both"},
        {"GET /v1/explain?name=v1&cgroup=/svcconnect/not/there", "", 404, "cgroup", "existing cgroup"},
    };
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_refuse_all(lab, all, ARRAY_SIZE(all));
}

/* ---- shares and reasons ---- */

static void test_shares_of_the_slots(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *all = NULL, *ejected = NULL, *every = NULL;

    lab_two_services(lab);
    lab_do(lab, ROUTE,
           "{'dnsName':'b','port':80,'targets':[{'service':'v1','weight':90},{'service':'v2','weight':10}]}");
    all = explain(lab, "name=b");
    expect_percents(all, "a", "sharePercent", 90, 90);
    expect_percents(all, "b", "chancePercent", 10, 10);
    json_expect(all, "route.origin", "'route'");
    json_expect(all, "route.targets.0", "{'service':'v1','weight':90,'wantedPercent':90}");
    json_expect(all, "connect.outcome", "'connects'");
    lab_do(lab, "POST /v1/ejections", "{'service':'v1','id':'a','forSeconds':600}");
    ejected = explain(lab, "name=b");
    expect_percents(ejected, "a", "sharePercent", 90, 90);
    expect_percents(ejected, "a", "chancePercent", 0, 0);
    expect_percents(ejected, "b", "chancePercent", 100, 100);
    expect_why(ejected, "a", "ejected", true);
    lab_do(lab, "POST /v1/ejections", "{'service':'v2','id':'b','forSeconds':600}");
    every = explain(lab, "name=b");
    expect_percents(every, "a", "chancePercent", 90, 90);
    expect_why(every, "a", "allEjected", false);
    json_expect(endpoint_of(every, "b"), "drawn", "true");
}

static void test_whose_route(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_do(lab, ROUTE, "{'dnsName':'v1','port':80,'client':'qa','targets':[{'service':'v2','weight':1}]}");
    expect_of(lab, "name=v1", "endpoints.0.id", "'a'");
    expect_of(lab, "name=v1", "route.origin", "'service'");
    expect_of(lab, "name=v1&service=qa", "endpoints.0.id", "'b'");
    expect_of(lab, "name=v1&service=qa", "endpointsInAll", "1");
    expect_of(lab, "name=v1&service=qa", "route.client", "'qa'");
    expect_of(lab, "name=v1&service=qa", "scope.hasRoutesOfItsOwn", "true");
    expect_of(lab, "name=v1&service=other", "scope.hasRoutesOfItsOwn", "false");
    expect_of(lab, "name=v2&service=qa", "route.client", "''");
}

static void test_nobody_can_be_drawn(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *refused = NULL, *unhealthy = NULL, *weightless = NULL;

    lab_two_services(lab);
    lab_do(lab, "PATCH /v1/instances", "{'service':'v1','id':'a','health':'UNHEALTHY'}");
    refused = explain(lab, "name=v1");
    json_expect(refused, "connect.outcome", "'refused'");
    expect_why(refused, "a", "reported", true);
    lab_do(lab, ROUTE,
           "{'dnsName':'b','port':80,'onEmpty':'unhealthy','targets':[{'service':'v1','weight':1},"
           "{'service':'v2','weight':0}]}");
    unhealthy = explain(lab, "name=b");
    json_expect(unhealthy, "connect.outcome", "'connects'");
    expect_percents(unhealthy, "a", "chancePercent", 100, 100);
    expect_why(unhealthy, "a", "reported", false);
    expect_why(unhealthy, "a", "onEmpty", false);
    expect_why(unhealthy, "b", "targetWeight", true);
    lab_do(lab, "PATCH /v1/instances", "{'service':'v2','id':'b','weight':0}");
    weightless = explain(lab, "name=v2");
    expect_why(weightless, "b", "weight", true);
    json_expect(weightless, "connect.outcome", "'refused'");
}

static void test_panic_looks_over_health(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;

    lab_two_services(lab);
    lab_do(lab, REGISTER, "{'service':'v1','id':'c','address':'10.0.0.3:80','health':'UNHEALTHY'}");
    lab_do(lab, REGISTER, "{'service':'v1','id':'d','address':'10.0.0.4:80','health':'UNHEALTHY'}");
    lab_do(lab, "PUT /v1/settings", "{'service':'v1','settings':{'panicThresholdPercent':50}}");
    answer = explain(lab, "name=v1");
    expect_why(answer, "c", "panic", false);
    expect_why(answer, "c", "reported", false);
    expect_percents(answer, "c", "chancePercent", 100.0 / 3, 100.0 / 3);
}

static void test_families(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *both = NULL;

    lab_do(lab, REGISTER, "{'service':'six','id':'6','address':'[2001:db8::1]:80'}");
    expect_of(lab, "name=six", "connect.outcome", "'connects'");
    expect_of(lab, "name=six", "endpoints.0.sharePercent", "{'ipv4':0,'ipv6':100}");
    lab_do(lab, REGISTER, "{'service':'six','id':'4','address':'10.0.0.1:80'}");
    both = explain(lab, "name=six");
    expect_percents(both, "6", "sharePercent", 0, 100);
    expect_percents(both, "4", "sharePercent", 100, 0);
    expect_why(both, "6", "family", false);
    expect_why(both, "4", "family", false);
}

/* Written slice by slice, it is the same answer as of a few: each endpoint once, and all of the chance. */
static void test_many_endpoints(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *few = NULL, *many = NULL;
    const cJSON *member, *item;
    double sum = 0;
    unsigned seen[200] = {0};

    lab_do(lab, REGISTER, "{'service':'v1','id':'0','address':'10.0.0.1:80'}");
    few = explain(lab, "name=v1&port=80");
    for (int i = 1; i < 200; i++) {
        char body[128];

        (void)snprintf(body, sizeof(body), "{'service':'v1','id':'%d','address':'10.0.1.%d:80','weight':%d}",
                       i, i, 1 + i % 3);
        lab_do(lab, REGISTER, body);
    }
    many = explain(lab, "name=v1&port=80");
    cJSON_ArrayForEach (member, few)
        assert_non_null(cJSON_GetObjectItemCaseSensitive(many, member->string));
    assert_int_equal(cJSON_GetArraySize(few), cJSON_GetArraySize(many));
    json_expect(many, "endpointsInAll", "200");
    cJSON_ArrayForEach (item, json_at(many, "endpoints")) {
        seen[atoi(json_at(item, "id")->valuestring)]++;
        sum += json_at(item, "chancePercent.ipv4")->valuedouble;
    }
    for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
        assert_int_equal(seen[i], 1);
    assert_true(fabs(sum - 100) < 1e-3);
    expect_why(many, "7", "unchecked", false);
}

/* What a container's labels and networks lead to, as the programs have it. */
static void put_on_network(struct lab *lab, const char *id, uint32_t networks)
{
    const struct service *service = catalog_service(engine_catalog(lab->house.engine), "default", "v1");
    struct instance *instance = (struct instance *)catalog_instance(service, id);

    assert_non_null(instance);
    instance->networks = networks;
}

/* Docker's networks have no way to each other: who is on others is drawn only where nobody is on the task's. */
static void test_other_networks(void **state)
{
    struct lab *lab = *state;
    char cgroup[64], directory[256], text[160];
    _cleanup_json_ cJSON *apart = NULL, *alone = NULL;

    if (!lab->cgroup_root || geteuid() != 0)
        skip();
    (void)snprintf(cgroup, sizeof(cgroup), "/svcconnect-unit-explain-%d", (int)getpid());
    (void)snprintf(directory, sizeof(directory), "%.100s%s", lab->cgroup_root, cgroup);
    assert_int_equal(mkdir(directory, 0755), 0);
    (void)snprintf(text, sizeof(text), "{'cgroup':'%s'}", cgroup);
    lab_do(lab, "POST /v1/tasks", text);
    assert_int_equal(datapath_set_networks(lab->house.datapath, lab->tasks.all->cgroup.id, 1), 0);
    lab_do(lab, REGISTER, "{'service':'v1','id':'here','address':'10.0.0.1:80'}");
    lab_do(lab, REGISTER, "{'service':'v1','id':'there','address':'10.0.0.2:80'}");
    put_on_network(lab, "here", 1);
    put_on_network(lab, "there", 2);
    lab_do(lab, REGISTER, "{'service':'v1','id':'host','address':'10.0.0.3:80'}"); /* which plans all anew */
    (void)snprintf(text, sizeof(text), "name=v1&port=80&cgroup=%s", cgroup);
    apart = explain(lab, text);
    expect_why(apart, "there", "networks", true);
    expect_percents(apart, "there", "sharePercent", 100.0 / 3, 100.0 / 3);
    expect_percents(apart, "there", "chancePercent", 0, 0);
    expect_percents(apart, "here", "chancePercent", 50, 50);
    expect_percents(apart, "host", "chancePercent", 50, 50);
    put_on_network(lab, "here", 2);
    lab_do(lab, "DELETE /v1/instances", "{'service':'v1','id':'host'}");
    alone = explain(lab, text);
    expect_why(alone, "there", "networks", false);
    expect_percents(alone, "there", "chancePercent", 50, 50);
    lab_do(lab, "DELETE /v1/tasks", "{'all':true}");
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_how_a_name_resolves),
        LAB_TEST(test_an_alias_address),
        LAB_TEST(test_ports),
        LAB_TEST(test_many_endpoints),
        LAB_TEST(test_what_is_refused),
        LAB_TEST(test_shares_of_the_slots),
        LAB_TEST(test_whose_route),
        LAB_TEST(test_nobody_can_be_drawn),
        LAB_TEST(test_panic_looks_over_health),
        LAB_TEST(test_families),
        LAB_TEST(test_other_networks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
