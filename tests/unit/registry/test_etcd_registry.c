/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Hosts of a fleet on a real etcd: what one writes the others hear of, and nobody overwrites what he has not seen. Long because both
 * sides of each change, and each refusal, are looked at on the same two hosts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends.h"
#include "registry/etcd/etcd_text.h"

#define HOSTS 2

struct fleet {
    struct bench benches[HOSTS];
    char prefix[32], names[HOSTS][8];
};

static void host_open(struct fleet *fleet, unsigned at)
{
    struct bench *bench = &fleet->benches[at];
    struct error error = {0};

    etcd_open(bench);
    if (registry_follow(bench->registry, &error) != 0)
        fail_msg("%s", error.message);
}

static int fleet_setup(void **state)
{
    static struct fleet fleet;
    static unsigned n;

    fleet = (struct fleet){0};
    (void)snprintf(fleet.prefix, sizeof(fleet.prefix), "fleet-%u", n++);
    for (unsigned i = 0; i < HOSTS; i++) {
        etcd_make(&fleet.benches[i]);
        fleet.benches[i].etcd.prefix = fleet.prefix;
        (void)snprintf(fleet.names[i], sizeof(fleet.names[i]), "host-%u", i);
        fleet.benches[i].etcd.host = fleet.names[i];
        host_open(&fleet, i);
    }
    *state = &fleet;
    return 0;
}

static int fleet_teardown(void **state)
{
    struct fleet *fleet = *state;

    real_etcd_signal(SIGCONT);
    for (unsigned i = 0; i < HOSTS; i++) {
        (void)registry_close(&fleet->benches[i].registry);
        etcd_settings_done(&fleet->benches[i].etcd);
    }
    return 0;
}

static int commit(struct fleet *fleet, unsigned host, const char *key, const char *value)
{
    const struct registry_row row = ROW(key, value);
    uint64_t revision;

    return registry_commit(fleet->benches[host].registry, &row, 1, &revision, NULL);
}

static bool has_batch(struct fleet *fleet, unsigned host, int timeout_ms)
{
    struct pollfd pollfd = {.fd = registry_batch_fd(fleet->benches[host].registry), .events = POLLIN};

    return poll(&pollfd, 1, timeout_ms) == 1;
}

/* The next batch is these rows as "key=value;" (a deletion has "-"), and the registry's revision with it that. */
static void expect_batch(struct fleet *fleet, unsigned host, uint64_t revision, const char *rows)
{
    struct registry_batch batch;
    char text[4096] = "";

    assert_true(has_batch(fleet, host, PATIENCE_MS));
    assert_int_equal(registry_take_batch(fleet->benches[host].registry, &batch), 0);
    for (size_t i = 0; i < batch.n_rows; i++)
        (void)bench_append(batch.rows[i].key, batch.rows[i].value ? batch.rows[i].value : "-", text);
    assert_string_equal(text, rows);
    assert_int_equal(batch.revision, revision);
    assert_int_equal(registry_revision(fleet->benches[host].registry), revision);
    registry_batch_done(&batch);
}

/* A key of the fleet past its daemons, as a person would. */
static void put_by_hand(struct fleet *fleet, const char *key, const char *value, const char *raw)
{
    _cleanup_free_ char *name = NULL, *key64 = NULL, *value64 = NULL, *body = NULL;

    assert_true(asprintf(&name, "%s/fleet/%s", fleet->prefix, key) > 0);
    key64 = etcd_encode(name);
    value64 = raw ? strdup(raw) : etcd_encode(value);
    assert_true(asprintf(&body, "{\"key\":\"%s\",\"value\":\"%s\"}", key64, value64) > 0);
    cJSON_Delete(real_etcd_ask("/v3/kv/put", body, PATIENCE_MS));
}

static void test_what_one_writes_the_other_hears(void **state)
{
    struct fleet *fleet = *state;
    const struct registry_row rows[] = {ROW("b", "2"), ROW("a", NULL), ROW("host/address/x", "1"),
                                        ROW("history/1", "{}")};
    uint64_t revision;

    assert_int_equal(commit(fleet, 0, "a", "1"), 0);
    expect_batch(fleet, 1, 1, "a=1;");
    assert_int_equal(registry_commit(fleet->benches[0].registry, rows, ARRAY_SIZE(rows), &revision, NULL), 0);
    expect_batch(fleet, 1, 2, "b=2;a=-;"); /* whole, and without what is the other host's own */
    assert_int_equal(commit(fleet, 1, "c", "3"), 0);
    expect_batch(fleet, 0, 3, "c=3;");
    bench_expect(&fleet->benches[0], 3, "b=2;c=3;history/1={};host/address/x=1;");
    bench_expect(&fleet->benches[1], 3, "b=2;c=3;");
    /* Own commits do not come back. */
    assert_false(has_batch(fleet, 1, 0));
    assert_int_equal(commit(fleet, 1, "host/address/y", "1"), 0);
    assert_int_equal(registry_revision(fleet->benches[1].registry), 3);
    assert_int_equal(commit(fleet, 1, "d", "4"), 0);
    expect_batch(fleet, 0, 4, "d=4;");
}

/* The conflict ends when what the other has written is there. */
static size_t n_told;

static int count_told(const char *key, const char *value, void *user)
{
    (void)user;
    assert_true(strncmp(key, "history/", 8) == 0);
    assert_true(strcmp(value, "{\"a\":1}") == 0 || strcmp(value, "{\"b\":2}") == 0 ||
                strcmp(value, "{\"c\":3}") == 0);
    n_told++;
    return 0;
}

/* What is told of a change takes one key, whatever there is to tell. */
static void test_what_is_told_takes_one_key(void **state)
{
    struct fleet *fleet = *state;
    struct bench *bench = &fleet->benches[0];
    const struct registry_row rows[] = {ROW("x", "1"), ROW("history/00001", "{\"a\":1}"),
                                        ROW("history/00002", "{\"b\":2}"), ROW("history/00003", "{\"c\":3}")};
    uint64_t revision;

    bench->etcd.max_txn_ops = 4; /* with two heads */
    assert_int_equal(registry_commit(bench->registry, rows, ARRAY_SIZE(rows), &revision, NULL), 0);
    n_told = 0;
    assert_int_equal(registry_load(bench->registry, "history/", count_told, NULL, NULL), 0);
    assert_int_equal(n_told, 3);
    expect_batch(fleet, 1, 1, "x=1;");
}

static void test_a_conflict(void **state)
{
    struct fleet *fleet = *state;

    assert_int_equal(commit(fleet, 0, "a", "1"), 0);
    assert_int_equal(commit(fleet, 1, "b", "1"), -EAGAIN);
    assert_true(has_batch(fleet, 1, 0));
    assert_int_equal(commit(fleet, 1, "b", "1"), -EAGAIN); /* until it is taken */
    expect_batch(fleet, 1, 1, "a=1;");
    assert_int_equal(commit(fleet, 1, "b", "1"), 0);
    expect_batch(fleet, 0, 2, "b=1;");
}

static void take_all(struct fleet *fleet, unsigned host)
{
    struct registry_batch batch;

    while (registry_take_batch(fleet->benches[host].registry, &batch) == 0)
        registry_batch_done(&batch);
}

/* Who writes in one namespace need not have heard what was written in another; who writes in both has to. */
static void test_namespaces_do_not_wait_for_each_other(void **state)
{
    struct fleet *fleet = *state;
    const struct registry_row both[] = {ROW("services/x/b", "1"), ROW("routes/y//b", "1")};
    struct registry *second = fleet->benches[1].registry;
    uint64_t revision;

    assert_int_equal(commit(fleet, 0, "services/x/a", "1"), 0);
    assert_int_equal(commit(fleet, 0, "settings/global", "1"), 0);
    assert_true(has_batch(fleet, 1, PATIENCE_MS));
    assert_int_equal(commit(fleet, 1, "services/y/a", "1"), 0);
    assert_int_equal(commit(fleet, 1, "instances/y/a/i", "1"), 0);
    assert_int_equal(commit(fleet, 1, "instances/x/a/i", "1"), -EAGAIN);
    assert_int_equal(commit(fleet, 1, "aws/cluster/c", "1"), -EAGAIN); /* of no namespace, as settings are */
    assert_int_equal(registry_commit(second, both, 2, &revision, NULL), -EAGAIN);
    take_all(fleet, 1);
    assert_int_equal(registry_commit(second, both, 2, &revision, NULL), 0);
    assert_int_equal(commit(fleet, 0, "documents/y/d", "1"), -EAGAIN);
    take_all(fleet, 0);
    assert_int_equal(commit(fleet, 0, "documents/y/d", "1"), 0);
    assert_true(has_batch(fleet, 1, PATIENCE_MS));
    take_all(fleet, 1);
    /* All of them count the same, though not all have seen the others' when they wrote. */
    assert_int_equal(registry_revision(fleet->benches[0].registry), registry_revision(second));
    revision = registry_revision(second);
    assert_int_equal(registry_close(&fleet->benches[1].registry), 0);
    host_open(fleet, 1);
    assert_int_equal(registry_revision(fleet->benches[1].registry), revision);
}

/* Who takes it away has seen neither what others put there nor what they changed beside it. */
static void test_a_namespace_is_of_two_heads(void **state)
{
    struct fleet *fleet = *state;

    assert_int_equal(commit(fleet, 0, "namespaces/x", "{}"), 0);
    assert_true(has_batch(fleet, 1, PATIENCE_MS));
    take_all(fleet, 1);
    assert_int_equal(commit(fleet, 1, "services/x/a", "1"), 0);
    assert_int_equal(commit(fleet, 0, "namespaces/x", NULL), -EAGAIN);
    take_all(fleet, 0);
    assert_int_equal(commit(fleet, 0, "namespaces/x", NULL), 0);
    assert_true(has_batch(fleet, 1, PATIENCE_MS));
    take_all(fleet, 1);
    assert_int_equal(commit(fleet, 1, "namespaces/y", "{}"), 0);
    assert_int_equal(commit(fleet, 0, "settings/global", "{}"), -EAGAIN);
}

/* The heads are taken away by hand: written anew by the next commit. */
static void test_a_head_that_is_gone(void **state)
{
    struct fleet *fleet = *state;
    _cleanup_free_ char *name = NULL, *key = NULL, *body = NULL;

    assert_int_equal(commit(fleet, 0, "services/x/a", "1"), 0);
    assert_true(asprintf(&name, "%s/fleet/in/x/head", fleet->prefix) > 0);
    key = etcd_encode(name);
    assert_true(asprintf(&body, "{\"key\":\"%s\"}", key) > 0);
    cJSON_Delete(real_etcd_ask("/v3/kv/deleterange", body, PATIENCE_MS));
    assert_true(has_batch(fleet, 0, PATIENCE_MS));
    take_all(fleet, 0);
    assert_int_equal(commit(fleet, 0, "services/x/a", "2"), 0);
}

/* Each adds one to the same row, again and again: none is lost. */
static int read_count(const char *key, const char *value, void *user)
{
    (void)key;
    *(int *)user = atoi(value);
    return 0;
}

static void test_no_update_is_lost(void **state)
{
    struct fleet *fleet = *state;
    unsigned n_conflicts = 0, done[HOSTS] = {0};
    char wanted[32];

    /* In turns, each until it is written: the other one has always written since. */
    while (done[HOSTS - 1] < 20) {
        unsigned host = done[0] > done[1];
        char text[16];
        int count = 0, r;

        assert_int_equal(registry_load(fleet->benches[host].registry, "count", read_count, &count, NULL), 0);
        (void)snprintf(text, sizeof(text), "%d", count + 1);
        r = commit(fleet, host, "count", text);
        assert_true(r == 0 || r == -EAGAIN);
        done[host] += r == 0;
        n_conflicts += r == -EAGAIN;
        if (r == -EAGAIN)
            take_all(fleet, host);
    }
    assert_true(n_conflicts > 0);
    take_all(fleet, 0);
    take_all(fleet, 1);
    assert_int_equal(registry_close(&fleet->benches[0].registry), 0);
    etcd_open(&fleet->benches[0]);
    (void)snprintf(wanted, sizeof(wanted), "count=%u;", done[0] + done[1]);
    bench_expect(&fleet->benches[0], done[0] + done[1], wanted);
}

static void test_what_is_too_much_names_the_setting(void **state)
{
    struct fleet *fleet = *state;
    struct bench *bench = &fleet->benches[0];
    struct registry_row rows[4] = {ROW("a", "1"), ROW("b", "1"), ROW("c", "1"), ROW("a", "2")};
    struct error error = {0};
    uint64_t revision;
    char *large = calloc(1, 70001);

    assert_non_null(large);
    memset(large, 'x', 70000);
    bench->etcd.max_txn_ops = 4;
    assert_int_equal(registry_commit(bench->registry, rows, 4, &revision, &error), -E2BIG);
    assert_non_null(strstr(error.message, "etcd.maxTxnOps"));
    bench->etcd.max_txn_ops = 5; /* a twice, and two heads */
    assert_int_equal(registry_commit(bench->registry, rows, 4, &revision, &error), 0);
    bench->etcd.max_bytes = 65536;
    rows[1].value = large;
    assert_int_equal(registry_commit(bench->registry, rows, 4, &revision, &error), -E2BIG);
    assert_non_null(strstr(error.message, "etcd.maxRequestBytes"));
    /* What etcd itself refuses. */
    bench->etcd.max_txn_ops = 1000;
    bench->etcd.max_bytes = UINT32_MAX;
    {
        struct registry_row *many = calloc(200, sizeof(*many));
        char keys[200][16];

        assert_non_null(many);
        for (unsigned i = 0; i < 200; i++) {
            (void)snprintf(keys[i], sizeof(keys[i]), "many/%u", i);
            many[i] = ROW(keys[i], "1");
        }
        assert_int_equal(registry_commit(bench->registry, many, 200, &revision, &error), -E2BIG);
        free(many);
    }
    free(large);
    bench_expect(bench, 1, "a=2;b=1;c=1;");
}

static void test_etcd_restarted(void **state)
{
    struct fleet *fleet = *state;

    assert_int_equal(commit(fleet, 0, "a", "1"), 0);
    expect_batch(fleet, 1, 1, "a=1;");
    real_etcd_kill();
    while (registry_link(fleet->benches[1].registry).lost_since == 0)
        (void)poll(NULL, 0, 20);
    assert_true(*registry_link(fleet->benches[1].registry).text != '\0');
    assert_false(has_batch(fleet, 1, 0)); /* nothing is taken away */
    assert_true(real_etcd_launch());
    assert_int_equal(commit(fleet, 0, "b", "2"), 0);
    expect_batch(fleet, 1, 2, "b=2;");
    assert_int_equal(registry_link(fleet->benches[1].registry).lost_since, 0);
    assert_int_equal(registry_link(fleet->benches[1].registry).n_found, 1);
    assert_int_equal(registry_link(fleet->benches[1].registry).n_resyncs, 0);
}

static void test_a_commit_without_etcd_ends(void **state)
{
    struct fleet *fleet = *state;
    struct error error = {0};
    const struct registry_row row = ROW("a", "1");
    uint64_t revision;

    fleet->benches[0].etcd.patience_ms = 300;
    real_etcd_signal(SIGSTOP);
    assert_int_equal(registry_commit(fleet->benches[0].registry, &row, 1, &revision, &error), -ENOTCONN);
    assert_non_null(strstr(error.message, "127.0.0.1:2379"));
    real_etcd_signal(SIGCONT);
    /* If it was written after all it comes as if another had written it: nobody was told that it is. */
    fleet->benches[0].etcd.patience_ms = PATIENCE_MS;
    if (commit(fleet, 0, "b", "1") == -EAGAIN) {
        expect_batch(fleet, 0, 1, "a=1;");
        assert_int_equal(commit(fleet, 0, "b", "1"), 0);
    }
}

/* Nobody tells what was written meanwhile: all rows are compared. */
static void test_compacted_while_cut_off(void **state)
{
    struct fleet *fleet = *state;
    struct bench *far = &fleet->benches[1];
    cJSON *answer;
    char body[64];

    assert_int_equal(commit(fleet, 0, "kept", "1"), 0);
    expect_batch(fleet, 1, 1, "kept=1;");
    assert_int_equal(commit(fleet, 0, "gone", "1"), 0);
    expect_batch(fleet, 1, 2, "gone=1;");
    /* It knows what there is, and hears nothing. */
    assert_int_equal(registry_close(&far->registry), 0);
    etcd_open(far);
    assert_int_equal(commit(fleet, 0, "gone", NULL), 0);
    assert_int_equal(commit(fleet, 0, "new", "1"), 0);
    assert_int_equal(commit(fleet, 0, "new", "2"), 0);
    answer = real_etcd_ask("/v3/kv/range", "{\"key\":\"AA==\"}", PATIENCE_MS);
    (void)snprintf(body, sizeof(body), "{\"revision\":\"%llu\",\"physical\":true}",
                   (unsigned long long)etcd_read_revision(answer));
    cJSON_Delete(answer);
    cJSON_Delete(real_etcd_ask("/v3/kv/compaction", body, PATIENCE_MS));
    assert_int_equal(registry_follow(far->registry, NULL), 0);
    expect_batch(fleet, 1, 5, "new=2;gone=-;");
    assert_int_equal(registry_link(far->registry).n_resyncs, 1);
    assert_int_equal(commit(fleet, 1, "next", "1"), 0);
}

static void test_what_nobody_understands(void **state)
{
    struct fleet *fleet = *state;

    put_by_hand(fleet, "common/rows/binary", NULL, "AAEC");
    put_by_hand(fleet, "strange", "1", NULL);
    put_by_hand(fleet, "common/rows/by/hand", "1", NULL);
    expect_batch(fleet, 1, 0, "by/hand=1;");
    expect_batch(fleet, 0, 0, "by/hand=1;");
    assert_int_equal(registry_link(fleet->benches[1].registry).n_skipped, 1);
    put_by_hand(fleet, "common/head", "what", NULL);
    assert_int_equal(commit(fleet, 0, "a", "1"), -EPROTO);
}

/* A backup was restored, or somebody has taken the head away: nothing is taken for gone. */
static void test_etcd_knows_less_than_before(void **state)
{
    struct fleet *fleet = *state;
    _cleanup_free_ char *name = NULL, *key64 = NULL, *body = NULL;

    assert_int_equal(commit(fleet, 0, "a", "1"), 0);
    expect_batch(fleet, 1, 1, "a=1;");
    assert_true(asprintf(&name, "%s/fleet/head", fleet->prefix) > 0);
    key64 = etcd_encode(name);
    assert_true(asprintf(&body, "{\"key\":\"%s\"}", key64) > 0);
    cJSON_Delete(real_etcd_ask("/v3/kv/deleterange", body, PATIENCE_MS));
    while (registry_link(fleet->benches[1].registry).lost_since == 0)
        (void)poll(NULL, 0, 20);
    assert_non_null(strstr(registry_link(fleet->benches[1].registry).text, "restore"));
    assert_false(has_batch(fleet, 1, 0));
    assert_int_equal(commit(fleet, 1, "b", "1"), -EAGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_one_writes_the_other_hears, fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_told_takes_one_key, fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_a_conflict, fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_namespaces_do_not_wait_for_each_other, fleet_setup,
                                        fleet_teardown),
        cmocka_unit_test_setup_teardown(test_a_namespace_is_of_two_heads, fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_a_head_that_is_gone, fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_no_update_is_lost, fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_too_much_names_the_setting, fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_etcd_restarted, fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_a_commit_without_etcd_ends, fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_compacted_while_cut_off, fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_what_nobody_understands, fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_etcd_knows_less_than_before, fleet_setup, fleet_teardown),
    };
    int n;

    if (!real_etcd_start())
        return 0;
    n = cmocka_run_group_tests(tests, NULL, NULL);
    real_etcd_stop();
    return n;
}
