/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Entries of hash maps, in both forms: put, replaced, deleted, full, listed. */
#include "unit/datapath/entries_lab.h"

/* ---- aliases: whole keys, whole values ---- */

static struct svc_alias_key full_key(uint8_t last)
{
    struct svc_alias_key key = {.scope = 7, .port_be = 0x5000, .protocol = UDP};

    memset(key.address, 0xfd, sizeof(key.address));
    key.address[15] = last;
    return key;
}

/* Every text as long as it may be, with its NUL at the very end. */
static struct svc_alias full_alias(uint32_t service)
{
    struct svc_alias alias = {.service = service, .protocol = UDP, .port = 65535};

    memset(alias.dns_name, 'd', sizeof(alias.dns_name) - 1);
    memset(alias.address, 'a', sizeof(alias.address) - 1);
    memset(alias.namespace, 'n', sizeof(alias.namespace) - 1);
    memset(alias.client, 'c', sizeof(alias.client) - 1);
    return alias;
}

struct found_aliases {
    struct svc_alias_key keys[16];
    struct svc_alias aliases[16];
    size_t n;
};

static int on_alias(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    struct found_aliases *found = user;

    assert_true(found->n < ARRAY_SIZE(found->keys));
    found->keys[found->n] = *key;
    found->aliases[found->n++] = *alias;
    return 0;
}

static struct found_aliases all_aliases(struct lab *lab)
{
    struct found_aliases found = {.n = 0};

    assert_int_equal(datapath_each_alias(lab->datapath, on_alias, &found), 0);
    return found;
}

static void test_an_alias_is_read_back_byte_by_byte(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_alias_key key = full_key(1);
    struct svc_alias alias = full_alias(3);
    struct found_aliases found;

    assert_int_equal(all_aliases(lab).n, 0);
    assert_int_equal(datapath_put_alias(lab->datapath, &key, &alias), 0);
    found = all_aliases(lab);
    assert_int_equal(found.n, 1);
    assert_memory_equal(&found.keys[0], &key, sizeof(key));
    assert_memory_equal(&found.aliases[0], &alias, sizeof(alias));
    alias = full_alias(4);
    alias.dns_name[3] = '\0';
    assert_int_equal(datapath_put_alias(lab->datapath, &key, &alias), 0);
    found = all_aliases(lab);
    assert_int_equal(found.n, 1);
    assert_memory_equal(&found.aliases[0], &alias, sizeof(alias));
    assert_int_equal(datapath_writes(lab->datapath), 2);
}

/* What tells two aliases apart is each member of the key, the family of the address among them. */
static void test_keys_differ_by_each_of_their_members(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_alias_key keys[6];
    struct found_aliases found;

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        keys[i] = full_key(1);
    keys[1].scope = 8;
    keys[2].port_be = 0x5100;
    keys[3].protocol = TCP;
    keys[4].address[15] = 2;
    /* v4-mapped: the same last four bytes */
    memset(keys[5].address, 0, 10);
    memset(keys[5].address + 10, 0xff, 2);
    for (uint32_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct svc_alias alias = {.service = i};

        assert_int_equal(datapath_put_alias(lab->datapath, &keys[i], &alias), 0);
    }
    assert_int_equal(all_aliases(lab).n, ARRAY_SIZE(keys));
    assert_int_equal(datapath_delete_alias(lab->datapath, &keys[5]), 0);
    found = all_aliases(lab);
    assert_int_equal(found.n, ARRAY_SIZE(keys) - 1);
    for (size_t i = 0; i < found.n; i++)
        assert_memory_equal(&found.keys[i], &keys[found.aliases[i].service], sizeof(keys[0]));
}

static void test_a_full_map_takes_no_new_key(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_alias alias = {.service = 1};
    struct svc_alias_key key;
    uint64_t writes;

    for (uint32_t i = 0; i < lab->config.aliases; i++) {
        key = full_key((uint8_t)i);
        assert_int_equal(datapath_put_alias(lab->datapath, &key, &alias), 0);
    }
    writes = datapath_writes(lab->datapath);
    key = full_key(99);
    assert_int_equal(datapath_put_alias(lab->datapath, &key, &alias), -E2BIG);
    assert_int_equal(datapath_writes(lab->datapath), writes);
    /* One that is there can still be replaced, and a deletion makes room. */
    key = full_key(0);
    assert_int_equal(datapath_put_alias(lab->datapath, &key, &alias), 0);
    assert_int_equal(datapath_delete_alias(lab->datapath, &key), 0);
    key = full_key(99);
    assert_int_equal(datapath_put_alias(lab->datapath, &key, &alias), 0);
    assert_int_equal(all_aliases(lab).n, lab->config.aliases);
}

static void test_deleting_what_is_not_there_is_no_write(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_alias_key key = full_key(1);
    struct svc_peer_key peer = {.namespace_scope = 1};

    assert_int_equal(datapath_delete_alias(lab->datapath, &key), 0);
    assert_int_equal(datapath_delete_peer(lab->datapath, &peer), 0);
    assert_int_equal(datapath_delete_endpoint(lab->datapath, 2), 0);
    assert_int_equal(datapath_delete_task(lab->datapath, 2), 0);
    assert_int_equal(datapath_writes(lab->datapath), 0);
}

static int stop_at_second(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    (void)key;
    (void)alias;
    return ++*(unsigned *)user == 2 ? -ECANCELED : 0;
}

static int delete_each(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    struct svc_alias_key copy = *key;
    uint32_t service = alias->service;

    assert_int_equal(datapath_delete_alias(user, key), 0);
    assert_memory_equal(key, &copy, sizeof(copy)); /* what was given can still be read */
    assert_int_equal(alias->service, service);
    return 0;
}

static void test_a_walk_ends_with_an_error_and_may_delete(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_alias alias = {.service = 5};
    unsigned n = 0;

    for (uint8_t i = 0; i < 4; i++) {
        struct svc_alias_key key = full_key(i);

        assert_int_equal(datapath_put_alias(lab->datapath, &key, &alias), 0);
    }
    assert_int_equal(datapath_each_alias(lab->datapath, stop_at_second, &n), -ECANCELED);
    assert_int_equal(n, 2);
    assert_int_equal(datapath_each_alias(lab->datapath, delete_each, lab->datapath), 0);
    assert_int_equal(all_aliases(lab).n, 0);
}

/* ---- endpoints and what is counted of them ---- */

static void test_counters_stay_while_their_endpoint_does(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_endpoint_stats stats = {.connections = 99};
    uint64_t cpus;

    assert_int_equal(datapath_endpoint_stats(lab->datapath, 1, &stats), -ENOENT);
    assert_int_equal(stats.connections, 99); /* untouched */
    assert_int_equal(put_endpoint(lab, 1, 5), 0);
    assert_int_equal(datapath_endpoint_stats(lab->datapath, 1, &stats), 0);
    assert_int_equal(stats.connections, 0);
    cpus = lab_count(lab, 1, 10, 0);
    assert_int_equal(put_endpoint(lab, 1, 6), 0); /* only its entry is another */
    assert_int_equal(datapath_endpoint_stats(lab->datapath, 1, &stats), 0);
    assert_int_equal(stats.connections, 10 * cpus);
    assert_int_equal(stats.ejections, cpus);
    assert_int_equal(sum_endpoints(lab), 1006);
    assert_int_equal(datapath_delete_endpoint(lab->datapath, 1), 0);
    assert_int_equal(datapath_endpoint_stats(lab->datapath, 1, &stats), -ENOENT);
    assert_int_equal(put_endpoint(lab, 1, 5), 0);
    assert_int_equal(datapath_endpoint_stats(lab->datapath, 1, &stats), 0);
    assert_int_equal(stats.connections, 0);
}

static void test_no_endpoint_without_counters(void **state)
{
    struct lab *lab = lab_of(state);
    uint64_t writes;

    for (uint32_t number = 1; number <= lab->config.endpoints; number++)
        assert_int_equal(put_endpoint(lab, number, 0), 0);
    writes = datapath_writes(lab->datapath);
    assert_int_equal(writes, 2 * lab->config.endpoints);
    assert_int_equal(put_endpoint(lab, lab->config.endpoints + 1, 0), -E2BIG);
    assert_int_equal(datapath_writes(lab->datapath), writes);
    assert_int_equal(put_endpoint(lab, 1, 1), 0); /* what is counted stays as it is: one write */
    assert_int_equal(datapath_writes(lab->datapath), writes + 1);
}

static void test_counters_of_all(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_counters counters = {.hit = 3};
    uint64_t cpus;

    assert_int_equal(datapath_counters(lab->datapath, &counters), 0);
    assert_int_equal(counters.hit, 0);
    assert_int_equal(put_endpoint(lab, 1, 0), 0);
    cpus = lab_count(lab, 1, 0, 4);
    assert_int_equal(datapath_counters(lab->datapath, &counters), 0);
    assert_int_equal(counters.hit, 4 * cpus);
    assert_int_equal(counters.miss, 0);
}

/* ---- peers and tasks ---- */

static void test_peers(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_peer_key key = {.namespace_scope = 1, .protocol = TCP};

    assert_int_equal(put_peer(lab, 1, 1), 0);
    assert_int_equal(put_peer(lab, 2, 2), 0);
    assert_int_equal(put_peer(lab, 1, 3), 0);
    assert_int_equal(sum_peers(lab), 3005);
    assert_int_equal(datapath_delete_peer(lab->datapath, &key), 0);
    assert_int_equal(sum_peers(lab), 2002);
}

static int on_task(uint64_t cgroup_id, const struct svc_task *task, void *user)
{
    struct svc_task *found = user;

    assert_true(cgroup_id == UINT64_C(0x100000007)); /* more than 32 bits */
    *found = *task;
    return 0;
}

static void test_a_task_is_read_back_whole(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_task task = {.scope = 3, .flags = SVC_TASK_RUN};
    struct svc_task found = {0};

    memset(task.cgroup, '/', sizeof(task.cgroup) - 1);
    memset(task.namespace, 'n', sizeof(task.namespace) - 1);
    memset(task.service, 's', sizeof(task.service) - 1);
    assert_int_equal(datapath_put_task(lab->datapath, UINT64_C(0x100000007), &task), 0);
    assert_int_equal(datapath_each_task(lab->datapath, on_task, &found), 0);
    assert_memory_equal(&found, &task, sizeof(task));
    for (uint64_t id = 1; id < lab->config.tasks; id++)
        assert_int_equal(datapath_put_task(lab->datapath, id, &task), 0);
    assert_int_equal(datapath_put_task(lab->datapath, 99, &task), -E2BIG);
    for (uint64_t id = 1; id < lab->config.tasks; id++)
        assert_int_equal(datapath_delete_task(lab->datapath, id), 0);
    memset(&found, 0, sizeof(found));
    assert_int_equal(datapath_each_task(lab->datapath, on_task, &found), 0);
    assert_int_equal(found.scope, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_FORMS(test_an_alias_is_read_back_byte_by_byte),
        BOTH_FORMS(test_keys_differ_by_each_of_their_members),
        BOTH_FORMS(test_a_full_map_takes_no_new_key),
        BOTH_FORMS(test_deleting_what_is_not_there_is_no_write),
        BOTH_FORMS(test_a_walk_ends_with_an_error_and_may_delete),
        BOTH_FORMS(test_counters_stay_while_their_endpoint_does),
        BOTH_FORMS(test_no_endpoint_without_counters),
        BOTH_FORMS(test_counters_of_all),
        BOTH_FORMS(test_peers),
        BOTH_FORMS(test_a_task_is_read_back_whole),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
