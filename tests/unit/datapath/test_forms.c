/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Both forms answer the same calls alike: each row is called on both, then what they report is compared. The
 * kernel's needs root and a bpffs, which is mounted where only this process sees it; without, it is skipped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/memory.h"

enum call {
    PUT_ALIAS,
    DELETE_ALIAS,
    PUT_ENDPOINT,
    DELETE_ENDPOINT,
    PUT_PEER,
    DELETE_PEER,
    PUT_TASK,
    DELETE_TASK,
    STATS,
    SCOPE,
    HOLD,
    RELEASE,
    DETACH,
    PUBLISH,
    GRACE,
    ACTIVATE,
};

struct row {
    enum call call;
    uint32_t key;
    uint32_t value;
    int result;
};

static const struct row rows[] = {
    {ACTIVATE, 0, 0, 0},
    {PUT_ALIAS, 1, 10, 0},
    {PUT_ALIAS, 2, 20, 0},
    {PUT_ALIAS, 2, 21, 0},
    {PUT_ALIAS, 3, 30, -E2BIG},
    {DELETE_ALIAS, 1, 0, 0},
    {DELETE_ALIAS, 1, 0, 0},
    {PUT_ALIAS, 3, 30, 0},
    {STATS, 1, 0, -ENOENT},
    {PUT_ENDPOINT, 1, 5, 0},
    {PUT_ENDPOINT, 1, 6, 0},
    {STATS, 1, 0, 0},
    {PUT_PEER, 1, 1, 0},
    {PUT_PEER, 1, 2, 0},
    {DELETE_PEER, 7, 0, 0},
    {PUBLISH, 0, 11, 0},
    {HOLD, 0, 0, 0},
    {PUT_ENDPOINT, 2, 7, 0},
    {PUT_ENDPOINT, 3, 8, 0},
    {PUT_PEER, 2, 3, 0},
    {RELEASE, 0, 0, 0},
    {RELEASE, 0, 0, 0},
    {PUT_ENDPOINT, 4, 9, -E2BIG},
    {DELETE_ENDPOINT, 2, 0, 0},
    {DELETE_ENDPOINT, 2, 0, 0},
    {STATS, 2, 0, -ENOENT},
    {PUT_TASK, 1, 1, 0},
    {PUT_TASK, 2, 1, 0},
    {PUT_TASK, 3, 1, -E2BIG},
    {DELETE_TASK, 1, 0, 0},
    {SCOPE, 1, 1, -ENOENT},
    {DETACH, 0, 0, 0},
    {GRACE, 0, 0, 0},
    {HOLD, 0, 0, 0},
    {PUT_PEER, 3, 1, 0},
    {PUT_PEER, 4, 1, 0},
    {RELEASE, 0, 0, -E2BIG},
};

static int call(struct datapath *datapath, const struct row *row)
{
    struct svc_alias_key alias_key = {.scope = row->key, .protocol = TCP};
    struct svc_alias alias = {.service = row->value};
    struct svc_endpoint endpoint = {.weight = row->value};
    struct svc_peer_key peer_key = {.namespace_scope = row->key};
    struct svc_task task = {.scope = row->value};
    struct svc_endpoint_stats stats;
    unsigned swapped;

    switch (row->call) {
    case PUT_ALIAS:
        return datapath_put_alias(datapath, &alias_key, &alias);
    case DELETE_ALIAS:
        return datapath_delete_alias(datapath, &alias_key);
    case PUT_ENDPOINT:
        return datapath_put_endpoint(datapath, row->key, &endpoint);
    case DELETE_ENDPOINT:
        return datapath_delete_endpoint(datapath, row->key);
    case PUT_PEER:
        return datapath_put_peer(datapath, &peer_key, row->value);
    case DELETE_PEER:
        return datapath_delete_peer(datapath, &peer_key);
    case PUT_TASK:
        return datapath_put_task(datapath, row->key, &task);
    case DELETE_TASK:
        return datapath_delete_task(datapath, row->key);
    case STATS:
        return datapath_endpoint_stats(datapath, row->key, &stats);
    case SCOPE:
        return datapath_set_scope(datapath, row->key, row->value, row->value);
    case HOLD:
        datapath_hold(datapath);
        return 0;
    case RELEASE:
        return datapath_release(datapath);
    case DETACH:
        return datapath_detach(datapath, "nobody-1");
    case PUBLISH:
        datapath_publish(datapath, row->key, row->value, row->value);
        return 0;
    case GRACE:
        if (datapath_grace_begin(datapath) < 0 || datapath_grace_begin(datapath) != -EBUSY)
            return -EINVAL;
        datapath_grace_end(datapath);
        datapath_grace_wait(datapath);
        return 0;
    case ACTIVATE:
        return datapath_activate(datapath, &swapped, NULL);
    }
    return -EINVAL;
}

/* ---- what a form reports, in an order of its own ---- */

#define REPORT_LINES 16

struct report {
    char lines[REPORT_LINES][48];
    size_t n;
};

static int add_line(struct report *report, const char *map, uint64_t key, uint32_t value)
{
    assert_true(report->n < REPORT_LINES);
    (void)snprintf(report->lines[report->n++], sizeof(report->lines[0]), "%s %llu: %u", map,
                   (unsigned long long)key, value);
    return 0;
}

static int on_alias(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    return add_line(user, "alias", key->scope, alias->service);
}

static int on_endpoint(uint32_t number, const struct svc_endpoint *endpoint, void *user)
{
    return add_line(user, "endpoint", number, endpoint->weight);
}

static int on_peer(const struct svc_peer_key *key, uint32_t endpoint, void *user)
{
    return add_line(user, "peer", key->namespace_scope, endpoint);
}

static int on_task(uint64_t cgroup_id, const struct svc_task *task, void *user)
{
    return add_line(user, "task", cgroup_id, task->scope);
}

static int on_link(const char *name, void *user)
{
    return add_line(user, name, 0, 0);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void read_report(struct datapath *datapath, struct report *report)
{
    memset(report, 0, sizeof(*report));
    assert_int_equal(datapath_each_alias(datapath, on_alias, report), 0);
    assert_int_equal(datapath_each_endpoint(datapath, on_endpoint, report), 0);
    assert_int_equal(datapath_each_peer(datapath, on_peer, report), 0);
    assert_int_equal(datapath_each_task(datapath, on_task, report), 0);
    assert_int_equal(datapath_each_link(datapath, on_link, report), 0);
    (void)add_line(report, "service", 0, (uint32_t)datapath_service(datapath, 0)->table4);
    (void)add_line(report, "origin", 0, datapath_origin(datapath));
    qsort(report->lines, report->n, sizeof(report->lines[0]), by_text);
}

/* ---- the two forms ---- */

struct forms {
    char bpffs[32];
    bool is_mounted;
    struct datapath_config config;
    struct datapath *memory;
    struct datapath *kernel; /* NULL: cannot be had here */
};

static void open_kernel(struct forms *forms)
{
    struct error error = {0};
    int r;

    if (geteuid() != 0) {
        print_message("[  SKIP    ] the kernel's form: not root\n");
        return;
    }
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("bpf", forms->bpffs, "bpf", 0, NULL) < 0) {
        print_message("[  SKIP    ] the kernel's form: no bpffs: %s\n", strerror(errno));
        return;
    }
    forms->is_mounted = true;
    r = datapath_open(&forms->config, &forms->kernel, &error);
    if (r == -EPERM || r == -ENOSYS || r == -EACCES)
        print_message("[  SKIP    ] the kernel's form: %s\n", error.message);
    else if (r < 0)
        fail_msg("%s", error.message);
}

static int setup(void **state)
{
    struct forms *forms = calloc(1, sizeof(*forms));

    *state = forms;
    if (!forms)
        return -1;
    strcpy(forms->bpffs, "/tmp/svcconnect-forms-XXXXXX");
    if (!mkdtemp(forms->bpffs))
        return -1;
    forms->config = (struct datapath_config){.bpffs = forms->bpffs,
                                             .cgroup_root = "/sys/fs/cgroup",
                                             .aliases = 2,
                                             .slots = 4,
                                             .endpoints = 3,
                                             .tasks = 2};
    if (datapath_new_in_memory(&forms->config, &forms->memory) < 0)
        return -1;
    open_kernel(forms);
    return 0;
}

static int teardown(void **state)
{
    struct forms *forms = *state;

    datapath_close(&forms->memory);
    datapath_close(&forms->kernel);
    if (forms->is_mounted)
        (void)umount2(forms->bpffs, MNT_DETACH);
    (void)rmdir(forms->bpffs);
    free(forms);
    return 0;
}

static void expect_equal(struct forms *forms, size_t row)
{
    struct report memory, kernel;

    read_report(forms->memory, &memory);
    read_report(forms->kernel, &kernel);
    for (size_t i = 0; i < REPORT_LINES; i++)
        if (strcmp(memory.lines[i], kernel.lines[i]) != 0)
            fail_msg("after row %zu: in memory \"%s\", in the kernel \"%s\"", row, memory.lines[i],
                     kernel.lines[i]);
    if (datapath_writes(forms->memory) != datapath_writes(forms->kernel))
        fail_msg("after row %zu: %llu writes in memory, %llu in the kernel", row,
                 (unsigned long long)datapath_writes(forms->memory),
                 (unsigned long long)datapath_writes(forms->kernel));
}

static void test_both_forms_agree(void **state)
{
    struct forms *forms = *state;
    bool is_holding = false;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int r = call(forms->memory, &rows[i]);

        if (r != rows[i].result)
            fail_msg("row %zu: %d in memory, expected %d", i, r, rows[i].result);
        if (!forms->kernel)
            continue;
        r = call(forms->kernel, &rows[i]);
        if (r != rows[i].result)
            fail_msg("row %zu: %d in the kernel, expected %d", i, r, rows[i].result);
        is_holding = rows[i].call == HOLD || (is_holding && rows[i].call != RELEASE);
        if (!is_holding)
            expect_equal(forms, i);
    }
    if (!forms->kernel)
        return;
    /* The next run, with the same sizes and then with others. */
    datapath_close(&forms->kernel);
    assert_int_equal(datapath_open(&forms->config, &forms->kernel, NULL), 0);
    assert_int_equal(memory_datapath_restart(forms->memory, DATAPATH_ADOPTED), 0);
    expect_equal(forms, ARRAY_SIZE(rows));
    datapath_close(&forms->kernel);
    forms->config.slots *= 2;
    assert_int_equal(datapath_open(&forms->config, &forms->kernel, NULL), 0);
    assert_int_equal(memory_datapath_restart(forms->memory, DATAPATH_MIGRATED), 0);
    expect_equal(forms, ARRAY_SIZE(rows) + 1);
    assert_int_equal(call(forms->memory, &rows[0]), 0);
    assert_int_equal(call(forms->kernel, &rows[0]), 0);
    expect_equal(forms, ARRAY_SIZE(rows) + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_forms_agree, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
