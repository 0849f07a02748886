/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a runtime says of itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/fetch.h"
#include "runtimes/docker_about.h"
#include "unit/runtimes/fake_docker.h"

struct lab {
    struct event_base *base;
    struct fake_docker fake;
    struct fetcher *fetcher;
    struct docker_about *about;
    unsigned n_done;
    unsigned n_failed;
    char told[100];
};

static int set_up(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_non_null(lab);
    lab->base = event_base_new();
    fake_docker_begin(&lab->fake, lab->base);
    assert_int_equal(fetcher_new(lab->base, &lab->fetcher), 0);
    *state = lab;
    return 0;
}

static int tear_down(void **state)
{
    struct lab *lab = *state;

    docker_about_cancel(&lab->about);
    fetcher_free(&lab->fetcher);
    fake_docker_end(&lab->fake);
    event_base_free(lab->base);
    free(lab);
    return 0;
}

static void on_done(const char *version, const char *cgroup_driver, void *user)
{
    struct lab *lab = user;

    lab->about = NULL;
    lab->n_done++;
    (void)snprintf(lab->told, sizeof(lab->told), "%s|%s", version, cgroup_driver);
}

static void on_failed(void *user)
{
    struct lab *lab = user;

    lab->about = NULL;
    lab->n_failed++;
}

static void begin(struct lab *lab, const char *info)
{
    lab->fake.info = info;
    assert_int_equal(docker_about_start(&(struct docker_about_request){.fetcher = lab->fetcher,
                                                                       .socket = lab->fake.path,
                                                                       .done = on_done,
                                                                       .failed = on_failed,
                                                                       .user = lab},
                                        &lab->about),
                     0);
}

static void ask(struct lab *lab, const char *info)
{
    begin(lab, info);
    while (lab->about)
        assert_true(event_base_loop(lab->base, EVLOOP_ONCE) >= 0);
}

static void test_what_it_says(void **state)
{
    struct lab *lab = *state;

    ask(lab, "{\"ServerVersion\": \"20.10.24\", \"CgroupDriver\": \"systemd\", \"Other\": 1}");
    assert_string_equal(lab->told, "20.10.24|systemd");
    ask(lab, "{\"ServerVersion\": 7}");
    assert_string_equal(lab->told, "|");
    assert_int_equal(lab->n_done, 2);
    assert_int_equal(lab->n_failed, 0);
}

static void test_what_is_no_answer(void **state)
{
    struct lab *lab = *state;

    ask(lab, NULL);
    ask(lab, "no");
    ask(lab, "");
    assert_int_equal(lab->n_done, 0);
    assert_int_equal(lab->n_failed, 3);
}

static void test_cancelled(void **state)
{
    struct lab *lab = *state;

    begin(lab, "{}");
    docker_about_cancel(&lab->about);
    assert_null(lab->about);
    ask(lab, "no"); /* whose answer comes after the other's would have */
    assert_int_equal(lab->n_done, 0);
    assert_int_equal(lab->n_failed, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_what_it_says),
        TEST(test_what_is_no_answer),
        TEST(test_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
