/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Documents by request: what they change, dry runs, warnings, and everything that is wrong with them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/api/api_lab.h"

#define APPLY "POST /v1/documents"
#define SHOP  DOCUMENT("shop.json", "shop", "cart", "cart.shop")
#define BANK  DOCUMENT("bank.json", "bank", "vault", "vault.bank")

/* ---- what is applied ---- */

static void test_a_document_is_created_and_deleted(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL, *services = NULL, *documents = NULL, *none = NULL;

    answer = lab_get(lab, APPLY, "{'documents':[" SHOP "]}", 200);
    json_expect(answer, "revision", "1");
    json_expect(answer, "dryRun", "false");
    json_expect(answer, "warnings", "[]");
    assert_int_equal(cJSON_GetArraySize(json_at(answer, "changes")), 2);
    json_expect(json_item(json_at(answer, "changes"), "kind", "document"), "name", "'shop'");
    json_expect(json_item(json_at(answer, "changes"), "kind", "service"), "name", "'cart'");
    json_expect(answer, "changes.0.action", "'create'");
    json_expect(answer, "changes.0.namespace", "'default'");
    services = lab_get(lab, "GET /v1/services", "", 200);
    json_expect(services, "services.0.name", "'cart'");
    json_expect(services, "services.0.document", "'shop'");
    json_expect(services, "services.0.clientAliases", "[{'dnsName':'cart.shop','port':80,'protocol':'tcp'}]");
    documents = lab_get(lab, "GET /v1/documents", "", 200);
    json_expect(documents, "documents.0.name", "'shop'");
    json_expect(documents, "documents.0.document.serviceName", "'shop'");
    /* What it publishes goes by its own name only, and with it. */
    lab_refuse(lab, "DELETE /v1/services", "{'service':'cart'}", 409, "service",
               "the name of its document, shop, with all that publishes");
    lab_do(lab, "DELETE /v1/services", "{'service':'shop'}");
    none = lab_get(lab, "GET /v1/services", "", 200);
    json_expect(none, "services", "[]");
    lab_refuse(lab, "DELETE /v1/services", "{'service':'shop'}", 404, "service", "a service of namespace");
}

static void test_one_that_is_as_it_was_changes_nothing(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *before = NULL;
    _cleanup_json_ cJSON *same = NULL, *changed = NULL;

    lab_do(lab, APPLY, "{'documents':[" SHOP "]}");
    before = lab_state(lab);
    same = lab_get(lab, APPLY, "{'documents':[" SHOP "]}", 200);
    json_expect(same, "changes", "[]");
    json_expect(same, "revision", "1");
    lab_expect_state(lab, before, "the same document");
    changed = lab_get(lab, APPLY, "{'documents':[" DOCUMENT("x", "shop", "cart", "other.shop") "]}", 200);
    json_expect(json_item(json_at(changed, "changes"), "kind", "document"), "action", "'update'");
    json_expect(json_item(json_at(changed, "changes"), "kind", "service"), "action", "'update'");
    json_expect(changed, "revision", "2");
}

static void test_a_dry_run_says_what_would_be(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *before = NULL;
    _cleanup_json_ cJSON *dry = NULL, *real = NULL;

    lab_two_services(lab);
    before = lab_state(lab);
    dry = lab_get(lab, APPLY, "{'documents':[" SHOP "],'dryRun':true}", 200);
    json_expect(dry, "dryRun", "true");
    lab_expect_state(lab, before, "a dry run");
    assert_int_equal(house_commits_begun(&lab->house), 2);
    real = lab_get(lab, APPLY, "{'documents':[" SHOP "],'dryRun':false}", 200);
    assert_int_equal(cJSON_GetArraySize(json_at(real, "changes")), 2);
    assert_true(cJSON_Compare(json_at(dry, "changes"), json_at(real, "changes"), true));
    /* What would be refused is refused in a dry run, too. */
    lab_refuse(lab, APPLY, "{'documents':[" DOCUMENT("y", "y", "cart", "y") "],'dryRun':true}", 400,
               "serviceConnectConfiguration.services[0]",
               "a discovery name that no other document publishes; shop does");
}

static void test_the_namespace_is_for_those_that_name_none(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL, *there = NULL, *here = NULL;

    answer = lab_get(lab, APPLY,
                     "{'documents':[" SHOP ",{'source':'n','text':'{`serviceName`:`n`,"
                     "`serviceConnectConfiguration`:{`enabled`:true,`namespace`:`theirs`}}'}],"
                     "'namespace':'ours'}",
                     200);
    json_expect(json_item(json_at(answer, "changes"), "name", "shop"), "namespace", "'ours'");
    json_expect(json_item(json_at(answer, "changes"), "name", "n"), "namespace", "'theirs'");
    there = lab_get(lab, "GET /v1/documents?namespace=theirs", "", 200);
    json_expect(there, "documents.0.name", "'n'");
    json_expect(there, "documents.1", "");
    here = lab_get(lab, "GET /v1/documents?namespace=default", "", 200);
    json_expect(here, "documents", "[]");
}

static void test_warnings_name_their_source(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL, *unnamed = NULL;

    answer = lab_get(lab, APPLY,
                     "{'documents':[{'source':'a.json','text':'{`serviceName`:`a`,`clusterr`:1,"
                     "`serviceConnectConfiguration`:{`enabled`:true}}'}]}",
                     200);
    assert_int_equal(cJSON_GetArraySize(json_at(answer, "warnings")), 1);
    json_expect(answer, "warnings.0",
                "'a.json: clusterr: unknown member, ignored; did you mean \\'cluster\\'?'");
    unnamed = lab_get(lab, APPLY, "{'documents':[{'text':'{`serviceName`:`b`}'}]}", 200);
    assert_non_null(strstr(json_at(unnamed, "warnings.0")->valuestring, "(unnamed): "));
}

/* ---- what is wrong ---- */

static void test_everything_that_is_wrong_is_told_at_once(void **state)
{
    static const char body[] =
        "{'documents':[{'source':'warned','text':'{`serviceName`:`w`,`surplus`:1}'},"
        "{'source':'one','text':'{`serviceName`:`a b`,`serviceConnectConfiguration`:{`enabled`:1}}'}," SHOP
        ",{'source':'two','text':'no JSON'}]}";
    struct lab *lab = *state;
    _cleanup_free_ char *before = lab_state(lab);
    _cleanup_json_ cJSON *answer = lab_get(lab, APPLY, body, 400);
    const cJSON *errors = json_at(answer, "errors"), *item;

    lab_expect_state(lab, before, "documents with errors");
    assert_int_equal(cJSON_GetArraySize(errors), 3);
    json_expect(answer, "errorCount", "3");
    cJSON_ArrayForEach (item, errors) {
        assert_true(json_at(item, "message")->valuestring[0]);
        assert_string_not_equal(json_at(item, "source")->valuestring, "warned");
        assert_string_not_equal(json_at(item, "source")->valuestring, "shop.json");
    }
    assert_non_null(json_item(errors, "path", "serviceName"));
    json_expect(json_item(errors, "path", "serviceName"), "value", "'a b'");
    json_expect(json_item(errors, "path", "serviceConnectConfiguration.enabled"), "allowed",
                "'true or false'");
    json_expect(json_item(errors, "source", "two"), "path", "''");
    /* The first of them stands where every error does. */
    json_expect(answer, "error.field", "'serviceName'");
    json_expect(answer, "error.value", "'a b'");
    json_expect(answer, "warnings", "");
    json_expect(answer, "changes", "");
}

static void test_two_that_are_at_odds(void **state)
{
    struct lab *lab = *state;

    lab_refuse(lab, APPLY, "{'documents':[" SHOP "," DOCUMENT("x", "x", "vault", "cart.shop") "]}", 400,
               "serviceConnectConfiguration.services[0].clientAliases[0]", "cart has it");
    lab_do(lab, "POST /v1/instances", "{'service':'taken','address':'10.0.0.1:80'}");
    lab_refuse(lab, APPLY, "{'documents':[" DOCUMENT("x", "x", "vault", "taken") "]}", 400,
               "serviceConnectConfiguration.services[0].clientAliases[0]", "taken has it");
}

static void test_what_is_no_list_of_documents(void **state)
{
    static const struct refusal all[] = {
        {APPLY, "{}", 400, "documents", "(missing)"},
        {APPLY, "{'documents':[]}", 400, "documents", "at least one object with source and text"},
        {APPLY, "{'documents':{}}", 400, "documents", "(not such a list)"},
        {APPLY, "{'documents':[1]}", 400, "documents[0]", "an object"},
        {APPLY, "{'documents':[" SHOP ",{'source':'x'}]}", 400, "documents[1].text", "(missing)"},
        {APPLY, "{'documents':[" SHOP ",{'source':'x','text':{}}]}", 400, "documents[1].text", "a string"},
        {APPLY, "{'documents':[" SHOP ",{'source':1,'text':'{}'}]}", 400, "documents[1].source", "a string"},
        {APPLY, "{'documents':[{'text':'{}','path':'x'}]}", 400, "documents[0].path", "(unknown member)"},
        {APPLY, "{'documents':[" SHOP "],'namespace':'a b'}", 400, "namespace", "allowed"},
        {APPLY, "{'documents':[" SHOP "],'dryRun':'yes'}", 400, "dryRun", "true or false"},
        {APPLY, "{'documents':[" SHOP "],'force':true}", 400, "force", "(unknown member)"},
    };
    struct lab *lab = *state;

    lab_refuse_all(lab, all, ARRAY_SIZE(all));
}

static void test_what_the_registry_refuses(void **state)
{
    struct lab *lab = *state;
    const struct fake_step steps[] = {{FAKE_CONFLICT, 1}, {FAKE_WRITTEN, 1}};
    _cleanup_json_ cJSON *answer = NULL;

    lab_plan(lab, FAKE_DISK_FULL, 1);
    lab_refuse(lab, APPLY, "{'documents':[" SHOP "]}", 507, NULL, "the disk is full");
    fake_registry_plan(lab->house.registry, steps, ARRAY_SIZE(steps));
    answer = lab_get(lab, APPLY, "{'documents':[" SHOP "]}", 200);
    assert_int_equal(cJSON_GetArraySize(json_at(answer, "changes")), 2);
}

/* ---- when they are applied ---- */

static void test_they_are_applied_in_the_order_they_came(void **state)
{
    struct lab *lab = *state;
    struct asker *a = lab_send(lab, APPLY, "{'documents':[" DOCUMENT("1", "shop", "cart", "first") "]}");
    struct asker *b, *gone;
    _cleanup_json_ cJSON *one = NULL, *two = NULL, *services = NULL;
    int status;

    lab_some_turns(lab);
    gone = lab_send(lab, APPLY, "{'documents':[" BANK "]}");
    lab_some_turns(lab);
    asker_leave(gone); /* what it asked for is done all the same */
    b = lab_send(lab, APPLY, "{'documents':[" DOCUMENT("2", "shop", "cart", "second") "]}");
    two = lab_hear(lab, b, &status);
    one = lab_hear(lab, a, &status);
    json_expect(one, "revision", "1");
    assert_true(json_at(two, "revision")->valueint > 1);
    services = lab_get(lab, "GET /v1/services", "", 200);
    json_expect(services, "services.0.clientAliases.0.dnsName", "'second'");
    json_expect(services, "services.1.name", "'vault'");
    asker_leave(a);
    asker_leave(b);
}

static void test_the_daemon_ends_meanwhile(void **state)
{
    struct lab *lab = *state;
    struct asker *late;
    _cleanup_json_ cJSON *answer = NULL;
    int status;

    worker_stop(lab->worker);
    late = lab_send(lab, APPLY, "{'documents':[" SHOP "]}");
    answer = lab_hear(lab, late, &status);
    assert_int_equal(status, 503);
    json_expect_error("late documents", answer, NULL, "the change cannot be taken on");
    asker_leave(late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_a_document_is_created_and_deleted),
        LAB_TEST(test_one_that_is_as_it_was_changes_nothing),
        LAB_TEST(test_a_dry_run_says_what_would_be),
        LAB_TEST(test_the_namespace_is_for_those_that_name_none),
        LAB_TEST(test_warnings_name_their_source),
        LAB_TEST(test_everything_that_is_wrong_is_told_at_once),
        LAB_TEST(test_two_that_are_at_odds),
        LAB_TEST(test_what_is_no_list_of_documents),
        LAB_TEST(test_what_the_registry_refuses),
        LAB_TEST(test_they_are_applied_in_the_order_they_came),
        LAB_TEST(test_the_daemon_ends_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
