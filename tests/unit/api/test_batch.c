/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Batches: all of their changes or none, each seeing those before it, and which one is to blame. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/api/api_lab.h"

#define BATCH     "POST /v1/batch"
#define REGISTER  "{'op':'register','service':'web','id':'a','address':'10.0.0.1:80'}"
#define ONE(item) "{'changes':[" REGISTER "," item "]}"

/* So many that they take more than one piece of time. */
#define LONG 4000

/* A batch of updates of "web/a", of which the one at `n_bad` (LONG: none) has a weight that cannot be. */
static char *long_batch(unsigned n_bad)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)fprintf(out, "{'changes':[" REGISTER);
    for (unsigned i = 1; i < LONG; i++)
        (void)fprintf(out, ",{'op':'update','service':'web','id':'a','weight':%u}",
                      i == n_bad ? 99999 : i + 100);
    (void)fprintf(out, "]}");
    (void)fclose(out);
    return text;
}

/* ---- what is made ---- */

static void test_each_change_sees_those_before_it(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL, *endpoint = NULL, *routes = NULL, *settings = NULL;

    answer =
        lab_get(lab, BATCH,
                "{'changes':[" REGISTER ",{'op':'register','service':'old','id':'o','address':'10.0.0.2:80'}"
                ",{'op':'update','service':'web','id':'a','weight':7}"
                ",{'op':'set-settings','service':'web','settings':{'drainSeconds':99}}"
                ",{'op':'set-route','dnsName':'front','targets':[{'service':'web','weight':1}]}"
                ",{'op':'set-route','dnsName':'back','targets':[{'service':'old','weight':1}]}"
                ",{'op':'clear-route','dnsName':'back'}"
                ",{'op':'delete-service','service':'old'}"
                ",{'op':'register','service':'web','id':'gone','address':'10.0.0.3:80'}"
                ",{'op':'deregister','service':'web','id':'gone'}"
                ",{'op':'drain','service':'web','id':'a'}]}",
                200);
    json_expect(answer, "revision", "1");
    json_expect(answer, "warnings", "[]");
    assert_int_equal(house_commits_begun(&lab->house), 1);
    endpoint = lab_endpoint(lab, "a");
    json_expect(endpoint, "weight", "7");
    json_expect(endpoint, "health", "'DRAINING'");
    assert_null(lab_endpoint(lab, "o"));
    assert_null(lab_endpoint(lab, "gone"));
    routes = lab_get(lab, "GET /v1/routes", "", 200);
    json_expect(routes, "routes.0.dnsName", "'front'");
    json_expect(routes, "routes.1", "");
    settings = lab_get(lab, "GET /v1/settings", "", 200);
    json_expect(settings, "services.0.own", "{'drainSeconds':99}");
    json_expect(settings, "services.1", "");
}

static void test_a_dry_run_changes_nothing(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;

    answer = lab_get(lab, BATCH, "{'changes':[" REGISTER "],'dryRun':true}", 200);
    json_expect(answer, "warnings", "[]");
    assert_null(lab_endpoint(lab, "a"));
    assert_int_equal(registry_revision(lab->house.registry), 0);
    lab_refuse(lab, BATCH, "{'changes':[{'op':'register','service':'web'}],'dryRun':true}", 400,
               "changes[0].address", "missing");
    lab_refuse(lab, BATCH, "{'changes':[" REGISTER "],'dryRun':1}", 400, "dryRun", "true");
}

static void test_a_service_before_its_instances(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *services = NULL, *again = NULL;

    cJSON_Delete(lab_get(lab, BATCH,
                         "{'changes':[{'op':'declare-service','service':'dns','port':53,'protocol':'udp'},"
                         "{'op':'declare-service','service':'dns','port':54}]}",
                         200));
    services = lab_get(lab, "GET /v1/services", "", 200);
    json_expect(services, "services.0.instances", "0");
    json_expect(
        services, "services.0.clientAliases",
        "[{'dnsName':'dns','port':53,'protocol':'udp'},{'dnsName':'dns','port':54,'protocol':'tcp'}]");
    cJSON_Delete(lab_get(lab, "PUT /v1/services", "{'service':'dns','port':99}", 200));
    again = lab_get(lab, "GET /v1/services", "", 200);
    assert_true(cJSON_Compare(json_at(again, "services"), json_at(services, "services"), true));
    lab_refuse(lab, "PUT /v1/services", "{'service':'dns'}", 400, "port", "65535");
    lab_refuse(lab, "PUT /v1/services", "{'service':'a b','port':1}", 400, "service", "a b");
}

/* Others have turns of the loop while it puts its rows: they could see the first of them without the last. */
static void expect_pieces(struct lab *lab, const char *batch)
{
    struct asker *client = lab_send(lab, BATCH, batch);
    int status;

    TURN_UNTIL(lab_instance(lab, "web", "a"));
    assert_false(engine_is_steady(lab->house.engine));
    assert_true(lab_instance(lab, "web", "a")->weight < LONG - 1 + 100);
    cJSON_Delete(lab_hear(lab, client, &status));
    assert_int_equal(status, 200);
    asker_leave(client);
}

static void test_a_long_one_goes_in_pieces(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *good = long_batch(LONG), *bad = long_batch(LONG - 1);
    _cleanup_json_ cJSON *endpoint = NULL;
    char field[64];

    (void)snprintf(field, sizeof(field), "changes[%d].weight", LONG - 1);
    lab_refuse(lab, BATCH, bad, 400, field, "99999");
    expect_pieces(lab, good);
    assert_int_equal(registry_revision(lab->house.registry), 1);
    endpoint = lab_endpoint(lab, "a");
    assert_int_equal(json_at(endpoint, "weight")->valueint, LONG - 1 + 100);
}

static void test_a_conflict_runs_all_of_it_again(void **state)
{
    static const struct fake_step steps[] = {{FAKE_CONFLICT, 1}, {FAKE_WRITTEN, 1}};
    struct lab *lab = *state;
    _cleanup_free_ char *batch = long_batch(LONG);
    _cleanup_json_ cJSON *answer = NULL, *endpoint = NULL;

    fake_registry_plan(lab->house.registry, steps, ARRAY_SIZE(steps));
    answer = lab_get(lab, BATCH, batch, 200);
    json_expect(answer, "revision", "1");
    assert_int_equal(fake_store_counts(lab->house.store).refused, 1);
    endpoint = lab_endpoint(lab, "a");
    assert_int_equal(json_at(endpoint, "weight")->valueint, LONG - 1 + 100);
}

/* Its body is read until the last piece, though nobody waits for the answer. */
static void test_a_client_leaves_between_pieces(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *batch = long_batch(LONG), *bad = long_batch(LONG - 1);
    struct asker *client = lab_send(lab, BATCH, batch);

    TURN_UNTIL(lab_instance(lab, "web", "a"));
    asker_leave(client);
    REGISTRY_TURN_UNTIL(registry_revision(lab->house.registry) == 1 && engine_is_steady(lab->house.engine) &&
                        lab_instance(lab, "web", "a"));
    assert_int_equal(lab_instance(lab, "web", "a")->weight, LONG - 1 + 100);
    /* And one whose last change is refused. */
    client = lab_send(lab, BATCH, bad);
    TURN_UNTIL(!engine_is_steady(lab->house.engine));
    asker_leave(client);
    REGISTRY_TURN_UNTIL(engine_is_steady(lab->house.engine));
    assert_int_equal(lab_instance(lab, "web", "a")->weight, LONG - 1 + 100);
    assert_int_equal(registry_revision(lab->house.registry), 1);
}

/* Of a commit that was shared the one is refused by itself, and what the batch then finds is another thing. */
static void test_another_run_counts_from_the_beginning(void **state)
{
    static const struct fake_step steps[] = {
        {FAKE_WRITTEN, LAB_SLOW}, {FAKE_TOO_LARGE, 1}, {FAKE_DISK_FULL, 1}};
    struct lab *lab = *state;
    struct asker *first, *before, *batch;
    _cleanup_json_ cJSON *refused = NULL, *answer = NULL;
    int status;

    fake_registry_plan(lab->house.registry, steps, ARRAY_SIZE(steps));
    first = lab_send(lab, "POST /v1/instances", "{'service':'first','address':'10.0.0.9:80'}");
    TURN_UNTIL(house_commits_begun(&lab->house) == 1);
    before = lab_send(lab, "POST /v1/instances", "{'service':'late','id':'l','address':'10.0.0.8:80'}");
    lab_some_turns(lab);
    batch = lab_send(lab, BATCH, ONE("{'op':'update','service':'late','id':'l','weight':2}"));
    lab_some_turns(lab);
    refused = lab_hear(lab, before, &status);
    assert_int_equal(status, 507);
    answer = lab_hear(lab, batch, &status);
    assert_int_equal(status, 404);
    json_expect_error("the batch", answer, "changes[1].service", "a service of namespace default");
    lab_expect_web(lab, false);
    asker_leave(first);
    asker_leave(before);
    asker_leave(batch);
}

/* ---- what is refused, as a whole ---- */

static void test_one_bad_change_refuses_all(void **state)
{
    static const struct refusal all[] = {
        {BATCH, ONE("{'op':'register','service':'web','address':'nonsense'}"), 400, "changes[1].address",
         "IP:PORT"},
        {BATCH, ONE("{'op':'update','service':'web','id':'b','weight':1}"), 404, "changes[1].id",
         "an instance of service web"},
        {BATCH, ONE("{'op':'update','service':'w','id':'a','weight':1}"), 404, "changes[1].service",
         "a service of namespace default"},
        {BATCH, ONE("{'op':'update','service':'web','id':'a','namespace':'nobody','weight':1}"), 404,
         "changes[1].service", "a service of namespace nobody"},
        {BATCH, ONE("{'op':'set-route','dnsName':'x','targets':[{'service':'web','weight':-1}]}"), 400,
         "changes[1].targets[0].weight", "from 0 to 65535"},
        {BATCH, ONE("{'op':'set-settings','service':'web','settings':{'drainSeconds':3601}}"), 400,
         "changes[1].settings.drainSeconds", "from 0 to 3600"},
        {BATCH, ONE("{'op':'clear-route','dnsName':'x'}"), 404, "changes[1].dnsName", "with a route"},
        {BATCH, ONE("{'op':'drain','service':'web','id':'a','timeoutSeconds':86401}"), 400,
         "changes[1].timeoutSeconds", "from 0 to 86400"},
        {BATCH, ONE("{'op':'deregister','service':'web','id':'a','now':1}"), 400, "changes[1].now",
         "true or false"},
        {BATCH, ONE("{'op':'delete-service','service':'x'}"), 404, "changes[1].service", "a service of"},
        {BATCH, ONE("{'service':'web'}"), 400, "changes[1].op", "(missing)"},
        {BATCH, ONE("{'op':3}"), 400, "changes[1].op", "a string"},
        {BATCH, ONE("{'op':'eject','service':'web','id':'a'}"), 400, "changes[1].op", "register, update"},
        {BATCH, ONE("1"), 400, "changes[1]", "an object with op"},
        {BATCH, ONE("null"), 400, "changes[1]", "an object with op"},
        {BATCH, "{'changes':[{'op':'update','service':'web','id':'a','weight':1}," REGISTER "]}", 404,
         "changes[0].service", "a service of namespace default"},
        {BATCH, "{'changes':[]}", 400, "changes", "a list of 1 to 10000 changes"},
        {BATCH, "{'changes':[" REGISTER "],'dry':true}", 400, "dry", "(unknown member)"},
    };
    struct lab *lab = *state;

    lab_refuse_all(lab, all, ARRAY_SIZE(all));
    lab_do(lab, BATCH, "{'changes':[" REGISTER "]}");
}

/* Whoever names one that there is not is told all that there are. */
static void test_the_operations_are_all_named(void **state)
{
    static const char *const ops[] = {"register",  "update",      "deregister",   "delete-service",
                                      "set-route", "clear-route", "set-settings", "drain"};
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = lab_get(lab, BATCH, "{'changes':[{'op':'none'}]}", 400);
    const char *allowed = cJSON_GetStringValue(json_at(answer, "error.allowed"));

    assert_non_null(allowed);
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        _cleanup_json_ cJSON *refused = NULL;
        char body[64];

        if (!strstr(allowed, ops[i]))
            fail_msg("%s does not name %s", allowed, ops[i]);
        (void)snprintf(body, sizeof(body), "{'changes':[{'op':'%s'}]}", ops[i]);
        refused = lab_get(lab, BATCH, body, 400);
        assert_non_null(strstr(json_at(refused, "error.message")->valuestring, "is missing"));
    }
}

static void test_there_are_too_many(void **state)
{
    struct lab *lab = *state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)fprintf(out, "{'changes':[1");
    for (unsigned i = 0; i < 10000; i++)
        (void)fprintf(out, ",1");
    (void)fprintf(out, "]}");
    (void)fclose(out);
    lab_refuse(lab, BATCH, text, 400, "changes", "a list of 1 to 10000 changes");
    free(text);
}

static void test_what_finds_no_room_refuses_all(void **state)
{
    struct lab *lab = *state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)fprintf(out, "{'changes':[" REGISTER);
    for (unsigned i = 0; i < HOUSE_ENDPOINTS; i++)
        (void)fprintf(out, ",{'op':'register','service':'web','address':'10.0.1.%u:80'}", i);
    (void)fprintf(out, "]}");
    (void)fclose(out);
    lab_refuse(lab, BATCH, text, 507, NULL, "maps.endpoints");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_each_change_sees_those_before_it),
        LAB_TEST(test_a_long_one_goes_in_pieces),
        LAB_TEST(test_a_dry_run_changes_nothing),
        LAB_TEST(test_a_long_one_goes_in_pieces),
        LAB_TEST(test_a_service_before_its_instances),
        LAB_TEST(test_a_long_one_goes_in_pieces),
        LAB_TEST(test_a_conflict_runs_all_of_it_again),
        LAB_TEST(test_a_client_leaves_between_pieces),
        LAB_TEST(test_another_run_counts_from_the_beginning),
        LAB_TEST(test_one_bad_change_refuses_all),
        LAB_TEST(test_the_operations_are_all_named),
        LAB_TEST(test_there_are_too_many),
        LAB_TEST(test_what_finds_no_room_refuses_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
