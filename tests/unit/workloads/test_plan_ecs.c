/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Containers of ECS: what they serve is in the document of their task definition. */
#include "plan_lab.h"

static const struct workload_port shop_ports[] = {
    {"web", "app", 8080, TCP}, {"web-stat", "app", 9, UDP}, {"web-admin", "side", 90, TCP}};
static const struct workload_port moved_ports[] = {{"moved", NULL, 0, TCP}};
static const struct workload_document shop = {
    .namespace_name = "prod", .name = "shop-doc", .ports = shop_ports, .n_ports = 3};
static const struct workload_document moved = {.namespace_name = "prod",
                                               .name = "moved-doc",
                                               .ports = moved_ports,
                                               .n_ports = 1,
                                               .is_one_of_several = true};

static const struct workload_document *find_document(const char *family, const char *namespace_name,
                                                     const char *cluster, void *user)
{
    (void)user;
    assert_true(!namespace_name || strcmp(namespace_name, "said") == 0);
    assert_true(!cluster || strcmp(cluster, "blue") == 0);
    if (namespace_name)
        return NULL;
    return strcmp(family, "shop") == 0 ? &shop : strcmp(family, "moved") == 0 ? &moved : NULL;
}

#define ECS(family, name)                                                                                    \
    "com.amazonaws.ecs.task-arn=arn:" family " com.amazonaws.ecs.cluster=arn:aws:ecs:x:1:cluster/blue "      \
    "com.amazonaws.ecs.task-definition-family=" family " com.amazonaws.ecs.container-name=" name

static void test_documents_of_ecs(void **state)
{
    struct lab *lab = *state;
    struct container *pause = add(lab, "pause", ECS("shop", "~internal~ecs~pause"));
    struct container *app = add(lab, "app", ECS("shop", "app"));
    struct container *side = add(lab, "side", ECS("shop", "side"));
    struct container *labelled =
        add(lab, "labelled", ECS("shop2", "app") " svcconnect.service=own svcconnect.port=5");
    struct container *unknown = add(lab, "unknown", ECS("other", "app"));
    struct container *said = add(lab, "said", ECS("shop3", "app") " svcconnect.namespace=said");
    const struct workload *items;

    pause->network_mode = CONTAINER_NO_NETWORK;
    app->network_mode = side->network_mode = CONTAINER_SHARED_NETWORK;
    app->shares_with = strdup(pause->id);
    side->shares_with = strdup(pause->id);
    pause->has_own_address = app->has_own_address = side->has_own_address = true;
    assert_int_equal(ip_address_parse("10.0.0.5", &app->own_address), 0);
    pause->own_address = side->own_address = app->own_address;
    side->health = CONTAINER_UNHEALTHY; /* as Docker checks it for ECS */
    on_network(labelled, "bridge", "198.51.100.2");
    on_network(unknown, "bridge", "198.51.100.3");
    on_network(said, "bridge", "198.51.100.4");
    lab->settings.find_document = find_document;
    items = plan(lab);
    for (size_t i = 0; i < 3; i++) {
        assert_true(items[i].is_task);
        assert_string_equal(items[i].namespace_name, "prod");
        assert_string_equal(items[i].service, "shop-doc");
        assert_string_equal(items[i].note, "");
        expect_address(&items[i], "10.0.0.5");
    }
    assert_int_equal(items[0].n_instances, 0);
    assert_int_equal(items[1].n_instances, 2);
    expect_instance(&items[1], 0, "web", 8080);
    expect_instance(&items[1], 1, "web-stat", 9);
    assert_int_equal(items[1].instances[1].protocol, UDP);
    assert_int_equal(items[1].instances[0].n_aliases, 0); /* the document declares its names */
    assert_true(items[1].instances[0].is_healthy);
    assert_int_equal(items[2].n_instances, 1);
    expect_instance(&items[2], 0, "web-admin", 90);
    assert_false(items[2].instances[0].is_healthy);
    expect_instance(&items[3], 0, "own", 5); /* labels go before */
    assert_string_equal(items[3].namespace_name, "blue");
    assert_true(items[4].is_task); /* a client of the cluster's namespace */
    assert_string_equal(items[4].namespace_name, "blue");
    assert_int_equal(items[4].n_instances, 0);
    assert_string_equal(items[5].namespace_name, "said");
}

static void test_a_task_definition_that_is_elsewhere(void **state)
{
    struct lab *lab = *state;
    struct container *exposed = add(lab, "exposed", ECS("moved", "app"));
    struct container *labelled =
        add(lab, "labelled", "com.amazonaws.ecs.task-definition-family=moved svcconnect.port=81/udp");
    struct container *silent = add(lab, "silent", "com.amazonaws.ecs.task-definition-family=moved");
    const struct workload *items;

    on_network(exposed, "bridge", "198.51.100.2");
    on_network(labelled, "bridge", "198.51.100.3");
    on_network(silent, "bridge", "198.51.100.4");
    assert_int_equal(container_add_port(exposed, 80, TCP), 0);
    lab->settings.find_document = find_document;
    items = plan(lab);
    expect_instance(&items[0], 0, "moved", 80);
    assert_non_null(strstr(items[0].note, "moved-doc"));
    expect_instance(&items[1], 0, "moved", 81);
    assert_int_equal(items[1].instances[0].protocol, UDP);
    assert_int_equal(items[2].n_instances, 0);
}

/* Of a network that somebody else made for it: no runtime tells its address. */
static void test_its_own_address(void **state)
{
    struct lab *lab = *state;
    struct container *none = add(lab, "none", "svcconnect.service=s svcconnect.port=80");
    struct container *user = add(lab, "user", "svcconnect.service=s svcconnect.port=80");
    const struct workload *items;

    none->has_own_address = user->has_own_address = true;
    assert_int_equal(ip_address_parse("10.0.0.5", &none->own_address), 0);
    none->network_mode = CONTAINER_NO_NETWORK; /* `user` has one of pasta's, with the host's address */
    items = plan(lab);
    expect_address(&items[0], "10.0.0.5");
    assert_int_equal(items[0].n_instances, 1);
    assert_false(items[1].has_address);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_documents_of_ecs),
        TEST(test_a_task_definition_that_is_elsewhere),
        TEST(test_its_own_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
