/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who asks for a change, by whatever way: plain data that a change carries with it. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <sys/types.h>

enum actor_kind {
    ACTOR_DAEMON, /* nobody asked: a canary's step, the end of a drain */
    ACTOR_SOCKET, /* a process on the control socket */
    ACTOR_KEY,    /* of the AWS APIs */
    ACTOR_FILE,   /* in services.d */
};

#define ACTOR_NAME_SIZE 64

struct actor {
    enum actor_kind kind;
    uid_t uid; /* of a process, as the kernel told when it connected */
    pid_t pid; /* likewise; 0: of another PID namespace */
    char name
        [ACTOR_NAME_SIZE]; /* of the process, the key pair or the file, whose end is kept; "": not known */
};

/* Names are cut, and what is not printable ASCII becomes '?'. */
struct actor actor_make(enum actor_kind kind, const char *name);

bool actor_equal(const struct actor *a, const struct actor *b);

#define ACTOR_TEXT_SIZE 128

/* "uid 0, process 4242 (svcconnect)", "key default", "file a.json", "svcconnectd". */
const char *actor_text(const struct actor *actor, char text[static ACTOR_TEXT_SIZE]);

/* {"kind": "socket", "uid": 0, "pid": 4242, "name": "svcconnect"}; the caller owns it. NULL: no memory. */
cJSON *actor_json(const struct actor *actor);
/* The way back; what cannot be read is the daemon. */
struct actor actor_of_json(const cJSON *json);
