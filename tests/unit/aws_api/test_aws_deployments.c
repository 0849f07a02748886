/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is remembered of a service's deployments: which changes are one, what each consisted of, how many. */
#include "aws_lab.h"

#define CONTAINERS                                                                                           \
    "'containerDefinitions':[{'name':'app','image':'web:1','portMappings':[{'name':'http',"                  \
    "'containerPort':8080}]}]"
#define BLOCK(name)                                                                                          \
    "'serviceConnectConfiguration':{'enabled':true,'services':[{'portName':'http','discoveryName':'" name    \
    "'}]}"

static void make_web(struct aws_lab *lab)
{
    lab_expect(lab, ECS "RegisterTaskDefinition", "{'family':'web'," CONTAINERS "}", 200, NULL);
    lab_expect(lab, ECS "CreateService",
               "{'serviceName':'web','taskDefinition':'web','desiredCount':2," BLOCK("web") "}", 200, NULL);
}

/* A copy of a member of the answer, which the caller frees. */
static cJSON *ask_for(struct aws_lab *lab, const char *target, const char *body, const char *member)
{
    struct outcome outcome;
    cJSON *taken;

    lab_ask(lab, target, body, &outcome);
    if (outcome.status != 200)
        fail_msg("%s: %s", target, cJSON_PrintUnformatted(outcome.body));
    taken = cJSON_DetachItemFromObjectCaseSensitive(outcome.body, member);
    outcome_done(&outcome);
    return taken;
}

static cJSON *list(struct aws_lab *lab)
{
    return ask_for(lab, ECS "ListServiceDeployments", "{'service':'web'}", "serviceDeployments");
}

static unsigned n_deployments(struct aws_lab *lab)
{
    _cleanup_json_ cJSON *all = list(lab);

    return (unsigned)cJSON_GetArraySize(all);
}

static const char *text_of(const cJSON *object, const char *member)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, member));

    if (!text)
        fail_msg("no %s in %s", member, cJSON_PrintUnformatted(object));
    return text;
}

static bool mentions(const cJSON *object, const char *text)
{
    _cleanup_free_ char *printed = cJSON_PrintUnformatted(object);

    return strstr(printed, text) != NULL;
}

/* Of a Describe of one ARN, what it shows. */
static cJSON *describe(struct aws_lab *lab, const char *target, const char *asked, const char *arn,
                       const char *member)
{
    char body[512];
    _cleanup_json_ cJSON *shown = NULL;

    (void)snprintf(body, sizeof(body), "{'%s':['%s']}", asked, arn);
    shown = ask_for(lab, target, body, member);
    return cJSON_DetachItemFromArray(shown, 0);
}

static cJSON *describe_deployment(struct aws_lab *lab, const char *arn)
{
    return describe(lab, ECS "DescribeServiceDeployments", "serviceDeploymentArns", arn,
                    "serviceDeployments");
}

static cJSON *describe_revision(struct aws_lab *lab, const char *arn)
{
    return describe(lab, ECS "DescribeServiceRevisions", "serviceRevisionArns", arn, "serviceRevisions");
}

static cJSON *describe_service(struct aws_lab *lab)
{
    _cleanup_json_ cJSON *shown = ask_for(lab, ECS "DescribeServices", "{'services':['web']}", "services");

    return cJSON_DetachItemFromArray(shown, 0);
}

/* A count alone deploys nothing, what a revision consists of does, and so does who asks for it. */
static void test_which_changes_deploy(void **state)
{
    static const struct {
        const char *body;
        unsigned deploys;
    } steps[] = {
        {"{'service':'web','desiredCount':5}", 0},
        {"{'service':'web','healthCheckGracePeriodSeconds':5}", 0},
        {"{'service':'web','taskDefinition':'web:1'}", 0},
        {"{'service':'web','taskDefinition':'web:2'}", 1},
        {"{'service':'web'," BLOCK("web") "}", 0},
        {"{'service':'web'," BLOCK("front") "}", 1},
        {"{'service':'web','forceNewDeployment':true}", 1},
        {"{'service':'web','desiredCount':0,'networkConfiguration':{'awsvpcConfiguration':{'subnets':['a']}}"
         "}",
         1},
    };
    struct aws_lab *lab = *state;
    unsigned n = 1;

    make_web(lab);
    lab_expect(lab, ECS "RegisterTaskDefinition", "{'family':'web'," CONTAINERS "}", 200, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        lab_expect(lab, ECS "UpdateService", steps[i].body, 200, NULL);
        n += steps[i].deploys;
        if (n_deployments(lab) != n)
            fail_msg("%s: %u deployments, %u wanted", steps[i].body, n_deployments(lab), n);
        expect_committed(lab);
    }
}

/* Each deployment leads to its revision and from the one before; the service shows the latest. */
static void test_what_is_shown(void **state)
{
    struct aws_lab *lab = *state;
    _cleanup_json_ cJSON *before = NULL, *after = NULL, *deployment = NULL, *revision = NULL, *old = NULL;
    _cleanup_json_ cJSON *first = NULL, *second = NULL;
    const cJSON *brief, *shown, *counts;

    make_web(lab);
    before = list(lab);
    first = describe_service(lab);
    lab_expect(lab, ECS "UpdateService", "{'service':'web','desiredCount':7," BLOCK("front") "}", 200, NULL);
    after = list(lab);
    second = describe_service(lab);
    brief = cJSON_GetArrayItem(after, 0);
    assert_true(cJSON_Compare(cJSON_GetArrayItem(after, 1), cJSON_GetArrayItem(before, 0), true));
    assert_string_equal(text_of(brief, "status"), "SUCCESSFUL");
    assert_string_equal(text_of(brief, "serviceArn"),
                        "arn:aws:ecs:eu-central-1:123456789012:service/default/web");
    assert_true(cJSON_GetObjectItem(brief, "createdAt")->valuedouble >
                cJSON_GetObjectItem(cJSON_GetArrayItem(before, 0), "createdAt")->valuedouble);
    deployment = describe_deployment(lab, text_of(brief, "serviceDeploymentArn"));
    counts = cJSON_GetObjectItem(deployment, "targetServiceRevision");
    assert_string_equal(text_of(counts, "arn"), text_of(brief, "targetServiceRevisionArn"));
    assert_int_equal(cJSON_GetObjectItem(counts, "requestedTaskCount")->valueint, 7);
    counts = cJSON_GetArrayItem(cJSON_GetObjectItem(deployment, "sourceServiceRevisions"), 0);
    assert_string_equal(text_of(counts, "arn"),
                        text_of(cJSON_GetArrayItem(after, 1), "targetServiceRevisionArn"));
    revision = describe_revision(lab, text_of(brief, "targetServiceRevisionArn"));
    old = describe_revision(lab, text_of(counts, "arn"));
    assert_string_equal(text_of(revision, "taskDefinition"),
                        "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:1");
    assert_true(mentions(revision, "front"));
    assert_false(mentions(old, "front"));
    assert_string_equal(
        text_of(cJSON_GetArrayItem(cJSON_GetObjectItem(revision, "containerImages"), 0), "image"), "web:1");
    shown = cJSON_GetArrayItem(cJSON_GetObjectItem(second, "deployments"), 0);
    assert_string_not_equal(text_of(shown, "id"),
                            text_of(cJSON_GetArrayItem(cJSON_GetObjectItem(first, "deployments"), 0), "id"));
    assert_int_equal(strspn(text_of(shown, "id") + strlen("ecs-svc/"), "0123456789"), 19);
    assert_string_equal(text_of(shown, "rolloutState"), "COMPLETED");
    assert_true(cJSON_GetObjectItem(shown, "createdAt")->valuedouble ==
                cJSON_GetObjectItem(brief, "createdAt")->valuedouble);
}

static void put_canary(struct aws_lab *lab, const char *state, const char *more)
{
    char value[640];

    (void)snprintf(value, sizeof(value),
                   "{\"from\":\"old\",\"to\":\"web\",\"strategy\":\"LINEAR\",\"stepTenths\":100,"
                   "\"intervalSeconds\":60,\"maxFailuresTenths\":50,\"minConnects\":20,\"state\":\"%s\","
                   "\"shareTenths\":100,\"startedAtMs\":1000,\"stepStartedAtMs\":1000,\"base\":{"
                   "\"established\":0,\"failures\":0,\"ejections\":0},"
                   "\"counted\":{\"established\":0,\"failures\":0,\"ejections\":0}%s}",
                   state, more);
    house_put(&lab->house, "canaries/default//shop:80/tcp", value);
}

static void expect_rollout(struct aws_lab *lab, const char *state, const char *status)
{
    _cleanup_json_ cJSON *service = describe_service(lab), *all = list(lab);
    char body[128];
    _cleanup_json_ cJSON *asked = NULL;

    assert_string_equal(
        text_of(cJSON_GetArrayItem(cJSON_GetObjectItem(service, "deployments"), 0), "rolloutState"), state);
    assert_string_equal(text_of(cJSON_GetArrayItem(all, 0), "status"), status);
    assert_true(!!cJSON_GetObjectItem(cJSON_GetArrayItem(all, 0), "finishedAt") ==
                (strcmp(status, "IN_PROGRESS") != 0));
    (void)snprintf(body, sizeof(body), "{'service':'web','status':['%s']}", status);
    asked = ask_for(lab, ECS "ListServiceDeployments", body, "serviceDeployments");
    assert_int_equal(cJSON_GetArraySize(asked), 1);
}

/* A canary that moves an alias to the service is its rollout. */
static void test_a_canary_is_a_rollout(void **state)
{
    struct aws_lab *lab = *state;

    make_web(lab);
    house_put(&lab->house, "services/default/old", "{}");
    expect_rollout(lab, "COMPLETED", "SUCCESSFUL");
    put_canary(lab, "RUNNING", "");
    expect_rollout(lab, "IN_PROGRESS", "IN_PROGRESS");
    put_canary(lab, "PAUSED", ",\"pausedAtMs\":2000");
    expect_rollout(lab, "IN_PROGRESS", "IN_PROGRESS");
    put_canary(lab, "SUCCEEDED", ",\"endedAtMs\":9000000000000");
    expect_rollout(lab, "COMPLETED", "SUCCESSFUL");
    put_canary(lab, "ROLLED_BACK", ",\"endedAtMs\":9000000000000,\"reason\":\"7 of 20 failed\"");
    expect_rollout(lab, "FAILED", "ROLLBACK_SUCCESSFUL");
    put_canary(lab, "ROLLED_BACK", ",\"endedAtMs\":2000"); /* before this deployment */
    expect_rollout(lab, "COMPLETED", "SUCCESSFUL");
}

#define HOUR_MS 3600000

/* By the time that has passed, whatever the clock on the wall was set to meanwhile. */
static void test_a_deleted_service_is_inactive_for_an_hour(void **state)
{
    static const int64_t sets[] = {0, 24 * HOUR_MS, -48 * HOUR_MS};
    struct aws_lab *lab = *state;

    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        _cleanup_json_ cJSON *inactive = NULL;

        make_web(lab);
        lab_expect(lab, ECS "DeleteService", "{'service':'web','force':true}", 200, NULL);
        lab->clock_set_ms = sets[i];
        lab->later_ms += HOUR_MS - 60000;
        inactive = describe_service(lab);
        assert_string_equal(text_of(inactive, "status"), "INACTIVE");
        lab->later_ms += 2 * 60000;
        assert_null(describe_service(lab));
    }
    /* Of a time to come, as the clock of a host tells that was put back and then booted: not for ever. */
    make_web(lab);
    lab_expect(lab, ECS "DeleteService", "{'service':'web','force':true}", 200, NULL);
    lab->later_ms -= 2 * HOUR_MS;
    assert_null(describe_service(lab));
}

/* The latest event first; the same each time, and only the services' own. */
static void test_events(void **state)
{
    struct aws_lab *lab = *state;
    _cleanup_json_ cJSON *service = NULL, *ended = NULL;
    const cJSON *events;

    make_web(lab);
    lab_expect(lab, ECS "UpdateService", "{'service':'web','desiredCount':0}", 200, NULL);
    service = describe_service(lab);
    events = cJSON_GetObjectItem(service, "events");
    assert_int_equal(cJSON_GetArraySize(events), 2);
    assert_string_equal(text_of(events->child, "message"), "(service web) has reached a steady state.");
    assert_non_null(strstr(text_of(events->child->next, "message"), "deployment completed."));
    lab_expect(lab, ECS "DeleteService", "{'service':'web'}", 200, NULL);
    ended = describe_service(lab);
    assert_string_equal(text_of(ended, "status"), "INACTIVE");
    events = cJSON_GetObjectItem(ended, "events");
    assert_non_null(strstr(text_of(events->child, "message"), "was deleted"));
    assert_int_equal(n_deployments(lab), 1);
    /* One of that name again begins anew. */
    lab_expect(lab, ECS "CreateService", "{'serviceName':'web','taskDefinition':'web','desiredCount':1}", 200,
               NULL);
    cJSON_Delete(service);
    service = describe_service(lab);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(service, "events")), 1);
    assert_int_equal(n_deployments(lab), 1);
}

/* However often and however large: the latest are there, the row stays within its bound. */
static void test_bounds(void **state)
{
    struct aws_lab *lab = *state;
    char *body = malloc(40000);
    char *filler = calloc(1, 20001);

    make_web(lab);
    for (int i = 0; i < 30; i++)
        lab_expect(lab, ECS "UpdateService", "{'service':'web','forceNewDeployment':true}", 200, NULL);
    assert_int_equal(n_deployments(lab), 10);
    memset(filler, 'x', 20000);
    for (int i = 0; i < 5; i++) {
        (void)snprintf(
            body, 40000,
            "{'service':'web','forceNewDeployment':true,'networkConfiguration':{'awsvpcConfiguration':"
            "{'subnets':['%s']}}}",
            filler);
        lab_expect(lab, ECS "UpdateService", body, 200, NULL);
    }
    assert_in_range(n_deployments(lab), 1, 3);
    assert_true(strlen(engine_catalog(lab->engine)->aws_records[AWS_HISTORIES]->text) <= 48u << 10);
    free(body);
    free(filler);
}

static void test_filters_and_pages(void **state)
{
    struct aws_lab *lab = *state;
    _cleanup_json_ cJSON *all = NULL, *some = NULL;
    char body[512], token[256];
    struct outcome outcome;

    make_web(lab);
    for (int i = 0; i < 4; i++)
        lab_expect(lab, ECS "UpdateService", "{'service':'web','forceNewDeployment':true}", 200, NULL);
    all = list(lab);
    lab_ask(lab, ECS "ListServiceDeployments", "{'service':'web','maxResults':3}", &outcome);
    (void)snprintf(token, sizeof(token), "%s", text_of(outcome.body, "nextToken"));
    outcome_done(&outcome);
    (void)snprintf(body, sizeof(body), "{'service':'web','maxResults':3,'nextToken':'%s'}", token);
    some = ask_for(lab, ECS "ListServiceDeployments", body, "serviceDeployments");
    assert_int_equal(cJSON_GetArraySize(some), 2);
    assert_true(cJSON_Compare(cJSON_GetArrayItem(some, 1), cJSON_GetArrayItem(all, 4), true));
    cJSON_Delete(some);
    some = ask_for(lab, ECS "ListServiceDeployments", "{'service':'web','status':['STOPPED']}",
                   "serviceDeployments");
    assert_int_equal(cJSON_GetArraySize(some), 0);
    (void)snprintf(body, sizeof(body), "{'service':'web','createdAt':{'before':%.3f}}",
                   cJSON_GetObjectItem(cJSON_GetArrayItem(all, 2), "createdAt")->valuedouble);
    cJSON_Delete(some);
    some = ask_for(lab, ECS "ListServiceDeployments", body, "serviceDeployments");
    assert_int_equal(cJSON_GetArraySize(some), 3);
    lab_expect(lab, ECS "ListServiceDeployments", "{'service':'none'}", 400, "ServiceNotFoundException");
    lab_expect(lab, ECS "DescribeServiceRevisions", "{'serviceRevisionArns':['web']}", 400,
               "InvalidParameterException");
    lab_expect(lab, ECS "DescribeServiceRevisions", "{'serviceRevisionArns':[]}", 400,
               "InvalidParameterException");
    assert_null(
        describe_revision(lab, "arn:aws:ecs:eu-central-1:123456789012:service-revision/default/web/1"));
    assert_null(describe_revision(lab, "arn:aws:ecs:eu-central-1:123456789012:service-revision/web"));
}

/* A service that was applied by other means, or before there were histories, is one deployment. */
static void test_without_a_history(void **state)
{
    struct aws_lab *lab = *state;
    _cleanup_json_ cJSON *before = NULL, *after = NULL, *revision = NULL;
    struct error error = {0};

    make_web(lab);
    assert_int_equal(
        row_apply(engine_catalog(lab->engine), "aws/service-histories/default:web", NULL, &error), 0);
    before = list(lab);
    assert_int_equal(cJSON_GetArraySize(before), 1);
    revision = describe_revision(lab, text_of(before->child, "targetServiceRevisionArn"));
    assert_non_null(revision);
    lab_expect(lab, ECS "UpdateService", "{'service':'web','forceNewDeployment':true}", 200, NULL);
    after = list(lab);
    assert_int_equal(cJSON_GetArraySize(after), 2);
    assert_string_equal(text_of(after->child->next, "serviceDeploymentArn"),
                        text_of(before->child, "serviceDeploymentArn"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWS_TEST(test_which_changes_deploy),
        AWS_TEST(test_what_is_shown),
        AWS_TEST(test_a_canary_is_a_rollout),
        AWS_TEST(test_a_deleted_service_is_inactive_for_an_hour),
        AWS_TEST(test_events),
        AWS_TEST(test_bounds),
        AWS_TEST(test_filters_and_pages),
        AWS_TEST(test_without_a_history),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
