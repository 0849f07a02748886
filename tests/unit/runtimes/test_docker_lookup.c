/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose a container is that is on its way: what is asked, and what of the answers is believed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/log.h"
#include "http/fetch.h"
#include "runtimes/docker_lookup.h"
#include "unit/runtimes/fake_docker.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CREATED(id, action, service)                                                                         \
    "{\"Type\":\"container\",\"Action\":\"" action "\",\"Actor\":{\"ID\":\"" id                              \
    "\",\"Attributes\":{\"name\":\"n\",\"image\":\"i\",\"svcconnect.service\":\"" service "\"}}}\n"

struct lab {
    struct event_base *base;
    struct fake_docker fake;
    struct fetcher *fetcher;
    struct docker_lookup *lookup;
    struct container *found;
    unsigned n_done;
};

static int set_up(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_non_null(lab);
    log_set_level(LOG_LEVEL_ERROR);
    lab->base = event_base_new();
    fake_docker_begin(&lab->fake, lab->base);
    assert_int_equal(fetcher_new(lab->base, &lab->fetcher), 0);
    *state = lab;
    return 0;
}

static int tear_down(void **state)
{
    struct lab *lab = *state;

    docker_lookup_cancel(&lab->lookup);
    docker_lookup_cancel(&lab->lookup);
    container_free(&lab->found);
    fetcher_free(&lab->fetcher);
    fake_docker_end(&lab->fake);
    event_base_free(lab->base);
    free(lab);
    return 0;
}

static void on_done(struct container *container, void *user)
{
    struct lab *lab = user;

    lab->lookup = NULL;
    lab->found = container;
    lab->n_done++;
}

static int begin(struct lab *lab, const char *runtime, const char *id, uint32_t timeout_ms)
{
    return docker_lookup_start(&(struct docker_lookup_request){.fetcher = lab->fetcher,
                                                               .runtime = runtime,
                                                               .socket = lab->fake.path,
                                                               .id = id,
                                                               .timeout_ms = timeout_ms,
                                                               .done = on_done,
                                                               .user = lab},
                               &lab->lookup);
}

static void look_up(struct lab *lab, const char *runtime, const char *answer)
{
    unsigned before = lab->n_done;

    container_free(&lab->found);
    lab->fake.lookup = answer;
    assert_int_equal(begin(lab, runtime, A64, 20000), 0);
    while (lab->n_done == before)
        assert_true(event_base_loop(lab->base, EVLOOP_ONCE) >= 0);
    assert_int_equal(lab->n_done, before + 1);
}

static void expect_found(const struct lab *lab, const char *name, const char *service)
{
    assert_non_null(lab->found);
    assert_string_equal(lab->found->id, A64);
    assert_string_equal(lab->found->name, name);
    assert_string_equal(container_label(lab->found, "svcconnect.service"), service);
    assert_int_equal(lab->found->state, CONTAINER_CREATED);
}

static void test_docker_is_asked_for_a_list(void **state)
{
    struct lab *lab = *state;

    look_up(lab, "docker",
            "[{\"Id\":\"" B64 "\",\"Names\":[\"/other\"],\"Labels\":{\"svcconnect.service\":\"no\"}},"
            "{\"Id\":\"" A64 "\",\"Names\":[\"/one\"],\"Image\":\"i\",\"State\":\"created\",\"Labels\":"
            "{\"svcconnect.service\":\"web\"},\"HostConfig\":{\"NetworkMode\":\"container:" B64 "\"}}]");
    expect_found(lab, "one", "web");
    assert_string_equal(lab->found->shares_with, B64);
    assert_string_equal(lab->fake.lookup_target,
                        "/containers/json?all=1&filters=%7B%22id%22%3A%5B%22" A64 "%22%5D%7D");
}

static void test_podman_is_asked_for_events(void **state)
{
    struct lab *lab = *state;

    look_up(lab, "podman",
            CREATED(B64, "create", "other") CREATED(A64, "create", "web") CREATED(A64, "init", "later"));
    expect_found(lab, "n", "web");
    assert_non_null(strstr(lab->fake.lookup_target, "/events?stream=false&since="));
    assert_non_null(strstr(lab->fake.lookup_target, "%22container%22%3A%5B%22" A64 "%22%5D"));
    assert_non_null(strstr(lab->fake.lookup_target, "%22event%22%3A%5B%22create%22%5D"));
}

static void test_what_is_not_known(void **state)
{
    static const char *const lists[] = {
        "[]", "", "{}", "no", "[{\"Id\":\"" B64 "\"}]", "[null, 7, {\"Id\": 3}]"};
    static const char *const events[] = {
        "", "\n\n", "no\n", "{}\n", CREATED(B64, "create", "x"), CREATED(A64, "init", "x")};
    struct lab *lab = *state;

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        look_up(lab, "docker", lists[i]);
        assert_null(lab->found);
    }
    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        look_up(lab, "podman", events[i]);
        assert_null(lab->found);
    }
}

static void test_a_runtime_that_does_not_answer(void **state)
{
    struct lab *lab = *state;

    assert_int_equal(begin(lab, "docker", A64, 50), 0);
    while (!lab->n_done)
        assert_true(event_base_loop(lab->base, EVLOOP_ONCE) >= 0);
    assert_null(lab->found);
    assert_int_equal(lab->fake.n_lookups, 1);
}

static void test_cancelled(void **state)
{
    struct lab *lab = *state;

    assert_int_equal(begin(lab, "podman", A64, 20000), 0);
    while (!lab->fake.n_lookups)
        assert_true(event_base_loop(lab->base, EVLOOP_ONCE) >= 0);
    docker_lookup_cancel(&lab->lookup);
    assert_null(lab->lookup);
    (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
    assert_int_equal(lab->n_done, 0);
}

static void test_ids_that_would_be_something_else_in_a_request(void **state)
{
    static const char *const ids[] = {"", "a/b", "A", "a%22", A64 "0"};
    struct lab *lab = *state;

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        assert_int_equal(begin(lab, "docker", ids[i], 50), -EINVAL);
    assert_null(lab->lookup);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_docker_is_asked_for_a_list),
        TEST(test_podman_is_asked_for_events),
        TEST(test_what_is_not_known),
        TEST(test_a_runtime_that_does_not_answer),
        TEST(test_cancelled),
        TEST(test_ids_that_would_be_something_else_in_a_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
