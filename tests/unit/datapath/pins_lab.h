/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What lies below the bpffs of a data path that a test opens: pins of an earlier run, and others. */
#pragma once

#include "unit/datapath/datapath_lab.h"

static inline bool has_pin(const char *path)
{
    char full[256];

    (void)snprintf(full, sizeof(full), LAB_PINS "/%s", path);
    return access(full, F_OK) == 0;
}

static inline void make_directory(const char *path)
{
    char full[256];

    (void)snprintf(full, sizeof(full), LAB_PINS "%s%s", *path ? "/" : "", path);
    assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
}

static inline void unpin(const char *path)
{
    char full[256];

    (void)snprintf(full, sizeof(full), LAB_PINS "/%s", path);
    assert_int_equal(unlink(full), 0);
}

/* Something else in the place of a pinned map: an array of so many bytes, or a hash. */
static inline void pin_stranger(const char *path, enum bpf_map_type type, uint32_t key_size,
                                uint32_t value_size)
{
    char full[256];
    _cleanup_close_ int fd = bpf_map_create(type, "svc_stranger", key_size, value_size, 4, NULL);

    (void)snprintf(full, sizeof(full), LAB_PINS "/%s", path);
    assert_true(fd >= 0);
    (void)unlink(full);
    assert_int_equal(bpf_obj_pin(fd, full), 0);
}

static inline int put_alias(struct lab *lab, uint32_t scope)
{
    struct svc_alias_key key = {.scope = scope};
    struct svc_alias alias = {.service = 1};

    return datapath_put_alias(lab->datapath, &key, &alias);
}

static inline int count_alias(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    (void)key;
    (void)alias;
    return ++*(int *)user, 0;
}

static inline int count_aliases(struct lab *lab)
{
    int n = 0;

    assert_int_equal(datapath_each_alias(lab->datapath, count_alias, &n), 0);
    return n;
}

/* An earlier run has published one alias, counted and ended. */
static inline void run_before(struct lab *lab)
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

static inline void expect_origin(struct lab *lab, enum datapath_origin origin, bool is_readable)
{
    assert_int_equal(datapath_origin(lab->datapath), origin);
    assert_int_equal(datapath_is_readable(lab->datapath), is_readable);
}

static inline void set_version(uint32_t version)
{
    struct svc_layout layout = {.abi_version = version};
    _cleanup_close_ int fd = lab_pinned("maps", "layout");
    uint32_t zero = 0;

    assert_int_equal(bpf_map_update_elem(fd, &zero, &layout, BPF_ANY), 0);
}

static inline int on_task(uint64_t cgroup_id, const struct svc_task *task, void *user)
{
    assert_int_equal(cgroup_id, 40);
    *(struct svc_task *)user = *task;
    return 0;
}
