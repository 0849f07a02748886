/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who may have a command of this host run: every origin by every way to say it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "settings_text.h"

#define EXEC    "{'healthCheck':{'type':'exec','command':['/opt/check','-a','$(anything)']}}"
#define OF_ECS  "{'healthCheck':{'command':['CMD','/opt/check']}}"
#define SHELL   "{'healthCheck':{'command':['CMD-SHELL','/opt/check']}}"
#define BY_PATH "{'healthCheck':{'type':'exec','command':['check']}}"

static char named[] = "/opt/check";
static char *paths[] = {named};
static const struct exec_policy policy = {paths, 1};
static const struct exec_policy no_policy;

static const struct settings_rights host = {SETTINGS_OF_HOST, &policy};
static const struct settings_rights host_of_none = {SETTINGS_OF_HOST, &no_policy};
static const struct settings_rights host_of_nothing = {SETTINGS_OF_HOST, NULL};

/* `field` NULL: it is taken. Refused, it leaves *settings alone. */
static void expect_over(const struct service_settings *before, const char *text,
                        struct settings_rights rights, const char *field, const char *part)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    _cleanup_json_ cJSON *json = parse_json(text);
    struct error error = {0};
    int r;

    assert_int_equal(service_settings_copy(before, &settings), 0);
    r = service_settings_read(json, rights, &settings, &error);
    if (r != (field ? -EINVAL : 0) || (field && strcmp(error.field, field) != 0) ||
        (part && !strstr(error.message, part)))
        fail_msg("%s, origin %d: %d, \"%s\", \"%s\"", text, rights.origin, r, error.field, error.message);
    if (field)
        assert_true(service_settings_equal(before, &settings));
}

static void expect(const char *text, struct settings_rights rights, const char *field, const char *part)
{
    expect_over(&service_settings_default, text, rights, field, part);
}

static void test_strangers_have_no_command(void **state)
{
    static const struct settings_rights rights[] = {{0}, {SETTINGS_OF_STRANGER, &policy}, {99, &policy}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
        expect(EXEC, rights[i], "healthCheck.type", "control socket");
        expect(OF_ECS, rights[i], "healthCheck.command", "control socket");
        expect(SHELL, rights[i], "healthCheck.command", "control socket");
        expect("{'healthCheck':{'command':['NONE']}}", rights[i], NULL, NULL);
        expect("{'healthCheck':{'type':'http','path':'/'}}", rights[i], NULL, NULL);
        expect("{'healthCheck':{'Type':'TCP'}}", rights[i], NULL, NULL);
        expect("{'healthCheck':null}", rights[i], NULL, NULL);
    }
}

static void test_the_host_has_what_is_named(void **state)
{
    (void)state;
    expect(EXEC, host, NULL, NULL);
    expect(OF_ECS, host, NULL, NULL);
    expect(SHELL, host, "healthCheck.command", "/bin/sh");
    expect(SHELL, host, "healthCheck.command", "execChecks, which names /opt/check");
    expect(BY_PATH, host, "healthCheck.command", "execChecks");
    expect(EXEC, host_of_none, "healthCheck.command", "execChecks, which names none");
    expect(EXEC, host_of_nothing, "healthCheck.command", "execChecks, which names none");
    expect("{'healthCheck':{'type':'exec'}}", host, "healthCheck.command", "missing");
}

static void test_what_is_stored_is_read(void **state)
{
    (void)state;
    expect(EXEC, SETTINGS_RIGHTS_STORED, NULL, NULL);
    expect(SHELL, SETTINGS_RIGHTS_STORED, NULL, NULL);
}

/* Over a check that the host has made: a stranger changes neither the command nor how it is run. */
static void test_over_a_command_that_is_there(void **state)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    static const char interval[] = "{'healthCheck':{'interval':7}}";

    (void)state;
    read_good(&settings, EXEC);
    expect_over(&settings, interval, SETTINGS_RIGHTS_NONE, "healthCheck.type", "control socket");
    expect_over(&settings, "{'healthCheck':{'command':['/opt/check','-b']}}", SETTINGS_RIGHTS_NONE,
                "healthCheck.command", "control socket");
    expect_over(&settings, "{'drainSeconds':7}", SETTINGS_RIGHTS_NONE, NULL, NULL);
    expect_over(&settings, "{'healthCheck':{'type':'tcp'}}", SETTINGS_RIGHTS_NONE, NULL, NULL);
    expect_over(&settings, interval, host, NULL, NULL);
    expect_over(&settings, interval, host_of_none, "healthCheck.command", "/opt/check");
    expect_over(&settings, "{'healthCheck':null}", host_of_none, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strangers_have_no_command),
        cmocka_unit_test(test_the_host_has_what_is_named),
        cmocka_unit_test(test_what_is_stored_is_read),
        cmocka_unit_test(test_over_a_command_that_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
