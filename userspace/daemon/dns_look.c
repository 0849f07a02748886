/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * In which network namespaces a task has processes, and with which name servers: there it gets stubs. Looked
 * at when something has come into the cgroup, a few times soon after (a container enters its namespaces after
 * its cgroup), and now and then.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/dns_stub.h"
#include "tasks/cgroup_tree.h"
#include "tasks/netns.h"

#define LOOK_PROCESSES  256 /* of a task, for the namespaces they are in */
#define MOST_TICKS      20  /* between two looks at a task: 10 s */
#define QUICK_LOOKS     8   /* after something has happened */
#define PAUSE_FACTOR    20  /* quick looks at a task take no more than a twentieth of the time */
#define MAX_RESOLV_CONF 65536

static const struct timeval quick_interval = {.tv_usec = 25000};

/* ---- where a task is ---- */

/* Of the process, as it sees it; links lead nowhere out of its root, and a pipe does not hold the daemon up.
 */
static int read_resolv_conf(pid_t pid, char **ret_text)
{
    const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_IN_ROOT};
    _cleanup_free_ char *text = malloc(MAX_RESOLV_CONF + 1);
    _cleanup_close_ int root = -1;
    _cleanup_close_ int fd = -1;
    char path[64];
    struct stat info;
    ssize_t size = 0;

    if (!text)
        return -ENOMEM;
    (void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    fd = (int)syscall(SYS_openat2, root, "etc/resolv.conf", &how, sizeof(how));
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        size = read(fd, text, MAX_RESOLV_CONF);
    else if (fd < 0 && errno != ENOENT)
        return -errno;
    if (size < 0)
        return -errno;
    text[size] = '\0'; /* without a file as without a line in it */
    *ret_text = TAKE_PTR(text);
    return 0;
}

static int open_netns(pid_t pid)
{
    char path[64];
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* ---- a task's stubs ---- */

static void end_stub(struct daemon *daemon, struct dns_stub **stub)
{
    dns_resolvers_withdraw(daemon, *stub);
    dns_stub_free(stub);
}

static struct dns_stub **find_stub(struct task *task, ino_t netns)
{
    struct dns_stub **at = &task->dns;

    while (*at && (*at)->netns != netns)
        at = &(*at)->next;
    return at;
}

/* 1: it has taken the descriptor over; 0: one namespace more than there can be. */
static int start_stub(struct daemon *daemon, struct task *task, int netns_fd, const char *text)
{
    uint64_t cookie = netns_cookie(netns_fd);
    uint32_t number = dns_resolvers_take(daemon, task, cookie);
    struct dns_stub *stub;
    struct error error = {0};
    int r = -ENOSPC;

    if (!number)
        return 0;
    r = dns_stub_new(daemon, task, netns_fd, text, datapath_resolver(daemon->datapath, number), &stub,
                     &error);
    if (r < 0) {
        if (!task->is_dns_failed)
            log_warning("task %s keeps to its own name servers: %s", task->cgroup.path, error.message);
        task->is_dns_failed = true;
        return r;
    }
    task->is_dns_failed = false;
    stub->number = number;
    stub->netns_cookie = cookie;
    stub->is_seen = true;
    stub->next = task->dns;
    task->dns = stub;
    dns_resolvers_publish(daemon, stub);
    log_debug("task %s: its DNS is answered for %u name servers", task->cgroup.path, stub->n_servers);
    return 1;
}

enum looking {
    FOR_THE_SAME, /* stubs whose name servers a process still has stay, whatever others have */
    FOR_NEWS,
};

/* -ESRCH: it has gone. Else whether something is another now than before. */
static int look_at_process(struct daemon *daemon, struct task *task, pid_t pid, enum looking looking)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_close_ int netns_fd = open_netns(pid);
    struct dns_stub **known;
    struct stat info;
    int r;

    if (netns_fd < 0 || fstat(netns_fd, &info) < 0)
        return -ESRCH;
    known = find_stub(task, info.st_ino);
    if ((*known && (*known)->is_seen) || (!*known && looking == FOR_THE_SAME))
        return 0;
    if (read_resolv_conf(pid, &text) < 0)
        return -ESRCH;
    if (*known && strcmp((*known)->text, text) == 0)
        (*known)->is_seen = true;
    if (looking == FOR_THE_SAME || (*known && (*known)->is_seen))
        return 0;
    if (*known)
        end_stub(daemon, known);
    r = start_stub(daemon, task, netns_fd, text);
    if (r > 0)
        TAKE_FD(netns_fd);
    return r;
}

/* Returns whether something is another now than before. */
static bool look(struct daemon *daemon, struct task *task)
{
    struct cgroup_tree tree = {0};
    char directory[PATH_MAX];
    bool is_changed = false;

    for (struct dns_stub *stub = task->dns; stub; stub = stub->next)
        stub->is_seen = false;
    cgroup_directory(daemon->config.cgroup_root, task->cgroup.path, directory, sizeof(directory));
    if (cgroup_tree_add(&tree, directory, LOOK_PROCESSES) < 0)
        tree.n_processes = 0;
    for (enum looking looking = FOR_THE_SAME; looking <= FOR_NEWS; looking++)
        for (size_t i = 0; i < tree.n_processes; i++)
            is_changed |= look_at_process(daemon, task, tree.processes[i], looking) > 0;
    cgroup_tree_done(&tree);
    /* With the last process goes the network namespace, which a socket of ours would keep. */
    for (struct dns_stub **at = &task->dns; *at;)
        if ((*at)->is_seen) {
            at = &(*at)->next;
        } else {
            end_stub(daemon, at);
            is_changed = true;
        }
    dns_resolvers_trim(daemon, task);
    return is_changed;
}

/* ---- when ---- */

static void look_now(struct daemon *daemon, struct task *task)
{
    uint64_t began = clock_monotonic_ns();
    bool is_changed = look(daemon, task);
    uint64_t ended = clock_monotonic_ns();

    task->dns_look.rest_until_ns = ended + (ended - began) * PAUSE_FACTOR;
    /* Where nobody tells that a process has come it has to be seen soon. */
    if (is_changed || task->dns_look.pause == 0 || (!task->dns && task->dns_watch.events < 0))
        task->dns_look.pause = 1;
    task->dns_look.at_tick = daemon->dns.ticks + task->dns_look.pause;
}

static void look_quickly(struct daemon *daemon, struct task *task)
{
    if (clock_monotonic_ns() < task->dns_look.rest_until_ns)
        return;
    look_now(daemon, task);
    task->dns_look.n_quick--;
}

static void on_quick(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;
    struct task *task, *next;
    bool is_more = false;

    (void)fd;
    (void)what;
    (void)event_add(daemon->dns.watch, NULL);
    HASH_ITER (hh, daemon->tasks.all, task, next) {
        if (task->dns_look.n_quick > 0)
            look_quickly(daemon, task);
        is_more |= task->dns_look.n_quick > 0;
    }
    if (is_more)
        (void)event_add(daemon->dns.quick, &quick_interval);
}

static void stir(struct daemon *daemon, struct task *task)
{
    bool is_first = task->dns_look.n_quick == 0;

    task->dns_look.pause = 0;
    task->dns_look.n_quick = QUICK_LOOKS;
    if (is_first)
        look_quickly(daemon, task);
}

static void on_watch(int number, void *user)
{
    struct daemon *daemon = user;
    struct task *task, *next;

    HASH_ITER (hh, daemon->tasks.all, task, next)
        if (task->dns_entries.n == 0)
            continue;
        else if (task->dns_watch.events == number || task->dns_watch.directory == number)
            stir(daemon, task);
        else if (number < 0 && !task->dns)
            task->dns_look.at_tick = daemon->dns.ticks + 1;
}

/* Whoever makes cgroups without end gets one reading, and one look, per interval. */
static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;

    (void)what;
    cgroup_watch_read(fd, on_watch, user);
    (void)event_del(daemon->dns.watch);
    (void)event_add(daemon->dns.quick, &quick_interval);
}

void dns_look_tick(struct daemon *daemon, struct task *task)
{
    struct dns_look *when = &task->dns_look;

    if (task->dns_entries.n == 0 || daemon->dns.ticks < when->at_tick)
        return;
    /* Again in two ticks, in four, ... while nothing changes. */
    when->pause = when->pause < MOST_TICKS / 2 ? when->pause * 2 : MOST_TICKS;
    look_now(daemon, task);
}

/* What cannot be had is done without: then an empty cgroup is looked at twice a second. */
void dns_look_begin(struct daemon *daemon)
{
    struct dns *dns = &daemon->dns;

    dns->quick = evtimer_new(daemon->base, on_quick, daemon);
    dns->watch_fd = dns->quick ? cgroup_watch_open() : -ENOMEM;
    if (dns->watch_fd >= 0)
        dns->watch = dns_watch(daemon, dns->watch_fd, on_readable, daemon);
    if (!dns->watch && dns->watch_fd >= 0)
        (void)close(dns->watch_fd);
    if (!dns->watch)
        log_warning("cgroups cannot be watched, processes in them are found within half a second");
}

void dns_look_done(struct daemon *daemon)
{
    struct dns *dns = &daemon->dns;

    if (dns->watch) {
        event_free(dns->watch);
        (void)close(dns->watch_fd);
    }
    if (dns->quick)
        event_free(dns->quick);
    dns->watch = NULL;
    dns->quick = NULL;
}

static void start_watching(struct daemon *daemon, struct task *task)
{
    char directory[PATH_MAX];

    task->dns_watch = (struct cgroup_watch)CGROUP_WATCH_NONE;
    if (!daemon->dns.watch)
        return;
    cgroup_directory(daemon->config.cgroup_root, task->cgroup.path, directory, sizeof(directory));
    (void)cgroup_watch_add(daemon->dns.watch_fd, directory, &task->dns_watch);
}

void dns_task_put(struct daemon *daemon, struct task *task, pid_t pid)
{
    bool is_new = task->dns_entries.n == 0;

    if (!daemon->config.is_dns_on || dns_resolvers_claim(daemon, task) < 0)
        return;
    if (is_new)
        start_watching(daemon, task);
    /* Its own processes are still to come. */
    if (pid && look_at_process(daemon, task, pid, FOR_NEWS) >= 0)
        task->dns_look.at_tick = daemon->dns.ticks + MOST_TICKS;
    else
        look_now(daemon, task);
}

void dns_task_remove(struct daemon *daemon, struct task *task)
{
    if (task->dns_entries.n == 0)
        return;
    while (task->dns)
        end_stub(daemon, &task->dns);
    if (daemon->dns.watch)
        cgroup_watch_remove(daemon->dns.watch_fd, &task->dns_watch);
    dns_resolvers_free(daemon, task);
}
