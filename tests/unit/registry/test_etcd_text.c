/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is said to etcd, and what it answers. The answers are as etcd's gateway writes them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "registry/etcd/etcd_heads.h"
#include "registry/etcd/etcd_text.h"

static cJSON *parse(const char *text)
{
    cJSON *json = cJSON_Parse(text);

    assert_non_null(json);
    return json;
}

static void expect_text(char *text, const char *wanted)
{
    assert_non_null(text);
    assert_string_equal(text, wanted);
    free(text);
}

static void test_keys(void **state)
{
    (void)state;
    expect_text(etcd_key_of_row("p", "h1", "services/default/web"), "p/fleet/in/default/rows/services/web");
    expect_text(etcd_key_of_row("p", "h1", "host/address/web"), "p/hosts/h1/host/address/web");
    expect_text(etcd_key_of_row("p", "h1", "history/3"), "p/hosts/h1/history/3");
    expect_text(etcd_key_of_head("p"), "p/fleet/head");
    expect_text(etcd_key_of_host("p", "h1"), "p/hosts/h1/");
}

/* There and back, with the head that its commit compares. */
static void test_each_row_has_one_place(void **state)
{
    static const char *const places[][3] = {
        {"services/default/web", "p/in/default/rows/services/web", "p/in/default/head"},
        {"instances/a b/web/i/1", "p/in/a b/rows/instances/web/i/1", "p/in/a b/head"},
        {"routes/x//web:80:tcp", "p/in/x/rows/routes//web:80:tcp", "p/in/x/head"},
        {"canaries/x/c/web:80:tcp", "p/in/x/rows/canaries/c/web:80:tcp", "p/in/x/head"},
        {"documents/x/d", "p/in/x/rows/documents/d", "p/in/x/head"},
        {"aws/left-out/x/s/i", "p/in/x/rows/aws/left-out/s/i", "p/in/x/head"},
        {"aws/clusters/x", "p/common/rows/aws/clusters/x", "p/common/head"},
        {"namespaces/x", "p/common/rows/namespaces/x", "p/in/x/head"},
        {"namespaces/", "p/common/rows/namespaces/", "p/common/head"},
        {"settings/global", "p/common/rows/settings/global", "p/common/head"},
        {"services/x", "p/common/rows/services/x", "p/common/head"}, /* nothing of ours, and all the same */
        {"services//x", "p/common/rows/services//x", "p/common/head"},
        {"head", "p/common/rows/head", "p/common/head"},
    };
    char row[ETCD_ROW_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        expect_text(etcd_key_in_fleet("p/", places[i][0]), places[i][1]);
        expect_text(etcd_head_of_row("p/", places[i][0]), places[i][2]);
        assert_true(etcd_is_head("p/", places[i][2]));
        assert_false(etcd_is_head("p/", places[i][1]));
        assert_true(etcd_row_in_fleet("p/", places[i][1], row));
        assert_string_equal(row, places[i][0]);
    }
}

static void test_what_is_no_row(void **state)
{
    static const char *const keys[] = {"p/head",
                                       "p/common/head",
                                       "p/common/rows/",
                                       "p/in/x/head",
                                       "p/in/x/rows/",
                                       "p/in//rows/a/b",
                                       "p/in/x/rows/a",
                                       "p/in/x",
                                       "q/common/rows/a/b",
                                       "p/common/rows/services/x/y",
                                       "p/hosts/h",
                                       "p/rows/a/b",
                                       ""};
    _cleanup_free_ char *long_key = NULL;
    char row[ETCD_ROW_SIZE] = "as it was";

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        assert_false(etcd_row_in_fleet("p/", keys[i], row));
    assert_string_equal(row, "as it was");
    assert_true(asprintf(&long_key, "p/common/rows/%0*d", ETCD_ROW_SIZE, 0) > 0);
    assert_false(etcd_row_in_fleet("p/", long_key, row));
    /* Of a newer version. */
    assert_true(etcd_row_in_fleet("p/", "p/in/x/rows/quotas/a/b", row));
    assert_string_equal(row, "quotas/x/a/b");
    assert_false(etcd_is_head("p/", "p/in/x/y/head"));
    assert_false(etcd_is_head("p/", "p/head"));
}

static void test_base64(void **state)
{
    static const char *const texts[] = {"", "a", "ab", "abc", "abcd", "it's \"\xc3\xa9\""};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_free_ char *there = etcd_encode(texts[i]);

        assert_non_null(there);
        expect_text(etcd_decode(there), texts[i]);
    }
    expect_text(etcd_encode("ab"), "YWI=");
    assert_null(etcd_decode("YWI"));
    assert_null(etcd_decode("Y*I="));
    assert_null(etcd_decode("AAAA")); /* three NULs are no text of ours */
}

static void test_ranges(void **state)
{
    const struct etcd_range page = {.base = "p/", .from = "p/b", .revision = 7, .limit = 2};
    const struct etcd_range count = {.base = "p/", .is_count_only = true, .is_keys_only = true};

    (void)state;
    expect_text(etcd_write_range(&page),
                "{\"key\":\"cC9i\",\"range_end\":\"cDA=\",\"revision\":\"7\",\"limit\":\"2\"}");
    expect_text(etcd_write_range(&count),
                "{\"key\":\"cC8=\",\"range_end\":\"cDA=\",\"count_only\":true,\"keys_only\":true}");
    expect_text(etcd_write_watch("p/", 12), "{\"create_request\":{\"key\":\"cC8=\",\"range_end\":\"cDA=\","
                                            "\"start_revision\":\"12\",\"progress_notify\":true}}");
}

static void test_a_commit_has_each_key_once(void **state)
{
    const struct etcd_pair pairs[] = {
        {(char *)"a", (char *)"1", 0}, {(char *)"b", (char *)"2", 0}, {(char *)"a", NULL, 0}};
    struct etcd_pair compared[] = {{(char *)"n", NULL, 5}, {(char *)"m", NULL, 0}};
    const struct etcd_pair head = {(char *)"h", NULL, 4};
    const struct etcd_pairs none = {0}, heads = {compared, ARRAY_SIZE(compared), 0};
    const struct etcd_head next = {.revision = 9, .writer = "me", .commit = 3};
    size_t n = 0;

    (void)state;
    expect_text(etcd_write_commit(pairs, ARRAY_SIZE(pairs), NULL, &none, NULL, &n),
                "{\"success\":[{\"request_delete_range\":{\"key\":\"YQ==\"}},"
                "{\"request_put\":{\"key\":\"Yg==\",\"value\":\"Mg==\"}}]}");
    assert_int_equal(n, 2);
    expect_text(
        etcd_write_commit(pairs, 1, &head, &heads, &next, &n),
        "{\"success\":[{\"request_put\":{\"key\":\"YQ==\",\"value\":\"MQ==\"}},"
        "{\"request_put\":{\"key\":\"aA==\",\"value\":"
        "\"eyJyZXZpc2lvbiI6OSwid3JpdGVyIjoibWUiLCJjb21taXQiOjN9\"}},"
        "{\"request_put\":{\"key\":\"bg==\",\"value\":"
        "\"eyJyZXZpc2lvbiI6OSwid3JpdGVyIjoibWUiLCJjb21taXQiOjN9\"}},"
        "{\"request_put\":{\"key\":\"bQ==\",\"value\":"
        "\"eyJyZXZpc2lvbiI6OSwid3JpdGVyIjoibWUiLCJjb21taXQiOjN9\"}}],"
        "\"compare\":[{\"key\":\"aA==\",\"target\":\"MOD\",\"result\":\"GREATER\",\"mod_revision\":\"3\"},{"
        "\"key\":\"bg==\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"5\"},"
        "{\"key\":\"bQ==\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"0\"}],"
        "\"failure\":[{\"request_range\":{\"key\":\"bg==\"}},{\"request_range\":{\"key\":\"bQ==\"}}]}");
    assert_int_equal(n, 4);
}

static void test_ends_of_commits(void **state)
{
    _cleanup_json_ cJSON *written =
        parse("{\"header\":{\"revision\":\"12\"},\"succeeded\":true,\"responses\":[{\"response_put\":{}}]}");
    _cleanup_json_ cJSON *conflict = parse(
        "{\"header\":{\"revision\":\"12\"},\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"aA==\","
        "\"mod_revision\":\"11\",\"value\":\"eyJyZXZpc2lvbiI6OSwid3JpdGVyIjoibWUiLCJjb21taXQiOjN9\"}]}}]}");
    _cleanup_json_ cJSON *gone =
        parse("{\"header\":{\"revision\":\"12\"},\"responses\":[{\"response_range\":{}}]}");
    _cleanup_json_ cJSON *strange = parse("{\"succeeded\":true}");
    /* Of two heads one is ours, and the other was written after it. */
    _cleanup_json_ cJSON *overwritten = parse(
        "{\"header\":{\"revision\":\"12\"},\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"aA==\","
        "\"mod_revision\":\"10\",\"value\":\"eyJyZXZpc2lvbiI6OSwid3JpdGVyIjoibWUiLCJjb21taXQiOjN9\"}]}},"
        "{\"response_range\":{\"kvs\":[{\"key\":\"aQ==\",\"mod_revision\":\"12\",\"value\":"
        "\"eyJyZXZpc2lvbiI6OSwid3JpdGVyIjoieW91IiwiY29tbWl0IjozfQ==\"}]}}]}");
    const struct etcd_head mine = {.writer = "me", .commit = 3}, later = {.writer = "me", .commit = 4};
    uint64_t revision = 0, found = 0;

    (void)state;
    assert_int_equal(etcd_read_commit(written, &later, &revision, &found), 0);
    assert_int_equal(revision, 12);
    assert_int_equal(etcd_read_commit(conflict, &later, &revision, &found), -EAGAIN);
    assert_int_equal(found, 11);
    assert_int_equal(etcd_read_commit(conflict, &mine, &revision, &found), 0);
    assert_int_equal(revision, 11);
    assert_int_equal(etcd_read_commit(overwritten, &mine, &revision, &found), 0);
    assert_int_equal(revision, 10);
    assert_int_equal(etcd_read_commit(overwritten, &later, &revision, &found), -EAGAIN);
    assert_int_equal(found, 12);
    assert_int_equal(etcd_read_commit(gone, &later, &revision, &found), -EAGAIN);
    assert_int_equal(found, 0);
    assert_int_equal(etcd_read_commit(strange, &later, &revision, &found), -EINVAL);
}

static void test_watched_events(void **state)
{
    static const struct {
        const char *text;
        int result;
    } others[] = {
        {"{\"result\":{\"header\":{},\"created\":true}}", 0},
        {"{\"result\":{\"compact_revision\":\"9\",\"canceled\":true}}", -ESTALE},
        {"{\"result\":{\"canceled\":true,\"cancel_reason\":\"etcdserver: permission denied\"}}", -EACCES},
        {"{\"result\":{\"canceled\":true}}", -ECANCELED},
        {"{\"error\":{\"message\":\"etcdserver: no leader\"}}", -ECANCELED},
        {"{\"result\":{\"events\":[{\"kv\":{\"key\":\"Y*==\"}}]}}", 0},
        {"{\"result\":{\"events\":[{}]}}", -EINVAL},
        {"{\"result\":{\"events\":{}}}", -EINVAL},
        {"[]", -EINVAL},
    };
    _cleanup_json_ cJSON *message =
        parse("{\"result\":{\"header\":{},\"events\":[{\"kv\":{\"key\":\"YQ==\",\"value\":\"MQ==\","
              "\"mod_revision\":\"4\"}},{\"kv\":{\"key\":\"Yg==\",\"mod_revision\":\"4\"}},"
              "{\"type\":\"DELETE\",\"kv\":{\"key\":\"YQ==\",\"mod_revision\":\"5\"}}]}}");
    struct etcd_pairs events = {0};

    (void)state;
    assert_int_equal(etcd_read_watch(message, &events, NULL), 0);
    assert_int_equal(events.n, 3);
    assert_string_equal(events.items[0].value, "1");
    assert_string_equal(events.items[1].value, "");
    assert_string_equal(events.items[2].key, "a");
    assert_null(events.items[2].value);
    assert_int_equal(events.items[2].mod_revision, 5);
    assert_int_equal(events.n_strange, 0);
    etcd_pairs_done(&events);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        _cleanup_json_ cJSON *other = parse(others[i].text);

        assert_int_equal(etcd_read_watch(other, &events, NULL), others[i].result);
        assert_int_equal(events.n, 0);
        assert_int_equal(events.n_strange, strstr(others[i].text, "Y*") ? 1 : 0);
        etcd_pairs_done(&events);
    }
}

static void test_heads_nobody_understands(void **state)
{
    static const char *const values[] = {"", "[]", "{}", "{\"writer\":\"w\",\"revision\":-1}",
                                         "{\"writer\":\"0123456789012345678901234567890123456789\"}"};
    struct etcd_head head = {.revision = 99};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        const struct etcd_pair pair = {(char *)"h", (char *)values[i], 1};

        assert_int_equal(etcd_read_head(&pair, &head), -EINVAL);
    }
    assert_int_equal(head.revision, 99);
}

static void test_refusals(void **state)
{
    static const struct {
        long status;
        const char *text;
        int result;
    } answers[] = {
        {401, "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}", -EKEYREJECTED},
        {401, "{\"code\":16}", -EKEYREJECTED},
        {403, "{\"error\":\"etcdserver: permission denied\",\"code\":7}", -EACCES},
        {403, "{\"code\":7}", -EACCES},
        {400, "{\"error\":\"etcdserver: user name is empty\",\"code\":3}", -EACCES},
        {400, "{\"error\":\"etcdserver: too many operations in txn request\",\"code\":3}", -E2BIG},
        {400, "{\"error\":\"etcdserver: request is too large\",\"code\":3}", -E2BIG},
        {400, "{\"message\":\"etcdserver: mvcc: required revision has been compacted\",\"code\":11}",
         -ESTALE},
        {429, "{\"error\":\"etcdserver: mvcc: database space exceeded\",\"code\":8}", -ENOSPC},
        {500, "{\"error\":\"etcdserver: corrupt cluster\",\"code\":15}", -EIO},
        {503, "{\"error\":\"etcdserver: leader changed\",\"code\":14}", -ENOTCONN},
        {502, "{}", -ENOTCONN},
        {404, "{}", -EPROTO},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        _cleanup_json_ cJSON *answer = parse(answers[i].text);
        const char *text = NULL;

        assert_int_equal(etcd_read_refusal(answers[i].status, answer, &text), answers[i].result);
        assert_non_null(text);
    }
}

static void test_versions_that_lose_deletions(void **state)
{
    static const char *const lossy[] = {"3.3.27", "3.4.23", "3.4.35", "3.5.0", "3.5.17", "2.3.8"};
    static const char *const good[] = {"3.4.36", "3.5.18", "3.6.0", "4.0.0", "", "none"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lossy); i++)
        assert_true(etcd_may_lose_deletions(lossy[i]));
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_false(etcd_may_lose_deletions(good[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_each_row_has_one_place),
        cmocka_unit_test(test_what_is_no_row),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_a_commit_has_each_key_once),
        cmocka_unit_test(test_ends_of_commits),
        cmocka_unit_test(test_watched_events),
        cmocka_unit_test(test_heads_nobody_understands),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_versions_that_lose_deletions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
