/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bytes as what clients and a name server send over TCP, in pieces of any size: what either gets are whole
 * messages, and an answer of ours answers. The input is a list of steps: a byte that says who does what
 * (enum step, and in the upper half which client), one with a length, and so many bytes that are sent.
 *
 * Names, askers and network namespaces are the fuzzer's own; the name server listens on the loopback.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgroups/netns.h"
#include "dns/stub.h"

#define CLIENTS 40 /* more than there may be connections */
#define NAMED   32 /* that a step can name */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step {
    CLIENT_SENDS,
    CLIENT_LEAVES,
    SERVER_SENDS,
    SERVER_LEAVES,
    CLIENT_HAS_NO_TASK,
    SERVER_CANNOT_BE_REACHED,
    TIME_OF_HOLDING,
    STRANGER_COMES,
};

/* One end of a connection, and how far into a message what came has got. */
struct end {
    int fd; /* -1: none */
    uint8_t head[2];
    unsigned n_head;
    size_t missing;
};

struct lab {
    struct event_base *base;
    int upstream_fd; /* the name server listens there */
    struct sockaddr_in at;
    struct sockaddr_un door;
    socklen_t door_size;
    struct dns dns;
    struct dns_task task;
    struct dns_stub stub;
    struct end clients[CLIENTS];
    struct end upstream;
    unsigned n_more;
    bool is_held, is_stranger, is_unreachable;
};

static void require(int claim)
{
    if (!claim)
        abort();
}

static struct lab *fuzz_lab(void)
{
    static struct lab lab;

    return &lab;
}

/* ---- what tcp.c asks others for ---- */

bool dns_hold(struct dns_stub *stub)
{
    (void)stub;
    return fuzz_lab()->is_held;
}

int dns_asker_find(struct dns_server *server, bool is_udp, const struct sockaddr_storage *client,
                   struct dns_asker *ret_asker)
{
    (void)server, (void)is_udp, (void)client;
    if (fuzz_lab()->is_stranger)
        return -EPERM;
    *ret_asker = (struct dns_asker){.group = 1, .user = fuzz_lab()->stub.n_connections % 3};
    return 0;
}

bool dns_asker_equal(const struct dns_asker *a, const struct dns_asker *b)
{
    return a->group == b->group && a->user == b->user;
}

const struct dns_asker *dns_asker_greediest(const struct dns_asker *first, size_t n, size_t stride,
                                            unsigned *ret_places)
{
    (void)stride;
    require(n == DNS_CONNECTIONS);
    *ret_places = 1;
    return first;
}

/* Questions of an odd type are ours. */
int dns_stub_answer(struct dns_stub *stub, const struct dns_question *question, bool is_udp,
                    uint8_t **ret_answer, size_t *ret_size)
{
    (void)stub;
    require(!is_udp);
    if (question->type % 2 == 0)
        return -ENOENT;
    *ret_size = DNS_HEADER_SIZE + question->type % 128;
    *ret_answer = calloc(1, *ret_size);
    require(*ret_answer != NULL);
    (*ret_answer)[2] = 0x80;
    return 0;
}

int netns_run(int netns_fd, int (*function)(void *user), void *user)
{
    (void)netns_fd;
    return fuzz_lab()->is_unreachable ? -ENETUNREACH : function(user);
}

socklen_t dns_server_sockaddr(const struct dns_server *server, struct sockaddr_storage *ret)
{
    (void)server;
    memcpy(ret, &fuzz_lab()->at, sizeof(fuzz_lab()->at));
    return sizeof(fuzz_lab()->at);
}

/* ---- the other ends ---- */

static void end_close(struct end *end)
{
    /* At once, with a reset: ports must not wait for their time. */
    const struct linger now = {.l_onoff = 1};

    if (end->fd < 0)
        return;
    (void)setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    (void)close(end->fd);
    *end = (struct end){.fd = -1};
}

static void end_take(struct end *end, const uint8_t *bytes, size_t size, bool is_client)
{
    for (size_t i = 0; i < size; i++) {
        if (end->missing > 0) {
            size_t step = size - i < end->missing ? size - i : end->missing;

            end->missing -= step;
            i += step - 1;
            continue;
        }
        end->head[end->n_head++] = bytes[i];
        if (end->n_head < 2)
            continue;
        end->n_head = 0;
        end->missing = (size_t)(end->head[0] << 8 | end->head[1]);
        require(end->missing > 0 && (is_client || end->missing >= DNS_HEADER_SIZE));
    }
}

static void end_read(struct end *end, bool is_client)
{
    static uint8_t sink[1 << 16];
    ssize_t n;

    while (end->fd >= 0 && (n = recv(end->fd, sink, sizeof(sink), MSG_DONTWAIT)) > 0)
        end_take(end, sink, (size_t)n, is_client);
}

/* The loop, what came of it, and again: what one end got may be what another waits for. */
static void turn(struct lab *lab)
{
    for (int i = 0; i < 3; i++) {
        int fd;

        (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
        while ((fd = accept4(lab->upstream_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
            end_close(&lab->upstream);
            lab->upstream = (struct end){.fd = fd};
        }
        end_read(&lab->upstream, false);
        for (size_t c = 0; c < CLIENTS; c++)
            end_read(&lab->clients[c], true);
    }
    require(lab->stub.n_connections <= DNS_CONNECTIONS);
}

static void arrive(struct lab *lab, struct end *client)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    require(fd >= 0 && connect(fd, (struct sockaddr *)&lab->door, lab->door_size) == 0);
    *client = (struct end){.fd = fd};
    dns_tcp_accept(&lab->stub.servers[0]);
}

static void do_step(struct lab *lab, unsigned what, const uint8_t *bytes, size_t size)
{
    struct end *client = &lab->clients[(what >> 3) % NAMED];

    switch ((enum step)(what % 8)) {
    case STRANGER_COMES:
        lab->is_stranger = !lab->is_stranger;
        break;
    case CLIENT_SENDS:
        if (size == 0) { /* one more than can be named */
            client = &lab->clients[NAMED + lab->n_more++ % (CLIENTS - NAMED)];
            end_close(client);
        }
        if (client->fd < 0)
            arrive(lab, client);
        (void)send(client->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
    case CLIENT_LEAVES:
        end_close(client);
        break;
    case SERVER_SENDS:
        if (lab->upstream.fd >= 0)
            (void)send(lab->upstream.fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
    case SERVER_LEAVES:
        if (lab->upstream.fd >= 0)
            (void)shutdown(lab->upstream.fd, SHUT_WR);
        break;
    case CLIENT_HAS_NO_TASK:
        lab->stub.task = lab->stub.task ? NULL : &lab->task;
        break;
    case SERVER_CANNOT_BE_REACHED:
        lab->is_unreachable = !lab->is_unreachable;
        break;
    case TIME_OF_HOLDING:
        lab->is_held = !lab->is_held;
        if (!lab->is_held)
            dns_tcp_resume(&lab->stub);
        break;
    }
}

/* Both listeners; -1 where one cannot be had. */
static void lab_begin(struct lab *lab)
{
    socklen_t length = sizeof(lab->at);
    int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    lab->base = event_base_new();
    lab->upstream_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    lab->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    require(lab->base && bind(lab->upstream_fd, (struct sockaddr *)&lab->at, length) == 0);
    require(listen(lab->upstream_fd, 64) == 0 &&
            getsockname(lab->upstream_fd, (struct sockaddr *)&lab->at, &length) == 0);
    lab->door.sun_family = AF_UNIX;
    lab->door_size = sizeof(lab->door);
    /* No name: the kernel gives one. */
    require(bind(door, (struct sockaddr *)&lab->door, sizeof(sa_family_t)) == 0 && listen(door, 64) == 0);
    require(getsockname(door, (struct sockaddr *)&lab->door, &lab->door_size) == 0);
    lab->dns.settings.base = lab->base;
    lab->dns.buffer = malloc(DNS_MESSAGE_MAX);
    lab->stub = (struct dns_stub){.dns = &lab->dns, .n_servers = 1, .idle = {.tv_sec = 10}};
    lab->stub.servers[0] = (struct dns_server){
        .stub = &lab->stub, .address = ip_address_from_v4(INADDR_LOOPBACK), .tcp_fd = door, .udp_fd = -1};
    lab->upstream.fd = -1;
    for (size_t c = 0; c < CLIENTS; c++)
        lab->clients[c].fd = -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lab *lab = fuzz_lab();

    if (!lab->base)
        lab_begin(lab);
    lab->is_held = lab->is_stranger = lab->is_unreachable = false;
    lab->stub.task = &lab->task;
    while (size >= 2) {
        size_t length = data[1] < size - 2 ? data[1] : size - 2;

        do_step(lab, data[0], data + 2, length);
        turn(lab);
        data += 2 + length;
        size -= 2 + length;
    }
    dns_tcp_close_all(&lab->stub);
    require(lab->stub.n_connections == 0 && !lab->stub.connections);
    for (size_t c = 0; c < CLIENTS; c++)
        end_close(&lab->clients[c]);
    end_close(&lab->upstream);
    (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
    return 0;
}
