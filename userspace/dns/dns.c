/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "dns/dns.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "daemon/daemon.h"
#include "dns/stub.h"

#define BUFFER_SIZE (DNS_MESSAGE_MAX + 1)

static const struct timeval tick_interval = {.tv_usec = 500000};

static void beat(struct daemon *daemon, uint64_t now)
{
    __atomic_store_n(&datapath_resolver(daemon->datapath, 0)->heartbeat, now, __ATOMIC_RELEASE);
}

/* ---- for people ---- */

cJSON *dns_describe_task(const struct task *task)
{
    cJSON *list = cJSON_CreateArray();
    char text[IP_ADDRESS_TEXT_SIZE];

    for (const struct dns_stub *stub = task->dns; stub; stub = stub->next)
        for (unsigned i = 0; i < stub->n_servers; i++)
            (void)cJSON_AddItemToArray(
                list, cJSON_CreateString(ip_address_format(&stub->servers[i].address, text)));
    return list;
}

cJSON *dns_describe(const struct daemon *daemon)
{
    const struct dns_counters *counters = &daemon->dns.counters;
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddBoolToObject(object, "on", daemon->config.is_dns_on);
    (void)cJSON_AddNumberToObject(object, "answered", (double)counters->answered);
    (void)cJSON_AddNumberToObject(object, "forwarded", (double)counters->forwarded);
    (void)cJSON_AddNumberToObject(object, "timedOut", (double)counters->timed_out);
    (void)cJSON_AddNumberToObject(object, "refused", (double)counters->refused);
    (void)cJSON_AddNumberToObject(object, "malformed", (double)counters->malformed);
    return object;
}

/* ---- time ---- */

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;
    struct task *task, *next;

    (void)fd;
    (void)what;
    daemon->dns.ticks++;
    dns_reads_tick(daemon);
    beat(daemon, clock_monotonic_ns());
    HASH_ITER (hh, daemon->tasks.all, task, next) {
        for (struct dns_stub *stub = task->dns; stub; stub = stub->next)
            dns_forward_sweep(stub);
        dns_look_tick(daemon, task);
    }
}

int dns_begin(struct daemon *daemon, struct error *error)
{
    struct task *task;

    beat(daemon, 0);
    dns_resolvers_reset(daemon);
    daemon->dns.buffer = malloc(BUFFER_SIZE);
    if (!daemon->dns.buffer)
        return error_errno(error, ENOMEM, "starting");
    if (daemon->config.dns_listen_port > 0) {
        int r = dns_stub_listen(daemon, &daemon->config.dns_listen_address, daemon->config.dns_listen_port,
                                &daemon->dns.listener, error);

        if (r < 0)
            return r;
    }
    if (!daemon->config.is_dns_on)
        return 0;
    daemon->dns.tick = event_new(daemon->base, -1, EV_PERSIST, on_tick, daemon);
    if (!daemon->dns.tick || event_add(daemon->dns.tick, &tick_interval) < 0)
        return error_errno(error, ENOMEM, "starting");
    beat(daemon, clock_monotonic_ns());
    if (dns_reads_begin(daemon) < 0)
        return error_errno(error, ENOMEM, "starting");
    dns_look_begin(daemon);
    for (task = daemon->tasks.all; task; task = task->hh.next)
        dns_task_put(daemon, task, 0);
    return 0;
}

void dns_done(struct daemon *daemon)
{
    struct task *task;

    if (daemon->dns.buffer)
        beat(daemon, 0);
    for (task = daemon->tasks.all; task; task = task->hh.next) {
        dns_look_drop(task);
        while (task->dns)
            dns_stub_free(&task->dns);
    }
    dns_reads_done(daemon);
    dns_look_done(daemon);
    dns_stub_free(&daemon->dns.listener);
    if (daemon->dns.tick)
        event_free(daemon->dns.tick);
    dns_zones_done(&daemon->dns.zones);
    free(daemon->dns.reads.answer);
    free(daemon->dns.buffer);
}
