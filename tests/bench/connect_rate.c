/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * connect_rate: connects and closes, one connection after the other, and tells rate and latency as JSON.
 *
 *   connect_rate [--seconds S | --count N] [--first-byte] [--refused | --unreachable] [--mapped]
 *                TARGET... | --targets FILE
 *
 *   --first-byte   waits for the first byte of the other side, so that the way to the server counts, not only
 * to whoever completes the handshake          --refused   connections must be refused
 *   --mapped       AF_INET6 sockets to ::ffff:A             --targets   one ADDRESS:PORT per line, taken in
 * turn
 *
 *   --unreachable  there must be no route (ENETUNREACH): connect() alone, in a loop on one socket, caches
 * warm
 *
 * A connection ends with a reset (SO_LINGER 0): no TIME_WAIT, ephemeral ports do not run out. The latency is
 * that of connect(), with --first-byte until the byte has come.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "histogram.h"
#include "targets.h"

#define MAX_TARGETS 65536u

static struct {
    double seconds;
    uint64_t count;
    int first_byte, refused, unreachable, mapped; /* flags */
} options = {.seconds = 1};

static struct target targets[MAX_TARGETS];
static size_t n_targets;
static struct histogram latencies;

static _Noreturn void usage(const char *what)
{
    (void)fprintf(stderr,
                  "connect_rate: %s\nusage: connect_rate [--seconds S | --count N] [--first-byte] [--refused "
                  "| --unreachable] "
                  "[--mapped] ADDRESS:PORT... | --targets FILE\n",
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
    static const struct option longs[] = {
        {"seconds", 1, NULL, 's'},           {"count", 1, NULL, 'c'},
        {"targets", 1, NULL, 't'},           {"first-byte", 0, &options.first_byte, 1},
        {"refused", 0, &options.refused, 1}, {"unreachable", 0, &options.unreachable, 1},
        {"mapped", 0, &options.mapped, 1},   {NULL, 0, NULL, 0}};
    const char *file = NULL;
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == 's')
            options.seconds = atof(optarg);
        else if (c == 'c')
            options.count = strtoull(optarg, NULL, 10);
        else if (c == 't')
            file = optarg;
        else if (c)
            usage("unknown option");
    }
    if (file)
        read_targets(file);
    for (int i = optind; i < argc; i++)
        add_target(argv[i]);
    if (!n_targets)
        usage("no targets");
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
    if (connect(fd, (const struct sockaddr *)&target->address, target->length) < 0)
        error = errno;
    else if (options.first_byte && recv(fd, &byte, 1, 0) != 1)
        error = errno ? errno : EPROTO;
    *ret_ns = now_ns() - begun;
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
    return error;
}

int main(int argc, char **argv)
{
    struct rusage usage_now;
    uint64_t begun, ended, failed = 0, done = 0;
    int last_error = 0;
    int expected;

    parse_options(argc, argv);
    expected = options.unreachable ? ENETUNREACH : options.refused ? ECONNREFUSED : 0;
    begun = now_ns();
    ended = begun;
    while (options.count ? done < options.count : (double)(ended - begun) < options.seconds * 1e9) {
        uint64_t ns = 0;
        const struct target *target = &targets[done++ % n_targets];
        int error = options.unreachable ? connect_nowhere(target, &ns) : connect_once(target, &ns);

        ended = now_ns();
        if (error != expected) {
            failed++;
            last_error = error;
        } else {
            histogram_add(&latencies, ns);
        }
    }
    (void)getrusage(RUSAGE_SELF, &usage_now);
    printf("{\"connects\": %llu, \"failed\": %llu, \"error\": \"%s\", \"seconds\": %.6f, \"rate\": %.1f, ",
           (unsigned long long)done, (unsigned long long)failed, failed ? strerror(last_error) : "",
           (double)(ended - begun) / 1e9, (double)(done - failed) * 1e9 / (double)(ended - begun));
    histogram_print(&latencies);
    printf(", \"cpu_s\": %.6f}\n",
           (double)(usage_now.ru_utime.tv_sec + usage_now.ru_stime.tv_sec) +
               (double)(usage_now.ru_utime.tv_usec + usage_now.ru_stime.tv_usec) / 1e6);
    return 0;
}
