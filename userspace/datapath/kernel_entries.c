/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Entries of the kernel's hash maps: one at a time, or many by one system call, which halves
 * what one costs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "datapath/kernel.h"

#define WALK_BATCH   1024u /* entries; no bucket of a hash holds as many */
#define MAX_KEY_SIZE 64u

static int map_fd(const struct datapath *datapath, enum map_age age, enum map_index map)
{
    return age == MAPS_OLD ? datapath->kernel->old.fd[map] : datapath->kernel->fd[map];
}

/* One entry at a time: two system calls each. */
static int each_entry_singly(int fd, void *value, entry_fn on_entry, void *context)
{
    char keys[2][MAX_KEY_SIZE];
    int current = 0;
    int r;

    if (bpf_map_get_next_key(fd, NULL, keys[0]) < 0)
        return 0;
    for (;;) {
        bool is_last = bpf_map_get_next_key(fd, keys[current], keys[!current]) < 0;

        if (bpf_map_lookup_elem(fd, keys[current], value) == 0) {
            r = on_entry(keys[current], value, context);
            if (r < 0)
                return r;
        }
        if (is_last)
            return 0;
        current = !current;
    }
}

/*
 * Walks a map that nobody else writes meanwhile. Deleting the entry a callback was just given is safe: the
 * next ones are fetched by their bucket, or before it.
 */
int kernel_each(const struct datapath *datapath, enum map_age age, enum map_index map, size_t value_size,
                entry_fn on_entry, void *context)
{
    _cleanup_free_ char *keys = NULL;
    _cleanup_free_ char *values = NULL;
    _cleanup_free_ char *value = NULL;
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);
    __u32 bucket = 0;
    bool is_first = true;
    int fd = map_fd(datapath, age, map);

    if (fd < 0)
        return 0;
    if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
        return -errno;
    keys = malloc((size_t)WALK_BATCH * info.key_size);
    values = malloc((size_t)WALK_BATCH * info.value_size);
    /* A value of another version may be shorter or longer than what the callback takes. */
    value = calloc(1, info.value_size > value_size ? info.value_size : value_size);
    if (!keys || !values || !value)
        return -ENOMEM;
    for (;;) {
        __u32 n = WALK_BATCH;
        bool is_last =
            bpf_map_lookup_batch(fd, is_first ? NULL : &bucket, &bucket, keys, values, &n, NULL) < 0;

        if (is_last && errno != ENOENT)
            return is_first ? each_entry_singly(fd, value, on_entry, context) : -errno;
        for (__u32 i = 0; i < n; i++) {
            int r;

            memcpy(value, values + (size_t)i * info.value_size, info.value_size);
            r = on_entry(keys + (size_t)i * info.key_size, value, context);
            if (r < 0)
                return r;
        }
        if (is_last)
            return 0;
        is_first = false;
    }
}

#define PUT_TRIES 12

/*
 * The kernel takes elements of these maps from a small stock that it fills up in the background. Many in a
 * row may find it empty (ENOMEM) with memory to spare, so a failure counts only when waiting, 0.2 s in all,
 * has not helped.
 */
int kernel_put(struct datapath *datapath, enum map_index map, const void *key, const void *value,
               bool is_new_only)
{
    for (unsigned attempt = 0;; attempt++) {
        struct timespec pause = {.tv_nsec = 50000l << attempt};

        if (bpf_map_update_elem(datapath->kernel->fd[map], key, value, is_new_only ? BPF_NOEXIST : BPF_ANY) ==
            0)
            return 0;
        if (errno != ENOMEM || attempt == PUT_TRIES)
            return -errno;
        (void)nanosleep(&pause, NULL);
    }
}

uint32_t kernel_put_many(struct datapath *datapath, enum map_index map, const void *keys, const void *values,
                         uint32_t n)
{
    __u32 written = n;

    if (bpf_map_update_batch(datapath->kernel->fd[map], keys, values, &written, NULL) < 0 && written >= n)
        return 0;
    return written;
}

int kernel_remove(struct datapath *datapath, enum map_index map, const void *key)
{
    return bpf_map_delete_elem(datapath->kernel->fd[map], key) < 0 ? -errno : 0;
}

int kernel_get(const struct datapath *datapath, enum map_age age, enum map_index map, const void *key,
               void *ret_value)
{
    return bpf_map_lookup_elem(map_fd(datapath, age, map), key, ret_value) < 0 ? -errno : 0;
}
