/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Clients who ask for several things at once, go away before they are answered, come too late or are too many. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>

#include "unit/api/api_lab.h"

#define REGISTER  "POST /v1/instances"
#define UPDATE    "PATCH /v1/instances"
#define WEB       "{'service':'web','address':'10.0.0.1:80'}"
#define OTHER     "{'service':'other','address':'10.0.0.2:80'}"
#define N_REPLIES 2

static void test_one_client_is_answered_in_order(void **state)
{
    struct lab *lab = *state;
    struct asker *client = lab_connect(lab);
    _cleanup_json_ cJSON *registered = NULL, *changed = NULL, *refused = NULL, *list = NULL;
    int status;

    lab_plan(lab, FAKE_WRITTEN, LAB_SLOW);
    asker_send(client, REGISTER, WEB);
    asker_send(client, UPDATE, "{'service':'web','id':'10.0.0.1:80','weight':7}");
    asker_send(client, UPDATE, "{'service':'web','id':'10.0.0.1:80','weight':-1}");
    asker_send(client, "GET /v1/endpoints", "");
    registered = lab_hear(lab, client, &status);
    assert_int_equal(status, 200);
    json_expect(registered, "id", "'10.0.0.1:80'");
    json_expect(registered, "revision", "1");
    changed = lab_hear(lab, client, &status);
    assert_int_equal(status, 200);
    json_expect(changed, "id", "");
    json_expect(changed, "revision", "2");
    refused = lab_hear(lab, client, &status);
    assert_int_equal(status, 400);
    list = lab_hear(lab, client, &status);
    assert_int_equal(status, 200);
    json_expect(list, "endpoints.0.weight", "7");
    assert_int_equal(client->length, 0);
    asker_leave(client);
}

static void test_a_client_leaves_before_its_answer(void **state)
{
    struct lab *lab = *state;
    struct asker *client;

    lab_plan(lab, FAKE_WRITTEN, LAB_SLOW);
    client = lab_send(lab, REGISTER, WEB);
    TURN_UNTIL(house_commits_begun(&lab->house) == 1);
    asker_leave(client);
    lab_some_turns(lab);
    lab_expect_web(lab, false);
    REGISTRY_TURN_UNTIL(registry_revision(lab->house.registry) == 1);
    lab_some_turns(lab);
    lab_expect_web(lab, true); /* what was asked for is done */
    lab_do(lab, REGISTER, OTHER);
}

static void test_a_client_leaves_before_its_refusal(void **state)
{
    struct lab *lab = *state;
    struct asker *first = lab_occupy(lab);
    struct asker *client = lab_send(lab, UPDATE, "{'service':'nobody','id':'x','weight':1}");
    _cleanup_json_ cJSON *answer = NULL;
    int status;

    lab_some_turns(lab);
    asker_leave(client);
    answer = lab_hear(lab, first, &status);
    assert_int_equal(status, 200);
    lab_do(lab, REGISTER, OTHER);
    asker_leave(first);
}

static void test_too_many_wait(void **state)
{
    const struct control_limits limits = {.replies = N_REPLIES};
    struct lab *lab = *state;
    struct asker *waiting[N_REPLIES];
    _cleanup_free_ char *before = NULL;
    _cleanup_json_ cJSON *answer = NULL;
    struct asker *late;
    int status;

    assert_int_equal(control_server_limit(lab->server, &limits), 0);
    lab_plan(lab, FAKE_WRITTEN, LAB_SLOW);
    waiting[0] = lab_send(lab, REGISTER, WEB);
    waiting[1] = lab_send(lab, REGISTER, "{'service':'web','address':'10.0.0.3:80'}");
    lab_some_turns(lab);
    late = lab_send(lab, REGISTER, OTHER);
    TURN_UNTIL(asker_has_answer(late));
    answer = asker_take(late, &status);
    assert_int_equal(status, 503);
    json_expect_error("a third", answer, NULL, "too many requests wait");
    for (size_t i = 0; i < N_REPLIES; i++) {
        cJSON_Delete(lab_hear(lab, waiting[i], &status));
        assert_int_equal(status, 200);
        asker_leave(waiting[i]);
    }
    assert_null(lab_instance(lab, "other", "10.0.0.2:80"));
    lab_do(lab, REGISTER, OTHER);
    asker_leave(late);
}

static int nothing(struct transaction *transaction, void *user, struct error *error)
{
    (void)transaction;
    (void)user;
    (void)error;
    return JOB_TAKE_BACK;
}

/* Of other rooms' jobs as many as there may be: this is no conflict with what is registered. */
static void test_the_engines_queue_is_full(void **state)
{
    const struct job job = {.run = nothing};
    struct lab *lab = *state;
    struct asker *first = lab_occupy(lab), *late;
    _cleanup_json_ cJSON *answer = NULL;
    int status;

    while (engine_submit(lab->house.engine, &job) == 0)
        ;
    late = lab_send(lab, REGISTER, OTHER);
    TURN_UNTIL(asker_has_answer(late));
    answer = asker_take(late, &status);
    assert_int_equal(status, 503);
    json_expect_error("one more", answer, NULL, "too many changes wait");
    asker_leave(late);
    asker_leave(first);
}

static void wait_for_end(void *user)
{
    (void)sem_wait(user);
}

static void at_once(void *user)
{
    (void)user;
}

static void test_the_workers_queue_is_full(void **state)
{
    struct lab *lab = *state;
    struct work work = {.run = wait_for_end};
    struct asker *late;
    _cleanup_json_ cJSON *answer = NULL;
    sem_t end;
    int status;

    assert_int_equal(sem_init(&end, 0, 0), 0);
    work.user = &end;
    assert_int_equal(worker_submit(lab->worker, &work), 0);
    work.run = at_once;
    while (worker_submit(lab->worker, &work) == 0)
        ;
    late = lab_send(lab, "POST /v1/documents", "{'documents':[" DOCUMENT("s", "s", "s", "s") "]}");
    TURN_UNTIL(asker_has_answer(late));
    (void)sem_post(&end);
    answer = asker_take(late, &status);
    assert_int_equal(status, 503);
    json_expect_error("one more", answer, NULL, "too many changes wait");
    asker_leave(late);
    worker_stop(lab->worker);
    (void)sem_destroy(&end);
}

static void test_the_daemon_ends_meanwhile(void **state)
{
    struct lab *lab = *state;
    struct asker *first = lab_occupy(lab);
    struct asker *waiting = lab_send(lab, REGISTER, WEB), *late;
    _cleanup_json_ cJSON *done = NULL, *ended = NULL, *refused = NULL;
    int status;

    lab_some_turns(lab);
    engine_stop(lab->house.engine);
    late = lab_send(lab, REGISTER, OTHER);
    done = lab_hear(lab, first, &status);
    assert_int_equal(status, 200);
    ended = lab_hear(lab, waiting, &status);
    assert_int_equal(status, 503);
    json_expect_error("what waited", ended, NULL, "svcconnectd is ending; nothing was changed");
    refused = lab_hear(lab, late, &status);
    assert_int_equal(status, 503);
    json_expect_error("what came later", refused, NULL, "the change cannot be taken on");
    assert_int_equal(registry_revision(lab->house.registry), 1);
    asker_leave(first);
    asker_leave(waiting);
    asker_leave(late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_one_client_is_answered_in_order),    LAB_TEST(test_a_client_leaves_before_its_answer),
        LAB_TEST(test_a_client_leaves_before_its_refusal), LAB_TEST(test_too_many_wait),
        LAB_TEST(test_the_engines_queue_is_full),          LAB_TEST(test_the_workers_queue_is_full),
        LAB_TEST(test_the_daemon_ends_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
