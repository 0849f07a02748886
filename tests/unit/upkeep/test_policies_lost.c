/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Policies where the registry is lost or tables are full, and what the programs tell of refusals. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policies_lab.h"

static void test_a_lost_registry_opens_nothing(void **state)
{
    struct lab *lab = *state;
    uint32_t number;

    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    number = published(lab);
    lose_registry(lab);
    restart_policies(lab, DATAPATH_ADOPTED);
    assert_true(engine_is_degraded(lab->house.engine));
    put_task(lab, FRONT, "ns", "front");
    put_task(lab, BACK, "ns", "back");
    assert_int_equal(policies_admit(&lab->policies, 20, "ns", "front"), 0);
    assert_int_equal(policies_admit(&lab->policies, 21, "ns", "back"), 0);
    assert_int_equal(policies_admit(&lab->policies, 22, "ns", "new"), 0);
    expect(lab, number, YES, NO, NO, NO);
    assert_int_equal(says(lab, number, 20), YES);
    assert_int_equal(says(lab, number, 21), NO);
    assert_int_equal(says(lab, number, 22), NO);
    assert_int_equal(at_address(lab, 1), number);
    assert_int_equal(policies_admit(&lab->policies, 20, "ns", "back"), 0); /* another client from now on */
    assert_int_equal(says(lab, number, 20), NO);
}

static int run_unasked(struct transaction *transaction, void *user, struct error *error)
{
    transaction_own(transaction);
    return house_run_change(transaction, user, error);
}

/* A change that nobody has asked for: a container has begun, for instance. */
static void put_unasked(struct house *house, const char *key, const char *value)
{
    struct house_change change = {.key = key, .value = value};
    const struct job job = {.run = run_unasked, .done = house_change_done, .user = &change};

    assert_int_equal(engine_submit(house->engine, &job), 0);
    engine_settle(house->engine);
    assert_true(change.is_done);
    assert_int_equal(change.result, 0);
}

/* Nor what comes to it: until somebody says who may call the service, its endpoints are those that were kept. */
static void test_a_lost_registry_filled_again(void **state)
{
    struct lab *lab = *state;
    uint32_t number;

    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    number = published(lab);
    lose_registry(lab);
    restart_policies(lab, DATAPATH_ADOPTED);
    put_unasked(&lab->house, "services/ns/web", WEB(""));
    put_unasked(&lab->house, "instances/ns/web/2", INSTANCE("2"));
    assert_int_equal(endpoints_of_web(lab), 2);
    assert_int_equal(published(lab), number);
    house_put(&lab->house, "services/ns/web3", SECOND(""));
    house_put(&lab->house, "instances/ns/web/3", INSTANCE("3"));
    expect(lab, published(lab), YES, NO, NO, NO);
    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"back\""));
    expect(lab, published(lab), NO, YES, NO, NO);
    house_put(&lab->house, "services/ns/web", WEB(""));
    assert_int_equal(published(lab), 0);
}

static void test_full_tables_refuse_the_change(void **state)
{
    struct lab *lab = *state;

    memory_datapath_fail_puts(lab->house.datapath, "policy_pairs", 0, E2BIG);
    assert_true(house_try_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\"")) < 0);
    memory_datapath_fail_puts(lab->house.datapath, "policy_pairs", 0, 0);
    assert_int_equal(published(lab), 0);
    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    expect(lab, published(lab), YES, NO, NO, NO);
}

/* A task that may call nothing more than others needs no room. */
static void test_full_tables_keep_no_task_out(void **state)
{
    struct lab *lab = *state;
    uint32_t number;

    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    number = published(lab);
    memory_datapath_fail_puts(lab->house.datapath, "policy_pairs", 0, E2BIG);
    assert_int_equal(policies_admit(&lab->policies, 20, "ns", "back"), 0);
    assert_int_equal(says(lab, number, 20), NO);
    assert_int_equal(policies_admit(&lab->policies, 21, "ns", "front"), -E2BIG);
    assert_int_equal(says(lab, number, 21), NO);
    assert_int_equal(policies_admit(&lab->policies, FRONT, "ns", "other"),
                     -E2BIG); /* it has one that says more */
    memory_datapath_fail_puts(lab->house.datapath, "policy_pairs", 0, 0);
}

static void test_what_programs_tell(void **state)
{
    struct lab *lab = *state;
    struct svc_event event = {.kind = POLICY_TOLD, .outcome = POLICY_REFUSED, .value = BACK};

    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    event.endpoint = published(lab);
    policies_tell(lab->policies, &event);
    event.outcome = POLICY_AUDITED;
    event.value = LONE;
    policies_tell(lab->policies, &event);
    event.value = 4711; /* has gone */
    policies_tell(lab->policies, &event);
    house_expect_events(&lab->house, "POLICY - ns/back is refused: it may not call ns/web\n"
                                     "POLICY - ns (no service) would be refused (policyMode=audit): it may "
                                     "not call ns/web\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_a_lost_registry_opens_nothing),
        LAB_TEST(test_a_lost_registry_filled_again),
        LAB_TEST(test_full_tables_refuse_the_change),
        LAB_TEST(test_full_tables_keep_no_task_out),
        LAB_TEST(test_what_programs_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
