/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "dns/asker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cgroups/socket_owner.h"
#include "cgroups/tcp_diag.h"
#include "dns/stub.h"

#define MOST_CGROUPS 4096 /* remembered of one task */
#define PLACES       2048 /* a power of two, more than there can be askers */

static uint16_t port_of(const struct sockaddr_storage *at)
{
    return ntohs(at->ss_family == AF_INET ? ((const struct sockaddr_in *)at)->sin_port
                                          : ((const struct sockaddr_in6 *)at)->sin6_port);
}

static struct ip_address asker_address_of(const struct sockaddr_storage *at)
{
    struct ip_address address;

    if (at->ss_family == AF_INET)
        return ip_address_from_v4(ntohl(((const struct sockaddr_in *)at)->sin_addr.s_addr));
    memcpy(address.bytes, &((const struct sockaddr_in6 *)at)->sin6_addr, sizeof(address.bytes));
    return address;
}

static int find_owner(const struct dns_server *server, bool is_udp, const struct ip_address *client,
                      uint16_t client_port, struct socket_owner *ret_owner)
{
    const struct socket_ends ends = {
        .local = *client,
        .remote = server->stub_address,
        .local_port = client_port,
        .remote_port = server->port,
        .interface = dns_is_link_local(&server->stub_address) ? server->zone_index : 0,
    };

    return socket_owner_find(server->owners_fd, is_udp, &ends, ret_owner);
}

void dns_asker_open(struct dns_server *server)
{
    struct socket_owner own;

    server->owners_fd = server->stub->dns->settings.cgroup_root ? tcp_diag_open() : -1;
    if (server->owners_fd < 0)
        server->owners_fd = -1;
    /* A kernel that does not tell of this socket does not of others. */
    else if (find_owner(server, true, &server->stub_address, server->port, &own) < 0 || own.cgroup_id == 0)
        dns_asker_close(server);
}

void dns_asker_close(struct dns_server *server)
{
    if (server->owners_fd >= 0)
        (void)close(server->owners_fd);
    server->owners_fd = -1;
}

void dns_asker_forget(struct dns_task *task)
{
    struct dns_cgroup *cgroup, *next;

    HASH_ITER (hh, task->cgroups, cgroup, next) {
        HASH_DEL(task->cgroups, cgroup);
        free(cgroup);
    }
}

static void asker_remember(struct dns_task *task, uint64_t id, bool asker_is_tasks)
{
    struct dns_cgroup *cgroup = malloc(sizeof(*cgroup));

    if (!cgroup)
        return;
    if (HASH_COUNT(task->cgroups) >= MOST_CGROUPS)
        dns_asker_forget(task);
    *cgroup = (struct dns_cgroup){.id = id, .is_tasks = asker_is_tasks};
    HASH_ADD(hh, task->cgroups, id, sizeof(cgroup->id), cgroup);
}

/* What cannot be found out (a cgroup that has gone while its sockets have not) is not held against anybody. */
static bool asker_is_tasks(const struct dns *dns, struct dns_task *task, uint64_t id)
{
    struct dns_cgroup *known;
    bool is_within = true;

    if (id == task->cgroup_id)
        return true;
    HASH_FIND(hh, task->cgroups, &id, sizeof(id), known);
    if (known)
        return known->is_tasks;
    if (cgroup_is_within(dns->settings.cgroup_root, task->of->cgroup.path, id, &is_within) == 0)
        asker_remember(task, id, is_within);
    return is_within;
}

int dns_asker_find(struct dns_server *server, bool is_udp, const struct sockaddr_storage *client,
                   struct dns_asker *ret_asker)
{
    const struct dns_stub *stub = server->stub;
    const struct ip_address address = asker_address_of(client);
    const uint16_t port = port_of(client);
    struct socket_owner owner;
    int r;

    if (!stub->task) {
        memcpy(ret_asker, address.bytes, sizeof(*ret_asker)); /* a host is one */
        return 0;
    }
    if (server->owners_fd < 0) {
        *ret_asker = (struct dns_asker){.user = port};
        return 0;
    }
    *ret_asker = (struct dns_asker){.user = UINT64_MAX};
    r = find_owner(server, is_udp, &address, port, &owner);
    if (r < 0)
        return r;
    if (!asker_is_tasks(stub->dns, stub->task, owner.cgroup_id))
        return -EPERM;
    *ret_asker = (struct dns_asker){.group = owner.cgroup_id, .user = owner.uid};
    return 0;
}

bool dns_asker_equal(const struct dns_asker *a, const struct dns_asker *b)
{
    return a->group == b->group && a->user == b->user;
}

const struct dns_asker *dns_asker_greediest(const struct dns_asker *first, size_t n, size_t stride,
                                            unsigned *ret_places)
{
    struct {
        const struct dns_asker *asker;
        unsigned n;
    } table[PLACES] = {0};
    const struct dns_asker *found = NULL;

    *ret_places = 0;
    for (size_t i = 0; i < n && i < PLACES / 2; i++) {
        const struct dns_asker *asker =
            (const struct dns_asker *)(const void *)((const char *)first + i * stride);
        uint64_t at = (asker->group * 31 + asker->user) * UINT64_C(0x9e3779b97f4a7c15) >> 32;

        while (table[at % PLACES].asker && !dns_asker_equal(table[at % PLACES].asker, asker))
            at++;
        table[at % PLACES].asker = asker;
        if (++table[at % PLACES].n > *ret_places) {
            *ret_places = table[at % PLACES].n;
            found = asker;
        }
    }
    return found;
}
