/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A container's only program. `first serve PORT TEXT` answers every connection with the text. `first call NAME PORT N`
 * begins at its first instruction to look the name up and to connect, N times, a millisecond apart, and then prints
 *
 *   names FAILED connects FAILED of N
 *
 * as PID 1, which nothing has gone before.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int serve(const char *port, const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(port))};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

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

static void on_term(int number)
{
    (void)number;
    _exit(0);
}

static int call_many(const char *name, const char *port, int n)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    int no_names = 0;
    int no_connects = 0;

    for (int i = 0; i < n; i++) {
        struct addrinfo *found = NULL;

        if (getaddrinfo(name, port, &hints, &found) != 0) {
            no_names++;
        } else {
            int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            char byte;

            if (connect(fd, found->ai_addr, found->ai_addrlen) < 0 || read(fd, &byte, 1) != 1)
                no_connects++;
            (void)close(fd);
            freeaddrinfo(found);
        }
        (void)usleep(1000);
    }
    printf("names %d connects %d of %d\n", no_names, no_connects, n);
    (void)fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    (void)signal(SIGTERM, on_term); /* PID 1 has no handler of its own */
    if (argc == 4 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2], argv[3]);
    if (argc == 5 && strcmp(argv[1], "call") == 0)
        return call_many(argv[2], argv[3], atoi(argv[4]));
    (void)fprintf(stderr, "usage: first serve PORT TEXT | first call NAME PORT N\n");
    return 2;
}
