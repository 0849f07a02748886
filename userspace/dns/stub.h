/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One task's stub in one network namespace: its sockets, and the questions that it has passed on. Not for
 * others than dns*.c. */
#pragma once

#include <event2/event.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include "dns/dns.h"
#include "names/resolv_conf.h"

#define DNS_IN_FLIGHT   512  /* questions passed on at a time, of one task */
#define DNS_TIMEOUT_MS  6000 /* longer than resolvers wait; what comes later is of no use to them */
#define DNS_CONNECTIONS 32   /* over TCP at a time, of one task */
#define DNS_UPSTREAMS   8    /* sockets towards one name server at a time: as many source ports */
#define DNS_QUERY_MAX   4096 /* bytes, over UDP */
#define DNS_PER_ROUND   64   /* messages read before others have their turn */
#define DNS_PORT        53

struct dns_connection;
struct dns_server;

/* A UDP socket towards a name server. Its port is a new one whenever it has nothing to wait for. */
struct dns_upstream {
    struct dns_server *server; /* NULL: no socket here */
    int fd;
    struct event *event;
    unsigned n_waiting;  /* questions whose answers are to come here */
    uint64_t port_at_ms; /* when it got its port */
};

struct dns_server {
    struct dns_stub *stub;
    struct ip_address address; /* the name server's; of a stub without a task, its own */
    uint16_t port;             /* of the stub */
    int udp_fd;
    int tcp_fd;
    struct event *udp_event;
    struct event *tcp_event;
    struct dns_upstream upstreams[DNS_UPSTREAMS]; /* the first is always there, the others when needed */
    uint64_t crowded_at_ms;                       /* when one socket was not enough, lately */
};

/* A question that waits for its answer. */
struct dns_passed {
    bool is_used;
    bool is_checked; /* it has a question that the answer has to repeat */
    struct dns_upstream *upstream;
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
    struct dns_stub *next; /* of the task, in another network namespace */
    uint32_t number;       /* of its entry in `resolvers` */
    bool is_seen;          /* while its task's processes are looked at: one is in this namespace */
    int netns_fd;
    ino_t netns;
    uint64_t netns_cookie;
    char *text; /* of the resolv.conf */
    char *news; /* while its task's processes are looked at: that of another process; NULL: none */
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
/* The task's next one takes its place. */
void dns_stub_free(struct dns_stub **stub);

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

/* A question as it came by UDP. */
struct dns_asked {
    const uint8_t *message;
    size_t size;
    const struct sockaddr_storage *client;
    socklen_t client_size;
    enum dns_verdict verdict;
    struct dns_question question;
};

/*
 * dns_forward.c: questions that are somebody else's to answer. Open: the first socket, in a thread of the
 * task's network namespace. Question: goes on to the name server and its answer back to the asker, both as
 * they are but for the id. Negative: it does not. Sweep: gives up what has waited too long.
 */
int dns_forward_open(struct dns_server *server);
int dns_forward_watch(struct dns_server *server);
void dns_forward_close(struct dns_server *server);
int dns_forward_question(struct dns_server *server, const struct dns_asked *asked);
void dns_forward_sweep(struct dns_stub *stub);

/* A socket that does not block; -errno. And its event, added; NULL: no memory. */
int dns_open(int family, int type);
struct event *dns_watch(struct daemon *daemon, int fd, event_callback_fn function, void *user);

/* An address and a port as the kernel takes them. */
socklen_t dns_sockaddr(const struct ip_address *address, uint16_t port, struct sockaddr_storage *ret);

/* dns_look.c: when to look where tasks have processes; and for a task what each tick brings. */
void dns_look_begin(struct daemon *daemon);
void dns_look_tick(struct daemon *daemon, struct task *task);
void dns_look_done(struct daemon *daemon);
/* Nobody looks at the task any more, and nobody waits for that. */
void dns_look_drop(struct task *task);

/*
 * dns_round.c: looking. Begin: at all processes of the task, or at `only`; nothing while a round is on. The
 * end may come at once, and is told by dns_look_ended(). Answer: of the process that is waited for. Drop: no
 * end.
 */
void dns_round_begin(struct daemon *daemon, struct task *task, pid_t only);
void dns_round_answer(struct daemon *daemon, struct task *task, const struct root_answer *answer);
void dns_round_drop(struct task *task);
void dns_look_ended(struct daemon *daemon, struct task *task);
void dns_round_end_stubs(struct daemon *daemon, struct task *task);

/*
 * dns_reads.c: what a process has in its /etc/resolv.conf. Ask: the answer comes by dns_round_answer() if the
 * round still waits for *ret_id. -EAGAIN: too much at a time, or nobody to ask just now. Tick: twice a
 * second.
 */
int dns_reads_ask(struct daemon *daemon, const struct task *task, pid_t pid, uint64_t *ret_id);
int dns_reads_begin(struct daemon *daemon);
void dns_reads_tick(struct daemon *daemon);

/* dns_tcp.c: somebody wants to connect; and the end of all of them. */
void dns_tcp_accept(struct dns_server *server);
void dns_tcp_close_all(struct dns_stub *stub);
