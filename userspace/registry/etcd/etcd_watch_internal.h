/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the files of the watch share. Called by its thread. */
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "registry/etcd/etcd_watch.h"

/* etcd_queue.c: takes the batch over. A resync's is another's even if this host wrote last. */
void etcd_watch_queue(struct etcd_watch *watch, struct etcd_batch *batch, bool is_resync);
/* Said once each time. */
void etcd_watch_lost(struct etcd_watch *watch, const char *text);
void etcd_watch_found(struct etcd_watch *watch);
void etcd_watch_count(struct etcd_watch *watch, size_t n_strange, bool is_resync);

void etcd_watch_tell_driver(struct etcd_watch *watch, const char *host);
void etcd_watch_tell_hosts(struct etcd_watch *watch);

/* etcd_absence.c: a host's key was written or has gone; rows that are shown again go into the batch. -ENOMEM. */
struct etcd_batch *etcd_batch_new(uint64_t at);                                  /* NULL: out of memory */
int etcd_batch_add_row(struct etcd_batch *batch, const char *key, char **value); /* takes the value over */
int etcd_watch_host_came(struct etcd_watch *watch, const char *id, struct etcd_batch *batch);
int etcd_watch_host_went(struct etcd_watch *watch, const char *id);

/* This host's own key was written: by another one that has its name, if the writer is not this one. */
void etcd_watch_own_key(struct etcd_watch *watch, const char *value);

/* Hosts in doubt whose time has come are decided about, while the stream lives. -ENOMEM. */
int etcd_watch_look_at_hosts(struct etcd_watch *watch);

/* etcd_answering.c: does any of these instances' places take a connection? Waits for a second at the most. */
bool etcd_any_answers(char *const *values, size_t n);

/* etcd_batches.c: events in the order of their revisions become batches. What was seen before is passed over. */
int etcd_watch_take_events(struct etcd_watch *watch, struct etcd_pairs *events);

/* The difference between all rows as they are now and what is known becomes a batch, of so many rows. */
int etcd_watch_resync(struct etcd_watch *watch, size_t *ret_n_rows, struct error *error);
void etcd_watch_count_differences(struct etcd_watch *watch, size_t n);

/* etcd_audit.c: asks etcd whether it is as was told, and puts right what is not. */
/* -EAGAIN: rows were put right, the stream is to be opened anew. */
int etcd_watch_audit(struct etcd_watch *watch);
void etcd_watch_audit_later(struct etcd_watch *watch);

int etcd_watch_ask_head(struct etcd_watch *watch, struct etcd_head *ret_head, struct error *error);
