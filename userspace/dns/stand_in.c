/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * After a regular end: a copy of the daemon that does nothing but answer tasks' questions as the daemon would
 * have, until the next one takes the sockets over. Of the rest of the daemon it has the memory only: no lock, no
 * file, no other thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/keep.h"
#include "dns/stub.h"

#define STAND_IN_MS 30000 /* the next daemon comes within that, or is not meant to */
#define READY_MS    2000
#define LAST_MS     2000 /* for answers to what was passed on before */
#define OWN_FD      3

static const struct timeval tick_interval = {.tv_usec = KEEP_LOOK_MS * 1000};

struct stand_in {
    struct dns *dns;
    struct event *tick;
    struct event *listening;
    struct event *handing; /* to the next daemon, which is to say that it has all */
    uint64_t end_ms;
    bool is_ending; /* nothing more is read */
};

/* ---- ending ---- */

static _Noreturn void leave(const struct stand_in *self)
{
    struct keep_message word = {.version = KEEP_VERSION, .kind = KEEP_LEAVE};

    if (self->dns->keep.is_on)
        (void)keep_send(self->dns->keep.fd, &word, NULL, 0, MSG_DONTWAIT);
    _exit(0);
}

static void stop_reading(struct stand_in *self)
{
    struct dns_task *task, *next;

    HASH_ITER (hh, self->dns->tasks, task, next)
        for (struct dns_stub *stub = task->stubs; stub; stub = stub->next)
            for (unsigned i = 0; i < stub->n_servers; i++) {
                (void)event_del(stub->servers[i].udp_event);
                (void)event_del(stub->servers[i].tcp_event);
            }
    self->is_ending = true;
    self->end_ms = clock_monotonic_ms() + LAST_MS;
}

/* What each tick sees of the tasks: does a question wait, is anybody there who may ask? */
static void look(struct stand_in *self, bool *ret_waits, bool *ret_is_needed)
{
    struct dns_task *task, *next;
    char directory[PATH_MAX];

    *ret_waits = *ret_is_needed = false;
    HASH_ITER (hh, self->dns->tasks, task, next) {
        for (struct dns_stub *stub = task->stubs; stub; stub = stub->next) {
            dns_forward_sweep(stub);
            *ret_waits |= stub->n_used > 0 || stub->n_connections > 0;
        }
        cgroup_directory(self->dns->settings.cgroup_root, task->of->cgroup.path, directory,
                         sizeof(directory));
        *ret_is_needed |= task->stubs && !*ret_is_needed && !keep_is_deserted(directory);
    }
}

static void stand_in_on_tick(evutil_socket_t fd, short what, void *user)
{
    struct stand_in *self = user;
    uint64_t now = clock_monotonic_ms();
    bool waits, is_needed;

    (void)fd;
    (void)what;
    look(self, &waits, &is_needed);
    if (!is_needed || (self->is_ending && (!waits || now >= self->end_ms)))
        leave(self);
    if (self->is_ending)
        return;
    if (now >= self->end_ms) {
        dns_beat(self->dns, 0);
        stop_reading(self);
        return;
    }
    dns_beat(self->dns, clock_monotonic_ns());
}

/* ---- the next daemon ---- */

static void on_word(evutil_socket_t fd, short what, void *user)
{
    struct stand_in *self = user;
    char byte;
    bool is_taken = recv(fd, &byte, 1, MSG_DONTWAIT) == 1;

    (void)what;
    event_free(self->handing);
    self->handing = NULL;
    (void)close(fd);
    if (is_taken)
        stop_reading(self);
    else
        (void)event_add(self->listening, NULL); /* it has ended meanwhile */
}

static void on_next(evutil_socket_t listen_fd, short what, void *user)
{
    struct stand_in *self = user;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

    (void)what;
    if (fd < 0)
        return;
    if (self->is_ending || dns_keep_hand_over(self->dns, fd) < 0) {
        (void)close(fd);
        return;
    }
    self->handing = dns_watch(self->dns->settings.base, fd, on_word, self);
    if (self->handing)
        (void)event_del(self->listening);
    else
        (void)close(fd);
}

/* ---- beginning ---- */

struct fds {
    int *all;
    size_t n;
};

static void stand_in_add(struct fds *fds, int fd)
{
    int *larger = fd > OWN_FD ? reallocarray(fds->all, fds->n + 1, sizeof(*larger)) : NULL;

    if (!larger)
        return;
    fds->all = larger;
    fds->all[fds->n++] = fd;
}

static int stand_in_compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void add_stub(struct fds *fds, const struct dns_stub *stub)
{
    stand_in_add(fds, stub->netns_fd);
    for (unsigned i = 0; i < stub->n_servers; i++) {
        const struct dns_server *server = &stub->servers[i];

        stand_in_add(fds, server->udp_fd);
        stand_in_add(fds, server->tcp_fd);
        stand_in_add(fds, server->owners_fd);
        for (size_t at = 0; at < DNS_UPSTREAMS; at++)
            if (server->upstreams[at].server)
                stand_in_add(fds, server->upstreams[at].fd);
    }
}

static void close_others(const struct dns *dns, int ready_fd)
{
    struct fds fds = {0};
    struct dns_task *task, *next;
    unsigned from = OWN_FD;
    int null_fd = open("/dev/null", O_RDWR);

    for (int i = 0; i < OWN_FD && null_fd >= 0; i++)
        (void)dup2(null_fd, i);
    stand_in_add(&fds, ready_fd);
    if (dns->keep.is_on)
        stand_in_add(&fds, dns->keep.fd);
    stand_in_add(&fds, dns->keep.listen_fd);
    HASH_ITER (hh, dns->tasks, task, next)
        for (const struct dns_stub *stub = task->stubs; stub; stub = stub->next)
            add_stub(&fds, stub);
    if (fds.n > 0)
        qsort(fds.all, fds.n, sizeof(*fds.all), stand_in_compare);
    for (size_t i = 0; i < fds.n; i++) {
        if ((unsigned)fds.all[i] > from)
            (void)close_range(from, (unsigned)fds.all[i] - 1, 0);
        from = (unsigned)fds.all[i] + 1;
    }
    (void)close_range(from, ~0u, 0);
    free(fds.all);
}

/* The loop before is the daemon's, and its connections have ended with it. */
static bool watch_all(struct stand_in *self)
{
    struct dns *dns = self->dns;
    struct dns_task *task, *next;
    bool is_watched = true;

    dns->settings.base = event_base_new();
    if (!dns->settings.base)
        return false;
    HASH_ITER (hh, dns->tasks, task, next)
        for (struct dns_stub *stub = task->stubs; stub; stub = stub->next) {
            stub->connections = NULL;
            stub->n_connections = 0;
            is_watched &= dns_stub_watch(stub) == 0;
        }
    self->tick = event_new(dns->settings.base, -1, EV_PERSIST, stand_in_on_tick, self);
    if (dns->keep.listen_fd > 0)
        self->listening = dns_watch(dns->settings.base, dns->keep.listen_fd, on_next, self);
    return is_watched && self->tick && event_add(self->tick, &tick_interval) == 0;
}

static _Noreturn void stand_in_serve(struct dns *dns, int ready_fd)
{
    struct stand_in self = {.dns = dns, .end_ms = clock_monotonic_ms() + STAND_IN_MS};

    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_SET_NAME, "svcconnect-keep", 0, 0, 0);
    close_others(dns, ready_fd);
    if (chdir("/") < 0)
        _exit(1);
    if (!watch_all(&self) || write(ready_fd, "", 1) != 1)
        _exit(1);
    (void)close(ready_fd);
    (void)event_base_dispatch(dns->settings.base);
    _exit(1);
}

static bool is_anybody_served(const struct dns *dns)
{
    const struct dns_task *task;

    for (task = dns->tasks; task; task = task->hh.next)
        if (task->stubs)
            return true;
    return false;
}

/* Not before it has let go of the daemon's locks. */
static bool wait_until_ready(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    char byte;

    return poll(&ready, 1, READY_MS) == 1 && read(fd, &byte, 1) == 1;
}

void dns_leave(struct dns *dns)
{
    sigset_t all, previous;
    int ends[2];
    pid_t pid;

    /* With the first process of a pid namespace all others end. */
    if (!dns->is_begun || getpid() == 1 || dns->keep.listen_fd <= 0 || !is_anybody_served(dns) ||
        pipe2(ends, O_CLOEXEC) < 0)
        return;
    dns_beat(dns, clock_monotonic_ns());
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    pid = fork();
    if (pid == 0)
        stand_in_serve(dns, ends[1]);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    (void)close(ends[1]);
    dns->is_left = pid > 0 && wait_until_ready(ends[0]);
    (void)close(ends[0]);
    if (pid > 0 && !dns->is_left)
        (void)kill(pid, SIGKILL);
}
