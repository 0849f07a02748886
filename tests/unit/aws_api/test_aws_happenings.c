/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What happens to a service's instances, as its events tell it: by changes as they come, on an engine. */
#include "aws_lab.h"

#include "aws_api/ecs/ecs.h"
#include "aws_api/ecs/happenings.h"

static int64_t now_ms;

static int64_t test_clock(void)
{
    return now_ms;
}

struct shop {
    struct ecs_happenings happenings;
    char service[64];
};

static void open_shop(struct aws_lab *lab, struct shop *shop)
{
    char id[64];
    struct outcome outcome;

    now_ms = INT64_C(1800000000000);
    ecs_happenings_init(&shop->happenings, lab->engine);
    shop->happenings.clock_ms = test_clock;
    assert_int_equal(engine_follow(lab->engine, &ecs_happenings_follower, &shop->happenings), 0);
    lab_get(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'shop'}", "OperationId", id, sizeof(id));
    lab_expect(
        lab, ECS "RegisterTaskDefinition",
        "{'family':'web','containerDefinitions':[{'name':'app','image':'i','portMappings':[{'name':'http',"
        "'containerPort':80}]}]}",
        200, NULL);
    lab_expect(lab, ECS "CreateService",
               "{'serviceName':'web','taskDefinition':'web','desiredCount':2,'serviceConnectConfiguration':"
               "{'enabled':true,'namespace':'shop','services':[{'portName':'http'}]}}",
               200, NULL);
    lab_ask(lab, CLOUD_MAP "ListServices", "{}", &outcome);
    (void)snprintf(
        shop->service, sizeof(shop->service), "%s",
        cJSON_GetObjectItem(cJSON_GetObjectItem(outcome.body, "Services")->child, "Id")->valuestring);
    outcome_done(&outcome);
}

static void instance(struct aws_lab *lab, const struct shop *shop, const char *id, bool is_there)
{
    char body[256];

    (void)snprintf(body, sizeof(body),
                   is_there
                       ? "{'ServiceId':'%s','InstanceId':'%s','Attributes':{'AWS_INSTANCE_IPV4':'10.0.0.1',"
                         "'AWS_INSTANCE_PORT':'80'}}"
                       : "{'ServiceId':'%s','InstanceId':'%s'}",
                   shop->service, id);
    lab_expect(lab, is_there ? CLOUD_MAP "RegisterInstance" : CLOUD_MAP "DeregisterInstance", body, 200,
               NULL);
}

/* The messages, the latest first, one a line. */
static char *told(const struct shop *shop)
{
    _cleanup_json_ cJSON *events = cJSON_CreateArray();
    const cJSON *event;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    ecs_happenings_show(&shop->happenings, "shop", "web", "web", events);
    cJSON_ArrayForEach (event, events)
        (void)fprintf(out, "%.25s\n", strchr(cJSON_GetObjectItem(event, "message")->valuestring, ')') + 2);
    (void)fclose(out);
    return text;
}

static void expect_told(const struct shop *shop, const char *wanted)
{
    _cleanup_free_ char *found = told(shop);

    assert_string_equal(found, wanted);
}

static void test_instances_come_and_go(void **state)
{
    struct aws_lab *lab = *state;
    struct shop shop;

    open_shop(lab, &shop);
    expect_told(&shop, "");
    instance(lab, &shop, "a", true);
    expect_told(&shop, "registered 1 instance in \n");
    instance(lab, &shop, "a", true); /* again, and another health: nothing has come */
    now_ms += 5000;
    instance(lab, &shop, "b", true);
    expect_told(&shop, "has reached a steady stat\nregistered 1 instance in \nregistered 1 instance in \n");
    now_ms += 5000;
    instance(lab, &shop, "a", false);
    instance(lab, &shop, "b", false); /* within the same second */
    expect_told(&shop, "deregistered 2 instances \nhas reached a steady stat\nregistered 1 instance in \n"
                       "registered 1 instance in \n");
    ecs_happenings_done(&shop.happenings);
}

/* What is refused has not happened. */
static void test_what_is_refused(void **state)
{
    static const struct fake_step steps[] = {{FAKE_DISK_FULL, 0}};
    struct aws_lab *lab = *state;
    struct shop shop;
    char body[256];

    open_shop(lab, &shop);
    (void)snprintf(body, sizeof(body),
                   "{'ServiceId':'%s','InstanceId':'a','Attributes':{'AWS_INSTANCE_IPV4':'10.0.0.1',"
                   "'AWS_INSTANCE_PORT':'80'}}",
                   shop.service);
    fake_registry_plan(lab->registry, steps, ARRAY_SIZE(steps));
    lab_expect(lab, CLOUD_MAP "RegisterInstance", body, 400, "ResourceLimitExceeded");
    expect_told(&shop, "");
    ecs_happenings_done(&shop.happenings);
}

static void test_bounds(void **state)
{
    struct aws_lab *lab = *state;
    _cleanup_json_ cJSON *events = cJSON_CreateArray();
    struct shop shop;
    const cJSON *event;

    open_shop(lab, &shop);
    for (int i = 0; i < 40; i++) {
        now_ms += 2000;
        instance(lab, &shop, "a", i % 2 == 0);
    }
    ecs_happenings_show(&shop.happenings, "shop", "web", "web", events);
    assert_int_equal(cJSON_GetArraySize(events), HAPPENINGS_OF_A_SERVICE);
    assert_true(cJSON_GetObjectItem(events->child, "createdAt")->valuedouble == (double)now_ms / 1000);
    cJSON_ArrayForEach (event, events)
        assert_true(!event->next || cJSON_GetObjectItem(event, "createdAt")->valuedouble >
                                        cJSON_GetObjectItem(event->next, "createdAt")->valuedouble);
    ecs_happenings_show(NULL, "shop", "web", "web", events);
    ecs_happenings_show(&shop.happenings, "shop", "other", "other", events);
    assert_int_equal(cJSON_GetArraySize(events), HAPPENINGS_OF_A_SERVICE);
    ecs_happenings_done(&shop.happenings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWS_TEST(test_instances_come_and_go),
        AWS_TEST(test_what_is_refused),
        AWS_TEST(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
