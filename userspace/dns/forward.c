/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Questions that are the name server's to answer: on to it with an id and, where that can be had, a port that
 * no other question has, and the answer back to the asker. A forger has to guess both (RFC 5452).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"
#include "dns/stub.h"
#include "cgroups/netns.h"

#define FIRST_PASSED 16
#define PORT_AGE_MS  1000  /* a port this old takes no more questions, so that it falls idle and is changed */
#define CROWD_MS     10000 /* sockets that were needed stay for so long */

/* ---- sockets ---- */

static void close_upstream(struct dns_upstream *upstream)
{
    if (!upstream->server)
        return;
    if (upstream->event)
        event_free(upstream->event);
    (void)close(upstream->fd);
    *upstream = (struct dns_upstream){0};
}

static int forward_open_upstream(struct dns_upstream *upstream, struct dns_server *server)
{
    int fd = dns_open(ip_address_is_v4(&server->address) ? AF_INET : AF_INET6, SOCK_DGRAM);

    if (fd < 0)
        return fd;
    *upstream = (struct dns_upstream){.server = server, .fd = fd};
    return 0;
}

int dns_forward_open(struct dns_server *server)
{
    return forward_open_upstream(&server->upstreams[0], server);
}

void dns_forward_close(struct dns_server *server)
{
    for (size_t i = 0; i < DNS_UPSTREAMS; i++)
        close_upstream(&server->upstreams[i]);
}

/* ---- what waits ---- */

static struct dns_passed *find_passed(struct dns_upstream *upstream, uint16_t id)
{
    struct dns_stub *stub = upstream->server->stub;

    for (size_t i = 0; i < stub->n_passed; i++)
        if (stub->passed[i].is_used && stub->passed[i].id == id && stub->passed[i].upstream == upstream)
            return &stub->passed[i];
    return NULL;
}

static void forward_give_up(struct dns_stub *stub, struct dns_passed *passed)
{
    passed->is_used = false;
    passed->upstream->n_waiting--;
    stub->n_used--;
}

/* The failure that a name server would have told. Returns its size. */
static size_t make_failure(const struct dns_passed *passed,
                           uint8_t answer[static DNS_HEADER_SIZE + DNS_NAME_SIZE + 4])
{
    const struct dns_question *question = &passed->question;
    const uint8_t query[DNS_HEADER_SIZE] = {
        (uint8_t)(passed->client_id >> 8),
        (uint8_t)passed->client_id,
        passed->is_checked && question->is_recursion_desired,
    };
    const uint8_t tail[] = {(uint8_t)(question->type >> 8), (uint8_t)question->type,
                            (uint8_t)(question->class >> 8), (uint8_t)question->class};

    if (!passed->is_checked) {
        dns_message_refuse(query, DNS_SERVFAIL, answer);
        return DNS_HEADER_SIZE;
    }
    memcpy(answer, query, sizeof(query));
    memcpy(answer + DNS_HEADER_SIZE, question->wire, question->wire_size);
    memcpy(answer + DNS_HEADER_SIZE + question->wire_size, tail, sizeof(tail));
    return dns_message_fail(answer, question, DNS_SERVFAIL, answer);
}

/* Its asker shall try elsewhere, not wait. */
static void fail_passed(struct dns_stub *stub, struct dns_passed *passed)
{
    uint8_t answer[DNS_HEADER_SIZE + DNS_NAME_SIZE + 4];

    (void)!sendto(passed->upstream->server->udp_fd, answer, make_failure(passed, answer),
                  MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&passed->client, passed->client_size);
    stub->dns->counters.refused++;
    forward_give_up(stub, passed);
}

static int grow(struct dns_stub *stub)
{
    size_t room = stub->n_passed ? stub->n_passed * 2 : FIRST_PASSED;
    struct dns_passed *larger = realloc(stub->passed, room * sizeof(*larger));

    if (!larger)
        return -ENOMEM;
    memset(larger + stub->n_passed, 0, (room - stub->n_passed) * sizeof(*larger));
    stub->passed = larger;
    stub->n_passed = room;
    return 0;
}

/* All places are taken. Who has the most of them gives one to somebody who has fewer: the oldest. NULL: the
 * asker himself has as many as anybody. */
static struct dns_passed *take_from_greediest(struct dns_stub *stub, const struct dns_asker *asker)
{
    struct dns_passed *oldest = NULL;
    unsigned most, own = 0;
    const struct dns_asker *greediest =
        dns_asker_greediest(&stub->passed[0].asker, stub->n_passed, sizeof(stub->passed[0]), &most);

    for (size_t i = 0; i < stub->n_passed; i++) {
        struct dns_passed *passed = &stub->passed[i];

        own += dns_asker_equal(&passed->asker, asker);
        if (dns_asker_equal(&passed->asker, greediest) &&
            (!oldest || passed->deadline_ms < oldest->deadline_ms))
            oldest = passed;
    }
    if (own + 1 >= most)
        return NULL;
    fail_passed(stub, oldest);
    return oldest;
}

static struct dns_passed *take_passed(struct dns_stub *stub, const struct dns_asker *asker)
{
    if (stub->n_used == stub->n_passed && stub->n_passed >= DNS_IN_FLIGHT)
        return take_from_greediest(stub, asker);
    if (stub->n_used == stub->n_passed && grow(stub) < 0)
        return NULL;
    for (size_t i = 0; i < stub->n_passed; i++)
        if (!stub->passed[i].is_used)
            return &stub->passed[i];
    return NULL;
}

/* ---- answers ---- */

static void forward_take_answer(struct dns_upstream *upstream, uint8_t *message, size_t size)
{
    struct dns_server *server = upstream->server;
    struct dns_passed *passed;

    if (size < DNS_HEADER_SIZE)
        return;
    passed = find_passed(upstream, (uint16_t)(message[0] << 8 | message[1]));
    if (!passed || (passed->is_checked && !dns_message_answers(message, size, &passed->question)))
        return;
    message[0] = (uint8_t)(passed->client_id >> 8);
    message[1] = (uint8_t)passed->client_id;
    (void)!sendto(server->udp_fd, message, size, MSG_DONTWAIT | MSG_NOSIGNAL,
                  (const struct sockaddr *)&passed->client, passed->client_size);
    forward_give_up(server->stub, passed);
}

/* Nobody listens at the name server: the askers shall try the next one, not wait. */
static void fail_all(struct dns_upstream *upstream)
{
    struct dns_stub *stub = upstream->server->stub;

    for (size_t i = 0; i < stub->n_passed && upstream->n_waiting > 0; i++)
        if (stub->passed[i].is_used && stub->passed[i].upstream == upstream)
            fail_passed(stub, &stub->passed[i]);
}

static void forward_on_answer(evutil_socket_t fd, short what, void *user)
{
    struct dns_upstream *upstream = user;
    uint8_t *buffer = upstream->server->stub->dns->buffer;

    (void)what;
    for (int i = 0; i < DNS_PER_ROUND; i++) {
        ssize_t size = recv(fd, buffer, DNS_MESSAGE_MAX, MSG_DONTWAIT);

        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (size < 0)
            fail_all(upstream);
        else
            forward_take_answer(upstream, buffer, (size_t)size);
    }
}

int dns_forward_watch(struct dns_server *server)
{
    for (size_t i = 0; i < DNS_UPSTREAMS; i++) {
        struct dns_upstream *upstream = &server->upstreams[i];

        if (!upstream->server)
            continue; /* a stub without a task asks nobody */
        upstream->event =
            dns_watch(server->stub->dns->settings.base, upstream->fd, forward_on_answer, upstream);
        if (!upstream->event)
            return -ENOMEM;
    }
    return 0;
}

/* ---- questions ---- */

struct opening {
    struct dns_server *server;
    struct dns_upstream *upstream;
};

static int open_another(void *user)
{
    const struct opening *opening = user;

    return forward_open_upstream(opening->upstream, opening->server);
}

/* NULL: there is no more than what is there. */
static struct dns_upstream *add_upstream(struct dns_server *server)
{
    struct opening opening = {.server = server};

    for (size_t i = 0; i < DNS_UPSTREAMS && !opening.upstream; i++)
        if (!server->upstreams[i].server)
            opening.upstream = &server->upstreams[i];
    if (!opening.upstream || netns_run(server->stub->netns_fd, open_another, &opening) < 0)
        return NULL;
    opening.upstream->event = dns_watch(server->stub->dns->settings.base, opening.upstream->fd,
                                        forward_on_answer, opening.upstream);
    if (!opening.upstream->event) {
        close_upstream(opening.upstream);
        return NULL;
    }
    return opening.upstream;
}

enum readiness {
    READY_IDLE,  /* it gets a port of its own for the question */
    READY_YOUNG, /* it has one that has not been in use for long */
    READY_ANY,
    READINESSES,
};

static bool is_ready(const struct dns_upstream *upstream, enum readiness wanted, uint64_t now)
{
    if (!upstream->server)
        return false;
    if (wanted == READY_IDLE)
        return upstream->n_waiting == 0;
    return wanted == READY_ANY || now - upstream->port_at_ms < PORT_AGE_MS;
}

static struct dns_upstream *choose(struct dns_server *server, enum readiness wanted, uint64_t now)
{
    struct dns_upstream *found[DNS_UPSTREAMS];
    unsigned n = 0;

    for (size_t i = 0; i < DNS_UPSTREAMS; i++)
        if (is_ready(&server->upstreams[i], wanted, now))
            found[n++] = &server->upstreams[i];
    return n > 0 ? found[random_below(n)] : NULL;
}

/* Dissolving the connection gives the port back, and connecting anew takes another, drawn by the kernel. */
static int renew_port(struct dns_upstream *upstream, uint64_t now)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    struct sockaddr_storage at;
    socklen_t size = dns_server_sockaddr(upstream->server, &at);

    (void)connect(upstream->fd, &nobody, sizeof(nobody));
    if (connect(upstream->fd, (struct sockaddr *)&at, size) < 0)
        return -errno;
    upstream->port_at_ms = now;
    return 0;
}

/* A socket for one more question; NULL: there is no way to the name server. */
static struct dns_upstream *take_upstream(struct dns_server *server, uint64_t now)
{
    struct dns_upstream *upstream = choose(server, READY_IDLE, now);

    if (!upstream) {
        server->crowded_at_ms = now;
        upstream = add_upstream(server);
    }
    for (enum readiness wanted = READY_YOUNG; !upstream && wanted < READINESSES; wanted++)
        upstream = choose(server, wanted, now);
    if (!upstream || (upstream->n_waiting == 0 && renew_port(upstream, now) < 0))
        return NULL;
    return upstream;
}

/* An id that no other question from this socket has. */
static int new_id(struct dns_upstream *upstream, uint16_t *ret_id)
{
    do {
        if (getrandom(ret_id, sizeof(*ret_id), GRND_NONBLOCK) != sizeof(*ret_id))
            return -EAGAIN;
    } while (find_passed(upstream, *ret_id));
    return 0;
}

int dns_forward_question(struct dns_server *server, const struct dns_asked *asked)
{
    struct dns_stub *stub = server->stub;
    struct dns_passed *passed = take_passed(stub, &asked->asker);
    uint64_t now = clock_monotonic_ms();
    struct dns_upstream *upstream = passed ? take_upstream(server, now) : NULL;
    uint8_t copy[DNS_QUERY_MAX];
    uint16_t id;

    if (!upstream || new_id(upstream, &id) < 0)
        return -EBUSY;
    memcpy(copy, asked->message, asked->size);
    copy[0] = (uint8_t)(id >> 8);
    copy[1] = (uint8_t)id;
    /* The first send after an error gives that error and sends nothing. */
    if (send(upstream->fd, copy, asked->size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
        send(upstream->fd, copy, asked->size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return -errno;
    *passed = (struct dns_passed){
        .is_used = true,
        .is_checked = asked->verdict == DNS_QUERY,
        .upstream = upstream,
        .id = id,
        .client_id = (uint16_t)(asked->message[0] << 8 | asked->message[1]),
        .deadline_ms = now + DNS_TIMEOUT_MS,
        .asker = asked->asker,
        .client = *asked->client,
        .client_size = asked->client_size,
    };
    if (passed->is_checked)
        passed->question = asked->question;
    upstream->n_waiting++;
    stub->n_used++;
    return 0;
}

void dns_forward_sweep(struct dns_stub *stub)
{
    uint64_t now = clock_monotonic_ms();

    for (size_t i = 0; i < stub->n_passed && stub->n_used > 0; i++)
        if (stub->passed[i].is_used && stub->passed[i].deadline_ms <= now) {
            stub->dns->counters.timed_out++;
            forward_give_up(stub, &stub->passed[i]);
        }
    for (unsigned i = 0; i < stub->n_servers; i++) {
        struct dns_server *server = &stub->servers[i];

        for (size_t at = 1; at < DNS_UPSTREAMS && now - server->crowded_at_ms > CROWD_MS; at++)
            if (server->upstreams[at].server && server->upstreams[at].n_waiting == 0)
                close_upstream(&server->upstreams[at]);
    }
}
