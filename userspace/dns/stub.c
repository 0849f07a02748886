/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "dns/stub.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cgroups/netns.h"
#include "dns/keep.h"
#include "dns/place.h"
#include "engine/engine.h"

/* ---- sockets ---- */

struct ip_address dns_server_listen_address(const struct dns_server *server)
{
    return server->stub_address;
}

/* In a thread of the task's network namespace. */
static int open_all(void *user)
{
    struct dns_stub *stub = user;
    int r = 0;

    for (unsigned i = 0; i < stub->n_servers && r == 0; i++) {
        struct dns_server *server = &stub->servers[i];
        const struct ip_address before = server->stub_address;

        r = dns_place_open(server, &before, server->port);
        if (r == 0)
            dns_asker_open(server);
        if (r == 0)
            r = dns_forward_open(server);
    }
    return r;
}

/* ---- answering ---- */

static int answer_task(struct dns_stub *stub, const struct dns_question *question, bool is_udp,
                       uint8_t **ret_answer, size_t *ret_size)
{
    struct dns_task *task = stub->task;
    struct dns_zone_of of = {&stub->dns->zones, task->of->namespace_name, task->of->scope};
    struct dns_zone zone;
    struct dns_view view = {.zone = &zone, .search = stub->search, .ttl = stub->dns->settings.ttl};
    int r = task->suffixes
                ? 0
                : engine_name_suffixes(stub->dns->settings.engine, of.namespace_name, &task->suffixes);

    if (r < 0)
        return r;
    zone = dns_zone_of(&of, (const char *const *)task->suffixes);
    return dns_answer_build(&view, question, is_udp, ret_answer, ret_size);
}

int dns_stub_answer(struct dns_stub *stub, const struct dns_question *question, bool is_udp,
                    uint8_t **ret_answer, size_t *ret_size)
{
    return stub->task ? answer_task(stub, question, is_udp, ret_answer, ret_size)
                      : dns_directory_answer(stub->dns, question, is_udp, ret_answer, ret_size);
}

static void reply(const struct dns_server *server, const struct dns_asked *asked, const uint8_t *answer,
                  size_t size)
{
    (void)!sendto(server->udp_fd, answer, size, MSG_DONTWAIT | MSG_NOSIGNAL,
                  (const struct sockaddr *)asked->client, asked->client_size);
}

static void stub_fail(const struct dns_server *server, const struct dns_asked *asked, enum dns_rcode rcode)
{
    uint8_t answer[DNS_HEADER_SIZE + DNS_NAME_SIZE + 4];

    if (asked->verdict == DNS_QUERY) {
        reply(server, asked, answer, dns_message_fail(asked->message, &asked->question, rcode, answer));
    } else {
        dns_message_refuse(asked->message, rcode, answer);
        reply(server, asked, answer, DNS_HEADER_SIZE);
    }
}

static void stub_take_question(struct dns_server *server, struct dns_asked *asked)
{
    struct dns_counters *counters = &server->stub->dns->counters;
    uint8_t *answer = NULL;
    size_t size = 0;
    int r = -ENOENT;
    int who;

    asked->verdict = dns_message_read(asked->message, asked->size, &asked->question);
    if (asked->verdict == DNS_DROP || asked->verdict == DNS_BROKEN) {
        counters->malformed++;
        if (asked->verdict == DNS_BROKEN)
            stub_fail(server, asked, DNS_FORMERR);
        return;
    }
    who = dns_asker_find(server, true, asked->client, &asked->asker);
    if (who == -EPERM) {
        counters->refused++;
        stub_fail(server, asked, DNS_REFUSED);
        return;
    }
    if (asked->verdict == DNS_QUERY)
        r = dns_stub_answer(server->stub, &asked->question, true, &answer, &size);
    if (r == 0) {
        counters->answered++;
        if (who == 0) /* another one may have the port of who has gone, and is told nothing of ours */
            reply(server, asked, answer, size);
    } else if (r == -ENOENT && !server->stub->task) {
        counters->refused++;
        stub_fail(server, asked, DNS_REFUSED);
    } else if (r == -ENOENT && dns_forward_question(server, asked) == 0) {
        counters->forwarded++;
    } else {
        counters->refused++;
        stub_fail(server, asked, DNS_SERVFAIL);
    }
    free(answer);
}

static void on_question(evutil_socket_t fd, short what, void *user)
{
    struct dns_server *server = user;
    uint8_t *buffer = server->stub->dns->buffer;

    (void)what;
    if (dns_hold(server->stub))
        return;
    for (int i = 0; i < DNS_PER_ROUND; i++) {
        struct sockaddr_storage client;
        struct dns_asked asked = {.message = buffer, .client = &client, .client_size = sizeof(client)};
        ssize_t size = recvfrom(fd, buffer, DNS_QUERY_MAX + 1, MSG_DONTWAIT, (struct sockaddr *)&client,
                                &asked.client_size);

        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (size <= 0 || size > DNS_QUERY_MAX)
            continue;
        asked.size = (size_t)size;
        stub_take_question(server, &asked);
    }
}

/* ---- making and ending ---- */

static void on_connection(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    dns_tcp_accept(user);
}

static void stub_go_on(void *user)
{
    const struct dns_server *server = user;

    (void)event_add(server->tcp_event, NULL);
}

int dns_stub_watch(struct dns_stub *stub)
{
    for (unsigned i = 0; i < stub->n_servers; i++) {
        struct dns_server *server = &stub->servers[i];

        server->udp_event = dns_watch(stub->dns->settings.base, server->udp_fd, on_question, server);
        server->tcp_event = dns_watch(stub->dns->settings.base, server->tcp_fd, on_connection, server);
        accept_pause_init(&server->pause, stub->dns->settings.base, "DNS", stub_go_on, server);
        if (!server->udp_event || !server->tcp_event || dns_forward_watch(server) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* A name server that is an alias address is an alias and stays one. */
static bool stub_is_alias(const struct dns *dns, const struct ip_address *address)
{
    uint32_t number;

    return alias_range_number(engine_alias_range(dns->settings.engine), address, &number) == 0;
}

static void set_up(struct dns_stub *stub, const struct svc_resolver *before)
{
    for (unsigned i = 0; i < stub->conf.n_nameservers; i++) {
        struct dns_server *server = &stub->servers[stub->n_servers];

        if (stub_is_alias(stub->dns, &stub->conf.nameservers[i]))
            continue;
        *server = (struct dns_server){.stub = stub,
                                      .address = stub->conf.nameservers[i],
                                      .zone = stub->conf.zones[i],
                                      .port = ntohs(before->port_be[stub->n_servers]),
                                      .udp_fd = -1,
                                      .tcp_fd = -1,
                                      .owners_fd = -1};
        memcpy(server->stub_address.bytes, before->stub[stub->n_servers], sizeof(server->stub_address.bytes));
        stub->n_servers++;
    }
    for (unsigned i = 0; i < stub->conf.n_domains; i++)
        stub->search[i] = stub->conf.domains[i];
}

int dns_stub_new(struct dns *dns, struct dns_task *task, int netns_fd, const char *text,
                 const struct svc_resolver *before, struct dns_stub **ret_stub, struct error *error)
{
    struct dns_stub *stub = calloc(1, sizeof(*stub));
    struct stat info;
    int r;

    if (!stub)
        return error_errno(error, ENOMEM, "answering DNS");
    stub->dns = dns;
    stub->idle = (struct timeval){.tv_sec = DNS_IDLE_S};
    stub->task = task;
    stub->netns_fd = -1;
    stub->text = strdup(text);
    resolv_conf_read(text, &stub->conf);
    set_up(stub, before);
    r = !stub->text ? -ENOMEM : fstat(netns_fd, &info) < 0 ? -errno : netns_run(netns_fd, open_all, stub);
    if (r == 0)
        r = dns_stub_watch(stub);
    if (r < 0) {
        dns_stub_free(&stub);
        return error_errno(error, r, "opening sockets in the task's network namespace");
    }
    stub->netns = info.st_ino;
    stub->netns_fd = netns_fd;
    *ret_stub = stub;
    return 0;
}

/* In a thread of the task's network namespace. */
static int open_rest(void *user)
{
    struct dns_stub *stub = user;
    int r = 0;

    for (unsigned i = 0; i < stub->n_servers && r == 0; i++) {
        dns_asker_open(&stub->servers[i]);
        r = dns_forward_open(&stub->servers[i]);
    }
    return r;
}

/* Their resolv.conf may mean others to this daemon than it did to the one before. */
static bool is_for(const struct dns_stub *stub, const struct keep_message *message)
{
    bool is_same = stub->n_servers == message->n_servers;

    for (unsigned i = 0; i < stub->n_servers && is_same; i++)
        is_same = ip_address_equal(&stub->servers[i].address, &message->servers[i].address);
    return is_same;
}

int dns_stub_take_over(struct dns *dns, struct dns_task *task, const struct keep_message *message,
                       int fds[static KEEP_FDS], struct dns_stub **ret_stub)
{
    static const struct svc_resolver nothing;
    struct dns_stub *stub = calloc(1, sizeof(*stub));
    struct stat info;
    int r;

    if (!stub)
        return -ENOMEM;
    stub->dns = dns;
    stub->task = task;
    stub->number = message->number;
    stub->netns_cookie = message->netns_cookie;
    stub->text = strdup(message->text);
    resolv_conf_read(message->text, &stub->conf);
    set_up(stub, &nothing);
    stub->idle = (struct timeval){.tv_sec = DNS_IDLE_S};
    stub->netns_fd = TAKE_FD(fds[0]);
    r = !stub->text                        ? -ENOMEM
        : fstat(stub->netns_fd, &info) < 0 ? -errno
        : is_for(stub, message)            ? 0
                                           : -ESTALE;
    for (unsigned i = 0; i < stub->n_servers && r == 0; i++) {
        struct dns_server *server = &stub->servers[i];

        server->stub_address = message->servers[i].stub;
        server->zone_index = message->servers[i].zone_index;
        server->port = message->servers[i].port;
        server->udp_fd = TAKE_FD(fds[1 + 2 * i]);
        server->tcp_fd = TAKE_FD(fds[2 + 2 * i]);
    }
    if (r == 0)
        r = netns_run(stub->netns_fd, open_rest, stub);
    if (r == 0)
        r = dns_stub_watch(stub);
    if (r < 0) {
        dns_stub_free(&stub);
        return r;
    }
    stub->netns = info.st_ino;
    *ret_stub = stub;
    return 0;
}

int dns_stub_listen(struct dns *dns, const struct ip_address *address, uint16_t port,
                    struct dns_stub **ret_stub, struct error *error)
{
    struct dns_stub *stub = calloc(1, sizeof(*stub));
    struct dns_server *server = stub ? &stub->servers[0] : NULL;
    char text[IP_ADDRESS_TEXT_SIZE];
    int r;

    if (!stub)
        return error_errno(error, ENOMEM, "starting");
    stub->dns = dns;
    stub->idle = (struct timeval){.tv_sec = DNS_IDLE_S};
    stub->netns_fd = -1;
    stub->n_servers = 1;
    *server = (struct dns_server){
        .stub = stub, .address = *address, .zone = "", .udp_fd = -1, .tcp_fd = -1, .owners_fd = -1};
    r = dns_place_bind(server, address, port);
    if (r == 0)
        r = dns_stub_watch(stub);
    if (r < 0) {
        dns_stub_free(&stub);
        return error_errno(error, r, "--dns-listen %s, port %u", ip_address_format(address, text), port);
    }
    *ret_stub = stub;
    return 0;
}

static void end_server(struct dns_server *server)
{
    struct event *const events[] = {server->udp_event, server->tcp_event};
    const int fds[] = {server->udp_fd, server->tcp_fd};

    accept_pause_done(&server->pause);
    dns_forward_close(server);
    dns_asker_close(server);
    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        if (events[i])
            event_free(events[i]);
        if (fds[i] >= 0)
            (void)close(fds[i]);
    }
}

void dns_stub_free(struct dns_stub **stub)
{
    struct dns_stub *self = *stub;

    if (!self)
        return;
    dns_tcp_close_all(self);
    for (unsigned i = 0; i < self->n_servers; i++)
        end_server(&self->servers[i]);
    if (self->netns_fd >= 0)
        (void)close(self->netns_fd);
    free(self->passed);
    free(self->text);
    free(self->news);
    *stub = self->next;
    free(self);
}
