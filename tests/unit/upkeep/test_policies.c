/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may call whom: what tables, pairs and addresses say as settings, routes and tasks come and go, and after a start. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policies_lab.h"

static void test_open_until_it_is_said(void **state)
{
    struct lab *lab = *state;
    struct policies_figures figures = policies_figures(lab->policies);

    assert_int_equal(published(lab), 0);
    assert_int_equal(at_address(lab, 1), 0);
    assert_false(is_guarded(lab));
    assert_int_equal(figures.policies + figures.pairs + figures.addresses, 0);
}

static void test_settings_reach_tasks(void **state)
{
    struct lab *lab = *state;
    uint32_t number;

    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    number = published(lab);
    expect(lab, number, YES, NO, NO, NO);
    assert_int_equal(at_address(lab, 1), number);
    assert_true(is_guarded(lab));
    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"back,other/*\""));
    expect(lab, published(lab), NO, YES, NO, YES);
    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"*\""));
    expect(lab, published(lab), YES, YES, YES, NO);
    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"none\",\"policyMode\":\"audit\""));
    expect(lab, published(lab), AUD, AUD, AUD, AUD);
    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"none\""));
    expect(lab, published(lab), NO, NO, NO, NO);
    house_put(&lab->house, "services/ns/web", WEB(""));
    look_twice(lab);
    test_open_until_it_is_said(state);
}

/* Whoever is allowed by a change is let through before its tables are there; who no longer is, until then. */
static void test_a_change_that_is_refused(void **state)
{
    static const struct fake_step full = {FAKE_DISK_FULL, 0};
    struct lab *lab = *state;

    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    fake_registry_plan(lab->house.registry, &full, 1);
    assert_true(house_try_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"back\"")) < 0);
    assert_int_equal(says(lab, published(lab), FRONT), YES);
    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front,x\""));
    expect(lab, published(lab), YES, NO, NO, NO);
}

static const char *place_in(const char *record, const char *line)
{
    const char *place = strstr(record, line);

    if (!place)
        fail_msg("no \"%s\" in:\n%s", line, record);
    return place;
}

/* No connect that is allowed meets a table that asks before it is said so. */
static void test_allowed_before_asked(void **state)
{
    struct lab *lab = *state;
    const char *record;

    memory_datapath_forget_record(lab->house.datapath);
    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    record = memory_datapath_record(lab->house.datapath);
    assert_true(place_in(record, "put policies ") < place_in(record, "put policy_pairs 11"));
    assert_true(place_in(record, "put policy_pairs 11") < place_in(record, "tables "));
    assert_true(place_in(record, "put policy_pairs 11") < place_in(record, "put policy_addresses "));
    assert_true(place_in(record, "tables ") < place_in(record, "put policy_pairs 12"));
}

static void test_tasks_come_and_go(void **state)
{
    struct lab *lab = *state;
    struct svc_policy_pair pair;
    uint32_t number;

    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    number = published(lab);
    assert_int_equal(policies_admit(&lab->policies, 20, "ns", "front"), 0);
    assert_int_equal(says(lab, number, 20), YES);
    assert_int_equal(policies_admit(&lab->policies, 20, "ns", "else"), 0);
    assert_int_equal(says(lab, number, 20), NO);
    policies_dismiss(&lab->policies, 20);
    assert_int_equal(datapath_policy_pair(lab->house.datapath, 20, number, &pair), -ENOENT);
    policies_dismiss(&lab->policies, 20);
}

/* All services that a route leads to must allow it; one of weight 0 has no say. */
static void test_routes_to_several(void **state)
{
    struct lab *lab = *state;
    struct house *house = &lab->house;

    house_put(house, "services/ns/web2", SECOND("\"allowFrom\":\"front,back\""));
    house_put(house, "instances/ns/web2/2", INSTANCE("2"));
    house_put(house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    house_put(house, "routes/ns//web:80/tcp",
              "{\"targets\":[{\"service\":\"web\",\"weight\":0},{\"service\":\"web2\",\"weight\":1}]}");
    expect(lab, published(lab), YES, YES, NO, NO);
    assert_int_equal(published(lab), at_address(lab, 2));
    house_put(house, "routes/ns//web:80/tcp",
              "{\"targets\":[{\"service\":\"web\",\"weight\":9},{\"service\":\"web2\",\"weight\":1}]}");
    expect(lab, published(lab), YES, NO, NO, NO);
    assert_int_not_equal(published(lab), at_address(lab, 1));
    house_put(house, "services/ns/web", WEB("\"allowFrom\":\"back\""));
    expect(lab, published(lab), NO, YES, NO, NO);
    house_put(house, "services/ns/web2", SECOND(""));
    expect(lab, published(lab), NO, YES, NO, NO);
    assert_int_equal(published(lab), at_address(lab, 1));
    assert_int_equal(at_address(lab, 2), 0);
    house_put(house, "services/ns/web", WEB(""));
    assert_int_equal(published(lab), 0);
    look_twice(lab);
    assert_int_equal(policies_figures(lab->policies).policies, 0);
}

static uint32_t endpoint_of(struct lab *lab, const char *service)
{
    return catalog_service(engine_catalog(lab->house.engine), "ns", service)->instances->endpoint;
}

/* Two services at one address: who is allowed by one of them may go there; one that is open opens nothing. */
static void test_addresses_of_several(void **state)
{
    struct lab *lab = *state;
    struct house *house = &lab->house;

    house_put(house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    house_put(house, "services/ns/open", SECOND(""));
    house_put(house, "instances/ns/open/1", INSTANCE("1"));
    expect(lab, at_address(lab, 1), YES, NO, NO, NO);
    house_put(house, "services/ns/web2", SECOND("\"allowFrom\":\"back\""));
    assert_true(policies_is_alone(lab->policies, endpoint_of(lab, "web")));
    house_put(house, "instances/ns/web2/1", INSTANCE("1"));
    assert_false(policies_is_alone(lab->policies, endpoint_of(lab, "web")));
    expect(lab, at_address(lab, 1), YES, YES, NO, NO);
    expect(lab, published(lab), YES, NO, NO, NO);
    house_put(house, "instances/ns/web/1", INSTANCE("3")); /* it moves */
    expect(lab, at_address(lab, 1), NO, YES, NO, NO);
    expect(lab, at_address(lab, 3), YES, NO, NO, NO);
    house_put(house, "instances/ns/web2/1", NULL);
    assert_int_equal(at_address(lab, 1), 0);
    house_put(house, "instances/ns/web/1", NULL);
    assert_false(is_guarded(lab));
}

static void test_a_start_writes_nothing(void **state)
{
    struct lab *lab = *state;
    uint32_t number;

    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    number = published(lab);
    restart_policies(lab, DATAPATH_ADOPTED);
    assert_string_equal(memory_datapath_record(lab->house.datapath), "");
    assert_int_equal(published(lab), number);
    expect(lab, number, YES, NO, NO, NO);
    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"back\""));
    expect(lab, published(lab), NO, YES, NO, NO);
}

/* New maps of another size begin as the old ones ended, with what they have counted. */
static void test_a_migration_carries_all(void **state)
{
    struct lab *lab = *state;
    struct svc_policy entry;
    uint32_t number;

    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    number = published(lab);
    assert_int_equal(datapath_policy(lab->house.datapath, number, &entry), 0);
    assert_int_equal(datapath_delete_policy(lab->house.datapath, number), 0);
    entry.refused = 7;
    assert_int_equal(datapath_put_policy(lab->house.datapath, number, &entry), 0);
    restart_policies(lab, DATAPATH_MIGRATED);
    assert_int_equal(datapath_activate(lab->house.datapath, &(unsigned){0}, NULL), 0);
    assert_int_equal(published(lab), number);
    expect(lab, number, YES, NO, NO, NO);
    assert_int_equal(at_address(lab, 1), number);
    assert_true(is_guarded(lab));
    assert_int_equal(policies_counts(lab->policies, house_service(&lab->house, "web")).refused, 7);
}

/* What has changed while no daemon was there, and what a death has left behind. */
static void test_a_start_writes_differences(void **state)
{
    struct lab *lab = *state;
    const struct svc_policy stale = {.others = POLICY_AUDITED, .services = "ns/gone"};
    const struct svc_policy_address_key nowhere = {.port_be = 7};
    struct svc_policy_pair pair;
    struct svc_policy entry;
    uint32_t number;

    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    number = published(lab);
    assert_int_equal(datapath_put_policy(lab->house.datapath, 99, &stale), 0);
    assert_int_equal(datapath_put_policy_address(lab->house.datapath, &nowhere, 99), 0);
    assert_int_equal(datapath_put_policy_pair(lab->house.datapath, 77, number, YES), 0);
    assert_int_equal(datapath_put_policy_pair(lab->house.datapath, BACK, number, YES), 0);
    assert_int_equal(datapath_delete_policy_pair(lab->house.datapath, FRONT, number), 0);
    restart_policies(lab, DATAPATH_ADOPTED);
    expect(lab, published(lab), YES, NO, NO, NO);
    assert_int_equal(published(lab), number);
    look_twice(lab);
    assert_int_equal(datapath_policy(lab->house.datapath, 99, &entry), -ENOENT);
    assert_int_equal(datapath_policy_pair(lab->house.datapath, 77, number, &pair), -ENOENT);
    assert_int_equal(policies_figures(lab->policies).addresses, 1);
}

/* What programs may ask for still is there: they have read the number before it went from the table, or the table is of the daemon
 * before. */
static void test_a_number_outlives_its_last_table(void **state)
{
    struct lab *lab = *state;
    uint32_t number;

    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    number = published(lab);
    house_put(&lab->house, "services/ns/web", WEB(""));
    assert_int_equal(says(lab, number, FRONT), YES);
    restart_policies(lab, DATAPATH_ADOPTED);
    assert_int_equal(says(lab, number, FRONT), YES);
    look(lab);
    assert_int_equal(says(lab, number, FRONT), YES);
    house_put(&lab->house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    assert_int_equal(published(lab), number);
    house_put(&lab->house, "services/ns/web", WEB(""));
    look(lab);
    assert_int_equal(says(lab, number, FRONT), YES);
    look(lab);
    assert_int_equal(says(lab, number, FRONT), NO);
}

/* However many services meet at addresses one after the other: nothing of it stays, and numbers do not run out. */
static void test_addresses_shared_for_a_while(void **state)
{
    struct lab *lab = *state;
    struct house *house = &lab->house;
    struct policies_figures before, after;
    uint32_t alone, shared;

    house_put(house, "services/ns/web", WEB("\"allowFrom\":\"front\""));
    house_put(house, "services/ns/web2", SECOND("\"allowFrom\":\"back\""));
    house_put(house, "instances/ns/web2/2", INSTANCE("2"));
    house_put(house, "services/ns/web3", SECOND("\"allowFrom\":\"back\""));
    house_put(house, "instances/ns/web3/3", INSTANCE("3"));
    alone = at_address(lab, 1);
    look(lab);
    before = policies_figures(lab->policies);
    house_put(house, "instances/ns/web2/1", INSTANCE("1"));
    shared = at_address(lab, 1);
    expect(lab, shared, YES, YES, NO, NO);
    house_put(house, "instances/ns/web2/1", NULL);
    assert_int_equal(at_address(lab, 1), alone);
    assert_int_equal(says(lab, shared, BACK), YES);
    look_twice(lab);
    after = policies_figures(lab->policies);
    assert_int_equal(after.policies, before.policies);
    assert_int_equal(after.pairs, before.pairs);
    house_put(house, "instances/ns/web3/1", INSTANCE("1"));
    assert_int_equal(at_address(lab, 1), shared); /* a number that was free again */
    expect(lab, shared, YES, YES, NO, NO);
    look_twice(lab);
    expect(lab, shared, YES, YES, NO, NO);
}

/* Each takes a look through all tasks: not all of them at once. */
static void test_many_go_in_parts(void **state)
{
    struct lab *lab = *state;
    char key[64], value[256];

    for (unsigned i = 0; i < 24; i++) {
        (void)snprintf(key, sizeof(key), "services/ns/s%u", i);
        (void)snprintf(value, sizeof(value),
                       "{\"clientAliases\":[{\"dnsName\":\"s%u\",\"port\":80,\"protocol\":\"tcp\"}],"
                       "\"settings\":{\"allowFrom\":\"front\"}}",
                       i);
        house_put(&lab->house, key, value);
        house_put(&lab->house, key, SECOND(""));
    }
    assert_true(policies_look(lab->policies));
    look(lab);
    assert_int_equal(policies_figures(lab->policies).policies, 24);
    assert_true(policies_look(lab->policies));
    assert_in_range(policies_figures(lab->policies).policies, 1, 23);
    look(lab);
    assert_int_equal(policies_figures(lab->policies).policies, 0);
}

/* A slash of a namespace's name is none between it and the service. */
static void test_a_namespace_with_a_slash(void **state)
{
    struct lab *lab = *state;
    uint32_t number;

    house_put(&lab->house, "services/a b/web", WEB("\"allowFrom\":\"front\""));
    house_put(&lab->house, "instances/a b/web/1", INSTANCE("9"));
    number = at_address(lab, 9);
    assert_int_equal(policies_admit(&lab->policies, 20, "a/b", "front"), 0);
    assert_int_equal(policies_admit(&lab->policies, 21, "a/b", "back"), 0);
    assert_int_equal(says(lab, number, 20), YES);
    assert_int_equal(says(lab, number, 21), NO);
    expect(lab, number, NO, NO, NO, NO);
    restart_policies(lab, DATAPATH_ADOPTED);
    assert_int_equal(at_address(lab, 9), number);
    assert_int_equal(policies_admit(&lab->policies, 20, "a/b", "front"), 0);
    assert_int_equal(says(lab, number, 20), YES);
    expect(lab, number, NO, NO, NO, NO);
}

/* What is kept beside a registry that is lost stays closed: also to tasks that come meanwhile. */

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_open_until_it_is_said),
        LAB_TEST(test_settings_reach_tasks),
        LAB_TEST(test_a_change_that_is_refused),
        LAB_TEST(test_allowed_before_asked),
        LAB_TEST(test_tasks_come_and_go),
        LAB_TEST(test_routes_to_several),
        LAB_TEST(test_addresses_of_several),
        LAB_TEST(test_a_start_writes_nothing),
        LAB_TEST(test_a_migration_carries_all),
        LAB_TEST(test_a_start_writes_differences),
        LAB_TEST(test_a_number_outlives_its_last_table),
        LAB_TEST(test_addresses_shared_for_a_while),
        LAB_TEST(test_many_go_in_parts),
        LAB_TEST(test_a_namespace_with_a_slash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
