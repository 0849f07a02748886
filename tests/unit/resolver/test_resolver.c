/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What comes of a name, by what the name server says of its two families. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "unit/resolver/resolver_lab.h"

/* By the name's first label what a name server could say. */
static bool say(void *user, const struct fake_question *question, struct fake_answer *answer)
{
    bool is_v4 = question->type == TYPE_A;
    size_t length = strcspn(question->name, ".");
    char what[64];

    (void)user;
    assert_true(is_v4 || question->type == TYPE_AAAA);
    (void)snprintf(what, sizeof(what), "%.*s", (int)length, question->name);
    if (strcmp(what, "silent") == 0)
        return false;
    if (strcmp(what, "rubbish") == 0) {
        memset(answer->bytes, 0xff, 200);
        answer->size = 200;
        return true;
    }
    fake_answer_begin(answer, question,
                      strcmp(what, "nobody") == 0                                ? RCODE_NO_NAME
                      : strcmp(what, "failing") == 0                             ? RCODE_FAIL
                      : strcmp(what, "refused") == 0                             ? RCODE_REFUSED
                      : strcmp(what, "half") == 0 && question->type == TYPE_AAAA ? RCODE_FAIL
                                                                                 : 0);
    if (answer->bytes[3] & 15 || strcmp(what, "empty") == 0)
        return true;
    if (strcmp(what, "both") == 0 && !is_v4) {
        answer_v6(answer, NULL, 30, "2001:db8::2");
        answer_v6(answer, NULL, 30, "2001:db8::1");
    } else if (strcmp(what, "alias") == 0 && is_v4) {
        answer_canonical(answer, NULL, 20, "real.example");
        answer_v4(answer, "real.example", 300, "192.0.2.7");
    } else if (strcmp(what, "unusable") == 0 && is_v4) {
        answer_v4(answer, NULL, 60, "0.0.0.0");
        answer_v4(answer, NULL, 60, "255.255.255.255");
    } else if (strcmp(what, "mixed") == 0 && is_v4) {
        answer_v4(answer, NULL, 60, "10.1.2.3");
        answer_v4(answer, NULL, 60, "224.0.0.1");
        answer_v4(answer, NULL, 60, "192.0.2.1");
        answer_v4(answer, NULL, 60, "192.0.2.1");
    } else if (strcmp(what, "soon") == 0 && is_v4) {
        answer_v4(answer, NULL, 0, "192.0.2.1");
    } else if (strcmp(what, "never") == 0 && is_v4) {
        answer_v4(answer, NULL, INT32_MAX, "192.0.2.1");
    } else if (strcmp(what, "many") == 0 && is_v4) {
        for (unsigned i = 200; i-- > 0;) {
            char text[32];

            (void)snprintf(text, sizeof(text), "192.0.2.%u", i + 1);
            answer_v4(answer, NULL, 60, text);
        }
        /* By UDP only as much as fits. */
        if (!question->is_tcp) {
            fake_answer_begin(answer, question, 0);
            answer->bytes[2] |= 2;
        }
    } else if (is_v4) {
        answer_v4(answer, NULL, 60, "192.0.2.9");
        answer_v4(answer, NULL, 40, "192.0.2.1");
    }
    return true;
}

static struct resolver_lab *lab_of(void **state)
{
    struct resolver_lab *lab = *state;

    fake_name_server_script(lab->server, say, NULL);
    return lab;
}

static void test_both_families_are_asked_and_told_apart(void **state)
{
    struct resolver_lab *lab = lab_of(state);
    struct told told;

    lab_resolve(lab, "both.example", &told);
    expect_family(&told.resolved.v4, RESOLVED_ADDRESSES, "192.0.2.1 192.0.2.9");
    expect_family(&told.resolved.v6, RESOLVED_ADDRESSES, "2001:db8::1 2001:db8::2");
    assert_int_equal(told.resolved.ttl_s, 30); /* the lowest of all */
    assert_int_equal(fake_name_server_count(lab->server), 2);
    assert_int_equal(resolver_figures(lab->resolver).asked, 1);
    assert_int_equal(resolver_figures(lab->resolver).in_flight, 0);
}

static void test_a_name_may_have_one_family_only(void **state)
{
    struct resolver_lab *lab = lab_of(state);
    struct told told;

    lab_resolve(lab, "plain.example", &told);
    expect_family(&told.resolved.v4, RESOLVED_ADDRESSES, "192.0.2.1 192.0.2.9");
    expect_family(&told.resolved.v6, RESOLVED_NONE, "");
    assert_int_equal(told.resolved.ttl_s, 40);
}

static void test_a_name_may_have_no_address(void **state)
{
    struct resolver_lab *lab = lab_of(state);
    struct told told;

    lab_resolve(lab, "empty.example", &told);
    expect_family(&told.resolved.v4, RESOLVED_NONE, "");
    expect_family(&told.resolved.v6, RESOLVED_NONE, "");
    assert_int_equal(told.resolved.ttl_s, 0);
}

static void test_there_may_be_no_such_name(void **state)
{
    struct resolver_lab *lab = lab_of(state);
    struct told told;

    lab_resolve(lab, "nobody.example", &told);
    expect_family(&told.resolved.v4, RESOLVED_NO_NAME, "");
    expect_family(&told.resolved.v6, RESOLVED_NO_NAME, "");
    assert_non_null(strstr(told.resolved.v4.reason, "NXDOMAIN"));
}

static void test_a_server_that_fails_or_refuses_says_nothing(void **state)
{
    static const char *const hosts[] = {"failing.example", "refused.example"};
    struct resolver_lab *lab = lab_of(state);

    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        struct told told;

        lab_resolve(lab, hosts[i], &told);
        expect_family(&told.resolved.v4, RESOLVED_FAILED, "");
        expect_family(&told.resolved.v6, RESOLVED_FAILED, "");
        assert_non_null(strstr(told.resolved.v4.reason, "SERVFAIL"));
    }
}

static void test_a_family_that_fails_leaves_the_other(void **state)
{
    struct resolver_lab *lab = lab_of(state);
    struct told told;

    lab_resolve(lab, "half.example", &told);
    expect_family(&told.resolved.v4, RESOLVED_ADDRESSES, "192.0.2.1 192.0.2.9");
    expect_family(&told.resolved.v6, RESOLVED_FAILED, "");
    assert_int_equal(told.resolved.ttl_s, 40);
}

static void test_an_alias_counts_with_its_time_to_live(void **state)
{
    struct resolver_lab *lab = lab_of(state);
    struct told told;

    lab_resolve(lab, "alias.example", &told);
    expect_family(&told.resolved.v4, RESOLVED_ADDRESSES, "192.0.2.7");
    assert_int_equal(told.resolved.ttl_s, 20);
}

static void test_times_to_live_are_told_as_they_are(void **state)
{
    struct resolver_lab *lab = lab_of(state);
    struct told told;

    lab_resolve(lab, "soon.example", &told);
    assert_int_equal(told.resolved.v4.how, RESOLVED_ADDRESSES);
    assert_int_equal(told.resolved.ttl_s, 0);
    lab_resolve(lab, "never.example", &told);
    assert_int_equal(told.resolved.v4.how, RESOLVED_ADDRESSES);
    assert_int_equal(told.resolved.ttl_s, INT32_MAX);
}

static void test_addresses_that_cannot_be_endpoints_are_counted(void **state)
{
    struct resolver_lab *lab = lab_of(state);
    struct told told;

    lab_resolve(lab, "unusable.example", &told);
    expect_family(&told.resolved.v4, RESOLVED_ADDRESSES, "");
    assert_int_equal(told.resolved.v4.list.refused, 2);
    assert_int_equal(told.resolved.ttl_s, 60);
}

static bool refuses_ten(const struct ip_address *address, void *user)
{
    ++*(unsigned *)user;
    return ip_address_is_v4(address) && ip_address_to_v4(address) >> 24 == 10;
}

static void test_addresses_of_ours_are_refused(void **state)
{
    struct resolver_lab *lab = lab_of(state);
    unsigned n_asked = 0;
    struct told told;
    char servers[64];

    (void)snprintf(servers, sizeof(servers), "127.0.0.1:%u", fake_name_server_port(lab->server));
    lab_resolve_with(lab, servers, refuses_ten, &n_asked);
    lab_resolve(lab, "mixed.example", &told);
    expect_family(&told.resolved.v4, RESOLVED_ADDRESSES, "192.0.2.1"); /* once, though it came twice */
    assert_int_equal(told.resolved.v4.list.refused, 2);
    assert_int_equal(n_asked, 3); /* of the one that is unusable anyway nobody is asked */
}

static void test_a_cut_answer_is_asked_for_by_tcp_and_the_lowest_are_kept(void **state)
{
    struct resolver_lab *lab = lab_of(state);
    const struct resolved_list *list;
    struct told told;

    lab_resolve(lab, "many.example", &told);
    list = &told.resolved.v4.list;
    assert_int_equal(told.resolved.v4.how, RESOLVED_ADDRESSES);
    assert_true(fake_name_server_connections(lab->server) > 0);
    assert_int_equal(list->n, RESOLVED_MAX);
    for (uint32_t i = 0; i < list->n; i++)
        assert_int_equal(ip_address_to_v4(&list->addresses[i]), 0xc0000201u + i);
}

static void test_names_are_taken_as_they_are(void **state)
{
    struct resolver_lab *lab = lab_of(state);
    struct told told;

    lab_resolve(lab, "nobody", &told); /* no search domain is appended */
    assert_int_equal(fake_name_server_count(lab->server), 2);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(fake_name_server_question(lab->server, i)->name, "nobody");
}

static void test_what_is_no_name_has_no_address(void **state)
{
    static const char *const hosts[] = {"", ".", "a..example", "-", "\377\376"};
    struct resolver_lab *lab = lab_of(state);

    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        struct told told;

        lab_resolve(lab, hosts[i], &told);
        assert_int_equal(told.n, 1);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_both_families_are_asked_and_told_apart),
        TEST(test_a_name_may_have_one_family_only),
        TEST(test_a_name_may_have_no_address),
        TEST(test_there_may_be_no_such_name),
        TEST(test_a_server_that_fails_or_refuses_says_nothing),
        TEST(test_a_family_that_fails_leaves_the_other),
        TEST(test_an_alias_counts_with_its_time_to_live),
        TEST(test_times_to_live_are_told_as_they_are),
        TEST(test_addresses_that_cannot_be_endpoints_are_counted),
        TEST(test_addresses_of_ours_are_refused),
        TEST(test_a_cut_answer_is_asked_for_by_tcp_and_the_lowest_are_kept),
        TEST(test_names_are_taken_as_they_are),
        TEST(test_what_is_no_name_has_no_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
