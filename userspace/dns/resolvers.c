/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "dns/resolvers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "datapath/datapath.h"
#include "dns/stub.h"

static struct svc_resolver *resolvers_entry_of(const struct dns *dns, uint32_t number)
{
    return datapath_resolver(dns->settings.datapath, number);
}

static uint32_t find_free(const struct dns *dns)
{
    for (uint32_t number = 1; number <= datapath_resolvers(dns->settings.datapath); number++)
        if (resolvers_entry_of(dns, number)->cgroup_id == 0)
            return number;
    return 0;
}

static void lead_to(const struct dns *dns, uint32_t from, uint32_t next)
{
    __atomic_store_n(&resolvers_entry_of(dns, from)->next, next, __ATOMIC_RELEASE);
}

static void resolvers_append(struct dns *dns, struct dns_task *task, uint32_t number)
{
    struct dns_entries *entries = &task->entries;

    if (entries->n > 0)
        lead_to(dns, entries->numbers[entries->n - 1], number);
    entries->numbers[entries->n++] = number;
    dns->n_more_entries += entries->n > 1;
}

static void find_own(struct dns *dns, struct dns_task *task)
{
    for (uint32_t number = 1; number <= datapath_resolvers(dns->settings.datapath); number++) {
        struct svc_resolver *entry = resolvers_entry_of(dns, number);

        if (entry->cgroup_id != task->of->cgroup.id)
            continue;
        if (task->entries.n < SVC_RESOLVER_NETNS)
            resolvers_append(dns, task, number);
        else
            *entry = (struct svc_resolver){0};
    }
    /* Programs may be on their way from one to the next. */
    if (task->entries.n > 0)
        lead_to(dns, task->entries.numbers[task->entries.n - 1], 0);
}

int dns_resolvers_claim(struct dns *dns, struct dns_task *task)
{
    struct dns_entries *entries = &task->entries;

    if (entries->n == 0)
        find_own(dns, task);
    if (entries->n == 0) {
        uint32_t number = find_free(dns);

        if (!number)
            return -ENOSPC;
        *resolvers_entry_of(dns, number) = (struct svc_resolver){.cgroup_id = task->of->cgroup.id};
        resolvers_append(dns, task, number);
    }
    return datapath_set_resolver(dns->settings.datapath, task->of->cgroup.id, entries->numbers[0]);
}

static bool has_stub(const struct dns_task *task, uint32_t number)
{
    for (const struct dns_stub *stub = task->stubs; stub; stub = stub->next)
        if (stub->number == number)
            return true;
    return false;
}

bool dns_resolvers_has(const struct dns_task *task, uint32_t number)
{
    for (unsigned i = 0; i < task->entries.n; i++)
        if (task->entries.numbers[i] == number)
            return true;
    return false;
}

uint32_t dns_resolvers_take(struct dns *dns, struct dns_task *task, uint64_t netns_cookie)
{
    const struct dns_entries *entries = &task->entries;
    uint32_t number;

    for (unsigned i = 0; i < entries->n; i++)
        if (resolvers_entry_of(dns, entries->numbers[i])->netns_cookie == netns_cookie &&
            !has_stub(task, entries->numbers[i]))
            return entries->numbers[i];
    for (unsigned i = 0; i < entries->n; i++)
        if (!has_stub(task, entries->numbers[i]))
            return entries->numbers[i];
    /* Every task finds its first entry: no more than one of the others for each. Without a cookie the first
     * stands for all network namespaces. */
    if (netns_cookie == 0 || entries->n == SVC_RESOLVER_NETNS ||
        dns->n_more_entries >= dns->settings.max_tasks)
        return 0;
    number = find_free(dns);
    if (number) {
        *resolvers_entry_of(dns, number) =
            (struct svc_resolver){.cgroup_id = task->of->cgroup.id, .netns_cookie = netns_cookie};
        resolvers_append(dns, task, number);
    }
    return number;
}

void dns_resolvers_trim(struct dns *dns, struct dns_task *task)
{
    struct dns_entries *entries = &task->entries;

    for (unsigned i = entries->n; i-- > 1;) {
        uint32_t number = entries->numbers[i];

        if (has_stub(task, number))
            continue;
        lead_to(dns, entries->numbers[i - 1], i + 1 < entries->n ? entries->numbers[i + 1] : 0);
        *resolvers_entry_of(dns, number) = (struct svc_resolver){0};
        memmove(&entries->numbers[i], &entries->numbers[i + 1],
                (entries->n - i - 1) * sizeof(entries->numbers[0]));
        entries->n--;
        dns->n_more_entries--;
    }
}

void dns_resolvers_free(struct dns *dns, struct dns_task *task)
{
    struct dns_entries *entries = &task->entries;

    for (unsigned i = 0; i < entries->n; i++) {
        *resolvers_entry_of(dns, entries->numbers[i]) = (struct svc_resolver){0};
        dns->n_more_entries -= i > 0;
    }
    entries->n = 0;
}

void dns_resolvers_publish(struct dns *dns, const struct dns_stub *stub)
{
    struct svc_resolver *entry = resolvers_entry_of(dns, stub->number);

    entry->netns_cookie = stub->netns_cookie;
    for (unsigned i = 0; i < stub->n_servers; i++) {
        const struct dns_server *server = &stub->servers[i];
        struct ip_address address = dns_server_listen_address(server);

        memcpy(entry->nameserver[i], server->address.bytes, sizeof(entry->nameserver[i]));
        memcpy(entry->stub[i], address.bytes, sizeof(entry->stub[i]));
        entry->port_be[i] = htons(server->port);
    }
    __atomic_store_n(&entry->n, stub->n_servers, __ATOMIC_RELEASE);
}

void dns_resolvers_withdraw(struct dns *dns, const struct dns_stub *stub)
{
    __atomic_store_n(&resolvers_entry_of(dns, stub->number)->n, 0, __ATOMIC_RELEASE);
}

void dns_resolvers_reset(struct dns *dns)
{
    for (uint32_t number = 1; number <= datapath_resolvers(dns->settings.datapath); number++) {
        struct svc_resolver *entry = resolvers_entry_of(dns, number);
        const struct dns_task *task;

        if (entry->cgroup_id == 0)
            continue;
        HASH_FIND(hh, dns->tasks, &entry->cgroup_id, sizeof(entry->cgroup_id), task);
        if (!task || !has_stub(task, number))
            entry->n = 0;
        if (!task)
            *entry = (struct svc_resolver){0};
    }
}
