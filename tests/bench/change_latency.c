/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * change_latency: makes changes by the control API and connects until they are in effect.
 *
 *   change_latency SOCKET ADDRESS:PORT COUNT METHOD PATH BODY-A BYTE-A BODY-B BYTE-B
 *
 * Sends BODY-A and BODY-B in turn, COUNT requests in all, and after each answer connects to ADDRESS:PORT
 * until the server's first byte is that of the body (accept_server sends the last byte of its address). Run
 * it in a task. Prints three latencies as JSON, for A and B each: request -> acknowledged, acknowledged -> in
 * effect (the end of the first connect that shows it, so the price of a connect is in it), and how many
 * connects after an acknowledgement still came to the old endpoint.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include "control_talk.h"
#include "histogram.h"
#include "targets.h"

#define ANSWER_SIZE 65536
#define MAX_TRIES   100000

struct side {
    const char *body;
    unsigned char byte;
    struct histogram acknowledged;
    struct histogram effective;
};

static struct side sides[2];
static struct target target;

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "change_latency: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void request(int fd, const char *method, const char *path, const char *body)
{
    static char text[ANSWER_SIZE];
    size_t got = 0;
    int length = snprintf(text, sizeof(text),
                          "%s %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                          "Content-Length: %zu\r\n\r\n%s",
                          method, path, strlen(body), body);

    if (length >= (int)sizeof(text) || write(fd, text, (size_t)length) != length)
        die("sending a request");
    text[0] = '\0';
    while (answer_length(text) == 0 || got < answer_length(text)) {
        ssize_t n = read(fd, text + got, sizeof(text) - 1 - got);

        if (n <= 0)
            die("reading an answer");
        got += (size_t)n;
        text[got] = '\0';
    }
    if (strncmp(text, "HTTP/1.1 200", 12) != 0) {
        (void)fprintf(stderr, "change_latency: %s %s %s: %s\n", method, path, body, text);
        exit(1);
    }
}

static unsigned char first_byte(void)
{
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    static const struct timeval patience = {.tv_sec = 5};
    int fd = socket(target.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unsigned char byte = 0;

    if (fd < 0)
        die("socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&target.address, target.length) < 0 ||
        recv(fd, &byte, 1, 0) != 1)
        die("connecting to the alias");
    (void)close(fd);
    return byte;
}

/* Returns how many connects still showed the old state. */
static unsigned change(int fd, const char *method, const char *path, struct side *side)
{
    uint64_t begun = now_ns();
    uint64_t acknowledged;
    unsigned late = 0;

    request(fd, method, path, side->body);
    acknowledged = now_ns();
    while (first_byte() != side->byte)
        if (++late == MAX_TRIES) {
            errno = ETIMEDOUT;
            die("waiting for a change");
        }
    histogram_add(&side->effective, now_ns() - acknowledged);
    histogram_add(&side->acknowledged, acknowledged - begun);
    return late;
}

int main(int argc, char **argv)
{
    unsigned long count = argc == 10 ? strtoul(argv[3], NULL, 10) : 0;
    unsigned long late = 0;
    int fd;

    if (!count || !target_parse(argv[2], false, &target)) {
        (void)fprintf(stderr, "usage: change_latency SOCKET ADDRESS:PORT COUNT METHOD PATH BODY-A BYTE-A "
                              "BODY-B BYTE-B\n");
        return 2;
    }
    for (int i = 0; i < 2; i++) {
        sides[i].body = argv[6 + 2 * i];
        sides[i].byte = (unsigned char)atoi(argv[7 + 2 * i]);
    }
    fd = control_dial(argv[1]);
    if (fd < 0)
        die(argv[1]);
    for (unsigned long i = 0; i < count; i++)
        late += change(fd, argv[4], argv[5], &sides[i % 2]);
    printf("{\"changes\": %lu, \"late_connects\": %lu", count, late);
    for (int i = 0; i < 2; i++) {
        printf(", \"%c\": {\"acknowledged\": {", "ab"[i]);
        histogram_print(&sides[i].acknowledged);
        printf("}, \"effective\": {");
        histogram_print(&sides[i].effective);
        printf("}}");
    }
    printf("}\n");
    return 0;
}
