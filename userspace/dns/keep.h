/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The sockets of stubs over the end of a daemon. A small process beside it, the keeper, has them too: however
 * the daemon ends, questions wait in them, nobody else gets their place, and the next daemon takes them over.
 * After a regular end a copy of the daemon answers until then (stand_in.c). Private to dns/.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <svcconnect/abi.h>

#include "base/address.h"
#include "cgroups/root_file.h"

#define KEEP_VERSION 1 /* of the message: what is of another one is not taken over */
#define KEEP_FDS     (1 + 2 * SVC_NAMESERVERS)
#define KEEP_WAIT_MS 2500 /* questions wait so long for the next daemon; later ones are not sent here */
#define KEEP_END_MS  3500 /* then they are told that nobody answers, until this */
#define KEEP_LOOK_MS 100

enum keep_kind {
    KEEP_PUT,    /* a stub; its network namespace and the sockets of its servers come with it */
    KEEP_DROP,   /* the stub of that number has ended */
    KEEP_LISTEN, /* where the next daemon asks; a socket comes with it */
    KEEP_END,    /* these are all; the answer says that they are in good hands */
    KEEP_LEAVE,  /* they are in other hands */
};

struct keep_server {
    struct ip_address address, stub;
    uint32_t zone_index;
    uint16_t port;
    uint16_t zero;
};

struct keep_message {
    uint32_t version;
    uint32_t kind;
    uint64_t cgroup_id;
    uint64_t netns_cookie;
    uint32_t number; /* of its entry in `resolvers` */
    uint32_t n_servers;
    struct keep_server servers[SVC_NAMESERVERS];
    char cgroup[PATH_MAX];        /* its directory: nobody needs the sockets when it is empty */
    char text[ROOT_FILE_MAX + 1]; /* of the resolv.conf */
};

/* ---- messages (keep_message.c) ---- */

/* Without what is not used of the text. -errno; -EAGAIN if `flags` say not to wait. */
int keep_send(int fd, const struct keep_message *message, const int *fds, size_t n_fds, int flags);

/* *ret_fds: the caller closes them. -EPIPE: the other end has gone; -EBADMSG. */
int keep_receive(int fd, struct keep_message *ret_message, int ret_fds[static KEEP_FDS], size_t *ret_n_fds,
                 int flags);

/* Has this cgroup no process? One that has gone has none. */
bool keep_is_deserted(const char *cgroup);

/* ---- the keeper (keeper.c) ---- */

/* Forks it; it ends some seconds after its other end has, or when that says so. -errno. */
int keeper_start(int *ret_fd);

/* ---- this daemon's stubs (keep.c) ---- */

struct dns;
struct dns_stub;
struct dns_task;

/* Says what the keeper is to have; once more at each tick, if it could not take it. */
void dns_keep_put(struct dns *dns, struct dns_stub *stub);
void dns_keep_drop(struct dns *dns, const struct dns_stub *stub);
void dns_keep_tick(struct dns *dns);

/* At a start, as early as there is a heartbeat to give: is somebody there to take stubs over from? */
void dns_keep_meet(struct dns *dns);
/* Takes them over, for the tasks that there are, and says that they are in good hands. */
void dns_keep_take_over(struct dns *dns);
/* From then on the next daemon can ask. */
void dns_keep_listen(struct dns *dns);
void dns_keep_done(struct dns *dns);

/* All stubs to who has asked for them. 0: sent; a byte from there says that they are in good hands. */
int dns_keep_hand_over(struct dns *dns, int fd);

/* In a task's stub: sockets that were made by another daemon. stub.c. */
int dns_stub_take_over(struct dns *dns, struct dns_task *task, const struct keep_message *message,
                       int fds[static KEEP_FDS], struct dns_stub **ret_stub);
