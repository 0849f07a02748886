/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Opening the kernel's form on pins that are missing, foreign or damaged. */
#include "unit/datapath/pins_lab.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        KERNEL_CLOSED(test_a_set_from_before_registry_seen_gets_it),
        KERNEL_CLOSED(test_a_pin_that_is_missing),
        KERNEL_CLOSED(test_maps_without_a_layout_are_another_versions),
        KERNEL_CLOSED(test_foreign_pins_are_not_read),
        KERNEL_CLOSED(test_a_foreign_layout_tells_no_version),
        KERNEL_CLOSED(test_foreign_tasks_of_another_version_are_none),
        KERNEL_CLOSED(test_what_is_no_map_is_no_pin),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
