/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who calls whom: a row for each client, alias and endpoint that TCP connections have been made between. Layouts
 * and pure functions for both compilers, as abi.h and decision.h.
 *
 * A client is a number that the daemon has given: to a client service of a namespace, or to a task without one. It
 * stands in `task_scope`, and `caller_names` says whose it is. A row tells of itself where the endpoint was and
 * what was dialled, so that it stays right when numbers of endpoints and aliases are given to others.
 */
#ifndef SVCCONNECT_CALLERS_H
#define SVCCONNECT_CALLERS_H

#include <svcconnect/decision.h>

#define SVC_CALLERS           4096u  /* rows; a power of two */
#define SVC_CALLER_PROBES     8u     /* rows that a connection may be counted in */
#define SVC_CALLER_NAMES      4096u  /* clients at a time */
#define SVC_NOTES             32768u /* of connections, by local port: the usual range of ports has fewer */
#define SVC_NOTES_OF_CONNECTS 128u
#define SVC_RTT_BUCKETS       8u
#define SVC_OUTCOMES          6u  /* that fail: those below CLOSED */
#define SVC_PROCESS_SIZE      16u /* of a process's name, with the NUL */

/*
 * Value of `callers`. Three cache lines: what each connection needs, what goes over it, what fails. [0] is for all that
 * had no room: its `caller` is 0, and so is that of a row that is free. Who makes a row writes `caller` last. Counters
 * are raised by several CPUs at once, by atomic additions.
 */
struct svc_caller {
    __u32 caller;
    __u32 endpoint;
    __be16 alias_port_be; /* 0: the endpoint's own address was dialled, or it is not known what was */
    __be16 port_be;
    __u32 is_shared; /* the client has another row at this address: see the note */
    __u8 alias[16];
    __u8 address[16];  /* of the endpoint */
    __u64 connections; /* that have begun */
    __u64 closed;      /* that have ended as they should */
    __u64 bytes_sent;
    __u64 bytes_received;
    __u32 rtt[SVC_RTT_BUCKETS]; /* of those closed, see svc_is_rtt_noted() and svc_rtt_bucket() */
    __u64 reserved[2];
    __u64 failed[SVC_OUTCOMES]; /* by enum svc_outcome_kind; all but RETRANSMITTED have ended a connection */
    __u64 unlogged;             /* of [0]: connections that the log had no room for */
    __u64 reserved2;
};

/* Value of `caller_names`, by number: for people, and for a next daemon. */
struct svc_caller_name {
    char namespace[SVC_NAMESPACE_SIZE];
    char service[SVC_SERVICE_SIZE]; /* "": a task without one */
    char cgroup[SVC_CGROUP_SIZE];   /* of such a task */
};

/* Value of `dialled`[0], per CPU: what a connect() that is under way was led to. Taken as the connection begins. */
struct svc_dialled {
    __u32 endpoint; /* 0: taken */
    __be16 alias_port_be;
    __u16
        refused; /* connects of the tick `refused_at` that were refused and logged, see svc_refused_has_room() */
    __u8 alias[16];
    __u32 pid; /* these: only where connections are logged */
    __u32 refused_at;
    char process[SVC_PROCESS_SIZE];
};

/*
 * Value of `notes`, by some bits of the local port (svc_note_place()): of which row a connection is, and of which process.
 * Written where connections are logged or a row is shared. Another connection may have taken the place: port and row tell.
 */
struct svc_note {
    __u16 row;
    __u16 local_port;
    __u32 pid;   /* 0: not known, as what follows */
    __u64 begun; /* CLOCK_MONOTONIC, ns; of one that is not sampled, ticks */
    char process[SVC_PROCESS_SIZE];
};

/*
 * A record of the ring buffer `connections`: one connection that has ended. Nobody is woken for it: who listens looks
 * now and then.
 */
struct svc_connection {
    __u64 ended; /* CLOCK_MONOTONIC, ns */
    __u64 begun; /* 0: not known */
    __u32 caller;
    __u32 endpoint;
    __be16 alias_port_be; /* as in struct svc_caller */
    __be16 port_be;
    __u32 outcome; /* enum svc_outcome_kind, or svc_refusal */
    __u8 alias[16];
    __u8 address[16]; /* all 0 where an alias was refused before it led anywhere */
    __u64 bytes_sent;
    __u64 bytes_received;
    __u32 rtt_us; /* 0: none was measured */
    __u32 pid;    /* of whoever connected; 0: not known */
    char process[SVC_PROCESS_SIZE];
    __u32
        first_byte_us; /* until the first answer, see first_byte.h; 0: not measured. Records of before end here */
    __u32 zero;
};

#define SVC_CONNECTION_SIZE_BEFORE 104u /* of versions without the last two */
#define SVC_CONNECTIONS_BYTES      (1u << 20)

/* Which connections are logged, a constant of the programs; a number above 1: those that failed, and one of so many
 * of the others. */
#define SVC_LOG_OFF    0u
#define SVC_LOG_ALL    1u
#define SVC_LOG_FAILED 0xffffffffu

/* What becomes of a connect that is refused before it begins; beside enum svc_outcome_kind. */
enum svc_refusal {
    SVC_REFUSED_NO_ENDPOINT = 16, /* of the alias, that can be drawn and reached */
    SVC_REFUSED_NO_ALIAS = 17,    /* of the task, at an address that only aliases have */
    SVC_REFUSED_POLICY = 18,      /* the task may not call the service */
};

/* Such a connect costs whoever makes it next to nothing, so that one that is made again and again would fill the log: of
 * each CPU and tick so many are logged. The others are counted as `unlogged`. */
#define SVC_REFUSED_IN_TICK 16u

SVC_INLINE int svc_refused_has_room(struct svc_dialled *here, __u32 tick)
{
    if (here->refused_at != tick) {
        here->refused_at = tick;
        here->refused = 0;
    }
    if (here->refused >= SVC_REFUSED_IN_TICK)
        return 0;
    here->refused++;
    return 1;
}

/* Is it one of those that are logged however they end? The local port decides, so that it is known from the beginning. */
SVC_INLINE int svc_is_sampled(__u32 log, __u32 local_port)
{
    if (log == SVC_LOG_OFF || log == SVC_LOG_FAILED)
        return 0;
    return log == SVC_LOG_ALL || (local_port * 0x9e3779b1u >> 8) % log == 0;
}

SVC_INLINE int svc_is_logged(__u32 log, __u32 outcome, __u32 local_port)
{
    return log != SVC_LOG_OFF && (outcome != CLOSED || svc_is_sampled(log, local_port));
}

/* As whom the connections of a task are counted; 0: nobody in particular. */
SVC_INLINE __u32 svc_caller_of_scope(const struct svc_task_scope *scope)
{
    return (__u32)(*(const volatile __u64 *)&scope->reached >> SVC_REACHED_CALLER_SHIFT);
}

/* Where a connection's note is: few are for those that are noted while they connect, so that their memory stays warm;
 * others keep their place while they last. */
SVC_INLINE __u32 svc_note_place(__u32 local_port, int is_kept)
{
    return local_port & (is_kept ? SVC_NOTES - 1 : SVC_NOTES_OF_CONNECTS - 1);
}

/* Where a client's rows for an endpoint begin: one of 1..SVC_CALLERS is `place + 1`, the next ones follow. */
SVC_INLINE __u32 svc_caller_place(__u32 caller, __be16 port_be, const __u8 address[16])
{
    __u64 hash = ((__u64)svc_address_word(address, 3) << 32 | caller) * 0x9e3779b97f4a7c15ull;

    hash ^= hash >> 32;
    hash += (__u64)svc_address_word(address, 2) << 32 ^ (__u64)svc_address_word(address, 1) << 16 ^
            svc_address_word(address, 0) ^ (__u64)port_be << 40;
    hash *= 0xbf58476d1ce4e5b9ull;
    return (__u32)(hash >> 40) & (SVC_CALLERS - 1);
}

SVC_INLINE __u32 svc_caller_row(__u32 place, __u32 probe)
{
    return 1 + ((place + probe) & (SVC_CALLERS - 1));
}

/* Is it a row of this client, for an endpoint at that address? */
SVC_INLINE int svc_caller_is_at(const struct svc_caller *row, __u32 caller, __be16 port_be,
                                const __u8 address[16])
{
    return *(const volatile __u32 *)&row->caller == caller && row->port_be == port_be &&
           svc_address_equal(row->address, address);
}

/* And for what was dialled? */
SVC_INLINE int svc_caller_is_by(const struct svc_caller *row, const struct svc_dialled *dialled)
{
    return row->endpoint == dialled->endpoint && row->alias_port_be == dialled->alias_port_be &&
           svc_address_equal(row->alias, dialled->alias);
}

/* Is the round-trip time of one more counted? Of the first ones, then of one in 16: it costs another line of memory. */
#define SVC_RTT_FIRST 64u

SVC_INLINE int svc_is_rtt_noted(__u64 closed, __u32 local_port)
{
    return closed < SVC_RTT_FIRST || (local_port * 0x9e3779b1u >> 8 & 15) == 0;
}

/* Bucket 0 is below 64 us, each next one below four times that, the last one has all the rest. */
SVC_INLINE __u32 svc_rtt_bucket(__u32 microseconds)
{
    __u32 bucket = 0;

#pragma GCC unroll 7
    for (; bucket < SVC_RTT_BUCKETS - 1; bucket++)
        if (microseconds < 64u << 2 * bucket)
            break;
    return bucket;
}

/* Where the bucket ends, in us; 0: nowhere. */
SVC_INLINE __u32 svc_rtt_bucket_end(__u32 bucket)
{
    return bucket < SVC_RTT_BUCKETS - 1 ? 64u << 2 * bucket : 0;
}

/* What the socket has counted as acknowledged, without its SYN and, by the state it closed from, its FIN. */
SVC_INLINE __u64 svc_payload_sent(__u64 bytes_acked, int is_fin_acked)
{
    __u64 rest = 1 + (is_fin_acked != 0);

    return bytes_acked > rest ? bytes_acked - rest : 0;
}

_Static_assert(SVC_CALLER_NAMES < 1u << (64 - SVC_REACHED_CALLER_SHIFT), "there is room for all numbers");
_Static_assert(sizeof(struct svc_caller) == 192, "svc_caller is three cache lines");
_Static_assert(sizeof(struct svc_connection) == 112, "svc_connection has no padding");
_Static_assert(sizeof(struct svc_dialled) == 48, "svc_dialled has no padding");
_Static_assert(sizeof(struct svc_note) == 32, "svc_note is half a cache line");

#endif
