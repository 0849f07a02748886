/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Documents within a job of somebody else's, on an engine with a registry and a data path in memory. */
#include "apply_lab.h"
#include "base/json.h"

/* ---- a job that applies ---- */

struct applying {
    const char *text;
    const char *owned_source;
    bool is_dry_run;
    struct findings findings;
    cJSON *changes;
    unsigned n_runs;
    bool is_done;
    int result;
    struct error error;
};

static int add_text(void *user, const char *text, size_t length)
{
    return evbuffer_add(user, text, length);
}

static cJSON *described(const struct transaction *transaction)
{
    struct evbuffer *text = evbuffer_new();
    struct json_stream stream;
    size_t at = 0;
    cJSON *list;

    json_stream_begin(&stream, add_text, text);
    (void)json_stream_open_array(&stream, NULL);
    while (transaction_describe_some(transaction, &stream, &at, &(struct change_counts){0}))
        ;
    assert_int_equal(json_stream_close(&stream), 0);
    list = cJSON_ParseWithLength((const char *)evbuffer_pullup(text, -1), evbuffer_get_length(text));
    evbuffer_free(text);
    return list;
}

static int run(struct transaction *transaction, void *user, struct error *error)
{
    struct applying *applying = user;
    struct documents_options options = apply_options("shop", SETTINGS_RIGHTS_NONE);
    _cleanup_(document_list_done) struct document_list list = {0};
    const struct apply_request request = {.documents = &list, .owned_source = applying->owned_source};
    int r;

    applying->n_runs++;
    findings_done(&applying->findings);
    cJSON_Delete(applying->changes);
    applying->changes = NULL;
    r = documents_parse("test", applying->text, strlen(applying->text), &options, &list, &applying->findings);
    if (r == 0)
        r = apply_in(transaction, &request, &applying->findings, error);
    if (r == 0)
        applying->changes = described(transaction);
    return r == 0 && applying->is_dry_run ? JOB_TAKE_BACK : r;
}

static void on_done(int r, uint64_t revision, const struct error *error, void *user)
{
    struct applying *applying = user;

    (void)revision;
    assert_false(applying->is_done);
    applying->is_done = true;
    applying->result = r;
    if (error)
        applying->error = *error;
}

static void apply(struct lab *lab, struct applying *applying)
{
    const struct job job = {.run = run, .done = on_done, .user = applying};

    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    engine_settle(lab->house.engine);
    assert_true(applying->is_done);
}

static void applying_done(struct applying *applying)
{
    findings_done(&applying->findings);
    cJSON_Delete(applying->changes);
}

static bool has_service(const struct lab *lab, const char *name)
{
    const struct service *service = catalog_service(engine_catalog(lab->house.engine), "shop", name);

    return service && service->is_declared;
}

#define SERVICE(name, alias)                                                                                 \
    "{\"serviceName\":\"" name                                                                               \
    "\",\"taskDefinition\":{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"c\","                     \
    "\"portMappings\":[{\"name\":\"http\",\"containerPort\":8080}]}]},\"serviceConnectConfiguration\":{"     \
    "\"enabled\":true,\"services\":[{\"portName\":\"http\",\"discoveryName\":\"" name                        \
    "\",\"clientAliases\":[{\"port\":80,\"dnsName\":\"" alias "\"}]}]}}"

/* ---- tests ---- */

static void test_applies(void **state)
{
    struct lab *lab = *state;
    struct applying applying = {.text = SERVICE("front", "front.example")};

    apply(lab, &applying);
    assert_int_equal(applying.result, 0);
    assert_int_equal(applying.n_runs, 1);
    assert_true(has_service(lab, "front"));
    assert_non_null(applying.changes);
    assert_int_equal(applying.findings.n_errors, 0);
    assert_int_equal(fake_store_counts(lab->house.store).commits, 1);
    applying_done(&applying);
}

/* A conflict runs it again; what is said of it is said once. */
static void test_conflict(void **state)
{
    static const struct fake_step steps[] = {{FAKE_CONFLICT, 0}, {FAKE_CONFLICT, 0}};
    struct lab *lab = *state;
    struct applying quiet = {.text = SERVICE("front", "front.example"), .is_dry_run = true};
    struct applying applying = {.text = SERVICE("front", "front.example")};

    apply(lab, &quiet);
    fake_registry_plan(lab->house.registry, steps, ARRAY_SIZE(steps));
    apply(lab, &applying);
    assert_int_equal(applying.result, 0);
    assert_int_equal(applying.n_runs, 3);
    assert_true(cJSON_Compare(applying.changes, quiet.changes, true));
    assert_int_equal(applying.findings.n, quiet.findings.n);
    assert_true(has_service(lab, "front"));
    applying_done(&quiet);
    applying_done(&applying);
}

/* Who only looks gets the description, and nothing is kept: the request's own dry run is not looked at. */
static void test_take_back(void **state)
{
    struct lab *lab = *state;
    struct applying applying = {.text = SERVICE("front", "front.example"), .is_dry_run = true};

    apply(lab, &applying);
    assert_int_equal(applying.result, 0);
    assert_non_null(applying.changes);
    assert_false(has_service(lab, "front"));
    assert_int_equal(fake_store_counts(lab->house.store).commits, 0);
    applying_done(&applying);
}

/* An error among the findings is what it fails with, and nothing of the rest is there. */
static void test_error_among_the_findings(void **state)
{
    struct lab *lab = *state;
    struct applying first = {.text = SERVICE("front", "front.example")};
    struct applying second = {
        .text = "[" SERVICE("other", "other.example") "," SERVICE("back", "front.example") "]"};

    apply(lab, &first);
    apply(lab, &second);
    assert_int_equal(second.result, -EINVAL);
    assert_int_equal(second.findings.n_errors, 1);
    assert_non_null(strstr(second.error.message, "front.example"));
    assert_null(second.changes);
    assert_false(has_service(lab, "other"));
    assert_false(has_service(lab, "back"));
    assert_int_equal(fake_store_counts(lab->house.store).commits, 1);
    applying_done(&first);
    applying_done(&second);
}

static void test_full_disk(void **state)
{
    static const struct fake_step full = {FAKE_DISK_FULL, 0};
    struct lab *lab = *state;
    struct applying applying = {.text = SERVICE("front", "front.example")};

    fake_registry_plan(lab->house.registry, &full, 1);
    apply(lab, &applying);
    assert_int_equal(applying.result, -ENOSPC);
    assert_false(has_service(lab, "front"));
    applying_done(&applying);
}

/* What a source no longer holds goes, in the same change. */
static void test_owned_source(void **state)
{
    struct lab *lab = *state;
    struct applying first = {
        .text = "[" SERVICE("front", "front.example") "," SERVICE("back", "back.example") "]",
        .owned_source = "test"};
    struct applying second = {.text = SERVICE("back", "front.example"), .owned_source = "test"};

    apply(lab, &first);
    assert_int_equal(first.result, 0);
    assert_true(has_service(lab, "front"));
    apply(lab, &second);
    assert_int_equal(second.result, 0);
    assert_false(has_service(lab, "front"));
    assert_true(has_service(lab, "back")); /* with the alias that front has given up */
    assert_string_equal(
        catalog_service(engine_catalog(lab->house.engine), "shop", "back")->aliases[0].dns_name,
        "front.example");
    assert_int_equal(fake_store_counts(lab->house.store).commits, 2);
    applying_done(&first);
    applying_done(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_applies),   LAB_TEST(test_conflict),
        LAB_TEST(test_take_back), LAB_TEST(test_error_among_the_findings),
        LAB_TEST(test_full_disk), LAB_TEST(test_owned_source),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
