/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The host's own settings: /etc/hosts, and /etc/resolv.conf, which may become another at any time. In a mount
 * and a network namespace of the test's own, where it may write both and be at port 53.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mount.h>
#include <sys/stat.h>

#include "base/log.h"
#include "unit/own_network.h"
#include "unit/resolver/resolver_lab.h"

static bool has_own_host;

static void write_file(const char *path, const char *text)
{
    _cleanup_fclose_ FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
}

/* Another file in its place, as every program does that writes one; never of the same size and time. */
static void write_resolv_conf(const char *text)
{
    write_file("/etc/resolv.conf.new", text);
    assert_int_equal(rename("/etc/resolv.conf.new", "/etc/resolv.conf"), 0);
}

static int take_own_host(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    has_own_host = own_network_enter(CLONE_NEWNS) &&
                   mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                   mount("none", "/etc", "tmpfs", 0, NULL) == 0;
    return 0;
}

/* Answers with an address that tells which of the servers this is. */
static bool say_where(void *user, const struct fake_question *question, struct fake_answer *answer)
{
    fake_answer_begin(answer, question, 0);
    if (question->type == TYPE_A)
        answer_v4(answer, NULL, 60, user);
    return true;
}

static bool fail_always(void *user, const struct fake_question *question, struct fake_answer *answer)
{
    (void)user;
    fake_answer_begin(answer, question, RCODE_FAIL);
    return true;
}

struct servers {
    struct resolver_lab lab;
    struct fake_name_server *first;
    struct fake_name_server *second;
};

static struct servers *begin(const char *hosts, const char *resolv_conf)
{
    struct servers *servers;

    if (!has_own_host)
        skip();
    servers = calloc(1, sizeof(*servers));
    servers->lab.base = event_base_new();
    servers->first = fake_name_server_new(servers->lab.base, "127.0.1.1", 53);
    servers->second = fake_name_server_new(servers->lab.base, "127.0.1.2", 53);
    assert_true(servers->first && servers->second);
    fake_name_server_script(servers->first, say_where, (void *)"192.0.2.1");
    fake_name_server_script(servers->second, say_where, (void *)"192.0.2.2");
    write_file("/etc/hosts", hosts);
    write_resolv_conf(resolv_conf);
    lab_resolve_with(&servers->lab, NULL, NULL, NULL);
    return servers;
}

static void end(struct servers *servers)
{
    resolver_free(&servers->lab.resolver);
    fake_name_server_free(&servers->first);
    fake_name_server_free(&servers->second);
    event_base_free(servers->lab.base);
    free(servers);
}

static void expect(struct servers *servers, const char *host, const char *addresses)
{
    struct told told;

    lab_resolve(&servers->lab, host, &told);
    expect_family(&told.resolved.v4, *addresses ? RESOLVED_ADDRESSES : RESOLVED_FAILED, addresses);
}

static void test_the_hosts_name_server_is_asked(void **state)
{
    struct servers *servers = begin("", "nameserver 127.0.1.1\n");

    (void)state;
    expect(servers, "web.example", "192.0.2.1");
    assert_int_equal(fake_name_server_count(servers->first), 2);
    end(servers);
}

static void test_the_next_one_is_asked_where_the_first_fails(void **state)
{
    struct servers *servers = begin("", "nameserver 127.0.1.1\nnameserver 127.0.1.2\n");

    (void)state;
    fake_name_server_script(servers->first, fail_always, NULL);
    expect(servers, "web.example", "192.0.2.2");
    assert_true(fake_name_server_count(servers->first) > 0);
    end(servers);
}

static void test_the_next_one_is_asked_where_nobody_listens(void **state)
{
    struct servers *servers = begin("", "nameserver 127.0.1.9\nnameserver 127.0.1.2\n");

    (void)state;
    expect(servers, "web.example", "192.0.2.2");
    end(servers);
}

static void test_no_search_domain_is_appended(void **state)
{
    struct servers *servers = begin("", "search corp.example\noptions ndots:5\nnameserver 127.0.1.1\n");

    (void)state;
    expect(servers, "web", "192.0.2.1");
    expect(servers, "web.example", "192.0.2.1");
    assert_int_equal(fake_name_server_count(servers->first), 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(fake_name_server_question(servers->first, i)->name,
                            i < 2 ? "web" : "web.example");
    end(servers);
}

static void test_nobody_listens_anywhere(void **state)
{
    struct servers *servers = begin("", "nameserver 127.0.1.9\n");

    (void)state;
    expect(servers, "web.example", "");
    end(servers);
}

/* The longest test here: a name server that is silent is waited for, and then the next is asked. */
static void test_a_silent_one_is_waited_for(void **state)
{
    struct servers *servers = begin("", "nameserver 127.0.1.1\nnameserver 127.0.1.2\n");
    struct resolver_lab alone = {.base = servers->lab.base};
    struct told told = {0}, nobody = {0};

    (void)state;
    fake_name_server_script(servers->first, NULL, NULL);
    lab_resolve_with(&alone, "127.0.1.1", NULL, NULL);
    lab_ask(&servers->lab, "web.example", &told);
    lab_ask(&alone, "web.example", &nobody);
    lab_hear(&servers->lab, &told, 1);
    expect_family(&told.resolved.v4, RESOLVED_ADDRESSES, "192.0.2.2");
    lab_hear(&alone, &nobody, 1);
    expect_family(&nobody.resolved.v4, RESOLVED_FAILED, "");
    expect_family(&nobody.resolved.v6, RESOLVED_FAILED, "");
    assert_string_equal(nobody.resolved.v4.reason, "no name server answered in time");
    resolver_free(&alone.resolver);
    end(servers);
}

static void test_names_in_the_hosts_file_need_no_server(void **state)
{
    struct servers *servers = begin(
        "192.0.2.7 db.example db\n2001:db8::7 db.example\n192.0.2.8 four.example\n2001:db8::9 six.example\n",
        "nameserver 127.0.1.1\n");
    struct told told;

    (void)state;
    lab_resolve(&servers->lab, "db.example", &told);
    expect_family(&told.resolved.v4, RESOLVED_ADDRESSES, "192.0.2.7");
    expect_family(&told.resolved.v6, RESOLVED_ADDRESSES, "2001:db8::7");
    assert_int_equal(told.resolved.ttl_s, 0);
    assert_int_equal(fake_name_server_count(servers->first), 0);
    lab_resolve(&servers->lab, "four.example", &told);
    expect_family(&told.resolved.v4, RESOLVED_ADDRESSES, "192.0.2.8");
    assert_int_equal(told.resolved.v6.list.n, 0);
    lab_resolve(&servers->lab, "six.example", &told);
    expect_family(&told.resolved.v6, RESOLVED_ADDRESSES, "2001:db8::9");
    end(servers);
}

/* They are over as soon as they are asked: all are told nonetheless, in turns. */
static void test_more_names_of_the_hosts_file_than_at_once(void **state)
{
    struct servers *servers =
        begin("192.0.2.7 db.example\n2001:db8::7 db.example\n", "nameserver 127.0.1.1\n");
    struct told told = {0};

    (void)state;
    for (unsigned i = 0; i < 3 * RESOLVER_MAX_IN_FLIGHT; i++)
        lab_ask(&servers->lab, "db.example", &told);
    lab_hear(&servers->lab, &told, 3 * RESOLVER_MAX_IN_FLIGHT);
    assert_int_equal(resolver_figures(servers->lab.resolver).waiting, 0);
    assert_int_equal(resolver_figures(servers->lab.resolver).in_flight, 0);
    end(servers);
}

/* It is looked at once a second at most. */
static void expect_soon(struct servers *servers, const char *host, const char *address)
{
    uint64_t late = clock_monotonic_ms() + PATIENCE_MS;
    char text[IP_ADDRESS_TEXT_SIZE] = "";

    while (strcmp(text, address) != 0) {
        const struct timeval pause = {.tv_usec = 50000};
        struct told told;

        if (clock_monotonic_ms() >= late)
            fail_msg("%s stays at %s", host, text);
        (void)event_base_loopexit(servers->lab.base, &pause);
        (void)event_base_dispatch(servers->lab.base);
        lab_resolve(&servers->lab, host, &told);
        assert_int_equal(told.resolved.v4.list.n, 1);
        (void)ip_address_format(&told.resolved.v4.list.addresses[0], text);
    }
}

static void test_other_settings_are_used(void **state)
{
    struct servers *servers = begin("", "nameserver 127.0.1.1\n");

    (void)state;
    expect(servers, "web.example", "192.0.2.1");
    write_resolv_conf("# another\nnameserver 127.0.1.2\n");
    expect_soon(servers, "web.example", "192.0.2.2");
    /* Also if there were none for a time. */
    assert_int_equal(unlink("/etc/resolv.conf"), 0);
    write_resolv_conf("# again\nnameserver 127.0.1.1\n");
    expect_soon(servers, "web.example", "192.0.2.1");
    end(servers);
}

/* What is on its way ends as it began; what waits for other settings is asked by these. */
static void test_questions_on_their_way_keep_the_old_settings(void **state)
{
    struct servers *servers = begin("", "nameserver 127.0.1.1\n");
    uint64_t late = clock_monotonic_ms() + PATIENCE_MS;
    struct told old = {0}, others[64] = {0};
    struct fake_answer *answer = calloc(1, sizeof(*answer));
    size_t n = 0;

    (void)state;
    fake_name_server_script(servers->first, NULL, NULL);
    lab_ask(&servers->lab, "old.example", &old);
    write_resolv_conf("# another\nnameserver 127.0.1.2\n");
    /* From the time that it is seen on questions wait. */
    while (resolver_figures(servers->lab.resolver).waiting == 0) {
        const struct timeval pause = {.tv_usec = 50000};

        assert_true(clock_monotonic_ms() < late && n < ARRAY_SIZE(others));
        lab_ask(&servers->lab, "new.example", &others[n++]);
        (void)event_base_loopexit(servers->lab.base, &pause);
        (void)event_base_dispatch(servers->lab.base);
    }
    assert_int_equal(others[n - 1].n, 0);
    for (size_t i = 0; i < fake_name_server_count(servers->first); i++) {
        assert_true(say_where((void *)"192.0.2.1", fake_name_server_question(servers->first, i), answer));
        fake_name_server_send(servers->first, i, answer->bytes, answer->size);
    }
    lab_hear(&servers->lab, &old, 1);
    lab_hear(&servers->lab, &others[n - 1], 1);
    expect_family(&old.resolved.v4, RESOLVED_ADDRESSES, "192.0.2.1");
    expect_family(&others[n - 1].resolved.v4, RESOLVED_ADDRESSES, "192.0.2.2");
    free(answer);
    end(servers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_hosts_name_server_is_asked),
        cmocka_unit_test(test_the_next_one_is_asked_where_the_first_fails),
        cmocka_unit_test(test_the_next_one_is_asked_where_nobody_listens),
        cmocka_unit_test(test_no_search_domain_is_appended),
        cmocka_unit_test(test_nobody_listens_anywhere),
        cmocka_unit_test(test_a_silent_one_is_waited_for),
        cmocka_unit_test(test_names_in_the_hosts_file_need_no_server),
        cmocka_unit_test(test_more_names_of_the_hosts_file_than_at_once),
        cmocka_unit_test(test_other_settings_are_used),
        cmocka_unit_test(test_questions_on_their_way_keep_the_old_settings),
    };

    return cmocka_run_group_tests(tests, take_own_host, NULL);
}
