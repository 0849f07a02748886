/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bodies that are wrong in one thing. Of every request there is one that is right, and each of its members
 * is left out, made another kind of value, put out of range or joined by one that is not known: each time
 * the answer names that member, and nothing has changed. The right one is taken at the end.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/api/api_lab.h"

static const struct request {
    const char *what;
    const char *body;
    const char *required; /* members, each between blanks */
    const char *op;       /* in a batch; NULL: not for batches */
    int status;           /* of the body as it stands */
} requests[] = {
    {"POST /v1/instances",
     "{'service':'v1','address':'10.0.0.3:80','id':'c','weight':2,'health':'UNHEALTHY','protocol':'tcp',"
     "'namespace':'default'}",
     " service address ", "register", 200},
    {"PATCH /v1/instances", "{'service':'v1','id':'a','weight':3,'health':'HEALTHY','namespace':'default'}",
     " service id ", "update", 200},
    {"POST /v1/drains", "{'service':'v2','id':'b','timeoutSeconds':600,'kill':false,'namespace':'default'}",
     " service id ", "drain", 200},
    {"DELETE /v1/instances", "{'service':'v1','id':'a','now':true,'namespace':'default'}", " service id ",
     "deregister", 200},
    {"POST /v1/ejections", "{'service':'v2','id':'b','forSeconds':60,'namespace':'default'}", " service id ",
     NULL, 200},
    {"DELETE /v1/ejections", "{'service':'v2','id':'b','namespace':'default'}", " service id ", NULL, 200},
    {"PUT /v1/settings", "{'service':'v2','namespace':'default','settings':{'connectTimeoutSeconds':3}}",
     " settings ", "set-settings", 200},
    {"PUT /v1/settings", "{'settings':{'connectTimeoutSeconds':3}}", " settings ", "set-settings", 200},
    {"PUT /v1/routes",
     "{'dnsName':'v1','port':80,'protocol':'tcp','targets':[{'service':'v1','weight':1}],"
     "'namespace':'default','client':'','onEmpty':'unhealthy'}",
     " dnsName targets ", "set-route", 200},
    {"DELETE /v1/routes", "{'dnsName':'v1','port':80,'protocol':'tcp','namespace':'default','client':''}",
     " dnsName ", "clear-route", 200},
    {"POST /v1/canaries",
     "{'dnsName':'v1','port':80,'client':'','namespace':'default','from':'v1','to':'v2','strategy':'LINEAR',"
     "'stepPercent':10,'intervalSeconds':60,'minConnects':5,'maxFailuresPercent':2.5}",
     " dnsName from to ", NULL, 200},
    {"PATCH /v1/canaries", "{'dnsName':'v1','port':80,'client':'','namespace':'default','action':'abort'}",
     " dnsName action ", NULL, 200},
    {"POST /v1/canaries", "{'dnsName':'v1','from':'v1','to':'v2','strategy':'CANARY','canaryPercent':0.5}",
     " dnsName from to ", NULL, 200},
    {"PATCH /v1/canaries", "{'dnsName':'v1','action':'abort'}", " dnsName action ", NULL, 200},
    {"DELETE /v1/services", "{'service':'v1','namespace':'default'}", " service ", "delete-service", 200},
    {"POST /v1/batch", "{'changes':[{'op':'deregister','service':'v2','id':'b','now':true}]}", " changes ",
     NULL, 200},
    {"POST /v1/documents", "{'documents':[{'source':'s','text':'{}'}],'namespace':'default','dryRun':true}",
     " documents ", NULL, 400},
    {"POST /v1/tasks", "{'cgroup':'/not-there','namespace':'default','service':'v1','run':true}", " cgroup ",
     NULL, 404},
    {"DELETE /v1/tasks", "{'cgroup':'/not-there','all':false}", " cgroup ", NULL, 404},
};

/* Values that are wrong where none of this kind is wanted. */
static const struct {
    int kind;
    const char *text;
} values[] = {
    {cJSON_NULL, "null"},    {cJSON_False, "false"}, {cJSON_Number, "1"},
    {cJSON_String, "\"1\""}, {cJSON_Array, "[]"},    {cJSON_Object, "{}"},
};

/* What is a number, and none of the API's. */
static const char *const numbers[] = {"-1", "1.55", "1e300", "18446744073709551616"};

static bool is_kind(const cJSON *item, int kind)
{
    return kind == cJSON_False ? cJSON_IsBool(item) : (item->type & 0xff) == kind;
}

/* `json` has one thing wrong: that must be said as it is, and from within a batch. */
static void expect_refused(struct lab *lab, const struct request *request, const cJSON *json,
                           const char *member, const char *part)
{
    _cleanup_json_ cJSON *item = cJSON_Duplicate(json, true);
    _cleanup_free_ char *body = cJSON_PrintUnformatted(json);
    _cleanup_free_ char *named = NULL, *batch = NULL;
    char field[64];

    lab_refuse(lab, request->what, body, 400, member, part);
    if (!request->op)
        return;
    (void)cJSON_AddStringToObject(item, "op", request->op);
    named = cJSON_PrintUnformatted(item);
    assert_true(asprintf(&batch, "{'changes':[{'op':'register','service':'new','address':'10.0.0.7:80'},%s]}",
                         named) > 0);
    (void)snprintf(field, sizeof(field), "changes[1].%s", member);
    lab_refuse(lab, "POST /v1/batch", batch, 400, field, part);
}

static void check_kinds(struct lab *lab, const struct request *request, const cJSON *json, const char *member)
{
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        _cleanup_json_ cJSON *bad = cJSON_Duplicate(json, true);

        if (is_kind(cJSON_GetObjectItemCaseSensitive(json, member), values[i].kind) &&
            values[i].kind != cJSON_Array)
            continue;
        (void)cJSON_ReplaceItemInObjectCaseSensitive(bad, member, cJSON_Parse(values[i].text));
        expect_refused(lab, request, bad, member, "allowed: ");
    }
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        _cleanup_json_ cJSON *bad = cJSON_Duplicate(json, true);

        if (!cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(json, member)))
            break;
        (void)cJSON_ReplaceItemInObjectCaseSensitive(bad, member, cJSON_Parse(numbers[i]));
        expect_refused(lab, request, bad, member, "from ");
    }
}

static void check_request(struct lab *lab, const struct request *request)
{
    _cleanup_free_ char *text = body_from(request->body);
    _cleanup_json_ cJSON *json = NULL, *surplus = NULL;
    const cJSON *item;
    char between[64];

    json = cJSON_Parse(text);
    assert_non_null(json);
    surplus = cJSON_Duplicate(json, true);
    (void)cJSON_AddNumberToObject(surplus, "surplus", 1);
    expect_refused(lab, request, surplus, "surplus", "(unknown member)");
    cJSON_ArrayForEach (item, json) {
        _cleanup_json_ cJSON *without = cJSON_Duplicate(json, true);

        check_kinds(lab, request, json, item->string);
        (void)snprintf(between, sizeof(between), " %s ", item->string);
        cJSON_DeleteItemFromObjectCaseSensitive(without, item->string);
        if (strstr(request->required, between))
            expect_refused(lab, request, without, item->string, "(missing)");
    }
    cJSON_Delete(lab_get(lab, request->what, request->body, request->status));
}

static void test_each_member_of_each_request(void **state)
{
    struct lab *lab = *state;

    lab_two_services(lab);
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
        check_request(lab, &requests[i]);
}

static void test_what_is_no_body(void **state)
{
    static const char *const bodies[] = {"[]", "null", "1", "'text'", "{", "{'service':}", "{}{}", "x"};
    static const char *const requests_of[] = {"POST /v1/instances", "PUT /v1/settings", "POST /v1/batch",
                                              "POST /v1/documents", "POST /v1/registry/accept"};
    struct lab *lab = *state;

    lab_two_services(lab);
    for (size_t i = 0; i < ARRAY_SIZE(requests_of); i++)
        for (size_t j = 0; j < ARRAY_SIZE(bodies); j++)
            lab_refuse(lab, requests_of[i], bodies[j], 400, NULL, "");
    lab_refuse(lab, "POST /v1/registry/accept", "{'force':true}", 400, "force", "(unknown member)");
    lab_refuse(lab, "POST /v1/registry/restore", "{}", 400, "file", "(missing)");
    lab_refuse(lab, "POST /v1/registry/restore", "{'file':'a','force':true}", 400, "force",
               "(unknown member)");
    lab_refuse(lab, "POST /v1/registry/restore", "{'file':'../a'}", 400, "file", "../a");
    lab_refuse(lab, "POST /v1/registry/restore", "{'file':'.a','other':true}", 400, "file", ".a");
    lab_refuse(lab, "POST /v1/instances", "{'service':'v1','service':'v1'}", 400, "address", "(missing)");
    lab_refuse(lab, "PUT /v1/instances", "{}", 405, NULL, "");
    lab_refuse(lab, "GET /v1/nothing", "", 404, NULL, "");
}

/* ---- reading ---- */

static const char *const reads[] = {"/v1/status",   "/v1/services", "/v1/endpoints", "/v1/aliases",
                                    "/v1/routes",   "/v1/tasks",    "/v1/hosts",     "/v1/events",
                                    "/v1/settings", "/v1/canaries", "/v1/documents", "/metrics"};

static void test_reading_changes_nothing(void **state)
{
    static const char *const queries[] = {"", "?namespace=default", "?namespace=nobody",
                                          "?namespace=", "?something=else"};
    struct lab *lab = *state;
    _cleanup_free_ char *before = NULL;
    uint64_t writes;
    char what[128];

    lab_two_services(lab);
    lab_do(lab, "PUT /v1/routes", "{'dnsName':'v1','targets':[{'service':'v2','weight':1}]}");
    lab_do(lab, "POST /v1/canaries", "{'dnsName':'v2','from':'v2','to':'v1'}");
    lab_do(lab, "POST /v1/drains", "{'service':'v1','id':'a'}");
    before = lab_state(lab);
    writes = datapath_writes(lab->house.datapath);
    for (size_t i = 0; i < ARRAY_SIZE(reads); i++)
        for (size_t j = 0; j < ARRAY_SIZE(queries); j++) {
            (void)snprintf(what, sizeof(what), "GET %s%s", reads[i], queries[j]);
            lab_do(lab, what, "");
            lab_expect_state(lab, before, what);
        }
    assert_int_equal(datapath_writes(lab->house.datapath), writes);
}

static void test_reading_what_nothing_is_registered_in(void **state)
{
    struct lab *lab = *state;
    char what[128];

    for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
        (void)snprintf(what, sizeof(what), "GET %s", reads[i]);
        lab_do(lab, what, "");
    }
    assert_int_equal(house_commits_begun(&lab->house), 0);
    assert_int_equal(datapath_writes(lab->house.datapath), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_each_member_of_each_request),
        LAB_TEST(test_what_is_no_body),
        LAB_TEST(test_reading_changes_nothing),
        LAB_TEST(test_reading_what_nothing_is_registered_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
