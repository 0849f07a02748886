/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The guard judges the registry of a start against what the data path says was published.
 * Long because each case is tried with each state of the registry that it is told from. */
#include "engine_lab.h"

#include "base/log.h"
#include "engine/guard/guard.h"

static enum registry_verdict verdict(const struct engine_lab *lab)
{
    return lab->engine->guard.verdict;
}

static struct svc_registry_seen pinned(const struct engine_lab *lab)
{
    return datapath_registry_seen(lab->datapath);
}

static void pin(struct engine_lab *lab, const char *id, uint64_t revision)
{
    struct svc_registry_seen seen = pinned(lab);

    memset(seen.id, 0, sizeof(seen.id));
    (void)snprintf(seen.id, sizeof(seen.id), "%s", id);
    seen.revision = revision;
    datapath_set_registry_seen(lab->datapath, &seen);
}

/* One alias with an endpoint, and the run has ended. */
static void publish_and_end(struct engine_lab *lab)
{
    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)}), 0);
    assert_int_equal(publisher_aliases(lab->engine->publisher), 1);
    lab_stop(lab);
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
}

static void start(struct engine_lab *lab, enum registry_verdict wanted)
{
    lab_start(lab, NULL, NULL);
    if (verdict(lab) != wanted)
        fail_msg("%s, not %s", registry_verdict_name(verdict(lab)), registry_verdict_name(wanted));
    assert_int_equal(engine_is_degraded(lab->engine), wanted != REGISTRY_RIGHT);
}

/* The start after this one, with nothing changed in between. */
static void restart(struct engine_lab *lab, enum registry_verdict wanted)
{
    lab_stop(lab);
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    start(lab, wanted);
}

static void lose_store(struct engine_lab *lab)
{
    struct fake_store *before = lab_swap_store(lab, fake_store_new());

    fake_store_free(&before);
}

static void expect_published(struct engine_lab *lab, uint32_t aliases)
{
    assert_int_equal(publisher_aliases(lab->engine->publisher), aliases);
}

static void expect_trouble(struct engine_lab *lab, const char *wanted)
{
    char text[1024] = "";

    assert_true(engine_trouble(lab->engine, text, sizeof(text)));
    if (!strstr(text, wanted) || !strstr(text, "svcconnect registry accept"))
        fail_msg("%s", text);
}

/* ---- the same, and newer ---- */

static void test_the_first_start_names_its_registry(void **state)
{
    struct engine_lab *lab = *state;
    char text[64] = "untouched";
    struct svc_registry_seen seen = pinned(lab);

    assert_int_equal(verdict(lab), REGISTRY_RIGHT);
    assert_false(engine_trouble(lab->engine, text, sizeof(text)));
    assert_string_equal(text, "untouched");
    assert_int_equal(strlen(seen.id), 32);
    assert_string_equal(seen.id, lab->engine->guard.id);
    assert_non_null(strstr(fake_store_find(lab->store, "registry/id")->value, seen.id));
    assert_int_equal(seen.degraded_since, 0);
    assert_true(seen.published > 0);
}

static void test_the_pins_follow_each_commit(void **state)
{
    struct engine_lab *lab = *state;
    char id[SVC_REGISTRY_ID_SIZE];

    strcpy(id, pinned(lab).id);
    publish_and_end(lab);
    assert_true(pinned(lab).revision == fake_store_revision(lab->store));
    start(lab, REGISTRY_RIGHT);
    assert_string_equal(pinned(lab).id, id);
    assert_true(pinned(lab).revision == fake_store_revision(lab->store));
    expect_published(lab, 1);
}

/* What a death between a commit and its publication leaves. */
static void test_a_newer_registry_is_right(void **state)
{
    struct engine_lab *lab = *state;

    publish_and_end(lab);
    lab_write_row(lab, "services/ns/db", SERVICE("db"));
    lab_write_row(lab, "instances/ns/db/x", INSTANCE(2));
    assert_true(pinned(lab).revision < fake_store_revision(lab->store));
    start(lab, REGISTRY_RIGHT);
    expect_published(lab, 2);
    assert_true(pinned(lab).revision == fake_store_revision(lab->store));
}

/* ---- older ---- */

static void test_an_older_registry_takes_nothing_away(void **state)
{
    struct engine_lab *lab = *state;
    char id[SVC_REGISTRY_ID_SIZE];
    uint64_t revision;

    publish_and_end(lab);
    strcpy(id, pinned(lab).id);
    revision = fake_store_revision(lab->store) + 10;
    pin(lab, id, revision); /* so new was it, once */
    lab_write_row(lab, "services/ns/web", NULL);
    lab_write_row(lab, "instances/ns/web/a", NULL);
    start(lab, REGISTRY_OLDER);
    expect_published(lab, 1);
    expect_trouble(lab, "is older than what is published");
    /* The pins go on naming the one that is missed; this one is another from now on. */
    assert_string_equal(pinned(lab).id, id);
    assert_true(pinned(lab).revision == revision);
    assert_true(pinned(lab).degraded_since > 0);
    assert_string_not_equal(lab->engine->guard.id, id);
    assert_string_equal(lab->engine->guard.copy_of, id);
    /* However many changes it goes on by itself, it does not become the right one. */
    for (int i = 0; i < 20; i++)
        assert_int_equal(DO(lab, {"services/ns/db", i % 2 ? SERVICE("db") : SERVICE("other")}), 0);
    assert_true(fake_store_revision(lab->store) > revision);
    restart(lab, REGISTRY_OLDER);
    expect_published(lab, 2); /* the one that is kept, and its own */
    assert_string_equal(pinned(lab).id, id);
}

/* What clients have been told of a service's instances is never less than before, whichever registry comes. */
static void test_revisions_of_instances_never_go_back(void **state)
{
    struct engine_lab *lab = *state;
    const struct service *service;
    struct fake_store *newer;
    uint64_t told = 0;
    const char *was;

    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}), 0);
    for (int i = 1; i < 20; i++)
        assert_int_equal(DO(lab, {"instances/ns/web/a", i % 2 ? INSTANCE(1) : INSTANCE(2)},
                            {"services/ns/web", SERVICE("web")}),
                         0);
    told = catalog_service(engine_catalog(lab->engine), "ns", "web")->instances_revision;
    lab_stop(lab);
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    newer = lab_swap_store(lab, fake_store_new());
    lab_write_row(lab, "services/ns/web", SERVICE("web"));
    lab_write_row(lab, "instances/ns/web/a", INSTANCE(1));
    assert_true(fake_store_revision(lab->store) + 5 < fake_store_revision(newer));
    for (int run = 0; run < 3; run++) {
        start(lab, run < 2 ? REGISTRY_OTHER : REGISTRY_RIGHT);
        service = catalog_service(engine_catalog(lab->engine), "ns", "web");
        assert_true(service->instances_revision >= told);
        assert_int_equal(DO(lab, {"instances/ns/web/a", INSTANCE(1)}, {"instances/ns/web/b", INSTANCE(2)}),
                         0);
        assert_int_equal(DO(lab, {"instances/ns/web/b", NULL}), 0);
        assert_true(service->instances_revision > told);
        told = service->instances_revision;
        if (run == 1)
            assert_int_equal(registry_guard_accept(lab->engine, &was, &lab->error), 0);
        assert_true(service->instances_revision >= told);
        lab_stop(lab);
        assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    }
    start(lab, REGISTRY_RIGHT);
    fake_store_free(&newer);
}

/* Nor the same, where what it was told of is not: those of each registry, however old, are beyond all before it. */
static void test_revisions_of_each_older_registry_are_new(void **state)
{
    struct engine_lab *lab = *state;
    const struct service *service;
    uint64_t told;
    const char *was;

    publish_and_end(lab);
    told = 0;
    for (unsigned i = 0; i < 5; i++) {
        lose_store(lab);
        lab_write_row(lab, "services/ns/web", SERVICE("web"));
        lab_write_row(lab, "instances/ns/web/a", i % 2 ? INSTANCE(1) : INSTANCE(2));
        start(lab, REGISTRY_OTHER);
        service = catalog_service(engine_catalog(lab->engine), "ns", "web");
        assert_true(service->instances_revision > told);
        told = service->instances_revision;
        if (i % 2)
            assert_int_equal(registry_guard_accept(lab->engine, &was, &lab->error), 0);
        if (i > 2)
            assert_int_equal(DO(lab, {"instances/ns/web/b", INSTANCE(2)}), 0);
        assert_true(service->instances_revision > told || i <= 2);
        told = service->instances_revision;
        lab_stop(lab);
        assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    }
    start(lab, REGISTRY_OTHER);
    service = catalog_service(engine_catalog(lab->engine), "ns", "web");
    assert_true(service->instances_revision > told);
}

/* ---- foreign and empty ---- */

static void test_a_foreign_registry_takes_nothing_away(void **state)
{
    struct engine_lab *lab = *state;
    char id[SVC_REGISTRY_ID_SIZE];
    struct svc_registry_seen seen;

    publish_and_end(lab);
    strcpy(id, pinned(lab).id);
    lose_store(lab);
    lab_write_row(lab, "services/ns/db", SERVICE("db"));
    lab_write_row(lab, "instances/ns/db/x", INSTANCE(2));
    start(lab, REGISTRY_OTHER);
    expect_published(lab, 2); /* what it adds is published */
    expect_trouble(lab, "is another one than what is published came from");
    assert_string_equal(pinned(lab).id, id);
    seen = pinned(lab);
    assert_true(seen.degraded_since > 1000);
    seen.degraded_since -= 1000;
    datapath_set_registry_seen(lab->datapath, &seen);
    restart(lab, REGISTRY_OTHER);
    assert_true(pinned(lab).degraded_since == seen.degraded_since); /* not since this start */
    expect_published(lab, 2);
}

static void test_an_empty_registry_takes_nothing_away(void **state)
{
    struct engine_lab *lab = *state;

    publish_and_end(lab);
    lose_store(lab);
    start(lab, REGISTRY_EMPTY);
    expect_published(lab, 1);
    expect_trouble(lab, "was empty beside aliases");
    expect_trouble(lab, "a start with --adopt-empty");
    restart(lab, REGISTRY_EMPTY); /* the id that it has by now says nothing */
    expect_published(lab, 1);
}

static void test_an_empty_registry_may_be_accepted_before_it_comes(void **state)
{
    struct engine_lab *lab = *state;

    lab->adopts_empty = true;
    publish_and_end(lab);
    lose_store(lab);
    start(lab, REGISTRY_RIGHT);
    expect_published(lab, 0);
    assert_string_equal(pinned(lab).id, lab->engine->guard.id);
    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)}), 0);
    restart(lab, REGISTRY_RIGHT);
    expect_published(lab, 1);
    /* Only that: one that has something else is not what was meant. */
    lab_stop(lab);
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    lose_store(lab);
    lab_write_row(lab, "services/ns/db", SERVICE("db"));
    start(lab, REGISTRY_OTHER);
    expect_published(lab, 2); /* the one that is kept, and its own */
}

/* Rows of this host and of the registry itself are nobody's registrations. */
static void test_rows_of_this_host_fill_no_registry(void **state)
{
    struct engine_lab *lab = *state;

    publish_and_end(lab);
    lose_store(lab);
    lab_write_row(lab, "host/scope/ns", "1");
    lab_write_row(lab, "damaged/services/ns/web", "{");
    start(lab, REGISTRY_EMPTY);
    assert_int_equal(lab->engine->guard.rows, 0);
    assert_int_equal(lab->engine->guard.n_unreadable, 0);
}

static void test_beside_nothing_published_any_registry_is_right(void **state)
{
    struct engine_lab *lab = *state;

    lab_stop(lab);
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    lose_store(lab);
    lab_write_row(lab, "services/ns/db", SERVICE("db"));
    start(lab, REGISTRY_RIGHT);
    assert_string_equal(pinned(lab).id, lab->engine->guard.id);
}

/* ---- pins that say nothing ---- */

static void test_pins_without_an_id(void **state)
{
    struct engine_lab *lab = *state;

    publish_and_end(lab);
    pin(lab, "", 0); /* from a daemon that wrote none, or one that died as it did */
    start(lab, REGISTRY_RIGHT);
    assert_string_equal(pinned(lab).id, lab->engine->guard.id);
    expect_published(lab, 1);
}

static void test_an_empty_registry_beside_pins_without_an_id(void **state)
{
    struct engine_lab *lab = *state;

    publish_and_end(lab);
    pin(lab, "", 0);
    lose_store(lab);
    start(lab, REGISTRY_EMPTY);
    expect_published(lab, 1);
    assert_string_equal(pinned(lab).id, REGISTRY_ID_UNKNOWN);
    /* What is registered meanwhile does not make it the right one. */
    assert_int_equal(DO(lab, {"services/ns/db", SERVICE("db")}), 0);
    restart(lab, REGISTRY_OTHER);
    expect_published(lab, 2); /* the one that is kept, and its own */
}

/* ---- damaged ---- */

static void test_rows_that_cannot_be_read(void **state)
{
    struct engine_lab *lab = *state;
    const char *was = NULL;
    char id[SVC_REGISTRY_ID_SIZE];

    publish_and_end(lab);
    strcpy(id, pinned(lab).id);
    lab_write_row(lab, "instances/ns/web/a", "{ no JSON");
    lab_write_row(lab, "services/ns/web", "[]");
    start(lab, REGISTRY_UNREADABLE);
    expect_published(lab, 1);
    expect_trouble(lab, "2 rows cannot be read; the first: ");
    assert_string_equal(pinned(lab).id, id); /* it is the right one all the same */
    assert_true(pinned(lab).revision == fake_store_revision(lab->store));
    assert_non_null(fake_store_find(lab->store, "instances/ns/web/a")); /* left alone */
    assert_int_equal(registry_guard_accept(lab->engine, &was, &lab->error), 0);
    assert_string_equal(was, "unreadable");
    assert_null(fake_store_find(lab->store, "instances/ns/web/a"));
    assert_string_equal(fake_store_find(lab->store, "damaged/instances/ns/web/a")->value, "{ no JSON");
    assert_non_null(fake_store_find(lab->store, "damaged/services/ns/web"));
    expect_published(lab, 0);
    restart(lab, REGISTRY_RIGHT);
}

static void test_a_file_that_was_put_aside(void **state)
{
    struct engine_lab *lab = *state;
    const char *was = NULL;

    publish_and_end(lab);
    lab_write_row(lab, "registry/damaged", "{\"path\": \"/state/registry.db.damaged\"}");
    lab_write_row(lab, "instances/ns/web/a", NULL);
    start(lab, REGISTRY_DAMAGED);
    expect_published(lab, 1);
    expect_trouble(lab, "/state/registry.db.damaged");
    restart(lab, REGISTRY_DAMAGED); /* until somebody accepts it */
    assert_int_equal(registry_guard_accept(lab->engine, &was, &lab->error), 0);
    assert_string_equal(was, "damaged");
    assert_null(fake_store_find(lab->store, "registry/damaged"));
    restart(lab, REGISTRY_RIGHT);
}

static void test_rows_about_the_registry_that_say_nothing(void **state)
{
    struct engine_lab *lab = *state;

    publish_and_end(lab);
    lab_write_row(lab, "registry/id", "no JSON");
    lab_write_row(lab, "registry/damaged", "7");
    lab_write_row(lab, "registry/from-a-newer-version", "{}");
    start(lab, REGISTRY_DAMAGED);
    expect_trouble(lab, "(unknown)");
    assert_int_equal(strlen(lab->engine->guard.id), 32); /* it is given another */
    expect_published(lab, 1);
}

/* ---- told and accepted ---- */

static void test_status_tells_what_is_missed(void **state)
{
    struct engine_lab *lab = *state;
    cJSON *json = cJSON_CreateObject();
    char id[SVC_REGISTRY_ID_SIZE];

    engine_describe_registry(lab->engine, json);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "state")), "ok");
    assert_null(cJSON_GetObjectItem(json, "reason"));
    assert_null(cJSON_GetObjectItem(json, "published"));
    cJSON_Delete(json);
    json = cJSON_CreateObject();
    publish_and_end(lab);
    strcpy(id, pinned(lab).id);
    lose_store(lab);
    start(lab, REGISTRY_EMPTY);
    engine_describe_registry(lab->engine, json);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "state")), "empty");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "id")), lab->engine->guard.id);
    assert_non_null(strstr(cJSON_GetStringValue(cJSON_GetObjectItem(json, "reason")), "was empty"));
    assert_int_equal(cJSON_GetObjectItem(json, "keptAliases")->valueint, 1);
    assert_string_equal(
        cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "published"), "id")), id);
    cJSON_Delete(json);
}

static void test_an_accepted_registry_is_the_right_one(void **state)
{
    struct engine_lab *lab = *state;
    struct fake_store *before;
    struct fake_store *accepted;
    const char *was = NULL;

    publish_and_end(lab);
    before = lab_swap_store(lab, fake_store_new());
    start(lab, REGISTRY_EMPTY);
    assert_int_equal(registry_guard_accept(lab->engine, &was, &lab->error), 0);
    assert_string_equal(was, "empty");
    expect_published(lab, 0);
    assert_string_equal(pinned(lab).id, lab->engine->guard.id);
    assert_int_equal(pinned(lab).degraded_since, 0);
    restart(lab, REGISTRY_RIGHT);
    /* And the one that was missed is another one, as soon as something is published. */
    publish_and_end(lab);
    accepted = lab_swap_store(lab, before);
    start(lab, REGISTRY_OTHER);
    fake_store_free(&accepted);
}

/* A disk that is full leaves everything as it was, the verdict too. */
static void test_accepting_may_fail(void **state)
{
    const struct fake_step full = {FAKE_DISK_FULL, 0};
    struct engine_lab *lab = *state;
    const char *was = NULL;

    publish_and_end(lab);
    lab_write_row(lab, "instances/ns/web/a", "{ no JSON");
    start(lab, REGISTRY_UNREADABLE);
    fake_registry_plan(lab->registry, &full, 1);
    assert_int_equal(registry_guard_accept(lab->engine, &was, &lab->error), -ENOSPC);
    assert_null(was);
    assert_int_equal(verdict(lab), REGISTRY_UNREADABLE);
    expect_published(lab, 1);
    assert_non_null(fake_store_find(lab->store, "instances/ns/web/a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        JUDGED_TEST(test_the_first_start_names_its_registry),
        JUDGED_TEST(test_the_pins_follow_each_commit),
        JUDGED_TEST(test_a_newer_registry_is_right),
        JUDGED_TEST(test_an_older_registry_takes_nothing_away),
        JUDGED_TEST(test_revisions_of_instances_never_go_back),
        JUDGED_TEST(test_revisions_of_each_older_registry_are_new),
        JUDGED_TEST(test_a_foreign_registry_takes_nothing_away),
        JUDGED_TEST(test_an_empty_registry_takes_nothing_away),
        JUDGED_TEST(test_an_empty_registry_may_be_accepted_before_it_comes),
        JUDGED_TEST(test_rows_of_this_host_fill_no_registry),
        JUDGED_TEST(test_beside_nothing_published_any_registry_is_right),
        JUDGED_TEST(test_pins_without_an_id),
        JUDGED_TEST(test_an_empty_registry_beside_pins_without_an_id),
        JUDGED_TEST(test_rows_that_cannot_be_read),
        JUDGED_TEST(test_a_file_that_was_put_aside),
        JUDGED_TEST(test_rows_about_the_registry_that_say_nothing),
        JUDGED_TEST(test_status_tells_what_is_missed),
        JUDGED_TEST(test_an_accepted_registry_is_the_right_one),
        JUDGED_TEST(test_accepting_may_fail),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
