/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One mutex over both lists; the descriptor is readable while there are ended works that nobody has taken. */
#include "base/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct item {
    struct work work;
    int result;
    struct item *next;
};

struct list {
    struct item *first;
    struct item **end;
};

struct worker {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool has_thread;
    bool is_stopping;
    bool is_running; /* a work, right now */
    struct list waiting;
    struct list ended;
    size_t n; /* that wait, run or have not been told; the loop's own */
    int fd;
    struct event *event;
};

static void list_init(struct list *list)
{
    *list = (struct list){.end = &list->first};
}

static void list_push(struct list *list, struct item *item)
{
    item->next = NULL;
    *list->end = item;
    list->end = &item->next;
}

static struct item *list_pop(struct list *list)
{
    struct item *item = list->first;

    if (!item)
        return NULL;
    list->first = item->next;
    if (!list->first)
        list->end = &list->first;
    return item;
}

/* ---- the thread ---- */

static void *work_until_stopped(void *user)
{
    struct worker *worker = user;

    (void)pthread_mutex_lock(&worker->mutex);
    for (;;) {
        struct item *item;

        while (!worker->is_stopping && !worker->waiting.first)
            (void)pthread_cond_wait(&worker->changed, &worker->mutex);
        if (worker->is_stopping)
            break;
        item = list_pop(&worker->waiting);
        worker->is_running = true;
        (void)pthread_mutex_unlock(&worker->mutex);
        item->work.run(item->work.user);
        (void)pthread_mutex_lock(&worker->mutex);
        worker->is_running = false;
        list_push(&worker->ended, item);
        (void)eventfd_write(worker->fd, 1);
        (void)pthread_cond_broadcast(&worker->changed);
    }
    (void)pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

/* Signals are the loop's. */
static int worker_start_thread(struct worker *worker)
{
    sigset_t all, previous;
    int r;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    r = pthread_create(&worker->thread, NULL, work_until_stopped, worker);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    worker->has_thread = r == 0;
    return -r;
}

/* ---- the loop ---- */

/* Those that have ended by now: a `done` may submit again, and that one is told another time. */
static void tell_ended(struct worker *worker)
{
    struct list ended;
    struct item *item;
    eventfd_t count;

    (void)pthread_mutex_lock(&worker->mutex);
    ended = worker->ended;
    if (!ended.first)
        ended.end = &ended.first;
    list_init(&worker->ended);
    (void)eventfd_read(worker->fd, &count);
    (void)pthread_mutex_unlock(&worker->mutex);
    while ((item = list_pop(&ended))) {
        worker->n--;
        if (item->work.done)
            item->work.done(item->result, item->work.user);
        free(item);
    }
}

static void on_ended(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    tell_ended(user);
}

int worker_new(struct event_base *base, struct worker **ret_worker)
{
    struct worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        return -ENOMEM;
    list_init(&worker->waiting);
    list_init(&worker->ended);
    (void)pthread_mutex_init(&worker->mutex, NULL);
    (void)pthread_cond_init(&worker->changed, NULL);
    worker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->fd < 0) {
        int r = -errno;

        worker_free(&worker);
        return r;
    }
    worker->event = event_new(base, worker->fd, EV_READ | EV_PERSIST, on_ended, worker);
    if (!worker->event || event_add(worker->event, NULL) < 0) {
        worker_free(&worker);
        return -ENOMEM;
    }
    *ret_worker = worker;
    return 0;
}

int worker_submit(struct worker *worker, const struct work *work)
{
    struct item *item;

    if (worker->is_stopping) /* written by the loop alone */
        return -ECANCELED;
    if (worker->n >= WORKER_WAITING)
        return -EBUSY;
    item = calloc(1, sizeof(*item));
    if (!item)
        return -ENOMEM;
    item->work = *work;
    if (!worker->has_thread && worker_start_thread(worker) < 0) {
        free(item);
        return -EAGAIN;
    }
    (void)pthread_mutex_lock(&worker->mutex);
    list_push(&worker->waiting, item);
    (void)pthread_cond_broadcast(&worker->changed);
    (void)pthread_mutex_unlock(&worker->mutex);
    worker->n++;
    return 0;
}

bool worker_wait(struct worker *worker)
{
    if (worker->n == 0)
        return false;
    (void)pthread_mutex_lock(&worker->mutex);
    while (!worker->ended.first && (worker->waiting.first || worker->is_running))
        (void)pthread_cond_wait(&worker->changed, &worker->mutex);
    (void)pthread_mutex_unlock(&worker->mutex);
    tell_ended(worker);
    return true;
}

void worker_stop(struct worker *worker)
{
    struct item *item;

    if (!worker || worker->is_stopping)
        return;
    (void)pthread_mutex_lock(&worker->mutex);
    worker->is_stopping = true;
    (void)pthread_cond_broadcast(&worker->changed);
    (void)pthread_mutex_unlock(&worker->mutex);
    if (worker->has_thread)
        (void)pthread_join(worker->thread, NULL);
    while ((item = list_pop(&worker->waiting))) {
        item->result = -ECANCELED;
        list_push(&worker->ended, item);
    }
    tell_ended(worker);
}

void worker_free(struct worker **worker)
{
    if (!*worker)
        return;
    worker_stop(*worker);
    if ((*worker)->event)
        event_free((*worker)->event);
    if ((*worker)->fd >= 0)
        (void)close((*worker)->fd);
    (void)pthread_cond_destroy(&(*worker)->changed);
    (void)pthread_mutex_destroy(&(*worker)->mutex);
    free(*worker);
    *worker = NULL;
}
