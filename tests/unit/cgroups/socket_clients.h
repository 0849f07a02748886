/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * For tests of connections: listeners, a cgroup of a task, and processes in it (or not) that connect to them.
 * setup() says why if that cannot be made here; task_cgroup() skips the test then.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mounts.h"
#include "cgroups/cgroup.h"
#include "cgroups/task_sockets.h"
#include "cgroups/tcp_diag.h"

#define MAX_CLIENTS 4
#define MANY        700 /* more than one message of a dump holds */

static char *mount_point; /* NULL: nothing can be tried here */
static char parent[64];   /* "/svcconnect-unit-sockets-PID", below the mount */
static char task[PATH_MAX];
static int listeners[2]; /* 127.0.0.1 and ::1 */
static uint16_t ports[2];

struct client {
    const char *cgroup; /* full path; NULL: stays where the test is */
    int family;         /* of its sockets; AF_INET6 to the IPv4 listener: mapped */
    bool is_to_v6;
    bool has_own_network; /* and in it a listener of the same address and port */
    unsigned connections; /* 0: 1 */
    bool closes_one;      /* one more, closed at once */
    pid_t pid;
};

static pid_t started[MAX_CLIENTS]; /* 0: it has been waited for */
static size_t n_started;

/* ---- in the child ---- */

static void enter_cgroup(const char *directory)
{
    char path[PATH_MAX + 16];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
    file = fopen(path, "we");
    if (!file || fputs("0", file) < 0 || fclose(file) != 0)
        _exit(200);
}

static socklen_t make_address(struct sockaddr_storage *storage, int family, bool is_to_v6)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;

    memset(storage, 0, sizeof(*storage));
    storage->ss_family = (sa_family_t)family;
    if (family == AF_INET) {
        v4->sin_port = htons(ports[0]);
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof(*v4);
    }
    v6->sin6_port = htons(ports[is_to_v6]);
    (void)inet_pton(AF_INET6, is_to_v6 ? "::1" : "::ffff:127.0.0.1", &v6->sin6_addr);
    return sizeof(*v6);
}

static void make_own_network(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    struct sockaddr_storage address;
    socklen_t length = make_address(&address, AF_INET, false);
    int fd;

    if (unshare(CLONE_NEWNET) < 0)
        _exit(201);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 ||
        listen(fd, 16) < 0)
        _exit(202);
}

static int connect_one(const struct client *client)
{
    struct sockaddr_storage address;
    socklen_t length = make_address(&address, client->family, client->is_to_v6);
    int fd = socket(client->family, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, length) < 0)
        _exit(203);
    return fd;
}

/* An orphan in FIN_WAIT2 that the kernel keeps whole, not as the remnant that it makes of most. */
static void leave_one(const struct client *client)
{
    const int seconds = 100;
    int fd = connect_one(client);

    (void)setsockopt(fd, IPPROTO_TCP, TCP_LINGER2, &seconds, sizeof(seconds));
    (void)close(fd);
}

/* Ends when all its connections have ended, with the errno that the last one ended with; 0: without. */
static _Noreturn void be_client(const struct client *client, int ready_fd)
{
    static int fds[MANY];
    unsigned n = client->connections ? client->connections : 1;
    int number = 0;
    char byte;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (client->cgroup)
        enter_cgroup(client->cgroup);
    if (client->has_own_network)
        make_own_network();
    for (unsigned i = 0; i < n; i++)
        fds[i] = connect_one(client);
    if (client->closes_one)
        leave_one(client);
    if (write(ready_fd, "r", 1) != 1)
        _exit(204);
    for (unsigned i = 0; i < n; i++)
        number = recv(fds[i], &byte, 1, 0) < 0 ? errno : 0;
    _exit(number);
}

/* ---- around it ---- */

static void start(struct client *client)
{
    int fds[2];
    char byte;

    assert_true(n_started < MAX_CLIENTS);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    client->pid = fork();
    assert_true(client->pid >= 0);
    if (client->pid == 0)
        be_client(client, fds[1]);
    started[n_started++] = client->pid;
    (void)close(fds[1]);
    if (read(fds[0], &byte, 1) != 1)
        fail_msg("a client did not come up");
    (void)close(fds[0]);
}

static bool is_running(const struct client *client)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)client->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

static int end_status(struct client *client)
{
    int status = 0;

    assert_int_equal(waitpid(client->pid, &status, 0), client->pid);
    for (size_t i = 0; i < n_started; i++)
        if (started[i] == client->pid)
            started[i] = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static struct task_sockets_request request_for(const char *const *cgroups, size_t n, bool is_v6)
{
    struct task_sockets_request request = {.cgroups = cgroups, .n_cgroups = n, .port = ports[is_v6]};

    assert_int_equal(ip_address_parse(is_v6 ? "::1" : "127.0.0.1", &request.address), 0);
    return request;
}

static int count_unfinished(const struct tcp_diag_socket *socket, void *user)
{
    unsigned *unfinished = user;

    *unfinished += socket->state != TCP_FIN_WAIT2;
    return 0;
}

/* An orphan counts until the other end has acknowledged its end, which may take 40 ms. */
static void wait_for_orphans(void)
{
    struct task_sockets_request request = request_for(NULL, 0, false);

    for (unsigned patience = 200; patience > 0; patience--) {
        _cleanup_close_ int fd = tcp_diag_open();
        unsigned unfinished = 0;

        assert_int_equal(tcp_diag_each(fd, &request.address, request.port, count_unfinished, &unfinished), 0);
        if (unfinished == 0)
            return;
        (void)usleep(10000);
    }
}

static int end_clients(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_started; i++)
        if (started[i] > 0) {
            (void)kill(started[i], SIGKILL);
            (void)waitpid(started[i], NULL, 0);
        }
    n_started = 0;
    if (mount_point)
        wait_for_orphans();
    return 0;
}

static const char *task_cgroup(void)
{
    if (!mount_point)
        skip();
    return task;
}

static int listen_on(int family, uint16_t *ret_port)
{
    struct sockaddr_storage address;
    socklen_t length = make_address(&address, family, true);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ((struct sockaddr_in *)&address)->sin_port = 0;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return -1;
    *ret_port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    return fd;
}

static const char *prepare(void)
{
    const struct rlimit files = {4096, 4096};

    if (geteuid() != 0)
        return "not root, which entering network namespaces takes";
    if (mounts_find_cgroup2(&mount_point) < 0)
        return "no cgroup v2 mount";
    (void)snprintf(parent, sizeof(parent), "/svcconnect-unit-sockets-%d", (int)getpid());
    (void)snprintf(task, sizeof(task), "%s%s", mount_point, parent);
    if (mkdir(task, 0755) < 0)
        return strerror(errno);
    (void)snprintf(task, sizeof(task), "%s%s/task", mount_point, parent);
    if (mkdir(task, 0755) < 0)
        return strerror(errno);
    (void)setrlimit(RLIMIT_NOFILE, &files);
    listeners[0] = listen_on(AF_INET, &ports[0]);
    listeners[1] = listen_on(AF_INET6, &ports[1]);
    return listeners[0] < 0 ? strerror(errno) : NULL;
}

static int setup(void **state)
{
    const char *why = prepare();

    (void)state;
    if (!why)
        return 0;
    print_message("%s: the tests of connections are skipped\n", why);
    if (mount_point && parent[0])
        (void)cgroup_remove(mount_point, parent);
    free(mount_point);
    mount_point = NULL;
    return 0;
}

static int teardown(void **state)
{
    int r = mount_point ? cgroup_remove(mount_point, parent) : 0;

    (void)state;
    free(mount_point);
    return r;
}
