/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A container that somebody wants stopped: drained first, then its runtime is asked. Who drains is not here: the test says when
 * that is over. */
#include "unit/containers/containers_lab.h"

#include <errno.h>

/* Running, registered, and in a cgroup. */
static struct instance *begin_with_one(struct lab *lab)
{
    struct instance *instance;
    struct container *container;

    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    instance = lab_await(lab, "web", "aaaaaaaaaaaa-10");
    lab_settle(lab);
    container = lab_held(lab, 'a')->container;
    container->cgroup = strdup("/docker/a");
    container->stop_timeout_s = 30;
    return instance;
}

static int stop_it(struct lab *lab, const char *name, const uint32_t *timeout_s, struct error *error)
{
    struct container_stop stop = {0};
    int r = containers_stop(lab->containers, "container", name, timeout_s, "the test", &stop, error);

    if (r == 0) {
        assert_string_equal(stop.name, "ca");
        assert_string_equal(stop.runtime, "docker");
        assert_int_equal(stop.n_instances, 1);
        assert_int_equal(stop.timeout_s, timeout_s ? *timeout_s : 30);
    }
    return r;
}

static bool is_draining(void *user)
{
    const struct instance *instance = house_instance(user, "web", "aaaaaaaaaaaa-10");

    return instance && instance->drain_until;
}

static bool is_told(void *user)
{
    const struct lab *lab = user;

    return lab->fake.containers[0].n_stops > 0 && !containers_is_stopping(lab_held(user, 'a'));
}

static const char *stop_state(struct lab *lab, char text[static 32])
{
    _cleanup_json_ cJSON *list = containers_describe(lab->containers);
    const cJSON *stop = cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "stop");

    (void)snprintf(text, 32, "%s", stop ? cJSON_GetObjectItem(stop, "state")->valuestring : "(none)");
    return text;
}

static void test_drained_then_stopped(void **state)
{
    struct lab *lab = *state;
    const uint32_t timeout_s = 3600;
    struct instance *instance = begin_with_one(lab);
    char text[32];

    assert_string_equal(stop_state(lab, text), "(none)");
    assert_int_equal(stop_it(lab, "ca", &timeout_s, NULL), 0);
    house_until(&lab->house, is_draining, &lab->house, "draining");
    lab_settle(lab);
    assert_int_equal(instance->drain_for_s, 3600);
    assert_false(instance->is_drain_by_hand);
    house_for(&lab->house, 500);
    assert_string_equal(stop_state(lab, text), "DRAINING");
    assert_int_equal(lab->fake.containers[0].n_stops, 0);      /* something is open yet */
    assert_int_equal(stop_it(lab, "ca", &timeout_s, NULL), 0); /* once more is the same as once */
    instance->is_drained = true;
    house_until(&lab->house, is_told, lab, "the runtime to be asked");
    assert_string_equal(stop_state(lab, text), "STOPPED");
    assert_int_equal(lab->fake.containers[0].n_stops, 1);
    lab_container(lab, 'a', "\"svcconnect.service\": \"web\", \"svcconnect.port\": \"8080\"",
                  "\"Status\": \"exited\"");
    fake_docker_event(&lab->fake, 'a', "die", "");
    lab_await_gone(lab, "web", "aaaaaaaaaaaa-10");
}

static void test_its_time_is_over(void **state)
{
    struct lab *lab = *state;

    (void)begin_with_one(lab);
    assert_int_equal(stop_it(lab, "ca", NULL, NULL), 0);
    house_until(&lab->house, is_draining, &lab->house, "draining");
    assert_int_equal(lab_held(lab, 'a')->stop.timeout_s, 30);
    lab_held(lab, 'a')->stop.until_ms = 1;
    house_until(&lab->house, is_told, lab, "the runtime to be asked");
}

static void test_what_fails_is_put_back(void **state)
{
    struct lab *lab = *state;
    struct instance *instance = begin_with_one(lab);
    _cleanup_free_ char *events = NULL;
    char text[32];

    lab->fake.containers[0].stop_status = 500;
    assert_int_equal(stop_it(lab, "ca", NULL, NULL), 0);
    house_until(&lab->house, is_draining, &lab->house, "draining");
    instance->is_drained = true;
    house_until(&lab->house, is_told, lab, "the runtime to be asked");
    assert_string_equal(stop_state(lab, text), "FAILED");
    assert_non_null(strstr(lab_held(lab, 'a')->stop.reason, "500"));
    house_for(&lab->house, 50);
    lab_settle(lab);
    instance = house_instance(&lab->house, "web", "aaaaaaaaaaaa-10");
    assert_int_equal(instance_health(instance), HEALTHY);
    events = house_events(&lab->house);
    assert_non_null(
        strstr(events, "container ca: drains to be stopped: 0 connections open, 30 s at most, by the test"));
    assert_non_null(strstr(events, "container ca: not stopped, and back in service"));
    lab->fake.containers[0].stop_status = 304; /* it had ended meanwhile */
    assert_int_equal(stop_it(lab, "ca", NULL, NULL), 0);
    lab_held(lab, 'a')->stop.until_ms = 1;
    lab->fake.containers[0].n_stops = 0;
    house_until(&lab->house, is_told, lab, "the runtime to be asked again");
    assert_string_equal(stop_state(lab, text), "STOPPED");
}

/* Removed while it drains: nothing of the stop is left to be told (the sanitizer would say). */
static void test_removed_meanwhile(void **state)
{
    struct lab *lab = *state;

    (void)begin_with_one(lab);
    assert_int_equal(stop_it(lab, "ca", NULL, NULL), 0);
    house_until(&lab->house, is_draining, &lab->house, "draining");
    fake_docker_remove(&lab->fake, 'a');
    fake_docker_event(&lab->fake, 'a', "destroy", "");
    lab_await_gone(lab, "web", "aaaaaaaaaaaa-10");
    assert_null(lab_held(lab, 'a'));
    house_for(&lab->house, 500); /* two ticks */
}

static void test_who_is_refused(void **state)
{
    struct lab *lab = *state;
    struct error error = {0};
    struct container_stop stop;

    (void)begin_with_one(lab);
    lab_container(lab, 'b', "", "\"Status\": \"running\"");
    (void)snprintf(fake_docker_find(&lab->fake, 'b')->text, 2048,
                   "{\"Id\": \"%s\", \"Name\": \"/plain\", \"State\": {\"Status\": \"running\"}}",
                   fake_id('b').text);
    fake_docker_event(&lab->fake, 'b', "start", "");
    house_for(&lab->house, 50);
    lab_settle(lab);
    assert_int_equal(stop_it(lab, "plain", NULL, &error), -ENOENT); /* it has no cgroup that is known */
    lab_held(lab, 'b')->container->cgroup = strdup("/docker/b");
    assert_int_equal(stop_it(lab, "plain", NULL, &error), -EINVAL);
    assert_string_equal(error.field, "container");
    assert_non_null(strstr(error.message, "a label svcconnect.service"));
    assert_int_equal(stop_it(lab, "nobody", NULL, &error), -ENOENT);
    lab->containers->runtimes[0].is_connected = false;
    assert_int_equal(stop_it(lab, "ca", NULL, &error), -EAGAIN);
    assert_string_equal(lab_held(lab, 'a')->stop.timer ? "begun" : "not begun", "not begun");
    assert_int_equal(containers_stop(NULL, "container", "ca", NULL, "the test", &stop, &error), -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_set_up, lab_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_drained_then_stopped), TEST(test_its_time_is_over), TEST(test_what_fails_is_put_back),
        TEST(test_removed_meanwhile),    TEST(test_who_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
