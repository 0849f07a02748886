/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Containers of ECS's agent and the documents of their task definitions, whichever of them is there first. */
#include "unit/containers/containers_lab.h"

#include "engine/follower.h"

/* A document as apply keeps it, and the service that it publishes. */
#define TEXT(name, family, port)                                                                             \
    "{\\\"serviceName\\\":\\\"" name "\\\",\\\"taskDefinition\\\":{\\\"family\\\":\\\"" family               \
    "\\\",\\\"containerDefinitions\\\":[{"                                                                   \
    "\\\"name\\\":\\\"app\\\",\\\"portMappings\\\":[{\\\"name\\\":\\\"http\\\",\\\"containerPort\\\":" port  \
    "}]}]},"                                                                                                 \
    "\\\"serviceConnectConfiguration\\\":{\\\"enabled\\\":true,\\\"services\\\":[{\\\"portName\\\":"         \
    "\\\"http\\\",\\\"discoveryName\\\":"                                                                    \
    "\\\"web\\\"}]}}"
#define DOCUMENT(name, family, port) "{\"source\":\"f\",\"text\":\"" TEXT(name, family, port) "\"}"
#define SERVICE(name)                                                                                        \
    "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}],\"document\":\"" name "\"}"

static void run_ecs(struct lab *lab, char digit, const char *family)
{
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "\"Name\": \"/c%c\", \"State\": {\"Status\": \"running\", " STARTED "}, "
                   "\"Config\": {\"Labels\": {\"com.amazonaws.ecs.task-arn\": \"arn:%c\", "
                   "\"com.amazonaws.ecs.cluster\": \"blue\", \"com.amazonaws.ecs.container-name\": \"app\", "
                   "\"com.amazonaws.ecs.task-definition-family\": \"%s\"}}, "
                   "\"NetworkSettings\": {\"Networks\": {\"n\": {\"IPAddress\": \"192.0.2.%d\"}}}",
                   digit, digit, family, digit);
    (void)fake_docker_put(&lab->fake, digit, text);
}

static void test_a_document_of_another_name(void **state)
{
    static const char *const rows[] = {"documents/ns/shop-service", DOCUMENT("shop-service", "shop", "8080"),
                                       "services/ns/web", SERVICE("shop-service"), NULL};
    struct lab *lab = *state;
    const struct instance *instance;

    lab_begin(lab, rows);
    run_ecs(lab, 'a', "shop");
    run_ecs(lab, 'b', "sho");
    lab_follow(lab);
    instance = lab_await(lab, "web", "aaaaaaaaaaaa-10");
    assert_int_equal(instance->port, 8080);
    lab_expect_aliases(lab, "web", "web:80 "); /* as the document has it */
    assert_string_equal(lab_held(lab, 'a')->namespace_name, "ns");
    assert_string_equal(lab_held(lab, 'a')->service, "shop-service");
    assert_string_equal(lab_held(lab, 'b')->namespace_name, "blue"); /* of no document: the cluster's */
    assert_string_equal(lab_held(lab, 'b')->service, "sho");
    assert_int_equal(containers_count_documents(lab->containers), 2);
    fake_docker_remove(&lab->fake, 'b');
    fake_docker_event(&lab->fake, 'b', "destroy", "");
    house_for(&lab->house, 50);
    assert_int_equal(containers_count_documents(lab->containers), 1); /* what nobody asks for is forgotten */
}

/* What is named like the family is the one, beside others that have it too. */
static void test_the_name_goes_first(void **state)
{
    static const char *const rows[] = {"documents/ns/a",
                                       DOCUMENT("a", "shop", "1"),
                                       "documents/ns/shop",
                                       DOCUMENT("shop", "shop", "2"),
                                       "services/ns/web",
                                       SERVICE("shop"),
                                       NULL};
    struct lab *lab = *state;

    lab_begin(lab, rows);
    run_ecs(lab, 'a', "shop");
    lab_follow(lab);
    assert_int_equal(lab_await(lab, "web", "aaaaaaaaaaaa-10")->port, 2);
    assert_string_equal(lab_held(lab, 'a')->note, "");
}

static bool is_at(void *user)
{
    const struct lab *lab = user;
    const struct instance *instance =
        engine_is_steady(lab->house.engine) ? house_instance(&lab->house, "web", "aaaaaaaaaaaa-10") : NULL;

    return instance && instance->port == 9090;
}

static void test_a_document_that_comes_later(void **state)
{
    struct lab *lab = *state;

    lab_begin(lab, NULL);
    assert_int_equal(engine_follow(lab->house.engine, &containers_follower, &lab->containers), 0);
    run_ecs(lab, 'a', "shop");
    lab_follow(lab);
    lab_settle(lab);
    assert_null(house_instance(&lab->house, "web", "aaaaaaaaaaaa-10"));
    house_put(&lab->house, "documents/ns/s", DOCUMENT("s", "shop", "8080"));
    house_put(&lab->house, "services/ns/web", SERVICE("s"));
    assert_int_equal(lab_await(lab, "web", "aaaaaaaaaaaa-10")->port, 8080);
    house_put(&lab->house, "documents/ns/s", DOCUMENT("s", "shop", "9090"));
    house_put(
        &lab->house, "services/ns/web",
        "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":81,\"protocol\":\"tcp\"}],\"document\":\"s\"}");
    house_until(&lab->house, is_at, lab, "another port of the mapping");
    house_put(&lab->house, "documents/ns/s", NULL);
    house_put(&lab->house, "services/ns/other", SERVICE("x"));
    lab_await_gone(lab, "web", "aaaaaaaaaaaa-10");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_set_up, lab_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_document_of_another_name),
        TEST(test_the_name_goes_first),
        TEST(test_a_document_that_comes_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
