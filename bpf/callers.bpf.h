/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who calls whom: connect() notes on its CPU what was dialled and where that led; as the connection begins a moment
 * later, sock_ops finds the row of client, alias and endpoint and counts there; as it ends, the row is told how, and
 * what went over it. Nothing is kept in the socket, which would cost more than all the rest. Where a client has several
 * rows at an address, and where connections are logged, a note by the local port says more; where that is not this
 * connection's any more, the first of the rows is taken. A connect that is refused has no row: it is told to the log as it
 * is refused. An answer that was measured is counted by the row's number, in a map of its own. Its maps are here and not in
 * maps.bpf.h, and the log with the counters, which makes it long: with `callers` off none of this file is in the programs.
 */
#ifndef CALLERS_BPF_H
#define CALLERS_BPF_H

#include <svcconnect/callers.h>

#include "first_byte.bpf.h"
#include "peer_index.bpf.h"
#include "policy.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_CALLERS + 1);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_caller);
} callers SEC(".maps");

/* By the same numbers: times to the first byte, of the connections that are measured. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_CALLERS + 1);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct svc_first_byte);
} caller_first_bytes SEC(".maps");

/* For people and for a next daemon; the programs read task_scope. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SVC_CALLER_NAMES);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __u32);
    __type(value, struct svc_caller_name);
} caller_names SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct svc_dialled);
} dialled SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SVC_NOTES);
    __type(key, __u32);
    __type(value, struct svc_note);
} notes SEC(".maps");

/* Held while a row is made: no kernel that is supported compares and exchanges in a program. */
struct svc_callers_lock {
    struct bpf_spin_lock lock;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct svc_callers_lock);
} callers_lock SEC(".maps");

/* A record for each connection that is logged, for a daemon that listens. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, SVC_CONNECTIONS_BYTES);
} connections SEC(".maps");

/* Set by the daemon at load; 0: nothing of this is in the programs. The log needs the rows. */
const volatile __u32 counts_callers = 0;
const volatile __u32 connection_log = SVC_LOG_OFF;
/* How long one of bpf_jiffies64() is. */
const volatile __u64 tick_ns = 4000000;
const volatile __u32 has_process_names = 0; /* in programs of connect() */

static __always_inline int is_calling_counted(void)
{
    return counts_callers != 0;
}

/* A TCP connect to an alias has been led to the endpoint. */
static __always_inline void dialled_note(const struct svc_alias_key *key, __u32 endpoint)
{
    __u32 zero = 0;
    struct svc_dialled *here;

    if (!is_calling_counted())
        return;
    here = bpf_map_lookup_elem(&dialled, &zero);
    if (!here)
        return;
    __builtin_memcpy(here->alias, key->address, sizeof(here->alias));
    here->alias_port_be = key->port_be;
    here->endpoint = endpoint;
    if (connection_log != SVC_LOG_OFF && has_process_names) {
        here->pid = bpf_get_current_pid_tgid() >> 32;
        (void)bpf_get_current_comm(here->process, sizeof(here->process));
    }
}

static __always_inline int is_sampled(struct bpf_sock_ops *ctx)
{
    return svc_is_sampled(connection_log, ctx->local_port);
}

/* When a connection began is known to the tick, which costs a load, unless it is sampled. */
static __always_inline __u64 begun_now(int is_exact)
{
    return is_exact ? bpf_ktime_get_ns() : bpf_jiffies64();
}

static __always_inline __u64 begun_at(__u64 noted, __u64 now, int is_exact)
{
    return is_exact ? noted : now - (bpf_jiffies64() - noted) * tick_ns;
}

/*
 * What was dialled, if the connect that was noted last on this CPU is the one that begins at this address, whose first
 * endpoint is `first`. NULL: the address itself was, or nobody knows.
 */
static __always_inline struct svc_dialled *dialled_here(const struct svc_peer_key *key, __u32 first)
{
    __u32 zero = 0;
    struct svc_dialled *here = bpf_map_lookup_elem(&dialled, &zero);
    __u32 endpoint = here ? here->endpoint : 0;

    if (endpoint && endpoint != first) {
        const struct svc_outlier *outlier = bpf_map_lookup_elem(&outliers, &endpoint);

        if (!outlier || !svc_outlier_matches(outlier, key))
            return 0;
    }
    return endpoint ? here : 0;
}

/* The number of the row, looked for from its place on; 0: there is none. Without `by`: the first for the endpoint's address. */
static __attribute__((noinline)) __u32 caller_find(__u32 place, __u32 caller, const struct svc_peer_key *key,
                                                   const struct svc_dialled *by)
{
#pragma nounroll
    for (__u32 i = 0; i < SVC_CALLER_PROBES; i++) {
        __u32 number = svc_caller_row(place, i);
        const struct svc_caller *row = bpf_map_lookup_elem(&callers, &number);

        if (!row)
            return 0;
        if (svc_caller_is_at(row, caller, key->port_be, key->address) && (!by || svc_caller_is_by(row, by)))
            return number;
    }
    return 0;
}

/* Takes the row if it is free still. */
static __attribute__((noinline)) int caller_claim(__u32 number, __u32 caller, const struct svc_peer_key *key,
                                                  const struct svc_dialled *by)
{
    struct svc_caller *row = bpf_map_lookup_elem(&callers, &number);
    __u32 zero = 0;
    struct svc_callers_lock *held = bpf_map_lookup_elem(&callers_lock, &zero);
    int is_mine;

    if (!row || !held)
        return 0;
    bpf_spin_lock(&held->lock);
    is_mine = row->caller == 0;
    if (is_mine) {
        row->endpoint = by->endpoint;
        row->alias_port_be = by->alias_port_be;
        row->port_be = key->port_be;
        row->is_shared = 0;
        __builtin_memcpy(row->alias, by->alias, sizeof(row->alias));
        __builtin_memcpy(row->address, key->address, sizeof(row->address));
        *(volatile __u32 *)&row->caller = caller;
    }
    bpf_spin_unlock(&held->lock);
    return is_mine;
}

/* All rows of the client at the address say so, if there are several. */
static __attribute__((noinline)) int caller_share(__u32 place, __u32 caller, const struct svc_peer_key *key)
{
    struct svc_caller *first = 0;

#pragma nounroll
    for (__u32 i = 0; i < SVC_CALLER_PROBES; i++) {
        __u32 number = svc_caller_row(place, i);
        struct svc_caller *row = bpf_map_lookup_elem(&callers, &number);

        if (!row || !svc_caller_is_at(row, caller, key->port_be, key->address))
            continue;
        if (first)
            first->is_shared = row->is_shared = 1;
        else
            first = row;
    }
    return 0;
}

/* A row for it, once for each: whoever is faster has made it. 0: there is no room near its place. */
static __attribute__((noinline)) __u32 caller_make(__u32 place, __u32 caller, const struct svc_peer_key *key,
                                                   const struct svc_dialled *by)
{
#pragma nounroll
    for (__u32 i = 0; i < SVC_CALLER_PROBES; i++) {
        __u32 number = svc_caller_row(place, i);
        const struct svc_caller *row = bpf_map_lookup_elem(&callers, &number);

        if (!row)
            return 0;
        if ((row->caller == 0 && caller_claim(number, caller, key, by)) ||
            (svc_caller_is_at(row, caller, key->port_be, key->address) && svc_caller_is_by(row, by))) {
            (void)caller_share(place, caller, key);
            return number;
        }
    }
    return 0;
}

static __always_inline struct svc_note *note_of(struct bpf_sock_ops *ctx, int is_kept)
{
    __u32 place = svc_note_place(ctx->local_port, is_kept);

    return bpf_map_lookup_elem(&notes, &place);
}

static __always_inline void note_write(struct bpf_sock_ops *ctx, __u32 number, int is_shared,
                                       const struct svc_dialled *by)
{
    int is_exact = is_sampled(ctx);
    struct svc_note *note = note_of(ctx, is_shared || is_exact);

    if (!note)
        return;
    note->row = (__u16)number;
    note->local_port = (__u16)ctx->local_port;
    if (connection_log != SVC_LOG_OFF) {
        note->pid = by->pid;
        note->begun = begun_now(is_exact);
        __builtin_memcpy(note->process, by->process, sizeof(note->process));
    }
}

static __attribute__((noinline)) int caller_count(struct bpf_sock_ops *ctx, __u32 caller,
                                                  const struct svc_peer_key *key,
                                                  const struct svc_dialled *by)
{
    __u32 place = svc_caller_place(caller, key->port_be, key->address);
    __u32 number = caller ? caller_find(place, caller, key, by) : 0;
    struct svc_caller *row;

    if (caller && !number)
        number = caller_make(place, caller, key, by);
    row = bpf_map_lookup_elem(&callers, &number);
    if (!row)
        return 0;
    if (connection_log != SVC_LOG_OFF || row->is_shared)
        note_write(ctx, number, row->is_shared, by);
    __sync_fetch_and_add(&row->connections, 1);
    return 0;
}

/* A connection begins; `first` is the first endpoint at its address. */
static __always_inline void caller_begin(struct bpf_sock_ops *ctx, __u32 caller,
                                         const struct svc_peer_key *key, __u32 first)
{
    struct svc_dialled *by = dialled_here(key, first);

    if (by) {
        (void)caller_count(ctx, caller, key, by);
        by->endpoint = 0;
    } else {
        struct svc_dialled none = {.endpoint = first};

        (void)caller_count(ctx, caller, key, &none);
    }
}

/* Has its own FIN been acknowledged, in the state that it closes from? */
static __always_inline int is_fin_acked(__u32 state)
{
    return state == BPF_TCP_FIN_WAIT2 || state == BPF_TCP_LAST_ACK || state == BPF_TCP_CLOSING ||
           state == BPF_TCP_TIME_WAIT;
}

static __always_inline __u64 payload_sent(struct bpf_sock_ops *ctx)
{
    return svc_payload_sent(ctx->bytes_acked, is_fin_acked(ctx->args[0]));
}

static __always_inline void count_unlogged(void)
{
    __u32 zero = 0;
    struct svc_caller *others = bpf_map_lookup_elem(&callers, &zero);

    if (others)
        __sync_fetch_and_add(&others->unlogged, 1);
}

/*
 * To the log: a TCP connect that is refused before it begins. `is_alias`: it was to an alias's address, else to an endpoint's
 * own.
 */
static __attribute__((noinline)) int connect_tell_refused(const struct svc_alias_key *key, __u32 outcome,
                                                          int is_alias)
{
    const struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);
    struct svc_connection *told = 0;
    struct svc_dialled *here;
    __u32 zero = 0;

    if (!is_calling_counted() || connection_log == SVC_LOG_OFF || key->protocol != TCP)
        return 0;
    here = bpf_map_lookup_elem(&dialled, &zero);
    if (here && svc_refused_has_room(here, (__u32)bpf_jiffies64()))
        told = bpf_ringbuf_reserve(&connections, sizeof(*told), 0);
    if (!told) {
        count_unlogged();
        return 0;
    }
    __builtin_memset(told, 0, sizeof(*told));
    told->ended = bpf_ktime_get_ns();
    told->begun = told->ended;
    told->caller = svc_caller_of_scope(scope);
    told->outcome = outcome;
    if (is_alias) {
        told->alias_port_be = key->port_be;
        __builtin_memcpy(told->alias, key->address, sizeof(told->alias));
    } else {
        told->port_be = key->port_be;
        __builtin_memcpy(told->address, key->address, sizeof(told->address));
    }
    if (has_process_names) {
        told->pid = bpf_get_current_pid_tgid() >> 32;
        (void)bpf_get_current_comm(told->process, sizeof(told->process));
    }
    bpf_ringbuf_submit(told, BPF_RB_NO_WAKEUP);
    return 0;
}

/* By who may call whom, of an address that is no alias's; to the log too. */
static __always_inline int connect_refuses_address(const struct svc_alias_key *key)
{
    return policy_refuses_address(key) && connect_tell_refused(key, SVC_REFUSED_POLICY, 0) == 0;
}

/* To the log. Of a note that is another connection's by now nothing is told. */
static __attribute__((noinline)) int connection_tell(struct bpf_sock_ops *ctx, const struct svc_peer_key *key,
                                                     __u32 number, __u32 outcome)
{
    const struct svc_caller *row = bpf_map_lookup_elem(&callers, &number);
    struct svc_connection *told;
    const struct svc_note *note;
    int is_exact;

    if (!row)
        return 0;
    told = bpf_ringbuf_reserve(&connections, sizeof(*told), 0);
    if (!told) {
        count_unlogged();
        return 0;
    }
    __builtin_memset(told, 0, sizeof(*told));
    told->ended = bpf_ktime_get_ns();
    told->caller = row->caller;
    told->endpoint = row->endpoint;
    told->alias_port_be = row->alias_port_be;
    told->port_be = key->port_be;
    told->outcome = outcome;
    __builtin_memcpy(told->alias, row->alias, sizeof(told->alias));
    __builtin_memcpy(told->address, key->address, sizeof(told->address));
    if (outcome == CLOSED || outcome == RESET_EARLY) {
        told->bytes_sent = payload_sent(ctx);
        told->bytes_received = ctx->bytes_received;
        told->rtt_us = ctx->srtt_us >> 3;
        told->first_byte_us = first_byte_of(ctx);
    }
    is_exact = is_sampled(ctx);
    note = note_of(ctx, row->is_shared || is_exact);
    if (note && note->row == number && note->local_port == ctx->local_port) {
        told->begun = begun_at(note->begun, told->ended, is_exact);
        told->pid = note->pid;
        __builtin_memcpy(told->process, note->process, sizeof(told->process));
    }
    bpf_ringbuf_submit(told, BPF_RB_NO_WAKEUP);
    return 0;
}

/* The number of the row that the connection was counted in when it began. */
static __always_inline __u32 caller_of(struct bpf_sock_ops *ctx, __u32 caller, const struct svc_peer_key *key)
{
    __u32 place = svc_caller_place(caller, key->port_be, key->address);
    __u32 number = caller ? caller_find(place, caller, key, 0) : 0;
    const struct svc_caller *row = bpf_map_lookup_elem(&callers, &number);

    if (row && row->is_shared) {
        const struct svc_note *note = note_of(ctx, 1);
        __u32 noted;

        if (!note)
            return number;
        noted = note->row;
        row = bpf_map_lookup_elem(&callers, &noted);
        if (row && note->local_port == ctx->local_port &&
            svc_caller_is_at(row, caller, key->port_be, key->address))
            return noted;
    }
    return number;
}

/* An answer has come that was measured. */
static __attribute__((noinline)) int caller_first_byte(struct bpf_sock_ops *ctx, __u32 caller,
                                                       const struct svc_peer_key *key, __u32 us)
{
    __u32 number = caller_of(ctx, caller, key);
    struct svc_first_byte *row = bpf_map_lookup_elem(&caller_first_bytes, &number);

    if (row)
        first_byte_into(row, us);
    return 0;
}

static __always_inline void count_closed(struct bpf_sock_ops *ctx, struct svc_caller *row)
{
    __u64 sent = payload_sent(ctx), received = ctx->bytes_received;

    if (svc_is_rtt_noted(row->closed, ctx->local_port)) {
        __u64 bucket = svc_rtt_bucket(ctx->srtt_us >> 3);

        __sync_fetch_and_add(&row->rtt[bucket & (SVC_RTT_BUCKETS - 1)], 1);
    }
    __sync_fetch_and_add(&row->closed, 1);
    if (sent)
        __sync_fetch_and_add(&row->bytes_sent, sent);
    if (received)
        __sync_fetch_and_add(&row->bytes_received, received);
}

/*
 * Something has become of it: not that it begins, or is established. Its row outlives the endpoint; where there is neither, it is a
 * socket that another program wants to hear of.
 */
static __attribute__((noinline)) int caller_outcome(struct bpf_sock_ops *ctx, __u32 caller,
                                                    const struct svc_peer_key *key, __u32 kind,
                                                    int has_endpoint)
{
    __u32 number = caller_of(ctx, caller, key);
    struct svc_caller *row = bpf_map_lookup_elem(&callers, &number);
    __u64 place = kind;

    if (!row || (!number && !has_endpoint))
        return 0;
    if (kind == CLOSED) {
        count_closed(ctx, row);
    } else {
        /* The verifier knows no more of it than the next comparison, which the compiler would leave out. */
        asm volatile("" : "+r"(place));
        if (place < SVC_OUTCOMES)
            __sync_fetch_and_add(&row->failed[place], 1);
    }
    if (kind != RETRANSMITTED && svc_is_logged(connection_log, kind, ctx->local_port))
        (void)connection_tell(ctx, key, number, kind);
    return 0;
}

#endif
