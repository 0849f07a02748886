/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One task's stub: its sockets, and the questions that it has passed on. Not for others than dns*.c. */
#pragma once

#include <event2/event.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include "daemon/dns.h"
#include "names/resolv_conf.h"

#define DNS_IN_FLIGHT   512  /* questions passed on at a time, of one task */
#define DNS_TIMEOUT_MS  6000 /* longer than resolvers wait; what comes later is of no use to them */
#define DNS_CONNECTIONS 32   /* over TCP at a time, of one task */

struct dns_connection;

struct dns_server {
    struct dns_stub *stub;
    struct ip_address address; /* the name server's; of a stub without a task, its own */
    uint16_t port;             /* of the stub */
    int udp_fd;
    int tcp_fd;
    int upstream_fd; /* UDP, connected to the name server */
    bool is_connected;
    struct event *udp_event;
    struct event *tcp_event;
    struct event *upstream_event;
};

/* A question that waits for its answer. */
struct dns_passed {
    bool is_used;
    bool is_checked; /* it has a question that the answer has to repeat */
    uint8_t server;
    uint16_t id; /* towards the name server */
    uint16_t client_id;
    uint64_t deadline_ms;
    struct sockaddr_storage client;
    socklen_t client_size;
    struct dns_question question;
};

struct dns_stub {
    struct daemon *daemon;
    struct task *task;
    int netns_fd;
    ino_t netns;
    uint64_t netns_cookie;
    char *text; /* of the resolv.conf */
    struct resolv_conf conf;
    const char *search[RESOLV_CONF_DOMAINS + 1];
    struct dns_server servers[SVC_NAMESERVERS];
    unsigned n_servers;
    struct dns_passed *passed;
    size_t n_passed; /* entries there are */
    size_t n_used;
    struct dns_connection *connections;
    unsigned n_connections;
};

/* Stub sockets on loopback addresses in the namespace of `netns_fd`, which is taken over on success.
 * `before`: ports of an earlier run to try first. */
int dns_stub_new(struct daemon *daemon, struct task *task, int netns_fd, const char *text,
                 const struct svc_resolver *before, struct dns_stub **ret_stub, struct error *error);
void dns_stub_free(struct dns_stub **stub);

/* Gives up what has waited too long. */
void dns_stub_sweep(struct dns_stub *stub);

/* Where the server's stub listens. */
struct ip_address dns_server_listen_address(const struct dns_server *server);

/*
 * For those outside tasks: a stub without one, in the daemon's own network namespace. It answers about
 * services and their instances, and refuses the rest.
 */
int dns_stub_listen(struct daemon *daemon, const struct ip_address *address, uint16_t port,
                    struct dns_stub **ret_stub, struct error *error);

/* -ENOENT: somebody else's to answer. -ENOMEM. */
int dns_stub_answer(struct dns_stub *stub, const struct dns_question *question, bool is_udp,
                    uint8_t **ret_answer, size_t *ret_size);

/* dns_directory_view.c: the same about <service>.<namespace>. */
int dns_directory_answer(struct daemon *daemon, const struct dns_question *question, bool is_udp,
                         uint8_t **ret_answer, size_t *ret_size);

/* An address and a port as the kernel takes them. */
socklen_t dns_sockaddr(const struct ip_address *address, uint16_t port, struct sockaddr_storage *ret);

/* dns_tcp.c: somebody wants to connect; and the end of all of them. */
void dns_tcp_accept(struct dns_server *server);
void dns_tcp_close_all(struct dns_stub *stub);
