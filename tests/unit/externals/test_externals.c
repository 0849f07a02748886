/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From answers, which are handed in, to endpoints and rows; and what a start makes of the rows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "externals_lab.h"

#define X       "instances/ns/web/x"
#define ROW_X   "host/resolved/ns/web/x"
#define AT_ONCE "{\"clientAliases\":[],\"settings\":{\"drainSeconds\":0}}"
#define DRAINS  "{\"clientAliases\":[],\"settings\":{\"drainSeconds\":300}}"
static void begin(struct lab *lab, const char *const rows[])
{
    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    begin_saving(lab);
}

static struct external *x_of(struct lab *lab)
{
    struct external *external = external_of(lab, "ns/web/x");

    assert_non_null(external);
    return external;
}

static struct ip_address address_of(unsigned last)
{
    return ip_address_from_v4(0x0a000000u + last);
}

/* 10.0.0.FIRST and those after it. */
static struct resolved answer_of(unsigned first, unsigned n)
{
    struct resolved resolved = {.v4 = {.how = RESOLVED_ADDRESSES}, .v6 = {.how = RESOLVED_NONE}, .ttl_s = 60};

    for (unsigned i = 0; i < n; i++)
        resolved.v4.list.addresses[resolved.v4.list.n++] = address_of(first + i);
    return resolved;
}

static void answer(struct lab *lab, unsigned first, unsigned n)
{
    const struct resolved resolved = answer_of(first, n);

    external_answered(&resolved, x_of(lab));
    engine_settle(lab->house.engine);
}

/* The addresses of "x" in the catalog, sorted: "1 2 9", with a "-" after one that leaves. */
static void expect_addresses(struct lab *lab, const char *wanted)
{
    const struct instance *record = catalog_record(house_service(&lab->house, "web"), "x");
    char text[256] = "";
    size_t length = 0;

    assert_non_null(record);
    for (unsigned last = 1; last < 64; last++) {
        const struct ip_address address = address_of(last);
        const struct instance *instance = external_find(record, &address);

        if (!instance)
            continue;
        assert_ptr_equal(engine_instance(lab->house.engine, instance->endpoint), instance);
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u%s", length ? " " : "", last,
                                   instance->is_leaving ? "-" : "");
    }
    assert_string_equal(text, wanted);
}

static void set_open(struct lab *lab, unsigned last, unsigned open)
{
    const struct instance *record = catalog_record(house_service(&lab->house, "web"), "x");
    const struct ip_address address = address_of(last);
    const struct svc_endpoint_stats stats = {.established = open};

    assert_int_equal(
        memory_datapath_set_stats(lab->house.datapath, external_find(record, &address)->endpoint, &stats), 0);
}

static bool is_saved(void *user)
{
    return stored(user, ROW_X) != NULL;
}

/* ---- answers ---- */

static void test_an_answer_becomes_endpoints_and_then_a_row(void **state)
{
    static const char *const rows[] = {SERVICE, AT_ONCE, NULL};
    struct lab *lab = *state;
    uint64_t commits;

    begin(lab, rows);
    house_put(&lab->house, X, HOST("h.example"));
    expect_addresses(lab, "");
    commits = house_commits_begun(&lab->house);
    answer(lab, 1, 2);
    expect_addresses(lab, "1 2");
    assert_true(house_commits_begun(&lab->house) == commits);
    house_expect_events(&lab->house, "NAME x h.example is 10.0.0.1, 10.0.0.2\n");
    answer(lab, 1, 2); /* nothing new */
    house_expect_events(&lab->house, "NAME x h.example is 10.0.0.1, 10.0.0.2\n");
    house_until(&lab->house, is_saved, lab, "the row");
    assert_string_equal(stored(lab, ROW_X),
                        "{\"addresses\":[\"10.0.0.1\",\"10.0.0.2\"],\"host\":\"h.example\"}");
    assert_true(house_commits_begun(&lab->house) == commits + 1);
    engine_settle(lab->house.engine);
    assert_false(x_of(lab)->is_unsaved || x_of(lab)->is_saving);
}

static void test_who_leaves_drains_where_it_is_connected(void **state)
{
    static const char *const rows[] = {SERVICE, DRAINS, X, HOST("h.example"), NULL};
    struct lab *lab = *state;

    begin(lab, rows);
    answer(lab, 1, 3);
    set_open(lab, 1, 7);
    answer(lab, 3, 1);
    expect_addresses(lab, "1- 3");
    answer(lab, 4, 1); /* its drain is that of before */
    expect_addresses(lab, "1- 4");
    house_put(&lab->house, SERVICE, AT_ONCE);
    set_open(lab, 4, 7);
    answer(lab, 5, 1);
    expect_addresses(lab, "1- 5");
    answer(lab, 1, 1); /* it is back */
    expect_addresses(lab, "1");
}

/* A finding that cannot be had leaves everything as it was, and says why. */
static void test_more_than_there_is_room_for(void **state)
{
    static const char *const rows[] = {SERVICE, AT_ONCE, X, HOST("h.example"), NULL};
    struct lab *lab = *state;
    struct external *x;

    begin(lab, rows);
    answer(lab, 1, 3);
    answer(lab, 2, HOUSE_ENDPOINTS + 4);
    expect_addresses(lab, "1 2 3");
    x = x_of(lab);
    assert_int_equal(x->n, 3);
    assert_int_equal(x->failures, 1);
    assert_non_null(strstr(x->failure, "the endpoints of the data path are all in use (16)"));
    assert_null(x->finding);
    answer(lab, 2, 2);
    expect_addresses(lab, "2 3");
    assert_int_equal(x_of(lab)->failures, 0);
}

/* Several findings in one group: what one cannot have takes nothing of the other's away. */
static void test_one_of_two_cannot_be_had(void **state)
{
    static const char *const rows[] = {SERVICE,           AT_ONCE, X, HOST("h.example"), "instances/ns/web/y",
                                       HOST("y.example"), NULL};
    struct lab *lab = *state;
    const struct resolved many = answer_of(20, HOUSE_ENDPOINTS + 1);
    const struct resolved two = answer_of(1, 2);

    begin(lab, rows);
    external_answered(&many, external_of(lab, "ns/web/y"));
    external_answered(&two, x_of(lab));
    engine_settle(lab->house.engine);
    expect_addresses(lab, "1 2");
    assert_int_equal(external_of(lab, "ns/web/y")->n, 0);
    assert_int_equal(external_of(lab, "ns/web/y")->failures, 1);
    assert_int_equal(catalog_record(house_service(&lab->house, "web"), "y")->n_addresses, 0);
}

static void test_what_nobody_could_say(void **state)
{
    static const char *const rows[] = {SERVICE, AT_ONCE, X, HOST("h.example"), NULL};
    struct lab *lab = *state;
    const struct resolved failed = {.v4 = {.how = RESOLVED_FAILED, .reason = "no answer"},
                                    .v6 = {.how = RESOLVED_FAILED, .reason = "no answer"}};
    char text[512];

    begin(lab, rows);
    assert_null(externals_trouble(&lab->externals, text, sizeof(text)));
    answer(lab, 1, 1);
    for (int i = 0; i < 3; i++)
        external_answered(&failed, x_of(lab));
    engine_settle(lab->house.engine);
    expect_addresses(lab, "1");
    assert_int_equal(x_of(lab)->failures, 3);
    assert_non_null(strstr(externals_trouble(&lab->externals, text, sizeof(text)),
                           "1 host name cannot be resolved, addresses known last stay in use; for one "
                           "h.example of ns/web/x: no answer"));
    answer(lab, 1, 1);
    assert_null(externals_trouble(&lab->externals, text, sizeof(text)));
    house_expect_events(&lab->house,
                        "NAME x h.example is 10.0.0.1\n"
                        "NAME x h.example cannot be resolved: no answer; the addresses known last stay\n"
                        "NAME x h.example is resolved again\n");
}

/* ---- what happens meanwhile ---- */

static void test_a_refused_change_leaves_the_addresses(void **state)
{
    static const char *const rows[] = {SERVICE, AT_ONCE, X, HOST("h.example"), NULL};
    static const struct fake_step full[] = {{FAKE_DISK_FULL, 0}, {FAKE_DISK_FULL, 0}};
    struct lab *lab = *state;

    begin(lab, rows);
    answer(lab, 1, 2);
    fake_registry_plan(lab->house.registry, full, ARRAY_SIZE(full));
    assert_true(house_try_put(&lab->house, X, HOST("other.example")) < 0);
    expect_addresses(lab, "1 2");
    assert_true(house_try_put(&lab->house, X, NULL) < 0);
    expect_addresses(lab, "1 2");
}

/* While the row of another host is on its way, what is found is still the old one's, and then it is gone. */
static void test_an_answer_overtakes_a_commit(void **state)
{
    static const char *const rows[] = {SERVICE, AT_ONCE, X, HOST("h.example"), NULL};
    static const struct fake_step late = {FAKE_WRITTEN, 1000000};
    struct lab *lab = *state;
    struct house_change change = {.key = X, .value = HOST("other.example")};
    const struct job job = {.run = house_run_change, .done = house_change_done, .user = &change};
    const struct resolved resolved = answer_of(1, 2);

    begin(lab, rows);
    fake_registry_plan(lab->house.registry, &late, 1);
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    house_for(&lab->house, 5);
    external_answered(&resolved, x_of(lab));
    house_for(&lab->house, 5);
    assert_false(change.is_done);
    expect_addresses(lab, "1 2");
    engine_settle(lab->house.engine);
    assert_true(change.is_done);
    expect_addresses(lab, "");
    assert_string_equal(x_of(lab)->host, "other.example");
}

/* Another host by now: what is on its way has nothing to do with it any more. */
static void test_a_finding_that_nobody_wants_any_more(void **state)
{
    static const char *const rows[] = {SERVICE, AT_ONCE, X, HOST("h.example"), NULL};
    const struct resolved resolved = answer_of(1, 2);
    struct lab *lab = *state;

    begin(lab, rows);
    external_answered(&resolved, x_of(lab));
    external_detach_finding(x_of(lab));
    engine_settle(lab->house.engine);
    expect_addresses(lab, "");
    house_expect_events(&lab->house, "");
}

/* ---- addresses that have drained ---- */

struct drop {
    int result;
    unsigned n;
};

static void on_dropped(int result, const struct error *error, void *user)
{
    struct drop *drop = user;

    (void)error;
    drop->result = result;
    drop->n++;
}

static int try_drop(struct lab *lab, unsigned last, struct drop *drop)
{
    const struct instance *record = catalog_record(house_service(&lab->house, "web"), "x");
    const struct ip_address address = address_of(last);

    return externals_drop_address(&lab->externals, external_find(record, &address), on_dropped, drop);
}

static void test_one_that_has_drained_goes(void **state)
{
    static const char *const rows[] = {SERVICE, DRAINS, X, HOST("h.example"), NULL};
    struct lab *lab = *state;
    struct drop drop = {0}, other = {0}, gone = {0};
    const struct resolved resolved = answer_of(7, 1);

    begin(lab, rows);
    answer(lab, 1, 3);
    assert_int_equal(try_drop(lab, 2, &drop), 0);
    assert_int_equal(try_drop(lab, 3, &other), -EALREADY);
    external_answered(&resolved, x_of(lab)); /* comes too early, and is asked for again soon */
    assert_int_equal(drop.n, 0);
    engine_settle(lab->house.engine);
    expect_addresses(lab, "1 3");
    assert_true(drop.n == 1 && drop.result == 0);
    assert_int_equal(other.n, 0);
    assert_int_equal(try_drop(lab, 3, &gone), 0);
    external_detach_finding(x_of(lab));
    engine_settle(lab->house.engine);
    assert_true(gone.n == 1 && gone.result == -ECANCELED);
    expect_addresses(lab, "1 3");
}

static bool is_row_gone(void *user)
{
    return stored(user, ROW_X) == NULL;
}

/* With the last address of a draining instance that goes too, and then what was known of the name. */
static void test_the_last_one_takes_its_instance_along(void **state)
{
    static const char *const rows[] = {SERVICE, DRAINS, X, HOST("h.example"), NULL};
    struct lab *lab = *state;
    struct drop drop = {0};

    begin(lab, rows);
    answer(lab, 1, 2);
    externals_flush(&lab->externals);
    assert_non_null(stored(lab, ROW_X));
    house_put(&lab->house, X, LEAVING_HOST);
    assert_int_equal(try_drop(lab, 1, &drop), 0);
    engine_settle(lab->house.engine);
    assert_non_null(stored(lab, X));
    assert_int_equal(try_drop(lab, 2, &drop), 0);
    engine_settle(lab->house.engine);
    assert_int_equal(drop.n, 2);
    assert_null(stored(lab, X));
    assert_null(external_of(lab, "ns/web/x"));
    house_until(&lab->house, is_row_gone, lab, "the deletion of the row");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_becomes_endpoints_and_then_a_row),
        TEST(test_who_leaves_drains_where_it_is_connected),
        TEST(test_more_than_there_is_room_for),
        TEST(test_one_of_two_cannot_be_had),
        TEST(test_what_nobody_could_say),
        TEST(test_a_refused_change_leaves_the_addresses),
        TEST(test_an_answer_overtakes_a_commit),
        TEST(test_a_finding_that_nobody_wants_any_more),
        TEST(test_one_that_has_drained_goes),
        TEST(test_the_last_one_takes_its_instance_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
