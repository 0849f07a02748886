/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Times to the first byte, in both forms: kept over runs and a swap, and gone with their endpoint. */
#include "unit/datapath/datapath_lab.h"

/* As a program would have counted it. */
static void count_first_byte(struct lab *lab, uint32_t endpoint, uint64_t us)
{
    struct svc_first_byte counted = {.sum_us = us};
    _cleanup_close_ int fd = -1;

    counted.buckets[svc_first_byte_bucket((uint32_t)us)] = 1;
    if (!lab->is_kernel) {
        assert_int_equal(memory_datapath_set_first_byte(lab->datapath, endpoint, &counted), 0);
        return;
    }
    fd = lab_pinned("maps", "first_bytes");
    assert_int_equal(bpf_map_update_elem(fd, &endpoint, &counted, BPF_ANY), 0);
}

static void expect_first_byte(struct lab *lab, uint32_t endpoint, uint64_t us)
{
    struct svc_first_byte counted;

    assert_int_equal(datapath_first_byte(lab->datapath, endpoint, &counted), 0);
    assert_int_equal(counted.sum_us, us);
    assert_int_equal(counted.buckets[svc_first_byte_bucket((uint32_t)us)], 1);
}

static void expect_none(struct lab *lab, uint32_t endpoint)
{
    struct svc_first_byte counted;

    assert_int_equal(datapath_first_byte(lab->datapath, endpoint, &counted), -ENOENT);
}

static void test_it_goes_with_its_endpoint(void **state)
{
    const struct svc_endpoint endpoint = {0};
    struct lab *lab = lab_of(state);

    (void)lab_activate(lab);
    expect_none(lab, 3);
    assert_int_equal(datapath_put_endpoint(lab->datapath, 3, &endpoint), 0);
    count_first_byte(lab, 3, 20100);
    assert_int_equal(datapath_put_endpoint(lab->datapath, 3, &endpoint), 0); /* the same, changed */
    expect_first_byte(lab, 3, 20100);
    assert_int_equal(datapath_delete_endpoint(lab->datapath, 3), 0);
    expect_none(lab, 3);
    count_first_byte(lab, 3, 70); /* by a program that was late */
    assert_int_equal(datapath_put_endpoint(lab->datapath, 3, &endpoint), 0);
    expect_none(lab, 3);
}

static void test_it_outlives_runs_and_swaps(void **state)
{
    const struct svc_endpoint endpoint = {0};
    struct lab *lab = lab_of(state);
    uint64_t writes;

    (void)lab_activate(lab);
    assert_int_equal(datapath_put_endpoint(lab->datapath, 3, &endpoint), 0);
    writes = datapath_writes(lab->datapath);
    count_first_byte(lab, 3, 20100);
    assert_int_equal(datapath_writes(lab->datapath), writes);
    lab_restart(lab, DATAPATH_ADOPTED);
    expect_first_byte(lab, 3, 20100);
    lab_restart(lab, DATAPATH_MIGRATED);
    datapath_hold(lab->datapath);
    assert_int_equal(datapath_put_endpoint(lab->datapath, 3, &endpoint), 0);
    assert_int_equal(datapath_put_endpoint(lab->datapath, 4, &endpoint), 0);
    assert_int_equal(datapath_release(lab->datapath), 0);
    (void)lab_activate(lab);
    expect_first_byte(lab, 3, 20100);
    expect_none(lab, 4);
}

/* A set from before there was this one takes it in, and nothing else changes. */
static void test_a_set_without_it_is_adopted(void **state)
{
    const struct svc_endpoint endpoint = {0};
    struct lab *lab = lab_of(state);

    (void)lab_activate(lab);
    assert_int_equal(datapath_put_endpoint(lab->datapath, 3, &endpoint), 0);
    assert_int_equal(unlink(LAB_PINS "/maps/first_bytes"), 0);
    assert_int_equal(unlink(LAB_PINS "/maps/first_byte_waits"), 0);
    lab_restart(lab, DATAPATH_ADOPTED);
    (void)lab_activate(lab);
    expect_none(lab, 3);
    count_first_byte(lab, 3, 20100);
    expect_first_byte(lab, 3, 20100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_FORMS(test_it_goes_with_its_endpoint),
        BOTH_FORMS(test_it_outlives_runs_and_swaps),
        IN_KERNEL(test_a_set_without_it_is_adopted),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
