/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Records of a text with their lines, and what differs between an export and a daemon. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/difference.h"
#include "cli/records.h"

/* Lines at which records begin, as "1 3 "; or the sentence. */
static void check(const char *text, const char *wanted)
{
    _cleanup_records_ struct records records = {0};
    struct error error = {0};
    char lines[64] = "";
    int r = records_parse(text, strlen(text), "f", &records, &error);

    for (size_t i = 0; i < records.count; i++)
        (void)snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%zu ", records.items[i].line);
    assert_string_equal(r < 0 ? error.message : lines, wanted);
}

static void test_forms(void **state)
{
    (void)state;
    check("", "");
    check(" \r\n", "");
    check("{}\n{}\n\n{}", "1 2 4 ");
    check("{}{}", "1 1 ");
    check("{\n\"a\": 1\n}\n{\n}\n", "1 4 ");
    check("[]", "");
    check("\n[{},\n{}\n]\n", "2 3 ");
}

static void test_what_is_none(void **state)
{
    (void)state;
    check("{}\n{]\n", "f: line 2: this is no JSON");
    check("{\n\"a\": nothing}", "f: line 2: this is no JSON");
    check("\n5", "f: line 2: this is no JSON object; each record is one");
    check("{}\n[{}]", "f: line 2: this is no JSON object; each record is one");
    check("[{} {}]", "f: line 1: an array goes on with \",\" or ends with \"]\", and nothing follows it");
    check("[{},\n", "f: line 2: an array goes on with \",\" or ends with \"]\", and nothing follows it");
    check("[]\n{}", "f: line 2: an array goes on with \",\" or ends with \"]\", and nothing follows it");
    check("[{},]", "f: line 1: this is no JSON");
}

/* "+default/v1/a ~default/v1" of what has to be created and updated, and the number of changes. */
static void check_difference(const char *wanted_text, const char *present_text, const char *result,
                             size_t count)
{
    _cleanup_json_ cJSON *wanted = cJSON_Parse(wanted_text);
    _cleanup_json_ cJSON *present = cJSON_Parse(present_text);
    _cleanup_(differences_done) struct differences differences = {0};
    _cleanup_records_ struct records changes = {0};
    struct error error = {0};
    char text[256] = "";

    assert_int_equal(differences_find(wanted, present, &differences, &error), 0);
    for (size_t i = 0; i < differences.count; i++) {
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%c%s", i ? " " : "",
                       differences.items[i].is_new ? '+' : '~', differences.items[i].name);
        assert_int_equal(difference_add_changes(&differences.items[i], &changes), 0);
    }
    assert_string_equal(text, result);
    assert_int_equal(changes.count, count);
}

#define INSTANCE(id, weight) "{\"namespace\":\"d\",\"service\":\"s\",\"id\":\"" id "\",\"weight\":" weight "}"

static void test_differences(void **state)
{
    (void)state;
    check_difference("{}", "{}", "", 0);
    check_difference("{\"instances\":[" INSTANCE("a", "1") "," INSTANCE("b", "2") "]}", "{}", "+d/s/a +d/s/b",
                     2);
    check_difference("{\"instances\":[" INSTANCE("a", "1") "," INSTANCE("b", "2") "]}",
                     "{\"instances\":[" INSTANCE("c", "5") "," INSTANCE("b", "3") "," INSTANCE("a", "1") "]}",
                     "~d/s/b", 1);
    /* The order of members is nothing; that of targets is. */
    check_difference("{\"routes\":[{\"namespace\":\"d\",\"dnsName\":\"x\",\"port\":80,\"targets\":[1,2]}]}",
                     "{\"routes\":[{\"targets\":[1,2],\"port\":80,\"dnsName\":\"x\",\"namespace\":\"d\"}]}",
                     "", 0);
    check_difference("{\"routes\":[{\"namespace\":\"d\",\"dnsName\":\"x\",\"port\":80,\"targets\":[2,1]}]}",
                     "{\"routes\":[{\"targets\":[1,2],\"port\":80,\"dnsName\":\"x\",\"namespace\":\"d\"}]}",
                     "~d/x:80", 1);
}

/* A setting of a service that the export has not goes back to its default before the others are set. */
static void test_settings_are_put_back(void **state)
{
    (void)state;
    check_difference(
        "{\"settings\":[{\"namespace\":\"d\",\"service\":\"s\",\"settings\":{\"a\":1}}]}",
        "{\"settings\":[{\"namespace\":\"d\",\"service\":\"s\",\"settings\":{\"a\":1,\"b\":{\"c\":2}}}]}",
        "~d/s", 2);
    check_difference(
        "{\"settings\":[{\"namespace\":\"d\",\"service\":\"s\",\"settings\":{\"a\":1,\"b\":2}}]}",
        "{\"settings\":[{\"namespace\":\"d\",\"service\":\"s\",\"settings\":{\"a\":1}}]}", "~d/s", 1);
    check_difference("{\"settings\":[{\"settings\":{\"a\":1}}]}", "{\"settings\":[{\"settings\":{\"a\":2}}]}",
                     "~of every service", 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_settings_are_put_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
