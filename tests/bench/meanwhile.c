/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * meanwhile: what a task sees while something else goes on. Asks for a name 500 times a second and connects
 * 200 times a second, until standard input ends, and prints what came of both as JSON.
 *
 *   meanwhile NAME-SERVER NAME ALIAS-ADDRESS:PORT
 *
 * A question has a moment at which it is due, whether or not the one before has been answered, and its
 * latency counts from there: so the latencies are those of whoever might have asked at any moment. One that
 * has been overtaken by the answer to a later one is lost, as far as this socket is concerned; it counts as
 * waiting until then, which is the least that it would have had to. An answer without the alias's address is
 * that of somebody else who was asked because the daemon gave no sign of life; it is counted, and is none.
 * Connects come one after the other and end by a reset.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "load.h"
#include "targets.h"

#define ASKING_NS     2000000u
#define CONNECTING_NS 5000000u
#define PATIENCE_NS   5000000000u /* for answers after the end */
#define IDS           65536u

struct questions {
    struct sockaddr_in server;
    uint8_t text[300];
    size_t size;
    uint64_t due[IDS];
    bool is_pending[IDS];
    uint32_t asked; /* and all before `settled` are answered or lost */
    uint32_t settled;
    uint64_t lost, elsewhere; /* the latter are among the former */
    struct histogram latencies;
};

static struct questions questions;
static struct load connects;
static struct target target;
static volatile bool is_over;

static size_t make_query(const char *name, uint8_t query[300])
{
    static const uint8_t header[12] = {0, 0, 1, 0, 0, 1};
    size_t at = sizeof(header);

    memcpy(query, header, sizeof(header));
    while (*name) {
        size_t length = strcspn(name, ".");

        query[at++] = (uint8_t)length;
        memcpy(query + at, name, length);
        at += length;
        name += length + (name[length] == '.');
    }
    memcpy(query + at, "\0\0\1\0\1", 5);
    return at + 5;
}

static void ask(int fd, uint64_t due)
{
    uint32_t id = questions.asked++ % IDS;

    questions.text[0] = (uint8_t)(id >> 8);
    questions.text[1] = (uint8_t)id;
    questions.due[id] = due;
    questions.is_pending[id] = true;
    /* One that cannot be sent is never answered. */
    (void)sendto(fd, questions.text, questions.size, 0, (const struct sockaddr *)&questions.server,
                 sizeof(questions.server));
}

static bool is_right(const uint8_t *answer, size_t size)
{
    const struct sockaddr_in *alias = (const struct sockaddr_in *)&target.address;

    return size > questions.size + 4 && answer[7] == 1 &&
           memmem(answer + questions.size, size - questions.size, &alias->sin_addr, 4) != NULL;
}

static void hear(int fd)
{
    uint8_t answer[600];
    ssize_t size;

    while ((size = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) > 2) {
        uint32_t id = (uint32_t)answer[0] << 8 | answer[1];
        uint64_t now = now_ns();

        if (!questions.is_pending[id])
            continue;
        if (!is_right(answer, (size_t)size)) {
            questions.elsewhere++;
            continue;
        }
        for (; questions.settled % IDS != id; questions.settled++)
            if (questions.is_pending[questions.settled % IDS]) {
                questions.is_pending[questions.settled % IDS] = false;
                histogram_add(&questions.latencies, now - questions.due[questions.settled % IDS]);
                questions.lost++;
            }
        questions.is_pending[id] = false;
        questions.settled++;
        histogram_add(&questions.latencies, now - questions.due[id]);
    }
}

/* Whoever has got no answer by now has waited at least that long. */
static void give_up(void)
{
    for (; questions.settled != questions.asked; questions.settled++)
        if (questions.is_pending[questions.settled % IDS]) {
            histogram_add(&questions.latencies, now_ns() - questions.due[questions.settled % IDS]);
            questions.lost++;
        }
}

static void ask_until_the_end(int fd)
{
    struct pollfd polls[2] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    uint64_t due = now_ns() + ASKING_NS;
    uint64_t end = 0;

    while (!end || (questions.settled != questions.asked && now_ns() < end)) {
        uint64_t now = now_ns();
        struct timespec wait = {0};

        for (; !end && due <= now; due += ASKING_NS)
            if (questions.asked - questions.settled < IDS / 2)
                ask(fd, due);
        if (end)
            wait.tv_nsec = 10000000;
        else
            wait.tv_nsec = (long)(due - now);
        if (ppoll(polls, end ? 1 : 2, &wait, NULL) < 0)
            break;
        hear(fd);
        if (!end && polls[1].revents) {
            end = now_ns() + PATIENCE_NS;
            is_over = true;
        }
    }
    is_over = true;
    give_up();
}

static void connect_once(void)
{
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    static const struct timeval patience = {.tv_sec = 2};
    int fd = socket(target.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint64_t begun = now_ns();
    int error = 0;

    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (fd < 0 || connect(fd, (const struct sockaddr *)&target.address, target.length) < 0)
        error = errno;
    load_add(&connects, now_ns() - begun, error);
    if (fd >= 0)
        (void)close(fd);
}

static void *connect_until_the_end(void *user)
{
    uint64_t due = now_ns();

    (void)user;
    load_begin(&connects);
    while (!is_over) {
        struct timespec until;

        connect_once();
        due += CONNECTING_NS;
        until =
            (struct timespec){.tv_sec = (time_t)(due / 1000000000u), .tv_nsec = (long)(due % 1000000000u)};
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    load_end(&connects);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    questions.server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(53)};
    if (argc != 4 || strlen(argv[2]) > 250 || fd < 0 || !target_parse(argv[3], false, &target) ||
        inet_pton(AF_INET, argv[1], &questions.server.sin_addr) != 1) {
        (void)fprintf(stderr, "usage: meanwhile NAME-SERVER NAME ALIAS-ADDRESS:PORT\n");
        return 2;
    }
    questions.size = make_query(argv[2], questions.text);
    if (pthread_create(&thread, NULL, connect_until_the_end, NULL) != 0)
        return 1;
    (void)puts("READY");
    (void)fflush(stdout);
    ask_until_the_end(fd);
    (void)pthread_join(thread, NULL);
    printf("{\"names\": {\"asked\": %u, \"lost\": %llu, \"elsewhere\": %llu, ", questions.asked,
           (unsigned long long)questions.lost, (unsigned long long)questions.elsewhere);
    histogram_print(&questions.latencies);
    printf("}, \"connects\": {");
    load_print(&connects, "connects");
    printf("}}\n");
    return 0;
}
