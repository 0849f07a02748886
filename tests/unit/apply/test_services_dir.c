/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The watched directory: files that come, change and go, odd ones, and in which order. */
#include "apply_lab.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/services_dir.h"

#define WEB PUBLISHED("web", "web.example")
#define API PUBLISHED("api", "api.example")

struct watched {
    struct lab *lab;
    struct services_dir dir;
    char path[64];
    char told[1024]; /* lines, without the directory */
};

static void on_told(void *user, const char *message)
{
    struct watched *watched = user;
    size_t used = strlen(watched->told);

    (void)snprintf(watched->told + used, sizeof(watched->told) - used, "%s\n",
                   message + strlen(watched->path) + 1);
}

static int setup(void **state)
{
    struct watched *watched = calloc(1, sizeof(*watched));

    (void)snprintf(watched->path, sizeof(watched->path), "/tmp/services_dir.XXXXXX");
    assert_non_null(mkdtemp(watched->path));
    (void)lab_setup((void **)&watched->lab);
    watched->dir = (struct services_dir){
        .engine = watched->lab->house.engine,
        .base = watched->lab->house.base,
        .worker = watched->lab->worker,
        .path = watched->path,
        .tell = on_told,
        .tell_user = watched,
    };
    *state = watched;
    return 0;
}

static void in_directory(const struct watched *watched, const char *name, char path[static 128])
{
    (void)snprintf(path, 128, "%s/%s", watched->path, name);
}

static void write_file(const struct watched *watched, const char *name, const char *text)
{
    char path[128], draft[160];
    int fd;

    in_directory(watched, name, path);
    (void)snprintf(draft, sizeof(draft), "%s.draft", path);
    fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    assert_int_equal(rename(draft, path), 0);
}

static void remove_file(const struct watched *watched, const char *name)
{
    char path[128];

    in_directory(watched, name, path);
    (void)unlink(path);
}

static void stop(struct watched *watched)
{
    worker_stop(watched->lab->worker);
    engine_stop(watched->lab->house.engine);
    services_dir_done(&watched->dir);
}

static int teardown(void **state)
{
    static const char *const names[] = {"a.json", "b.json", "c.json", ".h.json", "n.txt", "d.json"};
    struct watched *watched = *state;
    char path[128];

    stop(watched);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        in_directory(watched, names[i], path);
        if (unlink(path) < 0)
            (void)rmdir(path);
    }
    (void)rmdir(watched->path);
    (void)lab_teardown((void **)&watched->lab);
    free(watched);
    return 0;
}

static void start(struct watched *watched)
{
    services_dir_start(&watched->dir);
    services_dir_settle(&watched->dir);
    assert_int_equal(watched->dir.state, SERVICES_IDLE);
}

/* The burst's timer and all that follows. */
static void turn_until_scanned(struct watched *watched, uint64_t revision)
{
    while (fake_store_revision(watched->lab->house.store) == revision) {
        assert_int_equal(event_base_loop(watched->lab->house.base, EVLOOP_ONCE), 0);
        services_dir_settle(&watched->dir);
    }
}

/* What a scan says of one file; NULL: nothing. */
static const char *failure_of(const struct watched *watched, const char *name)
{
    char path[128];
    const struct services_file *file;

    in_directory(watched, name, path);
    HASH_FIND_STR(watched->dir.files, path, file);
    return file ? file->failure : NULL;
}

static void test_applies_what_is_there_before_it_is_ready(void **state)
{
    struct watched *watched = *state;
    char path[128];

    write_file(watched, "a.json", DOCUMENT("one", WEB));
    write_file(watched, "b.json", DOCUMENT("two", API));
    write_file(watched, "n.txt", DOCUMENT("three", PUBLISHED("n", "n.example")));
    write_file(watched, ".h.json", DOCUMENT("four", PUBLISHED("h", "h.example")));
    start(watched);
    assert_non_null(lab_service(watched->lab, "web"));
    assert_non_null(lab_service(watched->lab, "api"));
    assert_int_equal(engine_catalog(watched->lab->house.engine)->n_documents, 2);
    in_directory(watched, "a.json", path);
    assert_string_equal(lab_document(watched->lab, "one")->source, path);
}

static void test_a_file_comes(void **state)
{
    struct watched *watched = *state;

    write_file(watched, "a.json", DOCUMENT("one", WEB));
    start(watched);
    write_file(watched, "b.json", DOCUMENT("two", API));
    turn_until_scanned(watched, fake_store_revision(watched->lab->house.store));
    assert_non_null(lab_service(watched->lab, "api"));
}

static void test_a_file_changes_and_goes(void **state)
{
    struct watched *watched = *state;
    uint64_t revision;

    write_file(watched, "a.json", DOCUMENT("one", WEB));
    start(watched);
    revision = fake_store_revision(watched->lab->house.store);
    write_file(watched, "a.json", DOCUMENT("one", API));
    turn_until_scanned(watched, revision);
    assert_null(lab_service(watched->lab, "web"));
    assert_non_null(lab_service(watched->lab, "api"));
    revision = fake_store_revision(watched->lab->house.store);
    remove_file(watched, "a.json");
    turn_until_scanned(watched, revision);
    assert_null(lab_service(watched->lab, "api"));
    assert_null(lab_document(watched->lab, "one"));
    assert_null(watched->dir.files);
}

static void test_what_went_while_nobody_looked(void **state)
{
    struct watched *watched = *state;
    struct applied applied;
    char path[128];

    in_directory(watched, "c.json", path);
    lab_apply(watched->lab, path, "[" DOCUMENT("one", WEB) "," DOCUMENT("two", API) "]", NULL, false,
              &applied);
    applied_done(&applied);
    lab_apply(watched->lab, "/elsewhere/c.json", DOCUMENT("three", PUBLISHED("db", "db.example")), NULL,
              false, &applied);
    applied_done(&applied);
    start(watched);
    assert_null(lab_document(watched->lab, "one"));
    assert_null(lab_document(watched->lab, "two"));
    assert_non_null(lab_document(watched->lab, "three"));
}

static void test_a_bad_file_keeps_its_last_version(void **state)
{
    struct watched *watched = *state;
    cJSON *object = cJSON_CreateObject();
    const cJSON *failed;

    write_file(watched, "a.json", DOCUMENT("one", WEB));
    write_file(watched, "b.json", DOCUMENT("two", API));
    start(watched);
    write_file(watched, "a.json", "{");
    write_file(watched, "b.json", DOCUMENT("two", PUBLISHED("api", "other.example")));
    turn_until_scanned(watched, fake_store_revision(watched->lab->house.store));
    assert_non_null(lab_service(watched->lab, "web"));
    assert_true(lab_has_name(watched->lab, "api", "other.example"));
    assert_non_null(failure_of(watched, "a.json"));
    assert_null(failure_of(watched, "b.json"));
    services_dir_describe(&watched->dir, object);
    assert_int_equal(cJSON_GetObjectItem(object, "count")->valueint, 2);
    failed = cJSON_GetObjectItem(object, "failed");
    assert_int_equal(cJSON_GetArraySize(failed), 1);
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(failed, 0), "message")->valuestring,
                        failure_of(watched, "a.json"));
    cJSON_Delete(object);
}

static void test_odd_files(void **state)
{
    struct watched *watched = *state;
    char path[128];

    in_directory(watched, "a.json", path);
    assert_int_equal(mkdir(path, 0700), 0);
    in_directory(watched, "b.json", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    in_directory(watched, "c.json", path);
    assert_int_equal(symlink("/nowhere", path), 0);
    write_file(watched, "d.json", DOCUMENT("one", WEB));
    start(watched);
    assert_string_equal(failure_of(watched, "a.json"), "it is not a regular file");
    assert_string_equal(failure_of(watched, "b.json"), "it is not a regular file");
    assert_string_equal(failure_of(watched, "c.json"), strerror(ENOENT));
    assert_null(failure_of(watched, "d.json"));
    assert_non_null(lab_service(watched->lab, "web"));
}

static void test_the_first_by_name_has_it(void **state)
{
    struct watched *watched = *state;

    write_file(watched, "b.json", DOCUMENT("two", PUBLISHED("api", "web.example")));
    write_file(watched, "a.json", DOCUMENT("one", WEB));
    start(watched);
    assert_true(lab_has_name(watched->lab, "web", "web.example"));
    assert_null(lab_service(watched->lab, "api"));
    assert_null(failure_of(watched, "a.json"));
    assert_non_null(strstr(failure_of(watched, "b.json"), "web has it"));
}

static void test_a_refused_file_gets_what_a_later_one_gave_up(void **state)
{
    struct watched *watched = *state;

    write_file(watched, "b.json", DOCUMENT("two", WEB));
    start(watched);
    /* In one scan the earlier file finds the name still taken. */
    write_file(watched, "a.json", DOCUMENT("one", PUBLISHED("api", "web.example")));
    write_file(watched, "b.json", DOCUMENT("two", PUBLISHED("web", "other.example")));
    turn_until_scanned(watched, fake_store_revision(watched->lab->house.store));
    assert_non_null(failure_of(watched, "a.json"));
    services_dir_sweep(&watched->dir);
    services_dir_settle(&watched->dir);
    assert_null(failure_of(watched, "a.json"));
    assert_true(lab_has_name(watched->lab, "api", "web.example"));
}

static void test_a_sweep_leaves_refused_files_alone_while_nothing_changes(void **state)
{
    struct watched *watched = *state;

    write_file(watched, "a.json", "{");
    start(watched);
    services_dir_sweep(&watched->dir);
    assert_int_equal(watched->dir.state, SERVICES_IDLE);
}

static void test_a_change_during_a_scan_is_followed_by_another(void **state)
{
    struct watched *watched = *state;
    const struct fake_step late = {.fault = FAKE_WRITTEN, .turns = 1};

    fake_registry_plan(watched->lab->house.registry, &late, 1);
    write_file(watched, "a.json", DOCUMENT("one", WEB));
    services_dir_start(&watched->dir);
    write_file(watched, "b.json", DOCUMENT("two", API));
    /* No turn is given to the registry: the scan does not end. */
    while (!watched->dir.must_scan_again)
        assert_int_equal(event_base_loop(watched->lab->house.base, EVLOOP_ONCE), 0);
    assert_int_equal(watched->dir.state, SERVICES_APPLYING);
    assert_null(lab_service(watched->lab, "web"));
    services_dir_settle(&watched->dir);
    assert_non_null(lab_service(watched->lab, "web"));
    assert_true(event_pending(watched->dir.timer, EV_TIMEOUT, NULL));
    turn_until_scanned(watched, fake_store_revision(watched->lab->house.store));
    assert_non_null(lab_service(watched->lab, "api"));
}

static void test_a_directory_that_comes_later(void **state)
{
    struct watched *watched = *state;

    assert_int_equal(rmdir(watched->path), 0);
    start(watched);
    assert_int_equal(watched->dir.watch, -1);
    assert_int_equal(mkdir(watched->path, 0700), 0);
    write_file(watched, "a.json", DOCUMENT("one", WEB));
    services_dir_sweep(&watched->dir);
    services_dir_settle(&watched->dir);
    assert_non_null(lab_service(watched->lab, "web"));
}

static void test_ends_in_the_middle_of_a_scan(void **state)
{
    struct watched *watched = *state;

    write_file(watched, "a.json", DOCUMENT("one", WEB));
    write_file(watched, "b.json", DOCUMENT("two", API));
    services_dir_start(&watched->dir);
    assert_int_equal(watched->dir.n_loads, 2);
    worker_stop(watched->lab->worker);
    engine_stop(watched->lab->house.engine);
    assert_int_equal(watched->dir.n_loads, 0);
    assert_null(failure_of(watched, "a.json"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Each change is told once, however often the file is looked at, and nothing of one that changes nothing. */
static void test_changes_are_told_once(void **state)
{
    struct watched *watched = *state;

    write_file(watched, "a.json", DOCUMENT("one", WEB));
    write_file(watched, "b.json", "{");
    start(watched);
    assert_string_equal(watched->told, "a.json applied: 1 service created\n");
    watched->told[0] = '\0';
    write_file(watched, "a.json", DOCUMENT("one", WEB));
    write_file(watched, "b.json", DOCUMENT("two", API));
    turn_until_scanned(watched, fake_store_revision(watched->lab->house.store));
    assert_string_equal(watched->told, "b.json applied: 1 service created\n");
    watched->told[0] = '\0';
    remove_file(watched, "a.json");
    turn_until_scanned(watched, fake_store_revision(watched->lab->house.store));
    assert_string_equal(watched->told, "a.json has gone: 1 service removed\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_changes_are_told_once),
        TEST(test_applies_what_is_there_before_it_is_ready),
        TEST(test_a_file_comes),
        TEST(test_a_file_changes_and_goes),
        TEST(test_what_went_while_nobody_looked),
        TEST(test_a_bad_file_keeps_its_last_version),
        TEST(test_odd_files),
        TEST(test_the_first_by_name_has_it),
        TEST(test_a_refused_file_gets_what_a_later_one_gave_up),
        TEST(test_a_sweep_leaves_refused_files_alone_while_nothing_changes),
        TEST(test_a_change_during_a_scan_is_followed_by_another),
        TEST(test_a_directory_that_comes_later),
        TEST(test_ends_in_the_middle_of_a_scan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
