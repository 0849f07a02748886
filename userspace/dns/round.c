/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * In which network namespaces a task has processes, and with which name servers: there it gets stubs. Its
 * processes are gone through one by one, and the loop goes on while the resolv.conf of one is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "datapath/datapath.h"
#include "dns/keep.h"
#include "dns/stub.h"
#include "cgroups/cgroup_tree.h"
#include "cgroups/netns.h"

#define LOOK_PROCESSES 256 /* of a task, for the namespaces they are in */
#define LOOK_READS     32  /* of these, for their resolv.conf: each takes a process */

/* ---- a task's stubs ---- */

static void end_stub(struct dns *dns, struct dns_stub **stub)
{
    dns_resolvers_withdraw(dns, *stub);
    dns_keep_drop(dns, *stub);
    dns_stub_free(stub);
}

void dns_round_end_stubs(struct dns *dns, struct dns_task *task)
{
    while (task->stubs)
        end_stub(dns, &task->stubs);
}

static struct dns_stub **find_stub(struct dns_task *task, ino_t netns)
{
    struct dns_stub **at = &task->stubs;

    while (*at && (*at)->netns != netns)
        at = &(*at)->next;
    return at;
}

/* 1: it has taken the descriptor over; 0: one namespace more than there can be. */
static int start_stub(struct dns *dns, struct dns_task *task, int netns_fd, const char *text,
                      struct error *error)
{
    uint64_t cookie = netns_cookie(netns_fd);
    uint32_t number = dns_resolvers_take(dns, task, cookie);
    struct dns_stub *stub;
    int r;

    if (!number)
        return 0;
    r = dns_stub_new(dns, task, netns_fd, text, datapath_resolver(dns->settings.datapath, number), &stub,
                     error);
    if (r < 0)
        return r;
    stub->number = number;
    stub->netns_cookie = cookie;
    stub->is_seen = true;
    stub->next = task->stubs;
    task->stubs = stub;
    dns_keep_put(dns, stub);
    dns_resolvers_publish(dns, stub);
    log_debug("task %s: its DNS is answered for %u name servers", task->of->cgroup.path, stub->n_servers);
    return 1;
}

/* ---- what an answer says ---- */

static void note_problem(struct dns_round *round, ino_t netns, const char *problem)
{
    round->problem_netns = netns;
    (void)snprintf(round->problem, sizeof(round->problem), "%.*s", DNS_PROBLEM_SIZE - 1, problem);
}

static bool has_ended(const struct root_file_head *head)
{
    return head->step == ROOT_FILE_PROCESS &&
           (head->number == -ENOENT || head->number == -ESRCH || head->number == -EAGAIN);
}

/* No such file, which is as good as one without a line in it. */
static bool is_absent(const struct root_file_head *head)
{
    return head->step == ROOT_FILE_OPEN && (head->number == -ENOENT || head->number == -ENOTDIR);
}

static void round_describe(const struct root_file_head *head, char *text, size_t size)
{
    const char *why = strerror(-head->number);

    if (head->number == -ETIMEDOUT || head->number == -EBUSY)
        (void)snprintf(text, size, "/etc/resolv.conf in the task: reading it takes more than %d ms",
                       ROOT_READER_DEADLINE_MS);
    else if (head->step == ROOT_FILE_KIND && head->number == -EINVAL)
        (void)snprintf(text, size, "/etc/resolv.conf in the task is no regular file");
    else if (head->step == ROOT_FILE_KIND && head->number == -ENOTSUP)
        (void)snprintf(text, size,
                       "/etc/resolv.conf in the task is on a file system that nothing is read from");
    else if (head->step == ROOT_FILE_OPEN || head->step == ROOT_FILE_KIND)
        (void)snprintf(text, size, "/etc/resolv.conf in the task, read with its process's rights: %s", why);
    else if (head->step == ROOT_FILE_RIGHTS && head->number == -EPERM)
        (void)snprintf(text, size,
                       "taking on its process's rights: %s; svcconnectd needs CAP_SETUID, CAP_SETGID and "
                       "CAP_SYS_CHROOT",
                       why);
    else if (head->step == ROOT_FILE_RIGHTS)
        (void)snprintf(text, size, "entering its root directory: %s; svcconnectd needs CAP_SYS_PTRACE", why);
    else
        (void)snprintf(text, size, "looking at its process: %s", why);
}

/* ---- a round ---- */

static int open_netns(pid_t pid, ino_t *ret_netns)
{
    _cleanup_close_ int fd = -1;
    struct stat info;
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0)
        return -ESRCH;
    *ret_netns = info.st_ino;
    return TAKE_FD(fd);
}

static void use_text(struct dns *dns, struct dns_task *task, ino_t netns, const char *text)
{
    struct dns_round *round = &task->look.round;
    struct dns_stub *known = *find_stub(task, netns);
    struct error error = {0};
    int r;

    if (known && strcmp(known->text, text) == 0) {
        known->is_seen = true;
        return;
    }
    /* Another process may still have what the stub was made for. */
    if (known) {
        if (!known->news)
            known->news = strdup(text);
        return;
    }
    r = start_stub(dns, task, round->netns_fd, text, &error);
    if (r < 0)
        note_problem(round, netns, error.message);
    else if (r == 0)
        round->is_full = true;
    else
        round->is_changed = true;
    if (r > 0)
        TAKE_FD(round->netns_fd);
}

static void use_answer(struct dns *dns, struct dns_task *task, const struct root_answer *answer)
{
    struct dns_round *round = &task->look.round;
    const struct root_file_head *head = &answer->head;
    char problem[DNS_PROBLEM_SIZE];
    struct dns_stub *known;
    struct stat info;

    if (fstat(round->netns_fd, &info) < 0)
        return;
    if (head->number == 0 || is_absent(head)) {
        /* It may have gone to another namespace meanwhile, or its number to another process. */
        if (head->netns == info.st_ino)
            use_text(dns, task, info.st_ino, head->number == 0 ? answer->text : "");
        return;
    }
    if (has_ended(head)) {
        round->is_cut |= head->number == -EAGAIN;
        return;
    }
    /* What cannot be read now has not become another. */
    known = *find_stub(task, info.st_ino);
    if (known) {
        known->is_seen = true;
        return;
    }
    round_describe(head, problem, sizeof(problem));
    note_problem(round, info.st_ino, problem);
    if (head->number == -ETIMEDOUT || head->number == -EBUSY)
        round->is_full = true;
}

/* No process has what the stub was made for, and one has something else. */
static void renew(struct dns *dns, struct dns_task *task, struct dns_stub **stub)
{
    struct dns_round *round = &task->look.round;
    _cleanup_close_ int netns_fd = fcntl((*stub)->netns_fd, F_DUPFD_CLOEXEC, 0);
    _cleanup_free_ char *text = TAKE_PTR((*stub)->news);
    ino_t netns = (*stub)->netns;
    struct error error = {0};
    int r;

    end_stub(dns, stub);
    round->is_changed = true;
    r = netns_fd < 0 ? error_errno(&error, errno, "answering DNS")
                     : start_stub(dns, task, netns_fd, text, &error);
    if (r < 0)
        note_problem(round, netns, error.message);
    else if (r > 0)
        TAKE_FD(netns_fd);
}

static struct dns_stub **find_renewed(struct dns_task *task)
{
    struct dns_stub **at = &task->stubs;

    while (*at && ((*at)->is_seen || !(*at)->news))
        at = &(*at)->next;
    return at;
}

static void forget_news(struct dns_task *task)
{
    for (struct dns_stub *stub = task->stubs; stub; stub = stub->next) {
        free(stub->news);
        stub->news = NULL;
    }
}

static void round_finish(struct dns *dns, struct dns_task *task)
{
    struct dns_round *round = &task->look.round;
    struct dns_stub **at;

    while (*(at = find_renewed(task)))
        renew(dns, task, at);
    /* With the last process goes the network namespace, which a socket of ours would keep. */
    for (at = &task->stubs; *at;)
        if ((*at)->is_seen || !round->is_whole || round->is_cut) {
            at = &(*at)->next;
        } else {
            end_stub(dns, at);
            round->is_changed = true;
        }
    dns_resolvers_trim(dns, task);
    if (round->problem[0] && *find_stub(task, round->problem_netns))
        round->problem[0] = '\0'; /* another process of that namespace could be read for */
    dns_round_drop(task);
    dns_look_ended(dns, task);
}

/* Returns whether an answer is waited for: else there is nothing to learn from this process, or no way. */
static bool round_ask(struct dns *dns, struct dns_task *task, pid_t pid)
{
    struct dns_round *round = &task->look.round;
    struct dns_stub *known;
    ino_t netns = 0;
    int fd = open_netns(pid, &netns);

    if (fd < 0)
        return false;
    known = *find_stub(task, netns);
    /* Whoever is not read for any more may have what the stub was made for. */
    if (known && !known->news && round->n_reads == LOOK_READS)
        known->is_seen = true;
    if (round->n_reads == LOOK_READS || (known ? known->is_seen : round->is_full)) {
        (void)close(fd);
        return false;
    }
    round->n_reads++;
    if (dns_reads_ask(dns, task, pid, &round->asked) < 0) {
        (void)close(fd);
        round->is_cut = true;
        return false;
    }
    round->netns_fd = fd;
    return true;
}

static void round_go_on(struct dns *dns, struct dns_task *task)
{
    struct dns_round *round = &task->look.round;

    while (round->next < round->n_processes && !round->is_cut)
        if (round_ask(dns, task, round->processes[round->next++]))
            return;
    round_finish(dns, task);
}

void dns_round_answer(struct dns *dns, struct dns_task *task, const struct root_answer *answer)
{
    struct dns_round *round = &task->look.round;

    use_answer(dns, task, answer);
    if (round->netns_fd >= 0)
        (void)close(round->netns_fd);
    round->netns_fd = -1;
    round_go_on(dns, task);
}

static void list_processes(struct dns *dns, struct dns_task *task, struct dns_round *round)
{
    struct cgroup_tree tree = {0};
    char directory[PATH_MAX];

    cgroup_directory(dns->settings.cgroup_root, task->of->cgroup.path, directory, sizeof(directory));
    if (cgroup_tree_add(&tree, directory, LOOK_PROCESSES) < 0)
        tree.n_processes = 0;
    round->processes = TAKE_PTR(tree.processes);
    round->n_processes = tree.n_processes;
    cgroup_tree_done(&tree);
}

void dns_round_begin(struct dns *dns, struct dns_task *task, pid_t only)
{
    struct dns_round *round = &task->look.round;

    if (round->is_on)
        return;
    *round = (struct dns_round){
        .is_on = true, .is_whole = !only, .netns_fd = -1, .began_ns = clock_monotonic_ns()};
    if (only) {
        round->processes = malloc(sizeof(*round->processes));
        if (round->processes)
            round->processes[round->n_processes++] = only;
    } else {
        for (struct dns_stub *stub = task->stubs; stub; stub = stub->next)
            stub->is_seen = false;
        list_processes(dns, task, round);
    }
    round_go_on(dns, task);
}

void dns_round_drop(struct dns_task *task)
{
    struct dns_round *round = &task->look.round;

    if (round->is_on && round->netns_fd >= 0)
        (void)close(round->netns_fd);
    forget_news(task);
    free(round->processes);
    round->processes = NULL;
    round->netns_fd = -1;
    round->is_on = false;
}
