/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Opening the kernel's form on what earlier runs, other versions and strangers have left below its bpffs. */
#include "unit/datapath/datapath_lab.h"

static bool has_pin(const char *path)
{
    char full[256];

    (void)snprintf(full, sizeof(full), LAB_PINS "/%s", path);
    return access(full, F_OK) == 0;
}

static void make_directory(const char *path)
{
    char full[256];

    (void)snprintf(full, sizeof(full), LAB_PINS "%s%s", *path ? "/" : "", path);
    assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
}

static void unpin(const char *path)
{
    char full[256];

    (void)snprintf(full, sizeof(full), LAB_PINS "/%s", path);
    assert_int_equal(unlink(full), 0);
}

/* Something else in the place of a pinned map: an array of so many bytes, or a hash. */
static void pin_stranger(const char *path, enum bpf_map_type type, uint32_t key_size, uint32_t value_size)
{
    char full[256];
    _cleanup_close_ int fd = bpf_map_create(type, "svc_stranger", key_size, value_size, 4, NULL);

    (void)snprintf(full, sizeof(full), LAB_PINS "/%s", path);
    assert_true(fd >= 0);
    (void)unlink(full);
    assert_int_equal(bpf_obj_pin(fd, full), 0);
}

static int put_alias(struct lab *lab, uint32_t scope)
{
    struct svc_alias_key key = {.scope = scope};
    struct svc_alias alias = {.service = 1};

    return datapath_put_alias(lab->datapath, &key, &alias);
}

static int count_alias(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    (void)key;
    (void)alias;
    return ++*(int *)user, 0;
}

static int count_aliases(struct lab *lab)
{
    int n = 0;

    assert_int_equal(datapath_each_alias(lab->datapath, count_alias, &n), 0);
    return n;
}

/* An earlier run has published one alias, counted and ended. */
static void run_before(struct lab *lab)
{
    struct svc_registry_seen seen = {.id = "abc", .revision = 5};
    struct svc_task task = {.scope = 3, .cgroup = "/web"};
    struct svc_endpoint endpoint = {.weight = 1};

    lab_open(lab);
    assert_int_equal(put_alias(lab, 1), 0);
    assert_int_equal(datapath_put_endpoint(lab->datapath, 1, &endpoint), 0);
    assert_int_equal(datapath_put_task(lab->datapath, 40, &task), 0);
    datapath_set_registry_seen(lab->datapath, &seen);
    (void)lab_count(lab, 1, 3, 4);
    (void)lab_activate(lab);
    datapath_close(&lab->datapath);
}

static void expect_origin(struct lab *lab, enum datapath_origin origin, bool is_readable)
{
    assert_int_equal(datapath_origin(lab->datapath), origin);
    assert_int_equal(datapath_is_readable(lab->datapath), is_readable);
}

/* ---- fresh ---- */

static void test_nothing_is_in_charge_before_it_is_activated(void **state)
{
    struct lab *lab = lab_of(state);
    struct stat info;

    lab_open(lab);
    expect_origin(lab, DATAPATH_NEW, false);
    assert_int_equal(stat(LAB_PINS, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_true(has_pin("maps_new/layout"));
    assert_false(has_pin("maps"));
    (void)lab_activate(lab);
    assert_true(has_pin("maps/layout"));
    assert_false(has_pin("maps_new"));
    assert_false(has_pin("maps_old"));
    datapath_close(&lab->datapath);
    assert_true(has_pin("maps/aliases")); /* closing takes nothing away */
}

static void test_a_run_that_never_activated_leaves_nothing(void **state)
{
    struct lab *lab = lab_of(state);

    lab_open(lab);
    assert_int_equal(put_alias(lab, 1), 0);
    datapath_close(&lab->datapath);
    assert_false(has_pin("maps_new"));
    assert_false(has_pin("maps"));
    lab_open(lab);
    expect_origin(lab, DATAPATH_NEW, false);
    assert_int_equal(count_aliases(lab), 0);
}

/* ---- deaths during a swap ---- */

static void test_a_death_before_the_swap_leaves_the_old_in_charge(void **state)
{
    struct lab *lab = lab_of(state);

    run_before(lab);
    make_directory("maps_new");
    pin_stranger("maps_new/aliases", BPF_MAP_TYPE_ARRAY, 4, 4);
    make_directory("maps_old");
    lab_open(lab);
    expect_origin(lab, DATAPATH_ADOPTED, true);
    assert_int_equal(count_aliases(lab), 1);
    assert_false(has_pin("maps_new"));
    assert_false(has_pin("maps_old"));
}

static void test_a_death_between_the_renames_leaves_the_new_in_charge(void **state)
{
    struct lab *lab = lab_of(state);

    run_before(lab);
    assert_int_equal(rename(LAB_PINS "/maps", LAB_PINS "/maps_new"), 0);
    make_directory("maps_old");
    pin_stranger("maps_old/aliases", BPF_MAP_TYPE_ARRAY, 4, 4);
    lab_open(lab);
    expect_origin(lab, DATAPATH_ADOPTED, true);
    assert_int_equal(count_aliases(lab), 1);
    assert_true(has_pin("maps/aliases"));
    assert_false(has_pin("maps_new"));
    assert_false(has_pin("maps_old"));
}

static void test_new_maps_alone_were_never_in_charge(void **state)
{
    struct lab *lab = lab_of(state);

    run_before(lab);
    assert_int_equal(rename(LAB_PINS "/maps", LAB_PINS "/maps_new"), 0);
    lab_open(lab);
    expect_origin(lab, DATAPATH_NEW, false);
    assert_int_equal(count_aliases(lab), 0);
}

/* ---- other sizes and versions ---- */

static void test_each_size_counts(void **state)
{
    struct lab *lab = lab_of(state);
    struct datapath_config before = lab->config;
    uint32_t *const sizes[] = {&lab->config.aliases, &lab->config.slots, &lab->config.endpoints,
                               &lab->config.tasks};

    run_before(lab);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        *sizes[i] *= 2;
        lab_open(lab);
        expect_origin(lab, DATAPATH_MIGRATED, true);
        assert_int_equal(count_aliases(lab), 1);
        datapath_close(&lab->datapath);
        assert_false(has_pin("maps_new"));
        lab->config = before;
    }
    lab_open(lab);
    expect_origin(lab, DATAPATH_ADOPTED, true);
}

static void set_version(uint32_t version)
{
    struct svc_layout layout = {.abi_version = version};
    _cleanup_close_ int fd = lab_pinned("maps", "layout");
    uint32_t zero = 0;

    assert_int_equal(bpf_map_update_elem(fd, &zero, &layout, BPF_ANY), 0);
}

static int on_task(uint64_t cgroup_id, const struct svc_task *task, void *user)
{
    assert_int_equal(cgroup_id, 40);
    *(struct svc_task *)user = *task;
    return 0;
}

static void test_another_version_is_asked_for_tasks_and_its_registry_alone(void **state)
{
    struct lab *lab = lab_of(state);
    struct datapath_config config = lab->config;
    struct svc_outlier outlier;
    struct svc_task task = {0};
    uint32_t versions[] = {SVC_ABI_VERSION - 1, SVC_ABI_VERSION + 1, 0};

    run_before(lab);
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        set_version(versions[i]);
        lab_open(lab);
        expect_origin(lab, DATAPATH_MIGRATED, false);
        assert_int_equal(count_aliases(lab), 0);
        assert_false(datapath_old_outlier(lab->datapath, 1, &outlier));
        assert_false(datapath_pinned_sizes(lab->datapath, &config));
        assert_string_equal(datapath_registry_seen(lab->datapath).id, "abc");
        assert_int_equal(datapath_registry_seen(lab->datapath).revision, 5);
        task = (struct svc_task){0};
        assert_int_equal(datapath_each_task(lab->datapath, on_task, &task), 0);
        assert_int_equal(task.scope, 3);
        assert_string_equal(task.cgroup, "/web");
        datapath_close(&lab->datapath);
    }
}

/* Fields may be appended to a task's entry, so another version's is shorter or longer. */
static void test_tasks_of_another_length_are_read(void **state)
{
    struct lab *lab = lab_of(state);
    const uint32_t sizes[] = {8, sizeof(struct svc_task) + 64};

    run_before(lab);
    set_version(SVC_ABI_VERSION - 1);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char value[sizeof(struct svc_task) + 64] = {3, 0, 0, 0, SVC_TASK_RUN};
        _cleanup_close_ int fd = -1;
        struct svc_task task = {0};
        uint64_t id = 40;

        memset(value + 8, 'x', sizeof(value) - 8);
        pin_stranger("maps/tasks", BPF_MAP_TYPE_HASH, sizeof(id), sizes[i]);
        fd = lab_pinned("maps", "tasks");
        assert_int_equal(bpf_map_update_elem(fd, &id, value, BPF_ANY), 0);
        lab_open(lab);
        assert_int_equal(datapath_each_task(lab->datapath, on_task, &task), 0);
        assert_int_equal(task.scope, 3);
        assert_int_equal(task.flags, SVC_TASK_RUN);
        assert_int_equal(task.cgroup[0], i == 0 ? '\0' : 'x');
        datapath_close(&lab->datapath);
    }
}

/* ---- missing, foreign and damaged pins ---- */

static void test_a_set_from_before_registry_seen_gets_it(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_registry_seen seen = {.id = "def", .revision = 6};

    run_before(lab);
    unpin("maps/registry_seen");
    lab_open(lab);
    expect_origin(lab, DATAPATH_ADOPTED, true);
    assert_int_equal(count_aliases(lab), 1);
    assert_string_equal(datapath_registry_seen(lab->datapath).id, "");
    assert_true(has_pin("maps/registry_seen"));
    datapath_set_registry_seen(lab->datapath, &seen);
    datapath_close(&lab->datapath);
    lab_open(lab);
    assert_string_equal(datapath_registry_seen(lab->datapath).id, "def");
}

static void test_a_pin_that_is_missing(void **state)
{
    static const char *const maps[] = {"aliases", "slots", "outliers", "flows", "endpoint_stats", "counters"};
    struct lab *lab = lab_of(state);

    for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
        struct svc_endpoint endpoint = {.weight = 1};
        char path[64];

        lab_remove_pins();
        run_before(lab);
        (void)snprintf(path, sizeof(path), "maps/%s", maps[i]);
        unpin(path);
        lab_open(lab);
        expect_origin(lab, DATAPATH_MIGRATED, true);
        assert_int_equal(count_aliases(lab), i == 0 ? 0 : 1);
        assert_int_equal(datapath_put_endpoint(lab->datapath, 1, &endpoint), 0);
        (void)lab_activate(lab);
        datapath_close(&lab->datapath);
        lab_open(lab); /* whole again */
        expect_origin(lab, DATAPATH_ADOPTED, true);
        datapath_close(&lab->datapath);
    }
}

/* Without its version nothing can be said of a set. */
static void test_maps_without_a_layout_are_another_versions(void **state)
{
    struct lab *lab = lab_of(state);

    run_before(lab);
    unpin("maps/layout");
    lab_open(lab);
    expect_origin(lab, DATAPATH_MIGRATED, false);
    datapath_close(&lab->datapath);
    lab_remove_pins();
    make_directory("");
    make_directory("maps"); /* nothing in it at all */
    lab_open(lab);
    expect_origin(lab, DATAPATH_MIGRATED, false);
    assert_int_equal(count_aliases(lab), 0);
    assert_string_equal(datapath_registry_seen(lab->datapath).id, "");
    (void)lab_activate(lab);
    assert_true(has_pin("maps/layout"));
}

#define LARGE 4096u /* far beyond what any reader has room for */

/* A map that is nobody's of ours under one of our names is as good as none, whatever its size. */
static void test_foreign_pins_are_not_read(void **state)
{
    static const char *const maps[] = {"aliases",        "endpoints", "outliers",
                                       "endpoint_stats", "counters",  "registry_seen"};
    struct lab *lab = lab_of(state);

    for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
        struct svc_endpoint endpoint = {.weight = 1};
        struct svc_outlier outlier;
        char path[64];

        lab_remove_pins();
        run_before(lab);
        (void)snprintf(path, sizeof(path), "maps/%s", maps[i]);
        pin_stranger(path, BPF_MAP_TYPE_ARRAY, 4, LARGE);
        lab_open(lab);
        expect_origin(lab, DATAPATH_MIGRATED, true);
        assert_int_equal(count_aliases(lab), i == 0 ? 0 : 1);
        assert_string_equal(datapath_registry_seen(lab->datapath).id,
                            strcmp(maps[i], "registry_seen") == 0 ? "" : "abc");
        assert_int_equal(datapath_old_outlier(lab->datapath, 1, &outlier), strcmp(maps[i], "outliers") != 0);
        assert_int_equal(datapath_put_endpoint(lab->datapath, 1, &endpoint), 0);
        (void)lab_activate(lab);
        datapath_close(&lab->datapath);
    }
}

static void test_a_foreign_layout_tells_no_version(void **state)
{
    struct lab *lab = lab_of(state);

    run_before(lab);
    pin_stranger("maps/layout", BPF_MAP_TYPE_ARRAY, 4, LARGE);
    lab_open(lab);
    expect_origin(lab, DATAPATH_MIGRATED, false);
    datapath_close(&lab->datapath);
    pin_stranger("maps/layout", BPF_MAP_TYPE_HASH, 32, sizeof(struct svc_layout));
    lab_open(lab);
    expect_origin(lab, DATAPATH_MIGRATED, false);
}

static void test_foreign_tasks_of_another_version_are_none(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_task task = {0};

    run_before(lab);
    set_version(SVC_ABI_VERSION - 1);
    pin_stranger("maps/tasks", BPF_MAP_TYPE_ARRAY, 4, sizeof(task));
    lab_open(lab);
    assert_int_equal(datapath_each_task(lab->datapath, on_task, &task), 0);
    assert_int_equal(task.scope, 0);
}

/* What is pinned is a program, or is no pin at all. */
static void test_what_is_no_map_is_no_pin(void **state)
{
    const struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1},
                                     {.code = BPF_JMP | BPF_EXIT}};
    struct lab *lab = lab_of(state);
    _cleanup_close_ int program = -1;

    run_before(lab);
    program = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "svc_stranger", "GPL", insns, 2, NULL);
    assert_true(program >= 0);
    unpin("maps/aliases");
    assert_int_equal(bpf_obj_pin(program, LAB_PINS "/maps/aliases"), 0);
    unpin("maps/slots");
    make_directory("maps/slots");
    lab_open(lab);
    expect_origin(lab, DATAPATH_MIGRATED, true);
    assert_int_equal(count_aliases(lab), 0);
    (void)lab_activate(lab);
    datapath_close(&lab->datapath);
    lab_open(lab);
    expect_origin(lab, DATAPATH_ADOPTED, true);
}

/* ---- stock ---- */

static uint32_t stats_flags(const char *directory)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);
    _cleanup_close_ int fd = lab_pinned(directory, "endpoint_stats");

    assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
    return info.map_flags;
}

static void test_the_stock_of_counters_follows_what_is_expected(void **state)
{
    struct lab *lab = lab_of(state);

    lab->config.endpoints = 8;
    lab->config.expected_endpoints = 1;
    lab_open(lab);
    assert_int_equal(stats_flags("maps_new"), BPF_F_NO_PREALLOC);
    datapath_close(&lab->datapath);
    lab->config.expected_endpoints = 2; /* a quarter */
    lab_open(lab);
    assert_int_equal(stats_flags("maps_new"), 0);
    (void)lab_activate(lab);
    datapath_close(&lab->datapath);
    lab->config.expected_endpoints = 0; /* what is pinned stays */
    lab_open(lab);
    expect_origin(lab, DATAPATH_ADOPTED, true);
    assert_int_equal(stats_flags("maps"), 0);
}

/* ---- refused ---- */

static int try_open(struct lab *lab, const char *bpffs, struct error *error)
{
    int r;

    *error = (struct error){0};
    lab->config.bpffs = bpffs;
    r = datapath_open(&lab->config, &lab->datapath, error);
    assert_null(lab->datapath);
    return r;
}

static void test_a_directory_that_cannot_be_used(void **state)
{
    struct lab *lab = lab_of(state);
    char directory[] = "/tmp/svcconnect-unit-XXXXXX";
    char text[PATH_MAX];
    struct error error;

    assert_non_null(mkdtemp(directory));
    assert_true(try_open(lab, directory, &error) < 0); /* no bpffs */
    assert_non_null(strstr(error.message, directory));
    (void)snprintf(text, sizeof(text), "%s/maps_new", directory);
    (void)rmdir(text);
    assert_int_equal(rmdir(directory), 0); /* and nothing but directories was made on it */
    assert_true(try_open(lab, "/dev/null/pins", &error) < 0);
    assert_non_null(strstr(error.message, "/dev/null/pins"));
    memset(text, 'x', sizeof(text));
    text[0] = '/';
    text[sizeof(text) - 1] = '\0';
    assert_true(try_open(lab, text, &error) < 0);
    assert_non_null(strstr(error.message, "--bpffs"));
}

static void test_sizes_that_the_kernel_refuses(void **state)
{
    struct lab *lab = lab_of(state);
    struct error error;

    lab->config.aliases = 0;
    assert_true(try_open(lab, LAB_PINS, &error) < 0);
    assert_true(*error.message);
    assert_false(has_pin("maps"));
    assert_false(has_pin("maps_new"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KERNEL_CLOSED(test_nothing_is_in_charge_before_it_is_activated),
        KERNEL_CLOSED(test_a_run_that_never_activated_leaves_nothing),
        KERNEL_CLOSED(test_a_death_before_the_swap_leaves_the_old_in_charge),
        KERNEL_CLOSED(test_a_death_between_the_renames_leaves_the_new_in_charge),
        KERNEL_CLOSED(test_new_maps_alone_were_never_in_charge),
        KERNEL_CLOSED(test_each_size_counts),
        KERNEL_CLOSED(test_another_version_is_asked_for_tasks_and_its_registry_alone),
        KERNEL_CLOSED(test_tasks_of_another_length_are_read),
        KERNEL_CLOSED(test_a_set_from_before_registry_seen_gets_it),
        KERNEL_CLOSED(test_a_pin_that_is_missing),
        KERNEL_CLOSED(test_maps_without_a_layout_are_another_versions),
        KERNEL_CLOSED(test_foreign_pins_are_not_read),
        KERNEL_CLOSED(test_a_foreign_layout_tells_no_version),
        KERNEL_CLOSED(test_foreign_tasks_of_another_version_are_none),
        KERNEL_CLOSED(test_what_is_no_map_is_no_pin),
        KERNEL_CLOSED(test_the_stock_of_counters_follows_what_is_expected),
        KERNEL_CLOSED(test_a_directory_that_cannot_be_used),
        KERNEL_CLOSED(test_sizes_that_the_kernel_refuses),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
