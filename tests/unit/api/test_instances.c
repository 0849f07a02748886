/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Instances and services by request: registering, weight and health, draining, deregistering, deleting. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/api/api_lab.h"

#define REGISTER   "POST /v1/instances"
#define UPDATE     "PATCH /v1/instances"
#define DEREGISTER "DELETE /v1/instances"
#define DRAIN      "POST /v1/drains"
#define DELETE     "DELETE /v1/services"

#define FROM_0_TO_65535 "a whole number from 0 to 65535"

/* The service of this name in namespace "default", as GET /v1/services has it; the caller's, or NULL. */
static cJSON *service(struct lab *lab, const char *name)
{
    _cleanup_json_ cJSON *answer = lab_get(lab, "GET /v1/services?namespace=default", "", 200);
    const cJSON *item = json_item(json_at(answer, "services"), "name", name);

    return item ? cJSON_Duplicate(item, true) : NULL;
}

/* The endpoint's members, "" for one that is not there. */
static void expect_endpoint(struct lab *lab, const char *id, const char *path, const char *wanted)
{
    _cleanup_json_ cJSON *endpoint = lab_endpoint(lab, id);

    if (!endpoint)
        fail_msg("there is no endpoint %s", id);
    json_expect(endpoint, path, wanted);
}

/* ---- registering ---- */

static void test_an_instance_as_it_is_without_more(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = lab_get(lab, REGISTER, "{'service':'web','address':'10.0.0.1:80'}", 200);
    _cleanup_json_ cJSON *made = NULL;

    json_expect(answer, "id", "'10.0.0.1:80'");
    json_expect(answer, "revision", "1");
    json_expect(answer, "warnings", "[]");
    expect_endpoint(lab, "10.0.0.1:80", "weight", "1");
    expect_endpoint(lab, "10.0.0.1:80", "health", "'HEALTHY'");
    expect_endpoint(lab, "10.0.0.1:80", "protocol", "'tcp'");
    expect_endpoint(lab, "10.0.0.1:80", "namespace", "'default'");
    expect_endpoint(lab, "10.0.0.1:80", "eligible", "true");
    made = service(lab, "web");
    json_expect(made, "clientAliases", "[{'dnsName':'web','port':80,'protocol':'tcp'}]");
    json_expect(made, "instances", "1");
    json_expect(made, "document", "");
    assert_non_null(fake_store_find(lab->house.store, "namespaces/default"));
}

static void test_an_instance_with_everything(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer =
        lab_get(lab, REGISTER,
                "{'service':'dns','address':'[2001:db8::1]:53','id':'one','weight':9,'health':'unhealthy',"
                "'protocol':'udp','namespace':'other'}",
                200);
    _cleanup_json_ cJSON *services = NULL;

    json_expect(answer, "id", "'one'");
    expect_endpoint(lab, "one", "address", "'2001:db8::1'");
    expect_endpoint(lab, "one", "port", "53");
    expect_endpoint(lab, "one", "weight", "9");
    expect_endpoint(lab, "one", "health", "'UNHEALTHY'");
    expect_endpoint(lab, "one", "reported", "'UNHEALTHY'");
    expect_endpoint(lab, "one", "reason", "'reported by its owner'");
    expect_endpoint(lab, "one", "eligible", "false");
    expect_endpoint(lab, "one", "protocol", "'udp'");
    expect_endpoint(lab, "one", "namespace", "'other'");
    services = lab_get(lab, "GET /v1/services?namespace=other", "", 200);
    json_expect(services, "services.0.clientAliases", "[{'dnsName':'dns','port':53,'protocol':'udp'}]");
}

static void test_ids_by_default(void **state)
{
    static const struct {
        const char *body;
        const char *id;
    } all[] = {
        {"{'service':'web','address':'10.0.0.1:80'}", "'10.0.0.1:80'"},
        {"{'service':'web','address':'10.0.0.1:80','protocol':'udp'}", "'10.0.0.1:80/udp'"},
        {"{'service':'web','address':'[2001:DB8::0:1]:80'}", "'2001:db8::1:80'"},
        {"{'service':'web','address':'db.example.net:80'}", "'db.example.net:80'"},
    };
    struct lab *lab = *state;
    _cleanup_json_ cJSON *made = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        _cleanup_json_ cJSON *answer = lab_get(lab, REGISTER, all[i].body, 200);

        json_expect(answer, "id", all[i].id);
    }
    /* One alias for each protocol, on the port of its first instance. */
    made = service(lab, "web");
    json_expect(
        made, "clientAliases",
        "[{'dnsName':'web','port':80,'protocol':'tcp'},{'dnsName':'web','port':80,'protocol':'udp'}]");
}

static void test_registering_again_replaces(void **state)
{
    struct lab *lab = *state;

    lab_do(lab, REGISTER, "{'service':'web','id':'a','address':'10.0.0.1:80','weight':9}");
    lab_do(lab, DRAIN, "{'service':'web','id':'a','timeoutSeconds':3600}");
    expect_endpoint(lab, "a", "health", "'DRAINING'");
    lab_do(lab, REGISTER, "{'service':'web','id':'a','address':'10.0.0.2:81'}");
    expect_endpoint(lab, "a", "address", "'10.0.0.2'");
    expect_endpoint(lab, "a", "port", "81");
    expect_endpoint(lab, "a", "weight", "1");
    expect_endpoint(lab, "a", "health", "'HEALTHY'");
    expect_endpoint(lab, "a", "draining", "");
    assert_int_equal(engine_catalog(lab->house.engine)->n_instances, 1);
}

static void test_a_host_name_without_address_yet(void **state)
{
    struct lab *lab = *state;

    lab_do(lab, REGISTER, "{'service':'db','id':'d','address':'db.example.net:5432','weight':4}");
    expect_endpoint(lab, "d", "host", "'db.example.net'");
    expect_endpoint(lab, "d", "endpoint", "0");
    expect_endpoint(lab, "d", "address", "''");
    expect_endpoint(lab, "d", "health", "'UNKNOWN'");
    lab_do(lab, UPDATE, "{'service':'db','id':'d','weight':5,'health':'UNHEALTHY'}");
    expect_endpoint(lab, "d", "weight", "5");
    expect_endpoint(lab, "d", "reported", "'UNHEALTHY'");
    lab_do(lab, "POST /v1/ejections", "{'service':'db','id':'d'}");
    lab_do(lab, DEREGISTER, "{'service':'db','id':'d'}");
    assert_null(lab_endpoint(lab, "d"));
}

static void test_what_cannot_be_registered(void **state)
{
    static const struct refusal all[] = {
        {REGISTER, "{'service':'x','address':'10.0.0.1'}", 400, "address", "with a port from 1 to 65535"},
        {REGISTER, "{'service':'x','address':'10.0.0.1:0'}", 400, "address", "with a port from 1 to 65535"},
        {REGISTER, "{'service':'x','address':'10.0.0.1:65536'}", 400, "address", "IP:PORT"},
        {REGISTER, "{'service':'x','address':'2001:db8::1:80x'}", 400, "address", "IP:PORT"},
        {REGISTER, "{'service':'x','address':''}", 400, "address", "IP:PORT"},
        {REGISTER, "{'service':'x','address':'under_score.net:80'}", 400, "address", "HOST:PORT"},
        {REGISTER, "{'service':'x','address':'-a.net:80'}", 400, "address", "HOST:PORT"},
        {REGISTER, "{'service':'x','address':'0.0.0.0:80'}", 400, "address",
         "an address that tasks can connect to"},
        {REGISTER, "{'service':'x','address':'224.0.0.1:80'}", 400, "address",
         "an address that tasks can connect to"},
        {REGISTER, "{'service':'x','address':'[::]:80'}", 400, "address",
         "an address that tasks can connect to"},
        {REGISTER, "{'service':'x','address':'127.255.0.1:80'}", 400, "address", "outside the alias ranges"},
        {REGISTER, "{'service':'x','address':'[fd7f:ff53:7663::1]:80'}", 400, "address", "127.255.0.0/16"},
        {REGISTER, "{'service':'x','address':'10.0.0.1:80','weight':65536}", 400, "weight", FROM_0_TO_65535},
        {REGISTER, "{'service':'x','address':'10.0.0.1:80','health':'ILL'}", 400, "health",
         "HEALTHY, UNHEALTHY"},
        {REGISTER, "{'service':'x','address':'10.0.0.1:80','protocol':'TCP'}", 400, "protocol", "tcp, udp"},
        {REGISTER, "{'service':'x','address':'10.0.0.1:80','id':''}", 400, "id", "allowed"},
        {REGISTER, "{'service':'x','address':'10.0.0.1:80','id':'a/b c'}", 400, "id", "allowed"},
        {REGISTER, "{'service':'a b','address':'10.0.0.1:80'}", 400, "service", "allowed"},
        {REGISTER, "{'service':'','address':'10.0.0.1:80'}", 400, "service", "allowed"},
        {REGISTER, "{'service':'x','address':'10.0.0.1:80','namespace':'a b'}", 400, "namespace", "allowed"},
        {REGISTER, "{'service':'x','address':'10.0.0.1:80','namespace':''}", 400, "namespace", "allowed"},
        {REGISTER, "{'service':'taken','address':'10.0.0.1:80'}", 409, "service",
         "a name whose client alias taken:80/tcp no other service has"},
    };
    struct lab *lab = *state;
    _cleanup_json_ cJSON *made = NULL;
    char body[512];

    lab_do(lab, "POST /v1/documents", "{'documents':[" DOCUMENT("s", "doc", "other", "taken") "]}");
    lab_refuse_all(lab, all, ARRAY_SIZE(all));
    /* A host name may be longer than an id: then it needs one of its own. */
    (void)snprintf(body, sizeof(body), "{'service':'x','address':'%060d.%060d.%060d.net:80'}", 1, 1, 1);
    lab_refuse(lab, REGISTER, body, 400, "id", "HOST:PORT, which is the default, is longer");
    /* What a document publishes it says itself: an instance adds no alias. */
    lab_do(lab, REGISTER, "{'service':'other','id':'o','address':'10.0.0.1:80','protocol':'udp'}");
    made = service(lab, "other");
    json_expect(made, "clientAliases", "[{'dnsName':'taken','port':80,'protocol':'tcp'}]");
}

/* ---- weight and health ---- */

static void test_weight_and_health(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_do(lab, UPDATE, "{'service':'v1','id':'a','weight':65535}");
    expect_endpoint(lab, "a", "weight", "65535");
    expect_endpoint(lab, "a", "health", "'HEALTHY'");
    lab_do(lab, UPDATE, "{'service':'v1','id':'a','health':'UNHEALTHY'}");
    expect_endpoint(lab, "a", "weight", "65535");
    expect_endpoint(lab, "a", "health", "'UNHEALTHY'");
    lab_do(lab, UPDATE, "{'service':'v1','id':'a','weight':0,'health':'healthy'}");
    expect_endpoint(lab, "a", "weight", "0");
    expect_endpoint(lab, "a", "health", "'HEALTHY'");
    expect_endpoint(lab, "a", "eligible", "false");
    expect_endpoint(lab, "b", "weight", "1");
    /* Neither ends a drain. */
    lab_do(lab, DRAIN, "{'service':'v1','id':'a','timeoutSeconds':3600}");
    lab_do(lab, UPDATE, "{'service':'v1','id':'a','weight':2}");
    expect_endpoint(lab, "a", "health", "'DRAINING'");
}

static void test_what_cannot_be_updated(void **state)
{
    static const struct refusal all[] = {
        {UPDATE, "{'service':'v1','id':'a'}", 400, "weight", "weight, health or both"},
        {UPDATE, "{'service':'v1','id':'a','weight':65536}", 400, "weight", FROM_0_TO_65535},
        {UPDATE, "{'service':'v1','id':'a','weight':1,'health':''}", 400, "health", "HEALTHY, UNHEALTHY"},
        {UPDATE, "{'service':'v1','id':'a','address':'10.0.0.9:80'}", 400, "address", "(unknown member)"},
        {UPDATE, "{'service':'v1','id':'b','weight':1}", 404, "id", "an instance of service v1"},
        {UPDATE, "{'service':'v3','id':'a','weight':1}", 404, "service", "a service of namespace default"},
        {UPDATE, "{'service':'v1','id':'a','weight':1,'namespace':'nobody'}", 404, "service",
         "a service of namespace nobody"},
        {DRAIN, "{'service':'v1','id':'b'}", 404, "id", "an instance of service v1"},
        {DRAIN, "{'service':'v3','id':'a'}", 404, "service", "a service of namespace default"},
        {DRAIN, "{'service':'v1','id':'a','timeoutSeconds':86401}", 400, "timeoutSeconds", "from 0 to 86400"},
        {DEREGISTER, "{'service':'v1','id':'b'}", 404, "id", "an instance of service v1"},
        {DEREGISTER, "{'service':'v1','id':'a','namespace':'nobody'}", 404, "service", "namespace nobody"},
        {DELETE, "{'service':'v3'}", 404, "service", "a service of namespace default"},
        {DELETE, "{'service':'v1','namespace':'nobody'}", 404, "service", "a service of namespace nobody"},
        {DELETE, "{'service':''}", 400, "service", "allowed"},
    };
    struct lab *lab = *state;

    lab_two_services(lab);
    lab_refuse_all(lab, all, ARRAY_SIZE(all));
}

/* ---- leaving ---- */

static void set_open(struct lab *lab, const char *service_name, const char *id, unsigned open)
{
    const struct svc_endpoint_stats stats = {.established = open + 3, .closed = 3};

    assert_int_equal(
        memory_datapath_set_stats(lab->house.datapath, lab_instance(lab, service_name, id)->endpoint, &stats),
        0);
}

static void test_draining(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL, *other = NULL, *killing = NULL;
    int64_t now;

    lab_two_services(lab);
    set_open(lab, "v1", "a", 5);
    now = clock_wall_s();
    answer = lab_get(lab, DRAIN, "{'service':'v1','id':'a','timeoutSeconds':7200}", 200);
    json_expect(answer, "draining", "true");
    json_expect(answer, "open", "5");
    json_expect(answer, "timeoutSeconds", "7200");
    json_expect(answer, "revision", "3");
    assert_in_range(lab_instance(lab, "v1", "a")->drain_until, now + 7200, now + 7200 + 1800);
    expect_endpoint(lab, "a", "health", "'DRAINING'");
    expect_endpoint(lab, "a", "reason", "'draining'");
    expect_endpoint(lab, "a", "eligible", "false");
    expect_endpoint(lab, "a", "draining.kill", "false");
    expect_endpoint(lab, "b", "health", "'HEALTHY'");
    /* Left out, the time is the service's. */
    lab_do(lab, "PUT /v1/settings", "{'service':'v2','settings':{'drainSeconds':1234}}");
    other = lab_get(lab, DRAIN, "{'service':'v2','id':'b'}", 200);
    json_expect(other, "timeoutSeconds", "1234");
    json_expect(other, "open", "0");
    /* Once more with another time, and what is open then is closed. */
    now = clock_wall_s();
    killing = lab_get(lab, DRAIN, "{'service':'v1','id':'a','timeoutSeconds':10000,'kill':true}", 200);
    json_expect(killing, "timeoutSeconds", "10000");
    expect_endpoint(lab, "a", "draining.kill", "true");
    assert_in_range(lab_instance(lab, "v1", "a")->drain_until, now + 10000, now + 10000 + 1800);
}

/* Who drains goes when its time is over, or nothing is open any more. */
static void test_a_drain_ends(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    assert_int_equal(drains_begin(&lab->drains, lab->house.base), 0);
    set_open(lab, "v1", "a", 5);
    lab_do(lab, DRAIN, "{'service':'v1','id':'a','timeoutSeconds':0}");
    lab_do(lab, DRAIN, "{'service':'v2','id':'b','timeoutSeconds':86400}");
    TURN_UNTIL(!lab_instance(lab, "v1", "a") && !lab_instance(lab, "v2", "b"));
    lab_some_turns(lab); /* what is told of it goes into the history */
    lab_refuse(lab, UPDATE, "{'service':'v1','id':'a','weight':1}", 404, "id", "an instance of service v1");
}

static void test_deregistering(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *at_once = NULL, *drains = NULL, *again = NULL, *now = NULL, *never = NULL;

    lab_two_services(lab);
    /* Nothing is open. */
    at_once = lab_get(lab, DEREGISTER, "{'service':'v1','id':'a'}", 200);
    json_expect(at_once, "draining", "");
    assert_int_equal(cJSON_GetArraySize(json_at(at_once, "warnings")), 1); /* it was the last one */
    assert_null(lab_endpoint(lab, "a"));
    /* Something is: it drains for the service's time, and goes when it is asked again. */
    set_open(lab, "v2", "b", 2);
    drains = lab_get(lab, DEREGISTER, "{'service':'v2','id':'b'}", 200);
    json_expect(drains, "draining", "true");
    json_expect(drains, "open", "2");
    json_expect(drains, "timeoutSeconds", "20");
    expect_endpoint(lab, "b", "health", "'DRAINING'");
    again = lab_get(lab, DEREGISTER, "{'service':'v2','id':'b'}", 200);
    json_expect(again, "draining", "");
    assert_null(lab_endpoint(lab, "b"));
    /* At once, whatever is open. */
    lab_do(lab, REGISTER, "{'service':'v2','id':'c','address':'10.0.0.3:80'}");
    set_open(lab, "v2", "c", 2);
    now = lab_get(lab, DEREGISTER, "{'service':'v2','id':'c','now':true}", 200);
    json_expect(now, "draining", "");
    assert_null(lab_endpoint(lab, "c"));
    /* Nor does a service drain that has no time for it. */
    lab_do(lab, "PUT /v1/settings", "{'service':'v2','settings':{'drainSeconds':0}}");
    lab_do(lab, REGISTER, "{'service':'v2','id':'d','address':'10.0.0.4:80'}");
    set_open(lab, "v2", "d", 2);
    never = lab_get(lab, DEREGISTER, "{'service':'v2','id':'d'}", 200);
    json_expect(never, "draining", "");
    assert_null(lab_endpoint(lab, "d"));
}

static void test_deleting_a_service(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *left = NULL;

    lab_two_services(lab);
    lab_do(lab, REGISTER, "{'service':'v1','id':'a2','address':'10.0.0.3:80'}");
    set_open(lab, "v1", "a2", 4);
    lab_do(lab, "PUT /v1/routes", "{'dnsName':'front','targets':[{'service':'v1','weight':1}]}");
    lab_refuse(lab, DELETE, "{'service':'v1'}", 409, "service", "clear the route of front:80/tcp first");
    lab_do(lab, "DELETE /v1/routes", "{'dnsName':'front'}");
    lab_do(lab, DELETE, "{'service':'v1'}");
    assert_null(service(lab, "v1"));
    assert_null(lab_endpoint(lab, "a"));
    assert_null(lab_endpoint(lab, "a2"));
    left = service(lab, "v2");
    assert_non_null(left);
    lab_refuse(lab, DELETE, "{'service':'v1'}", 404, "service", "a service of namespace default");
    /* Its name is free again. */
    lab_do(lab, REGISTER, "{'service':'v1','id':'a','address':'10.0.0.1:80'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_an_instance_as_it_is_without_more),
        LAB_TEST(test_an_instance_with_everything),
        LAB_TEST(test_ids_by_default),
        LAB_TEST(test_registering_again_replaces),
        LAB_TEST(test_a_host_name_without_address_yet),
        LAB_TEST(test_what_cannot_be_registered),
        LAB_TEST(test_weight_and_health),
        LAB_TEST(test_what_cannot_be_updated),
        LAB_TEST(test_draining),
        LAB_TEST(test_a_drain_ends),
        LAB_TEST(test_deregistering),
        LAB_TEST(test_deleting_a_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
