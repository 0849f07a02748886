/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * When a task's processes are looked at (round.c): when something has come into the cgroup, a few times
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
#include "dns/stub.h"

#define MOST_TICKS   20 /* between two looks at a task: 10 s */
#define QUICK_LOOKS  8  /* after something has happened */
#define PAUSE_FACTOR 20 /* quick looks at a task take no more than a twentieth of the time */
/* But on a busy host the reader of files has to wait for its turn, and the task must not wait 20 times as
 * long. */
#define BUSY_NS (250 * UINT64_C(1000000))
#define TELL_MS 60000 /* a task's problem goes to the log no oftener */

struct dns_waiter {
    void (*looked)(const struct task *task, void *user);
    void *user;
    struct dns_waiter *next;
};

static const struct timeval quick_interval = {.tv_usec = 25000};

/* ---- when ---- */

static void answer_waiting(struct dns_task *task)
{
    while (task->look.waiting) {
        struct dns_waiter *waiter = task->look.waiting;

        task->look.waiting = waiter->next;
        waiter->looked(task->of, waiter->user);
        free(waiter);
    }
}

static uint64_t rest_after(uint64_t took_ns)
{
    uint64_t rest = took_ns * PAUSE_FACTOR;

    return took_ns > BUSY_NS || rest < BUSY_NS ? rest : BUSY_NS;
}

/* What a task has in its root directory can change with each look: the log is not its to fill. */
static void tell_problem(struct dns_task *task)
{
    struct dns_look *look = &task->look;
    uint64_t now = clock_monotonic_ms();

    if (strcmp(look->problem, look->round.problem) == 0)
        return;
    memcpy(look->problem, look->round.problem, sizeof(look->problem));
    if (!look->problem[0] || (look->problem_told_ms && now < look->problem_told_ms + TELL_MS))
        return;
    look->problem_told_ms = now;
    log_warning("task %s keeps to its own name servers: %s", task->of->cgroup.path, look->problem);
}

void dns_look_ended(struct dns *dns, struct dns_task *task)
{
    struct dns_look *look = &task->look;
    struct dns_round *round = &look->round;
    uint64_t now = clock_monotonic_ns();

    if (!round->is_whole) {
        /* Its own processes are still to come. If there is nothing to be had of that one, perhaps of them. */
        look->at_tick = dns->ticks + MOST_TICKS;
        if (!task->stubs) {
            dns_round_begin(dns, task, 0);
            return;
        }
    } else {
        look->rest_until_ns = now + rest_after(now - round->began_ns);
        /* Where nobody tells that a process has come it has to be seen soon. */
        if (round->is_changed || round->is_cut || look->pause == 0 ||
            (!task->stubs && task->watch.events < 0))
            look->pause = 1;
        look->at_tick = dns->ticks + look->pause;
    }
    tell_problem(task);
    answer_waiting(task);
}

void dns_look_drop(struct dns_task *task)
{
    dns_round_drop(task);
    answer_waiting(task);
}

int dns_look_wait(struct dns_task *task, void (*looked)(const struct task *task, void *user), void *user)
{
    struct dns_waiter *waiter = malloc(sizeof(*waiter));

    if (!waiter)
        return -ENOMEM;
    *waiter = (struct dns_waiter){.looked = looked, .user = user, .next = task->look.waiting};
    task->look.waiting = waiter;
    return 0;
}

void dns_look_forget(struct dns_task *task, const void *user)
{
    for (struct dns_waiter **at = &task->look.waiting; *at; at = &(*at)->next)
        if ((*at)->user == user) {
            struct dns_waiter *waiter = *at;

            *at = waiter->next;
            free(waiter);
            return;
        }
}

static void look_quickly(struct dns *dns, struct dns_task *task)
{
    if (task->look.round.is_on || clock_monotonic_ns() < task->look.rest_until_ns)
        return;
    task->look.n_quick--;
    dns_round_begin(dns, task, 0);
}

static void on_quick(evutil_socket_t fd, short what, void *user)
{
    struct dns *dns = user;
    struct dns_task *task, *next;
    bool is_more = false;

    (void)fd;
    (void)what;
    (void)event_add(dns->watch, NULL);
    HASH_ITER (hh, dns->tasks, task, next) {
        if (task->look.n_quick > 0)
            look_quickly(dns, task);
        is_more |= task->look.n_quick > 0;
    }
    if (is_more)
        (void)event_add(dns->quick, &quick_interval);
}

static void stir(struct dns *dns, struct dns_task *task)
{
    bool is_first = task->look.n_quick == 0;

    task->look.pause = 0;
    task->look.n_quick = QUICK_LOOKS;
    if (is_first)
        look_quickly(dns, task);
}

static void look_on_watch(int number, void *user)
{
    struct dns *dns = user;
    struct dns_task *task, *next;

    HASH_ITER (hh, dns->tasks, task, next)
        if (task->entries.n == 0)
            continue;
        else if (task->watch.events == number || task->watch.directory == number)
            stir(dns, task);
        else if (number < 0 && !task->stubs)
            task->look.at_tick = dns->ticks + 1;
}

/* Whoever makes cgroups without end gets one reading, and one look, per interval. */
static void look_on_readable(evutil_socket_t fd, short what, void *user)
{
    struct dns *dns = user;

    (void)what;
    cgroup_watch_read(fd, look_on_watch, user);
    (void)event_del(dns->watch);
    (void)event_add(dns->quick, &quick_interval);
}

void dns_look_tick(struct dns *dns, struct dns_task *task)
{
    struct dns_look *when = &task->look;

    if (task->entries.n == 0 || when->round.is_on || dns->ticks < when->at_tick)
        return;
    /* Again in two ticks, in four, ... while nothing changes. */
    when->pause = when->pause < MOST_TICKS / 2 ? when->pause * 2 : MOST_TICKS;
    dns_round_begin(dns, task, 0);
}

/* What cannot be had is done without: then an empty cgroup is looked at twice a second. */
void dns_look_begin(struct dns *dns)
{
    dns->quick = evtimer_new(dns->settings.base, on_quick, dns);
    dns->watch_fd = dns->quick ? cgroup_watch_open() : -ENOMEM;
    if (dns->watch_fd >= 0)
        dns->watch = dns_watch(dns->settings.base, dns->watch_fd, look_on_readable, dns);
    if (!dns->watch && dns->watch_fd >= 0)
        (void)close(dns->watch_fd);
    if (!dns->watch)
        log_warning("cgroups cannot be watched, processes in them are found within half a second");
}

void dns_look_done(struct dns *dns)
{
    if (dns->watch) {
        event_free(dns->watch);
        (void)close(dns->watch_fd);
    }
    if (dns->quick)
        event_free(dns->quick);
    dns->watch = NULL;
    dns->quick = NULL;
}

static void start_watching(struct dns *dns, struct dns_task *task)
{
    char directory[PATH_MAX];

    task->watch = (struct cgroup_watch)CGROUP_WATCH_NONE;
    if (!dns->watch)
        return;
    cgroup_directory(dns->settings.cgroup_root, task->of->cgroup.path, directory, sizeof(directory));
    (void)cgroup_watch_add(dns->watch_fd, directory, &task->watch);
}

void dns_look_put(struct dns *dns, struct dns_task *task, pid_t pid)
{
    bool is_new = task->entries.n == 0;

    if (dns_resolvers_claim(dns, task) < 0)
        return;
    if (is_new)
        start_watching(dns, task);
    if (pid)
        dns_round_drop(task);
    dns_round_begin(dns, task, pid);
}

void dns_look_remove(struct dns *dns, struct dns_task *task)
{
    dns_look_drop(task);
    if (task->entries.n == 0)
        return;
    dns_round_end_stubs(dns, task);
    if (dns->watch)
        cgroup_watch_remove(dns->watch_fd, &task->watch);
    dns_resolvers_free(dns, task);
}
