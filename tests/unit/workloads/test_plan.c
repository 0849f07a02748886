/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Containers in, tasks and instances out: who is one, where it is reached, what it is told. One function is tested, by one
 * test for each rule, which makes it long. */
#include "plan_lab.h"

static void test_one_container(void **state)
{
    struct lab *lab = *state;
    struct container *backend = add(lab, "b", "svcconnect.service=Backend svcconnect.weight=7");
    const struct workload *items;

    on_network(backend, "bridge", "198.51.100.2");
    assert_int_equal(container_add_port(backend, 8080, TCP), 0);
    items = plan(lab);
    assert_true(items[0].is_task);
    assert_string_equal(items[0].namespace_name, "default");
    assert_string_equal(items[0].service, "Backend");
    assert_string_equal(items[0].note, "");
    expect_address(&items[0], "198.51.100.2");
    expect_instance(&items[0], 0, "Backend", 8080);
    assert_int_equal(items[0].n_instances, 1);
    assert_string_equal(items[0].instances[0].id, "000000000001-1000");
    assert_int_equal(items[0].instances[0].weight, 7);
    assert_true(items[0].instances[0].is_healthy);
    assert_int_equal(items[0].instances[0].n_aliases, 2);
    assert_string_equal(items[0].instances[0].aliases[0].dns_name, "backend");
    assert_int_equal(items[0].instances[0].aliases[0].port, 8080);
    assert_int_equal(items[0].instances[0].aliases[1].port, 80);
}

static void test_left_alone(void **state)
{
    struct lab *lab = *state;
    const struct workload *items;

    add(lab, "plain", "com.docker.compose.project=shop");
    add(lab, "off", "svcconnect.service=a svcconnect.enable=false");
    add(lab, "wrong", "svcconnect.service=a svcconnect.port=http");
    add(lab, "over", "svcconnect.service=a")->state = CONTAINER_ENDED;
    items = plan(lab);
    for (size_t i = 0; i < 4; i++) {
        assert_false(items[i].is_task);
        assert_int_equal(items[i].n_instances, 0);
        assert_true(*items[i].why_not);
    }
    assert_non_null(strstr(items[2].why_not, "svcconnect.port"));
    assert_non_null(strstr(items[3].why_not, "ended"));
}

static void test_only_a_client(void **state)
{
    struct lab *lab = *state;
    const struct workload *items;

    add(lab, "client", "svcconnect.enable=true com.docker.compose.project=shop");
    items = plan(lab);
    assert_true(items[0].is_task);
    assert_string_equal(items[0].namespace_name, "shop");
    assert_string_equal(items[0].service, "");
    assert_string_equal(items[0].note, "");
}

static void test_ports(void **state)
{
    struct lab *lab = *state;
    struct container *named =
        add(lab, "n", "svcconnect.service=s svcconnect.port.admin=9090 svcconnect.port=53/udp");
    struct container *many = add(lab, "m", "svcconnect.service=t");
    struct container *none = add(lab, "o", "svcconnect.service=u");
    const struct workload *items;

    on_network(named, "bridge", "198.51.100.2");
    on_network(many, "bridge", "198.51.100.3");
    on_network(none, "bridge", "198.51.100.4");
    assert_int_equal(container_add_port(many, 443, TCP), 0);
    assert_int_equal(container_add_port(many, 80, TCP), 0);
    assert_int_equal(container_add_port(many, 80, TCP), 0);
    items = plan(lab);
    assert_int_equal(items[0].n_instances, 2);
    expect_instance(&items[0], 0, "s", 53);
    assert_int_equal(items[0].instances[0].protocol, UDP);
    assert_int_equal(items[0].instances[0].n_aliases, 1); /* no 80 for UDP */
    expect_instance(&items[0], 1, "s-admin", 9090);
    assert_string_equal(items[0].instances[1].aliases[0].dns_name, "s");
    assert_int_equal(items[0].instances[1].n_aliases, 1);
    assert_int_equal(items[1].n_instances, 0);
    assert_non_null(strstr(items[1].note, "exposes 2 ports"));
    assert_int_equal(items[2].n_instances, 0);
    assert_string_equal(items[2].note, ""); /* a client */
}

static void test_aliases(void **state)
{
    struct lab *lab = *state;
    struct container *backend =
        add(lab, "b", "svcconnect.service=s svcconnect.port=8080 svcconnect.alias=api:80,db");
    const struct workload *items;

    on_network(backend, "bridge", "198.51.100.2");
    items = plan(lab);
    assert_int_equal(items[0].instances[0].n_aliases, 2);
    assert_string_equal(items[0].instances[0].aliases[0].dns_name, "api");
    assert_int_equal(items[0].instances[0].aliases[0].port, 80);
    assert_string_equal(items[0].instances[0].aliases[1].dns_name, "db");
    assert_int_equal(items[0].instances[0].aliases[1].port, 8080);
}

static void test_networks(void **state)
{
    struct lab *lab = *state;
    struct container *labelled = add(
        lab, "a",
        "svcconnect.service=s svcconnect.port=80 svcconnect.network=front com.docker.compose.project=shop");
    struct container *shared =
        add(lab, "b", "svcconnect.service=t svcconnect.port=80 com.docker.compose.project=shop");
    struct container *host = add(lab, "c", "svcconnect.service=u svcconnect.port=80");
    struct container *lost =
        add(lab, "d", "svcconnect.service=v svcconnect.port=80 svcconnect.network=nowhere");
    const struct workload *items;

    on_network(labelled, "aaa", "198.51.100.2");
    on_network(labelled, "shop_front", "203.0.113.2");
    on_network(shared, "aab", "198.51.100.3");
    on_network(shared, "shop_front", "203.0.113.3");
    on_network(lost, "aaa", "198.51.100.4");
    host->network_mode = CONTAINER_HOST_NETWORK;
    items = plan(lab);
    expect_address(&items[0], "203.0.113.2");
    assert_string_equal(items[0].note, "");
    expect_address(&items[1], "203.0.113.3"); /* shared with two tasks of the namespace, aab with one */
    assert_non_null(strstr(items[1].note, "svcconnect.network"));
    assert_int_equal(items[2].n_instances, 0);
    assert_non_null(strstr(items[2].note, "no address"));
    assert_int_equal(items[3].n_instances, 0);
    assert_non_null(strstr(items[3].note, "nowhere"));
    lab->settings.has_host_address = true;
    assert_int_equal(ip_address_parse("192.0.2.7", &lab->settings.host_address), 0);
    items = plan(lab);
    expect_address(&items[2], "192.0.2.7");
    assert_int_equal(items[2].n_instances, 1);
}

static void expect_published(const struct workload *workload, const char *address, uint16_t port)
{
    char text[INET6_ADDRSTRLEN + 1];

    assert_int_equal(workload->n_instances, 1);
    assert_int_equal(workload->instances[0].published_port, port);
    if (port)
        assert_string_equal(ip_address_format(&workload->instances[0].published, text), address);
}

static void publish(struct container *container, uint16_t port, const char *address, uint16_t of_host)
{
    struct container_port published = {.port = port, .protocol = TCP, .published_port = of_host};

    if (*address)
        assert_int_equal(ip_address_parse(address, &published.published), 0);
    assert_int_equal(container_publish_port(container, &published), 0);
}

static void test_published_ports(void **state)
{
    struct lab *lab = *state;
    struct container *containers[] = {add(lab, "a", "svcconnect.service=s"),
                                      add(lab, "b", "svcconnect.service=s svcconnect.port=80"),
                                      add(lab, "c", "svcconnect.service=s svcconnect.port=80"),
                                      add(lab, "d", "svcconnect.service=s svcconnect.port=80/udp")};
    const struct workload *items;

    for (size_t i = 0; i < ARRAY_SIZE(containers); i++)
        on_network(containers[i], "bridge", "198.51.100.2");
    publish(containers[0], 80, "0.0.0.0", 32768);
    publish(containers[1], 80, "192.0.2.9", 8080);
    publish(containers[2], 80, "127.0.0.1", 8080);
    publish(containers[3], 80, "192.0.2.9", 8080); /* TCP */
    items = plan(lab);
    expect_published(&items[0], "", 0); /* nobody knows this host's address */
    lab->settings.has_host_address = true;
    assert_int_equal(ip_address_parse("192.0.2.7", &lab->settings.host_address), 0);
    items = plan(lab);
    expect_published(&items[0], "192.0.2.7", 32768);
    expect_published(&items[1], "192.0.2.9", 8080);
    expect_published(&items[2], "", 0);
    expect_published(&items[3], "", 0);
}

static void test_health(void **state)
{
    struct lab *lab = *state;
    struct container *backend = add(lab, "a", "svcconnect.service=s svcconnect.port=80");
    struct container *early =
        add(lab, "b", "svcconnect.service=s svcconnect.port=80 svcconnect.serve-while-starting=true");
    const struct workload *items;

    on_network(backend, "bridge", "198.51.100.2");
    on_network(early, "bridge", "198.51.100.3");
    backend->health = early->health = CONTAINER_STARTING;
    items = plan(lab);
    assert_false(items[0].instances[0].is_healthy);
    assert_true(items[1].instances[0].is_healthy);
    backend->health = CONTAINER_HEALTHY;
    early->health = CONTAINER_UNHEALTHY;
    items = plan(lab);
    assert_true(items[0].instances[0].is_healthy);
    assert_false(items[1].instances[0].is_healthy);
    backend->state = CONTAINER_PAUSED;
    early->state = CONTAINER_ENDING;
    items = plan(lab);
    assert_false(items[0].instances[0].is_healthy);
    assert_true(items[1].instances[0].is_draining);
    backend->state = CONTAINER_CREATED; /* a task already, but nobody to talk to */
    items = plan(lab);
    assert_true(items[0].is_task);
    assert_int_equal(items[0].n_instances, 0);
}

static void test_one_network_namespace_is_one_task(void **state)
{
    struct lab *lab = *state;
    struct container *sidecar = add(lab, "sidecar", "");
    struct container *third = add(lab, "third", "");
    struct container *app =
        add(lab, "app", "svcconnect.service=s svcconnect.port=80 svcconnect.namespace=shop");
    struct container *off = add(lab, "off", "svcconnect.enable=false");
    const struct workload *items;

    on_network(app, "bridge", "198.51.100.2");
    sidecar->network_mode = third->network_mode = off->network_mode = CONTAINER_SHARED_NETWORK;
    sidecar->shares_with = strdup(app->id);
    third->shares_with = strdup("sidecar");
    off->shares_with = strdup("app");
    items = plan(lab);
    for (size_t i = 0; i < 3; i++) {
        assert_true(items[i].is_task);
        assert_string_equal(items[i].namespace_name, "shop");
        assert_string_equal(items[i].service, "s");
        assert_int_equal(items[i].group, 0);
    }
    assert_int_equal(items[0].n_instances, 0);
    assert_int_equal(items[2].n_instances, 1);
    assert_false(items[3].is_task);
}

static void test_labels_of_a_sidecar_serve_at_the_address_of_its_network(void **state)
{
    struct lab *lab = *state;
    struct container *pause = add(lab, "pause", "");
    struct container *app = add(lab, "app", "svcconnect.service=s svcconnect.port=80");
    const struct workload *items;

    on_network(pause, "bridge", "198.51.100.2");
    app->network_mode = CONTAINER_SHARED_NETWORK;
    app->shares_with = strdup("pause");
    items = plan(lab);
    assert_int_equal(items[1].n_instances, 1);
    expect_address(&items[1], "198.51.100.2");
    lab->containers[0] = app; /* whichever comes first */
    lab->containers[1] = pause;
    items = plan(lab);
    assert_int_equal(items[0].n_instances, 1);
    expect_address(&items[0], "198.51.100.2");
}

static void test_contradictions_are_told(void **state)
{
    struct lab *lab = *state;
    static const char task[] = "com.amazonaws.ecs.task-arn=arn:t com.amazonaws.ecs.task-definition-family=f";
    char labels[200];
    const struct workload *items;

    (void)snprintf(labels, sizeof(labels), "%s svcconnect.service=two svcconnect.namespace=n2", task);
    add(lab, "z", labels);
    (void)snprintf(labels, sizeof(labels), "%s svcconnect.service=one svcconnect.namespace=n1", task);
    add(lab, "y", labels);
    items = plan(lab);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(items[i].namespace_name, "n1");
        assert_string_equal(items[i].service, "one");
    }
    assert_non_null(strstr(items[0].note, "\"n1\""));
    assert_non_null(strstr(items[0].note, "\"one\""));
}

static bool has_backend(const char *namespace_name, const char *dns_name, void *user)
{
    (void)user;
    return strcmp(namespace_name, "shop") == 0 && strcmp(dns_name, "backend") == 0;
}

static void test_hidden_names(void **state)
{
    struct lab *lab = *state;
    struct container *client =
        add(lab, "web", "svcconnect.service=web svcconnect.port=80 svcconnect.namespace=shop");
    struct container *ours = add(lab, "shop-backend-1",
                                 "svcconnect.service=backend svcconnect.port=80 svcconnect.namespace=shop "
                                 "com.docker.compose.service=backend");
    struct container *other = add(lab, "backend", "");
    struct container *far = add(lab, "far", "com.docker.compose.service=backend");
    const struct workload *items;

    lab->settings.has_name = has_backend;
    on_network(client, "net", "198.51.100.2");
    on_network(ours, "net", "198.51.100.3");
    on_network(other, "net", "198.51.100.4");
    on_network(far, "elsewhere", "203.0.113.2");
    items = plan(lab);
    assert_string_equal(items[0].note, "");
    assert_string_equal(items[1].note, "");
    assert_non_null(strstr(items[2].note, "\"backend\""));
    assert_string_equal(items[3].note, "");
}

static bool has_nothing(const char *namespace_name, const char *dns_name, void *user)
{
    (void)namespace_name;
    (void)dns_name;
    (void)user;
    return false;
}

/* The service is registered after the plan, which nobody makes anew for that. */
static void test_names_that_the_plan_hides(void **state)
{
    struct lab *lab = *state;
    struct container *ours =
        add(lab, "ours", "svcconnect.service=plain svcconnect.port=80 svcconnect.namespace=shop");
    struct container *other = add(lab, "plain", "");
    const struct workload *items;

    lab->settings.has_name = has_nothing;
    on_network(ours, "net", "198.51.100.3");
    on_network(other, "net", "198.51.100.4");
    items = plan(lab);
    assert_string_equal(items[0].note, "");
    assert_non_null(strstr(items[1].note, "reach the service \"plain\" by this name"));
    /* Without an address there is no instance, so no service, and nothing is hidden. */
    ours->n_networks--;
    items = plan(lab);
    ours->n_networks++;
    assert_string_equal(items[1].note, "");
}

/* The order in which a runtime lists its containers decides nothing. */
static void test_order(void **state)
{
    struct lab *lab = *state;
    struct container *swap;
    const struct workload *items;

    add(lab, "b", "com.amazonaws.ecs.task-arn=t svcconnect.service=bee");
    add(lab, "a", "com.amazonaws.ecs.task-arn=t svcconnect.service=aye");
    items = plan(lab);
    assert_string_equal(items[0].service, "aye");
    swap = lab->containers[0];
    lab->containers[0] = lab->containers[1];
    lab->containers[1] = swap;
    items = plan(lab);
    assert_string_equal(items[0].service, "aye");
    assert_string_equal(items[1].service, "aye");
}

static void test_many(void **state)
{
    struct lab *lab = *state;
    const struct workload *items;

    for (int i = 0; i < LAB_MAX; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "c%d", i);
        on_network(add(lab, name, "svcconnect.service=s svcconnect.port=80"), "net", "198.51.100.2");
        if (i > 0) {
            lab->containers[i]->network_mode = CONTAINER_SHARED_NETWORK;
            lab->containers[i]->shares_with = strdup(lab->containers[i - 1]->name);
        }
    }
    items = plan(lab);
    for (size_t i = 0; i < LAB_MAX; i++) {
        assert_int_equal(items[i].group, 0);
        assert_int_equal(items[i].n_instances, 1);
    }
}
static void test_long_names(void **state)
{
    struct lab *lab = *state;
    char labels[600];
    struct container *backend;
    const struct workload *items;

    (void)snprintf(labels, sizeof(labels), "svcconnect.service=%063d.%063d svcconnect.port.%060d=80", 1, 1,
                   1);
    backend = add(lab, "b", labels);
    on_network(backend, "net", "198.51.100.2");
    items = plan(lab);
    assert_true(items[0].is_task);
    assert_int_equal(items[0].n_instances, 0);
    assert_non_null(strstr(items[0].note, "too long"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_one_container),
        TEST(test_left_alone),
        TEST(test_only_a_client),
        TEST(test_ports),
        TEST(test_aliases),
        TEST(test_networks),
        TEST(test_published_ports),
        TEST(test_health),
        TEST(test_one_network_namespace_is_one_task),
        TEST(test_labels_of_a_sidecar_serve_at_the_address_of_its_network),
        TEST(test_contradictions_are_told),
        TEST(test_hidden_names),
        TEST(test_names_that_the_plan_hides),
        TEST(test_order),
        TEST(test_many),
        TEST(test_long_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
