/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Three things about a socket that no context tells: its error, whether it is IPv6 only, and whether its SYN
 * waits for data (TCP_FASTOPEN_CONNECT). The daemon looks up where this kernel keeps them and says so at load;
 * what it cannot say (a kernel without BTF, or one that lets nobody read its memory) is not known here, and
 * whoever asks has to do without. None is asked for on the way of an ordinary connect.
 */
#ifndef KERNEL_FACTS_BPF_H
#define KERNEL_FACTS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <svcconnect/abi.h>

const volatile struct svc_kernel_fact fact_error = {0};
const volatile struct svc_kernel_fact fact_ipv6_only = {0};
const volatile struct svc_kernel_fact fact_defers_syn = {0};

#define FACT_UNKNOWN (-1)
#define FAMILY_INET6 10

/* The field of the socket, or FACT_UNKNOWN. */
static __attribute__((noinline)) int fact_of(const volatile struct svc_kernel_fact *fact, const void *socket)
{
    const void *place = socket;
    __u64 address = 0;
    __u32 value = 0;

    if (fact->bytes == 0)
        return FACT_UNKNOWN;
    /* A pointer to a socket takes no arithmetic; a copy of it, read as memory, is a number. */
    if (bpf_probe_read_kernel(&address, sizeof(address), &place) < 0)
        return FACT_UNKNOWN;
    if (fact->bytes == 1) {
        __u8 byte = 0;

        if (bpf_probe_read_kernel(&byte, sizeof(byte), (const void *)(address + fact->offset)) < 0)
            return FACT_UNKNOWN;
        return byte >> fact->shift & 1;
    }
    if (bpf_probe_read_kernel(&value, sizeof(value), (const void *)(address + fact->offset)) < 0)
        return FACT_UNKNOWN;
    return (int)value;
}

#endif
