/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "dns/dns.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "datapath/datapath.h"
#include "dns/keep.h"
#include "dns/stub.h"
#include "engine/engine.h"

#define BUFFER_SIZE (DNS_MESSAGE_MAX + 1)

static const struct timeval tick_interval = {.tv_usec = 500000};

void dns_beat(struct dns *dns, uint64_t now)
{
    __atomic_store_n(&datapath_resolver(dns->settings.datapath, 0)->heartbeat, now, __ATOMIC_RELEASE);
}

/* ---- for people ---- */

static struct dns_task *dns_find(const struct dns *dns, uint64_t cgroup_id)
{
    struct dns_task *task;

    HASH_FIND(hh, dns->tasks, &cgroup_id, sizeof(cgroup_id), task);
    return task;
}

cJSON *dns_describe_task(const struct dns *dns, uint64_t cgroup_id)
{
    const struct dns_task *task = dns_find(dns, cgroup_id);
    cJSON *list = cJSON_CreateArray();
    char text[DNS_SERVER_TEXT_SIZE];

    for (const struct dns_stub *stub = task ? task->stubs : NULL; stub; stub = stub->next)
        for (unsigned i = 0; i < stub->n_servers; i++)
            (void)cJSON_AddItemToArray(list, cJSON_CreateString(dns_server_format(&stub->servers[i], text)));
    return list;
}

int dns_outlook_make(struct dns *dns, uint64_t cgroup_id, const char *namespace_name, uint32_t scope,
                     struct dns_outlook *outlook)
{
    const struct dns_task *task = dns_find(dns, cgroup_id);
    int r = engine_name_suffixes(dns->settings.engine, namespace_name, &outlook->suffixes);

    if (r < 0)
        return r;
    outlook->of = (struct dns_zone_of){&dns->zones, namespace_name, scope};
    outlook->zone = dns_zone_of(&outlook->of, (const char *const *)outlook->suffixes);
    outlook->view = (struct dns_view){.zone = &outlook->zone,
                                      .search = task && task->stubs ? task->stubs->search : NULL,
                                      .ttl = dns->settings.ttl};
    return 0;
}

void dns_outlook_done(struct dns_outlook *outlook)
{
    free(outlook->suffixes);
    *outlook = (struct dns_outlook){0};
}

const char *dns_problem(const struct dns *dns, uint64_t cgroup_id)
{
    const struct dns_task *task = dns_find(dns, cgroup_id);

    return task ? task->look.problem : "";
}

cJSON *dns_describe(const struct dns *dns)
{
    const struct dns_counters *counters = &dns->counters;
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddBoolToObject(object, "on", dns->settings.is_on);
    (void)cJSON_AddNumberToObject(object, "answered", (double)counters->answered);
    (void)cJSON_AddNumberToObject(object, "forwarded", (double)counters->forwarded);
    (void)cJSON_AddNumberToObject(object, "timedOut", (double)counters->timed_out);
    (void)cJSON_AddNumberToObject(object, "refused", (double)counters->refused);
    (void)cJSON_AddNumberToObject(object, "malformed", (double)counters->malformed);
    return object;
}

/* ---- time ---- */

static void dns_on_tick(evutil_socket_t fd, short what, void *user)
{
    struct dns *dns = user;
    struct dns_task *task, *next;

    (void)fd;
    (void)what;
    dns->ticks++;
    dns_reads_tick(dns);
    dns_keep_tick(dns);
    dns_beat(dns, clock_monotonic_ns());
    HASH_ITER (hh, dns->tasks, task, next) {
        for (struct dns_stub *stub = task->stubs; stub; stub = stub->next)
            dns_forward_sweep(stub);
        dns_look_tick(dns, task);
    }
}

void dns_init(struct dns *dns, const struct dns_settings *settings)
{
    dns->settings = *settings;
    dns_keep_meet(dns);
    /* Who waits for an answer goes on waiting while this daemon starts. */
    if (dns->settings.is_on && dns->keep.before_fd > 0)
        dns_beat(dns, clock_monotonic_ns());
}

int dns_begin(struct dns *dns, struct error *error)
{
    struct dns_task *task, *next;

    dns->buffer = malloc(BUFFER_SIZE);
    if (!dns->buffer)
        return error_errno(error, ENOMEM, "starting");
    if (!dns->settings.is_on)
        dns_beat(dns, 0);
    dns_keep_take_over(dns);
    dns_resolvers_reset(dns);
    if (dns->settings.listen_port > 0) {
        int r = dns_stub_listen(dns, &dns->settings.listen_address, dns->settings.listen_port, &dns->listener,
                                error);

        if (r < 0)
            return r;
    }
    if (!dns->settings.is_on)
        return 0;
    dns->tick = event_new(dns->settings.base, -1, EV_PERSIST, dns_on_tick, dns);
    if (!dns->tick || event_add(dns->tick, &tick_interval) < 0)
        return error_errno(error, ENOMEM, "starting");
    dns_beat(dns, clock_monotonic_ns());
    if (dns_reads_begin(dns) < 0)
        return error_errno(error, ENOMEM, "starting");
    dns_look_begin(dns);
    dns_keep_listen(dns);
    dns->is_begun = true;
    HASH_ITER (hh, dns->tasks, task, next)
        dns_look_put(dns, task, 0);
    return 0;
}

void dns_done(struct dns *dns)
{
    struct dns_task *task, *next;

    if (dns->buffer && !dns->is_left)
        dns_beat(dns, 0);
    dns_hold_done(dns);
    HASH_ITER (hh, dns->tasks, task, next) {
        dns_look_drop(task);
        while (task->stubs)
            dns_stub_free(&task->stubs);
        dns_asker_forget(task);
        HASH_DEL(dns->tasks, task);
        free(task->suffixes);
        free(task);
    }
    dns_reads_done(dns);
    dns_look_done(dns);
    dns_keep_done(dns);
    dns_stub_free(&dns->listener);
    if (dns->tick)
        event_free(dns->tick);
    dns_zones_done(&dns->zones);
    free(dns->reads.answer);
    free(dns->buffer);
    *dns = (struct dns){0};
}

/* ---- tasks that come and go ---- */

static struct dns_task *dns_make(struct dns *dns, const struct task *of)
{
    struct dns_task *task = calloc(1, sizeof(*task));

    if (!task)
        return NULL;
    task->cgroup_id = of->cgroup.id;
    task->of = of;
    task->look.round.netns_fd = -1;
    task->watch = (struct cgroup_watch)CGROUP_WATCH_NONE;
    HASH_ADD(hh, dns->tasks, cgroup_id, sizeof(task->cgroup_id), task);
    return task;
}

static void on_task_put(void *user, const struct task *of, pid_t pid)
{
    struct dns *dns = user;
    struct dns_task *task = dns_find(dns, of->cgroup.id);

    if (!task)
        task = dns_make(dns, of);
    if (!task) {
        log_warning("task %s keeps to its own name servers: out of memory", of->cgroup.path);
        return;
    }
    free(task->suffixes); /* it may see the names of another namespace now */
    task->suffixes = NULL;
    if (dns->is_begun)
        dns_look_put(dns, task, pid);
}

static void on_task_removed(void *user, const struct task *of)
{
    struct dns *dns = user;
    struct dns_task *task = dns_find(dns, of->cgroup.id);

    if (!task)
        return;
    dns_look_remove(dns, task);
    dns_asker_forget(task);
    HASH_DEL(dns->tasks, task);
    free(task->suffixes);
    free(task);
}

const struct task_observer dns_observer = {
    .put = on_task_put,
    .removed = on_task_removed,
};

/* ---- those who wait for a look ---- */

bool dns_is_looking(const struct dns *dns, uint64_t cgroup_id)
{
    const struct dns_task *task = dns_find(dns, cgroup_id);

    return task && task->look.round.is_on;
}

int dns_call_when_looked(struct dns *dns, uint64_t cgroup_id,
                         void (*looked)(const struct task *task, void *user), void *user)
{
    struct dns_task *task = dns_find(dns, cgroup_id);

    return task ? dns_look_wait(task, looked, user) : -ENOENT;
}

void dns_forget_waiter(struct dns *dns, uint64_t cgroup_id, const void *user)
{
    struct dns_task *task = dns_find(dns, cgroup_id);

    if (task)
        dns_look_forget(task, user);
}

/* ---- following changes ---- */

static int dns_follow_begin(void *user, struct error *error)
{
    struct dns *dns = user;
    int r = dns_zones_begin(&dns->zones, dns->settings.engine);

    return r < 0 ? error_errno(error, r, "listing the names of services") : 0;
}

static void dns_follow_service_changed(void *user, const char *namespace_name, const char *service)
{
    struct dns *dns = user;

    dns_zones_follow(&dns->zones, namespace_name, service);
}

const struct engine_follower dns_follower = {
    .begin = dns_follow_begin,
    .service_changed = dns_follow_service_changed,
};
