/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "parsed.h"

#include <dirent.h>

#define CORPUS "tests/corpus/documents"

/* The whole file, NUL-terminated. */
static char *contents(const char *folder, const char *name, size_t *ret_length)
{
    char path[512];
    _cleanup_fclose_ FILE *file = NULL;
    char *text = calloc(1, 65536);

    (void)snprintf(path, sizeof(path), CORPUS "/%s/%s", folder, name);
    file = fopen(path, "re");
    if (!file || !text)
        fail_msg("%s", path);
    *ret_length = fread(text, 1, 65535, file);
    return text;
}

/* Runs `check` on each *.json. */
static void each(const char *folder, void (*check)(const char *name, const char *text, size_t length),
                 size_t at_least)
{
    char path[128];
    _cleanup_closedir_ DIR *directory = NULL;
    const struct dirent *entry;
    size_t n = 0;

    (void)snprintf(path, sizeof(path), CORPUS "/%s", folder);
    directory = opendir(path);
    assert_non_null(directory);
    while ((entry = readdir(directory))) {
        _cleanup_free_ char *text = NULL;
        size_t length;

        if (!strstr(entry->d_name, ".json"))
            continue;
        text = contents(folder, entry->d_name, &length);
        check(entry->d_name, text, length);
        n++;
    }
    assert_true(n >= at_least);
}

static void check_good(const char *name, const char *text, size_t length)
{
    _cleanup_parsed_ struct parsed parsed = parse_length(text, length);

    if (parsed.r == 0)
        return;
    dump(&parsed.findings);
    fail_msg("%s", name);
}

static void check_bad(const char *name, const char *text, size_t length)
{
    _cleanup_parsed_ struct parsed parsed = parse_length(text, length);
    _cleanup_free_ char *expected = NULL;
    char sidecar[256];
    size_t expected_length;

    (void)snprintf(sidecar, sizeof(sidecar), "%.*s.expect", (int)(strlen(name) - strlen(".json")), name);
    expected = contents("bad", sidecar, &expected_length);
    expected[strcspn(expected, "\n")] = '\0';
    if (!find(&parsed.findings, FINDING_ERROR, expected, "")) {
        dump(&parsed.findings);
        fail_msg("%s: no error at \"%s\"", name, expected);
    }
    if (parsed.findings.n_errors != 1) {
        dump(&parsed.findings);
        fail_msg("%s: %zu errors where one thing is wrong", name, parsed.findings.n_errors);
    }
}

static void test_good(void **state)
{
    (void)state;
    each("good", check_good, 25);
}

static void test_bad(void **state)
{
    (void)state;
    each("bad", check_bad, 25);
}

static struct parsed parse_file(const char *name)
{
    size_t length;
    _cleanup_free_ char *text = contents("good", name, &length);

    return parse_length(text, length);
}

static void test_example_backend(void **state)
{
    _cleanup_parsed_ struct parsed parsed = parse_file("example-backend.json");

    (void)state;
    assert_int_equal(parsed.r, 0);
    assert_int_equal(parsed.list.n, 1);
    assert_string_equal(parsed.list.items[0].name, "backend-service");
    assert_string_equal(parsed.list.items[0].namespace_name, "dns-sd");
    assert_int_equal(parsed.list.items[0].services[0].container_port, 8080);
    assert_string_equal(published(&parsed), "backend-service.dns-sd:8080/tcp* "
                                            "backend-service.dns-sd.svc.cluster.local:8080/tcp* "
                                            "backend-service.default.svc.cluster.local:8080/tcp* "
                                            "backend-service:8080/tcp*");
    /* Block in the task definition, enabled missing, logDriver, portName: each said, nothing else. */
    expect_counts(&parsed, 0, 4);
}

static void test_example_frontend(void **state)
{
    _cleanup_parsed_ struct parsed parsed = parse_file("example-frontend.json");

    (void)state;
    assert_int_equal(parsed.r, 0);
    assert_string_equal(parsed.list.items[0].name, "frontend-service");
    assert_string_equal(parsed.list.items[0].namespace_name, "dns-sd");
    assert_string_equal(parsed.list.items[0].services[0].discovery_name, "frontend-service");
    assert_int_equal(parsed.list.items[0].services[0].container_port, 3000);
    assert_string_equal(published(&parsed), "frontend.my-domain.com:80/tcp");
    expect_counts(&parsed, 0, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_example_backend),
        cmocka_unit_test(test_example_frontend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
