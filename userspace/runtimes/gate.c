/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The loop's side: two queues, and a thread that is started and ended. */
#include "runtimes/gate.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtimes/gate_internal.h"

static int gate_push(struct gate *gate, struct gate_queue *queue, int fd, const struct gate_message *message)
{
    struct gate_message *copy = malloc(sizeof(*copy));
    const uint64_t one = 1;

    if (!copy)
        return -ENOMEM;
    *copy = *message;
    copy->next = NULL;
    (void)pthread_mutex_lock(&gate->mutex);
    *queue->end = copy;
    queue->end = &copy->next;
    (void)pthread_mutex_unlock(&gate->mutex);
    (void)!write(fd, &one, sizeof(one));
    return 0;
}

void gate_tell_loop(struct gate *gate, const struct gate_message *message)
{
    (void)gate_push(gate, &gate->to_loop, gate->loop_fd, message);
}

static void gate_on_message(evutil_socket_t fd, short what, void *user)
{
    struct gate *gate = user;
    struct gate_message *message;
    uint64_t ignored;

    (void)what;
    (void)!read(fd, &ignored, sizeof(ignored));
    (void)pthread_mutex_lock(&gate->mutex);
    message = gate->to_loop.first;
    gate->to_loop = (struct gate_queue){.end = &gate->to_loop.first};
    (void)pthread_mutex_unlock(&gate->mutex);
    while (message) {
        const struct gate_settings *settings = &gate->settings;
        _cleanup_free_ struct gate_message *one = message;

        message = message->next;
        if (one->word == GATE_WORD_APPEARED)
            settings->appeared(one->ticket, one->cgroup, settings->user);
        else if (one->word == GATE_WORD_STANDS)
            settings->stands(one->ticket, one->cgroup, one->pid, settings->user);
        else
            settings->ended(one->ticket, one->cgroup, one->end, one->held_us, settings->user);
    }
}

void gate_release(struct gate *gate, uint64_t ticket)
{
    (void)gate_push(gate, &gate->to_thread, gate->thread_fd,
                    &(struct gate_message){.word = GATE_WORD_RELEASE, .ticket = ticket});
}

static int gate_say(struct gate *gate, enum gate_word word, const char *cgroup)
{
    struct gate_message message = {.word = word};

    if (strlen(cgroup) >= sizeof(message.cgroup))
        return -ENAMETOOLONG;
    memcpy(message.cgroup, cgroup, strlen(cgroup) + 1);
    return gate_push(gate, &gate->to_thread, gate->thread_fd, &message);
}

int gate_watch(struct gate *gate, const char *parent)
{
    return gate_say(gate, GATE_WORD_WATCH, parent);
}

int gate_watch_all(struct gate *gate, const char *parent)
{
    return gate_say(gate, GATE_WORD_WATCH_ALL, parent);
}

int gate_expect(struct gate *gate, const char *cgroup)
{
    return gate_say(gate, GATE_WORD_EXPECT, cgroup);
}

/* Tried for real: the kernel may know fanotify and yet not ask for permissions. A directory's own mark asks nobody. */
static int gate_try_mark(int fanotify_fd)
{
    if (fanotify_mark(fanotify_fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN_EXEC_PERM, AT_FDCWD, "/") < 0)
        return -errno;
    (void)fanotify_mark(fanotify_fd, FAN_MARK_REMOVE | FAN_MARK_ONLYDIR, FAN_OPEN_EXEC_PERM, AT_FDCWD, "/");
    return 0;
}

static int gate_open(struct gate *gate, struct event_base *base)
{
    gate->fanotify_fd =
        fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_LARGEFILE | O_CLOEXEC);
    if (gate->fanotify_fd < 0)
        return -errno;
    gate->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    gate->loop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    gate->thread_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (gate->inotify_fd < 0 || gate->loop_fd < 0 || gate->thread_fd < 0)
        return -errno;
    gate->event = event_new(base, gate->loop_fd, EV_READ | EV_PERSIST, gate_on_message, gate);
    if (!gate->event || event_add(gate->event, NULL) < 0)
        return -ENOMEM;
    return gate_try_mark(gate->fanotify_fd);
}

/* Signals are for the loop. */
static int gate_start_thread(struct gate *gate)
{
    sigset_t all;
    sigset_t before;
    int r;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&gate->thread, NULL, gate_thread, gate);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

static void gate_free_queue(struct gate_queue *queue)
{
    struct gate_message *next;

    for (struct gate_message *message = queue->first; message; message = next) {
        next = message->next;
        free(message);
    }
}

/* Closing fanotify's descriptor is an answer to whatever waits. */
static void gate_close(struct gate *gate)
{
    const int fds[] = {gate->fanotify_fd, gate->inotify_fd, gate->loop_fd, gate->thread_fd};

    if (gate->event)
        event_free(gate->event);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    gate_free_queue(&gate->to_loop);
    gate_free_queue(&gate->to_thread);
    (void)pthread_mutex_destroy(&gate->mutex);
    free(gate);
}

int gate_new(struct event_base *base, const struct gate_settings *settings, struct gate **ret_gate)
{
    struct gate *gate = calloc(1, sizeof(*gate));
    int r;

    if (!gate)
        return -ENOMEM;
    gate->settings = *settings;
    if (gate->settings.deadline_ms == 0)
        gate->settings.deadline_ms = GATE_DEADLINE_MS;
    gate->to_loop.end = &gate->to_loop.first;
    gate->to_thread.end = &gate->to_thread.first;
    gate->fanotify_fd = gate->inotify_fd = gate->loop_fd = gate->thread_fd = -1;
    (void)pthread_mutex_init(&gate->mutex, NULL);
    r = gate_open(gate, base);
    if (r == 0)
        r = gate_start_thread(gate);
    if (r < 0) {
        gate_close(gate);
        return r;
    }
    *ret_gate = gate;
    return 0;
}

void gate_free(struct gate **gate)
{
    const uint64_t one = 1;

    if (!*gate)
        return;
    (void)pthread_mutex_lock(&(*gate)->mutex);
    (*gate)->is_stopping = true;
    (void)pthread_mutex_unlock(&(*gate)->mutex);
    (void)!write((*gate)->thread_fd, &one, sizeof(one));
    (void)pthread_join((*gate)->thread, NULL);
    gate_close(*gate);
    *gate = NULL;
}

const char *gate_end_name(enum gate_end end)
{
    static const char *const names[] = {[GATE_RELEASED] = "released",
                                        [GATE_TIMEOUT] = "timeout",
                                        [GATE_NEVER_STOOD] = "never stood",
                                        [GATE_NO_MARK] = "no mark",
                                        [GATE_TOO_MANY] = "too many"};

    return names[end];
}
