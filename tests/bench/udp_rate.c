/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * udp_rate: sends a datagram and waits for its echo, one after the other, and tells rate and latency as JSON.
 *
 *   udp_rate [--seconds S | --count N] [--connect] [--new-socket] [--refused | --unreachable] [--mapped]
 * TARGET...
 *
 *                  one socket that is not connected: sendto() and recvfrom() name the other side each time
 *   --connect      connected sockets, each for REQUESTS_PER_CONNECT requests
 *   --new-socket   a socket of its own for each request, closed after it; with --connect that too
 *   --refused      sendto() must be refused             --unreachable  there must be no route (ENETUNREACH)
 *   --mapped       AF_INET6 sockets to ::ffff:A
 *
 * Targets are taken in turn. The latency is from the first of connect() and sendto() until the echo is there.
 * A request without an echo within PATIENCE_US, and an echo that names another source than the one sent to,
 * have failed; after MAX_FAILED of them the run ends.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include "load.h"
#include "targets.h"

#define MAX_TARGETS          64u
#define MAX_FAILED           100u
#define PATIENCE_US          200000
#define REQUESTS_PER_CONNECT 1000u
#define SIZE                 32

static struct {
    double seconds;
    uint64_t count;
    int connects, new_socket, refused, unreachable, mapped; /* flags */
} options = {.seconds = 1};

static struct target targets[MAX_TARGETS];
static size_t n_targets;

static _Noreturn void usage(const char *what)
{
    (void)fprintf(stderr,
                  "udp_rate: %s\nusage: udp_rate [--seconds S | --count N] [--connect] [--new-socket] "
                  "[--refused | --unreachable] [--mapped] ADDRESS:PORT...\n",
                  what);
    exit(2);
}

static void parse_options(int argc, char **argv)
{
    static const struct option longs[] = {{"seconds", 1, NULL, 's'},
                                          {"count", 1, NULL, 'c'},
                                          {"connect", 0, &options.connects, 1},
                                          {"new-socket", 0, &options.new_socket, 1},
                                          {"refused", 0, &options.refused, 1},
                                          {"unreachable", 0, &options.unreachable, 1},
                                          {"mapped", 0, &options.mapped, 1},
                                          {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == 's')
            options.seconds = atof(optarg);
        else if (c == 'c')
            options.count = strtoull(optarg, NULL, 10);
        else if (c)
            usage("unknown option");
    }
    for (int i = optind; i < argc; i++)
        if (n_targets == MAX_TARGETS || !target_parse(argv[i], options.mapped, &targets[n_targets++]))
            usage(argv[i]);
    if (!n_targets)
        usage("no targets");
}

static int open_socket(void)
{
    static const struct timeval patience = {.tv_usec = PATIENCE_US};
    int fd = socket(targets[0].address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

static int is_same(const struct sockaddr_storage *one, const struct target *target)
{
    const struct sockaddr_in6 *x6 = (const struct sockaddr_in6 *)one;
    const struct sockaddr_in6 *y6 = (const struct sockaddr_in6 *)&target->address;
    const struct sockaddr_in *x4 = (const struct sockaddr_in *)one;
    const struct sockaddr_in *y4 = (const struct sockaddr_in *)&target->address;

    if (one->ss_family != target->address.ss_family)
        return 0;
    if (one->ss_family == AF_INET)
        return x4->sin_port == y4->sin_port && x4->sin_addr.s_addr == y4->sin_addr.s_addr;
    return x6->sin6_port == y6->sin6_port && memcmp(&x6->sin6_addr, &y6->sin6_addr, 16) == 0;
}

/* Until the echo of this request is there: one that is late belongs to a request that has failed. */
static int receive(int fd, const struct target *target, uint64_t number)
{
    struct sockaddr_storage from;
    uint64_t data[SIZE / sizeof(uint64_t)];

    for (;;) {
        socklen_t length = sizeof(from);
        ssize_t got = options.connects
                          ? recv(fd, data, sizeof(data), 0)
                          : recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &length);

        if (got < 0)
            return errno == EAGAIN ? ETIMEDOUT : errno;
        if (got != sizeof(data) || data[0] != number)
            continue;
        return options.connects || is_same(&from, target) ? 0 : EXDEV;
    }
}

/* 0, or the errno. `is_new`: the socket has not been connected yet. */
static int request(int fd, const struct target *target, uint64_t number, int is_new)
{
    const uint64_t data[SIZE / sizeof(uint64_t)] = {number};
    const struct sockaddr *address = (const struct sockaddr *)&target->address;

    if (options.connects && is_new && connect(fd, address, target->length) < 0)
        return errno;
    if (sendto(fd, data, sizeof(data), 0, options.connects ? NULL : address,
               options.connects ? 0 : target->length) < 0)
        return errno;
    return receive(fd, target, number);
}

static void run(struct load *load)
{
    int expected = options.unreachable ? ENETUNREACH : options.refused ? ECONNREFUSED : 0;
    uint64_t per_socket = options.new_socket ? 1 : options.connects ? REQUESTS_PER_CONNECT : UINT64_MAX;
    int fd = -1;

    load->seconds = options.seconds;
    load->count = options.count;
    load_begin(load);
    while (load_goes_on(load) && load->failed < MAX_FAILED) {
        int is_new = load->done % per_socket == 0;
        const struct target *target =
            &targets[(options.connects ? load->done / per_socket : load->done) % n_targets];
        uint64_t begun;
        int error;

        if (is_new)
            fd = open_socket();
        begun = now_ns();
        error = fd < 0 ? EMFILE : request(fd, target, load->done, is_new);
        load_add(load, now_ns() - begun, error == expected ? 0 : error ? error : EISCONN);
        if (fd >= 0 && load->done % per_socket == 0)
            (void)close(fd);
    }
    load_end(load);
}

int main(int argc, char **argv)
{
    static struct load load;

    parse_options(argc, argv);
    run(&load);
    printf("{");
    load_print(&load, "requests");
    printf("}\n");
    return 0;
}
