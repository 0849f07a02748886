/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * When a task's processes are looked at (dns_round.c): when something has come into the cgroup, a few times
 * soon after (a container enters its namespaces after its cgroup), and now and then.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "dns/stub.h"
#include "api/read/reads.h"

#define MOST_TICKS   20 /* between two looks at a task: 10 s */
#define QUICK_LOOKS  8  /* after something has happened */
#define PAUSE_FACTOR 20 /* quick looks at a task take no more than a twentieth of the time */
/* But on a busy host the reader of files has to wait for its turn, and the task must not wait 20 times as
 * long. */
#define BUSY_NS (250 * UINT64_C(1000000))
#define TELL_MS 60000 /* a task's problem goes to the log no oftener */

static const struct timeval quick_interval = {.tv_usec = 25000};

/* ---- when ---- */

static void answer_waiting(struct task *task)
{
    while (task->dns_look.waiting) {
        struct dns_waiter *waiter = task->dns_look.waiting;

        task->dns_look.waiting = waiter->next;
        waiter->looked(task, waiter->user);
        free(waiter);
    }
}

static uint64_t rest_after(uint64_t took_ns)
{
    uint64_t rest = took_ns * PAUSE_FACTOR;

    return took_ns > BUSY_NS || rest < BUSY_NS ? rest : BUSY_NS;
}

/* What a task has in its root directory can change with each look: the log is not its to fill. */
static void tell_problem(struct task *task)
{
    struct dns_look *look = &task->dns_look;
    uint64_t now = clock_monotonic_ms();

    if (strcmp(look->problem, look->round.problem) == 0)
        return;
    memcpy(look->problem, look->round.problem, sizeof(look->problem));
    if (!look->problem[0] || (look->problem_told_ms && now < look->problem_told_ms + TELL_MS))
        return;
    look->problem_told_ms = now;
    log_warning("task %s keeps to its own name servers: %s", task->cgroup.path, look->problem);
}

void dns_look_ended(struct daemon *daemon, struct task *task)
{
    struct dns_look *look = &task->dns_look;
    struct dns_round *round = &look->round;
    uint64_t now = clock_monotonic_ns();

    if (!round->is_whole) {
        /* Its own processes are still to come. If there is nothing to be had of that one, perhaps of them. */
        look->at_tick = daemon->dns.ticks + MOST_TICKS;
        if (!task->dns) {
            dns_round_begin(daemon, task, 0);
            return;
        }
    } else {
        look->rest_until_ns = now + rest_after(now - round->began_ns);
        /* Where nobody tells that a process has come it has to be seen soon. */
        if (round->is_changed || round->is_cut || look->pause == 0 ||
            (!task->dns && task->dns_watch.events < 0))
            look->pause = 1;
        look->at_tick = daemon->dns.ticks + look->pause;
    }
    tell_problem(task);
    answer_waiting(task);
}

void dns_look_drop(struct task *task)
{
    dns_round_drop(task);
    answer_waiting(task);
}

bool dns_is_looking(const struct task *task)
{
    return task->dns_look.round.is_on;
}

int dns_call_when_looked(struct task *task, void (*looked)(struct task *task, void *user), void *user)
{
    struct dns_waiter *waiter = malloc(sizeof(*waiter));

    if (!waiter)
        return -ENOMEM;
    *waiter = (struct dns_waiter){.looked = looked, .user = user, .next = task->dns_look.waiting};
    task->dns_look.waiting = waiter;
    return 0;
}

void dns_forget_waiter(struct task *task, const void *user)
{
    for (struct dns_waiter **at = &task->dns_look.waiting; *at; at = &(*at)->next)
        if ((*at)->user == user) {
            struct dns_waiter *waiter = *at;

            *at = waiter->next;
            free(waiter);
            return;
        }
}

static void look_quickly(struct daemon *daemon, struct task *task)
{
    if (task->dns_look.round.is_on || clock_monotonic_ns() < task->dns_look.rest_until_ns)
        return;
    task->dns_look.n_quick--;
    dns_round_begin(daemon, task, 0);
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

    if (task->dns_entries.n == 0 || when->round.is_on || daemon->dns.ticks < when->at_tick)
        return;
    /* Again in two ticks, in four, ... while nothing changes. */
    when->pause = when->pause < MOST_TICKS / 2 ? when->pause * 2 : MOST_TICKS;
    dns_round_begin(daemon, task, 0);
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
    if (pid)
        dns_round_drop(task);
    dns_round_begin(daemon, task, pid);
}

void dns_task_remove(struct daemon *daemon, struct task *task)
{
    dns_look_drop(task);
    if (task->dns_entries.n == 0)
        return;
    dns_round_end_stubs(daemon, task);
    if (daemon->dns.watch)
        cgroup_watch_remove(daemon->dns.watch_fd, &task->dns_watch);
    dns_resolvers_free(daemon, task);
}
