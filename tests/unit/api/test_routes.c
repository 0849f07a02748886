/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Routes by request: of a namespace and of one client, what an alias leads to then, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/api/api_lab.h"

#define SET   "PUT /v1/routes"
#define CLEAR "DELETE /v1/routes"

/* The item of this name, port and client of GET /v1/aliases or /v1/routes; the caller's, or NULL. */
static cJSON *item_of(struct lab *lab, const char *list, const char *dns_name, int port, const char *client)
{
    char what[64];
    const cJSON *item;
    _cleanup_json_ cJSON *answer = NULL;

    (void)snprintf(what, sizeof(what), "GET /v1/%s", list);
    answer = lab_get(lab, what, "", 200);
    cJSON_ArrayForEach (item, json_at(answer, list))
        if (strcmp(json_at(item, "dnsName")->valuestring, dns_name) == 0 &&
            strcmp(json_at(item, "client")->valuestring, client) == 0 &&
            json_at(item, "port")->valueint == port)
            return cJSON_Duplicate(item, true);
    return NULL;
}

static void expect_item(struct lab *lab, const char *list, const char *dns_name, int port, const char *client,
                        const char *path, const char *wanted)
{
    _cleanup_json_ cJSON *item = item_of(lab, list, dns_name, port, client);

    if (!item)
        fail_msg("%s has no %s:%d of \"%s\"", list, dns_name, port, client);
    json_expect(item, path, wanted);
}

static void expect_none(struct lab *lab, const char *list, const char *dns_name, int port, const char *client)
{
    _cleanup_json_ cJSON *item = item_of(lab, list, dns_name, port, client);

    assert_null(item);
}

/* ---- of a namespace ---- */

static void test_an_alias_is_its_services_until_a_route_is_set(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *set = NULL, *cleared = NULL;

    lab_two_services(lab);
    expect_item(lab, "aliases", "v1", 80, "", "origin", "'service'");
    expect_item(lab, "aliases", "v1", 80, "", "targets.0.service", "'v1'");
    expect_none(lab, "routes", "v1", 80, "");
    set = lab_get(lab, SET,
                  "{'dnsName':'v1','port':80,'targets':[{'service':'v1','weight':90},"
                  "{'service':'v2','weight':10}]}",
                  200);
    json_expect(set, "dnsName", "'v1'");
    json_expect(set, "port", "80");
    json_expect(set, "protocol", "'tcp'");
    json_expect(set, "client", "''");
    json_expect(set, "revision", "3");
    expect_item(lab, "aliases", "v1", 80, "", "origin", "'route'");
    expect_item(lab, "routes", "v1", 80, "", "targets.0.weight", "90");
    expect_item(lab, "routes", "v1", 80, "", "targets.0.effectivePercent", "90");
    expect_item(lab, "routes", "v1", 80, "", "targets.1.service", "'v2'");
    expect_item(lab, "routes", "v1", 80, "", "targets.1.effectivePercent", "10");
    expect_item(lab, "aliases", "v2", 80, "", "origin", "'service'");
    cleared = lab_get(lab, CLEAR, "{'dnsName':'v1'}", 200);
    json_expect(cleared, "port", "80");
    expect_item(lab, "aliases", "v1", 80, "", "origin", "'service'");
    expect_item(lab, "aliases", "v1", 80, "", "targets.1", "");
    expect_none(lab, "routes", "v1", 80, "");
}

static void test_a_name_that_only_a_route_has(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *set = NULL;

    lab_two_services(lab);
    set = lab_get(lab, SET, "{'dnsName':'front','targets':[{'service':'v2','weight':1}]}", 200);
    json_expect(set, "port", "80"); /* where it has none yet */
    expect_item(lab, "aliases", "front", 80, "", "origin", "'route'");
    expect_item(lab, "aliases", "front", 80, "", "targets.0.service", "'v2'");
    lab_do(lab, CLEAR, "{'dnsName':'front'}");
    expect_none(lab, "aliases", "front", 80, "");
}

static void test_setting_again_replaces_all_of_it(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_do(lab, SET,
           "{'dnsName':'v1','targets':[{'service':'v1','weight':1},{'service':'v2','weight':0}],"
           "'onEmpty':'unhealthy'}");
    expect_item(lab, "routes", "v1", 80, "", "onEmpty", "'unhealthy'");
    expect_item(lab, "routes", "v1", 80, "", "targets.1.weight", "0");
    lab_do(lab, SET, "{'dnsName':'v1','targets':[{'service':'v2','weight':65535}]}");
    expect_item(lab, "routes", "v1", 80, "", "onEmpty", "'refuse'");
    expect_item(lab, "routes", "v1", 80, "", "targets.0.service", "'v2'");
    expect_item(lab, "routes", "v1", 80, "", "targets.0.weight", "65535");
    expect_item(lab, "routes", "v1", 80, "", "targets.1", "");
}

static void test_a_port_is_needed_where_there_are_two(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *udp = NULL;

    lab_two_services(lab);
    lab_do(lab, SET, "{'dnsName':'front','port':80,'targets':[{'service':'v1','weight':1}]}");
    lab_do(lab, SET, "{'dnsName':'front','port':81,'targets':[{'service':'v2','weight':1}]}");
    lab_refuse(lab, SET, "{'dnsName':'front','targets':[{'service':'v1','weight':1}]}", 400, "port", "80");
    lab_refuse(lab, CLEAR, "{'dnsName':'front'}", 400, "port", "81");
    lab_do(lab, CLEAR, "{'dnsName':'front','port':80}");
    lab_do(lab, CLEAR, "{'dnsName':'front'}");
    expect_none(lab, "aliases", "front", 81, "");
    /* Of what has a route. */
    lab_do(lab, SET, "{'dnsName':'v1','port':81,'targets':[{'service':'v2','weight':1}]}");
    lab_do(lab, CLEAR, "{'dnsName':'v1'}");
    expect_none(lab, "aliases", "v1", 81, "");
    expect_item(lab, "aliases", "v1", 80, "", "origin", "'service'");
    /* Each protocol has its own names. */
    udp = lab_get(lab, SET, "{'dnsName':'v1','protocol':'udp','targets':[{'service':'v1','weight':1}]}", 200);
    json_expect(udp, "protocol", "'udp'");
    lab_refuse(lab, CLEAR, "{'dnsName':'v1'}", 404, "dnsName", "a client alias with a route");
    lab_do(lab, CLEAR, "{'dnsName':'v1','protocol':'udp'}");
}

static void test_a_port_may_be_left_out_where_there_is_one(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *set = NULL;

    lab_do(lab, "POST /v1/instances", "{'service':'v1','address':'10.0.0.1:8081'}");
    set = lab_get(lab, SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1}]}", 200);
    json_expect(set, "port", "8081");
}

/* ---- of one client ---- */

static void test_a_route_for_one_client(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *set = NULL;

    lab_two_services(lab);
    lab_do(lab, SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1}]}");
    set = lab_get(lab, SET, "{'dnsName':'v1','client':'shop','targets':[{'service':'v2','weight':1}]}", 200);
    json_expect(set, "client", "'shop'");
    expect_item(lab, "routes", "v1", 80, "", "targets.0.service", "'v1'");
    expect_item(lab, "routes", "v1", 80, "shop", "targets.0.service", "'v2'");
    lab_refuse(lab, CLEAR, "{'dnsName':'v1','client':'nobody'}", 404, "dnsName",
               "a client alias with a route");
    lab_refuse(lab, CLEAR, "{'dnsName':'v1','port':80,'client':'nobody'}", 404, "dnsName",
               "a client alias with a route");
    lab_do(lab, CLEAR, "{'dnsName':'v1'}");
    expect_none(lab, "routes", "v1", 80, "");
    expect_item(lab, "routes", "v1", 80, "shop", "targets.0.service", "'v2'");
    lab_do(lab, CLEAR, "{'dnsName':'v1','client':'shop'}");
    expect_none(lab, "routes", "v1", 80, "shop");
    lab_refuse(lab, CLEAR, "{'dnsName':'v1','client':'shop'}", 404, "dnsName", "a client alias with a route");
}

static void test_namespaces_have_routes_of_their_own(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *other = NULL, *all = NULL;

    lab_two_services(lab);
    lab_do(lab, "POST /v1/instances", "{'service':'v1','address':'10.0.0.3:80','namespace':'other'}");
    lab_do(lab, SET, "{'dnsName':'v1','targets':[{'service':'v2','weight':1}]}");
    lab_refuse(lab, SET, "{'dnsName':'v1','namespace':'other','targets':[{'service':'v2','weight':1}]}", 404,
               "targets[0].service", "a service of namespace other");
    lab_refuse(lab, CLEAR, "{'dnsName':'v1','namespace':'other'}", 404, "dnsName", "namespace other");
    other = lab_get(lab, "GET /v1/routes?namespace=other", "", 200);
    json_expect(other, "routes", "[]");
    all = lab_get(lab, "GET /v1/aliases?namespace=other", "", 200);
    json_expect(all, "aliases.0.origin", "'service'");
}

/* ---- what is refused ---- */

/* A route in the registry may name one that has gone, or has not come yet. */
static void test_a_service_that_is_only_mentioned(void **state)
{
    static const struct refusal all[] = {
        {SET, "{'dnsName':'x','targets':[{'service':'ghost','weight':1}]}", 404, "targets[0].service",
         "a service of namespace default"},
        {"PUT /v1/settings", "{'service':'ghost','settings':{}}", 404, "service", "a service of namespace"},
        {"DELETE /v1/services", "{'service':'ghost'}", 404, "service", "a service of namespace default"},
        {"PATCH /v1/instances", "{'service':'ghost','id':'a','weight':1}", 404, "service", "a service of"},
        {"POST /v1/canaries", "{'dnsName':'v1','from':'v1','to':'ghost'}", 404, "to", "a service of"},
    };
    struct lab *lab = *state;
    _cleanup_json_ cJSON *settings = NULL;

    lab_two_services(lab);
    house_put(&lab->house, "routes/default/shop/x:80/tcp",
              "{\"targets\":[{\"service\":\"ghost\",\"weight\":1}]}");
    assert_non_null(catalog_service(engine_catalog(lab->house.engine), "default", "ghost"));
    lab_refuse_all(lab, all, ARRAY_SIZE(all));
    settings = lab_get(lab, "GET /v1/settings", "", 200);
    assert_null(json_item(json_at(settings, "services"), "name", "ghost"));
}

static void test_what_cannot_be_set(void **state)
{
    static const struct refusal all[] = {
        {SET, "{'dnsName':'v1','targets':[]}", 400, "targets", "(not such a list)"},
        {SET, "{'dnsName':'v1','targets':'v1'}", 400, "targets", "(not such a list)"},
        {SET, "{'dnsName':'v1'}", 400, "targets", "a list of 1 to 256 objects"},
        {SET, "{'dnsName':'v1','targets':[1]}", 400, "targets[0]", "an object"},
        {SET, "{'dnsName':'v1','targets':[{}]}", 400, "targets[0].service", "(missing)"},
        {SET, "{'dnsName':'v1','targets':[{'service':'v1'}]}", 400, "targets[0].weight", "(missing)"},
        {SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1},{'service':'v2','weight':65536}]}", 400,
         "targets[1].weight", "a whole number from 0 to 65535"},
        {SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1},{'service':'v2','weight':'1'}]}", 400,
         "targets[1].weight", "a whole number from 0 to 65535"},
        {SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1,'more':1}]}", 400, "targets[0].more",
         "(unknown member)"},
        {SET, "{'dnsName':'v1','targets':[{'service':'v3','weight':1}]}", 404, "targets[0].service",
         "a service of namespace default"},
        {SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1},{'service':'v1','weight':2}]}", 400,
         "targets[1].service", "each service once"},
        {SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':0},{'service':'v2','weight':0}]}", 400,
         "targets", "at least one weight above 0"},
        {SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1}],'onEmpty':'panic'}", 400, "onEmpty",
         "refuse, unhealthy"},
        {SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1}],'port':0}", 400, "port",
         "from 1 to 65535"},
        {SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1}],'protocol':'sctp'}", 400, "protocol",
         "tcp, udp"},
        {SET, "{'dnsName':'v1','targets':[{'service':'v1','weight':1}],'client':'a b'}", 400, "client",
         "allowed"},
        {SET, "{'dnsName':'a..b','targets':[{'service':'v1','weight':1}]}", 400, "dnsName", "allowed"},
        {SET, "{'dnsName':'','targets':[{'service':'v1','weight':1}]}", 400, "dnsName", "allowed"},
        {CLEAR, "{'dnsName':'v1'}", 404, "dnsName", "a client alias with a route in namespace default"},
        {CLEAR, "{'dnsName':'v1','port':81}", 404, "dnsName", "a client alias with a route"},
        {CLEAR, "{'dnsName':'v1','targets':[]}", 400, "targets", "(unknown member)"},
        {CLEAR, "{'dnsName':'v1','namespace':'nobody'}", 404, "dnsName", "namespace nobody"},
    };
    struct lab *lab = *state;
    char long_name[400], body[32768];
    int length;

    lab_two_services(lab);
    lab_refuse_all(lab, all, ARRAY_SIZE(all));
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    (void)snprintf(body, sizeof(body), "{'dnsName':'%s','targets':[{'service':'v1','weight':1}]}", long_name);
    lab_refuse(lab, SET, body, 400, "dnsName", "a DNS name of at most");
    length = snprintf(body, sizeof(body), "{'dnsName':'v1','targets':[0");
    for (unsigned i = 0; i < 256; i++)
        length += snprintf(body + length, sizeof(body) - (size_t)length, ",0");
    (void)snprintf(body + length, sizeof(body) - (size_t)length, "]}");
    lab_refuse(lab, SET, body, 400, "targets", "too many");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_an_alias_is_its_services_until_a_route_is_set),
        LAB_TEST(test_a_name_that_only_a_route_has),
        LAB_TEST(test_setting_again_replaces_all_of_it),
        LAB_TEST(test_a_port_is_needed_where_there_are_two),
        LAB_TEST(test_a_port_may_be_left_out_where_there_is_one),
        LAB_TEST(test_a_route_for_one_client),
        LAB_TEST(test_namespaces_have_routes_of_their_own),
        LAB_TEST(test_a_service_that_is_only_mentioned),
        LAB_TEST(test_what_cannot_be_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
