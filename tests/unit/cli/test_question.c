/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The question that doctor asks in a task, and what it takes for an answer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor/question.h"

static void test_a_question(void **state)
{
    static const unsigned char wanted[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\7backend\4shop\0\0\1\0\1";
    unsigned char question[QUESTION_MAX];

    (void)state;
    assert_int_equal(question_make("backend.shop", 0x1234, question), sizeof(wanted) - 1);
    assert_memory_equal(question, wanted, sizeof(wanted) - 1);
    assert_int_equal(question_make("backend.shop.", 0x1234, question), sizeof(wanted) - 1);
    assert_memory_equal(question, wanted, sizeof(wanted) - 1);
}

static void test_no_names(void **state)
{
    unsigned char question[QUESTION_MAX];
    char name[400];

    (void)state;
    assert_int_equal(question_make("", 1, question), 0);
    assert_int_equal(question_make(".", 1, question), 0);
    assert_int_equal(question_make("a..b", 1, question), 0);
    memset(name, 'a', sizeof(name));
    name[64] = '\0';
    assert_int_equal(question_make(name, 1, question), 0);
    name[63] = '\0';
    assert_int_equal(question_make(name, 1, question), 12 + 1 + 63 + 1 + 4);
    for (size_t i = 0; i < 254; i++)
        name[i] = i % 2 ? '.' : 'a';
    name[254] = '\0';
    assert_int_equal(question_make(name, 1, question), 0);
    name[253] = '\0';
    assert_true(question_make(name, 1, question) <= QUESTION_MAX);
    assert_true(question_make(name, 1, question) > 0);
}

static void test_answers(void **state)
{
    unsigned char question[QUESTION_MAX];
    unsigned char answer[512];
    size_t n = question_make("web", 7, question);
    struct in_addr address;

    (void)state;
    assert_int_equal(inet_pton(AF_INET, "127.255.0.3", &address), 1);
    memcpy(answer, question, n);
    answer[2] |= 0x80;
    memcpy(answer + n, "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x7f\xff\0\3", 16);
    assert_true(question_is_answered_by(question, n, answer, n + 16, &address));
    assert_false(question_is_answered_by(question, n, answer, n + 15, &address));
    assert_false(question_is_answered_by(question, n, answer, n, &address));
    assert_false(question_is_answered_by(question, n, answer, 3, &address));
    answer[n + 15] = 4; /* another address */
    assert_false(question_is_answered_by(question, n, answer, n + 16, &address));
    answer[n + 15] = 3;
    answer[3] = 3; /* no such name */
    assert_false(question_is_answered_by(question, n, answer, n + 16, &address));
    answer[3] = 0;
    answer[1]++; /* to another question */
    assert_false(question_is_answered_by(question, n, answer, n + 16, &address));
    answer[1]--;
    answer[2] = 1; /* a question itself */
    assert_false(question_is_answered_by(question, n, answer, n + 16, &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_question),
        cmocka_unit_test(test_no_names),
        cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
