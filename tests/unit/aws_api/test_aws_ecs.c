/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ECS services as documents: what is applied within the job, what is refused, and what moves. */
#include "aws_lab.h"

#define DEFINITION                                                                                           \
    "{'family':'web','containerDefinitions':[{'name':'web','image':'web:1','portMappings':"                  \
    "[{'name':'http','containerPort':8080}]}]}"
#define SERVICES(discovery, alias)                                                                           \
    "'services':[{'portName':'http','discoveryName':'" discovery                                             \
    "','clientAliases':[{'port':80,'dnsName':'" alias "'}]}]"
#define BLOCK(namespace, services)                                                                           \
    "'serviceConnectConfiguration':{'enabled':true,'namespace':'" namespace "'," services "}"
#define CREATE(name, rest) "{'serviceName':'" name "','taskDefinition':'web'," rest "}"

static void prepare(struct aws_lab *lab)
{
    lab_expect(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'shop'}", 200, NULL);
    lab_expect(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'depot'}", 200, NULL);
    lab_expect(lab, ECS "RegisterTaskDefinition", DEFINITION, 200, NULL);
}

static const struct service *service_of(const struct aws_lab *lab, const char *parent, const char *name)
{
    const struct service *service = catalog_service(engine_catalog(lab->engine), parent, name);

    return service && service->is_declared ? service : NULL;
}

static void test_create(void **state)
{
    struct aws_lab *lab = *state;
    const struct service *service;
    uint64_t commits;

    prepare(lab);
    commits = fake_store_counts(lab->store).commits;
    lab_expect(lab, ECS "CreateService", CREATE("front", BLOCK("shop", SERVICES("front", "front.example"))),
               200, NULL);
    assert_int_equal(fake_store_counts(lab->store).commits, commits + 1); /* all of it at once */
    service = service_of(lab, "shop", "front");
    assert_non_null(service);
    assert_string_equal(service->document, "front");
    assert_string_equal(service->aliases[0].dns_name, "front.example");
    assert_string_equal(catalog_document(service->parent, "front")->source, "ecs:default/front");
    expect_committed(lab);
}

/* Again with the same token it is the same request, also after a conflict; with another it is refused. */
static void test_create_again(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome first, second;
    _cleanup_free_ char *before = NULL;
    _cleanup_free_ char *after = NULL;
    const char *body = CREATE("front", "'clientToken':'one'," BLOCK("shop", SERVICES("front", "front")));

    prepare(lab);
    lab_ask(lab, ECS "CreateService", body, &first);
    before = rows_text(lab);
    lab_ask(lab, ECS "CreateService", body, &second);
    after = rows_text(lab);
    assert_int_equal(second.status, 200);
    assert_true(cJSON_Compare(first.body, second.body, true));
    assert_string_equal(after, before);
    lab_expect(lab, ECS "CreateService", CREATE("front", "'clientToken':'two'"), 400,
               "InvalidParameterException");
    outcome_done(&first);
    outcome_done(&second);
}

/* What is wrong with a document is told in the API's words, and leaves nothing of it behind. */
static void test_create_refused(void **state)
{
    static const struct {
        const char *body, *type;
    } cases[] = {
        {CREATE("bad", BLOCK("nowhere", SERVICES("bad", "bad"))), "NamespaceNotFoundException"},
        {"{'serviceName':'bad','taskDefinition':'none'}", "ClientException"},
        {"{'serviceName':'bad','taskDefinition':'a:b:c'}", "InvalidParameterException"},
        {"{'serviceName':'bad'}", "InvalidParameterException"},
        {CREATE("bad", "'cluster':'none'"), "ClusterNotFoundException"},
        {CREATE("bad", "'desiredCount':-1"), "InvalidParameterException"},
        {CREATE("bad", "'serviceConnectConfiguration':{'services':[]}"), "InvalidParameterException"},
        {CREATE("bad", BLOCK("shop", "'services':[{'portName':'grpc'}]")), "InvalidParameterException"},
        /* the alias is front's already: what applying finds */
        {CREATE("bad", BLOCK("shop", SERVICES("bad", "front"))), "InvalidParameterException"},
        {CREATE("bad", BLOCK("shop", SERVICES("front", "bad"))), "InvalidParameterException"},
    };
    struct aws_lab *lab = *state;
    _cleanup_free_ char *before = NULL;

    prepare(lab);
    lab_expect(lab, ECS "CreateService", CREATE("front", BLOCK("shop", SERVICES("front", "front"))), 200,
               NULL);
    before = rows_text(lab);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_free_ char *after = NULL;

        lab_expect(lab, ECS "CreateService", cases[i].body, 400, cases[i].type);
        after = rows_text(lab);
        assert_string_equal(after, before);
        expect_committed(lab);
    }
}

static void test_update_keeps_what_is_left_out(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome outcome;
    const cJSON *service;

    prepare(lab);
    lab_expect(lab, ECS "CreateService",
               CREATE("front", "'desiredCount':2," BLOCK("shop", SERVICES("front", "front"))), 200, NULL);
    lab_ask(lab, ECS "UpdateService", "{'service':'front','desiredCount':5}", &outcome);
    assert_int_equal(outcome.status, 200);
    service = cJSON_GetObjectItem(outcome.body, "service");
    assert_int_equal(cJSON_GetObjectItem(service, "desiredCount")->valueint, 5);
    assert_non_null(service_of(lab, "shop", "front"));
    outcome_done(&outcome);
    lab_expect(lab, ECS "UpdateService", "{'service':'none'}", 400, "ServiceNotFoundException");
    lab_expect(lab, ECS "UpdateService", "{'service':'front','taskDefinition':'none'}", 400,
               "ClientException");
}

/* To another namespace: the old one is left in the same transaction, in every run of it. */
static void test_update_moves(void **state)
{
    static const struct fake_step steps[] = {{FAKE_CONFLICT, 0}, {FAKE_CONFLICT, 0}};
    struct aws_lab *lab = *state;

    prepare(lab);
    lab_expect(lab, ECS "CreateService", CREATE("front", BLOCK("shop", SERVICES("front", "front"))), 200,
               NULL);
    fake_registry_plan(lab->registry, steps, ARRAY_SIZE(steps));
    lab_expect(lab, ECS "UpdateService", "{'service':'front'," BLOCK("depot", SERVICES("front", "front")) "}",
               200, NULL);
    assert_null(service_of(lab, "shop", "front"));
    assert_non_null(service_of(lab, "depot", "front"));
    expect_committed(lab);

    /* With the block switched off it publishes nothing and is still there. */
    lab_expect(lab, ECS "UpdateService",
               "{'service':'front','serviceConnectConfiguration':{'enabled':false}}", 200, NULL);
    assert_null(service_of(lab, "depot", "front"));
    lab_expect(lab, ECS "DeleteService", "{'service':'front','force':true}", 200, NULL);
    lab_expect(lab, ECS "UpdateService", "{'service':'front'}", 400, "ServiceNotActiveException");
    expect_committed(lab);
}

static void test_delete(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome outcome;

    prepare(lab);
    lab_expect(lab, ECS "CreateService",
               CREATE("front", "'desiredCount':1," BLOCK("shop", SERVICES("front", "front"))), 200, NULL);
    lab_expect(lab, ECS "DeleteService", "{'service':'front'}", 400, "InvalidParameterException");
    lab_expect(lab, ECS "UpdateService", "{'service':'front','desiredCount':0}", 200, NULL);
    lab_ask(lab, ECS "DeleteService", "{'service':'front'}", &outcome);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(
        cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(outcome.body, "service"), "status")),
        "DRAINING");
    assert_null(service_of(lab, "shop", "front"));
    outcome_done(&outcome);
    expect_committed(lab);
}

static void expect_status(struct aws_lab *lab, const char *status)
{
    struct outcome outcome;
    const cJSON *service;

    lab_ask(lab, ECS "DescribeServices", "{'services':['front']}", &outcome);
    service = cJSON_GetArrayItem(cJSON_GetObjectItem(outcome.body, "services"), 0);
    if (status) {
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(service, "status")), status);
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(service, "deployments")),
                         strcmp(status, "ACTIVE") == 0);
    } else {
        assert_null(service);
    }
    outcome_done(&outcome);
}

/* Who waits for it sees INACTIVE: for an hour, or until it is there again. */
static void test_a_deleted_service_is_inactive(void **state)
{
    struct aws_lab *lab = *state;
    const char *create = CREATE("front", BLOCK("shop", SERVICES("front", "front")));

    prepare(lab);
    expect_status(lab, NULL);
    lab_expect(lab, ECS "CreateService", create, 200, NULL);
    lab_expect(lab, ECS "DeleteService", "{'service':'front','force':true}", 200, NULL);
    expect_status(lab, "INACTIVE");
    lab_expect(lab, ECS "UpdateService", "{'service':'front'}", 400, "ServiceNotActiveException");
    expect_committed(lab);
    lab->who = (struct aws_credential){.namespace_name = "depot"};
    expect_status(lab, NULL);
    lab->who = (struct aws_credential){0};
    lab_expect(lab, ECS "CreateService", create, 200, NULL);
    expect_status(lab, "ACTIVE");
    lab_expect(lab, ECS "DeleteService", "{'service':'front','force':true}", 200, NULL);
    lab->n_asked += 3590;
    expect_status(lab, "INACTIVE");
    lab->n_asked += 20;
    expect_status(lab, NULL);
    /* The next one that ends takes it away. */
    lab_expect(lab, ECS "CreateService", CREATE("other", BLOCK("shop", SERVICES("front", "front"))), 200,
               NULL);
    lab_expect(lab, ECS "DeleteService", "{'service':'other','force':true}", 200, NULL);
    assert_int_equal(HASH_COUNT(engine_catalog(lab->engine)->aws_records[AWS_ENDED_SERVICES]), 1);
}

#define ARN_OF(region, account, rest) "arn:aws:ecs:" region ":" account ":" rest
#define HERE(rest)                    ARN_OF("eu-central-1", "123456789012", rest)

/* What an ARN says besides the name must be so, or nothing is done. */
static void test_arns_are_read_whole(void **state)
{
    static const char *const wrong[] = {
        HERE("service/other/front"),
        ARN_OF("us-east-1", "123456789012", "service/default/front"),
        ARN_OF("eu-central-1", "111111111111", "service/default/front"),
        HERE("cluster/front"),
        "arn:aws:servicediscovery:eu-central-1:123456789012:service/front",
        "arn:aws:ecs:front",
    };
    static const char *const right[] = {HERE("service/default/front"), HERE("service/front"), "front"};
    struct aws_lab *lab = *state;
    char body[256];

    prepare(lab);
    lab_expect(lab, ECS "CreateCluster", "{'clusterName':'other'}", 200, NULL);
    lab_expect(lab, ECS "CreateService", CREATE("front", BLOCK("shop", SERVICES("front", "front"))), 200,
               NULL);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        (void)snprintf(body, sizeof(body), "{'service':'%s','force':true}", wrong[i]);
        lab_expect(lab, ECS "DeleteService", body, 400, "InvalidParameterException");
        lab_expect(lab, ECS "UpdateService", body, 400, "InvalidParameterException");
        (void)snprintf(body, sizeof(body), "{'services':['%s']}", wrong[i]);
        lab_expect(lab, ECS "DescribeServices", body, 400, "InvalidParameterException");
    }
    lab_expect(lab, ECS "ListServices",
               "{'cluster':'" ARN_OF("us-east-1", "123456789012", "cluster/default") "'}", 400,
               "InvalidParameterException");
    lab_expect(lab, ECS "DescribeTaskDefinition",
               "{'taskDefinition':'" ARN_OF("us-east-1", "123456789012", "task-definition/web:1") "'}", 400,
               "InvalidParameterException");
    assert_non_null(service_of(lab, "shop", "front"));
    for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
        (void)snprintf(body, sizeof(body), "{'service':'%s','desiredCount':0}", right[i]);
        lab_expect(lab, ECS "UpdateService", body, 200, NULL);
    }
    lab_expect(lab, ECS "DeleteService",
               "{'cluster':'" HERE("cluster/default") "','service':'" HERE("service/default/front") "'}", 200,
               NULL);
}

/* Two at once get two revisions, whoever of them comes first. */
static void test_definitions_count_up(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome outcomes[3] = {0};
    unsigned seen = 0;

    for (int i = 0; i < 3; i++) {
        struct aws_request request = lab_request(lab, ECS "RegisterTaskDefinition", DEFINITION);

        assert_int_equal(aws_later(&lab->waiting, &request, &outcomes[i]), 0);
    }
    engine_settle(lab->engine);
    for (int i = 0; i < 3; i++) {
        const cJSON *definition = cJSON_GetObjectItem(outcomes[i].body, "taskDefinition");

        assert_int_equal(outcomes[i].status, 200);
        seen |= 1u << cJSON_GetObjectItem(definition, "revision")->valueint;
        outcome_done(&outcomes[i]);
    }
    assert_int_equal(seen, 1u << 1 | 1u << 2 | 1u << 3);
    lab_expect(lab, ECS "DeregisterTaskDefinition", "{'taskDefinition':'web'}", 400,
               "InvalidParameterException");
    lab_expect(lab, ECS "DeregisterTaskDefinition", "{'taskDefinition':'web:3'}", 200, NULL);
    lab_expect(lab, ECS "CreateService", "{'serviceName':'s','taskDefinition':'web:3'}", 400,
               "ClientException");
    lab_expect(lab, ECS "RegisterTaskDefinition", DEFINITION, 200, NULL); /* 4, not 3 again */
    lab_expect(lab, ECS "DescribeTaskDefinition", "{'taskDefinition':'web:4'}", 200, NULL);
}

/* Two clusters that bring the same new namespace along make it once. */
static void test_clusters_make_a_namespace_once(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome outcomes[2] = {0};

    for (int i = 0; i < 2; i++) {
        struct aws_request request =
            lab_request(lab, ECS "CreateCluster",
                        i ? "{'clusterName':'a','serviceConnectDefaults':{'namespace':'fleet'}}"
                          : "{'clusterName':'b','serviceConnectDefaults':{'namespace':'fleet'}}");

        assert_int_equal(aws_later(&lab->waiting, &request, &outcomes[i]), 0);
    }
    engine_settle(lab->engine);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(outcomes[i].status, 200);
        outcome_done(&outcomes[i]);
    }
    assert_true(catalog_namespace(engine_catalog(lab->engine), "fleet")->is_declared);
    lab_expect(lab, ECS "CreateCluster",
               "{'clusterName':'c','serviceConnectDefaults':{'namespace':'arn:aws:x/ns-none'}}", 400,
               "NamespaceNotFoundException");
    expect_committed(lab);
}

/* No namespace appears for it, and none is kept by it. */
static void test_without_service_connect(void **state)
{
    struct aws_lab *lab = *state;
    const struct model_namespace *parent;
    char body[160];

    prepare(lab);
    lab_expect(lab, ECS "CreateService", CREATE("plain", "'desiredCount':1"), 200, NULL);
    parent = catalog_namespace(engine_catalog(lab->engine), "default");
    assert_false(parent && parent->is_declared);
    lab_expect(lab, ECS "CreateCluster", "{'clusterName':'c','serviceConnectDefaults':{'namespace':'fleet'}}",
               200, NULL);
    lab_expect(lab, ECS "CreateService", CREATE("other", "'cluster':'c'"), 200, NULL);
    (void)snprintf(body, sizeof(body), "{'Id':'%s'}",
                   catalog_namespace(engine_catalog(lab->engine), "fleet")->id);
    lab_expect(lab, CLOUD_MAP "DeleteNamespace", body, 200, NULL);
    assert_false(catalog_namespace(engine_catalog(lab->engine), "fleet")->is_declared);
    expect_committed(lab);
    lab_expect(lab, ECS "UpdateService", "{'cluster':'c','service':'other','desiredCount':2}", 200, NULL);
    lab_expect(lab, ECS "DeleteService", "{'cluster':'c','service':'other','force':true}", 200, NULL);
    expect_committed(lab);
}

static void test_how_it_is_launched(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome outcome;
    const cJSON *service;

    prepare(lab);
    lab_expect(
        lab, ECS "CreateService",
        CREATE("a", "'launchType':'FARGATE','capacityProviderStrategy':[{'capacityProvider':'FARGATE'}]"),
        400, "InvalidParameterException");
    lab_expect(lab, ECS "CreateService", CREATE("a", "'launchType':'FARGATE','capacityProviderStrategy':[]"),
               200, NULL);
    lab_ask(lab, ECS "UpdateService",
            "{'service':'a','capacityProviderStrategy':[{'capacityProvider':'FARGATE'}]}", &outcome);
    service = cJSON_GetObjectItem(outcome.body, "service");
    assert_true(cJSON_HasObjectItem(service, "capacityProviderStrategy"));
    assert_false(cJSON_HasObjectItem(service, "launchType"));
    outcome_done(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWS_TEST(test_create),
        AWS_TEST(test_create_again),
        AWS_TEST(test_create_refused),
        AWS_TEST(test_update_keeps_what_is_left_out),
        AWS_TEST(test_update_moves),
        AWS_TEST(test_delete),
        AWS_TEST(test_a_deleted_service_is_inactive),
        AWS_TEST(test_arns_are_read_whole),
        AWS_TEST(test_definitions_count_up),
        AWS_TEST(test_clusters_make_a_namespace_once),
        AWS_TEST(test_without_service_connect),
        AWS_TEST(test_how_it_is_launched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
