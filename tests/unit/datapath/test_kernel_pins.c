/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Opening the kernel's form on what earlier runs and other versions have left below its bpffs. */
#include "unit/datapath/pins_lab.h"

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

static void test_another_version_is_asked_for_tasks_and_its_registry_alone(void **state)
{
    struct lab *lab = lab_of(state);
    struct datapath_config config = lab->config;
    struct svc_outlier outlier;
    struct svc_task task = {0};
    uint32_t versions[] = {SVC_ABI_READABLE_BEFORE - 1, SVC_ABI_VERSION + 1, 0};

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

/* The version before had no index: it is made anew from entries that read as they are. */
static void test_the_version_before_is_read(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_endpoint_stats stats;
    struct svc_endpoint endpoint = {.weight = 1};

    run_before(lab);
    set_version(SVC_ABI_READABLE_BEFORE);
    assert_int_equal(unlink(LAB_PINS "/maps/alias_index"), 0);
    lab_open(lab);
    expect_origin(lab, DATAPATH_MIGRATED, true);
    assert_int_equal(count_aliases(lab), 1);
    assert_int_equal(datapath_put_endpoint(lab->datapath, 1, &endpoint), 0);
    assert_int_equal(datapath_endpoint_stats(lab->datapath, 1, &stats), 0);
    assert_true(stats.connections > 0);
    (void)lab_activate(lab);
    assert_true(has_pin("maps/alias_index"));
}

/* Fields may be appended to a task's entry, so another version's is shorter or longer. */
static void test_tasks_of_another_length_are_read(void **state)
{
    struct lab *lab = lab_of(state);
    const uint32_t sizes[] = {8, sizeof(struct svc_task) + 64};

    run_before(lab);
    set_version(SVC_ABI_VERSION + 1);
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
        KERNEL_CLOSED(test_the_version_before_is_read),
        KERNEL_CLOSED(test_tasks_of_another_length_are_read),
        KERNEL_CLOSED(test_the_stock_of_counters_follows_what_is_expected),
        KERNEL_CLOSED(test_a_directory_that_cannot_be_used),
        KERNEL_CLOSED(test_sizes_that_the_kernel_refuses),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
