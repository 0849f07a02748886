/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where the process may be a fork of one with threads only system calls are made, and no memory is taken. */
#include "cgroups/root_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define SOCKET_BYTES (4 << 20) /* room for thousands of requests: as many as there are tasks at a start */
#define END_MS       100
#define OWN_FD       3

struct request {
    uint64_t id;
    uint64_t key;
    char process[24]; /* "/proc/PID" */
    char path[ROOT_READER_PATH_SIZE];
};

/* ---- the other process ---- */

/* A child at work. */
struct reading {
    uint64_t id;
    uint64_t key;
    uint64_t deadline_ms;
    pid_t pid; /* 0: it has ended and was waited for */
    int fd;    /* what it writes; -1: this place is free */
    size_t size;
    char bytes[sizeof(struct root_file_head) + ROOT_FILE_MAX];
};

struct server {
    int fd;
    int children_fd; /* tells when one has ended */
    struct reading readings[ROOT_READER_AT_ONCE];
    struct {
        pid_t pid;
        uint64_t key;
    } stuck[ROOT_READER_STUCK];
    size_t n_stuck;
    struct root_answer answer; /* the one that is sent */
};

static void send_answer(struct server *server, uint64_t id, uint64_t key, size_t text_size)
{
    server->answer.id = id;
    server->answer.key = key;
    (void)send(server->fd, &server->answer, offsetof(struct root_answer, text) + text_size, MSG_NOSIGNAL);
}

static void send_failure(struct server *server, uint64_t id, uint64_t key, int number)
{
    server->answer.head = (struct root_file_head){.number = number, .step = ROOT_FILE_OPEN};
    send_answer(server, id, key, 0);
}

static bool is_stuck(const struct server *server, uint64_t key)
{
    for (size_t i = 0; i < server->n_stuck; i++)
        if (server->stuck[i].key == key)
            return true;
    return false;
}

static struct reading *free_place(struct server *server)
{
    for (size_t i = 0; i < ROOT_READER_AT_ONCE; i++)
        if (server->readings[i].fd < 0)
            return &server->readings[i];
    return NULL;
}

static _Noreturn void be_child(const struct request *request, int output_fd, pid_t parent)
{
    if (output_fd != OWN_FD)
        (void)dup2(output_fd, OWN_FD);
    (void)close_range(OWN_FD + 1, ~0u, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() == parent)
        root_file_read(request->process, request->path, OWN_FD);
    _exit(0);
}

static int start_child(struct reading *reading, const struct request *request)
{
    pid_t parent = getpid();
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid = fork();
    if (pid == 0)
        be_child(request, ends[1], parent);
    (void)close(ends[1]);
    if (pid < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
        (void)close(ends[0]);
        return -EAGAIN;
    }
    reading->id = request->id;
    reading->key = request->key;
    reading->deadline_ms = clock_monotonic_ms() + ROOT_READER_DEADLINE_MS;
    reading->pid = pid;
    reading->fd = ends[0];
    reading->size = 0;
    return 0;
}

static void take_request(struct server *server)
{
    struct reading *reading = free_place(server);
    struct request request;
    ssize_t size = recv(server->fd, &request, sizeof(request), MSG_DONTWAIT);
    int r;

    if (size == 0)
        _exit(0); /* its other end has gone; so do the children, by PR_SET_PDEATHSIG */
    if (size != sizeof(request) || !reading)
        return;
    r = is_stuck(server, request.key) || server->n_stuck == ROOT_READER_STUCK
            ? -EBUSY
            : start_child(reading, &request);
    if (r < 0)
        send_failure(server, request.id, request.key, r);
}

static void end_reading(struct reading *reading)
{
    (void)close(reading->fd);
    reading->fd = -1;
}

static void hear_child(struct server *server, struct reading *reading)
{
    struct root_file_head *head = &server->answer.head;
    ssize_t n = read(reading->fd, reading->bytes + reading->size, sizeof(reading->bytes) - reading->size);

    if (n < 0)
        return;
    reading->size += (size_t)n;
    if (n > 0 && reading->size < sizeof(reading->bytes))
        return;
    end_reading(reading);
    if (reading->size < sizeof(*head)) {
        send_failure(server, reading->id, reading->key, -EIO); /* somebody has killed it */
        return;
    }
    memcpy(head, reading->bytes, sizeof(*head));
    memcpy(server->answer.text, reading->bytes + sizeof(*head), reading->size - sizeof(*head));
    send_answer(server, reading->id, reading->key, reading->size - sizeof(*head));
}

static void root_reader_give_up(struct server *server, struct reading *reading)
{
    end_reading(reading);
    if (reading->pid > 0) {
        (void)kill(reading->pid, SIGKILL);
        server->stuck[server->n_stuck].pid = reading->pid;
        server->stuck[server->n_stuck++].key = reading->key;
    }
    send_failure(server, reading->id, reading->key, -ETIMEDOUT);
}

static void forget_child(struct server *server, pid_t pid)
{
    for (size_t i = 0; i < ROOT_READER_AT_ONCE; i++)
        if (server->readings[i].pid == pid)
            server->readings[i].pid = 0;
    for (size_t i = 0; i < server->n_stuck; i++)
        if (server->stuck[i].pid == pid) {
            server->stuck[i] = server->stuck[--server->n_stuck];
            return;
        }
}

static void root_reader_reap(struct server *server)
{
    struct signalfd_siginfo info;
    pid_t pid;

    if (read(server->children_fd, &info, sizeof(info)) < 0)
        return;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        forget_child(server, pid);
}

/* Milliseconds until the next deadline; -1: nobody works. */
static int patience(const struct server *server, uint64_t now)
{
    int least = -1;

    for (size_t i = 0; i < ROOT_READER_AT_ONCE; i++) {
        const struct reading *reading = &server->readings[i];
        int left = reading->deadline_ms > now ? (int)(reading->deadline_ms - now) : 0;

        if (reading->fd >= 0 && (least < 0 || left < least))
            least = left;
    }
    return least;
}

/* As many may be stuck at last as work now: each has its place. */
static bool is_room(struct server *server)
{
    return free_place(server) && server->n_stuck + ROOT_READER_AT_ONCE <= ROOT_READER_STUCK;
}

static void turn(struct server *server)
{
    struct pollfd fds[ROOT_READER_AT_ONCE + 2];
    uint64_t now;

    for (size_t i = 0; i < ROOT_READER_AT_ONCE; i++)
        fds[i] = (struct pollfd){.fd = server->readings[i].fd, .events = POLLIN};
    fds[ROOT_READER_AT_ONCE] = (struct pollfd){.fd = server->children_fd, .events = POLLIN};
    fds[ROOT_READER_AT_ONCE + 1] = (struct pollfd){.fd = server->fd, .events = is_room(server) ? POLLIN : 0};
    (void)poll(fds, ROOT_READER_AT_ONCE + 2, patience(server, clock_monotonic_ms()));
    if (fds[ROOT_READER_AT_ONCE].revents)
        root_reader_reap(server);
    for (size_t i = 0; i < ROOT_READER_AT_ONCE; i++)
        if (fds[i].fd >= 0 && fds[i].revents)
            hear_child(server, &server->readings[i]);
    now = clock_monotonic_ms();
    for (size_t i = 0; i < ROOT_READER_AT_ONCE; i++)
        if (server->readings[i].fd >= 0 && server->readings[i].deadline_ms <= now)
            root_reader_give_up(server, &server->readings[i]);
    if (fds[ROOT_READER_AT_ONCE + 1].revents & POLLHUP)
        _exit(0);
    if (fds[ROOT_READER_AT_ONCE + 1].revents)
        take_request(server);
}

/* Keeps nothing of this process: no lock, no socket, no terminal to write to, no signal meant for it. */
static _Noreturn void root_reader_serve(struct server *server, int fd, pid_t parent)
{
    int null_fd = open("/dev/null", O_RDWR);
    sigset_t child;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_SET_NAME, "svcconnect-read", 0, 0, 0);
    if (getppid() != parent)
        _exit(0);
    for (int i = 0; i < OWN_FD && null_fd >= 0; i++)
        (void)dup2(null_fd, i);
    if (fd != OWN_FD)
        (void)dup2(fd, OWN_FD);
    (void)close_range(OWN_FD + 1, ~0u, 0);
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    server->fd = OWN_FD;
    server->children_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    for (size_t i = 0; i < ROOT_READER_AT_ONCE; i++)
        server->readings[i].fd = -1;
    if (server->children_fd < 0)
        _exit(1);
    for (;;)
        turn(server);
}

/* ---- this process ---- */

int root_reader_start(struct root_reader *ret_reader)
{
    _cleanup_free_ struct server *server = calloc(1, sizeof(*server));
    const int bytes = SOCKET_BYTES;
    pid_t parent = getpid();
    sigset_t all, previous;
    int ends[2];
    pid_t pid;
    int pidfd;

    if (!server)
        return -ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
    /* All stay blocked over there: a handler of ours must never run in it. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    pid = fork();
    if (pid == 0)
        root_reader_serve(server, ends[1], parent);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    (void)close(ends[1]);
    pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
    if (pidfd < 0) {
        (void)close(ends[0]);
        if (pid > 0) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, NULL, 0);
        }
        return -EAGAIN;
    }
    *ret_reader = (struct root_reader){.pid = pid, .pidfd = pidfd, .fd = ends[0]};
    return 0;
}

int root_reader_ask(const struct root_reader *reader, uint64_t id, uint64_t key, pid_t pid, const char *path)
{
    struct request request = {.id = id, .key = key};

    (void)snprintf(request.process, sizeof(request.process), "/proc/%d", (int)pid);
    if (snprintf(request.path, sizeof(request.path), "%s", path) >= (int)sizeof(request.path))
        return -ENAMETOOLONG;
    if (send(reader->fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return -errno;
    return 0;
}

int root_reader_hear(const struct root_reader *reader, struct root_answer *ret_answer)
{
    ssize_t size = recv(reader->fd, ret_answer, sizeof(*ret_answer) - 1, MSG_DONTWAIT);

    if (size < 0)
        return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -EPIPE;
    if (size < (ssize_t)offsetof(struct root_answer, text))
        return -EPIPE;
    ((char *)ret_answer)[size] = '\0';
    return 0;
}

void root_reader_end(struct root_reader *reader)
{
    struct pollfd end = {.fd = reader->pidfd, .events = POLLIN};

    if (reader->pid > 0) {
        (void)kill(reader->pid, SIGKILL);
        (void)poll(&end, 1, END_MS);
        (void)waitpid(reader->pid, NULL, WNOHANG);
    }
    if (reader->fd >= 0)
        (void)close(reader->fd);
    if (reader->pidfd >= 0)
        (void)close(reader->pidfd);
    *reader = (struct root_reader)ROOT_READER_NONE;
}
