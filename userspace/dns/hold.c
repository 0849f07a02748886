/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Questions that wait. While the engine's jobs put their rows piece by piece, nobody may read the catalog. A
 * task is answered from the names that it was answered from before; whoever has none yet, or asks about
 * services and their instances, waits. His questions stay in the sockets that they came to, whose buffers are
 * their limit: that takes no memory of ours, and nobody has to wait for his resolver to ask again.
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

static void resume(struct dns_stub *stub)
{
    if (!stub->is_held)
        return;
    stub->is_held = false;
    set_reading(stub, true);
    dns_tcp_resume(stub);
}

static void hold_on_steady(void *user)
{
    struct dns *dns = user;
    struct dns_task *task, *next;

    dns->is_held = false;
    if (dns->listener)
        resume(dns->listener);
    HASH_ITER (hh, dns->tasks, task, next)
        for (struct dns_stub *stub = task->stubs; stub; stub = stub->next)
            resume(stub);
}

bool dns_hold(struct dns_stub *stub)
{
    struct dns *dns = stub->dns;

    if (engine_is_steady(dns->settings.engine) || (stub->task && dns_zones_last(stub->task->names)))
        return false;
    /* Without memory for that it is answered that nobody can answer now. */
    if (!dns->is_held && engine_when_steady(dns->settings.engine, hold_on_steady, dns) < 0)
        return false;
    dns->is_held = true;
    if (!stub->is_held)
        set_reading(stub, false);
    stub->is_held = true;
    return true;
}

void dns_hold_done(struct dns *dns)
{
    if (dns->is_held)
        engine_forget_waiter(dns->settings.engine, dns);
    dns->is_held = false;
}
