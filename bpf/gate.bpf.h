/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where a destination is none of ours: it lies outside the alias ranges and is no question to a name server.
 * That is most of what a task connects to, and all of it is told by comparisons with constants: nothing is
 * looked up and nothing is counted.
 */
#ifndef GATE_BPF_H
#define GATE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <svcconnect/decision.h>

#include <bpf/bpf_endian.h>

#define DNS_PORT 53

/* Set by the daemon at load. Other ranges are other programs, which every link is given. */
const volatile struct svc_alias_ranges alias_ranges = {0};

/* Member by member, and volatile: the compiler would take what is written above for their values. */
static __always_inline int is_in_ranges(const __u8 address[16])
{
    struct svc_alias_ranges ranges;

    ranges.address4 = alias_ranges.address4;
    ranges.mask4 = alias_ranges.mask4;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        ranges.address6[i] = alias_ranges.address6[i];
        ranges.mask6[i] = alias_ranges.mask6[i];
    }
    return svc_is_in_alias_ranges(&ranges, address);
}

static __always_inline int is_in_range4(__u32 address)
{
    return alias_ranges.mask4 && ((address ^ alias_ranges.address4) & alias_ranges.mask4) == 0;
}

static __always_inline int is_beyond4(struct bpf_sock_addr *ctx)
{
    return !is_in_range4(ctx->user_ip4) && ctx->user_port != bpf_htons(DNS_PORT);
}

/* v4-mapped destinations included. */
static __always_inline int is_beyond6(struct bpf_sock_addr *ctx)
{
    __u32 first = ctx->user_ip6[0];
    __u32 differs;

    if (ctx->user_port == bpf_htons(DNS_PORT))
        return 0;
    if (first == 0 && ctx->user_ip6[1] == 0 && ctx->user_ip6[2] == bpf_htonl(0xffff))
        return !is_in_range4(ctx->user_ip6[3]);
    differs = (first ^ alias_ranges.address6[0]) & alias_ranges.mask6[0];
    if (alias_ranges.mask6[0] == 0 || differs)
        return 1;
    differs = ((ctx->user_ip6[1] ^ alias_ranges.address6[1]) & alias_ranges.mask6[1]) |
              ((ctx->user_ip6[2] ^ alias_ranges.address6[2]) & alias_ranges.mask6[2]) |
              ((ctx->user_ip6[3] ^ alias_ranges.address6[3]) & alias_ranges.mask6[3]);
    return differs != 0;
}

#endif
