/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The thread that holds: it waits for new cgroups, for programs that stand before their first instruction, for the loop's
 * word and for deadlines, and never for anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "runtimes/container_cgroup.h"
#include "runtimes/gate_internal.h"

#define MS 1000000u
#define SPARE_FDS                                                                                            \
    64 /* without so many the kernel could not give us its questions, and would refuse the programs */
#define QUICK_FOR  (1000u * MS)
#define QUICK_MS   1 /* between two looks; runc takes 10 ms in all */
#define PATIENT_MS 10
#define HURRY      (-15) /* as nice(1) counts */
#define SHARE      3     /* looks take no more of a processor than one part in so many and one */
#define BELOW      4     /* one look of so many is at cgroups below, while none has a process */
#define BELOW_FULL 16    /* and one of so many where it has */

static void gate_forget(struct gate *gate, struct gate_container *container, enum gate_end end)
{
    struct gate_message message = {.word = GATE_WORD_ENDED, .ticket = container->ticket, .end = end};
    uint64_t now = clock_monotonic_ns();

    if (container->root_fd >= 0) {
        (void)fanotify_mark(gate->fanotify_fd, FAN_MARK_REMOVE | FAN_MARK_MOUNT, FAN_OPEN_EXEC_PERM,
                            container->root_fd, ".");
        (void)close(container->root_fd);
    }
    if (container->members_fd >= 0)
        (void)close(container->members_fd);
    for (size_t i = 0; i < container->n_held; i++) {
        struct fanotify_response response = {.fd = container->held[i], .response = FAN_ALLOW};

        (void)!write(gate->fanotify_fd, &response, sizeof(response));
        (void)close(container->held[i]);
    }
    if (container->state == GATE_HOLDING)
        message.held_us = (now - container->held_since_ns) / 1000;
    memcpy(message.cgroup, container->cgroup, sizeof(message.cgroup));
    container->state = GATE_FREE;
    gate_tell_loop(gate, &message);
}

/* ---- a new cgroup ---- */

static void gate_take(struct gate *gate, const char *cgroup, bool is_expected)
{
    struct gate_message message = {.word = GATE_WORD_APPEARED, .ticket = ++gate->last_ticket};
    struct gate_container *container = NULL;

    for (size_t i = 0; i < GATE_CONTAINERS; i++) {
        if (gate->containers[i].state == GATE_FREE)
            container = container ? container : &gate->containers[i];
        else if (strcmp(gate->containers[i].cgroup, cgroup) == 0)
            return; /* found by reading a parent, too */
    }
    (void)snprintf(message.cgroup, sizeof(message.cgroup), "%s", cgroup);
    gate_tell_loop(gate, &message);
    if (!container) {
        message.word = GATE_WORD_ENDED;
        message.end = GATE_TOO_MANY;
        gate_tell_loop(gate, &message);
        return;
    }
    *container = (struct gate_container){.state = GATE_LOOKING,
                                         .is_expected = is_expected,
                                         .ticket = message.ticket,
                                         .since_ns = clock_monotonic_ns(),
                                         .members_fd = -1,
                                         .root_fd = -1};
    memcpy(container->cgroup, message.cgroup, sizeof(container->cgroup));
}

static void gate_on_cgroup(struct gate *gate, const char *cgroup, bool takes_all)
{
    char id[CONTAINER_ID_SIZE];

    if (takes_all || container_cgroup_id(strrchr(cgroup, '/') + 1, id))
        gate_take(gate, cgroup, false);
}

/* ---- a first process with a root of its own ---- */

static bool has_spare_descriptors(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    long limit = sysconf(_SC_OPEN_MAX);

    if (fd < 0)
        return false;
    (void)close(fd);
    return limit < 0 || fd + SPARE_FDS < limit;
}

static bool gate_mark(struct gate *gate, struct gate_container *container, pid_t pid)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
    if (!has_spare_descriptors())
        return false;
    container->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (container->root_fd < 0)
        return false;
    if (fanotify_mark(gate->fanotify_fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_EXEC_PERM,
                      container->root_fd, ".") == 0)
        return true;
    (void)close(container->root_fd);
    container->root_fd = -1;
    return false;
}

static void gate_look_at(struct gate *gate, struct gate_container *container, const pid_t *processes,
                         size_t n)
{
    for (size_t i = 0; i < n && container->state == GATE_LOOKING; i++) {
        if (!gate_has_own_root(processes[i]))
            continue;
        if (gate_mark(gate, container, processes[i]))
            container->state = GATE_MARKED;
        else if (gate_root_of(processes[i], &(struct stat){0}))
            gate_forget(gate, container, GATE_NO_MARK);
    }
}

/* Also at cgroups below, which some runtimes make for the processes, and whether it is still there. */
static void gate_look_below(struct gate *gate, struct gate_container *container)
{
    struct cgroup_tree tree = {0};
    int r = gate_members_below(gate, container, &tree);

    gate_look_at(gate, container, tree.processes, tree.n_processes);
    if (r >= 0)
        container->is_expected = false;
    if (r == -ENOENT && container->state == GATE_LOOKING && !container->is_expected)
        gate_forget(gate, container, GATE_NEVER_STOOD);
    cgroup_tree_done(&tree);
}

static void gate_look(struct gate *gate, struct gate_container *container)
{
    pid_t members[GATE_PROCESSES];
    size_t n = gate_members(gate, container, members);

    gate_look_at(gate, container, members, n);
    if (container->state == GATE_LOOKING && ++container->looks % (n > 0 ? BELOW_FULL : BELOW) == 0)
        gate_look_below(gate, container);
}

/* ---- a program that stands before its first instruction ---- */

static struct gate_container *gate_find_process(struct gate *gate, pid_t pid)
{
    for (unsigned below = 0; below < 2; below++)
        for (size_t i = 0; i < GATE_CONTAINERS; i++) {
            struct gate_container *container = &gate->containers[i];

            if ((container->state == GATE_MARKED || container->state == GATE_HOLDING) &&
                gate_has_process(gate, container, pid, below > 0))
                return container;
        }
    return NULL;
}

static void gate_on_exec(struct gate *gate, const struct fanotify_event_metadata *event)
{
    struct gate_message message = {.word = GATE_WORD_STANDS, .pid = event->pid};
    struct fanotify_response response = {.fd = event->fd, .response = FAN_ALLOW};
    struct gate_container *container = gate_find_process(gate, event->pid);

    if (!container || container->n_held == GATE_HELD) {
        (void)!write(gate->fanotify_fd, &response, sizeof(response));
        (void)close(event->fd);
        return;
    }
    container->held[container->n_held++] = event->fd;
    if (container->state == GATE_HOLDING)
        return;
    container->state = GATE_HOLDING;
    container->held_since_ns = clock_monotonic_ns();
    message.ticket = container->ticket;
    memcpy(message.cgroup, container->cgroup, sizeof(message.cgroup));
    gate_tell_loop(gate, &message);
}

static void gate_read_execs(struct gate *gate)
{
    _Alignas(struct fanotify_event_metadata) char buffer[4096];
    ssize_t n;

    while ((n = read(gate->fanotify_fd, buffer, sizeof(buffer))) > 0)
        for (struct fanotify_event_metadata *event = (void *)buffer; FAN_EVENT_OK(event, n);
             event = FAN_EVENT_NEXT(event, n))
            if (event->fd >= 0)
                gate_on_exec(gate, event);
}

/* ---- the loop's word ---- */

/* False: the thread is to end. */
static bool gate_hear(struct gate *gate)
{
    struct gate_message *message;
    uint64_t ignored;
    bool is_stopping;

    (void)!read(gate->thread_fd, &ignored, sizeof(ignored));
    (void)pthread_mutex_lock(&gate->mutex);
    message = gate->to_thread.first;
    gate->to_thread = (struct gate_queue){.end = &gate->to_thread.first};
    is_stopping = gate->is_stopping;
    (void)pthread_mutex_unlock(&gate->mutex);
    while (message) {
        _cleanup_free_ struct gate_message *one = message;

        message = message->next;
        if (one->word == GATE_WORD_WATCH || one->word == GATE_WORD_WATCH_ALL)
            gate_parents_add(gate, one->cgroup, one->word == GATE_WORD_WATCH_ALL);
        if (one->word == GATE_WORD_EXPECT)
            gate_take(gate, one->cgroup, true);
        for (size_t i = 0; one->word == GATE_WORD_RELEASE && i < GATE_CONTAINERS; i++)
            if (gate->containers[i].state != GATE_FREE && gate->containers[i].ticket == one->ticket)
                gate_forget(gate, &gate->containers[i], GATE_RELEASED);
    }
    return !is_stopping;
}

/* ---- time ---- */

/* What is due for one container; returns in how many milliseconds to come again, -1: never. */
static int gate_turn(struct gate *gate, struct gate_container *container, uint64_t now)
{
    uint64_t deadline = container->held_since_ns + (uint64_t)gate->settings.deadline_ms * MS;
    uint64_t age = now > container->since_ns ? now - container->since_ns : 0;

    if (container->state == GATE_HOLDING) {
        if (now < deadline)
            return (int)((deadline - now) / MS) + 1;
        gate_forget(gate, container, GATE_TIMEOUT);
        return -1;
    }
    if (container->state == GATE_LOOKING)
        gate_look(gate, container);
    if (container->state == GATE_FREE)
        return -1;
    if (age >= (uint64_t)GATE_PATIENCE_MS * MS) {
        gate_forget(gate, container, GATE_NEVER_STOOD);
        return -1;
    }
    if (container->state == GATE_MARKED)
        return GATE_PATIENCE_MS;
    return age < QUICK_FOR ? QUICK_MS : PATIENT_MS;
}

/* In how many milliseconds to come again; where many are on their way, later, since nobody runs while this thread does. */
static int gate_turn_all(struct gate *gate)
{
    uint64_t now = clock_monotonic_ns(), used = clock_thread_ns();
    int soonest = -1;
    int least;

    for (size_t i = 0; i < GATE_CONTAINERS; i++) {
        int pause;

        if (gate->containers[i].state == GATE_FREE)
            continue;
        pause = gate_turn(gate, &gate->containers[i], now);
        if (pause >= 0 && (soonest < 0 || pause < soonest))
            soonest = pause;
    }
    least = (int)((clock_thread_ns() - used) * SHARE / MS);
    return soonest >= 0 && soonest < least ? least : soonest;
}

/*
 * Between a root of its own and the first exec runc leaves some milliseconds, also on a host that has much else to do: before
 * all that is not real-time itself, and where that is not allowed, at least ahead of others. The unit has Nice= in the place
 * of both, and neither the capability nor the system calls.
 */
static void gate_hurry(void)
{
    const struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};

    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) < 0)
        (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), HURRY);
}

void *gate_thread(void *user)
{
    struct gate *gate = user;
    bool is_on = true;

    (void)prctl(PR_SET_NAME, "svcconnect-gate");
    gate_hurry();
    gate_places_begin(gate);
    while (is_on) {
        struct pollfd fds[] = {{.fd = gate->fanotify_fd, .events = POLLIN},
                               {.fd = gate->thread_fd, .events = POLLIN},
                               {.fd = gate->inotify_fd, .events = POLLIN}};

        (void)poll(fds, ARRAY_SIZE(fds), gate_turn_all(gate));
        if (fds[0].revents)
            gate_read_execs(gate);
        /* Before the loop's word: what was found by reading a parent is told here once more, and is known yet. */
        if (fds[2].revents)
            gate_parents_read(gate, gate_on_cgroup);
        if (fds[1].revents)
            is_on = gate_hear(gate);
    }
    for (size_t i = 0; i < GATE_CONTAINERS; i++)
        if (gate->containers[i].state != GATE_FREE)
            gate_forget(gate, &gate->containers[i], GATE_NEVER_STOOD);
    return NULL;
}
