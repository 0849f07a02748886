/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Writing down what was found, in jobs of bounded size, and again a while later where that fails. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "engine/change/job.h"
#include "externals/externals_internal.h"
#include "registry/rows.h"

#define ROWS_A_JOB 1024

static const struct timeval soon = {.tv_usec = 200000};
static const struct timeval later = {.tv_sec = 5};

/* Rows on their way: those of the externals that are `is_saving`, and deletions. */
struct external_save {
    struct externals *externals;
    char **forgotten;
    size_t n_forgotten;
};

static void arm(struct externals *self, const struct timeval *in)
{
    if (self->save_timer && !self->save && !event_pending(self->save_timer, EV_TIMEOUT, NULL))
        (void)event_add(self->save_timer, in);
}

void external_save_later(struct external *external)
{
    external->is_unsaved = true;
    arm(external->externals, &soon);
}

/* Without memory the row stays, and the next start finds that it belongs to nobody. */
void external_forget_later(struct external *external)
{
    struct externals *self = external->externals;
    char **larger = realloc(self->forgotten, (self->n_forgotten + 1) * sizeof(*larger));

    if (!larger)
        return;
    self->forgotten = larger;
    larger[self->n_forgotten] = strdup(external->name);
    if (larger[self->n_forgotten])
        self->n_forgotten++;
    arm(self, &soon);
}

/* ---- the job ---- */

static void free_names(char ***names, size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        free((*names)[i]);
    free(*names);
    *names = NULL;
    *n = 0;
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
static int run_save(struct transaction *transaction, void *user, struct error *error)
{
    const struct external_save *save = user;
    const struct external *external;
    struct registry_row row;
    int r = 0;

    transaction_own(transaction);
    for (size_t i = 0; i < save->n_forgotten && r == 0; i++)
        if ((r = row_for_resolved(save->forgotten[i], NULL, NULL, 0, &row)) == 0)
            r = transaction_put(transaction, row, error);
    for (external = save->externals->all; external && r == 0; external = external->hh.next)
        if (external->is_saving && (r = row_of(external, &row)) == 0)
            r = transaction_put(transaction, row, error);
    return r < 0 && !error->number ? error_errno(error, r, "writing down addresses of host names") : r;
}

/* What could not be written is to be written later, before what has been forgotten since. */
static void external_save_take_back(struct externals *self, struct external_save *save)
{
    struct external *external;
    char **all = realloc(save->forgotten, (save->n_forgotten + self->n_forgotten + 1) * sizeof(*all));

    for (external = self->all; external; external = external->hh.next)
        external->is_unsaved = external->is_unsaved || external->is_saving;
    if (!all)
        return;
    if (self->n_forgotten)
        memcpy(all + save->n_forgotten, self->forgotten, self->n_forgotten * sizeof(*all));
    free(self->forgotten);
    self->forgotten = all;
    self->n_forgotten += save->n_forgotten;
    save->forgotten = NULL;
    save->n_forgotten = 0;
}

static bool is_any_unsaved(const struct externals *self)
{
    const struct external *external;

    for (external = self->all; external; external = external->hh.next)
        if (external->is_unsaved)
            return true;
    return self->n_forgotten > 0;
}

static void end_save(struct external_save *save, int r, const char *why)
{
    struct externals *self = save->externals;
    struct external *external;

    self->save = NULL;
    if (r < 0)
        external_save_take_back(self, save);
    for (external = self->all; external; external = external->hh.next)
        external->is_saving = false;
    free_names(&save->forgotten, &save->n_forgotten);
    free(save);
    if (r == -ECANCELED)
        return;
    if (r < 0 && !self->is_save_failing)
        log_warning("addresses of host names are not written down, trying again: %s", why);
    self->is_save_failing = r < 0;
    if (is_any_unsaved(self))
        arm(self, r < 0 ? &later : &soon);
}

static void save_done(int result, uint64_t revision, const struct error *error, void *user)
{
    (void)revision;
    end_save(user, result, result < 0 ? error->message : "");
}

/* The first of what has been forgotten, the rest stays for the next job. */
static int take_forgotten(struct externals *self, struct external_save *save)
{
    size_t n = self->n_forgotten < ROWS_A_JOB ? self->n_forgotten : ROWS_A_JOB;

    save->forgotten = calloc(n + 1, sizeof(*save->forgotten));
    if (!save->forgotten)
        return -ENOMEM;
    save->n_forgotten = n;
    if (n == 0)
        return 0;
    memcpy(save->forgotten, self->forgotten, n * sizeof(*save->forgotten));
    memmove(self->forgotten, self->forgotten + n, (self->n_forgotten - n) * sizeof(*self->forgotten));
    self->n_forgotten -= n;
    return 0;
}

static void begin_save(struct externals *self)
{
    struct external_save *save = calloc(1, sizeof(*save));
    const struct job job = {.run = run_save, .done = save_done, .user = save};
    struct external *external;
    size_t n;
    int r;

    if (!save || take_forgotten(self, save) < 0) {
        free(save);
        arm(self, &later);
        return;
    }
    save->externals = self;
    n = save->n_forgotten;
    for (external = self->all; external && n < ROWS_A_JOB; external = external->hh.next)
        if (external->is_unsaved) {
            external->is_unsaved = false;
            external->is_saving = true;
            n++;
        }
    r = engine_submit(self->engine, &job);
    if (r < 0)
        end_save(save, r, strerror(-r));
    else
        self->save = save;
}

static void external_save_on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    begin_save(user);
}

/* ---- beginning and end ---- */

int external_save_begin(struct externals *externals)
{
    externals->save_timer = event_new(externals->base, -1, 0, external_save_on_timer, externals);
    if (!externals->save_timer)
        return -ENOMEM;
    if (externals->n_forgotten > 0)
        arm(externals, &soon);
    return 0;
}

void externals_flush(struct externals *externals)
{
    if (!externals->save_timer)
        return;
    engine_settle(externals->engine);
    do {
        if (is_any_unsaved(externals))
            begin_save(externals);
        if (!externals->save)
            break;
        engine_settle(externals->engine);
    } while (!externals->is_save_failing);
    (void)event_del(externals->save_timer);
}

void external_save_done(struct externals *externals)
{
    if (externals->save_timer)
        event_free(externals->save_timer);
    externals->save_timer = NULL;
    free_names(&externals->forgotten, &externals->n_forgotten);
}
