/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Questions that wait. While the engine's jobs put their rows piece by piece, nobody may read the catalog. Tasks
 * are answered from what is published, but whoever asks about services and their instances waits. His questions
 * stay in the sockets that they came to, whose buffers are their limit: that takes no memory of ours, and nobody
 * has to wait for his resolver to ask again.
 */
#include "dns/stub.h"
#include "engine/change/job.h"

static void set_reading(struct dns_stub *stub, bool is_on)
{
    for (unsigned i = 0; i < stub->n_servers; i++)
        if (stub->servers[i].udp_event && is_on)
            (void)event_add(stub->servers[i].udp_event, NULL);
        else if (stub->servers[i].udp_event)
            (void)event_del(stub->servers[i].udp_event);
}

static void hold_on_steady(void *user)
{
    struct dns *dns = user;

    dns->is_held = false;
    if (!dns->listener)
        return;
    set_reading(dns->listener, true);
    dns_tcp_resume(dns->listener);
}

bool dns_hold(struct dns_stub *stub)
{
    struct dns *dns = stub->dns;

    if (stub->task || engine_is_steady(dns->settings.engine))
        return false;
    if (dns->is_held)
        return true;
    /* Without memory for that it is answered that nobody can answer now. */
    if (engine_when_steady(dns->settings.engine, hold_on_steady, dns) < 0)
        return false;
    dns->is_held = true;
    set_reading(stub, false);
    return true;
}

void dns_hold_done(struct dns *dns)
{
    if (dns->is_held)
        engine_forget_waiter(dns->settings.engine, dns);
    dns->is_held = false;
}
