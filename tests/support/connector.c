/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * connector: connects again and again and counts who answered. Prints one JSON object when done, or on
 * SIGTERM/SIGINT. One program of one file, so that it can be built and moved into a container alone.
 *
 *   connector [--count N | --seconds S] [--parallel P] [--timeout MS] [--mapped | --v6]
 *             [--nonblocking | --fastopen] [--http] TARGET... | --address A --port P
 *
 * TARGET is ADDRESS:PORT or ADDRESS:PORT=EXPECTED, with ADDRESS IPv4 or [IPv6]; targets are taken in turn. An
 * answer is the line "NAME\n" that announce sends; it is right if NAME is EXPECTED or begins with EXPECTED
 * and a slash.
 *   --mapped       IPv4 targets by AF_INET6 sockets (::ffff:A)       --v6        all targets must be IPv6
 *   --nonblocking  connect() on a non-blocking socket, then poll()
 *   --http         send a request; the body of the answer is the name
 *   --fastopen     the request is sent by sendto(MSG_FASTOPEN), without connect()
 *
 * A connection ends with a reset (SO_LINGER 0), which leaves no TIME_WAIT behind: ephemeral ports do not run
 * out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef TCPI_OPT_SYN_DATA
#define TCPI_OPT_SYN_DATA 32
#endif

#define MAX_TARGETS 1024
#define MAX_WORKERS 256
#define ANSWER_SIZE 1024
#define REQUEST     "GET / HTTP/1.0\r\n\r\n"

/* How often something with a name happened. */
struct tally {
    char *name;
    uint64_t count;
};

struct tallies {
    struct tally *items;
    size_t n;
};

struct target {
    struct sockaddr_storage address;
    socklen_t length;
    const char *text;
    const char *expected; /* NULL: any */
};

struct target_result {
    struct tallies names;
    struct tallies errors;
    uint64_t wrong;
};

struct worker {
    pthread_t thread;
    struct target_result *results; /* one per target */
    size_t next_target;
    uint64_t attempts;
    uint64_t syn_data;
    uint64_t longest_ns;     /* of one connect with its answer */
    uint64_t longest_gap_ns; /* between two answers */
};

static struct {
    uint64_t count;
    double seconds;
    size_t parallel;
    int timeout_ms;
    int mapped, v6, nonblocking, fastopen, http; /* flags */
} options = {.parallel = 1, .timeout_ms = 5000};

static struct target targets[MAX_TARGETS];
static size_t n_targets;
static atomic_uint_fast64_t n_started;
static volatile sig_atomic_t stopped;

static _Noreturn void usage(const char *what)
{
    fprintf(stderr,
            "connector: %s\nusage: connector [--count N | --seconds S] [--parallel P] [--timeout MS] "
            "[--mapped | --v6]\n"
            "                 [--nonblocking | --fastopen] [--http] ADDRESS:PORT[=EXPECTED]...\n",
            what);
    exit(2);
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "connector: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void tally(struct tallies *tallies, const char *name, uint64_t count)
{
    struct tally *items;

    for (size_t i = 0; i < tallies->n; i++) {
        if (strcmp(tallies->items[i].name, name) == 0) {
            tallies->items[i].count += count;
            return;
        }
    }
    items = realloc(tallies->items, (tallies->n + 1) * sizeof(*items));
    if (!items)
        die("no memory");
    tallies->items = items;
    items[tallies->n] = (struct tally){.name = strdup(name), .count = count};
    if (!items[tallies->n].name)
        die("no memory");
    tallies->n++;
}

static void tally_all(struct tallies *into, const struct tallies *from)
{
    for (size_t i = 0; i < from->n; i++)
        tally(into, from->items[i].name, from->items[i].count);
}

static uint64_t tally_sum(const struct tallies *tallies)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < tallies->n; i++)
        sum += tallies->items[i].count;
    return sum;
}

/* --- one connection */

static int open_socket(const struct target *target)
{
    int type = SOCK_STREAM | SOCK_CLOEXEC | (options.nonblocking ? SOCK_NONBLOCK : 0);
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    struct timeval timeout = {.tv_sec = options.timeout_ms / 1000,
                              .tv_usec = options.timeout_ms % 1000 * 1000};
    int fd = socket(target->address.ss_family, type, 0);

    if (fd < 0)
        die("cannot make a socket");
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    if (!options.nonblocking) {
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    }
    return fd;
}

/* Waits for `events`; -ETIMEDOUT after the timeout. */
static int wait_for(int fd, short events)
{
    struct pollfd pollfd = {.fd = fd, .events = events};
    int n;

    do
        n = poll(&pollfd, 1, options.timeout_ms);
    while (n < 0 && errno == EINTR);
    return n > 0 ? 0 : n == 0 ? -ETIMEDOUT : -errno;
}

static int finish_connect(int fd)
{
    int error = 0;
    socklen_t length = sizeof(error);
    int r = wait_for(fd, POLLOUT);

    if (r < 0)
        return r;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        return -errno;
    return -error;
}

static int connect_to(int fd, const struct target *target)
{
    const struct sockaddr *address = (const struct sockaddr *)&target->address;
    ssize_t r;

    if (options.fastopen)
        r = sendto(fd, REQUEST, strlen(REQUEST), MSG_FASTOPEN | MSG_NOSIGNAL, address, target->length);
    else
        r = connect(fd, address, target->length);
    if (r >= 0)
        return 0;
    if (errno != EINPROGRESS)
        return -errno;
    /* On a blocking socket this is the answer to SO_SNDTIMEO. */
    return options.nonblocking ? finish_connect(fd) : -ETIMEDOUT;
}

static int send_request(int fd)
{
    if (!options.http || options.fastopen)
        return 0;
    return send(fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static bool answer_is_complete(const char *answer)
{
    const char *body = answer;

    if (options.http || options.fastopen)
        body = strstr(answer, "\r\n\r\n");
    return body && strchr(options.http || options.fastopen ? body + 4 : body, '\n');
}

/* The name without what stands around it. */
static char *answer_name(char *answer)
{
    char *name = answer;

    if (options.http || options.fastopen)
        name = strstr(answer, "\r\n\r\n") + 4;
    name[strcspn(name, "\n")] = '\0';
    return name;
}

/* Returns 0 with a whole answer, -ENODATA if the connection ended before, or another negative errno. */
static int read_answer(int fd, char answer[static ANSWER_SIZE])
{
    size_t length = 0;

    answer[0] = '\0';
    while (!answer_is_complete(answer)) {
        int r = options.nonblocking ? wait_for(fd, POLLIN) : 0;
        ssize_t n = r < 0 ? 0 : recv(fd, answer + length, ANSWER_SIZE - 1 - length, 0);

        if (r < 0)
            return r;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? -ENODATA : errno == EAGAIN ? -ETIMEDOUT : -errno;
        length += (size_t)n;
        answer[length] = '\0';
    }
    return 0;
}

static bool sent_data_in_syn(int fd)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof(info);

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
           info.tcpi_options & TCPI_OPT_SYN_DATA;
}

static bool is_expected(const struct target *target, const char *name)
{
    size_t length = target->expected ? strlen(target->expected) : 0;

    if (!target->expected)
        return true;
    return strncmp(name, target->expected, length) == 0 && (name[length] == '\0' || name[length] == '/');
}

static void count_error(struct target_result *result, const char *stage, int r)
{
    const char *name = r == -ENODATA ? "EOF" : strerrorname_np(-r);
    char text[64];

    snprintf(text, sizeof(text), "%s%s", stage, name ? name : "unknown");
    tally(&result->errors, text, 1);
}

/* Returns true if an answer came, right or wrong. */
static bool try_once(struct worker *worker, const struct target *target, struct target_result *result)
{
    char answer[ANSWER_SIZE];
    int fd = open_socket(target);
    int r = connect_to(fd, target);

    if (r < 0) {
        count_error(result, "", r);
    } else {
        r = send_request(fd);
        if (r == 0)
            r = read_answer(fd, answer);
        if (r < 0)
            count_error(result, "read:", r);
    }
    if (r == 0) {
        const char *name = answer_name(answer);

        tally(&result->names, name, 1);
        result->wrong += !is_expected(target, name);
        worker->syn_data += options.fastopen && sent_data_in_syn(fd);
    }
    close(fd);
    return r == 0;
}

/* --- workers */

static bool may_start(uint64_t started_ns)
{
    if (stopped)
        return false;
    if (options.count)
        return atomic_fetch_add(&n_started, 1) < options.count;
    return (double)(now_ns() - started_ns) / 1e9 < options.seconds;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    uint64_t started = now_ns();
    uint64_t last_answer = started;

    while (may_start(started)) {
        size_t i = worker->next_target++ % n_targets;
        uint64_t before = now_ns();
        bool answered = try_once(worker, &targets[i], &worker->results[i]);
        uint64_t after = now_ns();

        worker->attempts++;
        if (after - before > worker->longest_ns)
            worker->longest_ns = after - before;
        if (!answered)
            continue;
        if (after - last_answer > worker->longest_gap_ns)
            worker->longest_gap_ns = after - last_answer;
        last_answer = after;
    }
    return NULL;
}

static struct worker *start_workers(void)
{
    struct worker *workers = calloc(options.parallel, sizeof(*workers));

    for (size_t i = 0; i < options.parallel; i++) {
        if (!workers)
            die("no memory");
        workers[i].results = calloc(n_targets, sizeof(*workers[i].results));
        if (!workers[i].results)
            die("no memory");
        workers[i].next_target = i * n_targets / options.parallel;
    }
    for (size_t i = 0; i < options.parallel; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            die("cannot start a thread");
    return workers;
}

/* --- the report */

static void print_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        if ((unsigned char)*text < ' ')
            printf("\\u%04x", *text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void print_tallies(const char *label, const struct tallies *tallies)
{
    printf("\"%s\": {", label);
    for (size_t i = 0; i < tallies->n; i++) {
        printf("%s", i ? ", " : "");
        print_text(tallies->items[i].name);
        printf(": %llu", (unsigned long long)tallies->items[i].count);
    }
    putchar('}');
}

static void print_target(const struct target *target, const struct target_result *result, bool is_first)
{
    printf("%s{\"target\": ", is_first ? "" : ", ");
    print_text(target->text);
    printf(", \"expected\": ");
    if (target->expected)
        print_text(target->expected);
    else
        printf("null");
    printf(", \"wrong\": %llu, ", (unsigned long long)result->wrong);
    print_tallies("names", &result->names);
    printf(", ");
    print_tallies("errors", &result->errors);
    putchar('}');
}

static struct target_result sum_of_target(const struct worker *workers, size_t target)
{
    struct target_result sum = {0};

    for (size_t i = 0; i < options.parallel; i++) {
        const struct target_result *result = &workers[i].results[target];

        tally_all(&sum.names, &result->names);
        tally_all(&sum.errors, &result->errors);
        sum.wrong += result->wrong;
    }
    return sum;
}

static void print_totals(const struct worker *workers, const struct target_result *total, double seconds)
{
    uint64_t attempts = 0, syn_data = 0, longest = 0, gap = 0;
    uint64_t answered = tally_sum(&total->names);

    for (size_t i = 0; i < options.parallel; i++) {
        attempts += workers[i].attempts;
        syn_data += workers[i].syn_data;
        if (workers[i].longest_ns > longest)
            longest = workers[i].longest_ns;
        if (workers[i].longest_gap_ns > gap)
            gap = workers[i].longest_gap_ns;
    }
    printf("\"seconds\": %.3f, \"attempts\": %llu, \"answered\": %llu, \"failed\": %llu, \"wrong\": %llu, "
           "\"rate\": %.0f, \"longestMs\": %.3f, \"longestGapMs\": %.3f, \"synData\": %llu, ",
           seconds, (unsigned long long)attempts, (unsigned long long)answered,
           (unsigned long long)tally_sum(&total->errors), (unsigned long long)total->wrong,
           seconds > 0 ? (double)answered / seconds : 0, (double)longest / 1e6, (double)gap / 1e6,
           (unsigned long long)syn_data);
    print_tallies("names", &total->names);
    printf(", ");
    print_tallies("errors", &total->errors);
}

static void report(const struct worker *workers, double seconds)
{
    struct target_result total = {0};

    printf("{\"targets\": [");
    for (size_t i = 0; i < n_targets; i++) {
        struct target_result sum = sum_of_target(workers, i);

        print_target(&targets[i], &sum, i == 0);
        tally_all(&total.names, &sum.names);
        tally_all(&total.errors, &sum.errors);
        total.wrong += sum.wrong;
    }
    printf("], ");
    print_totals(workers, &total, seconds);
    printf("}\n");
}

/* --- arguments */

static void add_target(const char *text, const char *host, const char *port, const char *expected)
{
    struct target *target = &targets[n_targets];
    struct sockaddr_in *v4 = (struct sockaddr_in *)&target->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&target->address;
    struct in_addr address;

    if (n_targets == MAX_TARGETS)
        usage("too many targets");
    target->text = text;
    target->expected = expected;
    if (inet_pton(AF_INET, host, &address) == 1 && !options.v6 && !options.mapped) {
        *v4 = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_addr = address, .sin_port = htons((uint16_t)atoi(port))};
        target->length = sizeof(*v4);
    } else {
        char mapped[INET6_ADDRSTRLEN + 8];

        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)atoi(port));
        target->length = sizeof(*v6);
        snprintf(mapped, sizeof(mapped), "%s%s", options.mapped && !strchr(host, ':') ? "::ffff:" : "", host);
        if (inet_pton(AF_INET6, mapped, &v6->sin6_addr) != 1)
            usage(host);
    }
    n_targets++;
}

static void parse_target(char *text)
{
    char *expected = strchr(text, '=');
    char *host = text;
    char *colon;

    if (expected)
        *expected++ = '\0';
    host = strdup(text);
    colon = host ? strrchr(host, ':') : NULL;
    if (!colon || !colon[1])
        usage(text);
    *colon = '\0';
    if (host[0] == '[' && colon[-1] == ']') {
        colon[-1] = '\0';
        add_target(text, host + 1, colon + 1, expected);
    } else {
        add_target(text, host, colon + 1, expected);
    }
    free(host);
}

static void parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"count", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 's'},
        {"parallel", required_argument, NULL, 'p'},
        {"timeout", required_argument, NULL, 't'},
        {"address", required_argument, NULL, 'A'},
        {"port", required_argument, NULL, 'P'},
        {"mapped", no_argument, &options.mapped, 1},
        {"v6", no_argument, &options.v6, 1},
        {"http", no_argument, &options.http, 1},
        {"nonblocking", no_argument, &options.nonblocking, 1},
        {"fastopen", no_argument, &options.fastopen, 1},
        {NULL, 0, NULL, 0},
    };
    const char *address = NULL;
    const char *port = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'c')
            options.count = strtoull(optarg, NULL, 10);
        else if (option == 's')
            options.seconds = strtod(optarg, NULL);
        else if (option == 'p')
            options.parallel = strtoul(optarg, NULL, 10);
        else if (option == 't')
            options.timeout_ms = atoi(optarg);
        else if (option == 'A')
            address = optarg;
        else if (option == 'P')
            port = optarg;
        else if (option != 0)
            usage("unknown option");
    }
    for (int i = optind; i < argc; i++)
        parse_target(argv[i]);
    if (address && port)
        add_target(address, address, port, NULL);
    if (!n_targets)
        usage("no target");
    if (!options.count && options.seconds <= 0)
        usage("--count or --seconds is needed");
    if (options.parallel < 1 || options.parallel > MAX_WORKERS)
        usage("--parallel is out of range");
}

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = stop, .sa_flags = SA_RESTART};
    struct worker *workers;
    uint64_t started;

    parse_options(argc, argv);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    started = now_ns();
    workers = start_workers();
    for (size_t i = 0; i < options.parallel; i++)
        pthread_join(workers[i].thread, NULL);
    report(workers, (double)(now_ns() - started) / 1e9);
    return 0;
}
