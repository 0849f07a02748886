/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What TCP health checks cost: many targets on loopback listeners, probed for a while by the engine of the
 * daemon. Prints probes done and the share of one core that this process used; what the kernel does for the
 * listening side on loopback runs in the sender's time and is part of it. Another process accepts.
 *
 *     probe_load [TARGETS [INTERVAL_MS [SECONDS [LISTENERS]]]]        default: 10000 10000 20 64
 *
 * The first seconds hold the crowd of first probes; the second figure is without the first interval.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/number.h"
#include "health/health.h"

#define MAX_LISTENERS 1000
#define N_SERVICES    100

struct load {
    unsigned targets;
    unsigned interval_ms;
    unsigned seconds;
    unsigned listeners;
    int fds[MAX_LISTENERS];
    uint16_t ports[MAX_LISTENERS];
};

struct sample {
    double cpu_s;
    double wall_s;
    uint64_t probes;
};

static int listen_all(struct load *load)
{
    for (unsigned i = 0; i < load->listeners; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 4096) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &length) < 0)
            return -errno;
        load->fds[i] = fd;
        load->ports[i] = ntohs(address.sin_port);
    }
    return 0;
}

/* The other process: takes connections until it is ended. */
static void accept_all(const struct load *load)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0; i < load->listeners; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = load->fds[i]};

        if (epoll_ctl(epoll, EPOLL_CTL_ADD, load->fds[i], &event) < 0)
            _exit(1);
    }
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll, events, 64, -1);

        for (int i = 0; i < n; i++) {
            int fd;

            while ((fd = accept4(events[i].data.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
                (void)close(fd);
        }
    }
}

static void on_transition(uint32_t endpoint, const struct health_report *report, void *user)
{
    uint32_t *unhealthy = user;

    (void)endpoint;
    *unhealthy += report->health == UNHEALTHY;
}

static struct sample take_sample(const struct health *health)
{
    struct rusage usage;
    struct timespec now;

    (void)getrusage(RUSAGE_SELF, &usage);
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (struct sample){
        .cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
        .wall_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9,
        .probes = health_figures(health).probes,
    };
}

static void print_difference(const char *what, struct sample from, struct sample to)
{
    double wall_s = to.wall_s - from.wall_s;
    double cpu_s = to.cpu_s - from.cpu_s;
    uint64_t probes = to.probes - from.probes;

    printf("%-22s %8llu probes  %8.0f/s  %6.2f %% of a core  %6.1f us each\n", what,
           (unsigned long long)probes, (double)probes / wall_s, 100 * cpu_s / wall_s,
           probes ? 1e6 * cpu_s / (double)probes : 0);
}

static int put_targets(struct health *health, const struct load *load)
{
    const struct health_check check = {
        .type = HEALTH_CHECK_TCP,
        .interval_ms = load->interval_ms,
        .timeout_ms = 2000,
        .rise = 1,
        .fall = 3,
    };
    int r = 0;

    for (unsigned i = 0; i < load->targets && r == 0; i++) {
        const struct health_target target = {
            .endpoint = i,
            .service = i % N_SERVICES,
            .name = "bench/service/instance",
            .address = ip_address_from_v4(INADDR_LOOPBACK),
            .port = load->ports[i % load->listeners],
            .check = &check,
        };

        r = health_put(health, &target, UNKNOWN);
    }
    return r;
}

static void run_for(struct event_base *base, unsigned ms)
{
    const struct timeval patience = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    (void)event_base_loopexit(base, &patience);
    (void)event_base_dispatch(base);
}

static int measure(const struct load *load)
{
    unsigned run_in_ms = load->interval_ms < load->seconds * 500 ? load->interval_ms : load->seconds * 500;
    struct event_base *base = event_base_new();
    struct health *health = NULL;
    uint32_t unhealthy = 0;
    struct sample begun;
    struct sample steady;
    struct sample ended;

    if (!base || health_new(base, NULL, on_transition, &unhealthy, &health) < 0 ||
        put_targets(health, load) < 0) {
        (void)fprintf(stderr, "probe_load: out of memory\n");
        return 1;
    }
    begun = take_sample(health);
    run_for(base, run_in_ms);
    steady = take_sample(health);
    run_for(base, load->seconds * 1000 - run_in_ms);
    ended = take_sample(health);
    printf("%u TCP targets, %u listeners, interval %u ms, %u s\n", load->targets, load->listeners,
           load->interval_ms, load->seconds);
    print_difference("all", begun, ended);
    print_difference("after the first round", steady, ended);
    printf("%-22s %8llu failed, %u went unhealthy\n", "", (unsigned long long)health_figures(health).failed,
           unhealthy);
    health_free(&health);
    event_base_free(base);
    return 0;
}

static unsigned argument(int argc, char **argv, int index, unsigned standard, unsigned max)
{
    uint64_t value;

    if (argc <= index)
        return standard;
    if (parse_number(argv[index], 1, max, &value) < 0) {
        (void)fprintf(stderr, "probe_load: %s: a whole number from 1 to %u is wanted\n", argv[index], max);
        exit(2);
    }
    return (unsigned)value;
}

int main(int argc, char **argv)
{
    static struct load load;
    struct rlimit files;
    pid_t acceptor;
    int status;

    load.targets = argument(argc, argv, 1, 10000, 1000000);
    load.interval_ms = argument(argc, argv, 2, 10000, 600000);
    load.seconds = argument(argc, argv, 3, 20, 600);
    load.listeners = argument(argc, argv, 4, 64, MAX_LISTENERS);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    if (listen_all(&load) < 0) {
        (void)fprintf(stderr, "probe_load: cannot listen on loopback: %s\n", strerror(errno));
        return 1;
    }
    acceptor = fork();
    if (acceptor < 0)
        return 1;
    if (acceptor == 0)
        accept_all(&load);
    for (unsigned i = 0; i < load.listeners; i++)
        (void)close(load.fds[i]);
    status = measure(&load);
    (void)kill(acceptor, SIGKILL);
    (void)waitpid(acceptor, NULL, 0);
    return status;
}
