/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A data path without a kernel, for tests and dry runs of what stands above it: the functions of datapath.h
 * with their contracts, on plain memory. No program reads it, so nothing is counted or ejected by itself;
 * what programs, cgroups and a kernel short of memory would do is done by the functions here.
 */
#pragma once

#include "datapath/datapath.h"

/* Empty, DATAPATH_NEW; `bpffs` and `cgroup_root` are not looked at. -ENOMEM; -EMFILE, -ENFILE. */
int datapath_new_in_memory(const struct datapath_config *config, struct datapath **ret_datapath);

/*
 * The daemon ends after datapath_activate() and the next one opens: DATAPATH_ADOPTED finds everything as it
 * was, DATAPATH_MIGRATED new and empty maps beside the old ones. Pointers into arrays are invalid after the
 * latter. Writes and the record begin at nothing. -ENOMEM: nothing has changed.
 */
int memory_datapath_restart(struct datapath *datapath, enum datapath_origin origin);

/* After `n` more entries each one put into this map ("aliases", "peers"...) fails; error 0 ends that. */
void memory_datapath_fail_puts(struct datapath *datapath, const char *map, unsigned n, int error);

/* From the next on, grace periods last until memory_datapath_end_grace(); without it they are
 * over at once. */
void memory_datapath_hold_grace(struct datapath *datapath);
void memory_datapath_end_grace(struct datapath *datapath);

/*
 * What was written, in this order, one line each (the text lives until the next call of either):
 *
 *   put MAP NUMBER, delete MAP NUMBER      an entry; the first word of its key (scope, endpoint, cgroup id)
 *   slots FIRST+COUNT
 *   identity INDEX, tables INDEX           of `services`
 *   outlier                                datapath_count_write()
 *   policy_guard                           datapath_guard_addresses()
 *   attach NAME, detach NAME, activate
 *   grace begins, grace waited for
 */
const char *memory_datapath_record(struct datapath *datapath);
void memory_datapath_forget_record(struct datapath *datapath);

/* What programs would have counted, and told. -ENOENT: no such endpoint; -EAGAIN: too many unread events. */
int memory_datapath_set_stats(struct datapath *datapath, uint32_t endpoint,
                              const struct svc_endpoint_stats *stats);
int memory_datapath_set_first_byte(struct datapath *datapath, uint32_t endpoint,
                                   const struct svc_first_byte *first_byte);
void memory_datapath_set_counters(struct datapath *datapath, const struct svc_counters *counters);
/* As a program would log it. */
int memory_datapath_log(struct datapath *datapath, const struct svc_connection *connection);

int memory_datapath_tell(struct datapath *datapath, const struct svc_event *event);

/* What the next mending finds gone and puts back, and the name of a link that is lost (NULL: none). Error
 * below 0: what mending fails with from now on, and the directory with it; 0 ends that. */
void memory_datapath_lose_pins(struct datapath *datapath, unsigned maps, unsigned links, const char *lost);
void memory_datapath_fail_mending(struct datapath *datapath, int error);

/* The cgroup is removed: its links stay pinned, attached to nothing. */
void memory_datapath_lose_cgroup(struct datapath *datapath, uint64_t cgroup_id);
