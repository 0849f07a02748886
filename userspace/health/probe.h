/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kinds of probes have in common. A prober starts probes on the caller's event loop and tells the
 * outcome of each exactly once, never from inside of its start or cancel function; a cancelled one is not
 * told. Callbacks may start and cancel probes, but not free the prober.
 */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/address.h"
#include "settings/service_settings.h"

enum probe_outcome {
    PROBE_PASSED,
    PROBE_FAILED,
    PROBE_UNDECIDED, /* this host had not what it takes: says nothing of the endpoint */
};

/* Stays valid until the probe is over. */
struct probe_request {
    const struct health_check *check;
    const char *name; /* for exec */
    struct ip_address address;
    uint16_t port; /* host order; of the probe, not of the instance */
    void *user;
};

/* `reason` is the callback's to read, not to keep. */
typedef void (*probe_done_fn)(void *user, enum probe_outcome outcome, const char *reason);

/* A failure of this host's (descriptors, memory, local ports) is undecided, any other is the endpoint's. */
enum probe_outcome probe_judge_errno(int number);

/* "connection refused"; `number` is positive. The text is constant. */
const char *probe_errno_text(int number);

/* For a socket to an IPv4 or IPv6 endpoint; returns the length. */
socklen_t probe_socket_address(const struct probe_request *request, struct sockaddr_storage *ret_address);

struct timeval probe_time(uint32_t ms);
