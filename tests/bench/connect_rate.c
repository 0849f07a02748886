/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * connect_rate: connects and closes, one connection after the other, and tells rate and latency as JSON.
 *
 *   connect_rate [--seconds S | --count N] [--parallel N] [--first-byte] [--peer-name]
 *                [--refused | --unreachable] [--mapped] TARGET... | --targets FILE
 *
 *   --parallel     so many processes, each as described
 *   --first-byte   waits for the first byte of the other side, so that the way to the server counts, not only
 *                  to whoever completes the handshake
 *   --peer-name    calls getpeername() on each connection
 *   --refused      connections must be refused
 *   --unreachable  there must be no route (ENETUNREACH): connect() alone, in a loop on one socket, caches warm
 *   --attempts     the programs' pinned map of that name: what they note of connects to nowhere is taken back
 *   --mapped       AF_INET6 sockets to ::ffff:A
 *   --targets      one ADDRESS:PORT per line, taken in turn
 *
 * A connection ends with a reset (SO_LINGER 0): no TIME_WAIT, ephemeral ports do not run out. The latency is
 * that of connect(), with --first-byte until the byte has come.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"
#include "load.h"
#include "targets.h"

#define MAX_TARGETS  65536u
#define MAX_PARALLEL 256

static struct {
    double seconds;
    uint64_t count;
    int parallel;
    int first_byte, peer_name, refused, unreachable, mapped; /* flags */
} options = {.seconds = 1, .parallel = 1};

static struct target targets[MAX_TARGETS];
static size_t n_targets;
static struct attempts attempts;

static _Noreturn void usage(const char *what)
{
    (void)fprintf(
        stderr,
        "connect_rate: %s\nusage: connect_rate [--seconds S | --count N] [--parallel N] [--first-byte] "
        "[--peer-name] [--refused | --unreachable] [--attempts PIN] [--mapped] ADDRESS:PORT... | --targets "
        "FILE\n",
        what);
    exit(2);
}

static void add_target(const char *text)
{
    if (n_targets == MAX_TARGETS || !target_parse(text, options.mapped, &targets[n_targets]))
        usage(text);
    n_targets++;
}

static void read_targets(const char *path)
{
    FILE *file = fopen(path, "re");
    char line[128];

    if (!file)
        usage(path);
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0])
            add_target(line);
    }
    (void)fclose(file);
}

static void parse_options(int argc, char **argv)
{
    static const struct option longs[] = {{"seconds", 1, NULL, 's'},
                                          {"count", 1, NULL, 'c'},
                                          {"parallel", 1, NULL, 'p'},
                                          {"targets", 1, NULL, 't'},
                                          {"attempts", 1, NULL, 'a'},
                                          {"first-byte", 0, &options.first_byte, 1},
                                          {"peer-name", 0, &options.peer_name, 1},
                                          {"refused", 0, &options.refused, 1},
                                          {"unreachable", 0, &options.unreachable, 1},
                                          {"mapped", 0, &options.mapped, 1},
                                          {NULL, 0, NULL, 0}};
    const char *file = NULL;
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == 's')
            options.seconds = atof(optarg);
        else if (c == 'c')
            options.count = strtoull(optarg, NULL, 10);
        else if (c == 'p')
            options.parallel = atoi(optarg);
        else if (c == 't')
            file = optarg;
        else if (c == 'a' && !attempts_open(&attempts, optarg))
            usage(optarg);
        else if (c && c != 'a')
            usage("unknown option");
    }
    if (options.parallel < 1 || options.parallel > MAX_PARALLEL)
        usage("--parallel: 1 to 256");
    if (file)
        read_targets(file);
    for (int i = optind; i < argc; i++)
        add_target(argv[i]);
    if (!n_targets)
        usage("no targets");
}

static void ask_peer_name(int fd)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof(peer);

    (void)getpeername(fd, (struct sockaddr *)&peer, &length);
}

/* 0, or the errno. The connection is closed before this returns, after the clock was read. */
static int connect_once(const struct target *target, uint64_t *ret_ns)
{
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    static const struct timeval patience = {.tv_sec = 5};
    int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint64_t begun;
    int error = 0;
    char byte;

    if (fd < 0)
        return errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (options.first_byte)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    begun = now_ns();
    if (connect(fd, (const struct sockaddr *)&target->address, target->length) < 0) {
        error = errno;
    } else if (options.first_byte) {
        ssize_t got = recv(fd, &byte, 1, 0);

        error = got == 1 ? 0 : got < 0 ? errno : EPROTO;
    }
    *ret_ns = now_ns() - begun;
    if (options.peer_name)
        ask_peer_name(fd);
    (void)close(fd);
    return error;
}

/* As above, on a socket that stays unconnected. */
static int connect_nowhere(const struct target *target, uint64_t *ret_ns)
{
    static int fd = -1;
    uint64_t begun;
    int error;

    if (fd < 0)
        fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    begun = now_ns();
    error = connect(fd, (const struct sockaddr *)&target->address, target->length) < 0 ? errno : 0;
    *ret_ns = now_ns() - begun;
    attempts_forget(&attempts);
    return error;
}

/* Begins with the target of that number: several at once should not all go to the same one. */
static void run(struct load *load, size_t number)
{
    int expected = options.unreachable ? ENETUNREACH : options.refused ? ECONNREFUSED : 0;

    load->seconds = options.seconds;
    load->count = options.count;
    load_begin(load);
    while (load_goes_on(load)) {
        uint64_t ns = 0;
        const struct target *target = &targets[(number + load->done) % n_targets];
        int error = options.unreachable ? connect_nowhere(target, &ns) : connect_once(target, &ns);

        load_add(load, ns, error == expected ? 0 : error ? error : EISCONN);
    }
    load_end(load);
}

/* Each in a process of its own; all begin when the last is there. */
static void run_parallel(struct load *loads)
{
    int gate[2];
    char byte;

    if (pipe(gate) < 0)
        usage(strerror(errno));
    for (int i = 0; i < options.parallel; i++) {
        pid_t child = fork();

        if (child < 0)
            usage(strerror(errno));
        if (child > 0)
            continue;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)close(gate[1]);
        if (read(gate[0], &byte, 1) == 0)
            run(&loads[i], (size_t)i);
        _exit(0);
    }
    (void)close(gate[1]);
    while (wait(NULL) > 0)
        ;
}

int main(int argc, char **argv)
{
    static struct load all;
    struct load *loads;

    parse_options(argc, argv);
    if (options.parallel == 1) {
        run(&all, 0);
    } else {
        loads = mmap(NULL, (size_t)options.parallel * sizeof(*loads), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (loads == MAP_FAILED)
            usage(strerror(errno));
        run_parallel(loads);
        for (int i = 0; i < options.parallel; i++)
            load_merge(&all, &loads[i]);
    }
    printf("{");
    load_print(&all, "connects");
    printf("}\n");
    return 0;
}
