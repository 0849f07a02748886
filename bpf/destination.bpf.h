/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a program wants to reach, as aliases are asked for: its scope, protocol, port and address. */
#ifndef DESTINATION_BPF_H
#define DESTINATION_BPF_H

#include <svcconnect/decision.h>

#include "maps.bpf.h"

/* The scope of the task this socket's cgroup belongs to; 0 while none is set. */
static __always_inline __u32 task_scope_number(void)
{
    struct svc_task_scope *scope = bpf_get_local_storage(&task_scope, 0);

    return scope->scope;
}

static __always_inline void destination_begin(struct bpf_sock_addr *ctx, struct svc_alias_key *key)
{
    key->protocol = svc_socket_protocol(ctx->type, ctx->protocol);
    key->scope = task_scope_number();
    /* The port is a 16-bit value in a 32-bit field, in network order. */
    key->port_be = (__be16)ctx->user_port;
}

/* `key` is all zero before. */
static __always_inline void destination4(struct bpf_sock_addr *ctx, struct svc_alias_key *key)
{
    __u32 address = ctx->user_ip4;

    destination_begin(ctx, key);
    key->address[10] = 0xff;
    key->address[11] = 0xff;
    __builtin_memcpy(key->address + 12, &address, 4);
}

static __always_inline void destination6(struct bpf_sock_addr *ctx, struct svc_alias_key *key)
{
    __u32 words[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

    destination_begin(ctx, key);
    __builtin_memcpy(key->address, words, sizeof(words));
}

#endif
