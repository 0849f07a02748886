/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What labels ask for, and which are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "workloads/labels.h"

static struct container *container_of(const char *const labels[][2], size_t n)
{
    struct container *container = container_new("docker", "0123", "web");

    assert_non_null(container);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(container_add_label(container, labels[i][0], labels[i][1]), 0);
    return container;
}

static void test_everything(void **state)
{
    static const char *const labels[][2] = {
        {"svcconnect.service", "backend"},    {"svcconnect.namespace", "shop"},
        {"svcconnect.port.admin", "9090"},    {"svcconnect.port", "8080/udp"},
        {"svcconnect.weight", "0"},           {"svcconnect.zone", "a"},
        {"svcconnect.network", "front"},      {"svcconnect.enable", "true"},
        {"svcconnect.alias", "API:80,other"}, {"svcconnect.serve-while-starting", "1"},
    };
    _cleanup_container_ struct container *container = container_of(labels, ARRAY_SIZE(labels));
    struct container_wish wish;
    struct label_alias alias;
    const char *cursor;

    (void)state;
    assert_int_equal(labels_read(container, &wish, NULL), 0);
    assert_true(wish.is_wanted);
    assert_string_equal(wish.service, "backend");
    assert_string_equal(wish.namespace_name, "shop");
    assert_int_equal(wish.weight, 0);
    assert_string_equal(wish.zone, "a");
    assert_string_equal(wish.network, "front");
    assert_true(wish.serves_while_starting);
    assert_int_equal(wish.n_ports, 2);
    assert_string_equal(wish.ports[0].name, ""); /* goes first, wherever it stands */
    assert_int_equal(wish.ports[0].port, 8080);
    assert_int_equal(wish.ports[0].protocol, UDP);
    assert_string_equal(wish.ports[1].name, "admin");
    cursor = wish.aliases;
    assert_true(labels_next_alias(&cursor, &alias));
    assert_string_equal(alias.dns_name, "api");
    assert_int_equal(alias.port, 80);
    assert_true(labels_next_alias(&cursor, &alias));
    assert_string_equal(alias.dns_name, "other");
    assert_int_equal(alias.port, 0);
    assert_false(labels_next_alias(&cursor, &alias));
}

static void test_refused(void **state)
{
    static const char *const bad[][2] = {
        {"svcconnect.service", ""},
        {"svcconnect.service", "a b"},
        {"svcconnect.service", "-a"},
        {"svcconnect.namespace", "a b"},
        {"svcconnect.namespace", "\x1b[1m"},
        {"svcconnect.port", "0"},
        {"svcconnect.port", "65536"},
        {"svcconnect.port", "80/sctp"},
        {"svcconnect.port", " 80"},
        {"svcconnect.port.a/b", "80"},
        {"svcconnect.weight", "-1"},
        {"svcconnect.weight", "65536"},
        {"svcconnect.enable", "maybe"},
        {"svcconnect.alias", "localhost."},
        {"svcconnect.alias", "127.1"},
        {"svcconnect.alias", "a,,b"},
        {"svcconnect.alias", "a:0"},
        {"svcconnect.alias", ""},
        {"svcconnect.network", ""},
        {"svcconnect.zone", ""},
        {"svcconnect.serve-while-starting", "2"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_container_ struct container *container = container_of(&bad[i], 1);
        struct container_wish wish = {.weight = 77};
        struct error error = {0};

        if (labels_read(container, &wish, &error) != -EINVAL)
            fail_msg("%s=%s was taken", bad[i][0], bad[i][1]);
        assert_string_equal(error.field, bad[i][0]);
        assert_int_equal(wish.weight, 77);
    }
}

static void test_too_many(void **state)
{
    _cleanup_container_ struct container *container = container_new("docker", "0123", NULL);
    _cleanup_container_ struct container *names = container_new("docker", "0123", NULL);
    struct container_wish wish;
    char name[64];

    (void)state;
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(name, sizeof(name), "svcconnect.port.p%d", i);
        assert_int_equal(container_add_label(container, name, "80"), 0);
    }
    assert_int_equal(container->n_labels, CONTAINER_LABELS_MAX);
    assert_true(container->is_cut);
    assert_int_equal(labels_read(container, &wish, NULL), -EINVAL);
    assert_int_equal(container_add_label(names, "svcconnect.alias", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"), 0);
    assert_int_equal(labels_read(names, &wish, NULL), -EINVAL);
}

static void test_nothing_said(void **state)
{
    static const char *const labels[][2] = {{"com.example", "x"}, {"svcconnectx", "y"}};
    _cleanup_container_ struct container *container = container_of(labels, ARRAY_SIZE(labels));
    struct container_wish wish;

    (void)state;
    assert_int_equal(container->n_labels, 0);
    assert_int_equal(labels_read(container, &wish, NULL), 0);
    assert_false(wish.is_wanted);
    assert_string_equal(wish.namespace_name, "");
    assert_int_equal(wish.weight, 1);
}

static void test_refusal_and_strangers(void **state)
{
    static const char *const labels[][2] = {
        {"svcconnect.service", "a"}, {"svcconnect.enable", "false"}, {"svcconnect.servce", "b"}};
    _cleanup_container_ struct container *container = container_of(labels, ARRAY_SIZE(labels));
    struct container_wish wish;

    (void)state;
    assert_int_equal(labels_read(container, &wish, NULL), 0);
    assert_false(wish.is_wanted);
    assert_true(wish.is_refused);
    assert_string_equal(wish.unknown, "svcconnect.servce");
}

static void test_namespaces(void **state)
{
    static const struct {
        const char *labels[3][2];
        size_t n;
        const char *expected;
    } cases[] = {
        {{{"com.docker.compose.project", "shop"}}, 1, "shop"},
        {{{"com.docker.compose.project", "shop"}, {"svcconnect.namespace", "x"}}, 2, "x"},
        {{{"com.docker.compose.project", "shop"}, {"com.amazonaws.ecs.cluster", "prod"}}, 2, "prod"},
        {{{"com.amazonaws.ecs.cluster", "arn:aws:ecs:us-east-1:123456789012:cluster/prod"}}, 1, "prod"},
        {{{"com.docker.compose.project", "no name"}}, 1, ""},
        {{{"com.amazonaws.ecs.cluster", "arn:aws:ecs:us-east-1:1:cluster/"}}, 1, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_container_ struct container *container = container_of(cases[i].labels, cases[i].n);
        struct container_wish wish;

        assert_int_equal(labels_read(container, &wish, NULL), 0);
        assert_string_equal(wish.namespace_name, cases[i].expected);
    }
}

static void test_ecs(void **state)
{
    static const char *const labels[][2] = {
        {"com.amazonaws.ecs.task-arn", "arn:aws:ecs:us-east-1:1:task/prod/1"},
        {"com.amazonaws.ecs.task-definition-family", "backend"},
    };
    _cleanup_container_ struct container *container = container_of(labels, ARRAY_SIZE(labels));
    struct container_wish wish;

    (void)state;
    assert_int_equal(labels_read(container, &wish, NULL), 0);
    assert_true(wish.is_wanted);
    assert_null(wish.service);
    assert_string_equal(wish.document, "backend");
    assert_string_equal(wish.task, labels[0][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_nothing_said),
        cmocka_unit_test(test_refusal_and_strangers),
        cmocka_unit_test(test_namespaces),
        cmocka_unit_test(test_ecs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
