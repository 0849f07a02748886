/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The one object that is loaded: every program, sharing one set of maps. */
#include "connect4.bpf.h"
#include "connect6.bpf.h"
#include "getpeername4.bpf.h"
#include "getpeername6.bpf.h"
#include "recvmsg4.bpf.h"
#include "recvmsg6.bpf.h"
#include "sendmsg4.bpf.h"
#include "sendmsg6.bpf.h"
#include "sock_ops.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
