/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Private to the files of the kernel's form: open, links, events, preflight, kernel_... */
#pragma once

#include <limits.h>
#include <pthread.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/hash.h"
#include "datapath/internal.h"
#include "svcconnect.skel.h"

struct datapath_fds {
    int fd[MAP_COUNT_];
};

struct listener;

/* Of one look at the ring buffer of connections. */
struct connection_reader {
    connection_fn on_connection;
    void *user;
    unsigned most;
    unsigned n;
};

#define DATAPATH_MAX_PROGRAMS 12

/* The links of a task, as datapath_programs() has them; -1: not held. */
struct held_links {
    int fd[DATAPATH_MAX_PROGRAMS];
    UT_hash_handle hh;
    char name[];
};

struct kernel {
    char bpffs[PATH_MAX - 256];
    bool is_in_new;          /* the maps in use are still pinned in maps_new */
    struct datapath_fds old; /* -1 where there is none */
    struct svcconnect_bpf *skeleton;
    int fd[MAP_COUNT_];       /* owned by the skeleton */
    uint32_t services_map_id; /* these tell programs on these maps from others: each uses one of them */
    uint32_t peers_map_id;
    uint32_t flows_map_id;
    uint32_t known_ours[DATAPATH_MAX_PROGRAMS]; /* of each program: one of an earlier run that is like it */
    uint32_t map_ids[MAP_COUNT_];               /* for mending; 0 until it begins */
    struct held_links *links;                   /* by name */
    struct held_links *next_mended;
    struct ring_buffer *events;
    struct listener *listener;
    struct ring_buffer *connections; /* NULL: not read yet */
    struct connection_reader reader;
    int grace_outer;
    int grace_inner;
    pthread_t grace_thread;
};

/* kernel_entries.c */
int kernel_put(struct datapath *datapath, enum map_index map, const void *key, const void *value,
               bool is_new_only);
uint32_t kernel_put_many(struct datapath *datapath, enum map_index map, const void *keys, const void *values,
                         uint32_t n);
int kernel_remove(struct datapath *datapath, enum map_index map, const void *key);
int kernel_get(const struct datapath *datapath, enum map_age age, enum map_index map, const void *key,
               void *ret_value);
int kernel_each(const struct datapath *datapath, enum map_age age, enum map_index map, size_t value_size,
                entry_fn on_entry, void *context);

/* kernel_pins.c; `directory` is "maps", "maps_new" or "maps_old" */
void kernel_map_path(const struct datapath *datapath, char path[PATH_MAX], const char *directory, int map);
bool kernel_has_directory(const struct datapath *datapath, const char *directory);
void kernel_remove_directory(const struct datapath *datapath, const char *directory);
int kernel_rename_directory(const struct datapath *datapath, const char *from, const char *to);
int kernel_recover_directories(const struct datapath *datapath);
void kernel_open_pinned(const struct datapath *datapath, struct datapath_fds *fds);
void kernel_close_one(struct datapath_fds *fds, int map);
void kernel_close_pinned(struct datapath_fds *fds);

/* kernel_adopt.c; the sizes of the skeleton's maps are those that are wanted */
struct bpf_map *kernel_skeleton_map(const struct datapath *datapath, int map);
/* Closes what lies under a name of ours and is no such map: reading it would go past the end of what is read
 * into. The others are as they were, whatever their sizes. */
void kernel_drop_foreign(const struct datapath *datapath, struct datapath_fds *fds);
uint32_t kernel_pinned_version(const struct datapath_fds *fds); /* 0: it cannot be read */
bool kernel_is_readable(uint32_t version); /* are entries of that version like this one's? */
enum datapath_origin kernel_judge_pinned(const struct datapath *datapath, const struct datapath_fds *fds);
int kernel_choose_stock(const struct datapath *datapath, const struct datapath_config *config);
int kernel_reuse_pinned(struct datapath *datapath, const struct datapath_fds *fds);
void kernel_remember_old(struct datapath *datapath, const struct datapath_fds *fds);
bool kernel_is_addition(int map); /* came after the set's version: one that lacks it is adopted and gets it */

/* kernel_arrays.c; what was mapped when mapping fails is still unmapped by the other */
int kernel_map_arrays(struct datapath *datapath);
void kernel_unmap_arrays(struct datapath *datapath);

/* kernel_facts.c */
struct kernel_facts {
    struct svc_kernel_fact error;
    struct svc_kernel_fact ipv6_only;
    struct svc_kernel_fact defers_syn;
};

/* False: not all are known. */
bool kernel_facts_find(struct kernel_facts *ret_facts);

/* kernel_programs.c; `number`: which of the programs */
bool kernel_is_our_program(struct datapath *datapath, int number, uint32_t program_id,
                           const struct bpf_program *ours);

/* events.c */
int kernel_listen(struct datapath *datapath, void (*on_event)(const struct svc_event *event, void *user),
                  void *user);
int kernel_events_fd(const struct datapath *datapath);
void kernel_read_events(struct datapath *datapath);
unsigned kernel_read_connections(struct datapath *datapath, unsigned most, connection_fn on_connection,
                                 void *user);
void kernel_events_deinit(struct datapath *datapath);

/* kernel_grace.c */
int kernel_grace_init(struct datapath *datapath);
int kernel_grace_start(struct datapath *datapath);
void kernel_grace_join(struct datapath *datapath);
void kernel_grace_wait(struct datapath *datapath);
void kernel_grace_deinit(struct datapath *datapath);

/* links.c */
int kernel_attach(struct datapath *datapath, const char *name, const char *cgroup_path, uint64_t cgroup_id,
                  struct error *error);
int kernel_detach(struct datapath *datapath, const char *name);
bool kernel_is_attached(struct datapath *datapath, const char *name, uint64_t cgroup_id);
int kernel_each_link(struct datapath *datapath, int (*on_link)(const char *name, void *user), void *user);

/* The path of a pin; without `pin` of the task's directory, without a name of all of them. */
void kernel_link_path(const struct datapath *datapath, char path[PATH_MAX], const char *name,
                      const char *pin);
/* For kernel_each_link(): holds what is pinned there; `user` is the struct datapath. Returns 0. */
int kernel_hold_pinned(const char *name, void *user);

/* held_links.c */
struct held_links *kernel_held_links(const struct kernel *kernel, const char *name); /* NULL: none */
void kernel_hold_link(struct kernel *kernel, const char *name, int program, int fd); /* takes the fd */
void kernel_drop_links(struct kernel *kernel, const char *name);
void kernel_drop_all_links(struct kernel *kernel);

/* kernel_mend.c */
int kernel_mend_directory(struct datapath *datapath, struct error *error);
int kernel_mend_links(struct datapath *datapath, const struct held_links *held, unsigned *mended,
                      bool *is_lost, struct error *error);
int kernel_mend(struct datapath *datapath, unsigned tasks, struct datapath_mended *ret_mended,
                struct error *error);

/* Brings the programs of one link directory to this run's; *swapped counts updates. */
int datapath_refresh_link(struct datapath *datapath, const char *name, unsigned *swapped);

/* Programs by the name of their link's pin; NULL-terminated. */
struct datapath_program {
    const char *pin;
    struct bpf_program *program;
};
void datapath_programs(const struct datapath *datapath,
                       struct datapath_program programs[DATAPATH_MAX_PROGRAMS]);
