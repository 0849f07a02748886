/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * announce: a TCP server that tells every client which of its listeners it reached.
 *
 *   announce [--hold | --http] ADDRESS:PORT=NAME...      ADDRESS is IPv4 or [IPv6]; PORT 0 takes a free one
 *
 * Each connection is sent "NAME\n" and closed; with --hold it stays open until the client closes it; with
 * --http the name is the body of an answer to a request. Prints "LISTENING ADDRESS:PORT NAME" for each
 * listener, then READY.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG         4096
#define FASTOPEN_QUEUE  256
#define ACCEPTS_PER_RUN 64
#define END_OF_REQUEST  "\r\n\r\n"

enum mode {
    MODE_CLOSE,
    MODE_HOLD,
    MODE_HTTP,
};

/* A listener, or a connection that stays for a while. */
struct peer {
    int fd;
    bool is_listener;
    const char *name;
    size_t matched; /* characters of END_OF_REQUEST seen last */
};

static enum mode mode = MODE_CLOSE;
static int epoll_fd = -1;

static _Noreturn void die(const char *what, const char *argument)
{
    fprintf(stderr, "announce: %s %s: %s\n", what, argument, strerror(errno));
    exit(1);
}

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: announce [--hold | --http] ADDRESS:PORT=NAME...\n");
    exit(2);
}

static void parse_address(const char *text, struct sockaddr_storage *ret_address, socklen_t *ret_length)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;

    if (!length || length >= sizeof(host))
        usage();
    memcpy(host, text, length);
    host[length] = '\0';
    memset(ret_address, 0, sizeof(*ret_address));
    if (host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)atoi(colon + 1));
        *ret_length = sizeof(*v6);
        if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) != 1)
            usage();
    } else {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)atoi(colon + 1));
        *ret_length = sizeof(*v4);
        if (inet_pton(AF_INET, host, &v4->sin_addr) != 1)
            usage();
    }
}

static void print_listening(int fd, const char *name)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    char text[INET6_ADDRSTRLEN];

    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        die("cannot read the address of", name);
    if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;

        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
        printf("LISTENING [%s]:%u %s\n", text, ntohs(v6->sin6_port), name);
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;

        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
        printf("LISTENING %s:%u %s\n", text, ntohs(v4->sin_port), name);
    }
}

static void watch(int fd, bool is_listener, const char *name)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};

    if (!peer)
        die("no memory for", name);
    *peer = (struct peer){.fd = fd, .is_listener = is_listener, .name = name};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        die("cannot watch", name);
}

/* `argument` is cut in two at its "=". */
static void start_listener(char *argument)
{
    char *name = strchr(argument, '=');
    struct sockaddr_storage address;
    socklen_t length;
    int fastopen = FASTOPEN_QUEUE;
    int on = 1;
    int fd;

    if (!name || !name[1])
        usage();
    *name++ = '\0';
    parse_address(argument, &address, &length);
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("cannot make a socket for", argument);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, length) < 0)
        die("cannot bind", argument);
    if (listen(fd, BACKLOG) < 0)
        die("cannot listen on", argument);
    /* Takes effect only where the sysctl net.ipv4.tcp_fastopen allows it. */
    setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &fastopen, sizeof(fastopen));
    watch(fd, true, name);
    print_listening(fd, name);
}

/* The texts are far smaller than any socket buffer: one send takes all, or the client is gone. */
static void send_text(int fd, const char *text, size_t length)
{
    ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

    if (sent >= 0 && (size_t)sent != length)
        fprintf(stderr, "announce: sent %zd of %zu bytes\n", sent, length);
}

static void send_name(const struct peer *listener, int fd)
{
    char text[512];
    int length = snprintf(text, sizeof(text), "%s\n", listener->name);

    send_text(fd, text, (size_t)length);
}

static void send_response(const struct peer *peer)
{
    char text[1024];
    int length = snprintf(text, sizeof(text),
                          "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s\n",
                          strlen(peer->name) + 1, peer->name);

    send_text(peer->fd, text, (size_t)length);
}

static void accept_some(const struct peer *listener)
{
    for (int i = 0; i < ACCEPTS_PER_RUN; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
                die("cannot accept on", listener->name);
            return;
        }
        if (mode != MODE_HTTP)
            send_name(listener, fd);
        if (mode == MODE_CLOSE)
            close(fd);
        else
            watch(fd, false, listener->name);
    }
}

static void drop(struct peer *peer)
{
    close(peer->fd);
    free(peer);
}

/* Returns true once the whole end of a request has passed by. */
static bool request_ends(struct peer *peer, const char *bytes, ssize_t length)
{
    for (ssize_t i = 0; i < length; i++) {
        if (bytes[i] == END_OF_REQUEST[peer->matched])
            peer->matched++;
        else
            peer->matched = bytes[i] == '\r';
        if (peer->matched == strlen(END_OF_REQUEST))
            return true;
    }
    return false;
}

static void read_some(struct peer *peer)
{
    char bytes[4096];
    ssize_t length = recv(peer->fd, bytes, sizeof(bytes), 0);

    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0) {
        drop(peer);
    } else if (mode == MODE_HTTP && request_ends(peer, bytes, length)) {
        send_response(peer);
        drop(peer);
    }
}

static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void parse_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"hold", no_argument, NULL, 'h'},
        {"http", no_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h')
            mode = MODE_HOLD;
        else if (option == 't')
            mode = MODE_HTTP;
        else
            usage();
    }
    if (optind == argc)
        usage();
}

int main(int argc, char **argv)
{
    struct epoll_event events[256];

    parse_options(argc, argv);
    raise_file_limit();
    signal(SIGPIPE, SIG_IGN);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die("cannot make", "an epoll instance");
    for (int i = optind; i < argc; i++)
        start_listener(argv[i]);
    printf("READY\n");
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(epoll_fd, events, 256, -1);

        if (n < 0 && errno != EINTR)
            die("cannot wait for", "connections");
        for (int i = 0; i < n; i++) {
            struct peer *peer = events[i].data.ptr;

            if (peer->is_listener)
                accept_some(peer);
            else
                read_some(peer);
        }
    }
}
