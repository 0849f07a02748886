/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Task definitions as they are shown, against whole texts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "aws/aws_shape.h"
#include "aws/ecs_views.h"
#include "json_text.h"

static void expect_view(const char *kept, const char *wanted)
{
    _cleanup_json_ cJSON *given = json_from(kept);
    _cleanup_json_ cJSON *view = ecs_definition_view("web:3", given, "eu-west-1");
    _cleanup_json_ cJSON *expected = json_from(wanted);

    if (!cJSON_Compare(view, expected, true))
        fail_msg("%s\nis shown as %s", kept, cJSON_PrintUnformatted(view));
}

#define ARN    "'taskDefinitionArn':'arn:aws:ecs:eu-west-1:123456789012:task-definition/web:3'"
#define REST   "'volumes':[],'placementConstraints':[],'requiresAttributes':[],"
#define FILLED "'environment':[],'mountPoints':[],'volumesFrom':[],'systemControls':[]"

static void test_what_is_filled_in(void **state)
{
    (void)state;
    expect_view(
        "{'family':'web','revision':3,'status':'ACTIVE','registeredAt':1.5,'registeredBy':'x',"
        "'containerDefinitions':[{'name':'a','image':'i'}]}",
        "{'family':'web','revision':3,'status':'ACTIVE','registeredAt':1.5,'registeredBy':'x'," ARN "," REST
        "'compatibilities':['EC2'],'containerDefinitions':[{'name':'a','image':'i','cpu':0,'essential':true,"
        "'portMappings':[]," FILLED "}]}");
}

static void test_what_was_said_stays(void **state)
{
    (void)state;
    expect_view("{'family':'web','tags':[{'key':'k'}],'containerDefinitions':[{'cpu':5,'essential':false,'"
                "portMappings':"
                "[{'containerPort':80,'hostPort':8080,'protocol':'udp'}],'environment':[{'name':'A'}],"
                "'mountPoints':null}]}",
                "{'family':'web'," ARN "," REST "'compatibilities':['EC2'],'containerDefinitions':[{'cpu':5,"
                "'essential':false,'portMappings':[{'containerPort':80,'hostPort':8080,'protocol':'udp'}],"
                "'environment':[{'name':'A'}],'mountPoints':[],'volumesFrom':[],'systemControls':[]}]}");
}

/* Ports by the network, and what it could run on. */
static void test_networks(void **state)
{
    static const struct {
        const char *given;
        const char *port;
        const char *compatibilities;
    } cases[] = {
        {"", "0", "'EC2'"},
        {"'networkMode':'bridge','cpu':'256','memory':'512'", "0", "'EC2'"},
        {"'networkMode':'host'", "80", "'EC2'"},
        {"'networkMode':'awsvpc'", "80", "'EC2'"},
        {"'networkMode':'awsvpc','cpu':'256','memory':'512'", "80", "'EC2','FARGATE'"},
        {"'networkMode':'awsvpc','requiresCompatibilities':['FARGATE']", "80", "'EC2','FARGATE'"},
        {"'requiresCompatibilities':['EXTERNAL']", "0", "'EC2','EXTERNAL'"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *comma = *cases[i].given ? "," : "";
        char kept[512];
        char wanted[1024];

        (void)snprintf(kept, sizeof(kept),
                       "{%s%s'containerDefinitions':[{'portMappings':[{'containerPort':80},{'"
                       "containerPortRange':'1-2'}]}]}",
                       cases[i].given, comma);
        (void)snprintf(wanted, sizeof(wanted),
                       "{%s%s'containerDefinitions':[{'portMappings':[{'containerPort':80,'hostPort':%s,'"
                       "protocol':'tcp'},"
                       "{'containerPortRange':'1-2','protocol':'tcp'}],'cpu':0,'essential':true," FILLED
                       "}]," ARN "," REST "'compatibilities':[%s]}",
                       cases[i].given, comma, cases[i].port, cases[i].compatibilities);
        expect_view(kept, wanted);
    }
}

/* AWS passes over what it does not know, and does not show it either. */
static void test_what_no_model_has(void **state)
{
    (void)state;
    expect_view(
        "{'family':'web','unknown':1,'healthCheck':{'type':'tcp'},'containerDefinitions':[{'unknown':[],"
        "'portMappings':[{'unknown':{}}],'logConfiguration':{'logDriver':'journald','unknown':1}}]}",
        "{'family':'web'," ARN "," REST "'compatibilities':['EC2'],'containerDefinitions':[{'cpu':0,"
        "'essential':true,'portMappings':[{'protocol':'tcp'}],'logConfiguration':{'logDriver':'journald'}"
        "," FILLED "}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_filled_in),
        cmocka_unit_test(test_what_was_said_stays),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_what_no_model_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
