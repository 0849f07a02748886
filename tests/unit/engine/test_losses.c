/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Aliases that a job leaves without an endpoint: told once, by the job that did it, when it is on disk. */
#include "engine/change/losses.h"
#include "engine_lab.h"

#define LEFT(alias) "no endpoint of client alias " alias " of namespace ns is left to be drawn"

struct heard {
    unsigned n;
    char last[ALIAS_LOSS_TEXT_SIZE];
};

static struct heard heard;

static void on_lost(void *user, const char *namespace_name, const char *sentence, const struct actor *by)
{
    (void)user;
    (void)by;
    assert_string_equal(namespace_name, "ns");
    (void)snprintf(heard.last, sizeof(heard.last), "%s", sentence);
    heard.n++;
}

static const struct engine_follower follower = {.lost = on_lost};

/* Services web and other, with an alias and an endpoint each; web has a second one. */
static int setup(void **state)
{
    struct engine_lab *lab = lab_new(128, 1024, LAB_ENDPOINTS, "127.255.0.0/26");

    lab_start(lab, &follower, NULL);
    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"services/ns/other", SERVICE("other")},
                        {"instances/ns/web/a", INSTANCE(1)}, {"instances/ns/web/b", INSTANCE(2)},
                        {"instances/ns/other/o", INSTANCE(3)}),
                     0);
    heard = (struct heard){0};
    *state = lab;
    return 0;
}

static int teardown(void **state)
{
    lab_free(*state);
    return 0;
}

/* As many losses as that since the last time, and of the last one this part. */
static void expect(unsigned n, const char *part)
{
    if (heard.n != n || (part && !strstr(heard.last, part)))
        fail_msg("%u losses, the last: %s; wanted: %u, %s", heard.n, heard.last, n, part ? part : "");
    heard = (struct heard){0};
}

static void test_what_counts_is_the_whole_job(void **state)
{
    struct engine_lab *lab = *state;

    assert_int_equal(DO(lab, {"instances/ns/web/a", NULL}), 0);
    expect(0, NULL);
    assert_int_equal(DO(lab, {"instances/ns/web/b", NULL}, {"instances/ns/web/c", INSTANCE(4)}), 0);
    expect(0, NULL); /* another one has come with it */
    assert_int_equal(DO(lab, {"instances/ns/web/c", WEIGHED(4, 0)}), 0);
    expect(1, LEFT("web:80/tcp"));
    assert_int_equal(DO(lab, {"instances/ns/web/c", NULL}), 0);
    expect(0, NULL); /* it was lost before */
    assert_int_equal(DO(lab, {"instances/ns/other/o", NULL}, {"services/ns/other", NULL}), 0);
    expect(1, "client alias other:80/tcp of namespace ns goes");
}

static void test_of_a_group_the_one_that_does_it(void **state)
{
    struct engine_lab *lab = *state;
    struct change first = {.rows = {{"instances/ns/web/a", NULL}}};
    struct change second = {.rows = {{"instances/ns/web/b", NULL}}};
    struct change third = {.rows = {{"instances/ns/web/c", INSTANCE(4)}}};
    struct change refused = {.rows = {{"instances/ns/other/o", NULL}}, .refuse = -EPERM};

    lab_submit(lab, &first);
    lab_submit(lab, &second);
    lab_submit(lab, &third);
    lab_submit(lab, &refused);
    lab_settle(lab);
    assert_int_equal(second.result, 0);
    assert_int_equal(refused.result, -EPERM);
    expect(1, LEFT("web:80/tcp"));
}

static void test_what_is_not_on_disk_is_not_told(void **state)
{
    static const struct fake_step fails[] = {{FAKE_IO_ERROR, 1}};
    static const struct fake_step again[] = {{FAKE_CONFLICT, 1}, {FAKE_CONFLICT, 1}, {FAKE_WRITTEN, 1}};
    struct engine_lab *lab = *state;

    lab_plan(lab, fails, ARRAY_SIZE(fails));
    assert_true(DO(lab, {"instances/ns/other/o", NULL}) < 0);
    expect(0, NULL);
    lab_plan(lab, again, ARRAY_SIZE(again));
    assert_int_equal(DO(lab, {"instances/ns/other/o", NULL}), 0);
    expect(1, LEFT("other:80/tcp")); /* once, however often it was run */
}

static void test_clients_have_ways_of_their_own(void **state)
{
    struct engine_lab *lab = *state;

    assert_int_equal(DO(lab, {"routes/ns/c/web:80/tcp", ROUTE("other")}), 0);
    expect(0, NULL);
    assert_int_equal(DO(lab, {"instances/ns/web/a", NULL}, {"instances/ns/web/b", NULL}), 0);
    expect(1, "connects to it are refused"); /* the client's go elsewhere */
    assert_int_equal(DO(lab, {"instances/ns/other/o", WEIGHED(3, 0)}), 0);
    expect(2, NULL); /* other's own alias, and the client's way to web */
    assert_int_equal(DO(lab, {"instances/ns/other/o", INSTANCE(3)}), 0);
    /* Its route has gone: it goes where all go, and there is nobody. */
    assert_int_equal(DO(lab, {"routes/ns/c/web:80/tcp", NULL}), 0);
    expect(1, "by tasks of c are refused");
    assert_int_equal(DO(lab, {"instances/ns/web/a", INSTANCE(1)}), 0);
    /* And the other way round: all have one, but the client's new route leads to none. */
    assert_int_equal(DO(lab, {"instances/ns/other/o", NULL}), 0);
    expect(1, LEFT("other:80/tcp"));
    assert_int_equal(DO(lab, {"routes/ns/c/web:80/tcp", ROUTE("other")}), 0);
    expect(1, "by tasks of c are refused");
}

static void test_a_service_that_is_new_loses_nothing(void **state)
{
    struct engine_lab *lab = *state;

    assert_int_equal(DO(lab, {"services/ns/new", SERVICE("new")}), 0);
    assert_int_equal(DO(lab, {"instances/ns/new/n", WEIGHED(5, 0)}), 0);
    assert_int_equal(DO(lab, {"services/ns/new", NULL}), 0);
    expect(0, NULL);
}

#define LOSSES_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOSSES_TEST(test_what_counts_is_the_whole_job),
        LOSSES_TEST(test_of_a_group_the_one_that_does_it),
        LOSSES_TEST(test_what_is_not_on_disk_is_not_told),
        LOSSES_TEST(test_clients_have_ways_of_their_own),
        LOSSES_TEST(test_a_service_that_is_new_loses_nothing),
    };

    return cmocka_run_group_tests_name("losses", tests, NULL, NULL);
}
