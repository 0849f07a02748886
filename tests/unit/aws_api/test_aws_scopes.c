/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every operation of the tables, tried with the key of another namespace and with read-only ones. What belongs
 * to another is answered letter by letter as what is not there at all, and nothing of it comes into any answer.
 * An operation without a case here fails the test, and so does a kind of record of which there is none: one table of all
 * of them makes it long.
 */
#include "aws_lab.h"

#define ARN    "arn:aws:ecs:eu-central-1:123456789012:"
#define SECRET "their-secret" /* in all that "theirs" has, wherever a text can stand */

/* Names that a case's % stands for: what is theirs, and what nobody has. */
enum what {
    NOTHING,
    NAMESPACE,
    NAMESPACE_ID,
    SERVICE_ID,
    SERVICE_ARN,
    OPERATION_ID,
    CLUSTER,
    DEFINITION,
    PLAIN,
    DEPLOYMENT,
    REVISION
};

struct scope_case {
    const char *target;
    const char *body;
    enum what what;
    bool is_wide; /* a key for nothing but another namespace may do it: only that it shows nothing is tried */
};

#define CONTAINERS "'containerDefinitions':[{'name':'app','image':'i:1'}]"

static const struct scope_case cases[] = {
    {CLOUD_MAP "CreateHttpNamespace", "{'Name':'%'}", NAMESPACE, false},
    {CLOUD_MAP "CreatePrivateDnsNamespace", "{'Name':'%','Vpc':'vpc-1'}", NAMESPACE, false},
    {CLOUD_MAP "CreatePublicDnsNamespace", "{'Name':'%'}", NAMESPACE, false},
    {CLOUD_MAP "CreateService", "{'Name':'new','NamespaceId':'%'}", NAMESPACE_ID, false},
    {CLOUD_MAP "DeleteNamespace", "{'Id':'%'}", NAMESPACE_ID, false},
    {CLOUD_MAP "DeleteService", "{'Id':'%'}", SERVICE_ID, false},
    {CLOUD_MAP "DeleteServiceAttributes", "{'ServiceId':'%','Attributes':['a']}", SERVICE_ID, false},
    {CLOUD_MAP "DeregisterInstance", "{'ServiceId':'%','InstanceId':'i'}", SERVICE_ID, false},
    {CLOUD_MAP "DiscoverInstances", "{'NamespaceName':'%','ServiceName':'cart'}", NAMESPACE, false},
    {CLOUD_MAP "DiscoverInstances", "{'NamespaceName':'%','ServiceName':'cart'}", NAMESPACE_ID, false},
    {CLOUD_MAP "DiscoverInstancesRevision", "{'NamespaceName':'%','ServiceName':'cart'}", NAMESPACE, false},
    {CLOUD_MAP "GetInstance", "{'ServiceId':'%','InstanceId':'i'}", SERVICE_ID, false},
    {CLOUD_MAP "GetInstancesHealthStatus", "{'ServiceId':'%'}", SERVICE_ID, false},
    {CLOUD_MAP "GetNamespace", "{'Id':'%'}", NAMESPACE_ID, false},
    {CLOUD_MAP "GetOperation", "{'OperationId':'%'}", OPERATION_ID, false},
    {CLOUD_MAP "GetService", "{'Id':'%'}", SERVICE_ID, false},
    {CLOUD_MAP "GetService", "{'Id':'%'}", SERVICE_ARN, false},
    {CLOUD_MAP "GetServiceAttributes", "{'ServiceId':'%'}", SERVICE_ID, false},
    {CLOUD_MAP "ListInstances", "{'ServiceId':'%'}", SERVICE_ID, false},
    {CLOUD_MAP "ListNamespaces", "{}", NOTHING, true},
    {CLOUD_MAP "ListOperations", "{}", NOTHING, true},
    {CLOUD_MAP "ListServices", "{}", NOTHING, true},
    {CLOUD_MAP "ListServices", "{'Filters':[{'Name':'NAMESPACE_ID','Values':['%']}]}", NAMESPACE_ID, true},
    {CLOUD_MAP "ListTagsForResource", "{'ResourceARN':'%'}", SERVICE_ARN, false},
    {CLOUD_MAP "RegisterInstance", "{'ServiceId':'%','InstanceId':'i','Attributes':{'a':'b'}}", SERVICE_ID,
     false},
    {CLOUD_MAP "TagResource", "{'ResourceARN':'%','Tags':[{'Key':'k','Value':'v'}]}", SERVICE_ARN, false},
    {CLOUD_MAP "UntagResource", "{'ResourceARN':'%','TagKeys':['k']}", SERVICE_ARN, false},
    {CLOUD_MAP "UpdateHttpNamespace", "{'Id':'%','Namespace':{'Description':'d'}}", NAMESPACE_ID, false},
    {CLOUD_MAP "UpdateInstanceCustomHealthStatus", "{'ServiceId':'%','InstanceId':'i','Status':'UNHEALTHY'}",
     SERVICE_ID, false},
    {CLOUD_MAP "UpdatePrivateDnsNamespace", "{'Id':'%','Namespace':{'Description':'d'}}", NAMESPACE_ID,
     false},
    {CLOUD_MAP "UpdatePublicDnsNamespace", "{'Id':'%','Namespace':{'Description':'d'}}", NAMESPACE_ID, false},
    {CLOUD_MAP "UpdateService", "{'Id':'%','Service':{'Description':'d'}}", SERVICE_ID, false},
    {CLOUD_MAP "UpdateServiceAttributes", "{'ServiceId':'%','Attributes':{'a':'b'}}", SERVICE_ID, false},

    {ECS "CreateCluster", "{'clusterName':'fresh','serviceConnectDefaults':{'namespace':'%'}}", NAMESPACE,
     false},
    {ECS "CreateCluster", "{'clusterName':'fresh','serviceConnectDefaults':{'namespace':'%'}}", NAMESPACE_ID,
     false},
    {ECS "CreateService", "{'cluster':'%','serviceName':'x','taskDefinition':'mine','desiredCount':1}",
     CLUSTER, false},
    {ECS "CreateService", "{'serviceName':'x','taskDefinition':'%'}", DEFINITION, false},
    {ECS "CreateService",
     "{'serviceName':'x','taskDefinition':'mine','serviceConnectConfiguration':{'enabled':true,'namespace':'%"
     "'}}",
     NAMESPACE, false},
    {ECS "CreateService",
     "{'serviceName':'x','taskDefinition':'mine','serviceConnectConfiguration':{'enabled':true,'namespace':'%"
     "'}}",
     NAMESPACE_ID, false},
    {ECS "DeleteCluster", "{'cluster':'%'}", CLUSTER, false},
    {ECS "DeleteService", "{'service':'%','force':true}", PLAIN, false},
    {ECS "DeleteService", "{'cluster':'%','service':'front','force':true}", CLUSTER, false},
    {ECS "DeleteTaskDefinitions", "{'taskDefinitions':['%:1']}", DEFINITION, false},
    {ECS "DeregisterTaskDefinition", "{'taskDefinition':'%:1'}", DEFINITION, false},
    {ECS "DescribeClusters", "{'clusters':['%'],'include':['TAGS','SETTINGS','CONFIGURATIONS']}", CLUSTER,
     false},
    {ECS "DescribeClusters", "{'include':['TAGS','SETTINGS','CONFIGURATIONS','STATISTICS']}", NOTHING, true},
    {ECS "DescribeServices", "{'services':['%'],'include':['TAGS']}", PLAIN, false},
    {ECS "DescribeServices", "{'cluster':'%','services':['front'],'include':['TAGS']}", CLUSTER, false},
    {ECS "DescribeServiceDeployments", "{'serviceDeploymentArns':['%']}", DEPLOYMENT, false},
    {ECS "DescribeServiceRevisions", "{'serviceRevisionArns':['%']}", REVISION, false},
    {ECS "ListServiceDeployments", "{'service':'%'}", PLAIN, false},
    {ECS "ListServiceDeployments", "{'cluster':'%','service':'front'}", CLUSTER, false},
    {ECS "DescribeTaskDefinition", "{'taskDefinition':'%','include':['TAGS']}", DEFINITION, false},
    {ECS "DescribeTaskDefinition", "{'taskDefinition':'%:1','include':['TAGS']}", DEFINITION, false},
    {ECS "DescribeTaskDefinition", "{'taskDefinition':'" ARN "task-definition/%:1'}", DEFINITION, false},
    {ECS "ListClusters", "{}", NOTHING, true},
    {ECS "ListServices", "{}", NOTHING, true},
    {ECS "ListServices", "{'cluster':'%'}", CLUSTER, false},
    {ECS "ListServicesByNamespace", "{'namespace':'%'}", NAMESPACE, false},
    {ECS "ListServicesByNamespace", "{'namespace':'%'}", NAMESPACE_ID, false},
    {ECS "ListTagsForResource", "{'resourceArn':'" ARN "cluster/%'}", CLUSTER, false},
    {ECS "ListTagsForResource", "{'resourceArn':'" ARN "task-definition/%:1'}", DEFINITION, false},
    {ECS "ListTagsForResource", "{'resourceArn':'" ARN "service/%/front'}", CLUSTER, false},
    {ECS "ListTagsForResource", "{'resourceArn':'" ARN "service/default/%'}", PLAIN, false},
    {ECS "ListTaskDefinitionFamilies", "{'status':'ALL'}", NOTHING, true},
    {ECS "ListTaskDefinitions", "{}", NOTHING, true},
    {ECS "ListTaskDefinitions", "{'familyPrefix':'%'}", DEFINITION, true},
    {ECS "PutClusterCapacityProviders",
     "{'cluster':'%','capacityProviders':[],'defaultCapacityProviderStrategy':[]}", CLUSTER, false},
    /* that the name is taken has to be told, and no more */
    {ECS "RegisterTaskDefinition", "{'family':'theirs'," CONTAINERS "}", NOTHING, false},
    {ECS "TagResource", "{'resourceArn':'" ARN "cluster/%','tags':[{'key':'k','value':'v'}]}", CLUSTER,
     false},
    {ECS "TagResource", "{'resourceArn':'" ARN "task-definition/%:1','tags':[]}", DEFINITION, false},
    {ECS "UntagResource", "{'resourceArn':'" ARN "service/default/%','tagKeys':['k']}", PLAIN, false},
    {ECS "UpdateCluster", "{'cluster':'%','settings':[]}", CLUSTER, false},
    {ECS "UpdateService", "{'service':'%','desiredCount':3}", PLAIN, false},
    {ECS "UpdateService", "{'cluster':'%','service':'front','desiredCount':3}", CLUSTER, false},
};

/* Their names, and as many that nobody has, of the same length. */
struct names {
    char theirs[11][160];
    char nobodys[11][160];
};

static void as_nobodys(struct names *names, enum what what)
{
    char *text = names->nobodys[what];

    (void)snprintf(text, sizeof(names->nobodys[what]), "%s", names->theirs[what]);
    text[strlen(text) - 1] = text[strlen(text) - 1] == 'z' ? 'y' : 'z';
}

static void put_into(char *to, size_t size, const char *body, const char *name)
{
    const char *hole = strchr(body, '%');

    if (hole)
        (void)snprintf(to, size, "%.*s%s%s", (int)(hole - body), body, name, hole + 1);
    else
        (void)snprintf(to, size, "%s", body);
}

static void bind_to(struct aws_lab *lab, const char *namespace_name)
{
    (void)snprintf(lab->who.namespace_name, sizeof(lab->who.namespace_name), "%s", namespace_name);
}

#define TAGS "[{'key':'k','value':'" SECRET "'}]"

static void make_ecs(struct aws_lab *lab, struct names *names)
{
    const cJSON *deployment;
    struct outcome outcome;

    lab_expect(lab, ECS "CreateCluster",
               "{'clusterName':'their-cluster','tags':" TAGS
               ",'serviceConnectDefaults':{'namespace':'theirs'}}",
               200, NULL);
    lab_expect(lab, ECS "RegisterTaskDefinition",
               "{'family':'theirs','tags':" TAGS ",'containerDefinitions':[{'name':'app','image':'i:1',"
               "'portMappings':[{'name':'http','containerPort':80}],"
               "'environment':[{'name':'PASSWORD','value':'" SECRET "'}]}]}",
               200, NULL);
    lab_expect(lab, ECS "CreateService",
               "{'serviceName':'their-web','taskDefinition':'theirs','tags':" TAGS
               ",'serviceConnectConfiguration':{'enabled':true,'namespace':'theirs','services':[{'portName':"
               "'http','discoveryName':'" SECRET "'}]}}",
               200, NULL);
    lab_expect(lab, ECS "CreateService",
               "{'cluster':'their-cluster','serviceName':'front','taskDefinition':'theirs','tags':" TAGS "}",
               200, NULL);
    lab_expect(lab, ECS "CreateService",
               "{'serviceName':'their-old','taskDefinition':'theirs','tags':" TAGS "}", 200, NULL);
    lab_expect(lab, ECS "DeleteService", "{'service':'their-old','force':true}", 200, NULL);
    lab_ask(lab, ECS "ListServiceDeployments", "{'service':'their-web'}", &outcome);
    deployment = cJSON_GetArrayItem(cJSON_GetObjectItem(outcome.body, "serviceDeployments"), 0);
    (void)snprintf(names->theirs[DEPLOYMENT], 160, "%s",
                   cJSON_GetObjectItem(deployment, "serviceDeploymentArn")->valuestring);
    (void)snprintf(names->theirs[REVISION], 160, "%s",
                   cJSON_GetObjectItem(deployment, "targetServiceRevisionArn")->valuestring);
    outcome_done(&outcome);
    strcpy(names->theirs[CLUSTER], "their-cluster");
    strcpy(names->theirs[DEFINITION], "theirs");
    strcpy(names->theirs[PLAIN], "their-web");
}

/* Of every kind of object one that is theirs, and what a key of "mine" needs to try. */
static void make_theirs(struct aws_lab *lab, struct names *names)
{
    char body[512];

    lab_get(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'theirs','Description':'" SECRET "'}",
            "OperationId", names->theirs[OPERATION_ID], 160);
    put_into(body, sizeof(body), "{'OperationId':'%'}", names->theirs[OPERATION_ID]);
    lab_get(lab, CLOUD_MAP "GetOperation", body, "Operation.Targets.NAMESPACE", names->theirs[NAMESPACE_ID],
            160);
    put_into(body, sizeof(body),
             "{'NamespaceId':'%','Name':'cart','Description':'" SECRET
             "','HealthCheckCustomConfig':{'FailureThreshold':1},'Tags':[{'Key':'k','Value':'" SECRET "'}]}",
             names->theirs[NAMESPACE_ID]);
    lab_get(lab, CLOUD_MAP "CreateService", body, "Service.Id", names->theirs[SERVICE_ID], 160);
    put_into(body, sizeof(body), "{'Id':'%'}", names->theirs[SERVICE_ID]);
    lab_get(lab, CLOUD_MAP "GetService", body, "Service.Arn", names->theirs[SERVICE_ARN], 160);
    put_into(body, sizeof(body),
             "{'ServiceId':'%','InstanceId':'i','Attributes':{'AWS_INSTANCE_IPV4':'10.0.0.1',"
             "'AWS_INSTANCE_PORT':'80','x':'" SECRET "'}}",
             names->theirs[SERVICE_ID]);
    lab_expect(lab, CLOUD_MAP "RegisterInstance", body, 200, NULL);
    strcpy(names->theirs[NAMESPACE], "theirs");
    bind_to(lab, "theirs");
    make_ecs(lab, names);
    bind_to(lab, "mine");
    lab_expect(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'mine'}", 200, NULL);
    lab_expect(lab, ECS "RegisterTaskDefinition", "{'family':'mine'," CONTAINERS "}", 200, NULL);
    for (enum what what = NAMESPACE; what <= REVISION; what++)
        as_nobodys(names, what);
}

/* The status, and the answer with the name taken out of it. */
static char *ask_about(struct aws_lab *lab, const struct scope_case *one, const char *name, int *ret_status)
{
    char body[1024];
    struct outcome outcome;
    char *text;
    char *at;

    put_into(body, sizeof(body), one->body, name);
    lab_ask(lab, one->target, body, &outcome);
    text = cJSON_PrintUnformatted(outcome.body);
    *ret_status = outcome.status;
    outcome_done(&outcome);
    while (*name && (at = strstr(text, name)))
        memset(at, '?', strlen(name));
    return text;
}

/* Nothing of what only they can know. */
static void expect_silence(const struct scope_case *one, const char *answer, const struct names *names)
{
    if (strstr(answer, SECRET) || strstr(answer, "their"))
        fail_msg("%s shows another's: %s", one->target, answer);
    for (enum what what = NAMESPACE_ID; what <= OPERATION_ID; what++)
        if (strstr(answer, names->theirs[what]))
            fail_msg("%s shows another's id: %s", one->target, answer);
}

static void try_case(struct aws_lab *lab, const struct scope_case *one, const struct names *names)
{
    _cleanup_free_ char *before = rows_text(lab);
    _cleanup_free_ char *theirs = NULL;
    _cleanup_free_ char *nobodys = NULL;
    _cleanup_free_ char *after = NULL;
    int status, other;

    theirs = ask_about(lab, one, names->theirs[one->what], &status);
    nobodys = ask_about(lab, one, names->nobodys[one->what], &other);
    after = rows_text(lab);
    if (one->what == NOTHING && !one->is_wide && strstr(theirs, "'theirs'"))
        fail_msg("%s: %s", one->target, theirs);
    if (one->what != NOTHING || one->is_wide)
        expect_silence(one, theirs, names);
    if (status != other || strcmp(theirs, nobodys) != 0)
        fail_msg("%s %s tells another's from what is not there:\n%d %s\n%d %s", one->target, one->body,
                 status, theirs, other, nobodys);
    if (!one->is_wide && status == 200 && !strstr(theirs, "MISSING"))
        fail_msg("%s %s succeeds: %s", one->target, one->body, theirs);
    assert_string_equal(after, before);
}

static void test_anothers_is_not_there(void **state)
{
    struct aws_lab *lab = *state;
    struct names names = {0};

    make_theirs(lab, &names);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        try_case(lab, &cases[i], &names);
    lab->who.is_read_only = true; /* what may be asked is the same */
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct aws_lab copy = *lab;
        struct aws_request request = lab_request(&copy, cases[i].target, "{}");

        if (request.operation->is_read)
            try_case(lab, &cases[i], &names);
        aws_request_done(&request);
    }
}

/* The same questions of whoever may ask them are answered: the cases ask about what is there. */
static void test_the_owner_sees_his(void **state)
{
    struct aws_lab *lab = *state;
    struct names names = {0};

    make_theirs(lab, &names);
    for (int round = 0; round < 2; round++) {
        bind_to(lab, round == 0 ? "theirs" : "");
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            struct aws_lab copy = *lab;
            struct aws_request request = lab_request(&copy, cases[i].target, "{}");
            bool is_read = request.operation->is_read;
            _cleanup_free_ char *answer = NULL;
            int status;

            aws_request_done(&request);
            if (!is_read)
                continue;
            answer = ask_about(lab, &cases[i], names.theirs[cases[i].what], &status);
            if (status != 200 || strstr(answer, "MISSING"))
                fail_msg("%s %s: %s", cases[i].target, cases[i].body, answer);
        }
    }
}

static void test_each_operation_has_a_case(void **state)
{
    const struct aws_operation *tables[] = {aws_cloud_map_operations, aws_ecs_operations};
    const char *prefixes[] = {CLOUD_MAP, ECS};

    (void)state;
    for (size_t table = 0; table < ARRAY_SIZE(tables); table++)
        for (const struct aws_operation *operation = tables[table]; operation->name; operation++) {
            char target[128];
            bool is_there = false;

            (void)snprintf(target, sizeof(target), "%s%s", prefixes[table], operation->name);
            for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                is_there = is_there || strcmp(cases[i].target, target) == 0;
            if (!is_there)
                fail_msg("%s has no case", target);
            assert_true(operation->scope > 0);
        }
    /* What is about nothing but the key needs none. */
    for (const struct aws_operation *operation = aws_sts_operations; operation->name; operation++)
        assert_int_equal(operation->scope, AWS_OF_CALLER);
}

/* A kind of record that "theirs" has none of is one that the cases do not try. */
static void test_each_kind_is_there(void **state)
{
    struct aws_lab *lab = *state;
    struct names names = {0};

    make_theirs(lab, &names);
    for (int kind = 0; kind < AWS_RECORD_KINDS; kind++) {
        const struct aws_record *record = engine_catalog(lab->engine)->aws_records[kind];
        bool is_theirs = false;

        if (kind == AWS_LEFT_OUT)
            continue; /* of containers: no operation tells of it */
        for (; record; record = record->hh.next)
            is_theirs = is_theirs || strstr(record->text, "theirs") != NULL;
        if (!is_theirs)
            fail_msg("there is no record of the kind %s that is theirs", aws_record_kind_name(kind));
    }
}

/* ---- owners ---- */

static int count_of(struct aws_lab *lab, const char *target, const char *body, const char *member)
{
    struct outcome outcome;
    int n;

    lab_ask(lab, target, body, &outcome);
    assert_int_equal(outcome.status, 200);
    n = cJSON_GetArraySize(cJSON_GetObjectItem(outcome.body, member));
    outcome_done(&outcome);
    return n;
}

/* What a key for all namespaces has made, and rows of before, which say nothing, are nobody's. */
static void test_what_is_nobodys(void **state)
{
    struct aws_lab *lab = *state;

    lab_expect(lab, ECS "RegisterTaskDefinition",
               "{'svcconnectOwner':'mine','family':'admin'," CONTAINERS "}", 200, NULL);
    lab_expect(lab, ECS "CreateCluster", "{'clusterName':'admins','svcconnectOwner':'mine'}", 200, NULL);
    lab_expect(lab, ECS "CreateCluster",
               "{'clusterName':'given','serviceConnectDefaults':{'namespace':'mine'}}", 200, NULL);
    bind_to(lab, "mine");
    assert_int_equal(count_of(lab, ECS "ListTaskDefinitions", "{}", "taskDefinitionArns"), 0);
    assert_int_equal(count_of(lab, ECS "ListClusters", "{}", "clusterArns"), 2); /* "default", and "given" */
    lab_expect(lab, ECS "DescribeTaskDefinition", "{'taskDefinition':'admin'}", 400, "ClientException");
    lab_expect(lab, ECS "RegisterTaskDefinition", "{'family':'admin'," CONTAINERS "}", 400,
               "AccessDeniedException");
    lab_expect(lab, ECS "UpdateCluster", "{'cluster':'given','settings':[]}", 200, NULL);
    lab_expect(lab, ECS "UpdateCluster", "{'cluster':'admins','settings':[]}", 400,
               "ClusterNotFoundException");
}

/* A family stays whose it was, whoever registers the next revision. */
static void test_a_family_stays_whose_it_was(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome outcome;
    char *text;

    bind_to(lab, "mine");
    lab_expect(lab, ECS "RegisterTaskDefinition", "{'family':'web'," CONTAINERS "}", 200, NULL);
    bind_to(lab, "");
    lab_expect(lab, ECS "RegisterTaskDefinition", "{'family':'web'," CONTAINERS "}", 200, NULL);
    bind_to(lab, "mine");
    lab_ask(lab, ECS "DescribeTaskDefinition", "{'taskDefinition':'web:2'}", &outcome);
    text = cJSON_PrintUnformatted(outcome.body);
    assert_int_equal(outcome.status, 200);
    assert_null(strstr(text, "svcconnectOwner"));
    free(text);
    outcome_done(&outcome);
    lab_expect(lab, ECS "DeregisterTaskDefinition", "{'taskDefinition':'web:1'}", 200, NULL);
    lab_expect(lab, ECS "DeregisterTaskDefinition", "{'taskDefinition':'web:2'}", 200, NULL);
    bind_to(lab, "theirs"); /* also when all of it is inactive */
    lab_expect(lab, ECS "RegisterTaskDefinition", "{'family':'web'," CONTAINERS "}", 400,
               "AccessDeniedException");
}

/* Whoever has a service in a cluster sees the cluster's name, and nothing else of it. */
static void test_a_guest_of_a_cluster(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome outcome;
    const cJSON *cluster;

    lab_expect(lab, CLOUD_MAP "CreateHttpNamespace", "{'Name':'mine'}", 200, NULL);
    lab_expect(lab, ECS "CreateCluster", "{'clusterName':'big','tags':" TAGS "}", 200, NULL);
    lab_expect(lab, ECS "RegisterTaskDefinition", "{'family':'web'," CONTAINERS "}", 200, NULL);
    lab_expect(lab, ECS "CreateService",
               "{'cluster':'big','serviceName':'front','taskDefinition':'web','serviceConnectConfiguration':"
               "{'enabled':true,'namespace':'mine'}}",
               200, NULL);
    lab_expect(lab, ECS "CreateService", "{'cluster':'big','serviceName':'back','taskDefinition':'web'}", 200,
               NULL);
    bind_to(lab, "mine");
    lab_ask(lab, ECS "DescribeClusters", "{'clusters':['big'],'include':['TAGS']}", &outcome);
    cluster = cJSON_GetArrayItem(cJSON_GetObjectItem(outcome.body, "clusters"), 0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(cluster, "tags")), 0);
    assert_int_equal(cJSON_GetObjectItem(cluster, "activeServicesCount")->valueint, 1);
    outcome_done(&outcome);
    assert_int_equal(count_of(lab, ECS "ListServices", "{'cluster':'big'}", "serviceArns"), 1);
    lab_expect(lab, ECS "UpdateService", "{'cluster':'big','service':'front','desiredCount':0}", 200, NULL);
    lab_expect(lab, ECS "UpdateCluster", "{'cluster':'big','tags':[]}", 400, "AccessDeniedException");
    lab_expect(lab, ECS "DeleteCluster", "{'cluster':'big'}", 400, "AccessDeniedException");
}

/* A cluster's owner cannot take it away from under another's services, nor take a name that is used there. */
static void test_services_of_others_in_ones_cluster(void **state)
{
    struct aws_lab *lab = *state;

    bind_to(lab, "mine");
    lab_expect(lab, ECS "CreateCluster", "{'clusterName':'own'}", 200, NULL);
    lab_expect(lab, ECS "RegisterTaskDefinition", "{'family':'web'," CONTAINERS "}", 200, NULL);
    bind_to(lab, "");
    lab_expect(lab, ECS "CreateService", "{'cluster':'own','serviceName':'x','taskDefinition':'web'}", 200,
               NULL);
    bind_to(lab, "mine");
    lab_expect(lab, ECS "DeleteCluster", "{'cluster':'own'}", 400, "ClusterContainsServicesException");
    lab_expect(lab, ECS "CreateService", "{'cluster':'own','serviceName':'x','taskDefinition':'web'}", 400,
               "AccessDeniedException");
}

static int answer_blindly(struct aws_call *call)
{
    (void)cJSON_AddStringToObject(call->answer, "secret", "yes");
    return 0;
}

/* An operation that forgets to look at whose it is gives no answer. */
static void test_a_forgotten_scope_answers_nothing(void **state)
{
    static const struct aws_operation forgetful = {"Forgetful", answer_blindly, true, AWS_OF_SERVICE};
    struct aws_lab *lab = *state;
    struct aws_request request = lab_request(lab, CLOUD_MAP "ListServices", "{}");
    struct evbuffer *text = evbuffer_new();
    struct outcome outcome = {0};
    int r;

    request.operation = &forgetful;
    r = aws_request_run(&request, NULL, text);
    lab_send(&outcome, aws_request_finish(&request, r, text), text);
    assert_int_equal(outcome.status, 500);
    assert_null(cJSON_GetObjectItem(outcome.body, "secret"));
    outcome_done(&outcome);
    evbuffer_free(text);
    aws_request_done(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWS_TEST(test_anothers_is_not_there),
        AWS_TEST(test_the_owner_sees_his),
        cmocka_unit_test(test_each_operation_has_a_case),
        AWS_TEST(test_each_kind_is_there),
        AWS_TEST(test_what_is_nobodys),
        AWS_TEST(test_a_family_stays_whose_it_was),
        AWS_TEST(test_a_guest_of_a_cluster),
        AWS_TEST(test_services_of_others_in_ones_cluster),
        AWS_TEST(test_a_forgotten_scope_answers_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
