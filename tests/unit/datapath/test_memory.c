/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The form in memory keeps what datapath.h and memory.h promise. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "datapath/memory.h"

static const struct datapath_config config = {.aliases = 2, .slots = 4, .endpoints = 3, .tasks = 2};

static int setup(void **state)
{
    return datapath_new_in_memory(&config, (struct datapath **)state);
}

static int teardown(void **state)
{
    datapath_close((struct datapath **)state);
    assert_null(*state);
    datapath_close((struct datapath **)state);
    return 0;
}

static struct svc_alias_key alias_key(uint32_t scope)
{
    return (struct svc_alias_key){.scope = scope, .protocol = TCP};
}

static int count_alias(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    (void)key;
    *(unsigned *)user += alias->service;
    return 0;
}

static unsigned sum_aliases(struct datapath *datapath)
{
    unsigned sum = 0;

    assert_int_equal(datapath_each_alias(datapath, count_alias, &sum), 0);
    return sum;
}

static int put_alias(struct datapath *datapath, uint32_t scope, uint32_t service)
{
    struct svc_alias_key key = alias_key(scope);
    struct svc_alias alias = {.service = service};

    return datapath_put_alias(datapath, &key, &alias);
}

static int sum_endpoint(uint32_t number, const struct svc_endpoint *endpoint, void *user)
{
    *(unsigned *)user += number * 100 + endpoint->weight;
    return 0;
}

static unsigned sum_endpoints(struct datapath *datapath)
{
    unsigned sum = 0;

    assert_int_equal(datapath_each_endpoint(datapath, sum_endpoint, &sum), 0);
    return sum;
}

static void expect_record(struct datapath *datapath, const char *wanted)
{
    assert_string_equal(memory_datapath_record(datapath), wanted);
    memory_datapath_forget_record(datapath);
}

static void test_entries(void **state)
{
    struct datapath *datapath = *state;
    struct svc_alias_key key = alias_key(1);

    assert_int_equal(datapath_origin(datapath), DATAPATH_NEW);
    assert_int_equal(put_alias(datapath, 1, 10), 0);
    assert_int_equal(put_alias(datapath, 2, 20), 0);
    assert_int_equal(put_alias(datapath, 3, 40), -E2BIG);
    assert_int_equal(put_alias(datapath, 1, 11), 0); /* is there already */
    assert_int_equal(sum_aliases(datapath), 31);
    assert_int_equal(datapath_delete_alias(datapath, &key), 0);
    assert_int_equal(datapath_delete_alias(datapath, &key), 0);
    assert_int_equal(sum_aliases(datapath), 20);
    assert_int_equal(datapath_writes(datapath), 4);
    expect_record(datapath, "put aliases 1\nput aliases 2\nput aliases 1\ndelete aliases 1\n");
}

static int delete_first(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    if (key->scope == 1) {
        assert_int_equal(datapath_delete_alias(user, key), 0);
        assert_int_equal(key->scope, 1); /* what was given is still there to be read */
        assert_int_equal(alias->service, 10);
    }
    return 0;
}

static void test_deleting_within_a_walk(void **state)
{
    struct datapath *datapath = *state;

    assert_int_equal(put_alias(datapath, 1, 10), 0);
    assert_int_equal(put_alias(datapath, 2, 20), 0);
    assert_int_equal(datapath_each_alias(datapath, delete_first, datapath), 0);
    assert_int_equal(sum_aliases(datapath), 20);
}

static void test_counters_of_an_endpoint(void **state)
{
    struct datapath *datapath = *state;
    struct svc_endpoint endpoint = {.weight = 7};
    struct svc_endpoint_stats stats = {.connections = 5, .ejections = 2};

    assert_int_equal(datapath_endpoint_stats(datapath, 1, &stats), -ENOENT);
    assert_int_equal(stats.connections, 5);
    assert_int_equal(memory_datapath_set_stats(datapath, 1, &stats), -ENOENT);
    assert_int_equal(datapath_put_endpoint(datapath, 1, &endpoint), 0);
    assert_int_equal(memory_datapath_set_stats(datapath, 1, &stats), 0);
    assert_int_equal(datapath_put_endpoint(datapath, 1, &endpoint), 0);
    stats = (struct svc_endpoint_stats){0};
    assert_int_equal(datapath_endpoint_stats(datapath, 1, &stats), 0);
    assert_int_equal(stats.connections, 5);
    assert_int_equal(stats.ejections, 2);
    assert_int_equal(datapath_delete_endpoint(datapath, 1), 0);
    assert_int_equal(datapath_put_endpoint(datapath, 1, &endpoint), 0);
    assert_int_equal(datapath_endpoint_stats(datapath, 1, &stats), 0);
    assert_int_equal(stats.connections, 0);
}

static void test_failures_on_demand(void **state)
{
    struct datapath *datapath = *state;
    struct svc_endpoint endpoint = {.weight = 1};

    memory_datapath_fail_puts(datapath, "aliases", 1, ENOMEM);
    assert_int_equal(put_alias(datapath, 1, 10), 0);
    assert_int_equal(put_alias(datapath, 1, 11), -ENOMEM);
    assert_int_equal(put_alias(datapath, 2, 20), -ENOMEM);
    memory_datapath_fail_puts(datapath, "aliases", 0, 0);
    assert_int_equal(put_alias(datapath, 2, 20), 0);
    assert_int_equal(sum_aliases(datapath), 30);
    /* An endpoint is there with its counters or not at all. */
    memory_datapath_fail_puts(datapath, "endpoint_stats", 0, E2BIG);
    assert_int_equal(datapath_put_endpoint(datapath, 1, &endpoint), -E2BIG);
    assert_int_equal(sum_endpoints(datapath), 0);
}

static void test_entries_kept_back(void **state)
{
    struct datapath *datapath = *state;
    struct svc_endpoint endpoint = {.weight = 1};

    datapath_hold(datapath);
    for (uint32_t number = 1; number <= 3; number++)
        assert_int_equal(datapath_put_endpoint(datapath, number, &endpoint), 0);
    assert_int_equal(sum_endpoints(datapath), 0);
    assert_int_equal(datapath_release(datapath), 0);
    assert_int_equal(sum_endpoints(datapath), 603);
    datapath_hold(datapath);
    assert_int_equal(datapath_put_endpoint(datapath, 4, &endpoint), 0);
    assert_int_equal(datapath_release(datapath), -E2BIG); /* tells what failed */
}

static void test_tables(void **state)
{
    struct datapath *datapath = *state;
    struct svc_service identity = {.scope = 3, .table4 = 9, .table6 = 9};
    struct svc_slot slots[2] = {{.endpoint_a = 1}, {.endpoint_a = 2}};

    datapath_write_slots(datapath, 1, slots, 2);
    datapath_write_slots(datapath, 1, slots, 0);
    datapath_set_identity(datapath, 0, &identity);
    assert_int_equal(datapath_service(datapath, 0)->scope, 3);
    assert_true(datapath_service(datapath, 0)->table4 == 0);
    datapath_publish(datapath, 0, 11, 12);
    assert_int_equal(datapath_slots(datapath, 1)[1].endpoint_a, 2);
    assert_non_null(datapath_outlier(datapath, 3));
    assert_null(datapath_outlier(datapath, 4));
    assert_int_equal(datapath_resolvers(datapath), 4);
    assert_non_null(datapath_resolver(datapath, 4));
    assert_null(datapath_resolver(datapath, 5));
    datapath_count_write(datapath);
    expect_record(datapath, "slots 1+2\nidentity 0\ntables 0\noutlier\n");
}

static bool is_readable(int fd)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};

    return poll(&wanted, 1, 0) == 1;
}

static void test_grace_periods(void **state)
{
    struct datapath *datapath = *state;
    int fd = datapath_grace_fd(datapath);

    datapath_grace_end(datapath); /* none is under way */
    assert_int_equal(datapath_grace_begin(datapath), 0);
    assert_true(is_readable(fd));
    assert_int_equal(datapath_grace_begin(datapath), -EBUSY);
    datapath_grace_end(datapath);
    assert_false(is_readable(fd));
    memory_datapath_hold_grace(datapath);
    memory_datapath_end_grace(datapath); /* none is under way */
    assert_int_equal(datapath_grace_begin(datapath), 0);
    assert_false(is_readable(fd));
    memory_datapath_end_grace(datapath);
    assert_true(is_readable(fd));
    datapath_grace_end(datapath);
    datapath_grace_wait(datapath);
    expect_record(datapath, "grace begins\ngrace begins\ngrace waited for\n");
}

static int count_name(const char *name, void *user)
{
    assert_string_equal(name, "web-7");
    return ++*(int *)user; /* ends the walk */
}

static void test_links_and_scopes(void **state)
{
    struct datapath *datapath = *state;
    uint32_t scope = 9, namespace_scope = 9;
    int n = 0;

    assert_int_equal(datapath_set_scope(datapath, 7, 1, 2), -ENOENT);
    assert_int_equal(datapath_set_resolver(datapath, 7, 1), -ENOENT);
    assert_int_equal(datapath_get_scope(datapath, 7, &scope, &namespace_scope), -ENOENT);
    assert_int_equal(scope, 9);
    assert_int_equal(datapath_attach(datapath, "web-7", "/web", 7, NULL), 0);
    assert_int_equal(datapath_attach(datapath, "web-7", "/web", 7, NULL), 0);
    assert_true(datapath_is_attached(datapath, "web-7", 7));
    assert_false(datapath_is_attached(datapath, "web-7", 8));
    assert_int_equal(datapath_get_scope(datapath, 7, &scope, &namespace_scope), -ENOENT);
    assert_int_equal(datapath_set_resolver(datapath, 7, 1), 0);
    assert_int_equal(datapath_set_resolver(datapath, 7, 1), 0);
    assert_int_equal(datapath_set_scope(datapath, 7, 1, 2), 0);
    assert_int_equal(datapath_get_scope(datapath, 7, &scope, &namespace_scope), 0);
    assert_int_equal(scope, 1);
    assert_int_equal(namespace_scope, 2);
    assert_int_equal(datapath_each_link(datapath, count_name, &n), 1);
    memory_datapath_lose_cgroup(datapath, 7);
    assert_false(datapath_is_attached(datapath, "web-7", 7));
    assert_int_equal(datapath_set_scope(datapath, 7, 1, 2), -ENOENT);
    assert_int_equal(datapath_detach(datapath, "web-7"), 0);
    assert_int_equal(datapath_detach(datapath, "web-7"), 0);
    assert_int_equal(datapath_each_link(datapath, count_name, &n), 0);
    expect_record(datapath, "attach web-7\nput task_scope 7\nput task_scope 7\ndetach web-7\n");
}

static void on_event(const struct svc_event *event, void *user)
{
    *(uint32_t *)user = *(uint32_t *)user * 10 + event->endpoint;
}

static void test_events(void **state)
{
    struct datapath *datapath = *state;
    struct svc_event event = {.endpoint = 1, .kind = EJECTED};
    uint32_t seen = 0;
    int r;

    assert_int_equal(memory_datapath_tell(datapath, &event), 0); /* before anybody listens */
    assert_int_equal(datapath_listen(datapath, on_event, &seen), 0);
    event.endpoint = 2;
    assert_int_equal(memory_datapath_tell(datapath, &event), 0);
    assert_true(is_readable(datapath_events_fd(datapath)));
    datapath_read_events(datapath);
    assert_int_equal(seen, 12);
    assert_false(is_readable(datapath_events_fd(datapath)));
    while ((r = memory_datapath_tell(datapath, &event)) == 0)
        ;
    assert_int_equal(r, -EAGAIN);
    datapath_read_events(datapath);
    assert_true(is_readable(datapath_events_fd(datapath))); /* the loop gets its turn in between */
}

static int sum_task(uint64_t cgroup_id, const struct svc_task *task, void *user)
{
    *(unsigned *)user += (unsigned)cgroup_id + task->scope;
    return 0;
}

static int sum_peer(const struct svc_peer_key *key, uint32_t endpoint, void *user)
{
    (void)key;
    *(unsigned *)user += endpoint;
    return 0;
}

/* One of everything. */
static void fill(struct datapath *datapath)
{
    struct svc_endpoint endpoint = {.weight = 5};
    struct svc_endpoint_stats stats = {.established = 6};
    struct svc_counters counters = {.hit = 8};
    struct svc_peer_key peer = {.namespace_scope = 1};
    struct svc_task task = {.scope = 3};

    assert_int_equal(put_alias(datapath, 1, 10), 0);
    assert_int_equal(datapath_put_endpoint(datapath, 1, &endpoint), 0);
    assert_int_equal(memory_datapath_set_stats(datapath, 1, &stats), 0);
    memory_datapath_set_counters(datapath, &counters);
    assert_int_equal(datapath_put_peer(datapath, &peer, 1), 0);
    assert_int_equal(datapath_put_task(datapath, 40, &task), 0);
    assert_int_equal(datapath_attach(datapath, "web-40", "/web", 40, NULL), 0);
    assert_int_equal(datapath_set_scope(datapath, 40, 3, 3), 0);
    datapath_publish(datapath, 0, 1, 1);
    datapath_outlier(datapath, 1)->ejections = 4;
}

static void test_adoption(void **state)
{
    struct datapath *datapath = *state;
    struct svc_outlier outlier;

    fill(datapath);
    assert_int_equal(memory_datapath_restart(datapath, DATAPATH_ADOPTED), 0);
    assert_int_equal(datapath_origin(datapath), DATAPATH_ADOPTED);
    assert_int_equal(datapath_writes(datapath), 0);
    expect_record(datapath, "");
    assert_int_equal(sum_aliases(datapath), 10);
    assert_true(datapath_service(datapath, 0)->table4 == 1);
    assert_int_equal(datapath_outlier(datapath, 1)->ejections, 4);
    assert_false(datapath_old_outlier(datapath, 1, &outlier));
}

static void test_migration(void **state)
{
    struct datapath *datapath = *state;
    struct svc_endpoint endpoint = {.weight = 5};
    struct svc_endpoint_stats stats;
    struct svc_counters counters;
    struct svc_outlier outlier;
    unsigned sum = 0, swapped = 9;
    uint32_t scope, namespace_scope;

    fill(datapath);
    assert_int_equal(datapath_attach(datapath, "gone-41", "/gone", 41, NULL), 0);
    memory_datapath_lose_cgroup(datapath, 41); /* its links are swapped no more */
    assert_int_equal(memory_datapath_restart(datapath, DATAPATH_MIGRATED), 0);
    /* Read are the old ones, but for peers; written the new ones. */
    assert_int_equal(sum_aliases(datapath), 10);
    assert_int_equal(sum_endpoints(datapath), 105);
    assert_int_equal(datapath_each_task(datapath, sum_task, &sum), 0);
    assert_int_equal(sum, 43);
    assert_int_equal(datapath_each_peer(datapath, sum_peer, &sum), 0);
    assert_int_equal(sum, 43);
    assert_true(datapath_service(datapath, 0)->table4 == 0);
    assert_int_equal(datapath_outlier(datapath, 1)->ejections, 0);
    assert_true(datapath_old_outlier(datapath, 1, &outlier));
    assert_int_equal(outlier.ejections, 4);
    assert_false(datapath_old_outlier(datapath, 4, &outlier));
    assert_int_equal(datapath_get_scope(datapath, 40, &scope, &namespace_scope), 0);
    assert_int_equal(scope, 3);
    assert_int_equal(datapath_put_endpoint(datapath, 1, &endpoint), 0);
    assert_int_equal(datapath_endpoint_stats(datapath, 1, &stats), 0);
    assert_int_equal(stats.established, 6);
    assert_int_equal(put_alias(datapath, 2, 20), 0);
    assert_int_equal(sum_aliases(datapath), 10);
    assert_int_equal(datapath_activate(datapath, &swapped, NULL), 0);
    assert_int_equal(swapped, 1);
    assert_int_equal(datapath_origin(datapath), DATAPATH_ADOPTED);
    assert_int_equal(sum_aliases(datapath), 20);
    assert_false(datapath_old_outlier(datapath, 1, &outlier));
    assert_int_equal(datapath_counters(datapath, &counters), 0);
    assert_int_equal(counters.hit, 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_entries),
        TEST(test_deleting_within_a_walk),
        TEST(test_counters_of_an_endpoint),
        TEST(test_failures_on_demand),
        TEST(test_entries_kept_back),
        TEST(test_tables),
        TEST(test_grace_periods),
        TEST(test_links_and_scopes),
        TEST(test_events),
        TEST(test_adoption),
        TEST(test_migration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
