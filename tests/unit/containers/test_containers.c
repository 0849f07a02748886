/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the registry has of containers, from their first event to their end. Long because that is one way, and each step is
 * tried on what the steps before it left. */
#include "unit/containers/containers_lab.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/json.h"
#include "engine/change/edits.h"

#define OURS(instance, id)                                                                                   \
    "instances/ns/web/" instance, "{\"address\":\"192.0.2.1\",\"port\":8080,\"creatorRequestId\":"           \
                                  "\"container:docker:" id "\"}"
#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

#define WEB "services/ns/web", "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}]}"

/* ---- labels ---- */

static void test_labels_become_instances_and_names(void **state)
{
    struct lab *lab = *state;
    const struct instance *instance;
    char text[INET6_ADDRSTRLEN + 1];

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_container(lab, 'b',
                  "\"svcconnect.service\": \"api\", \"svcconnect.port\": \"9000/udp\", "
                  "\"svcconnect.alias\": \"one:5,two\", \"svcconnect.weight\": \"7\", "
                  "\"svcconnect.zone\": \"z1\"",
                  "\"Status\": \"running\"");
    lab_container(lab, 'c', "", "\"Status\": \"running\"");
    lab_follow(lab);
    instance = lab_await(lab, "web", "aaaaaaaaaaaa-10");
    ip_address_format(&instance->address, text);
    assert_string_equal(text, "192.0.2.97");
    assert_int_equal(instance->port, 8080);
    assert_int_equal(instance->health, HEALTHY);
    assert_string_equal(instance->creator, "container:docker:" ID_A);
    lab_expect_aliases(lab, "web", "web:8080 web:80 ");
    instance = lab_await(lab, "api", "bbbbbbbbbbbb-10");
    assert_int_equal(instance->protocol, UDP);
    assert_int_equal(instance->weight, 7);
    assert_non_null(strstr(instance->attributes, "z1"));
    lab_expect_aliases(lab, "api", "one:5 two:9000 ");
}

static void test_anothers_name_is_left_alone(void **state)
{
    static const char *const rows[] = {
        "services/ns/other", "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}]}",
        NULL};
    struct lab *lab = *state;

    lab_begin(lab, rows);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    lab_expect_aliases(lab, "web", "web:8080 ");
    lab_expect_aliases(lab, "other", "web:80 ");
}

static void test_a_document_says_what_its_service_is_called(void **state)
{
    static const char *const rows[] = {
        "services/ns/web",
        "{\"clientAliases\":[{\"dnsName\":\"shop\",\"port\":80,\"protocol\":\"tcp\"}],\"document\":\"doc\"}",
        NULL};
    struct lab *lab = *state;

    lab_begin(lab, rows);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    lab_expect_aliases(lab, "web", "shop:80 ");
}

/* ---- what was there before ---- */

static bool is_asked(void *user)
{
    return ((struct fake_container *)user)->open != NULL;
}

static void test_what_nobody_knows_goes_when_all_have_been_told(void **state)
{
    static const char *const rows[] = {WEB,
                                       OURS("old", ID_A),
                                       "instances/ns/web/by-hand",
                                       "{\"address\":\"192.0.2.2\",\"port\":80}",
                                       "instances/ns/web/of-podman",
                                       "{\"address\":\"192.0.2.3\",\"port\":80,\"creatorRequestId\":"
                                       "\"container:podman:" ID_A "\"}",
                                       NULL};
    struct lab *lab = *state;
    struct fake_container *slow;

    lab_begin(lab, rows);
    lab_running(lab, 'b', "web");
    slow = fake_docker_find(&lab->fake, 'b');
    slow->is_slow = true;
    lab_follow(lab);
    house_until(&lab->house, is_asked, slow, "the one container to be asked for");
    house_for(&lab->house, 50);
    assert_non_null(house_instance(&lab->house, "web", "old"));
    fake_docker_answer(slow);
    lab_await_gone(lab, "web", "old");
    (void)lab_await(lab, "web", "bbbbbbbbbbbb-10");
    assert_non_null(house_instance(&lab->house, "web", "by-hand"));
    assert_non_null(house_instance(&lab->house, "web", "of-podman"));
}

static void test_one_that_cannot_be_asked_for_keeps_what_it_had(void **state)
{
    static const char *const rows[] = {WEB, OURS("aaaaaaaaaaaa-10", ID_A), NULL};
    struct lab *lab = *state;

    lab_begin(lab, rows);
    lab_running(lab, 'a', "web");
    fake_docker_find(&lab->fake, 'a')->status = 500;
    lab_follow(lab);
    lab_settle(lab);
    assert_non_null(house_instance(&lab->house, "web", "aaaaaaaaaaaa-10"));
    fake_docker_find(&lab->fake, 'a')->status = 0;
    lab_container(lab, 'a', "", "\"Status\": \"running\""); /* no task any more */
    fake_docker_event(&lab->fake, 'a', "update", "");
    lab_await_gone(lab, "web", "aaaaaaaaaaaa-10");
}

/* ---- its life ---- */

static bool is_draining(void *user)
{
    const struct instance *instance = house_instance(user, "web", "aaaaaaaaaaaa-10");

    return instance && instance->drain_until;
}

static void test_draining_from_the_signal_and_gone_with_the_end(void **state)
{
    struct lab *lab = *state;

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    fake_docker_event(&lab->fake, 'a', "kill", "\"signal\": \"15\"");
    house_until(&lab->house, is_draining, &lab->house, "draining");
    lab_container(lab, 'a', "\"svcconnect.service\": \"web\", \"svcconnect.port\": \"8080\"",
                  "\"Status\": \"exited\"");
    fake_docker_event(&lab->fake, 'a', "die", "");
    lab_await_gone(lab, "web", "aaaaaaaaaaaa-10");
    assert_non_null(house_service(&lab->house, "web"));
    fake_docker_remove(&lab->fake, 'a');
    fake_docker_event(&lab->fake, 'a', "destroy", "");
    house_for(&lab->house, 20);
    assert_null(lab_held(lab, 'a'));
}

static void test_another_start_is_another_instance(void **state)
{
    struct lab *lab = *state;

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    (void)fake_docker_put(&lab->fake, 'a',
                          "\"Name\": \"/ca\", \"State\": {\"Status\": \"running\", "
                          "\"StartedAt\": \"1970-01-01T00:00:32Z\"}, \"Config\": {\"Labels\": "
                          "{\"svcconnect.namespace\": \"ns\", \"svcconnect.service\": \"web\", "
                          "\"svcconnect.port\": \"8080\"}}, \"NetworkSettings\": {\"Networks\": "
                          "{\"n\": {\"IPAddress\": \"192.0.2.9\"}}}");
    fake_docker_event(&lab->fake, 'a', "start", "");
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-20");
    assert_null(house_instance(&lab->house, "web", "aaaaaaaaaaaa-10"));
}

static void test_old_news_changes_nothing(void **state)
{
    struct lab *lab = *state;

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    fake_docker_event(&lab->fake, 'a', "create",
                      "\"svcconnect.namespace\": \"ns\", \"svcconnect.service\": \"web\"");
    house_for(&lab->house, 50);
    assert_int_equal(lab_held(lab, 'a')->container->state, CONTAINER_RUNNING);
    assert_non_null(house_instance(&lab->house, "web", "aaaaaaaaaaaa-10"));
}

static bool is_lost(void *user)
{
    const struct lab *lab = user;

    return !lab->containers->runtimes[0].is_connected;
}

static void test_what_it_told_last_holds_while_it_is_away(void **state)
{
    struct lab *lab = *state;

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_running(lab, 'b', "web");
    lab_follow(lab);
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    (void)lab_await(lab, "web", "bbbbbbbbbbbb-10");
    fake_docker_remove(&lab->fake, 'a');
    fake_docker_end_stream(&lab->fake);
    house_until(&lab->house, is_lost, lab, "the connection to be lost");
    assert_non_null(house_instance(&lab->house, "web", "aaaaaaaaaaaa-10"));
    lab_await_gone(lab, "web", "aaaaaaaaaaaa-10");
    assert_non_null(house_instance(&lab->house, "web", "bbbbbbbbbbbb-10"));
}

/* ---- what somebody has said by hand ---- */

static void say(struct lab *lab, const char *text)
{
    char row[400];

    (void)snprintf(row, sizeof(row),
                   "{\"address\":\"192.0.2.97\",\"port\":8080,\"creatorRequestId\":"
                   "\"container:docker:" ID_A "\",%s}",
                   text);
    house_put(&lab->house, "instances/ns/web/aaaaaaaaaaaa-10", row);
}

/* What Docker says now is asked for, and whatever follows has been done. */
static const struct instance *after_state(struct lab *lab, const char *state)
{
    lab_container(lab, 'a', "\"svcconnect.service\": \"web\", \"svcconnect.port\": \"8080\"", state);
    fake_docker_event(&lab->fake, 'a', "update", "");
    house_for(&lab->house, 50);
    lab_settle(lab);
    return house_instance(&lab->house, "web", "aaaaaaaaaaaa-10");
}

#define RUNNING "\"Status\": \"running\""
#define SICK    RUNNING ", \"Health\": {\"Status\": \"unhealthy\"}"

static void test_a_word_by_hand_holds(void **state)
{
    struct lab *lab = *state;
    const struct instance *instance;

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    say(lab, "\"weight\":5,\"health\":\"UNHEALTHY\",\"healthByHand\":\"UNHEALTHY\"");
    instance = after_state(lab, RUNNING);
    assert_int_equal(instance->health, UNHEALTHY);
    assert_int_equal(instance->weight, 5);
    (void)after_state(lab, SICK);
    assert_int_equal(after_state(lab, RUNNING)->health, UNHEALTHY);
    (void)after_state(lab, SICK);
    say(lab, "\"weight\":5,\"health\":\"HEALTHY\",\"healthByHand\":\"HEALTHY\"");
    assert_int_equal(after_state(lab, SICK)->health, HEALTHY);
    assert_int_equal(after_state(lab, RUNNING)->health_by_hand, WORD_NONE);
    assert_int_equal(after_state(lab, SICK)->health, UNHEALTHY); /* the runtime's word counts again */
}

static void test_a_drain_by_hand_holds(void **state)
{
    struct lab *lab = *state;
    const struct instance *instance;

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    say(lab, "\"draining\":{\"until\":4000000000,\"for\":7,\"kill\":true,\"byHand\":true}");
    instance = after_state(lab, RUNNING);
    assert_true(instance->drain_until == INT64_C(4000000000));
    assert_int_equal(instance->drain_for_s, 7);
    assert_true(instance->is_drain_kill);
    say(lab,
        "\"draining\":{\"until\":4000000000}"); /* nobody's: the container was told to end, and did not */
    assert_false(after_state(lab, RUNNING)->drain_until);
}

static int run_remove(struct transaction *transaction, void *user, struct error *error)
{
    return change_remove_instance(transaction, user, error);
}

static bool is_told_out(const struct lab *lab)
{
    _cleanup_json_ cJSON *all = containers_describe(lab->containers);
    const cJSON *note = cJSON_GetObjectItem(cJSON_GetArrayItem(all, 0), "note");

    return strstr(cJSON_GetStringValue(note), "deregistered by hand") != NULL;
}

/* It stays out whatever its runtime tells, until it is registered by hand or started again. */
static void test_deregistered_by_hand_it_stays_out(void **state)
{
    struct lab *lab = *state;
    struct job job = {.run = run_remove};

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    for (int i = 0; i < 2; i++) {
        job.user = lab_await(lab, "web", "aaaaaaaaaaaa-10");
        assert_int_equal(engine_submit(lab->house.engine, &job), 0);
        engine_settle(lab->house.engine);
        assert_null(after_state(lab, RUNNING));
        assert_null(after_state(lab, SICK));
        assert_true(is_told_out(lab));
        if (i > 0)
            break;
        house_put(&lab->house, "instances/ns/web/aaaaaaaaaaaa-10", "{\"address\":\"192.0.2.9\",\"port\":1}");
        assert_true(instance_is_of_container(after_state(lab, RUNNING)));
        assert_false(is_told_out(lab));
    }
    assert_non_null(engine_catalog(lab->house.engine)->aws_records[AWS_LEFT_OUT]);
    fake_docker_remove(&lab->fake, 'a');
    fake_docker_event(&lab->fake, 'a', "destroy", "");
    house_for(&lab->house, 50);
    lab_settle(lab);
    assert_null(
        engine_catalog(lab->house.engine)->aws_records[AWS_LEFT_OUT]); /* nobody needs to know any more */
}

static void test_told_to_end_it_is_on_its_way_out_until_it_has(void **state)
{
    struct lab *lab = *state;

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    fake_docker_event(&lab->fake, 'a', "kill", "\"signal\": \"15\"");
    house_until(&lab->house, is_draining, &lab->house, "draining");
    assert_true(after_state(lab, RUNNING)->drain_until); /* as Docker says it while it waits */
    lab_held(lab, 'a')->told_to_end_ms -= 600001;
    assert_false(after_state(lab, RUNNING)->drain_until);
}

/* ---- one that cannot be had ---- */

static unsigned count_instances(struct lab *lab, const char *const services[], char *ret_missing)
{
    static const char digits[] = "abc";
    unsigned n = 0;

    for (size_t i = 0; digits[i]; i++) {
        char id[32];

        (void)snprintf(id, sizeof(id), "%.12s-10", fake_id(digits[i]).text);
        if (house_instance(&lab->house, services[i], id))
            n++;
        else
            *ret_missing = digits[i];
    }
    return n;
}

static void test_one_that_is_refused_keeps_nobody_away(void **state)
{
    static const char *const services[] = {"one", "two", "three"};
    struct lab *lab = *state;
    _cleanup_json_ cJSON *list = NULL;
    char missing = 0;

    lab_begin_of_size(lab, NULL, 2); /* room for two */
    for (size_t i = 0; i < ARRAY_SIZE(services); i++)
        lab_running(lab, (char)('a' + i), services[i]);
    lab_follow(lab);
    lab_settle(lab);
    assert_int_equal(count_instances(lab, services, &missing), 2);
    assert_true(*lab_held(lab, missing)->why_not_registered);
    list = containers_describe(lab->containers);
    assert_int_equal(cJSON_GetArraySize(list), 3);
    fake_docker_remove(&lab->fake, missing == 'a' ? 'b' : 'a'); /* room for the other one */
    fake_docker_event(&lab->fake, missing == 'a' ? 'b' : 'a', "destroy", "");
    house_for(&lab->house, 50);
    lab_settle(lab);
    assert_non_null(lab_held(lab, missing));
}

/* ---- for people ---- */

static void expect_cgroup(struct lab *lab, const char *text, int result, const char *wanted)
{
    struct error error = {0};
    const char *cgroup = "";

    assert_int_equal(containers_cgroup_of(lab->containers, "container", text, &cgroup, &error), result);
    assert_non_null(strstr(result < 0 ? error.message : cgroup, wanted));
}

static void test_by_what_people_call_them(void **state)
{
    struct lab *lab = *state;
    struct error error = {0};
    const char *cgroup;
    char path[100];

    lab_begin(lab, NULL);
    lab_container(lab, 'a', "", "\"Status\": \"running\"");
    lab_container(lab, 'b', "", "\"Status\": \"exited\"");
    lab_follow(lab);
    lab_settle(lab);
    (void)snprintf(path, sizeof(path), "/docker/%s", fake_id('a').text);
    lab_held(lab, 'a')->container->cgroup = strdup(path);
    expect_cgroup(lab, "ca", 0, path);
    expect_cgroup(lab, "aaaa", 0, path);
    expect_cgroup(lab, fake_id('a').text, 0, path);
    expect_cgroup(lab, "aaa", -ENOENT, "no runtime has a container \"aaa\"");
    expect_cgroup(lab, "", -ENOENT, "no runtime has");
    expect_cgroup(lab, "cb", -ENOENT, "does not run");
    free(lab_held(lab, 'b')->container->name);
    lab_held(lab, 'b')->container->name = strdup("aaaa");
    expect_cgroup(lab, "aaaa", -EINVAL, "several");
    assert_int_equal(containers_cgroup_of(NULL, "container", "ca", &cgroup, &error), -ENOENT);
    assert_string_equal(containers_name_at(lab->containers, path), "ca");
    (void)snprintf(path, sizeof(path), "/m.slice/docker-%s.scope/inner", fake_id('a').text);
    assert_string_equal(containers_name_at(lab->containers, path), "ca");
    (void)snprintf(path, sizeof(path), "/docker/%s", fake_id('c').text);
    assert_string_equal(containers_name_at(lab->containers, path), "");
    assert_string_equal(containers_name_at(lab->containers, "/system.slice/web.service"), "");
    assert_string_equal(containers_name_at(NULL, path), "");
}

/* One that is left alone, and whose name is hidden from tasks: both are told. */
static void test_a_name_that_is_hidden_is_told(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *list = NULL;
    const char *note;

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "cb");
    lab_container(lab, 'b', "\"svcconnect.enable\": \"false\"", "\"Status\": \"running\"");
    lab_follow(lab);
    lab_settle(lab);
    list = containers_describe(lab->containers);
    note = cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 1), "note"));
    assert_non_null(note);
    if (!strstr(note, "svcconnect.enable") || !strstr(note, "; tasks of namespace") ||
        !strstr(note, "reach the service \"cb\" by this name"))
        fail_msg("%s", note);
}

static void test_what_a_task_is_told_with(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *task = cJSON_CreateObject();
    _cleanup_json_ cJSON *other = cJSON_CreateObject();
    char path[100];

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    lab_settle(lab);
    (void)snprintf(path, sizeof(path), "/docker/%s/inner", fake_id('a').text);
    lab_held(lab, 'a')->names = NAMES_GATED;
    lab_held(lab, 'a')->held_us = 77;
    lab_held(lab, 'a')->is_attached = true;
    containers_describe_at(lab->containers, path, task);
    assert_string_equal(cJSON_GetObjectItem(task, "runtime")->valuestring, "docker");
    assert_string_equal(cJSON_GetObjectItem(task, "image")->valuestring, "i");
    assert_string_equal(cJSON_GetObjectItem(task, "first")->valuestring, "gated");
    assert_int_equal(cJSON_GetObjectItem(task, "heldMicroseconds")->valueint, 77);
    assert_string_equal(cJSON_GetArrayItem(cJSON_GetObjectItem(task, "networks"), 0)->valuestring, "n");
    containers_describe_at(lab->containers, "/system.slice/web.service", other);
    containers_describe_at(NULL, path, other);
    assert_null(other->child);
}

static void test_what_people_are_told(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *list = NULL;
    _cleanup_json_ cJSON *runtimes = NULL;
    const cJSON *one;
    size_t connected;

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_container(lab, 'b', "\"svcconnect.service\": \"web\", \"svcconnect.port\": \"http\"",
                  "\"Status\": \"paused\"");
    lab_follow(lab);
    lab_settle(lab);
    list = containers_describe(lab->containers);
    assert_int_equal(cJSON_GetArraySize(list), 2);
    one = cJSON_GetArrayItem(list, 0);
    assert_string_equal(cJSON_GetObjectItem(one, "name")->valuestring, "ca");
    assert_string_equal(cJSON_GetObjectItem(one, "state")->valuestring, "RUNNING");
    assert_string_equal(cJSON_GetObjectItem(one, "service")->valuestring, "web");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(one, "task")));
    assert_int_equal(cJSON_GetObjectItem(one, "instances")->valueint, 1);
    one = cJSON_GetArrayItem(list, 1);
    assert_string_equal(cJSON_GetObjectItem(one, "state")->valuestring, "PAUSED");
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(one, "task")));
    assert_non_null(strstr(cJSON_GetObjectItem(one, "note")->valuestring, "http"));
    runtimes = containers_describe_runtimes(lab->containers);
    assert_int_equal(cJSON_GetArraySize(runtimes), 1);
    one = cJSON_GetArrayItem(runtimes, 0);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(one, "connected")));
    assert_int_equal(containers_count_runtimes(lab->containers, &connected), 1);
    assert_int_equal(connected, 1);
    assert_int_equal(containers_count_runtimes(NULL, &connected), 0);
    assert_int_equal(connected, 0);
    assert_int_equal(cJSON_GetObjectItem(one, "containers")->valueint, 2);
    assert_int_equal(cJSON_GetObjectItem(one, "tasks")->valueint, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_set_up, lab_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_labels_become_instances_and_names),
        TEST(test_anothers_name_is_left_alone),
        TEST(test_a_document_says_what_its_service_is_called),
        TEST(test_what_nobody_knows_goes_when_all_have_been_told),
        TEST(test_one_that_cannot_be_asked_for_keeps_what_it_had),
        TEST(test_draining_from_the_signal_and_gone_with_the_end),
        TEST(test_another_start_is_another_instance),
        TEST(test_a_word_by_hand_holds),
        TEST(test_a_drain_by_hand_holds),
        TEST(test_deregistered_by_hand_it_stays_out),
        TEST(test_told_to_end_it_is_on_its_way_out_until_it_has),
        TEST(test_old_news_changes_nothing),
        TEST(test_what_it_told_last_holds_while_it_is_away),
        TEST(test_one_that_is_refused_keeps_nobody_away),
        TEST(test_by_what_people_call_them),
        TEST(test_a_name_that_is_hidden_is_told),
        TEST(test_what_a_task_is_told_with),
        TEST(test_what_people_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
