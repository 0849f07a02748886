/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What containers of a task definition are by a stored document, in each of the forms in which documents come. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "documents/task_ports.h"

#define CONTAINERS                                                                                           \
    "\"containerDefinitions\":[{\"name\":\"app\",\"portMappings\":[{\"name\":\"http\",\"containerPort\":"    \
    "8080},"                                                                                                 \
    "{\"name\":\"stat\",\"containerPort\":9,\"protocol\":\"udp\"}]},{\"name\":\"side\",\"portMappings\":[{"  \
    "\"name\":\"admin\",\"containerPort\":90}]}]"
#define BLOCK                                                                                                \
    "\"serviceConnectConfiguration\":{\"enabled\":true,\"services\":[{\"portName\":\"http\","                \
    "\"discoveryName\":\"web\"},"                                                                            \
    "{\"portName\":\"stat\"},{\"portName\":\"admin\",\"discoveryName\":\"web-admin\"},{\"portName\":"        \
    "\"nobody\"}]}"

/* "family NAME:CONTAINER:PORT/udp ..."; the caller frees it. */
static char *read_ports(const char *text)
{
    struct task_ports ports = {0};
    char *result = calloc(1, 1024);
    int r = task_ports_read(text, strlen(text), &ports);

    assert_non_null(result);
    if (r < 0) {
        (void)snprintf(result, 1024, "%s", r == -EINVAL ? "none" : r == -E2BIG ? "too long" : "failed");
        return result;
    }
    (void)snprintf(result, 1024, "%s", ports.family);
    for (size_t i = 0; i < ports.n; i++) {
        const struct task_port *port = &ports.items[i];

        (void)snprintf(result + strlen(result), 1024 - strlen(result), " %s:%s:%u%s", port->discovery_name,
                       port->container ? port->container : "?", port->port,
                       port->protocol == UDP ? "/udp" : "");
    }
    task_ports_done(&ports);
    return result;
}

static void expect(const char *text, const char *expected)
{
    _cleanup_free_ char *found = read_ports(text);

    assert_string_equal(found, expected);
}

static void test_the_forms_of_documents(void **state)
{
    static const char all[] = "shop web:app:8080 stat:app:9/udp web-admin:side:90";

    (void)state;
    expect("{\"family\":\"shop\"," CONTAINERS "," BLOCK "}", all);
    expect("{\"serviceName\":\"s\",\"taskDefinition\":{\"family\":\"shop\"," CONTAINERS "}," BLOCK "}", all);
    expect("{\"serviceName\":\"s\",\"taskDefinition\":{\"family\":\"shop\"," CONTAINERS "," BLOCK "}}", all);
    expect("{\"serviceName\":\"shop\",\"taskDefinition\":{" CONTAINERS "}," BLOCK "}", all);
    expect("{\"serviceName\":\"s\",\"taskDefinition\":{\"family\":\"shop\"," CONTAINERS
           "},\"deployments\":[{\"status\":"
           "\"ACTIVE\"},{\"status\":\"PRIMARY\"," BLOCK "}]}",
           all);
}

static void test_a_definition_that_is_elsewhere(void **state)
{
    (void)state;
    expect("{\"serviceName\":\"s\",\"taskDefinition\":\"shop:3\"," BLOCK "}",
           "shop web:?:0 stat:?:0 web-admin:?:0 nobody:?:0");
    expect("{\"serviceName\":\"s\",\"taskDefinition\":\"arn:aws:ecs:us-east-1:1:task-definition/shop:3\"}",
           "shop");
    expect("{\"serviceName\":\"s\",\"deployments\":[{\"taskDefinition\":\"a/shop:3\"," BLOCK "}]}",
           "shop web:?:0 stat:?:0 web-admin:?:0 nobody:?:0");
}

static void test_the_only_mapping(void **state)
{
    (void)state;
    expect("{\"family\":\"shop\",\"containerDefinitions\":[{\"name\":\"app\",\"portMappings\":[{"
           "\"containerPort\":80}]}],"
           "\"serviceConnectConfiguration\":{\"services\":[{\"portName\":\"any\"}]}}",
           "shop any:app:80");
}

static void test_what_is_left_out(void **state)
{
    static char longer[TASK_PORTS_TEXT_MAX + 2];

    (void)state;
    expect("{\"namespace\":\"n\",\"routes\":[]}", "none");
    expect("not JSON", "none");
    expect("[]", "none");
    expect("{\"family\":7," CONTAINERS "," BLOCK "}", "none");
    expect("{\"family\":\"shop\"," CONTAINERS
           ",\"serviceConnectConfiguration\":{\"enabled\":false,\"services\":[{"
           "\"portName\":\"http\"}]}}",
           "shop");
    expect("{\"family\":\"shop\"," CONTAINERS
           ",\"serviceConnectConfiguration\":{\"services\":[7,{},{\"portName\":5},"
           "{\"portName\":\"http\",\"discoveryName\":\"a b\"}]}}",
           "shop");
    expect("{\"family\":\"shop\",\"containerDefinitions\":[{\"name\":\"a\",\"portMappings\":[{"
           "\"containerPort\":70000}]}],"
           "\"serviceConnectConfiguration\":{\"services\":[{\"portName\":\"any\"}]}}",
           "shop");
    memset(longer, ' ', sizeof(longer) - 1);
    expect(longer, "too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_forms_of_documents),
        cmocka_unit_test(test_a_definition_that_is_elsewhere),
        cmocka_unit_test(test_the_only_mapping),
        cmocka_unit_test(test_what_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
