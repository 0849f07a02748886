/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The decisions of the data path as pure functions: compiled for BPF into the programs and by the host
 * compiler into userspace and its unit tests, because the kernel cannot test-run a sock_addr program.
 */
#ifndef SVCCONNECT_DECISION_H
#define SVCCONNECT_DECISION_H

#include <svcconnect/abi.h>

#define SVC_INLINE static inline __attribute__((always_inline, unused))

#define SVC_SOCK_STREAM   1
#define SVC_SOCK_DGRAM    2
#define SVC_IPPROTO_MPTCP 262

/*
 * A table descriptor: first slot, number of slots, and a generation that only tells people (and a debugger)
 * that the table was replaced. A count of 0 is an empty table.
 */
#define SVC_MAX_TABLE_SLOTS 65535u

SVC_INLINE __u64 svc_descriptor(__u32 first, __u32 count, __u32 generation)
{
    return (__u64)first << 32 | (__u64)(count & 0xffff) << 16 | (generation & 0xffff);
}

SVC_INLINE __u32 svc_descriptor_first(__u64 descriptor)
{
    return descriptor >> 32;
}

SVC_INLINE __u32 svc_descriptor_count(__u64 descriptor)
{
    return descriptor >> 16 & 0xffff;
}

SVC_INLINE __u32 svc_descriptor_generation(__u64 descriptor)
{
    return descriptor & 0xffff;
}

/*
 * The protocol of a socket as aliases know it: TCP, UDP, or 0 for sockets that are never redirected.
 * An MPTCP socket is a stream whose fallback is TCP; SCTP, UDP-Lite and raw sockets are left alone.
 */
SVC_INLINE __u8 svc_socket_protocol(__u32 type, __u32 protocol)
{
    if (type == SVC_SOCK_STREAM && (protocol == TCP || protocol == SVC_IPPROTO_MPTCP))
        return TCP;
    if (type == SVC_SOCK_DGRAM && protocol == UDP)
        return UDP;
    return 0;
}

/*
 * One 32-bit word of an address, in whatever order the bytes have. No alignment is asked for by the host; in
 * the programs every address lies at a multiple of four, and four loads and shifts for one are a third of
 * them.
 */
#ifdef __bpf__
typedef __u32 __attribute__((may_alias)) svc_word;

SVC_INLINE __u32 svc_address_word(const __u8 address[16], int word)
{
    return ((const svc_word *)(const void *)address)[word];
}
#else
SVC_INLINE __u32 svc_address_word(const __u8 address[16], int word)
{
    __u32 value;
    __builtin_memcpy(&value, address + 4 * word, 4);
    return value;
}
#endif

/* Is it an IPv4 address in the mapped form (::ffff:a.b.c.d)? */
SVC_INLINE int svc_is_mapped(const __u8 address[16])
{
    return (svc_address_word(address, 0) | svc_address_word(address, 1) | address[8] | address[9] |
            (address[10] ^ 0xffu) | (address[11] ^ 0xffu)) == 0;
}

SVC_INLINE int svc_is_ipv6_loopback(const __u8 address[16])
{
    return (svc_address_word(address, 0) | svc_address_word(address, 1) | svc_address_word(address, 2) |
            address[12] | address[13] | address[14] | (address[15] ^ 1u)) == 0;
}

SVC_INLINE int svc_address_equal(const __u8 a[16], const __u8 b[16])
{
    return ((svc_address_word(a, 0) ^ svc_address_word(b, 0)) |
            (svc_address_word(a, 1) ^ svc_address_word(b, 1)) |
            (svc_address_word(a, 2) ^ svc_address_word(b, 2)) |
            (svc_address_word(a, 3) ^ svc_address_word(b, 3))) == 0;
}

/* Is the address one that only aliases have? IPv4 is held v4-mapped, as everywhere. */
SVC_INLINE int svc_is_in_alias_ranges(const struct svc_alias_ranges *ranges, const __u8 address[16])
{
    __u32 a = svc_address_word(address, 0);
    __u32 b = svc_address_word(address, 1);
    __u32 c = svc_address_word(address, 2);
    __u32 d = svc_address_word(address, 3);
    __u32 differs;

    if (svc_is_mapped(address))
        return ranges->mask4 && ((d ^ ranges->address4) & ranges->mask4) == 0;
    differs = ((a ^ ranges->address6[0]) & ranges->mask6[0]) |
              ((b ^ ranges->address6[1]) & ranges->mask6[1]) |
              ((c ^ ranges->address6[2]) & ranges->mask6[2]) | ((d ^ ranges->address6[3]) & ranges->mask6[3]);
    return ranges->mask6[0] && differs == 0;
}

/*
 * Programs that look for a source address connect a datagram socket and send nothing: getaddrinfo() of glibc
 * to the port that was asked for (0 if none was), musl's to 65535, Go's to 9 (discard).
 */
SVC_INLINE int svc_is_port_of_probes(__be16 port_be)
{
    const __u8 *bytes = (const __u8 *)&port_be;
    __u32 port = (__u32)bytes[0] << 8 | bytes[1];

    return port == 0 || port == 9 || port == 65535;
}

/* Is this entry of `services` the one the key asks for? */
SVC_INLINE int svc_service_matches(const struct svc_service *service, const struct svc_alias_key *key)
{
    if (service->scope != key->scope || service->port_be != key->port_be ||
        service->protocol != key->protocol)
        return 0;
    return svc_address_equal(service->address4, key->address) ||
           svc_address_equal(service->address6, key->address);
}

/* Where a draw ended: the column's outcome, by value. */
struct svc_outcome {
    __u32 endpoint;
    __be16 port_be;
    __u32 address[4]; /* the 16 bytes in network order, as words */
    __u32 column;     /* that was drawn: its slot; set by who draws */
    __u32 flags;      /* of the service that it was drawn for; set by who knows it */
    __u32 networks;
};

/*
 * Container networks of one host have no way to each other. Is the endpoint's address on other ones than the task is? An
 * endpoint or a task that is on none, a host's own for instance, has a way to all.
 */
SVC_INLINE int svc_is_far(__u32 endpoint_networks, __u32 task_networks)
{
    return endpoint_networks && task_networks && !(endpoint_networks & task_networks);
}

SVC_INLINE int svc_outcome_is_mapped(const struct svc_outcome *outcome)
{
    return svc_is_mapped((const __u8 *)outcome->address);
}

/* Which endpoints a socket can connect to, and which of those it is to get while there are any. */
enum svc_reach {
    SVC_REACH_IPV4,       /* these only: AF_INET, or bound to an IPv4 address */
    SVC_REACH_IPV4_FIRST, /* AF_INET6 that names an IPv4 address: where that is used, IPv6 may lead nowhere */
    SVC_REACH_IPV6, /* these only: bound to an IPv6 address, or about to send to one without a connect */
    SVC_REACH_IPV6_FIRST, /* AF_INET6, not bound; whether it is IPv6 only is another question */
};

/* Of an AF_INET6 socket with this source (:: while it is not bound) that connects to this address. */
SVC_INLINE enum svc_reach svc_reach_of(const __u8 source[16], const __u8 destination[16])
{
    __u32 any = svc_address_word(source, 0) | svc_address_word(source, 1) | svc_address_word(source, 2) |
                svc_address_word(source, 3);

    if (any)
        return svc_is_mapped(source) ? SVC_REACH_IPV4 : SVC_REACH_IPV6;
    return svc_is_mapped(destination) ? SVC_REACH_IPV4_FIRST : SVC_REACH_IPV6_FIRST;
}

/*
 * One 32-bit random word serves both draws of the alias method: of random * count the upper half is the
 * column, the lower half the fraction within it. Each stretch of a column that belongs to an endpoint keeps
 * its probability to 2^-32, one value of the word; an endpoint with stretches in k columns to k of them.
 */
SVC_INLINE __u32 svc_draw_column(__u32 random, __u32 count)
{
    return (__u64)random * count >> 32;
}

SVC_INLINE __u32 svc_draw_fraction(__u32 random, __u32 count)
{
    return (__u32)((__u64)random * count);
}

/* Each bit of the result depends on each of the input's (the finalizer of SplitMix64); one to one. */
SVC_INLINE __u64 svc_mix64(__u64 x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

/* In the place of a random word: the client's own, the same each time. The next ones are for draws that were out. */
SVC_INLINE __u32 svc_affinity_word(__u64 client, __u32 attempt)
{
    return (__u32)(svc_mix64(client + (attempt + 1) * 0x9e3779b97f4a7c15ull) >> 32);
}

/* The groups of a slot's outcomes in one word; 0 of one: it has none. */
#define SVC_MAX_GROUP 0xffffu

SVC_INLINE __u32 svc_groups(__u32 a, __u32 b)
{
    return a | b << 16;
}

SVC_INLINE __u32 svc_group_of(const struct svc_slot *slot, __u32 endpoint)
{
    return slot->endpoint_a == endpoint ? slot->groups & SVC_MAX_GROUP : slot->groups >> 16;
}

/*
 * Has the first, with one connection more, less to do for its weight than the second? Counts may be off by a few and
 * below 0 for a moment; what is equal is left where the weights have put it.
 */
SVC_INLINE int svc_is_less_loaded(__s32 open, __u32 weight, __s32 open_other, __u32 weight_other)
{
    __u64 load = (__u64)(open < 0 ? 0 : open) + 1;
    __u64 load_other = (__u64)(open_other < 0 ? 0 : open_other) + 1;

    return load * weight_other < load_other * weight;
}

/*
 * Without a branch on which outcome it is: a compiler would merge the two paths into one load at a
 * path-dependent offset, which the verifier refuses to programs loaded without CAP_PERFMON.
 */
SVC_INLINE struct svc_outcome svc_slot_outcome(const struct svc_slot *slot, __u32 fraction)
{
    __u32 is_a = (__u32)(((__s64)fraction - (__s64)slot->threshold) >> 63); /* all ones or zero */
    struct svc_outcome outcome;

    outcome.column = 0;
    outcome.flags = 0;
#define SVC_PICK(a, b) ((b) ^ (((a) ^ (b)) & is_a))
    outcome.endpoint = SVC_PICK(slot->endpoint_a, slot->endpoint_b);
    outcome.port_be = (__be16)SVC_PICK((__u32)slot->port_a_be, (__u32)slot->port_b_be);
    outcome.networks = SVC_PICK(slot->networks_a, slot->networks_b);
    outcome.address[0] = SVC_PICK(svc_address_word(slot->address_a, 0), svc_address_word(slot->address_b, 0));
    outcome.address[1] = SVC_PICK(svc_address_word(slot->address_a, 1), svc_address_word(slot->address_b, 1));
    outcome.address[2] = SVC_PICK(svc_address_word(slot->address_a, 2), svc_address_word(slot->address_b, 2));
    outcome.address[3] = SVC_PICK(svc_address_word(slot->address_a, 3), svc_address_word(slot->address_b, 3));
#undef SVC_PICK
    return outcome;
}

/* ---- passive ejection ---- */

#define SVC_HISTORY_PARTS 8
#define SVC_NS_PER_MS     1000000ull

/* The history `parts` eighths of a window later. */
SVC_INLINE __u64 svc_history_shift(__u64 history, __u64 parts)
{
    return parts >= SVC_HISTORY_PARTS ? 0 : history << (8 * parts);
}

/* One more failure in the newest part; a part holds at most 255. */
SVC_INLINE __u64 svc_history_add(__u64 history)
{
    return (history & 0xff) == 0xff ? history : history + 1;
}

SVC_INLINE __u32 svc_history_newest(__u64 history)
{
    return history & 0xff;
}

/* All parts together: bytes to 16-bit sums, added up by one multiplication. */
SVC_INLINE __u32 svc_history_sum(__u64 history)
{
    __u64 pairs = (history & 0x00ff00ff00ff00ffull) + (history >> 8 & 0x00ff00ff00ff00ffull);

    return pairs * 0x0001000100010001ull >> 48;
}

/* Which eighth of a window a moment falls into. */
SVC_INLINE __u32 svc_outlier_part(const struct svc_outlier *outlier, __u64 now)
{
    __u64 part_ns = (__u64)outlier->window_ms * (SVC_NS_PER_MS / SVC_HISTORY_PARTS);

    return part_ns ? now / part_ns : 0;
}

/* How long the next ejection lasts, ms: base, doubled for each one before it in a row, at most max. */
SVC_INLINE __u32 svc_outlier_duration(const struct svc_outlier *outlier)
{
    __u32 doublings = outlier->ejections < 16 ? outlier->ejections : 16;
    __u64 duration = (__u64)outlier->base_ms << doublings;

    return duration < outlier->max_ms ? duration : outlier->max_ms;
}

/* Until then no draws; history and row of ejections count on from the moment it returns. */
SVC_INLINE void svc_outlier_eject(struct svc_outlier *outlier, __u64 now, __u32 duration_ms)
{
    __u64 until = now + duration_ms * SVC_NS_PER_MS;

    outlier->history = 0;
    outlier->newest = svc_outlier_part(outlier, until);
    outlier->ejected_until = until;
}

/*
 * A connect to the endpoint has failed at `now`. 0, or for how long (ms) that ejected it. Failures while it
 * is ejected are late news and do not count. A time of max_ms without one ends a row of ejections. Two CPUs
 * at once may lose a count; none is invented.
 */
SVC_INLINE __u32 svc_outlier_fail(struct svc_outlier *outlier, __u64 now)
{
    __u64 until = outlier->ejected_until;
    __u32 part = svc_outlier_part(outlier, now);
    __u32 passed = part - outlier->newest;
    __u64 history;
    __u32 duration;

    if (until > now)
        return 0;
    if ((__s32)passed < 0) /* an ejection was cleared by hand before its time */
        passed = 0;
    if ((__u64)passed * outlier->window_ms / SVC_HISTORY_PARTS > outlier->max_ms)
        outlier->ejections = 0;
    history = svc_history_add(svc_history_shift(outlier->history, passed));
    outlier->history = history;
    outlier->newest = part;
    if (outlier->failures == 0 || svc_history_sum(history) < outlier->failures)
        return 0;
    duration = svc_outlier_duration(outlier);
    outlier->ejections++;
    svc_outlier_eject(outlier, now, duration);
    return duration;
}

/* So many milliseconds, 10 s at most, in ticks of so many nanoseconds: one at least. */
SVC_INLINE __u32 svc_syn_ticks(__u32 ms, __u64 tick_ns)
{
    return (__u32)(((__u64)ms * 1000000 + tick_ns - 1) / tick_ns);
}

/* Retries of a SYN after which a connect has waited at least so long, doubling from one second;
 * 0: leave it. */
SVC_INLINE __u32 svc_syn_retries(__u32 timeout_ms)
{
    for (__u32 retries = 1; retries < 6; retries++)
        if (timeout_ms <= ((2u << retries) - 1) * 1000)
            return retries;
    return 0;
}

#endif
