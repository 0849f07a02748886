/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the daemon tells of itself, what makes it degraded, and a registry that is accepted as it is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrics/histogram.h"
#include "unit/api/api_lab.h"

#define STATUS "GET /v1/status"
#define ACCEPT "POST /v1/registry/accept"

static void expect_status(struct lab *lab, const char *path, const char *wanted)
{
    _cleanup_json_ cJSON *answer = lab_get(lab, STATUS, "", 200);

    json_expect(answer, path, wanted);
}

/* The only reason for which it is degraded has this part; NULL: it is not degraded. */
static void expect_degraded(struct lab *lab, const char *part)
{
    _cleanup_json_ cJSON *answer = lab_get(lab, STATUS, "", 200);
    const char *found = cJSON_GetStringValue(json_at(answer, "degraded.0"));

    json_expect(answer, "state", part ? "'degraded'" : "'ok'");
    json_expect(answer, "degraded.1", "");
    if (part ? !found || !strstr(found, part) : found != NULL)
        fail_msg("degraded: %s, not %s", found ? found : "(nothing)", part ? part : "(nothing)");
}

/* ---- figures ---- */

static void test_of_an_empty_daemon(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = lab_get(lab, STATUS, "", 200);

    expect_degraded(lab, NULL);
    assert_string_equal(json_at(answer, "version")->valuestring, SVC_VERSION);
    assert_int_equal(json_at(answer, "pid")->valueint, getpid());
    json_expect(answer, "registry.type", "'fake'");
    json_expect(answer, "registry.revision", "0");
    json_expect(answer, "registry.state", "'ok'");
    json_expect(answer, "directories.state", "'/state'");
    json_expect(answer, "directories.run", "'/run'");
    json_expect(answer, "directories.bpffs", "'/bpf'");
    json_expect(answer, "aliasRange", "'127.255.0.0/16'");
    json_expect(answer, "aliasRange6", "'fd7f:ff53:7663::/112'");
    json_expect(answer, "kernel.setRetval", "true");
    json_expect(answer, "namespaces", "0");
    json_expect(answer, "services", "0");
    json_expect(answer, "instances", "0");
    json_expect(answer, "aliases", "0");
    json_expect(answer, "tasks", "0");
    json_expect(answer, "maps.0", "{'name':'aliases','used':0,'max':512,'setting':'maps.aliases'}");
    json_expect(answer, "maps.3", "{'name':'tasks','used':0,'max':4,'setting':'maps.tasks'}");
    json_expect(answer, "maps.4", "");
    json_expect(answer, "loop", ""); /* nobody measures it */
    json_expect(answer, "dns.on", "false");
    json_expect(answer, "externalNames.count", "0");
    json_expect(answer, "documents", "{'count':0,'failed':[]}");
    json_expect(answer, "writes", "{'maps':0,'adopted':0}");
}

static void test_it_counts(void **state)
{
    const struct svc_counters counters = {.hit = 1,
                                          .miss = 2,
                                          .no_endpoint = 3,
                                          .retried = 4,
                                          .inconsistent = 5,
                                          .redrawn = 6,
                                          .all_ejected = 7,
                                          .events_lost = 8};
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;

    lab_two_services(lab);
    lab_do(lab, "POST /v1/instances", "{'service':'v3','address':'10.0.0.3:80','namespace':'other'}");
    lab_do(lab, "POST /v1/instances", "{'service':'v1','address':'10.0.0.4:80'}");
    lab_do(lab, "PUT /v1/routes", "{'dnsName':'front','targets':[{'service':'v1','weight':1}]}");
    lab_do(lab, "POST /v1/documents", "{'documents':[" DOCUMENT("s", "doc", "cart", "cart") "]}");
    lab_do(lab, "PUT /v1/settings",
           "{'service':'v2','settings':{'healthCheck':{'type':'tcp','interval':300}}}");
    memory_datapath_set_counters(lab->house.datapath, &counters);
    answer = lab_get(lab, STATUS, "", 200);
    json_expect(answer, "namespaces", "2");
    json_expect(answer, "services", "4");
    json_expect(answer, "instances", "4");
    json_expect(answer, "aliases", "5");
    json_expect(answer, "maps.0.used", "10"); /* an alias has an entry for each family */
    json_expect(answer, "maps.2.name", "'endpoints'");
    json_expect(answer, "maps.2.used", "4");
    json_expect(answer, "registry.revision", "7");
    json_expect(answer, "documents.count", "1");
    json_expect(answer, "health.targets", "1");
    json_expect(answer, "health.weakObserver", "false");
    json_expect(answer, "counters",
                "{'hit':1,'miss':2,'noEndpoint':3,'noAlias':0,'policy':0,'policyAudited':0,'retried':4,'"
                "inconsistent':5,'redrawn':6,'"
                "allEjected':7,"
                "'saved':0,'eventsLost':8}");
    assert_int_equal(json_at(answer, "writes.maps")->valueint, datapath_writes(lab->house.datapath));
    assert_true(datapath_writes(lab->house.datapath) > 0);
}

static void test_how_late_the_loop_is(void **state)
{
    struct lab *lab = *state;
    struct histogram lag = {0};
    _cleanup_json_ cJSON *answer = NULL;
    const cJSON *bucket;
    int n = 0, total = 0;

    histogram_observe(&lag, 0.0001);
    histogram_observe(&lag, 0.0125);
    histogram_observe(&lag, 1e6);
    lab->api.loop_lag = &lag;
    answer = lab_get(lab, STATUS, "", 200);
    json_expect(answer, "loop.lagMaxMs", "1000000000");
    cJSON_ArrayForEach (bucket, json_at(answer, "loop.lagBuckets")) {
        if (bucket->next)
            assert_true(json_at(bucket, "atMostMs")->valuedouble == histogram_bound((unsigned)n) * 1e3);
        else /* the last has no bound */
            json_expect(bucket, "", "{'atMostMs':null,'count':1}");
        total += json_at(bucket, "count")->valueint;
        n++;
    }
    assert_int_equal(n, HISTOGRAM_BUCKETS);
    assert_int_equal(total, 3);
    lab->api.loop_lag = NULL;
}

/* The same figures, as Prometheus reads them. */
static void test_metrics_tell_the_same(void **state)
{
    const struct svc_counters counters = {.hit = 77};
    struct lab *lab = *state;
    struct asker *client;

    lab_two_services(lab);
    memory_datapath_set_counters(lab->house.datapath, &counters);
    client = lab_send(lab, "GET /metrics", "");
    TURN_UNTIL(asker_has_answer(client));
    assert_true(asker_hears(client, "200 OK"));
    assert_true(asker_hears(client, "Content-Type: text/plain"));
    assert_true(asker_hears(client, " 77\n"));
    assert_true(asker_hears(client, "instance=\"a\""));
    assert_true(asker_hears(client, "instance=\"b\""));
    asker_leave(client);
}

/* ---- degraded ---- */

static void test_a_map_is_nearly_full(void **state)
{
    struct lab *lab = *state;
    char body[128];

    for (unsigned i = 1; i <= 14; i++) {
        (void)snprintf(body, sizeof(body), "{'service':'web','address':'10.0.0.%u:80'}", i);
        lab_do(lab, "POST /v1/instances", body);
    }
    expect_degraded(lab, NULL); /* 14 of 16 */
    lab_do(lab, "POST /v1/instances", "{'service':'web','address':'10.0.0.15:80'}");
    expect_degraded(lab, "map endpoints is nearly full (15 of 16): raise maps.endpoints");
    lab_do(lab, "DELETE /v1/instances", "{'service':'web','id':'10.0.0.15:80'}");
    lab_some_turns(lab);
    expect_degraded(lab, NULL);
}

static void test_a_host_name_without_an_address(void **state)
{
    struct lab *lab = *state;

    lab_do(lab, "POST /v1/instances", "{'service':'db','address':'db.example.net:5432'}");
    TURN_UNTIL(lab->externals.failed > 0);
    expect_status(lab, "externalNames.failing", "1");
    expect_degraded(lab, "db.example.net");
}

static void test_a_task_that_is_not_attached(void **state)
{
    struct task task = {.cgroup = {.id = 1, .path = "/one"}, .namespace_name = "default", .service = ""};
    struct lab *lab = *state;

    HASH_ADD(hh, lab->tasks.all, cgroup.id, sizeof(task.cgroup.id), &task);
    expect_degraded(lab, "task /one could not be attached");
    expect_status(lab, "tasks", "1");
    expect_status(lab, "maps.3.used", "1");
    task.is_attached = true;
    expect_degraded(lab, NULL);
    HASH_CLEAR(hh, lab->tasks.all);
}

/* What the registry holds was taken when its program was still allowed. */
static void test_a_check_whose_command_is_not_run(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    house_put(&lab->house, "services/default/v1",
              "{\"clientAliases\":[{\"dnsName\":\"v1\",\"port\":80,\"protocol\":\"tcp\"}],\"settings\":{"
              "\"healthCheck\":{\"type\":\"exec\",\"command\":[\"CMD\",\"/bin/true\"]}}}");
    expect_degraded(lab, "health checks of 1 endpoints are not made");
}

static void test_a_file_that_is_no_document(void **state)
{
    struct lab *lab = *state;
    struct services_dir *dir = &lab->services_dir;
    _cleanup_free_ char *path = NULL;
    _cleanup_json_ cJSON *answer = NULL;
    FILE *file;

    assert_true(asprintf(&path, "%s/bad.json", lab->directory) > 0);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    dir->base = lab->house.base;
    dir->path = lab->directory;
    services_dir_start(dir);
    services_dir_settle(dir);
    answer = lab_get(lab, STATUS, "", 200);
    assert_int_equal(unlink(path), 0);
    assert_string_equal(json_at(answer, "documents.failed.0.source")->valuestring, path);
    json_expect(answer, "documents.count", "0");
    json_expect(answer, "documents.failed.1", "");
}

/* ---- accepting ---- */

static struct datapath_config config = {
    .aliases = 512, .slots = 1024, .endpoints = HOUSE_ENDPOINTS, .tasks = 4};

static void judge_and_begin(struct lab *lab)
{
    house_begin_judged(&lab->house, &config);
    lab_begin_rooms(lab);
}

static int setup_judged(void **state)
{
    struct lab *lab = lab_make();

    *state = lab;
    judge_and_begin(lab);
    lab_listen(lab);
    return 0;
}

/* The daemon ends, and starts with an empty registry on what it had published. */
static void restart_without_registry(struct lab *lab)
{
    struct house *house = &lab->house;
    struct engine_settings settings = {.base = house->base,
                                       .alias_range = house_alias_range(),
                                       .max_aliases = 512,
                                       .max_slots = 1024,
                                       .max_endpoints = HOUSE_ENDPOINTS};

    house_stop(house);
    lab_end_rooms(lab);
    engine_free(&house->engine);
    (void)registry_close(&house->registry);
    fake_store_free(&house->store);
    assert_int_equal(memory_datapath_restart(house->datapath, DATAPATH_ADOPTED), 0);
    house->store = fake_store_new();
    house->registry = fake_registry_open(house->store);
    assert_int_equal(engine_new(&settings, &house->engine), 0);
    lab_make_rooms(lab);
    judge_and_begin(lab);
}

static void test_a_registry_that_is_right_stays(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *before = NULL;
    _cleanup_json_ cJSON *answer = NULL;

    lab_two_services(lab);
    before = lab_state(lab);
    answer = lab_get(lab, ACCEPT, "{}", 200);
    json_expect(answer, "was", "'ok'");
    json_expect(answer, "aliasesBefore", "2");
    json_expect(answer, "aliases", "2");
    json_expect(answer, "revision", "3"); /* the first is that it is given an id */
    json_expect(answer, "warnings", "[]");
    lab_expect_state(lab, before, "accepting what was right");
}

static void test_an_empty_registry_is_accepted(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *degraded = NULL, *answer = NULL, *hosts = NULL;

    lab_two_services(lab);
    restart_without_registry(lab);
    degraded = lab_get(lab, STATUS, "", 200);
    json_expect(degraded, "state", "'degraded'");
    json_expect(degraded, "registry.state", "'empty'");
    json_expect(degraded, "registry.keptAliases", "2");
    json_expect(degraded, "registry.published.revision", "3");
    json_expect(degraded, "aliases", "2");
    json_expect(degraded, "services", "0");
    answer = lab_get(lab, ACCEPT, "{}", 200);
    json_expect(answer, "was", "'empty'");
    json_expect(answer, "aliasesBefore", "2");
    json_expect(answer, "aliases", "0");
    expect_degraded(lab, NULL);
    expect_status(lab, "registry.state", "'ok'");
    hosts = lab_get(lab, "GET /v1/hosts", "", 200);
    json_expect(hosts, "hosts", "[]");
    /* Once more there is nothing to accept. */
    cJSON_Delete(answer);
    answer = lab_get(lab, ACCEPT, "{}", 200);
    json_expect(answer, "was", "'ok'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_of_an_empty_daemon),
        LAB_TEST(test_it_counts),
        LAB_TEST(test_how_late_the_loop_is),
        LAB_TEST(test_metrics_tell_the_same),
        LAB_TEST(test_a_map_is_nearly_full),
        LAB_TEST(test_a_host_name_without_an_address),
        LAB_TEST(test_a_task_that_is_not_attached),
        LAB_TEST(test_a_check_whose_command_is_not_run),
        LAB_TEST(test_a_file_that_is_no_document),
        cmocka_unit_test_setup_teardown(test_a_registry_that_is_right_stays, setup_judged, lab_teardown),
        cmocka_unit_test_setup_teardown(test_an_empty_registry_is_accepted, setup_judged, lab_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
