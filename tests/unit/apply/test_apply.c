/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Documents in force: what comes, changes and goes, and what is refused. */
#include "apply_lab.h"

#include "canaries/canaries.h"

#define WEB                      PUBLISHED("web", "web.example")
#define API                      PUBLISHED("api", "api.example")
#define TO(name)                 "{\"discoveryName\":\"" name "\",\"weight\":1}"
#define ROUTE(dns_name, targets) "{\"dnsName\":\"" dns_name "\",\"port\":80,\"targets\":[" targets "]}"
#define ROUTES(routes)           "{\"namespace\":\"shop\",\"routes\":[" routes "]}"
#define CLIENT(name, route)      DOCUMENT_WITH(name, "", ",\"routes\":[" route "]")

static void test_creates_what_is_new(void **state)
{
    struct lab *lab = *state;
    struct applied applied;

    lab_apply(lab, "one.json", DOCUMENT("one", WEB "," API), NULL, false, &applied);
    assert_int_equal(applied.result, 0);
    assert_int_equal(lab_count(&applied, "create", "service"), 2);
    assert_int_equal(lab_count(&applied, "create", "document"), 1);
    assert_int_equal(applied.revision, fake_store_revision(lab->house.store));
    assert_true(lab_has_name(lab, "web", "web.example"));
    assert_true(lab_has_name(lab, "api", "api.example"));
    assert_string_equal(lab_service(lab, "web")->document, "one");
    assert_string_equal(lab_document(lab, "one")->source, "one.json");
    applied_done(&applied);
}

static void test_the_same_again_is_no_change(void **state)
{
    struct lab *lab = *state;
    struct applied applied;
    uint64_t revision;

    assert_int_equal(lab_try(lab, DOCUMENT("one", WEB)), 0);
    revision = fake_store_revision(lab->house.store);
    lab_apply(lab, "elsewhere.json", DOCUMENT("one", WEB), NULL, false, &applied);
    assert_int_equal(applied.result, 0);
    assert_int_equal(cJSON_GetArraySize(applied.changes), 0);
    assert_int_equal(fake_store_revision(lab->house.store), revision);
    assert_string_equal(lab_document(lab, "one")->source, "test");
    applied_done(&applied);
}

static void test_takes_back_what_a_new_version_leaves_out(void **state)
{
    struct lab *lab = *state;
    struct applied applied;

    assert_int_equal(lab_try(lab, DOCUMENT("one", WEB "," API)), 0);
    lab_apply(lab, "test", DOCUMENT("one", PUBLISHED("web", "other.example")), NULL, false, &applied);
    assert_int_equal(applied.result, 0);
    assert_int_equal(lab_count(&applied, "delete", "service"), 1);
    assert_int_equal(lab_count(&applied, "update", "service"), 1);
    assert_null(lab_service(lab, "api"));
    assert_true(lab_has_name(lab, "web", "other.example"));
    assert_false(lab_has_name(lab, "web", "web.example"));
    applied_done(&applied);
}

static void test_a_name_moves_between_documents_of_one_source(void **state)
{
    struct lab *lab = *state;

    assert_int_equal(
        lab_try(lab, "[" DOCUMENT("one", WEB) "," DOCUMENT("two", PUBLISHED("api", "api.example")) "]"), 0);
    /* The one that takes it comes first, as the names go crosswise. */
    assert_int_equal(lab_try(lab, "[" DOCUMENT("one", PUBLISHED("web", "api.example")) "," DOCUMENT(
                                      "two", PUBLISHED("api", "web.example")) "]"),
                     0);
    assert_true(lab_has_name(lab, "web", "api.example"));
    assert_true(lab_has_name(lab, "api", "web.example"));
}

static void test_a_name_that_is_taken_is_refused(void **state)
{
    struct lab *lab = *state;
    struct applied applied;
    uint64_t revision;

    assert_int_equal(lab_try(lab, DOCUMENT("one", WEB)), 0);
    revision = fake_store_revision(lab->house.store);
    lab_apply(lab, "two.json",
              DOCUMENT("two", PUBLISHED("api", "web.example") "," PUBLISHED("web", "more.example")), NULL,
              false, &applied);
    assert_int_equal(applied.result, -EINVAL);
    assert_int_equal(applied.findings.n_errors, 2);
    assert_non_null(strstr(applied.findings.items[0].error.message, "web has it"));
    assert_non_null(strstr(applied.findings.items[1].error.message, "one does"));
    assert_string_equal(applied.findings.items[0].source, "two.json");
    assert_string_equal(applied.error.message, applied.findings.items[0].error.message);
    assert_null(applied.changes);
    assert_null(lab_service(lab, "api"));
    assert_null(lab_document(lab, "two"));
    assert_int_equal(fake_store_revision(lab->house.store), revision);
    applied_done(&applied);
}

static void test_all_that_does_not_parse_is_told(void **state)
{
    struct lab *lab = *state;
    const struct apply_text items[] = {
        {.source = "a", .text = "{"}, {.source = "b", .text = DOCUMENT("one", WEB)}, {"c", "[1]"}};
    const struct apply_texts texts = {.items = items, .n = 3, .default_namespace = "shop"};
    struct applied applied = {0};

    assert_int_equal(apply_submit_texts(lab->house.engine, lab->worker, &texts, lab_keep_end, &applied), 0);
    lab_wait(lab, &applied);
    assert_int_equal(applied.result, -EINVAL);
    assert_int_equal(applied.findings.n_errors, 2);
    assert_string_equal(applied.findings.items[0].source, "a");
    assert_string_equal(applied.findings.items[1].source, "c");
    assert_null(lab_document(lab, "one"));
    applied_done(&applied);
}

/* By the id or the ARN of a namespace it is that one, in both texts; another one's makes none. */
static void test_namespaces_by_id_and_arn(void **state)
{
    struct lab *lab = *state;
    const struct model_namespace *parent;
    char arn[128];
    char text[2][512];

    assert_int_equal(lab_try(lab, DOCUMENT("one", WEB)), 0);
    parent = catalog_namespace(engine_catalog(lab->house.engine), "shop");
    (void)snprintf(arn, sizeof(arn), "arn:aws:servicediscovery:eu-west-1:123456789012:namespace/%s",
                   parent->id);
    (void)snprintf(text[0], sizeof(text[0]),
                   "{\"serviceName\":\"two\",\"serviceConnectConfiguration\":{\"enabled\":true,"
                   "\"namespace\":\"%s\"}}",
                   arn);
    (void)snprintf(text[1], sizeof(text[1]), "{\"namespace\":\"%s\",\"routes\":[]}", parent->id);
    for (size_t i = 0; i < 2; i++) {
        const struct apply_text items[] = {{"a", text[i]}, {"b", DOCUMENT("three", API)}};
        const struct apply_texts texts = {.items = items, .n = 2, .default_namespace = "default"};
        struct applied applied = {0};

        assert_int_equal(apply_submit_texts(lab->house.engine, lab->worker, &texts, lab_keep_end, &applied),
                         0);
        lab_wait(lab, &applied);
        assert_int_equal(applied.result, 0);
        applied_done(&applied);
    }
    assert_non_null(lab_document(lab, "two"));
    assert_int_equal(HASH_COUNT(engine_catalog(lab->house.engine)->namespaces), 1);
    memcpy(strstr(text[0], "ns-"), "ns-zz", 5);
    assert_int_equal(lab_try(lab, text[0]), -EINVAL);
    assert_int_equal(HASH_COUNT(engine_catalog(lab->house.engine)->namespaces), 1);
}

static void test_a_dry_run_tells_and_changes_nothing(void **state)
{
    struct lab *lab = *state;
    uint64_t revision = fake_store_revision(lab->house.store);
    struct applied applied;

    lab_apply(lab, "test", DOCUMENT("one", WEB), NULL, true, &applied);
    assert_int_equal(applied.result, 0);
    assert_int_equal(lab_count(&applied, "create", "service"), 1);
    assert_int_equal(fake_store_revision(lab->house.store), revision);
    assert_null(lab_service(lab, "web"));
    applied_done(&applied);
}

static void test_what_a_source_does_not_hold_any_more_goes(void **state)
{
    struct lab *lab = *state;
    struct applied applied;

    lab_apply(lab, "file", "[" DOCUMENT("one", WEB) "," DOCUMENT("two", API) "]", "file", false, &applied);
    applied_done(&applied);
    assert_int_equal(lab_try(lab, DOCUMENT("three", PUBLISHED("db", "db.example"))), 0);
    lab_apply(lab, "file", DOCUMENT("two", API), "file", false, &applied);
    assert_int_equal(applied.result, 0);
    applied_done(&applied);
    assert_null(lab_document(lab, "one"));
    assert_null(lab_service(lab, "web"));
    assert_non_null(lab_service(lab, "api"));
    assert_non_null(lab_document(lab, "three"));
}

static void test_a_watched_file_takes_a_document_over(void **state)
{
    struct lab *lab = *state;
    struct applied applied;

    assert_int_equal(lab_try(lab, DOCUMENT("one", WEB)), 0);
    lab_apply(lab, "file", DOCUMENT("one", WEB), "file", false, &applied);
    assert_string_equal(lab_document(lab, "one")->source, "file");
    applied_done(&applied);
}

static void test_a_source_that_is_gone(void **state)
{
    struct lab *lab = *state;
    struct apply_submission submission = {.owned_source = "file", .wants_changes = true};
    struct applied applied;

    lab_apply(lab, "file", "[" DOCUMENT("one", WEB) "," CLIENT("two", ROUTE("web.example", TO("web"))) "]",
              "file", false, &applied);
    assert_int_equal(applied.result, 0);
    assert_non_null(lab_route(lab, "two", "web.example"));
    applied_done(&applied);
    assert_int_equal(apply_submit(lab->house.engine, &submission, lab_keep_end, &applied), 0);
    lab_wait(lab, &applied);
    assert_int_equal(lab_count(&applied, "delete", "document"), 2);
    assert_int_equal(lab_count(&applied, "delete", "route"), 1);
    assert_null(lab_service(lab, "web"));
    assert_null(lab_route(lab, "two", "web.example"));
    applied_done(&applied);
}

static void test_routes_come_and_go(void **state)
{
    struct lab *lab = *state;
    struct applied applied;

    assert_int_equal(lab_try(lab, DOCUMENT("one", WEB "," API)), 0);
    assert_int_equal(
        lab_try(lab, ROUTES(ROUTE("web.example", TO("api")) "," ROUTE("api.example", TO("web")))), 0);
    assert_non_null(lab_route(lab, "", "web.example"));
    lab_apply(lab, "test", ROUTES(ROUTE("api.example", TO("web") "," TO("nobody"))), NULL, false, &applied);
    assert_int_equal(applied.result, 0);
    assert_int_equal(applied.findings.n_warnings, 1);
    assert_null(lab_route(lab, "", "web.example"));
    assert_int_equal(lab_route(lab, "", "api.example")->n_targets, 2);
    applied_done(&applied);
}

static void test_a_disabled_document_publishes_nothing(void **state)
{
    struct lab *lab = *state;

    assert_int_equal(lab_try(lab, DOCUMENT("one", WEB)), 0);
    assert_int_equal(lab_try(lab,
                             "{\"serviceName\":\"one\",\"serviceConnectConfiguration\":{\"enabled\":false,"
                             "\"namespace\":\"shop\"}}"),
                     0);
    assert_null(lab_service(lab, "web"));
    assert_non_null(lab_document(lab, "one"));
}

/* ---- canaries ---- */

static int put_canary(struct transaction *transaction, void *user, struct error *error)
{
    struct catalog_canary entry = {.alias = {.dns_name = "web.example", .port = 80, .protocol = TCP}};

    (void)user;
    (void)alias_identity(&entry.alias, entry.identity);
    (void)snprintf(entry.key, sizeof(entry.key), "/%s", entry.identity);
    (void)snprintf(entry.canary.from, sizeof(entry.canary.from), "web");
    (void)snprintf(entry.canary.to, sizeof(entry.canary.to), "api");
    entry.canary.strategy = CANARY_CANARY;
    entry.canary.step = 50;
    entry.canary.interval_s = 600;
    entry.canary.max_failures = 50;
    entry.canary.min_connects = 20;
    entry.canary.n_before = 1;
    entry.canary.before[0] = (struct canary_target){.is_to = false, .weight = 1};
    canary_start(&entry.canary, 1000, &(struct canary_outcomes){0});
    return canaries_put(transaction, "shop", &entry, error);
}

static void on_put(int r, uint64_t revision, const struct error *error, void *user)
{
    (void)revision;
    if (r < 0)
        print_error("%s\n", error->message);
    *(int *)user = r;
}

static void test_a_canary_keeps_its_route(void **state)
{
    struct lab *lab = *state;
    int result = 1;
    const struct job job = {.run = put_canary, .done = on_put, .user = &result};
    struct applied applied;

    assert_int_equal(lab_try(lab, DOCUMENT("one", WEB "," API)), 0);
    assert_int_equal(lab_try(lab, ROUTES(ROUTE("web.example", TO("web")))), 0);
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    engine_settle(lab->house.engine);
    assert_int_equal(result, 0);
    assert_int_equal(lab_route(lab, "", "web.example")->n_targets, 2);
    /* As it was before the canary: no change. */
    assert_int_equal(lab_try(lab, ROUTES(ROUTE("web.example", TO("web")))), 0);
    assert_int_equal(lab_route(lab, "", "web.example")->n_targets, 2);
    lab_apply(lab, "test", ROUTES(ROUTE("web.example", TO("api"))), NULL, false, &applied);
    assert_int_equal(applied.result, -EINVAL);
    assert_non_null(strstr(applied.error.message, CANARIES_BUSY));
    applied_done(&applied);
}

/* ---- what the registry says ---- */

static void test_runs_again_after_a_conflict(void **state)
{
    struct lab *lab = *state;
    const struct fake_step steps[] = {{.fault = FAKE_CONFLICT}, {.fault = FAKE_CONFLICT}};
    struct applied applied;

    fake_registry_plan(lab->house.registry, steps, 2);
    lab_apply(lab, "test",
              "[" DOCUMENT("one", WEB) "," ROUTES(ROUTE("web.example", TO("web") "," TO("nobody"))) "]", NULL,
              false, &applied);
    assert_int_equal(applied.result, 0);
    assert_int_equal(applied.findings.n, 1);
    assert_int_equal(applied.findings.n_warnings, 1); /* said once, though it was run three times */
    assert_int_equal(lab_count(&applied, "create", "service"), 1);
    assert_int_equal(fake_store_counts(lab->house.store).begun, 3);
    assert_non_null(lab_service(lab, "web"));
    applied_done(&applied);
}

static void test_a_full_disk_leaves_what_was(void **state)
{
    struct lab *lab = *state;
    const struct fake_step step = {.fault = FAKE_DISK_FULL};
    struct applied applied;

    assert_int_equal(lab_try(lab, DOCUMENT("one", WEB)), 0);
    fake_registry_plan(lab->house.registry, &step, 1);
    lab_apply(lab, "test", DOCUMENT("one", API), NULL, false, &applied);
    assert_int_equal(applied.result, -ENOSPC);
    assert_int_equal(applied.findings.n_errors, 0);
    assert_null(applied.changes);
    assert_non_null(lab_service(lab, "web"));
    assert_null(lab_service(lab, "api"));
    applied_done(&applied);
}

static void test_texts_are_applied_in_order(void **state)
{
    struct lab *lab = *state;
    const struct apply_text items[] = {{"a", DOCUMENT("one", WEB)}, {"b", DOCUMENT("two", WEB)}};
    struct applied applied[2] = {0};

    for (size_t i = 0; i < 2; i++) {
        const struct apply_texts texts = {.items = &items[i], .n = 1, .default_namespace = "shop"};

        assert_int_equal(
            apply_submit_texts(lab->house.engine, lab->worker, &texts, lab_keep_end, &applied[i]), 0);
    }
    lab_wait(lab, &applied[0]);
    lab_wait(lab, &applied[1]);
    assert_int_equal(applied[0].result, 0);
    assert_int_equal(applied[1].result, -EINVAL);
    assert_string_equal(lab_service(lab, "web")->document, "one");
    applied_done(&applied[0]);
    applied_done(&applied[1]);
}

static void test_the_end_of_the_worker_is_told(void **state)
{
    struct lab *lab = *state;
    const struct apply_text item = {"a", DOCUMENT("one", WEB)};
    const struct apply_texts texts = {.items = &item, .n = 1, .default_namespace = "shop"};
    struct applied applied = {0};

    assert_int_equal(apply_submit_texts(lab->house.engine, lab->worker, &texts, lab_keep_end, &applied), 0);
    worker_stop(lab->worker);
    engine_stop(lab->house.engine);
    assert_true(applied.is_done);
    assert_int_equal(applied.result, -ECANCELED);
    assert_non_null(strstr(applied.error.message, "is ending"));
    assert_int_equal(apply_submit_texts(lab->house.engine, lab->worker, &texts, lab_keep_end, &applied),
                     -ECANCELED);
    applied_done(&applied);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_creates_what_is_new),
        LAB_TEST(test_the_same_again_is_no_change),
        LAB_TEST(test_takes_back_what_a_new_version_leaves_out),
        LAB_TEST(test_a_name_moves_between_documents_of_one_source),
        LAB_TEST(test_a_name_that_is_taken_is_refused),
        LAB_TEST(test_all_that_does_not_parse_is_told),
        LAB_TEST(test_namespaces_by_id_and_arn),
        LAB_TEST(test_a_dry_run_tells_and_changes_nothing),
        LAB_TEST(test_what_a_source_does_not_hold_any_more_goes),
        LAB_TEST(test_a_watched_file_takes_a_document_over),
        LAB_TEST(test_a_source_that_is_gone),
        LAB_TEST(test_routes_come_and_go),
        LAB_TEST(test_a_disabled_document_publishes_nothing),
        LAB_TEST(test_a_canary_keeps_its_route),
        LAB_TEST(test_runs_again_after_a_conflict),
        LAB_TEST(test_a_full_disk_leaves_what_was),
        LAB_TEST(test_texts_are_applied_in_order),
        LAB_TEST(test_the_end_of_the_worker_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
