/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who asks. A stub is there for the sockets of its task that the programs have sent to it; whoever else is in
 * the network namespace can send there as well, and is no business of the task's. Within a task, users and
 * containers are told apart, so that none of them takes all the places.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

struct dns_server;
struct dns_task;
struct sockaddr_storage;

/* Equal or not is all there is to it. */
struct dns_asker {
    uint64_t group, user;
};

/* Which cgroups are a task's: it never changes for one. */
struct dns_cgroup {
    uint64_t id;
    bool is_tasks;
    UT_hash_handle hh;
};

/* In a thread of the task's network namespace. Nobody can be told apart where this fails. */
void dns_asker_open(struct dns_server *server);
void dns_asker_close(struct dns_server *server);

/* -EPERM: it is none of the task's. -ENOENT: it has gone; those who have are one asker together. */
int dns_asker_find(struct dns_server *server, bool is_udp, const struct sockaddr_storage *client,
                   struct dns_asker *ret_asker);

bool dns_asker_equal(const struct dns_asker *a, const struct dns_asker *b);

/* One of `n` who are `stride` bytes apart, with the most places; *ret_places of them. At most 1024 places. */
const struct dns_asker *dns_asker_greediest(const struct dns_asker *first, size_t n, size_t stride,
                                            unsigned *ret_places);

void dns_asker_forget(struct dns_task *task);
