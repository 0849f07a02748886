/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json_format.h"

static const char *format_of(const char *text)
{
    const char *said = json_other_format(text, strlen(text));

    if (!said)
        return "";
    return strstr(said, "YAML") ? "YAML" : strstr(said, "CloudFormation") ? "CloudFormation" : "?";
}

static void test_formats(void **state)
{
    static const struct {
        const char *text, *format;
    } wanted[] = {
        {"serviceName: web\n", "YAML"},
        {"# of ours\n\nserviceName:\n  - a\n", "YAML"},
        {"---\n{}\n", "YAML"},
        {"- name: web", "YAML"},
        {"a:\r\n  b: 1\r\n", "YAML"},
        {"AWSTemplateFormatVersion: 2010-09-09\nResources:\n", "CloudFormation"},
        {"Resources:\n  Web:\n    Type: AWS::ECS::Service\n", "CloudFormation"},
        {"{\"Resources\": {\"Web\": {\"Type\": \"AWS::ECS::Service\"}}}", "CloudFormation"},
        {"", ""},
        {"\n\n", ""},
        {"{\"a\": 1", ""},
        {"{\n  serviceName: 1\n}", ""},
        {"hello", ""},
        {"http://x/y", ""},
        {"<html>", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_string_equal(format_of(wanted[i].text), wanted[i].format);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
