/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A key pair that is for one namespace sees and changes that one, by every way that leads to it. */
#include "aws_lab.h"

struct shops {
    char mine[64], other[64];               /* namespaces */
    char my_service[64], other_service[64]; /* their ids */
    char my_arn[256], other_arn[256];       /* of the services */
};

static void fill(char *to, size_t size, const char *format, const char *what)
{
    char rest[512];
    const char *hole = strchr(format, '%');

    (void)snprintf(rest, sizeof(rest), "%s", hole + 1);
    (void)snprintf(to, size, "%.*s%s%s", (int)(hole - format), format, what, rest);
}

static void make_shop(struct aws_lab *lab, const char *name, char namespace_id[64], char service[64],
                      char arn[256])
{
    char body[512], id[64];

    fill(body, sizeof(body), "{'Name':'%'}", name);
    lab_get(lab, CLOUD_MAP "CreateHttpNamespace", body, "OperationId", id, sizeof(id));
    fill(body, sizeof(body), "{'OperationId':'%'}", id);
    lab_get(lab, CLOUD_MAP "GetOperation", body, "Operation.Targets.NAMESPACE", namespace_id, 64);
    fill(body, sizeof(body),
         "{'Name':'cart','HealthCheckCustomConfig':{'FailureThreshold':1},'NamespaceId':'%'}", namespace_id);
    lab_get(lab, CLOUD_MAP "CreateService", body, "Service.Id", service, 64);
    fill(body, sizeof(body), "{'Id':'%'}", service);
    lab_get(lab, CLOUD_MAP "GetService", body, "Service.Arn", arn, 256);
    fill(body, sizeof(body),
         "{'InstanceId':'i','Attributes':{'AWS_INSTANCE_IPV4':'10.0.0.1','AWS_INSTANCE_PORT':'80'},'"
         "ServiceId':'%'}",
         service);
    lab_expect(lab, CLOUD_MAP "RegisterInstance", body, 200, NULL);
}

static void open_shops(struct aws_lab *lab, struct shops *shops)
{
    make_shop(lab, "mine", shops->mine, shops->my_service, shops->my_arn);
    make_shop(lab, "other", shops->other, shops->other_service, shops->other_arn);
    (void)snprintf(lab->who.namespace_name, sizeof(lab->who.namespace_name), "mine");
}

/* With one's own it succeeds; with the other's it is denied, and neither rows nor catalog change. */
static void try_both(struct aws_lab *lab, const char *target, const char *format, const char *mine,
                     const char *other)
{
    _cleanup_free_ char *before = rows_text(lab);
    _cleanup_free_ char *after = NULL;
    char body[1024];

    fill(body, sizeof(body), format, other);
    lab_expect(lab, target, body, 400, "AccessDeniedException");
    after = rows_text(lab);
    assert_string_equal(after, before);
    expect_committed(lab);
    fill(body, sizeof(body), format, mine);
    lab_expect(lab, target, body, 200, NULL);
}

static void test_services(void **state)
{
    static const struct {
        const char *target, *body;
    } cases[] = {
        {CLOUD_MAP "GetService", "{'Id':'%'}"},
        {CLOUD_MAP "UpdateService", "{'Service':{'Description':'d'},'Id':'%'}"},
        {CLOUD_MAP "GetServiceAttributes", "{'ServiceId':'%'}"},
        {CLOUD_MAP "UpdateServiceAttributes", "{'Attributes':{'a':'1'},'ServiceId':'%'}"},
        {CLOUD_MAP "DeleteServiceAttributes", "{'Attributes':['a'],'ServiceId':'%'}"},
        {CLOUD_MAP "RegisterInstance", "{'InstanceId':'i','Attributes':{'zone':'a'},'ServiceId':'%'}"},
        {CLOUD_MAP "GetInstance", "{'InstanceId':'i','ServiceId':'%'}"},
        {CLOUD_MAP "ListInstances", "{'ServiceId':'%'}"},
        {CLOUD_MAP "GetInstancesHealthStatus", "{'ServiceId':'%'}"},
        {CLOUD_MAP "UpdateInstanceCustomHealthStatus",
         "{'InstanceId':'i','Status':'UNHEALTHY','ServiceId':'%'}"},
        {CLOUD_MAP "DeregisterInstance", "{'InstanceId':'i','ServiceId':'%'}"},
        {CLOUD_MAP "DeleteService", "{'Id':'%'}"},
    };
    struct aws_lab *lab = *state;
    struct shops shops;

    open_shops(lab, &shops);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        try_both(lab, cases[i].target, cases[i].body, shops.my_service, shops.other_service);
}

static void test_namespaces(void **state)
{
    struct aws_lab *lab = *state;
    struct shops shops;

    open_shops(lab, &shops);
    try_both(lab, CLOUD_MAP "GetNamespace", "{'Id':'%'}", shops.mine, shops.other);
    try_both(lab, CLOUD_MAP "UpdateHttpNamespace", "{'Namespace':{'Description':'d'},'Id':'%'}", shops.mine,
             shops.other);
    try_both(lab, CLOUD_MAP "CreateService", "{'Name':'more','NamespaceId':'%'}", shops.mine, shops.other);
    try_both(lab, CLOUD_MAP "DiscoverInstances", "{'ServiceName':'cart','NamespaceName':'%'}", "mine",
             "other");
    try_both(lab, CLOUD_MAP "DiscoverInstancesRevision", "{'ServiceName':'cart','NamespaceName':'%'}", "mine",
             "other");
    lab_expect(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'third'}", 400, "AccessDeniedException");
}

static void test_tags(void **state)
{
    struct aws_lab *lab = *state;
    struct shops shops;

    open_shops(lab, &shops);
    try_both(lab, CLOUD_MAP "TagResource", "{'Tags':[{'Key':'k','Value':'v'}],'ResourceARN':'%'}",
             shops.my_arn, shops.other_arn);
    try_both(lab, CLOUD_MAP "ListTagsForResource", "{'ResourceARN':'%'}", shops.my_arn, shops.other_arn);
    try_both(lab, CLOUD_MAP "UntagResource", "{'TagKeys':['k'],'ResourceARN':'%'}", shops.my_arn,
             shops.other_arn);
}

static int count(struct aws_lab *lab, const char *target, const char *body, const char *member)
{
    struct outcome outcome;
    int n;

    lab_ask(lab, target, body, &outcome);
    assert_int_equal(outcome.status, 200);
    n = cJSON_GetArraySize(cJSON_GetObjectItem(outcome.body, member));
    outcome_done(&outcome);
    return n;
}

static void test_lists_show_ones_own(void **state)
{
    static const struct {
        const char *target, *member;
    } cases[] = {
        {CLOUD_MAP "ListNamespaces", "Namespaces"},
        {CLOUD_MAP "ListServices", "Services"},
        {CLOUD_MAP "ListOperations", "Operations"},
    };
    struct aws_lab *lab = *state;
    struct shops shops;

    open_shops(lab, &shops);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int n = count(lab, cases[i].target, "{}", cases[i].member);

        lab->who.namespace_name[0] = '\0';
        assert_true(n > 0);
        assert_int_equal(count(lab, cases[i].target, "{}", cases[i].member), 2 * n);
        (void)snprintf(lab->who.namespace_name, sizeof(lab->who.namespace_name), "mine");
    }
}

/* A cluster is whose key has made it; "default" is everybody's to use and nobody's to change. */
static void test_clusters(void **state)
{
    struct aws_lab *lab = *state;
    struct shops shops;

    open_shops(lab, &shops);
    try_both(lab, ECS "CreateCluster", "{'clusterName':'c','serviceConnectDefaults':{'namespace':'%'}}",
             "mine", "other");
    lab_expect(lab, ECS "CreateCluster", "{'clusterName':'d'}", 200, NULL);
    lab_expect(lab, ECS "CreateCluster", "{'clusterName':'default'}", 400, "AccessDeniedException");
    lab_expect(lab, ECS "UpdateCluster", "{'cluster':'c','serviceConnectDefaults':{'namespace':'other'}}",
               400, "AccessDeniedException");
    lab_expect(lab, ECS "UpdateCluster", "{'cluster':'c','tags':[]}", 200, NULL);
    lab_expect(lab, ECS "TagResource",
               "{'resourceArn':'arn:aws:ecs:eu-central-1:123456789012:cluster/c','tags':[]}", 200, NULL);
    lab_expect(lab, ECS "TagResource",
               "{'resourceArn':'arn:aws:ecs:eu-central-1:123456789012:cluster/default','tags':[]}", 400,
               "AccessDeniedException");
    lab_expect(lab, ECS "DeleteCluster", "{'cluster':'default'}", 400, "AccessDeniedException");
    lab_expect(lab, ECS "PutClusterCapacityProviders",
               "{'cluster':'default','capacityProviders':[],'defaultCapacityProviderStrategy':[]}", 400,
               "AccessDeniedException");
    lab_expect(lab, ECS "DeleteCluster", "{'cluster':'c'}", 200, NULL);
}

#define BLOCK(namespace)                                                                                     \
    "'taskDefinition':'web','desiredCount':0,'serviceConnectConfiguration':{'enabled':true,'namespace':"     \
    "'" namespace "','services':[{'portName':'http','discoveryName':'front'}]}"

static void test_ecs_services(void **state)
{
    struct aws_lab *lab = *state;
    struct shops shops;

    open_shops(lab, &shops);
    lab_expect(lab, ECS "RegisterTaskDefinition",
               "{'family':'web','containerDefinitions':[{'name':'web','image':'web:1','portMappings':"
               "[{'name':'http','containerPort':8080}]}]}",
               200, NULL);
    lab_expect(lab, ECS "CreateService", "{'serviceName':'front'," BLOCK("other") "}", 400,
               "AccessDeniedException");
    lab_expect(lab, ECS "CreateService", "{'serviceName':'front'," BLOCK("mine") "}", 200, NULL);
    lab_expect(lab, ECS "UpdateService", "{'service':'front'," BLOCK("other") "}", 400,
               "AccessDeniedException");
    assert_int_equal(count(lab, ECS "ListServices", "{}", "serviceArns"), 1);
    lab_expect(lab, ECS "ListServicesByNamespace", "{'namespace':'other'}", 400, "AccessDeniedException");

    (void)snprintf(lab->who.namespace_name, sizeof(lab->who.namespace_name), "other");
    assert_int_equal(count(lab, ECS "ListServices", "{}", "serviceArns"), 0);
    assert_int_equal(count(lab, ECS "DescribeServices", "{'services':['front']}", "failures"), 1);
    lab_expect(lab, ECS "DeleteService", "{'service':'front'}", 400, "ServiceNotFoundException");
    lab_expect(lab, ECS "DeregisterTaskDefinition", "{'taskDefinition':'web:1'}", 400, "ClientException");
    (void)snprintf(lab->who.namespace_name, sizeof(lab->who.namespace_name), "mine");
    lab_expect(lab, ECS "DeleteService", "{'service':'front'}", 200, NULL);
    lab_expect(lab, ECS "DeregisterTaskDefinition", "{'taskDefinition':'web:1'}", 200, NULL);
    expect_committed(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWS_TEST(test_services), AWS_TEST(test_namespaces),
        AWS_TEST(test_tags),     AWS_TEST(test_lists_show_ones_own),
        AWS_TEST(test_clusters), AWS_TEST(test_ecs_services),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
