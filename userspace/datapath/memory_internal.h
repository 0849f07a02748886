/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Private to the files of the form in memory. */
#pragma once

#include <stdio.h>

#include "base/hash.h"
#include "datapath/internal.h"
#include "datapath/memory.h"

struct memory_entry {
    UT_hash_handle hh;
    char *value; /* behind the key */
    char key[];
};

struct memory_map {
    struct memory_entry *all;
    uint32_t max_entries; /* 0: not a hash map */
    size_t key_size;
    size_t value_size;
    unsigned until_failure;
    int failure; /* of puts; 0: none */
};

struct memory_link {
    uint64_t cgroup_id; /* 0: the cgroup has gone */
    UT_hash_handle hh;
    char name[];
};

struct memory {
    struct memory_map maps[MAP_COUNT_];
    struct memory_entry *old[MAP_COUNT_];
    struct svc_outlier *old_outliers;
    struct memory_link *links; /* by name */
    int events[2];             /* a pipe of struct svc_event */
    int connections[2];        /* one of struct svc_connection */
    void (*on_event)(const struct svc_event *event, void *user);
    void *user;
    bool holds_grace;
    struct datapath_config sizes;
    struct datapath_mended to_mend;
    int mending; /* what it fails with; 0: nothing */
    FILE *record;
    char *record_text;
    size_t record_size;
};

#define RECORD(datapath, ...)                                                                                \
    (void)((datapath)->memory->record && fprintf((datapath)->memory->record, __VA_ARGS__))

/* memory_entries.c; an entry of key_size and value_size of its map. -E2BIG, -ENOMEM */
struct memory_entry *memory_find_entry(struct memory_entry *all, const void *key, size_t key_size);
int memory_add_entry(struct memory_map *map, const void *key, const void *value);
void memory_free_entries(struct memory_entry **all);
void memory_set_map_sizes(struct memory *memory, const struct datapath_config *config);
int memory_put(struct datapath *datapath, enum map_index index, const void *key, const void *value,
               bool is_new_only);
uint32_t memory_put_many(struct datapath *datapath, enum map_index map, const void *keys, const void *values,
                         uint32_t n);
int memory_remove(struct datapath *datapath, enum map_index index, const void *key);
int memory_get(const struct datapath *datapath, enum map_age age, enum map_index index, const void *key,
               void *ret_value);
int memory_each(const struct datapath *datapath, enum map_age age, enum map_index index, size_t value_size,
                entry_fn on_entry, void *context);

/* memory_links.c */
int memory_attach(struct datapath *datapath, const char *name, const char *cgroup_path, uint64_t cgroup_id,
                  struct error *error);
int memory_detach(struct datapath *datapath, const char *name);
bool memory_is_attached(struct datapath *datapath, const char *name, uint64_t cgroup_id);
int memory_mend_directory(struct datapath *datapath, struct error *error);
int memory_mend(struct datapath *datapath, unsigned tasks, struct datapath_mended *ret_mended,
                struct error *error);
int memory_each_link(struct datapath *datapath, int (*on_link)(const char *name, void *user), void *user);
