/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the files of the backend share. */
#pragma once

#include "registry/committer.h"
#include "registry/etcd/etcd_heads.h"
#include "registry/etcd/etcd_registry.h"
#include "registry/etcd/etcd_watch.h"

struct etcd_registry {
    struct registry registry;
    const struct etcd_settings *settings;
    char *fleet, *own, *head_key;
    char writer[ETCD_WRITER_SIZE];
    struct etcd_client client; /* the committer's while it works, else the owner's */
    struct committer committer;
    bool has_committer;
    struct etcd_watch watch;
    struct etcd_presence presence;
    char version[32]; /* of the member that was asked first; "": it has not said */
    bool is_following;
    bool has_all; /* a load of all rows has told the watch what is known */
    /* As the owner has taken them. */
    struct etcd_head head;   /* with the newest revision of all */
    struct etcd_heads heads; /* that commits compare */
    uint64_t at;             /* etcd's revision of that */

    /* The commit under way. */
    const struct registry_commit *commit;
    uint64_t n_commits;
    struct etcd_head next;
    struct etcd_pairs compared; /* the heads of its rows, at the revisions that they are to have */
    uint64_t revision;          /* etcd's */
    int result;
    struct error error;
};

/* The head as it was written by somebody who may not have seen all; `revision`: the newest of all heads. */
void etcd_raise_head(struct etcd_registry *self, const struct etcd_head *head, uint64_t revision);

/* etcd_commit.c: the committer's work; `user` is the registry. */
void etcd_commit_on_thread(void *user);

/* etcd_collect.c: appended, in no order; the owner's. `is_of_all`: it is the load that the watch goes on from. */
int etcd_collect(struct etcd_registry *self, struct etcd_pairs *rows, bool is_of_all, struct error *error);
