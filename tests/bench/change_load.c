/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * change_load: clients of the control API that register and deregister, each an instance of its own in a
 * service of its own (load-NUMBER), one request after the other on a connection that is kept.
 *
 *   change_load SOCKET CLIENTS SECONDS
 *
 * Prints how many changes were acknowledged, their rate and the latencies from request to answer as JSON.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_talk.h"
#include "load.h"

#define MAX_CLIENTS 250
#define ANSWER_SIZE 8192

struct client {
    bool is_registered;
    uint64_t begun;
    size_t got;
    char answer[ANSWER_SIZE];
};

static struct client clients[MAX_CLIENTS];
static struct pollfd polls[MAX_CLIENTS];
static struct load load;

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "change_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void request(int i)
{
    struct client *client = &clients[i];
    char body[256], text[512];
    int length;

    if (client->is_registered)
        (void)snprintf(body, sizeof(body), "{\"service\": \"load-%d\", \"id\": \"c%d\"}", i, i);
    else
        (void)snprintf(body, sizeof(body),
                       "{\"service\": \"load-%d\", \"id\": \"c%d\", \"address\": \"127.60.1.%d:80\"}", i, i,
                       i + 1);
    length = snprintf(text, sizeof(text),
                      "%s /v1/instances HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                      "Content-Length: %zu\r\n\r\n%s",
                      client->is_registered ? "DELETE" : "POST", strlen(body), body);
    client->got = 0;
    client->begun = now_ns();
    if (write(polls[i].fd, text, (size_t)length) != length)
        die("sending a request");
}

/* Returns whether the client is free for the next one. */
static bool hear(int i)
{
    struct client *client = &clients[i];
    ssize_t n = read(polls[i].fd, client->answer + client->got, ANSWER_SIZE - 1 - client->got);
    size_t length;

    if (n <= 0)
        die("reading an answer");
    client->got += (size_t)n;
    client->answer[client->got] = '\0';
    length = answer_length(client->answer);
    if (length == 0 || client->got < length)
        return false;
    if (strncmp(client->answer, "HTTP/1.1 200", 12) != 0) {
        if (load.failed == 0)
            (void)fprintf(stderr, "change_load: %s\n", client->answer);
        load_add(&load, now_ns() - client->begun, EPROTO);
        return true;
    }
    load_add(&load, now_ns() - client->begun, 0);
    client->is_registered = !client->is_registered;
    return true;
}

int main(int argc, char **argv)
{
    int n = argc == 4 ? atoi(argv[2]) : 0;
    int busy = n;

    if (n < 1 || n > MAX_CLIENTS) {
        (void)fprintf(stderr, "usage: change_load SOCKET CLIENTS SECONDS\n");
        return 2;
    }
    load.seconds = strtod(argv[3], NULL);
    for (int i = 0; i < n; i++) {
        polls[i] = (struct pollfd){.fd = control_dial(argv[1]), .events = POLLIN};
        if (polls[i].fd < 0)
            die(argv[1]);
    }
    load_begin(&load);
    for (int i = 0; i < n; i++)
        request(i);
    while (busy > 0) {
        if (poll(polls, (nfds_t)n, 30000) <= 0)
            die("waiting for answers");
        for (int i = 0; i < n; i++) {
            if (!polls[i].revents || !hear(i))
                continue;
            /* Whoever has registered takes it back, so that the next run finds what this one did. */
            if (load_goes_on(&load) || clients[i].is_registered)
                request(i);
            else
                busy--;
        }
    }
    load_end(&load);
    printf("{");
    load_print(&load, "changes");
    printf("}\n");
    return 0;
}
