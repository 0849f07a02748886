/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A container's only program, PID 1, which nothing has gone before.
 *
 *   first serve PORT TEXT [MS]          answers every connection with the text, and for MS longer when it is to end
 *   first call NAME PORT N [ADDRESS]    begins at its first instruction to look the name up and to connect, N times, a
 *                                       millisecond apart, to the address too if there is one, and then prints
 *                                           names FAILED connects FAILED of N
 *                                           names FAILED connects FAILED addresses FAILED of N
 *                                       or writes it to the file FIRST_OUT names: not every client of a runtime passes on all
 *                                       that a container has printed on a busy machine
 *   first load NAME PORT PER_SECOND     the same until it is to end, so many a second; then prints
 *                                           asked N
 *                                           answer TEXT N       for each
 *                                           error WHAT N        for each
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 5  /* of a connect, and of an answer */
#define THREADS    16 /* that a few slow ones hold nobody up */
#define KINDS      64
#define TEXT_SIZE  64

static void sleep_ns(long ns)
{
    const struct timespec time = {ns / 1000000000, ns % 1000000000};

    (void)nanosleep(&time, NULL);
}

/* ---- serving ---- */

static long linger_ms;

static void *end_later(void *user)
{
    sigset_t *ending = user;
    int number;

    (void)sigwait(ending, &number);
    sleep_ns(linger_ms * 1000000);
    _exit(0);
}

static int serve(const char *port, const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(port))};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    static sigset_t ending;
    pthread_t thread;

    (void)sigemptyset(&ending);
    (void)sigaddset(&ending, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &ending, NULL);
    if (pthread_create(&thread, NULL, end_later, &ending) != 0)
        return 1;
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1024) < 0)
        return 1;
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            continue;
        (void)!write(fd, text, strlen(text));
        (void)close(fd);
    }
}

/* ---- one request ---- */

/* 0 with the answer, else -1 with errno; 0 there: closed without an answer. */
static int ask(const struct sockaddr *address, socklen_t length, char answer[static TEXT_SIZE])
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ssize_t n = -1;
    int number;

    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, address, length) == 0)
        n = read(fd, answer, TEXT_SIZE - 1);
    number = n == 0 ? 0 : errno;
    if (n > 0)
        answer[n] = '\0';
    (void)close(fd);
    errno = number;
    return n > 0 ? 0 : -1;
}

/* As above; *ret_no_name where there is no address of that name. */
static int ask_name(const char *name, const char *port, char answer[static TEXT_SIZE], bool *ret_no_name)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int number;
    int r;

    *ret_no_name = getaddrinfo(name, port, &hints, &found) != 0;
    if (*ret_no_name)
        return -1;
    r = ask(found->ai_addr, found->ai_addrlen, answer);
    number = errno;
    freeaddrinfo(found);
    errno = number;
    return r;
}

static void on_term(int number)
{
    (void)number;
    _exit(0);
}

static int call_many(const char *name, const char *port, int n, const char *by_address)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(port))};
    int no_names = 0;
    int no_connects = 0;
    int no_addresses = 0;

    (void)signal(SIGTERM, on_term); /* PID 1 has no handler of its own */
    if (by_address && inet_pton(AF_INET, by_address, &address.sin_addr) != 1)
        return 2;
    for (int i = 0; i < n; i++) {
        char answer[TEXT_SIZE];
        bool has_no_name;

        if (by_address && ask((struct sockaddr *)&address, sizeof(address), answer) < 0)
            no_addresses++;
        if (ask_name(name, port, answer, &has_no_name) < 0) {
            no_names += has_no_name;
            no_connects += !has_no_name;
        }
        (void)usleep(1000);
    }
    if (getenv("FIRST_OUT") && !freopen(getenv("FIRST_OUT"), "w", stdout))
        return 3;
    printf("names %d connects %d ", no_names, no_connects);
    if (by_address)
        printf("addresses %d ", no_addresses);
    printf("of %d\n", n);
    (void)fflush(stdout);
    return 0;
}

/* ---- load ---- */

struct kind {
    char text[TEXT_SIZE + 16];
    unsigned long n;
};

static struct {
    const char *name;
    const char *port;
    long period_ns;
    struct timespec began;
    unsigned long asked; /* tickets taken */
    bool is_over;
    pthread_mutex_t lock;
    struct kind kinds[KINDS];
} load = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void count(const char *word, const char *text)
{
    struct kind *kind = load.kinds;
    char whole[sizeof(kind->text)];

    (void)snprintf(whole, sizeof(whole), "%s %s", word, text);
    (void)pthread_mutex_lock(&load.lock);
    while (kind->n && kind < load.kinds + KINDS - 1 && strcmp(kind->text, whole) != 0)
        kind++;
    memcpy(kind->text, whole, sizeof(whole));
    kind->n++;
    (void)pthread_mutex_unlock(&load.lock);
}

/* Waits until the next request is due; false: there is none. Who is late does not hurry to catch up. */
static bool take_ticket(void)
{
    struct timespec now;
    long wait = 0;
    bool is_over;

    (void)pthread_mutex_lock(&load.lock);
    is_over = load.is_over;
    if (!is_over) {
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        wait = (load.began.tv_sec - now.tv_sec) * 1000000000 + load.began.tv_nsec - now.tv_nsec;
        if (wait < 0) {
            load.began = now;
            wait = 0;
        }
        load.began.tv_nsec += load.period_ns;
        load.began.tv_sec += load.began.tv_nsec / 1000000000;
        load.began.tv_nsec %= 1000000000;
        load.asked++;
    }
    (void)pthread_mutex_unlock(&load.lock);
    if (!is_over)
        sleep_ns(wait);
    return !is_over;
}

static void *work(void *user)
{
    while (take_ticket()) {
        char answer[TEXT_SIZE];
        bool has_no_name;

        if (ask_name(load.name, load.port, answer, &has_no_name) == 0)
            count("answer", answer);
        else
            count("error", has_no_name ? "no name" : errno ? strerror(errno) : "closed");
    }
    return user;
}

static int load_on(const char *name, const char *port, int per_second)
{
    pthread_t threads[THREADS];
    sigset_t ending;
    int number;

    load.name = name;
    load.port = port;
    load.period_ns = 1000000000 / per_second;
    (void)clock_gettime(CLOCK_MONOTONIC, &load.began);
    (void)sigemptyset(&ending);
    (void)sigaddset(&ending, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &ending, NULL);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            return 1;
    (void)sigwait(&ending, &number);
    (void)pthread_mutex_lock(&load.lock);
    load.is_over = true;
    (void)pthread_mutex_unlock(&load.lock);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    printf("asked %lu\n", load.asked);
    for (const struct kind *kind = load.kinds; kind < load.kinds + KINDS && kind->n; kind++)
        printf("%s %lu\n", kind->text, kind->n);
    (void)fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    if ((argc == 4 || argc == 5) && strcmp(mode, "serve") == 0) {
        linger_ms = argc == 5 ? atol(argv[4]) : 0;
        return serve(argv[2], argv[3]);
    }
    if ((argc == 5 || argc == 6) && strcmp(mode, "call") == 0)
        return call_many(argv[2], argv[3], atoi(argv[4]), argv[5]);
    if (argc == 5 && strcmp(mode, "load") == 0 && atoi(argv[4]) > 0)
        return load_on(argv[2], argv[3], atoi(argv[4]));
    (void)fprintf(
        stderr,
        "usage: first serve PORT TEXT [MS] | call NAME PORT N [ADDRESS] | load NAME PORT PER_SECOND\n");
    return 2;
}
