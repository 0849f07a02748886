/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What tasks have in their /etc/resolv.conf, from the process that reads it (cgroups/root_reader). That
 * process is made anew when it has ended, but no oftener than once a second.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "dns/stub.h"

#define PATH       "/etc/resolv.conf"
#define RESTART_MS 1000
#define PER_ROUND  32 /* answers before others have their turn */

static void stop_listening(struct dns_reads *reads)
{
    if (reads->on_answer)
        event_free(reads->on_answer);
    if (reads->on_end)
        event_free(reads->on_end);
    reads->on_answer = NULL;
    reads->on_end = NULL;
}

/* Those who wait ask again when they look the next time. */
static void reads_give_up(struct dns *dns, int number)
{
    const struct root_answer lost = {.head = {.number = number, .step = ROOT_FILE_PROCESS}};
    struct dns_task *task, *next;

    HASH_ITER (hh, dns->tasks, task, next)
        if (task->look.round.is_on)
            dns_round_answer(dns, task, &lost);
}

static void reads_on_end(evutil_socket_t fd, short what, void *user)
{
    struct dns *dns = user;

    (void)fd;
    (void)what;
    log_warning("the process that reads %s of tasks has ended, starting another", PATH);
    stop_listening(&dns->reads);
    root_reader_end(&dns->reads.reader);
    reads_give_up(dns, -EAGAIN);
    dns_reads_tick(dns);
}

static void reads_on_answer(evutil_socket_t fd, short what, void *user)
{
    struct dns *dns = user;
    struct root_answer *answer = dns->reads.answer;

    (void)fd;
    (void)what;
    for (unsigned i = 0; i < PER_ROUND; i++) {
        struct dns_task *task;

        switch (root_reader_hear(&dns->reads.reader, answer)) {
        case 0:
            break;
        case -EPIPE: /* its end is told by the other event */
            (void)event_del(dns->reads.on_answer);
            return;
        default:
            return;
        }
        HASH_FIND(hh, dns->tasks, &answer->key, sizeof(answer->key), task);
        if (task && task->look.round.is_on && task->look.round.asked == answer->id)
            dns_round_answer(dns, task, answer);
    }
}

static int reads_listen_to(struct dns *dns)
{
    struct dns_reads *reads = &dns->reads;

    if (!reads->reader.pid)
        return 0;
    reads->on_answer = dns_watch(dns->settings.base, reads->reader.fd, reads_on_answer, dns);
    reads->on_end = dns_watch(dns->settings.base, reads->reader.pidfd, reads_on_end, dns);
    return reads->on_answer && reads->on_end ? 0 : -ENOMEM;
}

void dns_reads_start(struct dns *dns)
{
    struct dns_reads *reads = &dns->reads;
    int r;

    reads->started_ms = clock_monotonic_ms();
    r = root_reader_start(&reads->reader);
    if (r < 0 && !reads->is_failed)
        log_warning("no process can be made that reads %s of tasks, trying again: %s", PATH, strerror(-r));
    reads->is_failed = r < 0;
}

int dns_reads_begin(struct dns *dns)
{
    dns->reads.answer = malloc(sizeof(*dns->reads.answer));
    return dns->reads.answer ? reads_listen_to(dns) : -ENOMEM;
}

void dns_reads_tick(struct dns *dns)
{
    struct dns_reads *reads = &dns->reads;

    if (reads->reader.pid || clock_monotonic_ms() < reads->started_ms + RESTART_MS)
        return;
    dns_reads_start(dns);
    if (reads_listen_to(dns) < 0)
        dns_reads_done(dns);
}

int dns_reads_ask(struct dns *dns, const struct dns_task *task, pid_t pid, uint64_t *ret_id)
{
    struct dns_reads *reads = &dns->reads;
    int r;

    if (!reads->reader.pid)
        return -EAGAIN;
    r = root_reader_ask(&reads->reader, reads->last_id + 1, task->cgroup_id, pid, PATH);
    if (r < 0)
        return r == -ENAMETOOLONG ? r : -EAGAIN;
    *ret_id = ++reads->last_id;
    return 0;
}

void dns_reads_done(struct dns *dns)
{
    struct dns_reads *reads = &dns->reads;

    stop_listening(reads);
    if (reads->reader.pid)
        root_reader_end(&reads->reader);
}
