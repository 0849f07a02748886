/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A running engine goes to a backup by one commit, and is right afterwards whatever it was before. */
#include "engine_lab.h"

#include "base/log.h"
#include "base/worker.h"
#include "engine/guard/restore.h"
#include "registry/sqlite/sqlite_registry.h"

struct restore_lab {
    struct worker *worker;
    char directory[64], path[96];
    unsigned ends;
    int result;
    struct restore_end end;
    struct error error;
};

static void on_end(int result, const struct restore_end *end, const struct error *error, void *user)
{
    struct restore_lab *restore = user;

    restore->ends++;
    restore->result = result;
    assert_int_equal(end == NULL, result < 0);
    if (end)
        restore->end = *end;
    if (error)
        restore->error = *error;
}

static void begin(struct restore_lab *restore, const struct engine_lab *lab)
{
    *restore = (struct restore_lab){0};
    (void)snprintf(restore->directory, sizeof(restore->directory), "%s/svc-restore-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(restore->directory));
    (void)snprintf(restore->path, sizeof(restore->path), "%s/backup.db", restore->directory);
    assert_int_equal(worker_new(lab->base, &restore->worker), 0);
}

static void end(struct restore_lab *restore)
{
    worker_free(&restore->worker);
    (void)unlink(restore->path);
    assert_int_equal(rmdir(restore->directory), 0);
}

/* A file with these rows, ended by one without a key. */
static void write_backup(const struct restore_lab *restore, const struct registry_row *rows)
{
    struct registry *file = NULL;
    uint64_t revision;
    size_t n = 0;

    (void)unlink(restore->path);
    while (rows[n].key)
        n++;
    assert_int_equal(sqlite_registry_open(restore->path, &file, NULL), 0);
    assert_int_equal(registry_commit(file, rows, n, &revision, NULL), 0);
    assert_int_equal(registry_close(&file), 0);
}

static int go(struct engine_lab *lab, struct restore_lab *restore, bool is_other_taken)
{
    unsigned before = restore->ends;

    assert_int_equal(
        registry_restore(lab->engine, restore->worker, restore->path, is_other_taken, on_end, restore), 0);
    while (worker_wait(restore->worker))
        ;
    lab_settle(lab);
    (void)event_base_loop(lab->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    lab_settle(lab);
    assert_int_equal(restore->ends, before + 1);
    return restore->result;
}

#define ROW(key, value)                                                                                      \
    {                                                                                                        \
        (char *)(key), (char *)(value)                                                                       \
    }

static void id_row(const struct engine_lab *lab, char *text, size_t size)
{
    (void)snprintf(text, size, "{\"id\":\"%s\"}", lab->engine->guard.id);
}

static void test_the_difference_is_one_commit(void **state)
{
    struct engine_lab *lab = *state;
    struct restore_lab restore;
    char id[64];
    uint64_t before;

    id_row(lab, id, sizeof(id));
    begin(&restore, lab);
    write_backup(&restore,
                 (const struct registry_row[]){ROW("registry/id", id), ROW("services/ns/web", SERVICE("web")),
                                               ROW("instances/ns/web/a", INSTANCE(1)),
                                               ROW("instances/ns/web/b", INSTANCE(2)), ROW(NULL, NULL)});
    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)},
                        {"services/ns/db", SERVICE("db")}, {"instances/ns/db/x", INSTANCE(3)}),
                     0);
    assert_int_equal(publisher_aliases(lab->engine->publisher), 2);
    before = fake_store_revision(lab->store);
    assert_int_equal(go(lab, &restore, false), 0);
    assert_int_equal(fake_store_revision(lab->store), before + 1);
    assert_int_equal(restore.end.revision, before + 1);
    assert_string_equal(restore.end.was, "ok");
    assert_int_equal(restore.end.facts.instances, 2);
    assert_int_equal(publisher_aliases(lab->engine->publisher), 1);
    assert_non_null(lab_instance(lab, "web", "b"));
    assert_null(fake_store_find(lab->store, "instances/ns/db/x"));
    end(&restore);
}

static void test_a_strange_one_is_refused(void **state)
{
    struct engine_lab *lab = *state;
    struct restore_lab restore;
    uint64_t before;

    begin(&restore, lab);
    write_backup(&restore,
                 (const struct registry_row[]){ROW("registry/id", "{\"id\":\"feed\"}"),
                                               ROW("services/ns/web", SERVICE("web")), ROW(NULL, NULL)});
    assert_int_equal(DO(lab, {"services/ns/db", SERVICE("db")}, {"instances/ns/db/x", INSTANCE(3)}), 0);
    before = fake_store_revision(lab->store);
    assert_int_equal(go(lab, &restore, false), -EEXIST);
    assert_non_null(strstr(restore.error.message, "feed"));
    assert_int_equal(fake_store_revision(lab->store), before);
    assert_non_null(lab_instance(lab, "db", "x"));
    assert_int_equal(go(lab, &restore, true), 0);
    assert_null(lab_instance(lab, "db", "x"));
    /* From then on its line is known. */
    assert_non_null(strstr(fake_store_find(lab->store, "registry/id")->value, "feed"));
    assert_int_equal(go(lab, &restore, false), 0);
    /* Nor into the registry of a fleet: its name is the others' too. */
    fake_registry_tell(lab->registry, NULL, 0);
    assert_int_equal(go(lab, &restore, true), -EEXIST);
    end(&restore);
}

static void test_what_is_damaged_changes_nothing(void **state)
{
    struct engine_lab *lab = *state;
    struct restore_lab restore;

    begin(&restore, lab);
    write_backup(&restore, (const struct registry_row[]){ROW("services/ns/web", "{\"clientAliases\":7}"),
                                                         ROW(NULL, NULL)});
    assert_int_equal(go(lab, &restore, true), -EUCLEAN);
    assert_non_null(strstr(restore.error.message, "services/ns/web"));
    (void)unlink(restore.path);
    assert_int_equal(go(lab, &restore, true), -ENOENT);
    end(&restore);
}

static void test_it_heals_what_was_lost(void **state)
{
    struct engine_lab *lab = *state;
    struct restore_lab restore;
    struct fake_store *before;
    char id[64];

    id_row(lab, id, sizeof(id));
    begin(&restore, lab);
    write_backup(&restore,
                 (const struct registry_row[]){ROW("registry/id", id), ROW("services/ns/web", SERVICE("web")),
                                               ROW("instances/ns/web/a", INSTANCE(1)), ROW(NULL, NULL)});
    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)},
                        {"services/ns/db", SERVICE("db")}, {"instances/ns/db/x", INSTANCE(3)}),
                     0);
    lab_stop(lab);
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    before = lab_swap_store(lab, fake_store_new());
    fake_store_free(&before);
    lab_start(lab, NULL, NULL);
    assert_true(engine_is_degraded(lab->engine));
    assert_int_equal(publisher_aliases(lab->engine->publisher), 2);
    assert_int_equal(go(lab, &restore, false), 0);
    assert_string_equal(restore.end.was, "empty");
    assert_false(engine_is_degraded(lab->engine));
    assert_int_equal(publisher_aliases(lab->engine->publisher), 1);
    lab_restart(lab);
    assert_false(engine_is_degraded(lab->engine));
    end(&restore);
}

/* Put in place while nothing ran: right at the next start, though its revision is of before. */
static void test_a_restored_file_is_right(void **state)
{
    struct engine_lab *lab = *state;
    struct fake_store *before;

    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)}), 0);
    lab_stop(lab);
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    before = lab_swap_store(lab, fake_store_new());
    fake_store_free(&before);
    lab_write_row(lab, "registry/restored", "{}");
    lab_write_row(lab, "services/ns/db", SERVICE("db"));
    lab_write_row(lab, "registry/id", "{\"id\":\"0123\"}");
    lab_start(lab, NULL, NULL);
    assert_false(engine_is_degraded(lab->engine));
    assert_int_equal(publisher_aliases(lab->engine->publisher), 1);
    lab_settle(lab);
    assert_null(fake_store_find(lab->store, "registry/restored"));
    assert_string_equal(datapath_registry_seen(lab->datapath).id, "0123");
    lab_restart(lab);
    assert_false(engine_is_degraded(lab->engine));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        JUDGED_TEST(test_the_difference_is_one_commit),    JUDGED_TEST(test_a_strange_one_is_refused),
        JUDGED_TEST(test_what_is_damaged_changes_nothing), JUDGED_TEST(test_it_heals_what_was_lost),
        JUDGED_TEST(test_a_restored_file_is_right),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
