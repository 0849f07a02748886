/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Docker's and podman's answers, and texts that are none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "runtimes/docker_json.h"

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct container *inspect(const char *text)
{
    struct container *container = NULL;
    struct error error = {0};

    if (docker_read_inspect("docker", text, strlen(text), &container, &error) < 0)
        fail_msg("%s", error.message);
    return container;
}

static void test_a_running_container(void **state)
{
    _cleanup_container_ struct container *container = inspect(
        "{\"Id\":\"" ID
        "\",\"Name\":\"/shop-backend-1\",\"Config\":{\"Image\":\"app:1\",\"Labels\":{\"svcconnect.service\":"
        "\"backend\",\"other\":\"x\",\"svcconnect.weight\":3},\"ExposedPorts\":{\"8080/tcp\":{},\"53/"
        "udp\":{},\"1/sctp\":{},"
        "\"x\":{}}},\"State\":{\"Status\":\"running\",\"Pid\":77,\"StartedAt\":\"2026-11-28T20:57:01."
        "123456789Z\","
        "\"Health\":{\"Status\":\"starting\"}},\"HostConfig\":{\"NetworkMode\":\"shop_default\"},"
        "\"NetworkSettings\":"
        "{\"Networks\":{\"shop_default\":{\"IPAddress\":\"203.0.113.2\",\"GlobalIPv6Address\":\"\"},\"a\":{}}"
        "}}");

    (void)state;
    assert_string_equal(container->id, ID);
    assert_string_equal(container->name, "shop-backend-1");
    assert_string_equal(container->image, "app:1");
    assert_string_equal(container->runtime, "docker");
    assert_int_equal(container->state, CONTAINER_RUNNING);
    assert_int_equal(container->health, CONTAINER_STARTING);
    assert_int_equal(container->pid, 77);
    assert_int_equal(container->started_at, 1795899421);
    assert_int_equal(container->n_labels, 1);
    assert_string_equal(container_label(container, "svcconnect.service"), "backend");
    assert_int_equal(container->n_ports, 2);
    assert_int_equal(container->ports[0].port, 8080);
    assert_int_equal(container->ports[1].protocol, UDP);
    assert_int_equal(container->n_networks, 2);
    assert_false(container->networks[0].has_v4);
    assert_true(container->networks[1].has_v4);
    assert_int_equal(container->network_mode, CONTAINER_OWN_NETWORK);
}

static void test_published_ports(void **state)
{
    _cleanup_container_ struct container *container = inspect(
        "{\"Id\":\"" ID "\",\"Config\":{\"ExposedPorts\":{\"80/tcp\":{},\"9/udp\":{}}},\"NetworkSettings\":{"
        "\"Ports\":{\"80/tcp\":[{\"HostIp\":\"192.0.2.1\",\"HostPort\":\"8080\"},{\"HostIp\":\"::\","
        "\"HostPort\":\"8081\"}],\"81/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"82\"}],\"9/udp\":null,"
        "\"x\":[{}],\"70/tcp\":[{\"HostPort\":\"0\"},{\"HostPort\":5},7]}}}");
    char text[IP_ADDRESS_TEXT_SIZE];

    (void)state;
    assert_int_equal(container->n_ports, 3);
    assert_int_equal(container->ports[0].port, 80);
    assert_int_equal(container->ports[0].published_port, 8080);
    assert_string_equal(ip_address_format(&container->ports[0].published, text), "192.0.2.1");
    assert_int_equal(container->ports[1].port, 81);
    assert_int_equal(container->ports[1].published_port, 82);
    assert_int_equal(container->ports[2].protocol, UDP);
    assert_int_equal(container->ports[2].published_port, 0);
}

static void test_how_long_it_may_take_to_stop(void **state)
{
    static const struct {
        const char *said;
        uint32_t expected;
    } cases[] = {
        {"30", 30},
        {"0", 0},
        {"null", CONTAINER_STOP_S},
        {"-1", CONTAINER_STOP_S},
        {"\"30\"", CONTAINER_STOP_S},
        {"1e12", DOCKER_STOP_MAX},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[200];
        _cleanup_container_ struct container *container = NULL;

        (void)snprintf(text, sizeof(text), "{\"Id\":\"" ID "\",\"Config\":{\"StopTimeout\":%s}}",
                       cases[i].said);
        container = inspect(text);
        assert_int_equal(container->stop_timeout_s, cases[i].expected);
    }
}

static void test_states(void **state)
{
    static const struct {
        const char *status;
        enum container_state expected;
    } cases[] = {
        {"created", CONTAINER_CREATED}, {"configured", CONTAINER_CREATED}, {"running", CONTAINER_RUNNING},
        {"paused", CONTAINER_PAUSED},   {"stopping", CONTAINER_ENDING},    {"exited", CONTAINER_ENDED},
        {"removing", CONTAINER_ENDED},  {"restarting", CONTAINER_ENDED},   {"what", CONTAINER_ENDED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_container_ struct container *container = NULL;
        char text[200];

        (void)snprintf(text, sizeof(text), "{\"Id\":\"" ID "\",\"State\":{\"Status\":\"%s\"}}",
                       cases[i].status);
        container = inspect(text);
        assert_int_equal(container->state, cases[i].expected);
        assert_string_equal(container->name, "");
    }
}

static void test_network_modes_and_times(void **state)
{
    _cleanup_container_ struct container *shared = inspect(
        "{\"Id\":\"" ID "\",\"HostConfig\":{\"NetworkMode\":\"container:abc\"},\"State\":{\"StartedAt\":"
        "\"2026-11-28T22:57:01.5+02:00\"}}");
    _cleanup_container_ struct container *host = inspect(
        "{\"Id\":\"" ID
        "\",\"HostConfig\":{\"NetworkMode\":\"host\"},\"State\":{\"StartedAt\":\"0001-01-01T00:00:00Z\"}}");
    _cleanup_container_ struct container *none =
        inspect("{\"Id\":\"" ID
                "\",\"HostConfig\":{\"NetworkMode\":\"none\"},\"State\":{\"StartedAt\":\"yesterday\"}}");

    (void)state;
    assert_int_equal(shared->network_mode, CONTAINER_SHARED_NETWORK);
    assert_string_equal(shared->shares_with, "abc");
    assert_int_equal(shared->started_at, 1795899421);
    assert_int_equal(host->network_mode, CONTAINER_HOST_NETWORK);
    assert_int_equal(host->started_at, 0);
    assert_int_equal(none->network_mode, CONTAINER_NO_NETWORK);
    assert_int_equal(none->started_at, 0);
}

static void test_what_is_no_container(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "{}",
                                      "{\"Id\":5}",
                                      "{\"Id\":\"\"}",
                                      "{\"Id\":\"../../etc\"}",
                                      "{\"Id\":\"" ID "0\"}",
                                      "null"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct container *container = (void *)0x1;
        struct error error = {0};

        assert_int_equal(docker_read_inspect("docker", bad[i], strlen(bad[i]), &container, &error), -EINVAL);
        assert_ptr_equal(container, (void *)0x1);
        assert_true(*error.message);
    }
}

/* Members of other types than they should have are not said. */
static void test_other_types(void **state)
{
    _cleanup_container_ struct container *container = inspect(
        "{\"Id\":\"" ID
        "\",\"Name\":7,\"Config\":[],\"State\":\"x\",\"HostConfig\":5,\"NetworkSettings\":{\"Networks\":"
        "[{\"IPAddress\":1}]}}");

    (void)state;
    assert_int_equal(container->state, CONTAINER_ENDED);
}

static void test_lists(void **state)
{
    static const char text[] = "[{\"Id\":\"" ID "\"},{\"Id\":\"abc\"},{\"Id\":\"no id\"},7,{}]";
    char(*ids)[DOCKER_ID_MAX + 1] = NULL;
    size_t n = 0;

    (void)state;
    assert_int_equal(docker_read_list(text, strlen(text), &ids, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_string_equal(ids[0], ID);
    assert_string_equal(ids[1], "abc");
    free(ids);
    assert_int_equal(docker_read_list("{", 1, &ids, &n, NULL), -EINVAL);
}

static enum docker_action action_of_event(const char *type, const char *action, const char *attributes)
{
    struct docker_event event = {0};
    struct error error = {0};
    char text[400];

    (void)snprintf(text, sizeof(text),
                   "{\"Type\":\"%s\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"" ID "\",\"Attributes\":{%s}}}",
                   type, action, attributes);
    if (docker_read_event("docker", text, strlen(text), &event, &error) < 0)
        fail_msg("%s", error.message);
    container_free(&event.container);
    return event.action;
}

static void test_events(void **state)
{
    (void)state;
    assert_int_equal(action_of_event("container", "start", ""), DOCKER_CHANGED);
    assert_int_equal(action_of_event("container", "died", ""), DOCKER_CHANGED);
    assert_int_equal(action_of_event("container", "health_status: healthy", ""), DOCKER_CHANGED);
    assert_int_equal(action_of_event("container", "started", ""), DOCKER_OTHER);
    assert_int_equal(action_of_event("container", "exec_create: ls", ""), DOCKER_OTHER);
    assert_int_equal(action_of_event("container", "kill", "\"signal\":\"15\""), DOCKER_ENDING);
    assert_int_equal(action_of_event("container", "kill", "\"signal\":\"1\""), DOCKER_OTHER);
    assert_int_equal(action_of_event("container", "destroy", ""), DOCKER_DESTROYED);
    assert_int_equal(action_of_event("container", "remove", ""), DOCKER_DESTROYED);
    assert_int_equal(action_of_event("network", "connect", "\"container\":\"" ID "\""), DOCKER_CHANGED);
    assert_int_equal(action_of_event("network", "connect", "\"name\":\"web\",\"podId\":\"\""),
                     DOCKER_CHANGED);
    assert_int_equal(action_of_event("network", "create", ""), DOCKER_OTHER);
    assert_int_equal(action_of_event("image", "create", ""), DOCKER_OTHER);
}

static void test_a_created_one_has_its_labels(void **state)
{
    static const char text[] =
        "{\"Type\":\"container\",\"Action\":\"create\",\"Actor\":{\"ID\":\"" ID
        "\",\"Attributes\":{\"name\":\"web\",\"image\":\"app\",\"svcconnect.service\":\"s\"}}}";
    struct docker_event event = {0};

    (void)state;
    assert_int_equal(docker_read_event("podman", text, strlen(text), &event, NULL), 0);
    assert_int_equal(event.action, DOCKER_CREATED);
    assert_int_equal(event.container->state, CONTAINER_CREATED);
    assert_string_equal(event.container->name, "web");
    assert_string_equal(event.container->runtime, "podman");
    assert_string_equal(container_label(event.container, "svcconnect.service"), "s");
    container_free(&event.container);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_running_container),
        cmocka_unit_test(test_published_ports),
        cmocka_unit_test(test_how_long_it_may_take_to_stop),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_network_modes_and_times),
        cmocka_unit_test(test_what_is_no_container),
        cmocka_unit_test(test_other_types),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_a_created_one_has_its_labels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
