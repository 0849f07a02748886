/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Cloud Map's operations on the registry's own things: what they refuse, and what comes with a first
 * instance. Long because most tests are of several operations after each other, on one shop. */
#include "aws_lab.h"

struct shop {
    char operation[64];
    char namespace_id[64];
    char service[64];
};

static void fill(char *to, size_t size, const char *format, const char *what)
{
    const char *hole = strchr(format, '%');

    (void)snprintf(to, size, "%.*s%s%s", (int)(hole - format), format, what, hole + 1);
}

static void ask(struct aws_lab *lab, const char *target, const char *format, const char *what, int status,
                const char *type)
{
    char body[1024];

    fill(body, sizeof(body), format, what);
    lab_expect(lab, target, body, status, type);
}

static void open_shop(struct aws_lab *lab, struct shop *shop)
{
    char body[512];

    lab_get(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'shop','CreatorRequestId':'one'}", "OperationId",
            shop->operation, sizeof(shop->operation));
    fill(body, sizeof(body), "{'OperationId':'%'}", shop->operation);
    lab_get(lab, CLOUD_MAP "GetOperation", body, "Operation.Targets.NAMESPACE", shop->namespace_id,
            sizeof(shop->namespace_id));
    fill(body, sizeof(body), "{'Name':'cart','CreatorRequestId':'one','NamespaceId':'%'}",
         shop->namespace_id);
    lab_get(lab, CLOUD_MAP "CreateService", body, "Service.Id", shop->service, sizeof(shop->service));
}

static const struct service *cart(const struct aws_lab *lab)
{
    return catalog_service(engine_catalog(lab->engine), "shop", "cart");
}

#define AT(id, address)                                                                                      \
    "{'InstanceId':'" id "','Attributes':{'AWS_INSTANCE_IPV4':'" address                                     \
    "','AWS_INSTANCE_PORT':'8080'},'ServiceId':'%'}"

/* ---- the same request again ---- */

static void test_namespace_again(void **state)
{
    struct aws_lab *lab = *state;
    struct shop shop;
    char again[64];
    _cleanup_free_ char *before = NULL;
    _cleanup_free_ char *after = NULL;

    open_shop(lab, &shop);
    before = rows_text(lab);
    lab_get(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'shop','CreatorRequestId':'one'}", "OperationId",
            again, sizeof(again));
    assert_string_equal(again, shop.operation);
    lab_expect(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'shop','CreatorRequestId':'two'}", 400,
               "NamespaceAlreadyExists");
    after = rows_text(lab);
    assert_string_equal(after, before);
}

/* AWS keeps one for each VPC; here it is refused, in words that say so, also where the request's id is that of the first. */
static void test_one_name_in_two_vpcs(void **state)
{
    static const char *const again[] = {"{'Name':'in.local','Vpc':'vpc-2','CreatorRequestId':'one'}",
                                        "{'Name':'in.local','Vpc':'vpc-2','CreatorRequestId':'two'}"};
    struct aws_lab *lab = *state;
    struct outcome outcome;
    char first[64], same[64];

    lab_get(lab, CLOUD_MAP "CreatePrivateDnsNamespace",
            "{'Name':'in.local','Vpc':'vpc-1','CreatorRequestId':'one'}", "OperationId", first,
            sizeof(first));
    lab_get(lab, CLOUD_MAP "CreatePrivateDnsNamespace",
            "{'Name':'in.local','Vpc':'vpc-1','CreatorRequestId':'one'}", "OperationId", same, sizeof(same));
    assert_string_equal(first, same);
    for (size_t i = 0; i < ARRAY_SIZE(again); i++) {
        const char *message;

        lab_ask(lab, CLOUD_MAP "CreatePrivateDnsNamespace", again[i], &outcome);
        message = cJSON_GetStringValue(cJSON_GetObjectItem(outcome.body, "Message"));
        assert_int_equal(outcome.status, 400);
        assert_non_null(message);
        assert_non_null(strstr(message, "for the VPC vpc-1"));
        outcome_done(&outcome);
    }
}

static void test_service_again(void **state)
{
    struct aws_lab *lab = *state;
    struct shop shop;
    struct outcome outcome;
    char body[256];

    open_shop(lab, &shop);
    ask(lab, CLOUD_MAP "CreateService", "{'Name':'cart','CreatorRequestId':'one','NamespaceId':'%'}",
        shop.namespace_id, 200, NULL);
    fill(body, sizeof(body), "{'Name':'cart','CreatorRequestId':'two','NamespaceId':'%'}", shop.namespace_id);
    lab_ask(lab, CLOUD_MAP "CreateService", body, &outcome);
    assert_int_equal(outcome.status, 400);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(outcome.body, "__type")),
                        "ServiceAlreadyExists");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(outcome.body, "ServiceId")), shop.service);
    outcome_done(&outcome);
}

/* ---- what is in use stays ---- */

/* The mark of a container's instances: with it the next list of the runtime would take the instance away. */
static void test_the_creator_of_containers_is_nobody_elses(void **state)
{
    static const char body[] = "{'InstanceId':'a','CreatorRequestId':'container:docker:4f','Attributes':{"
                               "'AWS_INSTANCE_IPV4':'10.0.0.1','AWS_INSTANCE_PORT':'8080'},'ServiceId':'%'}";
    static const char other[] = "{'InstanceId':'a','CreatorRequestId':'containers','Attributes':{"
                                "'AWS_INSTANCE_IPV4':'10.0.0.1','AWS_INSTANCE_PORT':'8080'},'ServiceId':'%'}";
    struct aws_lab *lab = *state;
    struct shop shop;

    open_shop(lab, &shop);
    ask(lab, CLOUD_MAP "RegisterInstance", body, shop.service, 400, "InvalidInput");
    assert_null(catalog_instance(cart(lab), "a"));
    ask(lab, CLOUD_MAP "RegisterInstance", other, shop.service, 200, NULL);
    assert_false(instance_is_of_container(catalog_instance(cart(lab), "a")));
}

/* What the host has set itself goes by no update of AWS's that says nothing of a check, and by one that does. */
static void test_a_check_of_the_host(void **state)
{
    struct aws_lab *lab = *state;
    struct shop shop;

    open_shop(lab, &shop);
    house_put(&lab->house, "services/shop/cart",
              "{\"clientAliases\":[],\"aws\":{\"HealthCheckConfig\":{\"Type\":\"TCP\"},\"CheckOfHost\":true},"
              "\"settings\":{\"healthCheck\":{\"type\":\"tcp\",\"interval\":300}}}");
    assert_false(catalog_is_check_of_aws(cart(lab)));
    ask(lab, CLOUD_MAP "UpdateService", "{'Id':'%','Service':{'Description':'d'}}", cart(lab)->id, 200, NULL);
    assert_false(catalog_is_check_of_aws(cart(lab)));
    assert_int_equal(service_get_settings(cart(lab))->check.type, HEALTH_CHECK_TCP);
    ask(lab, CLOUD_MAP "UpdateService",
        "{'Id':'%','Service':{'HealthCheckConfig':{'Type':'HTTP','ResourcePath':'/x'}}}", cart(lab)->id, 200,
        NULL);
    assert_true(catalog_is_check_of_aws(cart(lab)));
    assert_int_equal(service_get_settings(cart(lab))->check.type, HEALTH_CHECK_HTTP);
}

/* What Cloud Map allows in a name is no border between the parts of a key. */
static void test_slashes_in_a_name(void **state)
{
    struct aws_lab *lab = *state;
    const struct catalog *catalog = engine_catalog(lab->engine);
    static const struct {
        const char *namespace_name, *service, *instance;
    } things[] = {{"a/b", "c", "d"}, {"a", "b", "c/d"}};
    uint32_t endpoints[2];
    char arn[128], body[256];

    for (size_t i = 0; i < 2; i++) {
        const char *id;

        ask(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'%'}", things[i].namespace_name, 200, NULL);
        assert_non_null(catalog_namespace(catalog, things[i].namespace_name));
        (void)snprintf(body, sizeof(body), "{'Name':'%s','NamespaceId':'%s'}", things[i].service,
                       catalog_namespace(catalog, things[i].namespace_name)->id);
        lab_expect(lab, CLOUD_MAP "CreateService", body, 200, NULL);
        id = catalog_service(catalog, things[i].namespace_name, things[i].service)->id;
        (void)snprintf(body, sizeof(body),
                       "{'InstanceId':'%s','ServiceId':'%s','Attributes':{'AWS_INSTANCE_IPV4':'10.0.0.%zu',"
                       "'AWS_INSTANCE_PORT':'80'}}",
                       things[i].instance, id, i + 1);
        lab_expect(lab, CLOUD_MAP "RegisterInstance", body, 200, NULL);
    }
    for (size_t i = 0; i < 2; i++)
        endpoints[i] = catalog_instance(catalog_service(catalog, things[i].namespace_name, things[i].service),
                                        things[i].instance)
                           ->endpoint;
    assert_int_not_equal(endpoints[0], endpoints[1]);
    lab_expect(lab, CLOUD_MAP "DiscoverInstances", "{'NamespaceName':'a/b','ServiceName':'c'}", 200, NULL);
    expect_committed(lab);
    /* ECS does not take such a name, but the namespace, by its ARN. */
    lab_expect(lab, ECS "CreateCluster", "{'clusterName':'k','serviceConnectDefaults':{'namespace':'a/b'}}",
               400, "InvalidParameterException");
    lab_expect(lab, ECS "CreateCluster", "{'clusterName':'k','serviceConnectDefaults':{'namespace':'x<y'}}",
               400, "InvalidParameterException");
    (void)snprintf(arn, sizeof(arn), "arn:aws:servicediscovery:eu-central-1:123456789012:namespace/%s",
                   catalog_namespace(catalog, "a/b")->id);
    ask(lab, ECS "CreateCluster", "{'clusterName':'k','serviceConnectDefaults':{'namespace':'%'}}", arn, 200,
        NULL);
    for (const char *const *bad = (const char *const[]){"a b", "arn:a", "a\xc3\xa9", NULL}; *bad; bad++)
        ask(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'%'}", *bad, 400, "InvalidInput");
}

static void test_in_use(void **state)
{
    struct aws_lab *lab = *state;
    struct shop shop;

    open_shop(lab, &shop);
    ask(lab, CLOUD_MAP "RegisterInstance", AT("i", "10.0.0.1"), shop.service, 200, NULL);
    ask(lab, CLOUD_MAP "DeleteService", "{'Id':'%'}", shop.service, 400, "ResourceInUse");
    ask(lab, CLOUD_MAP "DeleteNamespace", "{'Id':'%'}", shop.namespace_id, 400, "ResourceInUse");
    ask(lab, CLOUD_MAP "DeregisterInstance", "{'InstanceId':'i','ServiceId':'%'}", shop.service, 200, NULL);
    ask(lab, CLOUD_MAP "DeregisterInstance", "{'InstanceId':'i','ServiceId':'%'}", shop.service, 400,
        "InstanceNotFound");
    ask(lab, CLOUD_MAP "DeleteService", "{'Id':'%'}", shop.service, 200, NULL);
    ask(lab, CLOUD_MAP "GetService", "{'Id':'%'}", shop.service, 400, "ServiceNotFound");
    ask(lab, CLOUD_MAP "DeleteNamespace", "{'Id':'%'}", shop.namespace_id, 200, NULL);
    ask(lab, CLOUD_MAP "GetNamespace", "{'Id':'%'}", shop.namespace_id, 400, "NamespaceNotFound");
    expect_committed(lab);
}

/* ---- instances ---- */

static void test_first_instance_brings_names(void **state)
{
    struct aws_lab *lab = *state;
    struct shop shop;
    size_t n;

    open_shop(lab, &shop);
    assert_int_equal(cart(lab)->n_aliases, 0);
    ask(lab, CLOUD_MAP "RegisterInstance", AT("i", "10.0.0.1"), shop.service, 200, NULL);
    n = cart(lab)->n_aliases;
    assert_true(n >= 3);
    assert_string_equal(cart(lab)->aliases[0].dns_name, "cart.shop");
    assert_int_equal(cart(lab)->aliases[0].port, 8080);
    assert_string_equal(cart(lab)->aliases[n - 1].dns_name, "cart");
    ask(lab, CLOUD_MAP "RegisterInstance", AT("j", "10.0.0.2"), shop.service, 200, NULL);
    assert_int_equal(cart(lab)->n_aliases, n);
    assert_int_equal(engine_catalog(lab->engine)->n_instances, 2);
    expect_committed(lab);
}

/* Names and instance are one change: where it does not come to be, neither do they. */
static void test_names_go_with_the_instance(void **state)
{
    static const struct fake_step full = {FAKE_DISK_FULL, 0};
    struct aws_lab *lab = *state;
    struct shop shop;

    open_shop(lab, &shop);
    fake_registry_plan(lab->registry, &full, 1);
    ask(lab, CLOUD_MAP "RegisterInstance", AT("i", "10.0.0.1"), shop.service, 400, "ResourceLimitExceeded");
    assert_int_equal(cart(lab)->n_aliases, 0);
    assert_int_equal(engine_catalog(lab->engine)->n_instances, 0);
    expect_committed(lab);
}

static void test_addresses(void **state)
{
    struct aws_lab *lab = *state;
    struct shop shop;
    struct outcome outcome;
    char body[256];

    open_shop(lab, &shop);
    fill(body, sizeof(body), AT("i", "127.255.3.4"), shop.service);
    lab_ask(lab, CLOUD_MAP "RegisterInstance", body, &outcome);
    assert_int_equal(outcome.status, 400);
    assert_non_null(
        strstr(cJSON_GetStringValue(cJSON_GetObjectItem(outcome.body, "Message")), "127.255.0.0/16"));
    outcome_done(&outcome);
    ask(lab, CLOUD_MAP "RegisterInstance", "{'InstanceId':'r','Attributes':{'zone':'a'},'ServiceId':'%'}",
        shop.service, 200, NULL);
    assert_non_null(catalog_record(cart(lab), "r"));
    assert_null(catalog_instance(cart(lab), "r"));

    /* Again with an address it becomes an endpoint. */
    ask(lab, CLOUD_MAP "RegisterInstance", AT("r", "10.0.0.9"), shop.service, 200, NULL);
    assert_null(catalog_record(cart(lab), "r"));
    assert_non_null(catalog_instance(cart(lab), "r"));
    expect_committed(lab);
}

static void test_health(void **state)
{
    static const char set[] = "{'InstanceId':'i','Status':'UNHEALTHY','ServiceId':'%'}";
    struct aws_lab *lab = *state;
    struct shop shop;
    char body[256];

    open_shop(lab, &shop);
    ask(lab, CLOUD_MAP "RegisterInstance", AT("i", "10.0.0.1"), shop.service, 200, NULL);
    ask(lab, CLOUD_MAP "UpdateInstanceCustomHealthStatus", set, shop.service, 400, "CustomHealthNotFound");
    fill(body, sizeof(body),
         "{'Name':'paid','HealthCheckCustomConfig':{'FailureThreshold':1},'NamespaceId':'%'}",
         shop.namespace_id);
    lab_get(lab, CLOUD_MAP "CreateService", body, "Service.Id", shop.service, sizeof(shop.service));
    ask(lab, CLOUD_MAP "RegisterInstance", AT("i", "10.0.0.2"), shop.service, 200, NULL);
    ask(lab, CLOUD_MAP "UpdateInstanceCustomHealthStatus", set, shop.service, 200, NULL);
    assert_int_equal(
        catalog_instance(catalog_service(engine_catalog(lab->engine), "shop", "paid"), "i")->health,
        UNHEALTHY);
    ask(lab, CLOUD_MAP "UpdateInstanceCustomHealthStatus",
        "{'InstanceId':'i','Status':'ILL','ServiceId':'%'}", shop.service, 400, "InvalidInput");
}

/* Discovery writes its text itself, and an error after it has begun leaves none of it. */
static void test_discovery(void **state)
{
    struct aws_lab *lab = *state;
    struct shop shop;
    struct outcome outcome;

    open_shop(lab, &shop);
    ask(lab, CLOUD_MAP "RegisterInstance", AT("i", "10.0.0.1"), shop.service, 200, NULL);
    ask(lab, CLOUD_MAP "RegisterInstance", AT("j", "10.0.0.2"), shop.service, 200, NULL);
    lab_ask(lab, CLOUD_MAP "DiscoverInstances", "{'NamespaceName':'shop','ServiceName':'cart'}", &outcome);
    assert_int_equal(outcome.status, 200);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(outcome.body, "Instances")), 2);
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(outcome.body, "InstancesRevision")) ==
                (double)cart(lab)->instances_revision);
    outcome_done(&outcome);
    lab_expect(lab, CLOUD_MAP "DiscoverInstances", "{'NamespaceName':'shop','ServiceName':'none'}", 400,
               "ServiceNotFound");
    lab_expect(lab, CLOUD_MAP "DiscoverInstances", "{'NamespaceName':'none','ServiceName':'cart'}", 400,
               "NamespaceNotFound");
}

/* The revision of a service's instances never goes back, whatever was undone on the way. */
static void test_revision_of_instances(void **state)
{
    static const struct fake_step steps[] = {{FAKE_DISK_FULL, 0}, {FAKE_CONFLICT, 0}, {FAKE_WRITTEN, 0}};
    struct aws_lab *lab = *state;
    struct shop shop;
    uint64_t before;

    open_shop(lab, &shop);
    ask(lab, CLOUD_MAP "RegisterInstance", AT("i", "10.0.0.1"), shop.service, 200, NULL);
    before = cart(lab)->instances_revision;
    fake_registry_plan(lab->registry, steps, ARRAY_SIZE(steps));
    ask(lab, CLOUD_MAP "RegisterInstance", AT("j", "10.0.0.2"), shop.service, 400, "ResourceLimitExceeded");
    assert_true(cart(lab)->instances_revision >= before);
    before = cart(lab)->instances_revision;
    ask(lab, CLOUD_MAP "RegisterInstance", AT("j", "10.0.0.2"), shop.service, 200, NULL);
    assert_true(cart(lab)->instances_revision > before);
}

/* What another start makes of the same registry. */
static uint64_t revision_after_a_start(const struct aws_lab *lab)
{
    struct engine_settings settings = {
        .base = lab->base, .max_aliases = 64, .max_slots = 4096, .max_endpoints = 64};
    struct registry *registry = fake_registry_open(lab->store);
    struct engine *engine = NULL;
    struct error error = {0};
    uint64_t revision;

    assert_int_equal(alias_range_parse("127.255.0.0/16", "fd00:5c::/64", &settings.alias_range, &error), 0);
    assert_int_equal(engine_new(&settings, &engine), 0);
    assert_int_equal(engine_load(engine, registry, &error), 0);
    revision = catalog_service(engine_catalog(engine), "shop", "cart")->instances_revision;
    engine_stop(engine);
    engine_free(&engine);
    (void)registry_close(&registry);
    return revision;
}

/* Nor does it over a restart, whatever the clock says then: no clock is asked. What a client has seen last is
 * never more than what the next start begins with, and the next change is more than both. */
static void test_revision_over_restarts(void **state)
{
    static const struct fake_step fault[] = {{FAKE_DISK_FULL, 0}};
    struct aws_lab *lab = *state;
    struct shop shop;
    uint64_t seen, next;

    open_shop(lab, &shop);
    for (int i = 0; i < 3; i++) {
        ask(lab, CLOUD_MAP "RegisterInstance", AT("i", "10.0.0.1"), shop.service, 200, NULL);
        seen = cart(lab)->instances_revision;
        assert_true(seen > (uint64_t)1900000000 * 1000000 &&
                    seen < (UINT64_C(1) << 53)); /* all before; exact */
        next = revision_after_a_start(lab);
        assert_true(next >= seen);
        fake_registry_plan(lab->registry, fault, ARRAY_SIZE(fault));
        ask(lab, CLOUD_MAP "DeregisterInstance", "{'InstanceId':'i','ServiceId':'%'}", shop.service, 400,
            "ResourceLimitExceeded");
        assert_true(cart(lab)->instances_revision >= seen);
        next = revision_after_a_start(lab);
        assert_true(next >= cart(lab)->instances_revision);
        ask(lab, CLOUD_MAP "DeregisterInstance", "{'InstanceId':'i','ServiceId':'%'}", shop.service, 200,
            NULL);
        assert_true(cart(lab)->instances_revision > next);
    }
}

/* ---- operations ---- */

/* So many are remembered and no more; the last one always is. */
static void test_operations_are_bounded(void **state)
{
    struct aws_lab *lab = *state;
    struct shop shop;
    struct outcome outcome;
    char body[256];
    unsigned n;

    open_shop(lab, &shop);
    for (int i = 0; i < 2010; i++) {
        fill(body, sizeof(body),
             i % 2 ? "{'Namespace':{'Description':'a'},'Id':'%'}"
                   : "{'Namespace':{'Description':'b'},'Id':'%'}",
             shop.namespace_id);
        lab_ask(lab, CLOUD_MAP "UpdateHttpNamespace", body, &outcome);
        assert_int_equal(outcome.status, 200);
        if (i < 2009)
            outcome_done(&outcome);
    }
    n = HASH_COUNT(engine_catalog(lab->engine)->aws_records[AWS_OPERATIONS]);
    assert_int_equal(n, 2000);
    ask(lab, CLOUD_MAP "GetOperation", "{'OperationId':'%'}", shop.operation, 400, "OperationNotFound");
    ask(lab, CLOUD_MAP "GetOperation", "{'OperationId':'%'}",
        cJSON_GetStringValue(cJSON_GetObjectItem(outcome.body, "OperationId")), 200, NULL);
    outcome_done(&outcome);
    expect_committed(lab);
}

/* What an operation that was refused would have been called is nowhere. */
static void test_refused_operation_is_not_remembered(void **state)
{
    static const struct fake_step full = {FAKE_DISK_FULL, 0};
    struct aws_lab *lab = *state;
    struct shop shop;
    unsigned before;

    open_shop(lab, &shop);
    before = HASH_COUNT(engine_catalog(lab->engine)->aws_records[AWS_OPERATIONS]);
    fake_registry_plan(lab->registry, &full, 1);
    ask(lab, CLOUD_MAP "DeleteNamespace", "{'Id':'%'}", shop.namespace_id, 400, "ResourceInUse");
    ask(lab, CLOUD_MAP "UpdateHttpNamespace", "{'Namespace':{'Description':'a'},'Id':'%'}", shop.namespace_id,
        400, "ResourceLimitExceeded");
    assert_int_equal(HASH_COUNT(engine_catalog(lab->engine)->aws_records[AWS_OPERATIONS]), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWS_TEST(test_namespace_again),
        AWS_TEST(test_slashes_in_a_name),
        AWS_TEST(test_one_name_in_two_vpcs),
        AWS_TEST(test_service_again),
        AWS_TEST(test_the_creator_of_containers_is_nobody_elses),
        AWS_TEST(test_a_check_of_the_host),
        AWS_TEST(test_in_use),
        AWS_TEST(test_first_instance_brings_names),
        AWS_TEST(test_names_go_with_the_instance),
        AWS_TEST(test_addresses),
        AWS_TEST(test_health),
        AWS_TEST(test_discovery),
        AWS_TEST(test_revision_of_instances),
        AWS_TEST(test_revision_over_restarts),
        AWS_TEST(test_operations_are_bounded),
        AWS_TEST(test_refused_operation_is_not_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
