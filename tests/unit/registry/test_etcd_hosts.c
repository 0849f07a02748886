/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Hosts that come and go: when it is believed, by the clock of the test; and on a real etcd what becomes of their rows. Long because
 * each way to go has its story, and they share the hosts that live through it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "backends.h"
#include "registry/etcd/etcd_forget.h"
#include "registry/etcd/etcd_hosts.h"
#include "registry/etcd/etcd_seen.h"
#include "registry/etcd/etcd_text.h"

#define LEASE_MS 10000

static struct etcd_host *host_with(struct etcd_hosts *hosts, const char *id, size_t n_rows)
{
    struct etcd_host *host = etcd_hosts_get(hosts, id);

    assert_non_null(host);
    (void)etcd_hosts_came(host);
    host->n_rows = n_rows;
    return host;
}

static void test_one_that_goes_is_in_doubt_for_a_moment(void **state)
{
    struct etcd_hosts hosts = {.own = "me", .lease_ms = LEASE_MS, .most_percent = 30};
    struct etcd_host *host = host_with(&hosts, "a", 3), *me = host_with(&hosts, "me", 3);
    uint64_t next;

    (void)state;
    etcd_hosts_went(&hosts, me, 1000);
    assert_int_equal(me->state, ETCD_HOST_PRESENT);
    etcd_hosts_went(&hosts, host, 1000);
    assert_true(etcd_host_is_shown(host));
    assert_null(etcd_hosts_due(&hosts, 1000, &next));
    assert_int_equal(next, 1000 + LEASE_MS / 5);
    assert_ptr_equal(etcd_hosts_due(&hosts, next, &next), host);
    assert_false(etcd_hosts_is_mass(&hosts, next)); /* all of the others', but one host */
    etcd_hosts_decide(&hosts, host, true, next);
    assert_false(etcd_host_is_shown(host));
    assert_true(etcd_hosts_came(host));
    assert_false(etcd_hosts_came(host));
    /* One that puts its key back at once has not been away. */
    etcd_hosts_went(&hosts, host, 5000);
    assert_false(etcd_hosts_came(host));
    assert_null(etcd_hosts_due(&hosts, 50000, &next));
    etcd_hosts_done(&hosts);
}

static void test_many_within_one_lease(void **state)
{
    struct etcd_hosts hosts = {.own = "me", .lease_ms = LEASE_MS, .most_percent = 50};
    struct etcd_host *a = host_with(&hosts, "a", 3), *b = host_with(&hosts, "b", 3);

    (void)state;
    (void)host_with(&hosts, "c", 6);
    (void)host_with(&hosts, "me", 1000);
    etcd_hosts_went(&hosts, a, 1000);
    etcd_hosts_decide(&hosts, a, true, 1000);
    etcd_hosts_went(&hosts, b, 2000);
    assert_false(etcd_hosts_is_mass(&hosts, 2000)); /* 6 of 12 */
    a->n_rows = 4;
    assert_true(etcd_hosts_is_mass(&hosts, 2000));
    assert_false(etcd_hosts_is_mass(&hosts, 1000 + LEASE_MS)); /* a has gone long ago */
    assert_int_equal(etcd_hosts_count(&hosts).gone_rows, 4);
    assert_int_equal(etcd_hosts_count(&hosts).doubted_rows, 3);
    etcd_hosts_done(&hosts);
}

static void test_hosts_that_were_never_there(void **state)
{
    struct etcd_hosts hosts = {.own = "me", .lease_ms = LEASE_MS, .most_percent = 50};
    struct etcd_host *a = etcd_hosts_get(&hosts, "a"), *b = etcd_hosts_get(&hosts, "b");
    uint64_t next;

    (void)state;
    a->n_rows = b->n_rows = 1;
    (void)host_with(&hosts, "c", 9);
    etcd_hosts_settle(&hosts, 7000);
    assert_false(etcd_host_is_shown(a));
    (void)host_with(&hosts, "c", 1);
    etcd_hosts_settle(&hosts, 7000);
    assert_true(etcd_host_is_shown(a) && etcd_host_is_shown(b));
    assert_non_null(etcd_hosts_due(&hosts, 7000, &next));
    etcd_hosts_done(&hosts);
    /* Without leases nobody goes. */
    hosts = (struct etcd_hosts){.own = "me"};
    assert_true(etcd_host_is_shown(etcd_hosts_get(&hosts, "a")));
    etcd_hosts_done(&hosts);
}

/* ---- on a real one ---- */

#define A_KEY     "in/default/rows/instances/web/a"
#define A_ROW     "instances/default/web/a"
#define A_VALUE   "{\"address\":\"127.0.0.1\",\"port\":1,\"weight\":1}"
#define A_CHANGED "{\"address\":\"127.0.0.1\",\"port\":1,\"weight\":2}"
#define A_MOVED   "{\"address\":\"127.0.0.1\",\"port\":2,\"weight\":2}"

struct pair_of_hosts {
    struct bench benches[2];
    char prefix[32], names[2][8];
};

static void host_open(struct pair_of_hosts *pair, unsigned at)
{
    struct error error = {0};

    etcd_open(&pair->benches[at]);
    if (registry_follow(pair->benches[at].registry, &error) != 0)
        fail_msg("%s", error.message);
}

static int pair_setup(void **state)
{
    static struct pair_of_hosts pair;
    static unsigned n;

    pair = (struct pair_of_hosts){0};
    (void)snprintf(pair.prefix, sizeof(pair.prefix), "hosts-%u", n++);
    for (unsigned i = 0; i < 2; i++) {
        etcd_make(&pair.benches[i]);
        pair.benches[i].etcd.prefix = pair.prefix;
        pair.benches[i].etcd.lease_s = 2;
        pair.benches[i].etcd.mass_percent = 30;
        (void)snprintf(pair.names[i], sizeof(pair.names[i]), "host-%u", i);
        pair.benches[i].etcd.host = pair.names[i];
        host_open(&pair, i);
    }
    *state = &pair;
    return 0;
}

static int pair_teardown(void **state)
{
    struct pair_of_hosts *pair = *state;

    for (unsigned i = 0; i < 2; i++) {
        (void)registry_close(&pair->benches[i].registry);
        etcd_settings_done(&pair->benches[i].etcd);
    }
    return 0;
}

static void pair_commit(struct pair_of_hosts *pair, unsigned host, const char *key, const char *value)
{
    const struct registry_row row = ROW(key, value);
    struct error error = {0};
    uint64_t revision;

    if (registry_commit(pair->benches[host].registry, &row, 1, &revision, &error) != 0)
        fail_msg("%s", error.message);
}

static bool pair_has_batch(struct pair_of_hosts *pair, unsigned host, int timeout_ms)
{
    struct pollfd pollfd = {.fd = registry_batch_fd(pair->benches[host].registry), .events = POLLIN};

    return poll(&pollfd, 1, timeout_ms) == 1;
}

/* The next batch that has rows. */
static void pair_expect(struct pair_of_hosts *pair, unsigned host, const char *rows)
{
    struct registry_batch batch = {0};
    char text[4096] = "";

    while (batch.n_rows == 0) {
        registry_batch_done(&batch);
        assert_true(pair_has_batch(pair, host, PATIENCE_MS));
        assert_int_equal(registry_take_batch(pair->benches[host].registry, &batch), 0);
    }
    for (size_t i = 0; i < batch.n_rows; i++)
        (void)bench_append(batch.rows[i].key, batch.rows[i].value ? batch.rows[i].value : "-", text);
    assert_string_equal(text, rows);
    registry_batch_done(&batch);
}

/* A key of the fleet past its daemons; value NULL: it is taken away. */
static void pair_write(struct pair_of_hosts *pair, const char *key, const char *value)
{
    _cleanup_free_ char *name = NULL, *key64 = NULL, *value64 = NULL, *body = NULL;

    assert_true(asprintf(&name, "%s/fleet/%s", pair->prefix, key) > 0);
    key64 = etcd_encode(name);
    value64 = value ? etcd_encode(value) : NULL;
    assert_true(asprintf(&body, "{\"key\":\"%s\"%s%s%s}", key64, value ? ",\"value\":\"" : "",
                         value ? value64 : "", value ? "\"" : "") > 0);
    cJSON_Delete(real_etcd_ask(value ? "/v3/kv/put" : "/v3/kv/deleterange", body, PATIENCE_MS));
}

static void expect_raw(struct pair_of_hosts *pair, const char *key, const char *wanted)
{
    _cleanup_free_ char *name = NULL, *key64 = NULL, *body = NULL;
    struct etcd_pairs pairs = {0};
    cJSON *answer;

    assert_true(asprintf(&name, "%s/fleet/%s", pair->prefix, key) > 0);
    key64 = etcd_encode(name);
    assert_true(asprintf(&body, "{\"key\":\"%s\"}", key64) > 0);
    answer = real_etcd_ask("/v3/kv/range", body, PATIENCE_MS);
    assert_int_equal(etcd_read_pairs(answer, &pairs), 0);
    assert_int_equal(pairs.n, 1);
    assert_string_equal(pairs.items[0].value, wanted);
    etcd_pairs_done(&pairs);
    cJSON_Delete(answer);
}

static void test_a_hosts_instances_go_and_come_with_it(void **state)
{
    struct pair_of_hosts *pair = *state;

    pair_commit(pair, 0, A_ROW, A_VALUE);
    pair_expect(pair, 1, A_ROW "=" A_VALUE ";");
    /* What another host changes stays the first one's. */
    pair_commit(pair, 1, A_ROW, A_CHANGED);
    pair_expect(pair, 0, A_ROW "=" A_CHANGED ";");
    expect_raw(pair, A_KEY,
               "{\"owner\":\"host-0\","
               "\"address\":\"127.0.0.1\",\"port\":1,\"weight\":2}");
    pair_commit(pair, 0, "services/default/web", "{}");
    pair_expect(pair, 1, "services/default/web={};");
    /* Nobody keeps the lease any more: by hand, to save its time. */
    assert_int_equal(registry_close(&pair->benches[0].registry), 0);
    pair_write(pair, "hosts/host-0", NULL);
    pair_expect(pair, 1, A_ROW "=-;");
    bench_expect_below(&pair->benches[1], "", "services/default/web={};");
    assert_int_equal(registry_link(pair->benches[1].registry).gone_hosts, 1);
    assert_int_equal(registry_link(pair->benches[1].registry).gone_instances, 1);
    host_open(pair, 0);
    pair_expect(pair, 1, A_ROW "=" A_CHANGED ";");
    assert_int_equal(registry_link(pair->benches[1].registry).gone_hosts, 0);
    /* Who registers it anew has it. */
    pair_commit(pair, 1, A_ROW, A_MOVED);
    expect_raw(pair, A_KEY,
               "{\"owner\":\"host-1\","
               "\"address\":\"127.0.0.1\",\"port\":2,\"weight\":2}");
}

static void test_a_key_that_goes_is_put_back(void **state)
{
    struct pair_of_hosts *pair = *state;

    pair_commit(pair, 0, A_ROW, A_VALUE);
    pair_expect(pair, 1, A_ROW "=" A_VALUE ";");
    pair_write(pair, "hosts/host-0", NULL);
    while (registry_link(pair->benches[0].registry).n_put_back == 0)
        (void)poll(NULL, 0, 10);
    pair_commit(pair, 0, "services/default/web", "{}");
    pair_expect(pair, 1, "services/default/web={};");
    assert_false(pair_has_batch(pair, 1, 600)); /* longer than the moment of doubt */
    assert_int_equal(registry_link(pair->benches[1].registry).gone_hosts, 0);
    assert_int_equal(registry_link(pair->benches[1].registry).doubted_hosts, 0);
    assert_int_equal(registry_link(pair->benches[1].registry).hosts, 2);
}

/* Two of three others go at once: whose instance answers keeps it. */
static void test_many_that_go_are_asked(void **state)
{
    struct pair_of_hosts *pair = *state;
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(place);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char value[128], rows[256];

    assert_int_equal(bind(fd, (struct sockaddr *)&place, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&place, &size), 0);
    pair_write(pair, "hosts/x", "{}");
    pair_write(pair, "hosts/y", "{}");
    (void)snprintf(value, sizeof(value), "{\"owner\":\"x\",\"address\":\"127.0.0.1\",\"port\":%u}",
                   ntohs(place.sin_port));
    pair_write(pair, "in/default/rows/instances/web/x", value);
    (void)snprintf(rows, sizeof(rows), "instances/default/web/x={\"address\":\"127.0.0.1\",\"port\":%u};",
                   ntohs(place.sin_port));
    pair_expect(pair, 1, rows);
    pair_write(pair, "in/default/rows/instances/web/y",
               "{\"owner\":\"y\",\"address\":\"127.0.0.1\",\"port\":1}");
    pair_expect(pair, 1, "instances/default/web/y={\"address\":\"127.0.0.1\",\"port\":1};");
    pair_write(pair, "hosts/x", NULL);
    pair_write(pair, "hosts/y", NULL);
    pair_expect(pair, 1, "instances/default/web/y=-;");
    assert_int_equal(registry_link(pair->benches[1].registry).doubted_instances, 1);
    assert_false(pair_has_batch(pair, 1, 0));
    (void)close(fd);
    pair_expect(pair, 1, "instances/default/web/x=-;");
    assert_int_equal(registry_link(pair->benches[1].registry).doubted_instances, 0);
}

static int note_seen(const char *host, const char *text, void *user)
{
    return bench_append(host, text, user);
}

static void seen_by_hosts(struct pair_of_hosts *pair, char ret_text[static 4096])
{
    ret_text[0] = '\0';
    assert_int_equal(etcd_seen_list(&pair->benches[0].etcd, note_seen, ret_text, NULL), 0);
}

static void await_seen(struct pair_of_hosts *pair, const char *wanted)
{
    char text[4096];

    for (seen_by_hosts(pair, text); strcmp(text, wanted) != 0; seen_by_hosts(pair, text))
        (void)poll(NULL, 0, 20);
}

/* Nobody is told of it, and a lease that has ended takes it along; with the next one it is there again. */
static void test_what_a_host_sees(void **state)
{
    struct pair_of_hosts *pair = *state;
    const cJSON *lease;
    char text[4096];
    cJSON *leases;

    seen_by_hosts(pair, text);
    assert_string_equal(text, "");
    assert_true(registry_takes_reports(pair->benches[0].registry));
    assert_int_equal(registry_report(pair->benches[0].registry, "{}"), 0);
    await_seen(pair, "host-0={};");
    assert_int_equal(registry_report(pair->benches[1].registry, "1"), 0);
    assert_int_equal(registry_report(pair->benches[0].registry, "{\"a\":1}"), 0);
    await_seen(pair, "host-0={\"a\":1};host-1=1;");
    assert_false(pair_has_batch(pair, 1, 0));
    leases = real_etcd_ask("/v3/lease/leases", "{}", PATIENCE_MS);
    cJSON_ArrayForEach (lease, cJSON_GetObjectItem(leases, "leases")) {
        (void)snprintf(text, sizeof(text), "{\"ID\":\"%s\"}",
                       cJSON_GetStringValue(cJSON_GetObjectItem(lease, "ID")));
        cJSON_Delete(real_etcd_ask("/v3/lease/revoke", text, PATIENCE_MS));
    }
    cJSON_Delete(leases);
    await_seen(pair, "host-0={\"a\":1};host-1=1;");
}

/* Told to the one that drives, while it counts something itself. */
static void test_what_hosts_count(void **state)
{
    const struct registry_tally mine = {"a", {100, 0, 0}}, others = {"a", {1, 2, 3}};
    struct pair_of_hosts *pair = *state;
    uint64_t counts[REGISTRY_COUNTS] = {7};

    assert_int_equal(registry_tell_tallies(pair->benches[1].registry, &others, 1), 0);
    registry_others_tally(pair->benches[0].registry, "a", counts);
    assert_int_equal(counts[0], 0);
    assert_int_equal(registry_tell_tallies(pair->benches[0].registry, &mine, 1), 0);
    while (counts[0] == 0) {
        (void)poll(NULL, 0, 20);
        registry_others_tally(pair->benches[0].registry, "a", counts);
    }
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[2], 3);
    registry_others_tally(pair->benches[1].registry, "a", counts); /* it does not drive */
    assert_int_equal(counts[0], 0);
    assert_int_equal(registry_tell_tallies(pair->benches[0].registry, NULL, 0), 0);
    do {
        (void)poll(NULL, 0, 20);
        registry_others_tally(pair->benches[0].registry, "a", counts);
    } while (counts[0] != 0);
}

static void test_one_drives(void **state)
{
    struct pair_of_hosts *pair = *state;

    assert_true(registry_link(pair->benches[0].registry).is_driver);
    assert_false(registry_link(pair->benches[1].registry).is_driver);
    assert_int_equal(registry_close(&pair->benches[0].registry), 0);
    pair_write(pair, "driver", NULL);
    while (!registry_link(pair->benches[1].registry).is_driver)
        (void)poll(NULL, 0, 10);
}

static void take_next(struct pair_of_hosts *pair, unsigned host)
{
    struct registry_batch batch;

    assert_true(pair_has_batch(pair, host, PATIENCE_MS));
    assert_int_equal(registry_take_batch(pair->benches[host].registry, &batch), 0);
    registry_batch_done(&batch);
}

static struct etcd_leaving *leaving_of_host(struct pair_of_hosts *pair, const char *host)
{
    static struct etcd_leaving found;
    struct etcd_leaving *hosts = NULL;
    size_t n = 0;

    assert_int_equal(etcd_forget_list(&pair->benches[1].etcd, &hosts, &n, NULL), 0);
    found = (struct etcd_leaving){0};
    for (size_t i = 0; i < n; i++)
        if (strcmp(hosts[i].host, host) == 0)
            found = hosts[i];
    free(hosts);
    return found.host[0] ? &found : NULL;
}

/* What it has registered and kept for itself goes, some rows at a time; what is others' stays. */
static void test_one_that_never_comes_back(void **state)
{
    struct pair_of_hosts *pair = *state;
    struct etcd_settings *settings = &pair->benches[1].etcd;
    struct etcd_leaving gone = {0};
    struct error error = {0};

    settings->max_txn_ops = 5;
    pair_commit(pair, 0, A_ROW, A_VALUE);
    pair_commit(pair, 0, "instances/default/web/b", A_VALUE);
    pair_commit(pair, 0, "instances/other/db/c", A_VALUE);
    pair_commit(pair, 0, "services/other/db", "{}");
    pair_commit(pair, 0, "host/address/web", "1");
    for (unsigned i = 0; i < 4; i++)
        take_next(pair, 1);
    pair_commit(pair, 1, "instances/default/web/z", A_VALUE);
    assert_int_equal(etcd_forget(settings, "host-0", &gone, &error), -EBUSY);
    assert_non_null(strstr(error.message, "host-0 is there"));
    assert_int_equal(etcd_forget(settings, "host-7", &gone, &error), -ENOENT);
    assert_int_equal(registry_close(&pair->benches[0].registry), 0);
    pair_write(pair, "hosts/host-0", NULL);
    pair_expect(pair, 1, A_ROW "=-;instances/default/web/b=-;instances/other/db/c=-;");
    assert_int_equal(leaving_of_host(pair, "host-0")->n_instances, 3);
    assert_int_equal(leaving_of_host(pair, "host-0")->n_own, 1);
    assert_false(leaving_of_host(pair, "host-0")->is_there);
    if (etcd_forget(settings, "host-0", &gone, &error) != 0)
        fail_msg("%s", error.message);
    assert_int_equal(gone.n_instances, 3);
    assert_int_equal(gone.n_own, 1);
    assert_null(leaving_of_host(pair, "host-0"));
    assert_true(leaving_of_host(pair, "host-1")->is_there);
    assert_int_equal(leaving_of_host(pair, "host-1")->n_instances, 1);
    assert_int_equal(etcd_forget(settings, "host-0", &gone, &error), -ENOENT);
    /* The one that is left hears of it as of any commit, and goes on. */
    pair_expect(pair, 1, A_ROW "=-;instances/default/web/b=-;");
    pair_expect(pair, 1, "instances/other/db/c=-;");
    pair_commit(pair, 1, "instances/default/web/y", A_VALUE);
    bench_expect_below(&pair->benches[1], "services/", "services/other/db={};");
    while (registry_link(pair->benches[1].registry).gone_instances)
        (void)poll(NULL, 0, 10);
}

/* A cloned image: both say so as long as both are there. */
static void test_two_with_one_name(void **state)
{
    struct pair_of_hosts *pair = *state;

    assert_string_equal(registry_link(pair->benches[0].registry).twin, "");
    assert_int_equal(registry_close(&pair->benches[1].registry), 0);
    pair->benches[1].etcd.host = "host-0";
    host_open(pair, 1);
    for (unsigned i = 0; i < 2; i++)
        while (!registry_link(pair->benches[i].registry).twin[0])
            (void)poll(NULL, 0, 10);
    assert_int_equal(registry_close(&pair->benches[1].registry), 0);
    while (registry_link(pair->benches[0].registry).twin[0])
        (void)poll(NULL, 0, 10);
    /* Who starts again is no twin of himself. */
    assert_int_equal(registry_close(&pair->benches[0].registry), 0);
    host_open(pair, 0);
    pair_commit(pair, 0, "services/default/web", "{}");
    (void)poll(NULL, 0, 1500);
    assert_string_equal(registry_link(pair->benches[0].registry).twin, "");
}

static void test_whose_a_row_is(void **state)
{
    char owned[] = "{\"owner\":\"a\",\"port\":1}", strange[] = "{\"owner\":\"a\\\"b\",\"port\":1}",
         plain[] = "{}";
    char owner[65];
    _cleanup_free_ char *put = etcd_put_owner("{\"port\":1}", "a");

    (void)state;
    assert_string_equal(put, owned);
    etcd_take_owner(owned, owner);
    assert_string_equal(owner, "a");
    assert_string_equal(owned, "{\"port\":1}");
    etcd_take_owner(strange, owner);
    assert_string_equal(owner, "");
    etcd_take_owner(plain, owner);
    assert_string_equal(owner, "");
    assert_true(etcd_can_have_owner("instances/a/b/c", "{\"address\":\"10.0.0.1\"}"));
    assert_false(etcd_can_have_owner("instances/a/b/c", "{\"host\":\"db\"}"));
    assert_false(etcd_can_have_owner("services/a/b", "{\"address\":\"10.0.0.1\"}"));
    assert_false(etcd_can_have_owner("instances/a/b/c", "1"));
}

int main(void)
{
    const struct CMUnitTest pure[] = {
        cmocka_unit_test(test_one_that_goes_is_in_doubt_for_a_moment),
        cmocka_unit_test(test_many_within_one_lease),
        cmocka_unit_test(test_hosts_that_were_never_there),
        cmocka_unit_test(test_whose_a_row_is),
    };
    const struct CMUnitTest real[] = {
        cmocka_unit_test_setup_teardown(test_a_hosts_instances_go_and_come_with_it, pair_setup,
                                        pair_teardown),
        cmocka_unit_test_setup_teardown(test_a_key_that_goes_is_put_back, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(test_many_that_go_are_asked, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(test_one_that_never_comes_back, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(test_two_with_one_name, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(test_what_a_host_sees, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(test_what_hosts_count, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(test_one_drives, pair_setup, pair_teardown),
    };
    int failed = cmocka_run_group_tests(pure, NULL, NULL);

    if (failed == 0 && real_etcd_start())
        failed = cmocka_run_group_tests(real, NULL, NULL);
    real_etcd_stop();
    return failed;
}
