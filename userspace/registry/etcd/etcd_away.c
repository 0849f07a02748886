/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_away.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "registry/etcd/etcd_client.h"
#include "registry/etcd/etcd_pages.h"
#include "registry/etcd/etcd_text.h"

#define MOST_PAUSE_MS 5000
#define PATIENCE_MS   2000

struct etcd_away {
    struct registry registry;
    struct etcd_settings settings; /* hastier than the owner's */
    char *head_key;
    struct etcd_client client; /* the thread's */
    int found_fd, commit_fd, batch_fd;
    bool has_commit;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_stopping; /* under the mutex, as is the link */
    struct registry_link link;
};

static struct etcd_away *away_of(const struct registry *registry)
{
    return (struct etcd_away *)registry;
}

/* ---- asking ---- */

/* False: to stop. */
static bool away_pause(struct etcd_away *self, uint32_t ms)
{
    struct timespec until;
    bool is_stopping;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_mutex_lock(&self->mutex);
    while (!self->is_stopping && pthread_cond_timedwait(&self->changed, &self->mutex, &until) == 0)
        ;
    is_stopping = self->is_stopping;
    (void)pthread_mutex_unlock(&self->mutex);
    return !is_stopping;
}

static void *ask_until_found(void *user)
{
    struct etcd_away *self = user;
    unsigned n = 0;

    while (away_pause(self, etcd_pause_ms(++n, MOST_PAUSE_MS))) {
        struct error error = {0};
        struct etcd_head head;

        if (etcd_ask_head(&self->client, self->head_key, &head, &error) == 0) {
            (void)eventfd_write(self->found_fd, 1);
            break;
        }
        (void)pthread_mutex_lock(&self->mutex);
        (void)snprintf(self->link.text, sizeof(self->link.text), "%.300s", error.message);
        (void)pthread_mutex_unlock(&self->mutex);
    }
    return NULL;
}

/* ---- the backend ---- */

static int away_load(struct registry *registry, const char *prefix, registry_row_fn on_row, void *user,
                     struct error *error)
{
    (void)registry;
    (void)prefix;
    (void)on_row;
    (void)user;
    (void)error;
    return 0;
}

static uint64_t away_zero(const struct registry *registry)
{
    (void)registry;
    return 0;
}

static int away_begin(struct registry *registry, const struct registry_commit *commit, struct error *error)
{
    struct etcd_away *self = away_of(registry);

    for (size_t i = 0; i < commit->n_rows; i++)
        if (!etcd_is_of_host(commit->rows[i].key))
            return error_set(error, ENOTCONN, "registry %s is lost: nothing can be changed until it is there",
                             self->settings.location);
    self->has_commit = true;
    (void)eventfd_write(self->commit_fd, 1);
    return 0;
}

static int away_commit_fd(const struct registry *registry)
{
    return away_of(registry)->commit_fd;
}

static void away_wait(struct registry *registry)
{
    (void)registry;
}

static int away_end(struct registry *registry, uint64_t *ret_revision, struct error *error)
{
    struct etcd_away *self = away_of(registry);
    eventfd_t count;

    (void)error;
    if (!self->has_commit)
        return -EINPROGRESS;
    self->has_commit = false;
    (void)eventfd_read(self->commit_fd, &count);
    *ret_revision = 0;
    return 0;
}

static const char *away_location(const struct registry *registry)
{
    return away_of(registry)->settings.location;
}

static int away_follow(struct registry *registry, struct error *error)
{
    (void)registry;
    (void)error;
    return 0;
}

/* Never readable. */
static int away_batch_fd(const struct registry *registry)
{
    return away_of(registry)->batch_fd;
}

static int away_take(struct registry *registry, struct registry_batch *ret_batch)
{
    (void)registry;
    (void)ret_batch;
    return -EAGAIN;
}

static struct registry_link away_link(struct registry *registry)
{
    struct etcd_away *self = away_of(registry);
    struct registry_link link;

    (void)pthread_mutex_lock(&self->mutex);
    link = self->link;
    (void)pthread_mutex_unlock(&self->mutex);
    return link;
}

static void away_close(struct registry *registry)
{
    struct etcd_away *self = away_of(registry);
    const int fds[] = {self->found_fd, self->commit_fd, self->batch_fd};

    (void)pthread_mutex_lock(&self->mutex);
    self->is_stopping = true;
    (void)pthread_cond_broadcast(&self->changed);
    (void)pthread_mutex_unlock(&self->mutex);
    if (self->has_thread)
        (void)pthread_join(self->thread, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    etcd_client_done(&self->client);
    free(self->head_key);
    (void)pthread_cond_destroy(&self->changed);
    (void)pthread_mutex_destroy(&self->mutex);
    free(self);
}

static const struct registry_backend away_backend = {
    .name = "etcd",
    .load = away_load,
    .count = away_zero,
    .begin = away_begin,
    .fd = away_commit_fd,
    .wait = away_wait,
    .end = away_end,
    .revision = away_zero,
    .location = away_location,
    .close = away_close,
    .follow = away_follow,
    .batch_fd = away_batch_fd,
    .take = away_take,
    .link = away_link,
};

/* ---- begin ---- */

static int start_asking(struct etcd_away *self)
{
    sigset_t all, previous;
    int r;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    r = pthread_create(&self->thread, NULL, ask_until_found, self);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    self->has_thread = r == 0;
    return -r;
}

int etcd_away_open(const struct etcd_settings *settings, const char *why, struct registry **ret_registry,
                   struct error *error)
{
    struct etcd_away *self = calloc(1, sizeof(*self));
    pthread_condattr_t attributes;
    int r;

    if (!self)
        return error_errno(error, ENOMEM, "registry %s", settings->location);
    self->registry.backend = &away_backend;
    self->settings = *settings;
    self->settings.patience_ms = PATIENCE_MS;
    self->link = (struct registry_link){.lost_since = clock_wall_s(), .is_away = true};
    (void)snprintf(self->link.text, sizeof(self->link.text), "%.300s", why);
    (void)snprintf(self->link.host, sizeof(self->link.host), "%s", settings->host);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&self->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&self->mutex, NULL);
    self->found_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->commit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->batch_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->head_key = etcd_key_of_head(settings->prefix);
    r = self->found_fd < 0 || self->commit_fd < 0 || self->batch_fd < 0 ? -EMFILE
        : !self->head_key                                               ? -ENOMEM
                                                                        : 0;
    if (r == 0)
        r = etcd_client_init(&self->client, &self->settings);
    if (r == 0)
        r = start_asking(self);
    if (r < 0) {
        away_close(&self->registry);
        return error_errno(error, r, "registry %s", settings->location);
    }
    *ret_registry = &self->registry;
    return 0;
}

int etcd_away_fd(const struct registry *registry)
{
    return away_of(registry)->found_fd;
}
