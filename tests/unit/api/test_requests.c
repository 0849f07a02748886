/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* When changes and reads are answered, and what they see: the disk is slow or full, another host is first,
 * several share a commit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/api/api_lab.h"

#define REGISTER "POST /v1/instances"
#define UPDATE   "PATCH /v1/instances"
#define WEB      "{'service':'web','address':'10.0.0.1:80'}"
#define OTHER    "{'service':'other','address':'10.0.0.2:80'}"
#define MANY     64 /* commits, more than a change is run again for */

/* ---- when it is answered ---- */

static void test_a_change_is_answered_when_it_is_durable(void **state)
{
    struct lab *lab = *state;
    struct asker *client, *reader;

    lab_plan(lab, FAKE_WRITTEN, LAB_SLOW);
    client = lab_send(lab, REGISTER, WEB);
    lab_some_turns(lab);
    assert_false(asker_has_any(client));
    /* Who reads does not wait for the disk, and sees what is on it. */
    reader = lab_send(lab, "GET /v1/services", "");
    TURN_UNTIL(asker_has_answer(reader));
    assert_true(asker_hears(reader, "200 OK"));
    assert_false(asker_hears(reader, "\"web\""));
    asker_leave(reader);
    REGISTRY_TURN_UNTIL(asker_hears(client, "\"revision\":1"));
    assert_true(asker_hears(client, "200 OK"));
    lab_expect_web(lab, true);
    asker_leave(client);
}

static int go_on(struct transaction *transaction, void *user, struct error *error)
{
    struct lab *lab = user;
    struct registry_row row = {
        .key = strdup("services/default/web"),
        .value = strdup("{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}]}")};

    (void)event_base_loopbreak(lab->house.base);
    if (transaction_is_new_run(transaction))
        assert_int_equal(transaction_put(transaction, row, error), 0);
    else
        row_done(&row);
    return lab->is_going_on ? JOB_GO_ON : JOB_TAKE_BACK;
}

static void test_reads_wait_while_rows_are_put(void **state)
{
    static const char *const paths[] = {"/v1/services", "/v1/aliases",  "/v1/routes",   "/v1/documents",
                                        "/v1/canaries", "/v1/hosts",    "/v1/settings", "/v1/endpoints",
                                        "/v1/tasks",    "/v1/services", "/v1/status",   "/v1/events",
                                        "/metrics"};
    struct lab *lab = *state;
    const struct job job = {.run = go_on, .user = lab};
    struct asker *clients[ARRAY_SIZE(paths)];
    char what[64];

    lab->is_going_on = true;
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    TURN_UNTIL(!engine_is_steady(lab->house.engine));
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        (void)snprintf(what, sizeof(what), "GET %s", paths[i]);
        clients[i] = lab_send(lab, what, "");
    }
    lab_some_turns(lab);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        if (asker_has_any(clients[i]))
            fail_msg("did not wait: %s", paths[i]);
    lab->is_going_on = false;
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        TURN_UNTIL(asker_has_answer(clients[i]));
        assert_true(asker_hears(clients[i], "200 OK"));
        assert_false(asker_hears(clients[i], "\"web\""));
        asker_leave(clients[i]);
    }
}

/* ---- the registry ---- */

static void test_a_conflict_runs_the_job_again(void **state)
{
    static const struct fake_step steps[] = {{FAKE_CONFLICT, 1}, {FAKE_CONFLICT, 0}, {FAKE_WRITTEN, 1}};
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;

    lab_two_services(lab);
    lab_do(lab, UPDATE, "{'service':'v2','id':'b','weight':0}");
    fake_registry_plan(lab->house.registry, steps, ARRAY_SIZE(steps));
    answer = lab_get(lab, "POST /v1/canaries", "{'dnsName':'v1','from':'v1','to':'v2'}", 200);
    assert_int_equal(fake_store_counts(lab->house.store).refused, 2);
    json_expect(answer, "revision", "4");
    /* Each run says what it has to say anew: once, however often it was run. */
    assert_int_equal(cJSON_GetArraySize(json_at(answer, "warnings")), 1);
    json_expect(answer, "canary.state", "'RUNNING'");
}

/* Also when it is tried again, with fewer rows or alone. */
static void plan_all(struct lab *lab, enum fake_fault fault)
{
    struct fake_step steps[MANY];

    for (size_t i = 0; i < MANY; i++)
        steps[i] = (struct fake_step){fault, 1};
    fake_registry_plan(lab->house.registry, steps, MANY);
}

static void test_conflicts_without_end_are_to_be_tried_later(void **state)
{
    struct lab *lab = *state;

    plan_all(lab, FAKE_CONFLICT);
    lab_refuse(lab, REGISTER, WEB, 503, NULL, "another host was first");
    fake_registry_plan(lab->house.registry, NULL, 0);
    lab_do(lab, REGISTER, WEB);
    lab_expect_web(lab, true);
}

static void test_what_the_registry_refuses(void **state)
{
    static const struct {
        enum fake_fault fault;
        int status;
        const char *part;
    } faults[] = {
        {FAKE_LOST_BEFORE, 503, "the connection was lost"},
        {FAKE_DISK_FULL, 507, "the disk is full"},
        {FAKE_TOO_LARGE, 507, "raise its limit"},
        {FAKE_IO_ERROR, 500, "the disk failed"},
    };
    struct lab *lab = *state;

    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        plan_all(lab, faults[i].fault);
        lab_refuse(lab, REGISTER, WEB, faults[i].status, NULL, faults[i].part);
        lab_expect_web(lab, false);
    }
    fake_registry_plan(lab->house.registry, NULL, 0);
    lab_do(lab, REGISTER, WEB);
    lab_expect_web(lab, true);
}

static void test_a_table_of_the_data_path_is_full(void **state)
{
    struct lab *lab = *state;
    char body[128];

    for (unsigned i = 1; i <= HOUSE_ENDPOINTS; i++) {
        (void)snprintf(body, sizeof(body), "{'service':'web','address':'10.0.0.%u:80'}", i);
        lab_do(lab, REGISTER, body);
    }
    lab_refuse(lab, REGISTER, OTHER, 507, NULL, "maps.endpoints");
    lab_do(lab, "DELETE /v1/instances", "{'service':'web','id':'10.0.0.1:80'}");
    lab_some_turns(lab); /* the number is free when nobody can be using it any more */
    lab_do(lab, REGISTER, OTHER);
}

/* ---- together ---- */

static void test_of_those_who_share_a_commit_one_is_refused(void **state)
{
    static const struct {
        const char *what;
        const char *body;
        int status;
        const char *revision;
    } asked[] = {
        {REGISTER, WEB, 200, "2"},
        {UPDATE, "{'service':'web','id':'nobody','weight':3}", 404, ""},
        {UPDATE, "{'service':'first','id':'f','weight':3}", 200, "2"},
        {"PUT /v1/routes", "{'dnsName':'x','targets':[{'service':'nobody','weight':1}]}", 404, ""},
        {"PUT /v1/settings", "{'settings':{'connectTimeoutSeconds':2}}", 200, "2"},
    };
    struct lab *lab = *state;
    struct asker *first = lab_occupy(lab), *clients[ARRAY_SIZE(asked)];
    _cleanup_json_ cJSON *endpoint = NULL;
    int status;

    for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
        clients[i] = lab_send(lab, asked[i].what, asked[i].body);
        lab_some_turns(lab);
    }
    cJSON_Delete(lab_hear(lab, first, &status));
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
        _cleanup_json_ cJSON *answer = lab_hear(lab, clients[i], &status);

        assert_int_equal(status, asked[i].status);
        json_expect(answer, "revision", asked[i].revision);
        asker_leave(clients[i]);
    }
    asker_leave(first);
    assert_int_equal(house_commits_begun(&lab->house), 2);
    lab_expect_web(lab, true);
    endpoint = lab_endpoint(lab, "f");
    json_expect(endpoint, "weight", "3");
}

static void test_changes_of_two_clients_are_made_in_their_order(void **state)
{
    struct lab *lab = *state;
    struct asker *first = lab_occupy(lab), *a, *b, *c;
    _cleanup_json_ cJSON *one = NULL, *two = NULL, *three = NULL, *endpoint = NULL;
    int status;

    /* The same row, so that they cannot share a commit. */
    a = lab_send(lab, UPDATE, "{'service':'first','id':'f','weight':5}");
    lab_some_turns(lab);
    b = lab_send(lab, UPDATE, "{'service':'first','id':'f','health':'UNHEALTHY'}");
    lab_some_turns(lab);
    c = lab_send(lab, UPDATE, "{'service':'first','id':'f','weight':6}");
    lab_some_turns(lab);
    three = lab_hear(lab, c, &status);
    one = lab_hear(lab, a, &status);
    two = lab_hear(lab, b, &status);
    json_expect(one, "revision", "2");
    json_expect(two, "revision", "3");
    json_expect(three, "revision", "4");
    endpoint = lab_endpoint(lab, "f");
    json_expect(endpoint, "weight", "6");
    json_expect(endpoint, "reported", "'UNHEALTHY'");
    asker_leave(first);
    asker_leave(a);
    asker_leave(b);
    asker_leave(c);
}

static void test_a_shared_commit_that_fails_is_tried_one_by_one(void **state)
{
    /* The first is who keeps the registry busy; the second, of both, meets another host. */
    static const struct fake_step steps[] = {
        {FAKE_WRITTEN, LAB_SLOW}, {FAKE_TOO_LARGE, 1}, {FAKE_WRITTEN, 1}, {FAKE_DISK_FULL, 1}};
    struct lab *lab = *state;
    struct asker *first, *a, *b;
    _cleanup_json_ cJSON *taken = NULL, *refused = NULL;
    int status;

    fake_registry_plan(lab->house.registry, steps, ARRAY_SIZE(steps));
    first = lab_send(lab, REGISTER, "{'service':'first','address':'10.0.0.9:80'}");
    TURN_UNTIL(house_commits_begun(&lab->house) == 1);
    a = lab_send(lab, REGISTER, WEB);
    lab_some_turns(lab);
    b = lab_send(lab, REGISTER, OTHER);
    lab_some_turns(lab);
    taken = lab_hear(lab, a, &status);
    assert_int_equal(status, 200);
    json_expect(taken, "id", "'10.0.0.1:80'");
    refused = lab_hear(lab, b, &status);
    assert_int_equal(status, 507);
    assert_int_equal(house_commits_begun(&lab->house), 4);
    lab_expect_web(lab, true);
    assert_null(lab_instance(lab, "other", "10.0.0.2:80"));
    asker_leave(first);
    asker_leave(a);
    asker_leave(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_a_change_is_answered_when_it_is_durable),
        LAB_TEST(test_reads_wait_while_rows_are_put),
        LAB_TEST(test_a_conflict_runs_the_job_again),
        LAB_TEST(test_conflicts_without_end_are_to_be_tried_later),
        LAB_TEST(test_what_the_registry_refuses),
        LAB_TEST(test_a_table_of_the_data_path_is_full),
        LAB_TEST(test_of_those_who_share_a_commit_one_is_refused),
        LAB_TEST(test_changes_of_two_clients_are_made_in_their_order),
        LAB_TEST(test_a_shared_commit_that_fails_is_tried_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
