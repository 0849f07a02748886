/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * DNS on a house, in a network namespace of the test's own: one task with a stub, whose name server is a fake
 * one at port 53, and a listener for those outside. Included after cmocka.h.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>

#include "dns/dns.h"
#include "dns/stub.h"
#include "fakes/fake_name_server.h"
#include "unit/house.h"
#include "unit/own_network.h"

#define NAME_SERVER   "127.0.9.1"
#define RESOLV_CONF   "nameserver " NAME_SERVER "\nsearch corp.example\n"
#define LISTEN_PORT   5353
#define LAB_TTL       7
#define LAB_CGROUP_ID 4711
#define TYPE_MX       15
#define TRUNCATED     2 /* in the first flag byte */
#define ANSWER        0x80
#define LARGEST       65535

struct dns_lab {
    struct house house;
    struct dns dns;
    struct fake_name_server *server;
    struct task of;
    struct dns_task *task;
    struct dns_stub *stub;
    bool is_going_on;         /* a job has begun, and goes on while this is set */
    uint8_t message[LARGEST]; /* the last that was heard */
};

static bool has_own_network;

static inline int lab_enter(void **state)
{
    (void)state;
    has_own_network = own_network_enter(0);
    return 0;
}

static inline const char *const *lab_rows(void)
{
    static const char *const rows[] = {
        "namespaces/ns",
        "{}",
        "services/ns/web",
        "{\"clientAliases\":[{\"dnsName\":\"web.ns\",\"port\":80,\"protocol\":\"tcp\"},"
        "{\"dnsName\":\"www.ns\",\"port\":443,\"protocol\":\"tcp\"}]}",
        NULL,
    };

    return rows;
}

/* This network namespace, which the test's tasks are in. */
static inline int lab_netns(void)
{
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static inline struct dns_stub *lab_add_stub(struct dns_lab *lab, const char *resolv_conf)
{
    static const struct svc_resolver before;
    struct dns_stub *stub = NULL;
    struct error error = {0};

    if (dns_stub_new(&lab->dns, lab->task, lab_netns(), resolv_conf, &before, &stub, &error) < 0)
        fail_msg("%s", error.message);
    stub->next = lab->task->stubs;
    lab->task->stubs = stub;
    return stub;
}

/* In the scope of what it sees. */
static inline struct dns_task *lab_add_task(struct dns_lab *lab, struct task *of)
{
    struct dns_task *task;
    struct error error = {0};

    assert_int_equal(engine_scope_of_task(lab->house.engine, of->namespace_name, of->service, &of->scope,
                                          &of->namespace_scope, &error),
                     0);
    dns_observer.put(&lab->dns, of, 0);
    HASH_FIND(hh, lab->dns.tasks, &of->cgroup.id, sizeof(of->cgroup.id), task);
    assert_non_null(task);
    return task;
}

static inline int setup(void **state)
{
    struct dns_lab *lab;
    struct error error = {0};

    *state = NULL;
    if (!has_own_network)
        return 0;
    *state = lab = calloc(1, sizeof(*lab));
    house_make(&lab->house);
    assert_int_equal(engine_follow(lab->house.engine, &dns_follower, &lab->dns), 0);
    house_fill(&lab->house, lab_rows());
    dns_init(&lab->dns, &(struct dns_settings){.base = lab->house.base,
                                               .engine = lab->house.engine,
                                               .datapath = lab->house.datapath,
                                               .max_tasks = 4,
                                               .ttl = LAB_TTL,
                                               .listen_address = ip_address_from_v4(INADDR_LOOPBACK),
                                               .listen_port = LISTEN_PORT});
    house_begin(&lab->house);
    if (dns_begin(&lab->dns, &error) < 0)
        fail_msg("%s", error.message);
    lab->server = fake_name_server_new(lab->house.base, NAME_SERVER, 53);
    assert_non_null(lab->server);
    lab->of = (struct task){.cgroup = {.path = "/task", .id = LAB_CGROUP_ID},
                            .namespace_name = (char *)"ns",
                            .service = (char *)""};
    lab->task = lab_add_task(lab, &lab->of);
    lab->stub = lab_add_stub(lab, RESOLV_CONF);
    return 0;
}

static inline int teardown(void **state)
{
    struct dns_lab *lab = *state;

    if (!lab)
        return 0;
    lab->is_going_on = false;
    house_stop(&lab->house);
    dns_done(&lab->dns);
    fake_name_server_free(&lab->server);
    house_end(&lab->house);
    free(lab);
    return 0;
}

static inline struct dns_lab *lab_of(void **state)
{
    if (!*state)
        skip(); /* no network namespace to be had */
    return *state;
}

/* ---- what is on the wire ---- */

/* As `dig` asks. Returns its size. */
static inline size_t lab_question(uint8_t *wire, const char *name, uint16_t type, uint16_t id)
{
    const uint8_t header[DNS_HEADER_SIZE] = {(uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1};
    size_t size = sizeof(header);

    memcpy(wire, header, sizeof(header));
    size += fake_name_to_wire(name, wire + size);
    wire[size++] = (uint8_t)(type >> 8);
    wire[size++] = (uint8_t)type;
    wire[size++] = 0;
    wire[size++] = 1;
    return size;
}

static inline unsigned lab_rcode(const struct dns_lab *lab)
{
    return lab->message[3] & 15;
}

static inline unsigned lab_answers(const struct dns_lab *lab)
{
    return (unsigned)(lab->message[6] << 8 | lab->message[7]);
}

static inline uint16_t lab_id(const struct dns_lab *lab)
{
    return (uint16_t)(lab->message[0] << 8 | lab->message[1]);
}

#define LAB_UNTIL(lab, condition)                                                                            \
    do {                                                                                                     \
        uint64_t late = clock_monotonic_ms() + HOUSE_PATIENCE_MS;                                            \
                                                                                                             \
        while (!(condition)) {                                                                               \
            if (clock_monotonic_ms() >= late)                                                                \
                fail_msg("waited in vain for: %s", #condition);                                              \
            house_for(&(lab)->house, 1);                                                                     \
        }                                                                                                    \
    } while (0)

/* ---- asking ---- */

static inline int lab_connect(int type, const struct ip_address *address, uint16_t port)
{
    struct sockaddr_storage at;
    socklen_t size = dns_sockaddr(address, port, &at);
    int fd = socket(at.ss_family, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&at, size) == 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* To the stub of the name server at this place. */
static inline int lab_client(const struct dns_stub *stub, unsigned at, int type)
{
    struct ip_address address = dns_server_listen_address(&stub->servers[at]);

    assert_true(at < stub->n_servers);
    return lab_connect(type, &address, stub->servers[at].port);
}

static inline void lab_send(int fd, const void *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

static inline void lab_ask(int fd, const char *name, uint16_t type, uint16_t id)
{
    uint8_t wire[512];

    lab_send(fd, wire, lab_question(wire, name, type, id));
}

/* With its length in front. */
static inline size_t lab_framed(uint8_t *wire, const char *name, uint16_t type, uint16_t id)
{
    size_t size = lab_question(wire + 2, name, type, id);

    wire[0] = (uint8_t)(size >> 8);
    wire[1] = (uint8_t)size;
    return size + 2;
}

static inline void lab_ask_tcp(int fd, const char *name, uint16_t type, uint16_t id)
{
    uint8_t wire[512];

    lab_send(fd, wire, lab_framed(wire, name, type, id));
}

/* ---- hearing ---- */

struct lab_hearing {
    int fd;
    void *bytes;
    size_t room;
    ssize_t size;
    int error;
};

static inline bool lab_has_heard(void *user)
{
    struct lab_hearing *hearing = user;

    hearing->size = recv(hearing->fd, hearing->bytes, hearing->room, MSG_DONTWAIT);
    hearing->error = hearing->size < 0 ? errno : 0;
    return hearing->size >= 0 || hearing->error != EAGAIN;
}

/* The next datagram, into lab->message. */
static inline size_t lab_hear(struct dns_lab *lab, int fd)
{
    struct lab_hearing hearing = {.fd = fd, .bytes = lab->message, .room = sizeof(lab->message)};

    house_until(&lab->house, lab_has_heard, &hearing, "an answer");
    assert_true(hearing.size >= 0);
    return (size_t)hearing.size;
}

/* So many bytes of a connection. */
static inline void lab_hear_bytes(struct dns_lab *lab, int fd, void *bytes, size_t size)
{
    for (size_t used = 0; used < size;) {
        struct lab_hearing hearing = {.fd = fd, .bytes = (char *)bytes + used, .room = size - used};

        house_until(&lab->house, lab_has_heard, &hearing, "bytes of a connection");
        if (hearing.size <= 0)
            fail_msg("the connection has ended after %zu bytes", used);
        used += (size_t)hearing.size;
    }
}

/* The next message of a connection, into lab->message. */
static inline size_t lab_hear_tcp(struct dns_lab *lab, int fd)
{
    uint8_t length[2];
    size_t size;

    lab_hear_bytes(lab, fd, length, sizeof(length));
    size = (size_t)(length[0] << 8 | length[1]);
    lab_hear_bytes(lab, fd, lab->message, size);
    return size;
}

static inline void lab_expect_end(struct dns_lab *lab, int fd)
{
    struct lab_hearing hearing = {.fd = fd, .bytes = lab->message, .room = sizeof(lab->message)};

    house_until(&lab->house, lab_has_heard, &hearing, "the end of a connection");
    if (hearing.size > 0)
        fail_msg("%zd bytes came where the connection should have ended", hearing.size);
}

static inline void lab_expect_nothing(struct dns_lab *lab, int fd)
{
    house_for(&lab->house, 20);
    assert_int_equal(recv(fd, lab->message, sizeof(lab->message), MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

struct lab_asked {
    const struct fake_name_server *server;
    size_t n;
};

static inline bool lab_is_asked(void *user)
{
    const struct lab_asked *asked = user;

    return fake_name_server_count(asked->server) >= asked->n;
}

/* Until the name server has heard so many questions. */
static inline const struct fake_question *lab_until_asked(struct dns_lab *lab, size_t n)
{
    struct lab_asked asked = {lab->server, n};

    house_until(&lab->house, lab_is_asked, &asked, "questions at the name server");
    assert_int_equal(fake_name_server_count(lab->server), n);
    return fake_name_server_question(lab->server, n - 1);
}

/* The name server's answer to the question at this place: no records, but a code. */
static inline void lab_answer(struct dns_lab *lab, size_t at, unsigned rcode)
{
    struct fake_answer *answer = calloc(1, sizeof(*answer));

    fake_answer_begin(answer, fake_name_server_question(lab->server, at), rcode);
    fake_name_server_send(lab->server, at, answer->bytes, answer->size);
    free(answer);
}

/* Script: an address for everything. */
static inline bool lab_say_address(void *user, const struct fake_question *question,
                                   struct fake_answer *answer)
{
    static const uint8_t address[] = {192, 0, 2, 1};

    (void)user;
    fake_answer_begin(answer, question, DNS_NOERROR);
    fake_answer_add(answer, NULL, DNS_A, 60, address, sizeof(address));
    return true;
}

/* ---- while nobody may read the catalog ---- */

static inline int lab_keep_going(struct transaction *transaction, void *user, struct error *error)
{
    const struct dns_lab *lab = user;

    (void)transaction;
    (void)error;
    (void)event_base_loopbreak(lab->house.base); /* the loop has always something to do while this goes on */
    return lab->is_going_on ? JOB_GO_ON : JOB_TAKE_BACK;
}

static inline bool lab_is_unsteady(void *user)
{
    return !engine_is_steady(((const struct dns_lab *)user)->house.engine);
}

static inline void lab_unsteady(struct dns_lab *lab)
{
    const struct job job = {.run = lab_keep_going, .user = lab};

    lab->is_going_on = true;
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    house_until(&lab->house, lab_is_unsteady, lab, "a job that goes on");
}

static inline void lab_steady(struct dns_lab *lab)
{
    lab->is_going_on = false;
    engine_settle(lab->house.engine);
    assert_true(engine_is_steady(lab->house.engine));
}
