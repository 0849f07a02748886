/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a sock_addr program returns to the kernel, and the errno the application sees. */
#ifndef VERDICT_BPF_H
#define VERDICT_BPF_H

#include <asm-generic/errno-base.h>
#include <asm-generic/errno.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define VERDICT_PROCEED 1
#define VERDICT_REJECT  0

/* bpf_set_retval() came with 5.18; without it a rejected connect fails with EPERM. Set by the
 * daemon at load. */
const volatile int has_set_retval = 0;

/* By who may call whom: what listens there has nothing to do with it. */
static __always_inline int verdict_deny(void)
{
    if (has_set_retval)
        bpf_set_retval(-EACCES);
    return VERDICT_REJECT;
}

static __always_inline int verdict_refuse(void)
{
    if (has_set_retval)
        bpf_set_retval(-ECONNREFUSED);
    return VERDICT_REJECT;
}

#endif
