/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Many questions, and some that nobody wants to know any more. The name server answers when the test says so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "unit/resolver/resolver_lab.h"

#define MOST RESOLVER_MAX_IN_FLIGHT

static bool say_one(void *user, const struct fake_question *question, struct fake_answer *answer)
{
    (void)user;
    fake_answer_begin(answer, question, 0);
    if (question->type == TYPE_A)
        answer_v4(answer, NULL, 60, "192.0.2.1");
    return true;
}

static void answer_at(struct resolver_lab *lab, size_t at)
{
    struct fake_answer *answer = calloc(1, sizeof(*answer));

    assert_true(say_one(NULL, fake_name_server_question(lab->server, at), answer));
    fake_name_server_send(lab->server, at, answer->bytes, answer->size);
    free(answer);
}

static void ask_numbered(struct resolver_lab *lab, unsigned number, struct told *told)
{
    char host[32];

    (void)snprintf(host, sizeof(host), "n%u.example", number);
    lab_ask(lab, host, told);
}

static void expect_figures(const struct resolver_lab *lab, unsigned waiting, unsigned in_flight,
                           uint64_t asked)
{
    struct resolver_figures figures = resolver_figures(lab->resolver);

    assert_int_equal(figures.waiting, waiting);
    assert_int_equal(figures.in_flight, in_flight);
    assert_int_equal(figures.asked, asked);
}

static void test_more_than_can_be_on_their_way_wait_in_order(void **state)
{
    struct resolver_lab *lab = *state;
    struct told *told = calloc(MOST + 3, sizeof(*told));

    for (unsigned i = 0; i < MOST + 3; i++)
        ask_numbered(lab, i, &told[i]);
    lab_until_asked(lab, 2 * MOST);
    expect_figures(lab, 3, MOST, MOST);
    for (size_t i = 0; i < 2 * MOST; i++)
        assert_string_not_equal(fake_name_server_question(lab->server, i)->name, "n64.example");
    /* One ends, and the first that waits is asked. */
    answer_at(lab, 0);
    answer_at(lab, 1);
    lab_hear(lab, &told[0], 1);
    lab_until_asked(lab, 2 * MOST + 2);
    expect_figures(lab, 2, MOST, MOST + 1);
    for (size_t i = 2 * MOST; i < 2 * MOST + 2; i++)
        assert_string_equal(fake_name_server_question(lab->server, i)->name, "n64.example");
    fake_name_server_script(lab->server, say_one, NULL);
    for (size_t i = 2; i < 2 * MOST + 2; i++)
        answer_at(lab, i);
    for (unsigned i = 0; i < MOST + 3; i++)
        lab_hear(lab, &told[i], 1);
    expect_figures(lab, 0, 0, MOST + 3);
    free(told);
}

static void test_one_family_alone_is_not_the_end(void **state)
{
    struct resolver_lab *lab = *state;
    struct told told = {0};

    ask_numbered(lab, 0, &told);
    lab_until_asked(lab, 2);
    answer_at(lab, 0);
    for (int i = 0; i < 20; i++)
        (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
    assert_int_equal(told.n, 0);
    expect_figures(lab, 0, 1, 1);
    answer_at(lab, 1);
    lab_hear(lab, &told, 1);
}

/* Another id, another question, a question for an answer: none of these is taken for the answer. */
static void test_a_forged_answer_is_none(void **state)
{
    struct resolver_lab *lab = *state;
    struct fake_answer *answer = calloc(1, sizeof(*answer));
    struct told told = {0};

    ask_numbered(lab, 0, &told);
    lab_until_asked(lab, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct fake_question *question = fake_name_server_question(lab->server, i);
        struct fake_question other = *question;

        fake_answer_begin(answer, question, RCODE_NO_NAME);
        answer->bytes[1] ^= 1;
        fake_name_server_send(lab->server, i, answer->bytes, answer->size);
        memcpy(other.name, "m0.example", sizeof("m0.example"));
        fake_answer_begin(answer, &other, RCODE_NO_NAME);
        answer->bytes[13] = 'm';
        fake_name_server_send(lab->server, i, answer->bytes, answer->size);
    }
    for (int i = 0; i < 20; i++)
        (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
    assert_int_equal(told.n, 0);
    answer_at(lab, 0);
    answer_at(lab, 1);
    lab_hear(lab, &told, 1);
    expect_family(&told.resolved.v4, RESOLVED_ADDRESSES, "192.0.2.1");
    free(answer);
}

static void test_who_cancels_is_not_told(void **state)
{
    struct resolver_lab *lab = *state;
    struct told *told = calloc(MOST + 2, sizeof(*told));

    for (unsigned i = 0; i < MOST + 2; i++)
        ask_numbered(lab, i, &told[i]);
    lab_until_asked(lab, 2 * MOST);
    /* One that waits goes at once; one on its way keeps its place until it ends. */
    resolver_cancel(&told[MOST].query);
    assert_null(told[MOST].query);
    expect_figures(lab, 1, MOST, MOST);
    resolver_cancel(&told[0].query);
    assert_null(told[0].query);
    expect_figures(lab, 1, MOST, MOST);
    resolver_cancel(&told[0].query); /* there is nothing any more */
    fake_name_server_script(lab->server, say_one, NULL);
    for (size_t i = 0; i < 2 * MOST; i++)
        answer_at(lab, i);
    for (unsigned i = 1; i < MOST + 2; i++)
        if (i != MOST)
            lab_hear(lab, &told[i], 1);
    assert_int_equal(told[0].n, 0);
    assert_int_equal(told[MOST].n, 0);
    expect_figures(lab, 0, 0, MOST + 1);
    free(told);
}

struct chain {
    struct resolver_lab *lab;
    struct resolver_query *query;
    struct resolver_query *other;
    unsigned n;
};

static void on_link(const struct resolved *resolved, void *user)
{
    struct chain *chain = user;

    assert_int_equal(resolved->v4.how, RESOLVED_ADDRESSES);
    chain->query = NULL;
    resolver_cancel(&chain->other);
    if (++chain->n < 5) {
        assert_int_equal(resolver_ask(chain->lab->resolver, "next.example", on_link, chain, &chain->query),
                         0);
        assert_int_equal(resolver_ask(chain->lab->resolver, "other.example", on_link, chain, &chain->other),
                         0);
    }
}

static void test_who_is_told_may_ask_and_cancel(void **state)
{
    struct chain chain = {.lab = *state};
    uint64_t late = clock_monotonic_ms() + PATIENCE_MS;

    fake_name_server_script(chain.lab->server, say_one, NULL);
    assert_int_equal(resolver_ask(chain.lab->resolver, "first.example", on_link, &chain, &chain.query), 0);
    while (chain.n < 5 && clock_monotonic_ms() < late)
        (void)event_base_loop(chain.lab->base, EVLOOP_ONCE);
    assert_true(chain.n >= 5);
    resolver_cancel(&chain.query);
    resolver_cancel(&chain.other);
}

static void test_nobody_is_told_once_it_has_ended(void **state)
{
    struct resolver_lab *lab = *state;
    struct told *told = calloc(MOST + 2, sizeof(*told));

    for (unsigned i = 0; i < MOST + 2; i++)
        ask_numbered(lab, i, &told[i]);
    lab_until_asked(lab, 2);
    answer_at(lab, 0);
    answer_at(lab, 1);
    resolver_free(&lab->resolver);
    assert_null(lab->resolver);
    resolver_free(&lab->resolver);
    for (int i = 0; i < 20; i++)
        (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
    for (unsigned i = 0; i < MOST + 2; i++)
        assert_int_equal(told[i].n, 0);
    free(told);
}

/* Whatever a name server sends, the question has an end, or is still on its way. */
static void test_random_answers(void **state)
{
    struct resolver_lab *lab = *state;
    struct fake_answer *answer = calloc(1, sizeof(*answer));
    struct told told = {0};
    uint32_t random = 12345;

    for (unsigned round = 0; round < 300; round++) {
        size_t at = fake_name_server_count(lab->server);
        size_t size;

        told = (struct told){0};
        ask_numbered(lab, round, &told);
        lab_until_asked(lab, at + 2);
        for (size_t i = at; i < at + 2; i++) {
            assert_true(say_one(NULL, fake_name_server_question(lab->server, i), answer));
            size = answer->size;
            /* Whole answers with some bytes changed behind the id come far; some are cut, some longer. */
            for (unsigned n = 0; n < 1 + round % 4; n++) {
                random = random * 1664525 + 1013904223;
                answer->bytes[2 + (random >> 8) % (size - 2)] = (uint8_t)(random >> 24);
            }
            answer->bytes[2] &= (uint8_t)~2; /* not cut, else it asks by TCP */
            fake_name_server_send(lab->server, i, answer->bytes, size - (round % 3 ? 0 : random % size));
        }
        for (int i = 0; i < 4 && told.n == 0; i++)
            (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
        if (told.n == 0)
            resolver_cancel(&told.query);
        if (resolver_figures(lab->resolver).in_flight > MOST / 2) {
            char servers[64];

            (void)snprintf(servers, sizeof(servers), "127.0.0.1:%u", fake_name_server_port(lab->server));
            lab_resolve_with(lab, servers, NULL, NULL);
        }
    }
    free(answer);
}

static void test_a_list_of_name_servers_that_is_none(void **state)
{
    struct resolver_lab *lab = *state;
    struct resolver *resolver = NULL;
    struct error error = {0};

    assert_int_equal(resolver_new(lab->base, "nobody", NULL, NULL, &resolver, &error), -EINVAL);
    assert_null(resolver);
    assert_non_null(strstr(error.message, "preparing to resolve names"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_more_than_can_be_on_their_way_wait_in_order),
        TEST(test_one_family_alone_is_not_the_end),
        TEST(test_a_forged_answer_is_none),
        TEST(test_who_cancels_is_not_told),
        TEST(test_who_is_told_may_ask_and_cancel),
        TEST(test_nobody_is_told_once_it_has_ended),
        TEST(test_random_answers),
        TEST(test_a_list_of_name_servers_that_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
