/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Tasks, services with policies and a data path in memory, and what programs would find there. Included after cmocka.h. */
#pragma once

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

static inline void begin(struct lab *lab)
{
    struct datapath_config config = {0};
    const struct policies_settings settings = {
        .engine = lab->house.engine, .datapath = lab->house.datapath, .events = &lab->house.events};

    assert_int_equal(policies_new(&settings, &lab->policies), 0);
    assert_int_equal(engine_follow(lab->house.engine, &policies_follower, &lab->policies), 0);
    if (lab->is_lost)
        house_begin_judged(&lab->house, &config);
    else
        house_begin(&lab->house);
}

static inline void put_task(struct lab *lab, uint64_t cgroup_id, const char *namespace_name,
                            const char *service)
{
    struct svc_task entry = {.flags = 0};

    (void)snprintf(entry.namespace, sizeof(entry.namespace), "%s", namespace_name);
    (void)snprintf(entry.service, sizeof(entry.service), "%s", service);
    assert_int_equal(datapath_put_task(lab->house.datapath, cgroup_id, &entry), 0);
    assert_int_equal(policies_admit(&lab->policies, cgroup_id, namespace_name, service), 0);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    policies_free(&lab->policies);
    house_end(&lab->house);
    free(lab);
    return 0;
}

/* From the next start on. */
static inline void lose_registry(struct lab *lab)
{
    lab->is_lost = true;
}

/* The daemon ends, and the next one begins with what the data path and the registry hold. */
static inline void restart_policies(struct lab *lab, enum datapath_origin origin)
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
static inline uint32_t published(const struct lab *lab)
{
    static const struct client_alias web = {.dns_name = "web", .port = 80, .protocol = TCP};
    struct kept_alias found;
    uint32_t scope = 0;

    assert_int_equal(engine_find_scope(lab->house.engine, "ns", "", &scope), 0);
    assert_int_equal(engine_find_published(lab->house.engine, scope, &web, &found), 0);
    return svc_policy_of(found.service->flags);
}

/* That the alias leads to. */
static inline uint32_t endpoints_of_web(const struct lab *lab)
{
    static const struct client_alias web = {.dns_name = "web", .port = 80, .protocol = TCP};
    struct kept_alias found;
    uint32_t scope = 0;

    assert_int_equal(engine_find_scope(lab->house.engine, "ns", "", &scope), 0);
    assert_int_equal(engine_find_published(lab->house.engine, scope, &web, &found), 0);
    return found.count4;
}

/* As a program would decide. */
static inline enum svc_policy_verdict says(const struct lab *lab, uint32_t policy, uint64_t cgroup_id)
{
    struct svc_policy_pair pair;
    struct svc_policy entry;
    bool has_pair = datapath_policy_pair(lab->house.datapath, cgroup_id, policy, &pair) == 0;
    bool has_entry = datapath_policy(lab->house.datapath, policy, &entry) == 0;

    return svc_policy_decide(has_pair ? &pair : NULL, has_entry ? &entry : NULL);
}

static inline void expect(const struct lab *lab, uint32_t policy, enum svc_policy_verdict front,
                          enum svc_policy_verdict back, enum svc_policy_verdict lone,
                          enum svc_policy_verdict other)
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

static inline int on_address(const struct svc_policy_address_key *key, uint32_t policy, void *user)
{
    struct address_search *search = user;

    if (key->address[15] == search->last && key->port_be == htons(1) && key->protocol == TCP)
        search->policy = policy;
    return 0;
}

/* The policy of 10.0.0.LAST itself; 0: none. */
static inline uint32_t at_address(const struct lab *lab, uint8_t last)
{
    struct address_search search = {.last = last};

    assert_int_equal(datapath_each_policy_address(lab->house.datapath, on_address, &search), 0);
    return search.policy;
}

static inline bool is_guarded(const struct lab *lab)
{
    return datapath_outlier(lab->house.datapath, 0)->namespace_scope != 0;
}

static inline void look(struct lab *lab)
{
    while (policies_look(lab->policies))
        ;
}

/* So much time passes that no program is under way with what was there before. */
static inline void look_twice(struct lab *lab)
{
    look(lab);
    look(lab);
}

#define NO  POLICY_REFUSED
#define YES POLICY_ALLOWED
#define AUD POLICY_AUDITED

#define LAB_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
