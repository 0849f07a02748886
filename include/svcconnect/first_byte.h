/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How long endpoints take to answer: from a connection's first byte there, or from its establishment where the endpoint
 * speaks first, to the first byte back. Layouts and pure functions for both compilers, as abi.h and decision.h.
 *
 * Some connections are measured, as the endpoint's `timed` says. While one is, the kernel calls for each segment that it sends:
 * the acknowledgement of the first answer goes out at once, and that is the last call. What is found goes into the endpoint's
 * `outliers` entry as an average, and into `first_bytes` as a histogram.
 */
#ifndef SVCCONNECT_FIRST_BYTE_H
#define SVCCONNECT_FIRST_BYTE_H

#include <svcconnect/decision.h>

#define SVC_FIRST_BYTE_WAITS    4096u /* connections that are measured at a time; a power of two */
#define SVC_FIRST_BYTE_BUCKETS  20u
#define SVC_FIRST_BYTE_SEGMENTS 1024u /* sent without an answer: it is waited for no longer */
#define SVC_FIRST_BYTE_MOST_US  (1u << 24)

/*
 * Value of `first_byte_waits`, by some bits of the socket's cookie: a connection whose answer is waited for, or has come.
 * Another connection may have taken the place: the cookie tells.
 */
struct svc_first_byte_wait {
    __u64 cookie;
    __u64 since;    /* CLOCK_MONOTONIC, ns: it was established, or has sent its first byte */
    __u32 took_us;  /* 0: no answer yet */
    __u32 segments; /* sent since then */
    __u32 has_sent;
    __u32 zero;
};

/* Value of `first_bytes`, made by the programs with an endpoint's first measurement: how many were in which bucket. And
 * of `caller_first_bytes`, by the numbers of `callers`. */
struct svc_first_byte {
    __u64 sum_us;
    __u32 buckets[SVC_FIRST_BYTE_BUCKETS];
    __u64 reserved;
};

/* `timed` of an svc_outlier where one connection of so many is measured; 1: all, 0: none. */
SVC_INLINE __u32 svc_timed_of(__u32 one_of)
{
    return one_of ? 0xffffffffu / one_of : 0;
}

/* Is a connection from this port one of those? */
SVC_INLINE int svc_is_timed(__u32 timed, __u32 local_port)
{
    return timed && local_port * 0x9e3779b1u <= timed;
}

/* Bucket 0 is below 64 us, each next one below twice that, the last one has all the rest. */
SVC_INLINE __u32 svc_first_byte_bucket(__u32 microseconds)
{
    __u32 bucket = 0;

#pragma GCC unroll 20
    for (; bucket < SVC_FIRST_BYTE_BUCKETS - 1; bucket++)
        if (microseconds < 64u << bucket)
            break;
    return bucket;
}

/* Where the bucket ends, in us; 0: nowhere. */
SVC_INLINE __u32 svc_first_byte_bucket_end(__u32 bucket)
{
    return bucket < SVC_FIRST_BYTE_BUCKETS - 1 ? 64u << bucket : 0;
}

/* Of a time in ns: at least 1, and what is longer than can be weighed is as long as can. */
SVC_INLINE __u32 svc_time_us(__u64 ns)
{
    __u64 us = ns / 1000;

    if (us == 0)
        return 1;
    return us < SVC_FIRST_BYTE_MOST_US ? (__u32)us : SVC_FIRST_BYTE_MOST_US;
}

/*
 * Averages grow old: nothing is known for certain of an endpoint that nobody was sent to. `age` in ticks; an average that is
 * 2^fade ticks old counts half, and so on, until somebody is sent there again.
 */
SVC_INLINE __u32 svc_time_faded(__u32 us, __u32 age, __u32 fade)
{
    __u32 halvings = age >> (fade & 31);

    return halvings < 24 ? us >> halvings : 0;
}

/* The average with one more: it moves by an eighth, by half where it had grown old. 0: there was none. */
SVC_INLINE __u32 svc_time_average(__u32 average, __u32 us, __u32 age, __u32 fade)
{
    __u32 faded = svc_time_faded(average, age, fade);
    __s64 shift = faded == average ? 3 : 1;
    __s64 moved;

    if (!average)
        return us;
    moved = (__s64)faded + (((__s64)us - (__s64)faded) >> shift);
    return moved > 0 ? (__u32)moved : 1;
}

/* Where an endpoint is chosen by its time, it is to be measured at least eight times while an average grows old by half. */
SVC_INLINE int svc_is_time_due(__u32 age, __u32 fade)
{
    return age >> ((fade - 3) & 31) != 0;
}

/*
 * As svc_is_less_loaded(), with what one connection takes: (open + 1) x time / weight. Where one of the times is not known,
 * both count as equal.
 */
SVC_INLINE int svc_is_sooner(__s32 open, __u32 weight, __u32 us, __s32 open_other, __u32 weight_other,
                             __u32 us_other)
{
    __u64 load = (__u64)(open < 0 ? 0 : open) + 1;
    __u64 load_other = (__u64)(open_other < 0 ? 0 : open_other) + 1;

    if (us && us_other) {
        /* Within 64 bits: 2^23 connections, 2^24 us, a weight of 2^16. */
        load *= us;
        load_other *= us_other;
    }
    return load * weight_other < load_other * weight;
}

/*
 * Is the first endpoint, with one connection more, done sooner than the second? By their times to the first byte; where one of
 * them has none, or none that is young enough, by their handshakes: the one is never compared with the other.
 */
SVC_INLINE int svc_is_endpoint_sooner(const struct svc_outlier *one, const struct svc_outlier *other,
                                      __u32 now, __u32 fade)
{
    __u32 us = svc_time_faded(*(const volatile __u32 *)&one->first_byte_us, now - one->measured_at, fade);
    __u32 us_other =
        svc_time_faded(*(const volatile __u32 *)&other->first_byte_us, now - other->measured_at, fade);

    if (!us || !us_other) {
        us = one->handshake_us;
        us_other = other->handshake_us;
    }
    return svc_is_sooner(*(const volatile __s32 *)&one->open, one->load_weight, us,
                         *(const volatile __s32 *)&other->open, other->load_weight, us_other);
}

/* Payload that has come: a FIN counts as a byte, and has come in these states. */
SVC_INLINE __u64 svc_payload_received(__u64 bytes_received, int has_fin)
{
    __u64 fin = has_fin ? 1 : 0;

    return bytes_received > fin ? bytes_received - fin : 0;
}

_Static_assert(sizeof(struct svc_first_byte_wait) == 32, "svc_first_byte_wait is half a cache line");
_Static_assert(sizeof(struct svc_first_byte) == 96, "svc_first_byte has no padding");

#endif
