/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every operation that changes something, on a registry that refuses and conflicts. One script makes all of
 * them, on a quiet registry and on one where each change is first refused for a full disk and then has to
 * run again: answers and rows must be the same in the end, letter by letter.
 */
#include "aws_lab.h"

struct step {
    const char *target;
    const char *body;      /* $1 to $9: what earlier steps have kept */
    const char *keep_path; /* of the answer */
    unsigned keep;         /* 0: nothing */
};

static const struct step script[] = {
    {CLOUD_MAP "CreateHttpNamespace", "{'Name':'shop','CreatorRequestId':'one'}", "OperationId", 1},
    {CLOUD_MAP "GetOperation", "{'OperationId':'$1'}", "Operation.Targets.NAMESPACE", 2},
    {CLOUD_MAP "CreatePrivateDnsNamespace", "{'Name':'inside.example','Vpc':'vpc-1'}", "OperationId", 1},
    {CLOUD_MAP "GetOperation", "{'OperationId':'$1'}", "Operation.Targets.NAMESPACE", 3},
    {CLOUD_MAP "CreatePublicDnsNamespace", "{'Name':'outside.example'}", "OperationId", 1},
    {CLOUD_MAP "GetOperation", "{'OperationId':'$1'}", "Operation.Targets.NAMESPACE", 4},
    {CLOUD_MAP "UpdateHttpNamespace", "{'Id':'$2','Namespace':{'Description':'a shop'}}", NULL, 0},
    {CLOUD_MAP "UpdatePrivateDnsNamespace",
     "{'Id':'$3','Namespace':{'Properties':{'DnsProperties':{'SOA':{'TTL':30}}}}}", NULL, 0},
    {CLOUD_MAP "UpdatePublicDnsNamespace", "{'Id':'$4','Namespace':{'Description':'seen'}}", NULL, 0},
    {CLOUD_MAP "CreateService",
     "{'Name':'cart','NamespaceId':'$2','HealthCheckCustomConfig':{'FailureThreshold':1},"
     "'Tags':[{'Key':'team','Value':'blue'}]}",
     "Service.Id", 5},
    {CLOUD_MAP "GetService", "{'Id':'$5'}", "Service.Arn", 6},
    {CLOUD_MAP "UpdateService", "{'Id':'$5','Service':{'Description':'carts'}}", NULL, 0},
    {CLOUD_MAP "TagResource", "{'ResourceARN':'$6','Tags':[{'Key':'tier','Value':'1'}]}", NULL, 0},
    {CLOUD_MAP "UntagResource", "{'ResourceARN':'$6','TagKeys':['team']}", NULL, 0},
    {CLOUD_MAP "ListTagsForResource", "{'ResourceARN':'$6'}", NULL, 0},
    {CLOUD_MAP "UpdateServiceAttributes", "{'ServiceId':'$5','Attributes':{'a':'1','b':'2'}}", NULL, 0},
    {CLOUD_MAP "DeleteServiceAttributes", "{'ServiceId':'$5','Attributes':['a']}", NULL, 0},
    {CLOUD_MAP "GetServiceAttributes", "{'ServiceId':'$5'}", NULL, 0},
    {CLOUD_MAP "RegisterInstance",
     "{'ServiceId':'$5','InstanceId':'i1','Attributes':{'AWS_INSTANCE_IPV4':'10.0.0.1',"
     "'AWS_INSTANCE_PORT':'80','zone':'a'}}",
     NULL, 0},
    {CLOUD_MAP "RegisterInstance", "{'ServiceId':'$5','InstanceId':'i2','Attributes':{'zone':'b'}}", NULL, 0},
    {CLOUD_MAP "UpdateInstanceCustomHealthStatus",
     "{'ServiceId':'$5','InstanceId':'i1','Status':'UNHEALTHY'}", NULL, 0},
    {CLOUD_MAP "GetInstancesHealthStatus", "{'ServiceId':'$5'}", NULL, 0},
    {CLOUD_MAP "DeregisterInstance", "{'ServiceId':'$5','InstanceId':'i2'}", NULL, 0},
    {CLOUD_MAP "ListInstances", "{'ServiceId':'$5'}", NULL, 0},
    {CLOUD_MAP "DeregisterInstance", "{'ServiceId':'$5','InstanceId':'i1'}", NULL, 0},
    {CLOUD_MAP "DeleteService", "{'Id':'$5'}", NULL, 0},
    {CLOUD_MAP "DeleteNamespace", "{'Id':'$4'}", NULL, 0},
    {CLOUD_MAP "ListOperations", "{}", NULL, 0},

    {ECS "CreateCluster", "{'clusterName':'blue','serviceConnectDefaults':{'namespace':'fleet'}}",
     "cluster.serviceConnectDefaults.namespace", 7},
    {ECS "UpdateCluster", "{'cluster':'blue','settings':[{'name':'containerInsights','value':'enabled'}]}",
     NULL, 0},
    {ECS "RegisterTaskDefinition",
     "{'family':'web','containerDefinitions':[{'name':'web','image':'web:1','portMappings':"
     "[{'name':'http','containerPort':8080}]}]}",
     "taskDefinition.taskDefinitionArn", 8},
    {ECS "CreateService",
     "{'cluster':'blue','serviceName':'front','taskDefinition':'web:1','desiredCount':2,"
     "'clientToken':'token','serviceConnectConfiguration':{'enabled':true,'services':[{'portName':'http',"
     "'discoveryName':'front','clientAliases':[{'port':80,'dnsName':'front'}]}]}}",
     "service.serviceArn", 9},
    {ECS "DescribeServices", "{'cluster':'blue','services':['front']}", NULL, 0},
    {ECS "UpdateService", "{'cluster':'blue','service':'front','desiredCount':3}", NULL, 0},
    {ECS "DeleteService", "{'cluster':'blue','service':'front','force':true}", NULL, 0},
    {ECS "DeregisterTaskDefinition", "{'taskDefinition':'web:1'}", NULL, 0},
    {ECS "DeleteTaskDefinitions", "{'taskDefinitions':['web:1']}", NULL, 0},
    {ECS "DescribeClusters", "{'clusters':['blue']}", NULL, 0},
    {ECS "TagResource",
     "{'resourceArn':'arn:aws:ecs:eu-central-1:123456789012:cluster/blue','tags':[{'key':'a','value':'b'}]}",
     NULL, 0},
    {ECS "UntagResource",
     "{'resourceArn':'arn:aws:ecs:eu-central-1:123456789012:cluster/blue','tagKeys':['a']}", NULL, 0},
    {ECS "PutClusterCapacityProviders",
     "{'cluster':'blue','capacityProviders':['FARGATE'],'defaultCapacityProviderStrategy':[]}", NULL, 0},
    {ECS "DeleteCluster", "{'cluster':'blue'}", NULL, 0},
};

#define N_STEPS (sizeof(script) / sizeof(script[0]))

struct run {
    struct aws_lab lab;
    char kept[10][128];
    char *answers[N_STEPS];
    char *states[N_STEPS]; /* what the catalog was after each step */
};

static void fill_in(const struct run *run, const char *from, char *to, size_t size)
{
    size_t at = 0;

    for (; *from && at + 1 < size; from++) {
        if (*from == '$' && from[1] >= '1' && from[1] <= '9')
            at += (size_t)snprintf(to + at, size - at, "%s", run->kept[*++from - '0']);
        else
            to[at++] = *from;
    }
    to[at] = '\0';
}

static void keep(struct run *run, const struct step *step, const cJSON *answer)
{
    char names[128];
    char *rest = NULL;

    if (!step->keep)
        return;
    (void)snprintf(names, sizeof(names), "%s", step->keep_path);
    for (char *name = strtok_r(names, ".", &rest); name; name = strtok_r(NULL, ".", &rest))
        answer = cJSON_GetObjectItemCaseSensitive(answer, name);
    if (!cJSON_IsString(answer))
        fail_msg("%s: no %s", step->target, step->keep_path);
    (void)snprintf(run->kept[step->keep], sizeof(run->kept[0]), "%s", answer->valuestring);
}

static void play_step(struct run *run, size_t i)
{
    char body[1024];
    struct outcome outcome;

    fill_in(run, script[i].body, body, sizeof(body));
    lab_ask(&run->lab, script[i].target, body, &outcome);
    run->answers[i] = cJSON_PrintUnformatted(outcome.body);
    if (outcome.status != 200)
        fail_msg("%s: status %d: %s", script[i].target, outcome.status, run->answers[i]);
    keep(run, &script[i], outcome.body);
    outcome_done(&outcome);
    run->states[i] = whole_text(engine_catalog(run->lab.engine));
}

static bool is_change(const struct aws_lab *lab, const char *target)
{
    struct aws_lab copy = *lab;
    struct aws_request request = lab_request(&copy, target, "{}");
    bool is_read = request.operation->is_read;

    aws_request_done(&request);
    return !is_read;
}

static void run_new(struct run *run)
{
    aws_lab_new(&run->lab, 64);
}

static void run_done(struct run *run)
{
    aws_lab_done(&run->lab);
    for (size_t i = 0; i < N_STEPS; i++) {
        free(run->answers[i]);
        free(run->states[i]);
    }
}

/* The step with a full disk: refused in the API's words, and nothing is another than before. */
static void play_refused(struct run *run, size_t i, enum fake_fault fault, int status, const char *type)
{
    const struct fake_step step = {fault, 0};
    _cleanup_free_ char *rows = rows_text(&run->lab);
    _cleanup_free_ char *state = whole_text(engine_catalog(run->lab.engine));
    _cleanup_free_ char *rows_after = NULL;
    _cleanup_free_ char *state_after = NULL;
    uint64_t n_asked = run->lab.n_asked;
    char body[1024];

    fill_in(run, script[i].body, body, sizeof(body));
    fake_registry_plan(run->lab.registry, &step, 1);
    lab_expect(&run->lab, script[i].target, body, status, type);
    run->lab.n_asked = n_asked;
    rows_after = rows_text(&run->lab);
    state_after = whole_text(engine_catalog(run->lab.engine));
    assert_string_equal(rows_after, rows);
    assert_string_equal(state_after, state);
    expect_committed(&run->lab);
}

/* The step with a commit that another host is ahead of, twice. */
static void play_conflicts(struct run *run, size_t i)
{
    static const struct fake_step steps[] = {{FAKE_CONFLICT, 0}, {FAKE_CONFLICT, 0}, {FAKE_WRITTEN, 0}};
    struct fake_counts before = fake_store_counts(run->lab.store);

    fake_registry_plan(run->lab.registry, steps, ARRAY_SIZE(steps));
    play_step(run, i);
    assert_int_equal(fake_store_counts(run->lab.store).refused - before.refused, 2);
    assert_int_equal(fake_store_counts(run->lab.store).commits - before.commits, 1);
    expect_committed(&run->lab);
}

static void test_faults_leave_no_trace(void **state)
{
    struct run *quiet = calloc(1, sizeof(*quiet));
    struct run *hard = calloc(1, sizeof(*hard));
    _cleanup_free_ char *wanted = NULL;
    _cleanup_free_ char *found = NULL;

    (void)state;
    run_new(quiet);
    run_new(hard);
    for (size_t i = 0; i < N_STEPS; i++) {
        bool is_ecs = strncmp(script[i].target, ECS, strlen(ECS)) == 0;

        play_step(quiet, i);
        if (!is_change(&hard->lab, script[i].target)) {
            play_step(hard, i);
        } else {
            play_refused(hard, i, FAKE_DISK_FULL, 400,
                         is_ecs ? "LimitExceededException" : "ResourceLimitExceeded");
            play_refused(hard, i, FAKE_IO_ERROR, 500, "InternalFailure");
            play_conflicts(hard, i);
        }
        if (strcmp(hard->answers[i], quiet->answers[i]) != 0)
            fail_msg("%s answers\n  %s\nand without trouble\n  %s", script[i].target, hard->answers[i],
                     quiet->answers[i]);
        if (strcmp(hard->states[i], quiet->states[i]) != 0)
            fail_msg("%s leads to\n%s\nand without trouble to\n%s", script[i].target, hard->states[i],
                     quiet->states[i]);
    }
    wanted = rows_text(&quiet->lab);
    found = rows_text(&hard->lab);
    assert_string_equal(found, wanted);
    run_done(quiet);
    run_done(hard);
    free(quiet);
    free(hard);
}

/* Whoever adds an operation that changes something adds it to the script. */
static void test_script_is_complete(void **state)
{
    const struct aws_operation *tables[] = {aws_cloud_map_operations, aws_ecs_operations};
    const char *prefixes[] = {CLOUD_MAP, ECS};

    (void)state;
    for (size_t table = 0; table < ARRAY_SIZE(tables); table++)
        for (const struct aws_operation *operation = tables[table]; operation->name; operation++) {
            char target[128];
            bool is_there = operation->is_read;

            (void)snprintf(target, sizeof(target), "%s%s", prefixes[table], operation->name);
            for (size_t i = 0; i < N_STEPS; i++)
                is_there = is_there || strcmp(script[i].target, target) == 0;
            if (!is_there)
                fail_msg("%s is not in the script", target);
        }
}

/* A conflict without end is told as something to try again, and nothing has changed. */
static void test_endless_conflict(void **state)
{
    struct aws_lab *lab = *state;
    const struct model_namespace *parent;
    struct fake_step steps[40];

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        steps[i] = (struct fake_step){FAKE_CONFLICT, 0};
    fake_registry_plan(lab->registry, steps, ARRAY_SIZE(steps));
    lab_expect(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'shop'}", 503, "ServiceUnavailable");
    parent = catalog_namespace(engine_catalog(lab->engine), "shop");
    assert_false(parent && parent->is_declared);
    expect_committed(lab);
}

/* Two requests that are there at the same time; the type of each one's error, "" for success. */
static void play_two(struct aws_lab *lab, const char *target, const char *const bodies[2], char types[2][64])
{
    struct outcome outcomes[2] = {0};

    for (int i = 0; i < 2; i++) {
        struct aws_request request = lab_request(lab, target, bodies[i]);

        assert_int_equal(aws_later(&lab->waiting, &request, &outcomes[i]), 0);
    }
    engine_settle(lab->engine);
    for (int i = 0; i < 2; i++) {
        const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(outcomes[i].body, "__type"));

        assert_int_equal(outcomes[i].n_sent, 1);
        (void)snprintf(types[i], sizeof(types[i]), "%s", type ? type : "");
        outcome_done(&outcomes[i]);
    }
    expect_committed(lab);
}

/* In a group the second is refused for what the first has put. Nobody hears of that if the group fails: both
 * run once more, alone. However they are grouped, one of them has the name in the end, and one has not. */
static void test_refusal_of_a_group_that_fails(void **state)
{
    static const struct fake_step steps[] = {{FAKE_DISK_FULL, 0}, {FAKE_WRITTEN, 0}};
    static const char *const bodies[] = {"{'Name':'shop'}", "{'Name':'shop'}"};
    struct aws_lab *lab = *state;
    char types[2][64];

    fake_registry_plan(lab->registry, steps, ARRAY_SIZE(steps));
    play_two(lab, CLOUD_MAP "CreateHttpNamespace", bodies, types);
    assert_int_equal(!types[0][0] + !types[1][0], 1);
    assert_true(catalog_namespace(engine_catalog(lab->engine), "shop")->is_declared);
}

/* The second is sent back in its first run, for a row that the first has put; the disk fails in the end. It
 * is told that, and not what its first run ended with. */
static void test_errors_are_of_the_last_run(void **state)
{
    static const struct fake_step steps[] = {{FAKE_WRITTEN, 0}, {FAKE_IO_ERROR, 0}};
    static const char *const bodies[] = {"{'clusterName':'blue','tags':[]}",
                                         "{'clusterName':'blue','settings':[]}"};
    struct aws_lab *lab = *state;
    char types[2][64];

    fake_registry_plan(lab->registry, steps, ARRAY_SIZE(steps));
    play_two(lab, ECS "CreateCluster", bodies, types);
    assert_string_equal(types[0], "");
    assert_string_equal(types[1], "InternalFailure");
}

/* More endpoints than the maps hold: the tables refuse, after the operation itself was content. */
static void test_no_room_in_the_tables(void **state)
{
    struct aws_lab lab;
    char id[64], service[64];
    char body[512];

    (void)state;
    aws_lab_new(&lab, 1);
    lab_get(&lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'shop'}", "OperationId", id, sizeof(id));
    (void)snprintf(body, sizeof(body), "{'OperationId':'%s'}", id);
    lab_get(&lab, CLOUD_MAP "GetOperation", body, "Operation.Targets.NAMESPACE", id, sizeof(id));
    (void)snprintf(body, sizeof(body), "{'Name':'cart','NamespaceId':'%s'}", id);
    lab_get(&lab, CLOUD_MAP "CreateService", body, "Service.Id", service, sizeof(service));
    for (int i = 1; i <= 2; i++) {
        (void)snprintf(body, sizeof(body),
                       "{'ServiceId':'%s','InstanceId':'i%d','Attributes':{'AWS_INSTANCE_IPV4':'10.0.0.%d',"
                       "'AWS_INSTANCE_PORT':'80'}}",
                       service, i, i);
        lab_expect(&lab, CLOUD_MAP "RegisterInstance", body, i == 1 ? 200 : 400,
                   i == 1 ? NULL : "ResourceLimitExceeded");
    }
    assert_int_equal(engine_catalog(lab.engine)->n_instances, 1);
    expect_committed(&lab);
    aws_lab_done(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_leave_no_trace),
        cmocka_unit_test(test_script_is_complete),
        AWS_TEST(test_endless_conflict),
        AWS_TEST(test_refusal_of_a_group_that_fails),
        AWS_TEST(test_errors_are_of_the_last_run),
        cmocka_unit_test(test_no_room_in_the_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
