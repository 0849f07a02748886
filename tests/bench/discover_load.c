/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How many DiscoverInstances a second the daemon answers: keep-alive connections, each sending one signed
 * request after the other. The request comes signed, from a file; see tests/aws/test_aws_bench.py.
 *
 *     discover_load ADDRESS PORT FILE SECONDS CONNECTIONS
 *
 * Prints: answers, seconds, bytes of one answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define MAX_CONNECTIONS 64

struct client {
    char buffer[1 << 20];
    size_t n;
};

static struct client clients[MAX_CONNECTIONS];
static struct pollfd polls[MAX_CONNECTIONS];

static int dial(const char *address, const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        perror("connecting");
        exit(1);
    }
    return fd;
}

/* The length of the answer in the buffer; 0: it is not whole. */
static size_t whole(const struct client *client)
{
    const char *end = memmem(client->buffer, client->n, "\r\n\r\n", 4);
    const char *field = end ? memmem(client->buffer, client->n, "Content-Length: ", 16) : NULL;
    size_t length = field ? (size_t)(end - client->buffer) + 4 + strtoul(field + 16, NULL, 10) : 0;

    if (end && strncmp(client->buffer, "HTTP/1.1 200", 12) != 0) {
        (void)fprintf(stderr, "refused: %.500s\n", client->buffer);
        exit(1);
    }
    return client->n >= length ? length : 0;
}

int main(int argc, char **argv)
{
    char *request = NULL;
    size_t size = 0;
    unsigned long answers = 0;
    size_t bytes = 0;
    uint64_t began, end;
    int n;

    if (argc != 6 || file_read(argv[3], 1 << 20, &request, &size) < 0 || (n = atoi(argv[5])) < 1 ||
        n > MAX_CONNECTIONS) {
        (void)fprintf(stderr, "usage: discover_load ADDRESS PORT FILE SECONDS CONNECTIONS\n");
        return 2;
    }
    for (int i = 0; i < n; i++) {
        polls[i] = (struct pollfd){.fd = dial(argv[1], argv[2]), .events = POLLIN};
        if (write(polls[i].fd, request, size) != (ssize_t)size)
            return 1;
    }
    began = clock_monotonic_ms();
    end = began + (uint64_t)atoi(argv[4]) * 1000;
    while (clock_monotonic_ms() < end && poll(polls, (nfds_t)n, 1000) > 0)
        for (int i = 0; i < n; i++) {
            struct client *client = &clients[i];
            ssize_t got = polls[i].revents ? read(polls[i].fd, client->buffer + client->n,
                                                  sizeof(client->buffer) - client->n)
                                           : -1;
            size_t length;

            if (polls[i].revents && got <= 0)
                return 1;
            if (got <= 0)
                continue;
            client->n += (size_t)got;
            length = whole(client);
            if (!length)
                continue;
            answers++;
            bytes = length;
            client->n = 0;
            if (write(polls[i].fd, request, size) != (ssize_t)size)
                return 1;
        }
    printf("%lu %.3f %zu\n", answers, (double)(clock_monotonic_ms() - began) / 1000, bytes);
    free(request);
    return 0;
}
