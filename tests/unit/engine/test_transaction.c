/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The steps of a transaction: whichever way it ends, nothing is left that should not be.
 * Long because each step is ended in each way, on one set of rows. */
#include "engine/change/edits.h"
#include "engine_lab.h"

static const char *const base[][2] = {
    {"services/ns/web", SERVICE("web")},          {"instances/ns/web/a", INSTANCE(1)},
    {"instances/ns/web/b", INSTANCE(2)},          {"services/ns/db", SERVICE("db")},
    {"instances/ns/db/a", INSTANCE(3)},           {"routes/ns/client/web:80/tcp", ROUTE("db")},
    {"routes/ns/shared/db:80/tcp", ROUTE("web")},
};

static int put(struct transaction *transaction, const char *key, const char *value)
{
    struct error error = {0};

    return transaction_put(transaction, (struct registry_row){strdup(key), value ? strdup(value) : NULL},
                           &error);
}

static int setup(void **state)
{
    struct change change = {.user = NULL};

    (void)engine_setup(state);
    for (size_t i = 0; i < ARRAY_SIZE(base); i++) {
        change.rows[i].key = base[i][0];
        change.rows[i].value = base[i][1];
    }
    return lab_do(*state, change);
}

/* All that a transaction may change: catalog with scopes, numbers, what is published. */
static char *everything(const struct engine_lab *lab)
{
    const struct engine *engine = lab->engine;
    _cleanup_free_ char *catalog = catalog_text(engine->catalog);
    char *text = NULL;

    assert_true(asprintf(&text, "%s%u endpoints, %u scopes, %u indexes, %u slots, %u aliases, %zu unsaved\n",
                         catalog, name_numbers_used(engine->endpoints), name_numbers_used(engine->scopes),
                         name_numbers_used(engine->publisher->indexes),
                         publisher_slots_used(engine->publisher), publisher_aliases(engine->publisher),
                         engine->unsaved.n) > 0);
    return text;
}

/* A bit of everything: gone, new, replaced, away and back, a new scope, a renamed one, one that goes. */
static void put_much(struct transaction *transaction)
{
    transaction_begin_job(transaction);
    assert_int_equal(put(transaction, "instances/ns/web/a", NULL), 0);
    assert_int_equal(put(transaction, "instances/ns/web/b", NULL), 0);
    assert_int_equal(put(transaction, "instances/ns/web/b", WEIGHED(2, 7)), 0);
    assert_int_equal(put(transaction, "instances/ns/web/c", INSTANCE(4)), 0);
    assert_int_equal(put(transaction, "services/ns/db", NULL), 0);
    assert_int_equal(put(transaction, "instances/ns/db/a", NULL), 0);
    assert_int_equal(put(transaction, "routes/ns/client/web:80/tcp", ROUTE("web")), 0);
    assert_int_equal(put(transaction, "routes/ns/shared/db:80/tcp", NULL), 0);
    assert_int_equal(put(transaction, "routes/ns/fresh/web:80/tcp", ROUTE("other")), 0);
    assert_int_equal(put(transaction, "documents/ns/d", "{\"source\":\"f\",\"text\":\"t\"}"), 0);
}

/* While rows are put there may be instances without a number, but no number without its instance. */
static void expect_pointers(const struct engine_lab *lab)
{
    for (uint32_t number = 1; number <= LAB_ENDPOINTS; number++) {
        const struct instance *instance = lab->engine->instances[number];

        if (instance)
            assert_ptr_equal(catalog_instance(instance->service, instance->id), instance);
    }
}

static uint32_t scope_of(const struct engine_lab *lab, const char *name)
{
    const struct client *client = catalog_client(catalog_namespace(lab->engine->catalog, "ns"), name);

    return client ? client->scope : 0;
}

static void test_abort_leaves_nothing(void **state)
{
    struct engine_lab *lab = *state;
    _cleanup_free_ char *before = everything(lab);

    for (unsigned step = 0; step < 4; step++) {
        _cleanup_free_ char *after = NULL;
        struct transaction transaction;

        transaction_begin(&transaction, lab->engine, false);
        put_much(&transaction);
        expect_pointers(lab);
        if (step > 0)
            assert_int_equal(transaction_whole(&transaction, transaction_reserve, &lab->error), 0);
        expect_pointers(lab);
        if (step > 1)
            (void)transaction_whole(&transaction, transaction_revert, NULL);
        expect_pointers(lab);
        if (step > 2) {
            (void)transaction_whole(&transaction, transaction_replay, NULL);
            (void)transaction_whole(&transaction, transaction_revert, NULL);
        }
        (void)transaction_whole(&transaction, transaction_abort, NULL);
        after = everything(lab);
        if (step == 0)
            assert_string_equal(after, before);
        else /* an alias address stays with its name: it may have been told to somebody */
            assert_int_equal(strncmp(after, before, strlen(before) - strlen("0 unsaved\n")), 0);
        lab_check(lab);
        lab_expect_no_leak(lab);
    }
}

static void test_revert_and_replay(void **state)
{
    struct engine_lab *lab = *state;
    _cleanup_free_ char *before = catalog_text(lab->engine->catalog);
    _cleanup_free_ char *changed = NULL;
    uint32_t numbers[3], scopes[3];
    struct transaction transaction;

    transaction_begin(&transaction, lab->engine, false);
    put_much(&transaction);
    assert_int_equal(transaction_whole(&transaction, transaction_reserve, &lab->error), 0);
    changed = catalog_text(lab->engine->catalog);
    numbers[0] = lab_instance(lab, "web", "b")->endpoint;
    numbers[1] = lab_instance(lab, "web", "c")->endpoint;
    scopes[0] = scope_of(lab, "client");
    scopes[1] = scope_of(lab, "fresh");
    assert_int_equal(scope_of(lab, "shared"), 0);
    for (unsigned round = 0; round < 3; round++) {
        _cleanup_free_ char *reverted = NULL;
        _cleanup_free_ char *replayed = NULL;

        (void)transaction_whole(&transaction, transaction_revert, NULL);
        reverted = catalog_text(lab->engine->catalog);
        assert_string_equal(reverted, before);
        lab_check(lab); /* readers and the kernel see what was */
        numbers[2] = lab_instance(lab, "web", "a")->endpoint;
        scopes[2] = scope_of(lab, "shared");
        assert_true(numbers[2] && scopes[2]);
        assert_int_equal(lab_instance(lab, "web", "b")->endpoint, numbers[0]);
        (void)transaction_whole(&transaction, transaction_replay, NULL);
        replayed = catalog_text(lab->engine->catalog);
        assert_string_equal(replayed, changed);
        assert_int_equal(lab_instance(lab, "web", "b")->endpoint, numbers[0]);
        assert_int_equal(lab_instance(lab, "web", "c")->endpoint, numbers[1]);
        assert_int_equal(scope_of(lab, "client"), scopes[0]);
        assert_int_equal(scope_of(lab, "fresh"), scopes[1]);
        expect_pointers(lab);
    }
    (void)transaction_whole(&transaction, transaction_revert, NULL);
    (void)transaction_whole(&transaction, transaction_abort, NULL);
    lab_check(lab);
    lab_expect_no_leak(lab);
}

static void test_a_dropped_job_is_as_if_it_had_not_been(void **state)
{
    struct engine_lab *lab = *state;
    _cleanup_free_ char *kept = NULL;
    _cleanup_free_ char *after = NULL;
    struct transaction transaction;

    transaction_begin(&transaction, lab->engine, false);
    transaction_begin_job(&transaction);
    assert_int_equal(put(&transaction, "instances/ns/web/c", INSTANCE(4)), 0);
    kept = catalog_text(lab->engine->catalog);
    transaction_begin_job(&transaction);
    assert_int_equal(put(&transaction, "instances/ns/web/a", NULL), 0);
    assert_int_equal(put(&transaction, "instances/ns/web/d", INSTANCE(5)), 0);
    assert_int_equal(put(&transaction, "instances/ns/web/c", NULL), -EAGAIN);
    assert_true(transaction.must_wait);
    (void)transaction_whole(&transaction, transaction_drop_job, NULL);
    after = catalog_text(lab->engine->catalog);
    assert_string_equal(after, kept);
    assert_int_equal(transaction.n_rows, 1);
    expect_pointers(lab);
    /* Its keys are free again. */
    transaction_begin_job(&transaction);
    assert_int_equal(put(&transaction, "instances/ns/web/d", INSTANCE(6)), 0);
    assert_false(transaction.must_wait);
    (void)transaction_whole(&transaction, transaction_abort, NULL);
    lab_check(lab);
    lab_expect_no_leak(lab);
}

static void test_a_dropped_job_frees_its_keys(void **state)
{
    struct engine_lab *lab = *state;
    struct transaction transaction;

    transaction_begin(&transaction, lab->engine, false);
    transaction_begin_job(&transaction);
    assert_int_equal(put(&transaction, "instances/ns/web/d", INSTANCE(5)), 0);
    (void)transaction_whole(&transaction, transaction_drop_job, NULL);
    assert_int_equal(HASH_COUNT(transaction.taken), 0);
    transaction_begin_job(&transaction);
    assert_int_equal(put(&transaction, "instances/ns/web/d", INSTANCE(6)), 0);
    (void)transaction_whole(&transaction, transaction_abort, NULL);
    lab_check(lab);
}

/* What is as large as a transaction is not done in one step. */
static void test_freeing_goes_by_steps(void **state)
{
    struct engine_lab *lab = *state;
    struct transaction transaction;
    unsigned steps = 0;

    for (unsigned is_drop = 0; is_drop < 2; is_drop++) {
        size_t before;
        int r;

        transaction_begin(&transaction, lab->engine, false);
        transaction_begin_job(&transaction);
        for (unsigned i = 0; i < 1500; i++) {
            char key[64];

            (void)snprintf(key, sizeof(key), "documents/ns/d%u", i);
            assert_int_equal(put(&transaction, key, "{\"source\":\"f\",\"text\":\"t\"}"), 0);
        }
        assert_int_equal(HASH_COUNT(transaction.taken), 1500);
        if (!is_drop) {
            (void)transaction_whole(&transaction, transaction_revert, NULL);
            lab_check(lab);
        }
        do {
            before = transaction.n_rows;
            r = is_drop ? transaction_drop_job(&transaction, NULL)
                        : transaction_free_some(&transaction, NULL);
            assert_true(before - transaction.n_rows <= 512);
            steps++;
        } while (r == STEP_MORE);
        assert_true(steps > 1500 / 512);
        assert_int_equal(HASH_COUNT(transaction.taken), 0);
        if (is_drop)
            (void)transaction_whole(&transaction, transaction_abort, NULL);
        lab_check(lab);
    }
}

/* It may be megabytes: it is neither copied nor parsed again, whatever becomes of its row. */
static void test_the_text_of_a_document_is_shared(void **state)
{
    struct engine_lab *lab = *state;
    const struct model_namespace *parent = catalog_namespace(lab->engine->catalog, "ns");
    struct document_record *record, *other;
    struct transaction transaction;
    struct error error = {0};

    assert_int_equal(document_record_new("f", "the \"text\"", &record), 0);
    assert_int_equal(document_record_new("f", "the \"text\"", &other), 0);
    transaction_begin(&transaction, lab->engine, false);
    transaction_begin_job(&transaction);
    assert_int_equal(transaction_put_document(&transaction, "ns", "d", record, &error), 0);
    assert_ptr_equal(catalog_document(parent, "d")->record, record);
    /* The same again is no row, and the one that is there keeps its value. */
    assert_int_equal(transaction_put_document(&transaction, "ns", "d", record, &error), 0);
    assert_int_equal(transaction_put_document(&transaction, "ns", "d", other, &error), 0);
    assert_int_equal(transaction.n_rows, 1);
    assert_string_equal(transaction.rows[0].value, "{\"source\":\"f\",\"text\":\"the \\\"text\\\"\"}");
    (void)transaction_whole(&transaction, transaction_revert, NULL);
    assert_null(catalog_document(parent, "d"));
    (void)transaction_whole(&transaction, transaction_replay, NULL);
    assert_ptr_equal(catalog_document(parent, "d")->record, record);
    /* Undone by the record too. */
    transaction_begin_job(&transaction);
    transaction.first_row = 0;
    assert_int_equal(put(&transaction, "documents/ns/d", NULL), 0);
    assert_null(catalog_document(parent, "d"));
    (void)transaction_whole(&transaction, transaction_drop_job, NULL);
    assert_null(catalog_document(parent, "d"));
    assert_null(record->row); /* nobody needs it any more */
    assert_int_equal(record->references, 1);
    (void)transaction_whole(&transaction, transaction_abort, NULL);
    document_record_drop(&record);
    document_record_drop(&other);
    lab_check(lab);
    lab_expect_no_leak(lab);
}

static void test_a_service_is_removed_in_pieces(void **state)
{
    struct engine_lab *lab = *state;
    struct transaction transaction;
    struct error error = {0};
    size_t n;
    int r;

    transaction_begin(&transaction, lab->engine, false);
    transaction_begin_job(&transaction);
    assert_int_equal(put(&transaction, "instances/ns/web/host", "{\"host\":\"host.example\",\"port\":80}"),
                     0);
    n = HASH_COUNT(catalog_service(lab->engine->catalog, "ns", "web")->instances) + 1;
    assert_true(n > 2);
    for (size_t i = 0; i <= n; i++) {
        size_t before = transaction.n_rows;

        r = change_remove_service(&transaction, "ns", "web", 0, &error);
        assert_int_equal(r, i < n ? JOB_GO_ON : 0);
        assert_int_equal(transaction.n_rows, before + 1);
    }
    assert_string_equal(transaction.rows[transaction.n_rows - 1].key, "services/ns/web");
    (void)transaction_whole(&transaction, transaction_abort, NULL);
    lab_check(lab);
    lab_expect_no_leak(lab);
}

static void test_a_bad_row_changes_nothing(void **state)
{
    static const char *const rows[][2] = {
        {"instances/ns/web/a", "{\"address\":\"10.0.0.1\",\"port\":0}"},
        {"instances/ns/web/a", "no json"},
        {"services/ns/web", "{\"clientAliases\":3}"},
        {"routes/ns/client/web:80/tcp", "{\"targets\":[{\"service\":\"web\",\"weight\":-1}]}"},
        {"instances/ns", "{}"},
        {"settings/global", "{\"connectTimeoutSeconds\":\"x\"}"},
    };
    struct engine_lab *lab = *state;
    _cleanup_free_ char *before = everything(lab);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_free_ char *after = NULL;

        assert_int_equal(lab_do(lab, (struct change){.rows = {{"instances/ns/web/new", INSTANCE(9)},
                                                              {rows[i][0], rows[i][1]}}}),
                         -EINVAL);
        assert_true(lab->error.message[0]);
        after = everything(lab);
        assert_string_equal(after, before);
    }
}

/* ---- what runs out ---- */

static void expect_full(uint32_t aliases, uint32_t slots, const char *range, const char *setting,
                        unsigned most)
{
    struct engine_lab *lab = lab_new(aliases, slots, LAB_ENDPOINTS, range);
    unsigned i;

    lab_start(lab, NULL, NULL);
    for (i = 0; i < 64; i++) {
        char service[64], value[200], instance[64];
        _cleanup_free_ char *before = catalog_text(lab->engine->catalog);
        _cleanup_free_ char *after = NULL;
        uint32_t published = publisher_aliases(lab->engine->publisher);
        int r;

        (void)snprintf(service, sizeof(service), "services/ns/s%u", i);
        (void)snprintf(instance, sizeof(instance), "instances/ns/s%u/a", i);
        (void)snprintf(value, sizeof(value), "{\"clientAliases\":[{\"dnsName\":\"s%u\",\"port\":80}]}", i);
        r = lab_do(lab, (struct change){.rows = {{service, value}, {instance, INSTANCE(1)}}});
        if (r == 0)
            continue;
        assert_int_equal(r, -ENOSPC);
        assert_non_null(strstr(lab->error.message, setting));
        after = catalog_text(lab->engine->catalog);
        assert_string_equal(after, before);
        assert_int_equal(publisher_aliases(lab->engine->publisher), published);
        break;
    }
    assert_int_equal(i, most);
    /* There is room again when something goes. */
    assert_int_equal(DO(lab, {"services/ns/s0", NULL}, {"instances/ns/s0/a", NULL}), 0);
    lab_check(lab);
    lab_free(lab);
}

static void test_what_runs_out_names_its_setting(void **state)
{
    (void)state;
    expect_full(8, 1024, "127.255.0.0/26", "maps.aliases", 4);
    expect_full(128, 8, "127.255.0.0/26", "maps.slots", 8);
    expect_full(128, 1024, "127.255.0.0/28", "aliasRange", 14);
}

#define HOST(name) "{\"host\":\"" name ".example\",\"port\":80}"

/* maps.endpoints was made smaller: what is there stays, and only who brings more of them is refused. */
static void test_too_many_host_names(void **state)
{
    struct engine_lab *lab = *state;

    assert_int_equal(DO(lab, {"instances/ns/web/x", HOST("x")}, {"instances/ns/web/y", HOST("y")},
                        {"instances/ns/web/z", HOST("z")}),
                     0);
    assert_int_equal(DO(lab, {"instances/ns/db/a", NULL}, {"instances/ns/web/b", NULL}), 0);
    lab_stop(lab);
    lab->max_endpoints = 2;
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    lab_start(lab, NULL, NULL);
    assert_int_equal(DO(lab, {"instances/ns/web/a", WEIGHED(1, 3)}), 0);
    assert_int_equal(DO(lab, {"instances/ns/web/w", HOST("w")}), -ENOSPC);
    assert_non_null(strstr(lab->error.message, "maps.endpoints"));
    assert_int_equal(DO(lab, {"instances/ns/web/z", NULL}), 0);
    lab_check(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_abort_leaves_nothing, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_revert_and_replay, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_a_dropped_job_is_as_if_it_had_not_been, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_a_dropped_job_frees_its_keys, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_freeing_goes_by_steps, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_the_text_of_a_document_is_shared, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_a_service_is_removed_in_pieces, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_too_many_host_names, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(test_a_bad_row_changes_nothing, setup, engine_teardown),
        cmocka_unit_test(test_what_runs_out_names_its_setting),
    };

    return cmocka_run_group_tests_name("transactions", tests, NULL, NULL);
}
