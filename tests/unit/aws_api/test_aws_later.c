/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Requests that wait: in which order they are answered, what they see, and what becomes of
 * them at the end. */
#include "aws_lab.h"

#define CREATE CLOUD_MAP "CreateHttpNamespace"
#define LIST   CLOUD_MAP "ListNamespaces"

/* Puts the request off without giving the engine a turn. */
static void put_off(struct aws_lab *lab, const char *target, const char *body, struct outcome *outcome)
{
    struct aws_request request = lab_request(lab, target, body);

    *outcome = (struct outcome){0};
    assert_int_equal(aws_later(&lab->waiting, &request, outcome), 0);
    assert_null(request.body); /* taken over */
    assert_int_equal(outcome->n_sent, 0);
}

static int count_namespaces(const struct outcome *outcome)
{
    return cJSON_GetArraySize(cJSON_GetObjectItem(outcome->body, "Namespaces"));
}

static void test_change_comes_later(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome outcome;

    put_off(lab, CREATE, "{'Name':'shop'}", &outcome);
    assert_null(catalog_namespace(engine_catalog(lab->engine), "shop"));
    engine_settle(lab->engine);
    assert_int_equal(outcome.n_sent, 1);
    assert_int_equal(outcome.status, 200);
    assert_non_null(cJSON_GetObjectItem(outcome.body, "OperationId"));
    assert_null(lab->waiting.first);
    outcome_done(&outcome);
}

/* Not before the disk has it: whoever was answered can rely on it. */
static void test_answer_waits_for_the_disk(void **state)
{
    static const struct fake_step slow = {FAKE_WRITTEN, 5};
    struct aws_lab *lab = *state;
    struct outcome outcome;

    fake_registry_plan(lab->registry, &slow, 1);
    put_off(lab, CREATE, "{'Name':'shop'}", &outcome);
    for (int i = 0; i < 100; i++)
        (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
    assert_int_equal(outcome.n_sent, 0);
    assert_int_equal(fake_store_counts(lab->store).commits, 0);
    for (int i = 0; i < 5; i++)
        (void)fake_registry_turn(lab->registry);
    assert_int_equal(fake_store_counts(lab->store).commits, 1);
    for (int i = 0; i < 100 && outcome.n_sent == 0; i++)
        (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
    assert_int_equal(outcome.n_sent, 1);
    assert_int_equal(outcome.status, 200);
    outcome_done(&outcome);
}

/* While rows are on their way anybody may read, and sees what is on disk. */
static void test_reads_while_a_commit_is_under_way(void **state)
{
    static const struct fake_step slow = {FAKE_WRITTEN, 5};
    struct aws_lab *lab = *state;
    struct outcome change, before;

    fake_registry_plan(lab->registry, &slow, 1);
    put_off(lab, CREATE, "{'Name':'shop'}", &change);
    for (int i = 0; i < 100; i++)
        (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
    assert_true(engine_is_steady(lab->engine));
    lab_ask(lab, LIST, "{}", &before);
    assert_int_equal(count_namespaces(&before), 0);
    engine_settle(lab->engine);
    assert_int_equal(change.status, 200);
    outcome_done(&before);
    lab_ask(lab, LIST, "{}", &before);
    assert_int_equal(count_namespaces(&before), 1);
    outcome_done(&before);
    outcome_done(&change);
}

/* A read that was put off is answered once, with what is committed at its time. */
static void test_read_comes_later(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome change, read;

    put_off(lab, CREATE, "{'Name':'shop'}", &change);
    put_off(lab, LIST, "{}", &read);
    engine_settle(lab->engine);
    assert_int_equal(read.n_sent, 1);
    assert_int_equal(read.status, 200);
    assert_in_range(count_namespaces(&read), 0, 1);
    assert_int_equal(change.n_sent, 1);
    outcome_done(&change);
    outcome_done(&read);
}

static void test_many_share_a_commit(void **state)
{
    enum {
        N = 50
    };
    struct aws_lab *lab = *state;
    struct outcome outcomes[N];

    for (int i = 0; i < N; i++) {
        char body[64];

        (void)snprintf(body, sizeof(body), "{'Name':'shop%d'}", i);
        put_off(lab, CREATE, body, &outcomes[i]);
    }
    engine_settle(lab->engine);
    for (int i = 0; i < N; i++) {
        assert_int_equal(outcomes[i].n_sent, 1);
        assert_int_equal(outcomes[i].status, 200);
        outcome_done(&outcomes[i]);
    }
    assert_in_range(fake_store_counts(lab->store).commits, 1, N - 1);
    expect_committed(lab);
}

/* What one is refused for takes nothing of its neighbours'. */
static void test_refusal_among_others(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome first, second, third;

    put_off(lab, CREATE, "{'Name':'shop'}", &first);
    put_off(lab, CREATE, "{'Name':''}", &second);
    put_off(lab, CREATE, "{'Name':'other'}", &third);
    engine_settle(lab->engine);
    assert_int_equal(first.status, 200);
    assert_int_equal(second.status, 400);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(second.body, "__type")), "InvalidInput");
    assert_int_equal(third.status, 200);
    outcome_done(&first);
    outcome_done(&second);
    outcome_done(&third);
    expect_committed(lab);
}

/* The same instance by two clients at once: one after the other, the last one's stays. */
static void test_same_row_twice(void **state)
{
    struct aws_lab *lab = *state;
    char id[64], service[64], body[256];
    struct outcome outcomes[2];
    const struct service *found;

    lab_get(lab, CREATE, "{'Name':'shop'}", "OperationId", id, sizeof(id));
    (void)snprintf(body, sizeof(body), "{'OperationId':'%s'}", id);
    lab_get(lab, CLOUD_MAP "GetOperation", body, "Operation.Targets.NAMESPACE", id, sizeof(id));
    (void)snprintf(body, sizeof(body), "{'Name':'cart','NamespaceId':'%s'}", id);
    lab_get(lab, CLOUD_MAP "CreateService", body, "Service.Id", service, sizeof(service));
    for (int i = 0; i < 2; i++) {
        (void)snprintf(body, sizeof(body),
                       "{'ServiceId':'%s','InstanceId':'i','Attributes':{'AWS_INSTANCE_IPV4':'10.0.0.%d',"
                       "'AWS_INSTANCE_PORT':'80'}}",
                       service, i + 1);
        put_off(lab, CLOUD_MAP "RegisterInstance", body, &outcomes[i]);
    }
    engine_settle(lab->engine);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(outcomes[i].n_sent, 1);
        assert_int_equal(outcomes[i].status, 200);
        outcome_done(&outcomes[i]);
    }
    found = catalog_service(engine_catalog(lab->engine), "shop", "cart");
    assert_int_equal(ip_address_to_v4(&catalog_instance(found, "i")->address), 0x0a000002);
    expect_committed(lab);
}

/* ---- the end ---- */

static void test_end_answers_reads(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome read;

    put_off(lab, LIST, "{}", &read);
    aws_later_end(&lab->waiting);
    assert_int_equal(read.n_sent, 1);
    assert_int_equal(read.status, 503);
    for (int i = 0; i < 5; i++)
        (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
    assert_int_equal(read.n_sent, 1);
    outcome_done(&read);
}

static void test_end_lets_changes_finish(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome change;

    put_off(lab, CREATE, "{'Name':'shop'}", &change);
    aws_later_end(&lab->waiting);
    assert_null(lab->waiting.first);
    assert_int_equal(change.n_sent, 0);
    engine_settle(lab->engine);
    assert_int_equal(change.n_sent, 1);
    assert_int_equal(change.status, 200);
    outcome_done(&change);
}

/* The engine ends with a change that has not had its turn. */
static void test_end_of_the_engine(void **state)
{
    struct aws_lab *lab = *state;
    struct outcome change, late;
    struct aws_request request;

    put_off(lab, CREATE, "{'Name':'shop'}", &change);
    aws_later_end(&lab->waiting);
    engine_stop(lab->engine);
    assert_int_equal(change.n_sent, 1);
    assert_int_equal(change.status, 503);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(change.body, "__type")),
                        "ServiceUnavailable");
    assert_int_equal(fake_store_counts(lab->store).commits, 0);
    outcome_done(&change);

    /* From then on nothing is taken on, and the caller still owns the request. */
    late = (struct outcome){0};
    request = lab_request(lab, CREATE, "{'Name':'shop'}");
    assert_int_equal(aws_later(&lab->waiting, &request, &late), -ECANCELED);
    assert_int_equal(late.n_sent, 0);
    assert_non_null(request.body);
    assert_string_equal(request.error.type, "ServiceUnavailable");
    aws_request_done(&request);
}

static void test_end_of_nothing(void **state)
{
    struct aws_waiting_list list = {0};

    (void)state;
    aws_later_end(&list);
    assert_null(list.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWS_TEST(test_change_comes_later),
        AWS_TEST(test_answer_waits_for_the_disk),
        AWS_TEST(test_reads_while_a_commit_is_under_way),
        AWS_TEST(test_read_comes_later),
        AWS_TEST(test_many_share_a_commit),
        AWS_TEST(test_refusal_among_others),
        AWS_TEST(test_same_row_twice),
        AWS_TEST(test_end_answers_reads),
        AWS_TEST(test_end_lets_changes_finish),
        AWS_TEST(test_end_of_the_engine),
        cmocka_unit_test(test_end_of_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
