/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The name servers of host names: how they may be written, and that what is written is read back the same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "daemon/config_external.h"

static void expect_servers(const char *text, const char *expected)
{
    _cleanup_free_ char *servers = NULL;
    struct error error = {0};

    assert_int_equal(config_external_servers("externalNames.servers", text, &servers, &error), 0);
    if (!expected)
        assert_null(servers);
    else
        assert_string_equal(servers, expected);
}

static void expect_refused(const char *text, const char *value)
{
    char *servers = (char *)"untouched";
    struct error error = {0};

    assert_int_equal(config_external_servers("externalNames.servers", text, &servers, &error), -EINVAL);
    assert_string_equal(servers, "untouched");
    assert_non_null(strstr(error.message, "externalNames.servers"));
    assert_non_null(strstr(error.message, value));
}

static void ports_are_added_where_none_is_said(void **state)
{
    (void)state;
    expect_servers("127.0.0.1", "127.0.0.1:53");
    expect_servers("127.0.0.1:5353,::1,[fd00::1]:54", "127.0.0.1:5353,[::1]:53,[fd00::1]:54");
    expect_servers("::ffff:192.0.2.1", "192.0.2.1:53");
    expect_servers(EXTERNAL_SERVERS_OF_HOST, NULL);
}

static void what_cannot_be_asked_is_refused(void **state)
{
    (void)state;
    expect_refused("", "");
    expect_refused("ns.example.com", "ns.example.com");
    expect_refused("127.0.0.1:0", "127.0.0.1:0");
    expect_refused("127.0.0.1,,::1", "");
    expect_refused("0.0.0.0", "0.0.0.0");
    expect_refused("224.0.0.1", "224.0.0.1");
    expect_refused("10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8,10.0.0.9",
                   "10.0.0.9");
}

static void a_list_of_the_file_is_read_back_the_same(void **state)
{
    static const char text[] = "[\"127.0.0.1:53\",\"[fd00::1]:54\"]";
    struct config config = {0};
    _cleanup_json_ cJSON *list = cJSON_Parse(text);
    _cleanup_json_ cJSON *back = NULL;
    _cleanup_free_ char *joined = NULL;
    _cleanup_free_ char *printed = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(config_join_servers("externalNames.servers", list, &joined, &error), 0);
    assert_int_equal(
        config_external_servers("externalNames.servers", joined, &config.external_servers, &error), 0);
    back = config_external_servers_json(&config);
    printed = cJSON_PrintUnformatted(back);
    assert_string_equal(printed, text);
    free(config.external_servers);
}

static void a_list_of_something_else_is_refused(void **state)
{
    static const char *const texts[] = {"\"127.0.0.1\"", "{}", "[1]", "[\"127.0.0.1,::1\"]", "[null]"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_json_ cJSON *list = cJSON_Parse(texts[i]);
        char *joined = (char *)"untouched";
        struct error error = {0};

        assert_int_equal(config_join_servers("externalNames.servers", list, &joined, &error), -EINVAL);
        assert_string_equal(joined, "untouched");
    }
}

static void an_empty_list_means_the_hosts(void **state)
{
    _cleanup_json_ cJSON *list = cJSON_CreateArray();
    _cleanup_free_ char *joined = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(config_join_servers("externalNames.servers", list, &joined, &error), 0);
    assert_string_equal(joined, EXTERNAL_SERVERS_OF_HOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_are_added_where_none_is_said),
        cmocka_unit_test(what_cannot_be_asked_is_refused),
        cmocka_unit_test(a_list_of_the_file_is_read_back_the_same),
        cmocka_unit_test(a_list_of_something_else_is_refused),
        cmocka_unit_test(an_empty_list_means_the_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
