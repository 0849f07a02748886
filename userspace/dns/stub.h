/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One task's stub in one network namespace: its sockets, and the questions that it has passed on. Private to
 * dns/. */
#pragma once

#include <event2/event.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include "base/accept_pause.h"
#include "dns/asker.h"
#include "dns/dns.h"
#include "names/resolv_conf.h"

#define DNS_IN_FLIGHT   512  /* questions passed on at a time, of one task */
#define DNS_TIMEOUT_MS  6000 /* longer than resolvers wait; what comes later is of no use to them */
#define DNS_CONNECTIONS 32   /* over TCP at a time, of one task */
#define DNS_IDLE_S      10   /* after which a connection over TCP ends that nothing comes or goes on */
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
    const char *zone;          /* the interface of a link-local one, by name or number; "": none */
    uint32_t zone_index;       /* 0: none, or not there */
    struct ip_address stub_address;
    uint16_t port; /* of the stub */
    int udp_fd;
    int tcp_fd;
    int owners_fd; /* tells whose sockets are; -1: nobody does */
    struct event *udp_event;
    struct event *tcp_event;
    struct accept_pause pause;
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
    struct dns_asker asker;
    struct sockaddr_storage client;
    socklen_t client_size;
    struct dns_question question;
};

struct dns_stub {
    struct dns *dns;
    struct dns_task *task;
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
    struct timeval idle; /* of connections to come: DNS_IDLE_S */
    bool is_kept;        /* the keeper has its sockets (keep.h) */
};

/* Stub sockets on loopback addresses in the namespace of `netns_fd`, which is taken over on success.
 * `before`: places of an earlier run to try first. */
int dns_stub_new(struct dns *dns, struct dns_task *task, int netns_fd, const char *text,
                 const struct svc_resolver *before, struct dns_stub **ret_stub, struct error *error);
/* Has the loop read what comes to its sockets; -ENOMEM. */
int dns_stub_watch(struct dns_stub *stub);

/* The task's next one takes its place. */
void dns_stub_free(struct dns_stub **stub);

/* Where the server's stub listens. */
struct ip_address dns_server_listen_address(const struct dns_server *server);

/*
 * For those outside tasks: a stub without one, in the daemon's own network namespace. It answers about
 * services and their instances, and refuses the rest.
 */
int dns_stub_listen(struct dns *dns, const struct ip_address *address, uint16_t port,
                    struct dns_stub **ret_stub, struct error *error);

/* -ENOENT: somebody else's to answer. -ENOMEM. */
int dns_stub_answer(struct dns_stub *stub, const struct dns_question *question, bool is_udp,
                    uint8_t **ret_answer, size_t *ret_size);

/* directory_view.c: the same about <service>.<namespace>; -EAGAIN: the engine is not steady. */
int dns_directory_answer(struct dns *dns, const struct dns_question *question, bool is_udp,
                         uint8_t **ret_answer, size_t *ret_size);

/* A question as it came by UDP. */
struct dns_asked {
    const uint8_t *message;
    size_t size;
    const struct sockaddr_storage *client;
    socklen_t client_size;
    struct dns_asker asker;
    enum dns_verdict verdict;
    struct dns_question question;
};

/*
 * forward.c: questions that are somebody else's to answer. Open: the first socket, in a thread of the
 * task's network namespace. Question: goes on to the name server and its answer back to the asker, both as
 * they are but for the id. Negative: it does not. Sweep: gives up what has waited too long.
 */
int dns_forward_open(struct dns_server *server);
int dns_forward_watch(struct dns_server *server);
void dns_forward_close(struct dns_server *server);
int dns_forward_question(struct dns_server *server, const struct dns_asked *asked);
void dns_forward_sweep(struct dns_stub *stub);

/* dns.c: tells the programs when somebody was there to answer; 0: nobody is from now on. */
void dns_beat(struct dns *dns, uint64_t now);

/* sockets.c. A socket that does not block; -errno. And its event, added; NULL: no memory. */
int dns_open(int family, int type);
struct event *dns_watch(struct event_base *base, int fd, event_callback_fn function, void *user);

/* An address and a port as the kernel takes them; the interface of a link-local one; the name server. */
socklen_t dns_sockaddr(const struct ip_address *address, uint16_t port, struct sockaddr_storage *ret);
void dns_sockaddr_set_zone(struct sockaddr_storage *at, uint32_t zone_index);
socklen_t dns_server_sockaddr(const struct dns_server *server, struct sockaddr_storage *ret);
bool dns_is_link_local(const struct ip_address *address);

#define DNS_SERVER_TEXT_SIZE (IP_ADDRESS_TEXT_SIZE + RESOLV_CONF_ZONE_SIZE)

/* The name server for people, with its interface. Returns `text`. */
const char *dns_server_format(const struct dns_server *server, char text[static DNS_SERVER_TEXT_SIZE]);

/* look.c: when to look where tasks have processes; and for a task what each tick brings. */
void dns_look_begin(struct dns *dns);
void dns_look_tick(struct dns *dns, struct dns_task *task);
void dns_look_done(struct dns *dns);
/* A task is new, or sees other names now. `pid`: a process whose namespaces it will have; 0: found later. */
void dns_look_put(struct dns *dns, struct dns_task *task, pid_t pid);
void dns_look_remove(struct dns *dns, struct dns_task *task);
/* Who wants to hear of the end of a round, and who does not any more. -ENOMEM. */
int dns_look_wait(struct dns_task *task, void (*looked)(const struct task *task, void *user), void *user);
void dns_look_forget(struct dns_task *task, const void *user);
/* Nobody looks at the task any more, and nobody waits for that. */
void dns_look_drop(struct dns_task *task);

/*
 * round.c: looking. Begin: at all processes of the task, or at `only`; nothing while a round is on. The
 * end may come at once, and is told by dns_look_ended(). Answer: of the process that is waited for. Drop: no
 * end.
 */
void dns_round_begin(struct dns *dns, struct dns_task *task, pid_t only);
void dns_round_answer(struct dns *dns, struct dns_task *task, const struct root_answer *answer);
void dns_round_drop(struct dns_task *task);
void dns_look_ended(struct dns *dns, struct dns_task *task);
void dns_round_end_stubs(struct dns *dns, struct dns_task *task);

/*
 * reads.c: what a process has in its /etc/resolv.conf. Ask: the answer comes by dns_round_answer() if the
 * round still waits for *ret_id. -EAGAIN: too much at a time, or nobody to ask just now. Tick: twice a
 * second.
 */
int dns_reads_ask(struct dns *dns, const struct dns_task *task, pid_t pid, uint64_t *ret_id);
int dns_reads_begin(struct dns *dns);
void dns_reads_done(struct dns *dns);
void dns_reads_tick(struct dns *dns);

/* tcp.c: somebody wants to connect; and the end of all of them. */
void dns_tcp_accept(struct dns_server *server);
void dns_tcp_close_all(struct dns_stub *stub);
/* Takes what its connections have sent meanwhile. */
void dns_tcp_resume(struct dns_stub *stub);

/*
 * hold.c: while the engine is not steady, nobody may read the catalog. Hold: true if this stub's questions can
 * only be answered from there and wait now, in their sockets, until it is; the caller reads no further.
 */
bool dns_hold(struct dns_stub *stub);
void dns_hold_done(struct dns *dns);
