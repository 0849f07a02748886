/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* POST /v1/rollback: what is put back, what is left, and what makes all of it impossible. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUSE_HISTORY 24

#include "unit/api/api_lab.h"

#define ROLLBACK "POST /v1/rollback"
#define WEIGHT   "PATCH /v1/instances"
#define SET      "PUT /v1/routes"

static uint64_t revision_of(const struct lab *lab)
{
    return engine_figures(lab->house.engine).revision;
}

static char *body_of(uint64_t revision, const char *more)
{
    char *body = NULL;

    assert_true(asprintf(&body, "{'revision':%llu%s}", (unsigned long long)revision, more) > 0);
    return body;
}

static cJSON *roll_back(struct lab *lab, uint64_t revision, const char *more, int status)
{
    _cleanup_free_ char *body = body_of(revision, more);

    return lab_get(lab, ROLLBACK, body, status);
}

static void refuse(struct lab *lab, uint64_t revision, int status, const char *part)
{
    _cleanup_free_ char *body = body_of(revision, "");

    lab_refuse(lab, ROLLBACK, body, status, NULL, part);
}

/* The change of this key in the list; fails where there is none. */
static const char *change_of(const cJSON *answer, const char *list, const char *key)
{
    const cJSON *item = json_item(json_at(answer, list), "key", key);

    if (!item)
        fail_msg("%s has no %s", list, key);
    return json_at(item, "change")->valuestring;
}

/* Routes, weights and settings of before several changes each, by one change. */
static void test_the_state_at_a_revision(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;
    _cleanup_free_ char *before = NULL;
    _cleanup_free_ char *after = NULL;
    uint64_t good, last;

    lab_two_services(lab);
    lab_do(
        lab, SET,
        "{'dnsName':'front','port':80,'targets':[{'service':'v1','weight':9},{'service':'v2','weight':1}]}");
    good = revision_of(lab);
    before = catalog_text(engine_catalog(lab->house.engine));
    lab_do(lab, WEIGHT, "{'service':'v1','id':'a','weight':2}");
    lab_do(lab, WEIGHT, "{'service':'v1','id':'a','weight':3}");
    lab_do(lab, SET, "{'dnsName':'front','port':80,'targets':[{'service':'v2','weight':1}]}");
    lab_do(lab, SET, "{'dnsName':'new','port':80,'targets':[{'service':'v2','weight':1}]}");
    lab_do(lab, "PUT /v1/settings", "{'service':'v2','settings':{'drainSeconds':1}}");
    last = revision_of(lab);
    answer = roll_back(lab, good, "", 200);
    assert_string_equal(change_of(answer, "changes", "instances/default/v1/a"), "weight 3 -> 1");
    assert_string_equal(change_of(answer, "changes", "routes/default//front:80/tcp"),
                        "targets v2=1 -> v1=9 v2=1");
    assert_string_equal(change_of(answer, "changes", "routes/default//new:80/tcp"), "removed: targets v2=1");
    assert_non_null(strstr(change_of(answer, "changes", "services/default/v2"), "drainSeconds"));
    json_expect(answer, "left", "[]");
    json_expect(answer, "dryRun", "false");
    assert_int_equal(revision_of(lab), last + 1);
    after = catalog_text(engine_catalog(lab->house.engine));
    assert_string_equal(after, before);
}

/* To the revision before the last one is to undo the last change; to the last one, nothing. */
static void test_to_the_last_revision_is_nothing(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;
    _cleanup_json_ cJSON *undone = NULL;
    uint64_t last;

    lab_two_services(lab);
    lab_do(lab, WEIGHT, "{'service':'v1','id':'a','weight':2}");
    last = revision_of(lab);
    answer = roll_back(lab, last, "", 200);
    json_expect(answer, "changes", "[]");
    assert_int_equal(revision_of(lab), last);
    undone = roll_back(lab, last - 1, "", 200);
    assert_int_equal(cJSON_GetArraySize(json_at(undone, "changes")), 1);
    assert_int_equal(lab_instance(lab, "v1", "a")->weight, 1);
}

/* A rollback is a change as others, and can be rolled back. */
static void test_a_rollback_is_undone_by_another(void **state)
{
    struct lab *lab = *state;
    uint64_t good, bad;

    lab_two_services(lab);
    good = revision_of(lab);
    lab_do(lab, WEIGHT, "{'service':'v1','id':'a','weight':2}");
    bad = revision_of(lab);
    cJSON_Delete(roll_back(lab, good, "", 200));
    assert_int_equal(lab_instance(lab, "v1", "a")->weight, 1);
    cJSON_Delete(roll_back(lab, bad, "", 200));
    assert_int_equal(lab_instance(lab, "v1", "a")->weight, 2);
}

static void test_a_dry_run_changes_nothing(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *before = NULL;
    _cleanup_json_ cJSON *answer = NULL;
    uint64_t good;

    lab_two_services(lab);
    good = revision_of(lab);
    lab_do(lab, WEIGHT, "{'service':'v1','id':'a','weight':2}");
    before = lab_state(lab);
    answer = roll_back(lab, good, ",'dryRun':true", 200);
    assert_string_equal(change_of(answer, "changes", "instances/default/v1/a"), "weight 2 -> 1");
    json_expect(answer, "dryRun", "true");
    lab_expect_state(lab, before, "a dry run");
}

/* Instances and services are not put back or taken away: who came since stays, who went stays away. */
static void test_what_came_and_went_is_left(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;
    uint64_t good;

    lab_two_services(lab);
    good = revision_of(lab);
    lab_do(lab, "POST /v1/instances", "{'service':'v1','id':'new','address':'10.0.0.3:80'}");
    lab_do(lab, "DELETE /v1/instances", "{'service':'v1','id':'a','now':true}");
    lab_do(lab, WEIGHT, "{'service':'v2','id':'b','weight':7}");
    answer = roll_back(lab, good, "", 200);
    assert_string_equal(change_of(answer, "left", "instances/default/v1/new"), "it has come since");
    assert_string_equal(change_of(answer, "left", "instances/default/v1/a"), "it has gone since");
    assert_int_equal(cJSON_GetArraySize(json_at(answer, "changes")), 1);
    assert_non_null(lab_instance(lab, "v1", "new"));
    assert_null(lab_instance(lab, "v1", "a"));
    assert_int_equal(lab_instance(lab, "v2", "b")->weight, 1);
}

/* Only the weight: an address or a health that has changed since is as it is now. */
static void test_the_rest_of_an_instance_stays(void **state)
{
    struct lab *lab = *state;
    uint64_t good;

    lab_two_services(lab);
    good = revision_of(lab);
    lab_do(lab, WEIGHT, "{'service':'v1','id':'a','weight':2,'health':'UNHEALTHY'}");
    cJSON_Delete(roll_back(lab, good, "", 200));
    assert_int_equal(lab_instance(lab, "v1", "a")->weight, 1);
    assert_int_equal(lab_instance(lab, "v1", "a")->health, UNHEALTHY);
}

/* Health is no part of it: what has nothing else to be put back is neither told of nor written. */
static void test_what_is_as_it_was_is_not_put_back(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;
    uint64_t good, last;

    lab_two_services(lab);
    good = revision_of(lab);
    lab_do(lab, WEIGHT, "{'service':'v1','id':'a','health':'UNHEALTHY'}");
    last = revision_of(lab);
    answer = roll_back(lab, good, "", 200);
    json_expect(answer, "changes", "[]");
    assert_int_equal(revision_of(lab), last);
}

static void test_a_route_to_nobody_is_not_put_back(void **state)
{
    struct lab *lab = *state;
    uint64_t good;

    lab_two_services(lab);
    lab_do(
        lab, SET,
        "{'dnsName':'front','port':80,'targets':[{'service':'v1','weight':9},{'service':'v2','weight':1}]}");
    good = revision_of(lab);
    lab_do(lab, SET, "{'dnsName':'front','port':80,'targets':[{'service':'v1','weight':1}]}");
    lab_do(lab, WEIGHT, "{'service':'v1','id':'a','weight':3}");
    lab_do(lab, "DELETE /v1/services", "{'service':'v2'}");
    refuse(lab, good, 409, "service v2 does not exist any more");
}

static void test_a_revision_that_is_not_kept(void **state)
{
    struct lab *lab = *state;
    uint64_t first;

    lab_two_services(lab);
    first = revision_of(lab);
    for (int weight = 2; weight <= HOUSE_HISTORY + 2; weight++) {
        char body[96];

        (void)snprintf(body, sizeof(body), "{'service':'v1','id':'a','weight':%d}", weight);
        lab_do(lab, WEIGHT, body);
    }
    lab_refuse(lab, ROLLBACK, "{'revision':1}", 404, "revision", "the history begins there");
    cJSON_Delete(roll_back(lab, first + 2, "", 200));
    assert_int_equal(lab_instance(lab, "v1", "a")->weight, 3);
}

static void test_refusals(void **state)
{
    static const struct refusal refusals[] = {
        {ROLLBACK, "{}", 400, "revision", "revision"},
        {ROLLBACK, "{'revision':-1}", 400, "revision", "-1"},
        {ROLLBACK, "{'revision':'1'}", 400, "revision", "1"},
        {ROLLBACK, "{'revision':1,'dryRun':1}", 400, "dryRun", "1"},
        {ROLLBACK, "{'revision':1,'only':'routes'}", 400, "only", "only"},
        {ROLLBACK, "{'revision':0}", 404, "revision", "the history begins there"}, /* it is empty */
    };

    lab_refuse_all(*state, refusals, ARRAY_SIZE(refusals));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_the_state_at_a_revision),           LAB_TEST(test_to_the_last_revision_is_nothing),
        LAB_TEST(test_a_rollback_is_undone_by_another),   LAB_TEST(test_a_dry_run_changes_nothing),
        LAB_TEST(test_what_came_and_went_is_left),        LAB_TEST(test_the_rest_of_an_instance_stays),
        LAB_TEST(test_what_is_as_it_was_is_not_put_back), LAB_TEST(test_a_route_to_nobody_is_not_put_back),
        LAB_TEST(test_a_revision_that_is_not_kept),       LAB_TEST(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
