/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may call whom: what tables, pairs and addresses say as settings, routes and tasks come and go, and after a start. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>

#include "unit/house.h"
#include "upkeep/policies.h"

struct lab {
    struct house house;
    struct policies *policies;
    bool is_lost; /* the registry */
};

#define FRONT 11 /* tasks, by cgroup id */
#define BACK  12
#define LONE  13 /* names no service */
#define OTHER 14 /* of another namespace */

#define ALIAS            "\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}]"
#define WEB(settings)    "{" ALIAS ",\"settings\":{" settings "}}"
#define SECOND(settings) "{\"clientAliases\":[],\"settings\":{" settings "}}"
#define INSTANCE(last)                                                                                       \
    "{\"address\":\"10.0.0." last "\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}"

/* As house_begin(), where it matters which registry filled the maps. */
static void begin_judged(struct house *house)
{
    struct datapath_config config = {0};
    struct error error = {0};

    assert_int_equal(engine_load(house->engine, house->registry, &error), 0);
    assert_int_equal(engine_judge(house->engine, &config, &house->datapath, &error), 0);
    assert_int_equal(engine_adopt(house->engine, house->datapath, &error), 0);
    assert_int_equal(engine_publish(house->engine, &error), 0);
    engine_settle(house->engine);
}

static void begin(struct lab *lab)
{
    const struct policies_settings settings = {
        .engine = lab->house.engine, .datapath = lab->house.datapath, .events = &lab->house.events};

    assert_int_equal(policies_new(&settings, &lab->policies), 0);
    assert_int_equal(engine_follow(lab->house.engine, &policies_follower, &lab->policies), 0);
    if (lab->is_lost)
        begin_judged(&lab->house);
    else
        house_begin(&lab->house);
}

static void put_task(struct lab *lab, uint64_t cgroup_id, const char *namespace_name, const char *service)
{
    struct svc_task entry = {.flags = 0};

    (void)snprintf(entry.namespace, sizeof(entry.namespace), "%s", namespace_name);
    (void)snprintf(entry.service, sizeof(entry.service), "%s", service);
    assert_int_equal(datapath_put_task(lab->house.datapath, cgroup_id, &entry), 0);
    assert_int_equal(policies_admit(&lab->policies, cgroup_id, namespace_name, service), 0);
}

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    house_make(&lab->house);
    begin(lab);
    put_task(lab, FRONT, "ns", "front");
    put_task(lab, BACK, "ns", "back");
    put_task(lab, LONE, "ns", "");
    put_task(lab, OTHER, "other", "front");
    house_put(&lab->house, "services/ns/web", WEB(""));
    house_put(&lab->house, "instances/ns/web/1", INSTANCE("1"));
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    policies_free(&lab->policies);
    house_end(&lab->house);
    free(lab);
    return 0;
}

/* From the next start on. */
static void lose_registry(struct lab *lab)
{
    lab->is_lost = true;
}

/* The daemon ends, and the next one begins with what the data path and the registry hold. */
static void restart_policies(struct lab *lab, enum datapath_origin origin)
{
    struct house *house = &lab->house;
    struct engine_settings settings = {.base = house->base,
                                       .max_aliases = 512,
                                       .max_slots = 1024,
                                       .max_endpoints = HOUSE_ENDPOINTS,
                                       .alias_range = house_alias_range()};

    settings.host_rights.origin = SETTINGS_OF_HOST;
    house_stop(house);
    policies_free(&lab->policies);
    engine_free(&house->engine);
    if (lab->is_lost) {
        (void)registry_close(&house->registry);
        fake_store_free(&house->store);
        house->store = fake_store_new();
        house->registry = fake_registry_open(house->store);
    }
    assert_int_equal(memory_datapath_restart(house->datapath, origin), 0);
    assert_int_equal(engine_new(&settings, &house->engine), 0);
    begin(lab);
}

/* ---- what the kernel would hold ---- */

/* The policy that the alias `web` asks; 0: none. */
static uint32_t published(const struct lab *lab)
{
    static const struct client_alias web = {.dns_name = "web", .port = 80, .protocol = TCP};
    struct kept_alias found;
    uint32_t scope = 0;

    assert_int_equal(engine_find_scope(lab->house.engine, "ns", "", &scope), 0);
    assert_int_equal(engine_find_published(lab->house.engine, scope, &web, &found), 0);
    return svc_policy_of(found.service->flags);
}

/* That the alias leads to. */
static uint32_t endpoints_of_web(const struct lab *lab)
{
    static const struct client_alias web = {.dns_name = "web", .port = 80, .protocol = TCP};
    struct kept_alias found;
    uint32_t scope = 0;

    assert_int_equal(engine_find_scope(lab->house.engine, "ns", "", &scope), 0);
    assert_int_equal(engine_find_published(lab->house.engine, scope, &web, &found), 0);
    return found.count4;
}

/* As a program would decide. */
static enum svc_policy_verdict says(const struct lab *lab, uint32_t policy, uint64_t cgroup_id)
{
    struct svc_policy_pair pair;
    struct svc_policy entry;
    bool has_pair = datapath_policy_pair(lab->house.datapath, cgroup_id, policy, &pair) == 0;
    bool has_entry = datapath_policy(lab->house.datapath, policy, &entry) == 0;

    return svc_policy_decide(has_pair ? &pair : NULL, has_entry ? &entry : NULL);
}

static void expect(const struct lab *lab, uint32_t policy, enum svc_policy_verdict front,
                   enum svc_policy_verdict back, enum svc_policy_verdict lone, enum svc_policy_verdict other)
{
    assert_int_not_equal(policy, 0);
    assert_int_equal(says(lab, policy, FRONT), front);
    assert_int_equal(says(lab, policy, BACK), back);
    assert_int_equal(says(lab, policy, LONE), lone);
    assert_int_equal(says(lab, policy, OTHER), other);
}

struct address_search {
    uint8_t last;
    uint32_t policy;
};

static int on_address(const struct svc_policy_address_key *key, uint32_t policy, void *user)
{
    struct address_search *search = user;

    if (key->address[15] == search->last && key->port_be == htons(1) && key->protocol == TCP)
        search->policy = policy;
    return 0;
}

/* The policy of 10.0.0.LAST itself; 0: none. */
static uint32_t at_address(const struct lab *lab, uint8_t last)
{
    struct address_search search = {.last = last};

    assert_int_equal(datapath_each_policy_address(lab->house.datapath, on_address, &search), 0);
    return search.policy;
}

static bool is_guarded(const struct lab *lab)
{
    return datapath_outlier(lab->house.datapath, 0)->namespace_scope != 0;
}

static void look(struct lab *lab)
{
    while (policies_look(lab->policies))
        ;
}

/* So much time passes that no program is under way with what was there before. */
static void look_twice(struct lab *lab)
{
    look(lab);
    look(lab);
}

#define NO  POLICY_REFUSED
#define YES POLICY_ALLOWED
#define AUD POLICY_AUDITED

/* ---- tests ---- */

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
    house_put(house, "instances/ns/web2/1", INSTANCE("1"));
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

#define LAB_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_open_until_it_is_said),
        LAB_TEST(test_settings_reach_tasks),
        LAB_TEST(test_a_change_that_is_refused),
        LAB_TEST(test_tasks_come_and_go),
        LAB_TEST(test_allowed_before_asked),
        LAB_TEST(test_routes_to_several),
        LAB_TEST(test_addresses_of_several),
        LAB_TEST(test_a_start_writes_nothing),
        LAB_TEST(test_a_migration_carries_all),
        LAB_TEST(test_a_start_writes_differences),
        LAB_TEST(test_full_tables_refuse_the_change),
        LAB_TEST(test_what_programs_tell),
        LAB_TEST(test_a_number_outlives_its_last_table),
        LAB_TEST(test_addresses_shared_for_a_while),
        LAB_TEST(test_many_go_in_parts),
        LAB_TEST(test_full_tables_keep_no_task_out),
        LAB_TEST(test_a_namespace_with_a_slash),
        LAB_TEST(test_a_lost_registry_opens_nothing),
        LAB_TEST(test_a_lost_registry_filled_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
