/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "externals/external_save.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "engine/change/now.h"
#include "registry/rows.h"

static const struct timeval soon = {.tv_usec = 200000};
static const struct timeval later = {.tv_sec = 5};

static void arm(struct externals *self, const struct timeval *in)
{
    if (self->save_timer && !event_pending(self->save_timer, EV_TIMEOUT, NULL))
        (void)event_add(self->save_timer, in);
}

void external_save_later(struct external *external)
{
    external->is_unsaved = true;
    arm(&external->daemon->externals, &soon);
}

/* Without memory the row stays, and the next start finds that it belongs to nobody. */
void external_forget_later(struct external *external)
{
    struct externals *self = &external->daemon->externals;
    char **larger = realloc(self->forgotten, (self->n_forgotten + 1) * sizeof(*larger));

    if (!larger)
        return;
    self->forgotten = larger;
    larger[self->n_forgotten] = strdup(external->name);
    if (larger[self->n_forgotten])
        self->n_forgotten++;
    arm(self, &soon);
}

static int row_of(const struct external *external, struct registry_row *ret_row)
{
    struct ip_address addresses[EXTERNAL_MAX_ADDRESSES];
    size_t n = 0;

    for (size_t i = 0; i < external->n && n < EXTERNAL_MAX_ADDRESSES; i++)
        if (!external->addresses[i].leaves_at)
            addresses[n++] = external->addresses[i].address;
    return row_for_resolved(external->name, external->host, addresses, n, ret_row);
}

/* Deletions first: a name that is back has a row again. */
static int collect(const struct externals *self, struct registry_row *rows, size_t *n)
{
    const struct external *external;
    int r = 0;

    for (size_t i = 0; i < self->n_forgotten && r == 0; i++)
        if ((r = row_for_resolved(self->forgotten[i], NULL, NULL, 0, &rows[*n])) == 0)
            ++*n;
    for (external = self->all; external && r == 0; external = external->hh.next)
        if (external->is_unsaved && (r = row_of(external, &rows[*n])) == 0)
            ++*n;
    return r;
}

static int write_rows(struct daemon *daemon, struct error *error)
{
    struct externals *self = &daemon->externals;
    size_t room = self->n_forgotten + HASH_COUNT(self->all) + 1;
    struct registry_row *rows = calloc(room, sizeof(*rows));
    uint64_t revision;
    size_t n = 0;
    int r = rows ? collect(self, rows, &n) : -ENOMEM;

    if (r < 0)
        (void)error_errno(error, r, "writing down addresses of host names");
    else if (n > 0)
        r = engine_commit_now(daemon->engine, rows, n, &revision, error);
    for (size_t i = 0; i < n; i++)
        row_done(&rows[i]);
    free(rows);
    return r;
}

static void forget_all(struct externals *self)
{
    for (size_t i = 0; i < self->n_forgotten; i++)
        free(self->forgotten[i]);
    free(self->forgotten);
    self->forgotten = NULL;
    self->n_forgotten = 0;
}

static int save(struct daemon *daemon)
{
    struct externals *self = &daemon->externals;
    struct error error = {0};
    struct external *external;
    int r = write_rows(daemon, &error);

    if (r < 0 && !self->is_save_failing)
        log_warning("addresses of host names are not written down, trying again: %s", error.message);
    self->is_save_failing = r < 0;
    if (r < 0)
        return r;
    forget_all(self);
    for (external = self->all; external; external = external->hh.next)
        external->is_unsaved = false;
    return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;

    (void)fd;
    (void)what;
    if (save(daemon) < 0)
        arm(&daemon->externals, &later);
}

int external_save_begin(struct daemon *daemon)
{
    struct externals *self = &daemon->externals;

    self->save_timer = event_new(daemon->base, -1, 0, on_timer, daemon);
    if (!self->save_timer)
        return -ENOMEM;
    if (self->n_forgotten > 0)
        arm(self, &soon);
    return 0;
}

void external_save_end(struct daemon *daemon)
{
    struct externals *self = &daemon->externals;

    if (self->save_timer) {
        if (event_pending(self->save_timer, EV_TIMEOUT, NULL))
            (void)save(daemon);
        event_free(self->save_timer);
        self->save_timer = NULL;
    }
    forget_all(self);
}
