/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Settings that are on or off, which connections are logged, and where a collector is: as flags and in the file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <svcconnect/callers.h>

#include "base/cleanup.h"
#include "daemon/config.h"

static char file[64];

/* A host's own file must not be read here. */
static int make_file(void **state)
{
    FILE *out;
    int fd;

    (void)state;
    (void)snprintf(file, sizeof(file), "%s/svc-switches-XXXXXX", P_tmpdir);
    fd = mkstemp(file);
    out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out)
        return -1;
    return fputs("{}", out) < 0 || fclose(out) != 0 ? -1 : 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file);
}

/* With this flag and nothing else. */
static int load_flag(const char *flag, const char *value, struct config *config, struct error *error)
{
    char *argv[] = {"svcconnectd", "--config", file, (char *)flag, (char *)value, NULL};
    enum config_action action = CONFIG_HELP;

    return config_load(5, argv, config, &action, error);
}

static void expect_bad(const char *flag, const char *value, const char *takes)
{
    _cleanup_(config_done) struct config config = {0};
    struct error error = {0};

    if (load_flag(flag, value, &config, &error) == 0)
        fail_msg("%s %s was taken", flag, value);
    if (!strstr(error.message, takes))
        fail_msg("%s %s: %s", flag, value, error.message);
}

static void test_on_and_off(void **state)
{
    static const struct {
        const char *flag;
        size_t offset;
    } switches[] = {
        {"--callers", offsetof(struct config, counts_callers)},
        {"--container-gate", offsetof(struct config, is_container_gate_on)},
        {"--dns", offsetof(struct config, is_dns_on)},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
        for (int is_on = 0; is_on < 2; is_on++) {
            _cleanup_(config_done) struct config config = {0};
            struct error error = {0};

            if (load_flag(switches[i].flag, is_on ? "on" : "off", &config, &error) < 0)
                fail_msg("%s: %s", switches[i].flag, error.message);
            assert_int_equal(*(const bool *)((const char *)&config + switches[i].offset), is_on);
        }
        expect_bad(switches[i].flag, "yes", "on, off");
        expect_bad(switches[i].flag, "ON", "on, off");
    }
}

static void test_which_connections_are_logged(void **state)
{
    static const struct {
        const char *text;
        uint32_t value;
    } good[] = {{"off", SVC_LOG_OFF}, {"failed", SVC_LOG_FAILED}, {"all", SVC_LOG_ALL},
                {"1/2", 2},           {"1/1000", 1000},           {"1/1000000", 1000000}};
    static const char *const bad[] = {"none", "1/1",       "1/0",  "2/3",    "1/x",
                                      "1/",   "1/1000001", "1/-2", "failed "};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        _cleanup_(config_done) struct config config = {0};
        struct error error = {0};

        if (load_flag("--connection-log", good[i].text, &config, &error) < 0)
            fail_msg("%s: %s", good[i].text, error.message);
        assert_int_equal(config.connection_log, good[i].value);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_bad("--connection-log", bad[i], "off, failed, 1/N");
}

static void test_where_a_collector_is(void **state)
{
    static const char *const good[] = {"off", "http://127.0.0.1:4318", "https://192.0.2.1/v1",
                                       "http://[::1]:4318/x"};
    static const char *const bad[] = {
        "127.0.0.1:4318",     "ftp://127.0.0.1",        "http://collector:4318",      "http://",
        "http://127.0.0.1:0", "http://127.0.0.1:70000", "http://user:word@127.0.0.1/"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        _cleanup_(config_done) struct config config = {0};
        struct error error = {0};

        if (load_flag("--otlp-endpoint", good[i], &config, &error) < 0)
            fail_msg("%s: %s", good[i], error.message);
        assert_string_equal(config.otlp_endpoint, good[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_bad("--otlp-endpoint", bad[i], "http://IP[:PORT]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_and_off),
        cmocka_unit_test(test_which_connections_are_logged),
        cmocka_unit_test(test_where_a_collector_is),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
