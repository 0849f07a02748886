/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/endpoint_names.h"
#include "model/names.h"

typedef int (*check_fn)(const char *field, const char *name, struct error *error);

/* Writable text for a check that folds case; the other checks get it unchanged. */
static int check_dns_copy(const char *field, const char *name, struct error *error)
{
    char copy[2048];

    (void)snprintf(copy, sizeof(copy), "%s", name);
    return model_check_dns_name(field, copy, error);
}

static void expect_good(check_fn check, const char *name)
{
    struct error error = {0};
    int r = check("field", name, &error);

    if (r != 0)
        fail_msg("\"%s\" refused: %s", name, error.message);
    assert_int_equal(error.number, 0);
}

static void expect_bad(check_fn check, const char *name)
{
    struct error error = {0};

    if (check("services[3].name", name, &error) != -EINVAL)
        fail_msg("\"%s\" accepted", name);
    assert_int_equal(error.number, EINVAL);
    assert_string_equal(error.field, "services[3].name");
    assert_true(error.allowed[0] != '\0');
    assert_non_null(strstr(error.message, "services[3].name"));
    assert_int_equal(check("field", name, NULL), -EINVAL);
}

/* `length` times the letter, in one of four buffers, so that two results can be used at once. */
static const char *letters(char letter, size_t length)
{
    static char texts[4][2048];
    static unsigned next;
    char *text = texts[next++ % 4];

    memset(text, letter, length);
    text[length] = '\0';
    return text;
}

static const char *labels_of(size_t first, size_t second)
{
    static char text[512];

    (void)snprintf(text, sizeof(text), "%s.%s", letters('a', first), letters('b', second));
    return text;
}

static void test_namespace(void **state)
{
    static const char *const good[] = {"a", "default", "prod.eu-1", "~!#$%&'()*+,-.:;=?@[\\]^_`{|}", "A_B"};
    static const char *const of_cloud_map[] = {"a/b", "/", "//", "a<b", "a>b", "a\"b"};
    static const char *const bad[] = {"", " ", "a b", "a\nb", "a\x7f", "caf\xc3\xa9", "a\t"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        expect_good(model_check_namespace, good[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_bad(model_check_namespace, bad[i]);
    expect_good(model_check_namespace, letters('n', MODEL_NAMESPACE_MAX));
    expect_bad(model_check_namespace, letters('n', MODEL_NAMESPACE_MAX + 1));
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        expect_good(model_check_ecs_namespace, good[i]);
    for (size_t i = 0; i < ARRAY_SIZE(of_cloud_map); i++) {
        expect_good(model_check_namespace, of_cloud_map[i]);
        expect_bad(model_check_ecs_namespace, of_cloud_map[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_bad(model_check_ecs_namespace, bad[i]);
}

/* A slash in a namespace's name is none between the parts of a key. */
static void test_namespace_in_a_key(void **state)
{
    static const char *const names[] = {"a", "a/b", "/", "/a//b/", "a%2fb"};
    char one[ENDPOINT_NAME_SIZE], other[ENDPOINT_NAME_SIZE];
    char part[MODEL_NAMESPACE_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char copy[MODEL_NAMESPACE_MAX + 1];

        (void)snprintf(copy, sizeof(copy), "%s", model_namespace_part(names[i], part));
        assert_null(strchr(copy, '/'));
        model_namespace_from_part(copy);
        assert_string_equal(copy, names[i]);
    }
    assert_ptr_equal(model_namespace_part(names[0], part), names[0]);
    assert_string_not_equal(endpoint_name_of("a/b", "c", "d", one), endpoint_name_of("a", "b", "c/d", other));
}

static void test_service(void **state)
{
    static const char *const good[] = {"a",   "0",    "_a_",       "web",      "Web-1",
                                       "a.b", "a--b", "x_y.z-1.Q", "a.b.c.d.e"};
    static const char *const bad[] = {"",     ".",    "a.",  ".a",  "a..b", "-a",        "a-",
                                      "a-.b", "a.-b", "a/b", "a b", "a:b",  "a\xc3\xa9", "a*"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        expect_good(model_check_service, good[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_bad(model_check_service, bad[i]);
    expect_good(model_check_service, letters('s', 63));
    expect_bad(model_check_service, letters('s', 64));
    expect_good(model_check_service, labels_of(63, 63));
    assert_int_equal(strlen(labels_of(63, 63)), MODEL_SERVICE_MAX);
    /* Each label is short enough here; only the whole is too long. */
    expect_bad(model_check_service, "a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
                                    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
}

static void test_instance_id(void **state)
{
    static const char *const good[] = {"a", "10.0.0.1:80", "a/b/c", "/", "i-0@host", "A_z-9.:/@", "::1:80"};
    static const char *const bad[] = {"", " ", "a b", "a\nb", "a\"", "[::1]:80", "a#b", "a%b", "\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        expect_good(model_check_instance_id, good[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_bad(model_check_instance_id, bad[i]);
    expect_good(model_check_instance_id, letters('i', MODEL_INSTANCE_MAX));
    expect_bad(model_check_instance_id, letters('i', MODEL_INSTANCE_MAX + 1));
}

static void test_dns_name(void **state)
{
    static const char *const good[] = {"a",        "backend",   "BACKEND", "back_end",
                                       "a.b-c.d",  "trailing-", "a-.b",    "1.2.3.x",
                                       "v1.2",     "0x7g.1",    "_tcp.x",  "web.default.svc.cluster.local",
                                       "0xbeef.x", "x10",       "10-1",    "beef"};
    static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "-a", "a.-b", "a b", "a/b", "a:b",
                                      "1.2.3.4", "::1", "fd00::1", "a\xc3\xa9", "0.0.0.0", "a\tb",
                                      /* inet_aton(3) reads them, or refuses them without looking them up */
                                      "10", "127.1", "0x7f.1", "0X7F.1", "127.0.1", "0177.1", "2130706433",
                                      "0x7f000001", "0x", "08", "1.2.3.4.5", "256.1.1.1", "1.2.3"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        expect_good(check_dns_copy, good[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_bad(check_dns_copy, bad[i]);
    expect_good(check_dns_copy, letters('d', 63));
    expect_bad(check_dns_copy, letters('d', 64));
    expect_good(check_dns_copy, labels_of(63, 63));
    expect_bad(check_dns_copy, "a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
                               "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
}

/* Whatever is published, a resolver answers these by itself; what an earlier version took is still read. */
static void test_localhost_is_no_alias(void **state)
{
    char names[][24] = {"localhost", "LocalHost", "a.localhost"};
    char good[][24] = {"localhosts", "localhost.example", "mylocalhost"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(model_check_dns_name("dnsName", names[i], NULL), -EINVAL);
        assert_int_equal(model_check_stored_dns_name("dnsName", names[i], NULL), 0);
        assert_int_equal(model_check_dns_name("dnsName", good[i], NULL), 0);
    }
}

static void test_ids_as_they_are_typed(void **state)
{
    static const struct {
        const char *typed, *id;
    } good[] = {
        {"[::1]:8081", "::1:8081"}, {"[0:0::1]:8081", "::1:8081"}, {"[FD00::A]:80/udp", "fd00::a:80/udp"}};
    static const char *const others[] = {"",        "a",       "::1:8081", "[::1]",
                                         "[::1]:0", "[::1:80", "[x]:80",   "[::1]:80x"};
    char id[MODEL_INSTANCE_MAX + 1] = "";

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(model_plain_instance_id(others[i], id));
        assert_string_equal(id, "");
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(model_plain_instance_id(good[i].typed, id));
        assert_string_equal(id, good[i].id);
    }
}

static void test_a_stored_dns_name_is_read_on(void **state)
{
    char number[] = "127.1";
    char address[] = "127.0.0.1";

    (void)state;
    assert_int_equal(model_check_stored_dns_name("dnsName", number, NULL), 0);
    assert_int_equal(model_check_stored_dns_name("dnsName", address, NULL), -EINVAL);
}

/* Names are compared by bytes everywhere else, so what is equal to a resolver must become equal here. */
static void test_dns_name_is_folded(void **state)
{
    char name[] = "BackEnd-09_Z.ExAMPLE@[";
    char good[] = "BackEnd-09_Z.ExAMPLE";

    (void)state;
    assert_int_equal(model_check_dns_name("dnsName", good, NULL), 0);
    assert_string_equal(good, "backend-09_z.example");
    /* @ and [ stand beside the letters in ASCII: the fold must not reach them. */
    assert_int_equal(model_check_dns_name("dnsName", name, NULL), -EINVAL);
    assert_string_equal(name, "backend-09_z.example@[");
}

static void test_error_tells_the_value(void **state)
{
    struct error error = {0};

    (void)state;
    assert_int_equal(model_check_service("service", "a\x1b[31mb", &error), -EINVAL);
    assert_string_equal(error.value, "a?[31mb"); /* no escape reaches a terminal */
    assert_int_equal(model_check_namespace("namespace", letters('x', 2000), &error), -EINVAL);
    assert_int_equal(strlen(error.value), sizeof(error.value) - 1);
}

static int check_host_copy(const char *field, const char *name, struct error *error)
{
    char copy[2048];

    (void)snprintf(copy, sizeof(copy), "%s", name);
    return model_check_host_name(field, copy, error);
}

static void test_host_name(void **state)
{
    static const char *const good[] = {"a",        "db",     "db.example.net", "DB.example.NET.",
                                       "1.2.3.4a", "x--y.z", "7up.com",        "10.in-addr.arpa"};
    static const char *const bad[] = {"",     ".",   "a..b",  ".a",         "a.-b",         "-a",  "a-",
                                      "a-.b", "a b", "a_b.c", "10.0.0.300", "1.2.3.4",      "7",   "a.7",
                                      "a/b",  "a:b", "[::1]", "a..",        "\xc3\xa9.net", "a\nb"};
    char name[] = "DB.Example.NET.";
    char host[MODEL_HOST_NAME_MAX + 1] = "kept";
    char text[300];
    uint16_t port = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        expect_good(check_host_copy, good[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_bad(check_host_copy, bad[i]);
    assert_int_equal(model_check_host_name("", name, NULL), 0);
    assert_string_equal(name, "db.example.net");
    expect_good(check_host_copy, letters('a', 63));
    expect_bad(check_host_copy, letters('a', 64));
    /* 253 characters, and one more. */
    (void)snprintf(text, sizeof(text), "%s.%s.%s.%s", letters('a', 63), letters('b', 63), letters('c', 63),
                   letters('d', 61));
    expect_good(check_host_copy, text);
    (void)snprintf(text, sizeof(text), "%s.%s.%s.%s", letters('a', 63), letters('b', 63), letters('c', 63),
                   letters('d', 62));
    expect_bad(check_host_copy, text);
    assert_int_equal(model_parse_host_port("DB.net.:5432", host, &port), 0);
    assert_string_equal(host, "db.net");
    assert_int_equal(port, 5432);
    (void)snprintf(text, sizeof(text), "%s.%s.%s.%s.:1", letters('a', 63), letters('b', 63), letters('c', 63),
                   letters('d', 61));
    assert_int_equal(model_parse_host_port(text, host, &port), 0);
    assert_int_equal(strlen(host), MODEL_HOST_NAME_MAX);
    for (const char *const *t = (const char *const[]){"db", "db:", "db:0", "db:65536", "db:x", ":1", "db:1:2",
                                                      "10.0.0.1:80", "[::1]:80", "db:+1", NULL};
         *t; t++)
        assert_int_equal(model_parse_host_port(*t, host, &port), -EINVAL);
    assert_int_equal(port, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_name),
        cmocka_unit_test(test_namespace),
        cmocka_unit_test(test_namespace_in_a_key),
        cmocka_unit_test(test_service),
        cmocka_unit_test(test_instance_id),
        cmocka_unit_test(test_dns_name),
        cmocka_unit_test(test_localhost_is_no_alias),
        cmocka_unit_test(test_ids_as_they_are_typed),
        cmocka_unit_test(test_a_stored_dns_name_is_read_on),
        cmocka_unit_test(test_dns_name_is_folded),
        cmocka_unit_test(test_error_tells_the_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
