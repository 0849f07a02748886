/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the measured programs are compared with: programs that do nothing, attached beside them and thus run
 * by the same connects; and a counter of one process's system calls.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define EMPTY(hook)                                                                                          \
    SEC("cgroup/" #hook)                                                                                     \
    int no_##hook(struct bpf_sock_addr *ctx)                                                                 \
    {                                                                                                        \
        (void)ctx;                                                                                           \
        return 1;                                                                                            \
    }

EMPTY(connect4)
EMPTY(connect6)
EMPTY(sendmsg4)
EMPTY(sendmsg6)
EMPTY(recvmsg4)
EMPTY(recvmsg6)
EMPTY(getpeername4)
EMPTY(getpeername6)

SEC("sockops")
int no_sock_ops(struct bpf_sock_ops *ctx)
{
    (void)ctx;
    return 1;
}

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2); /* the process; its calls */
    __type(key, __u32);
    __type(value, __u64);
} syscalls SEC(".maps");

SEC("raw_tracepoint/sys_enter")
int count_syscalls(void *ctx)
{
    __u32 process = 0, calls = 1;
    __u64 *wanted = bpf_map_lookup_elem(&syscalls, &process);
    __u64 *counted = bpf_map_lookup_elem(&syscalls, &calls);

    (void)ctx;
    if (wanted && counted && *wanted == bpf_get_current_pid_tgid() >> 32)
        __sync_fetch_and_add(counted, 1);
    return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
