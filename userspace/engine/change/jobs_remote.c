/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What other hosts have written is a job like others, except that its rows are on disk already: it comes before all that
 * wait, since they are to see it, and by itself. What cannot be had as a whole is tried row by row.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/change/jobs.h"
#include "engine/engine_internal.h"
#include "registry/rows.h"

#define ROWS_OF_PIECE 256

struct remote {
    struct engine *engine;
    struct registry_batch batch; /* a row that is passed over has no key any more */
    size_t at;
    struct remote *next;
};

static void remote_free(struct remote *remote)
{
    registry_batch_done(&remote->batch);
    free(remote);
}

static void skip_row(struct remote *remote, struct registry_row *row, const char *why)
{
    struct jobs *jobs = remote->engine->jobs;

    if (jobs->n_skipped++ == 0 || remote->batch.n_rows == 1)
        log_warning("registry %s: row %.200s of another host is passed over: %s",
                    registry_location(remote->engine->registry), row->key, why);
    free(row->key);
    row->key = NULL;
}

/* Which registry it is, and what a host keeps for itself, are not of the catalog. */
static bool is_of_catalog(const char *key)
{
    return !row_is_of_host(key) && strncmp(key, "registry/", 9) != 0 && strncmp(key, "damaged/", 8) != 0 &&
           strncmp(key, "history/", 8) != 0;
}

/* A job that has put a row it cannot have can only fail: so each is tried where nobody looks. */
static int try_row(struct catalog *scratch, struct remote *remote, struct registry_row *row)
{
    struct error error = {0};
    struct row_name name;
    int r;

    if (row_parse_key(row->key, &name) < 0 || name.kind == ROW_UNKNOWN) {
        skip_row(remote, row, "this version does not know what it is");
        return 0;
    }
    r = row->value ? row_apply(scratch, row->key, row->value, &error) : 0;
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        skip_row(remote, row, error.message);
    return 0;
}

static int put_remote_row(struct transaction *transaction, const struct registry_row *from,
                          struct error *error)
{
    struct registry_row row = {.key = strdup(from->key)};

    if (row.key && from->value)
        row.value = strdup(from->value);
    if (!row.key || (from->value && !row.value)) {
        row_done(&row);
        return -ENOMEM;
    }
    return transaction_put(transaction, row, error);
}

static int remote_run(struct transaction *transaction, void *user, struct error *error)
{
    struct remote *remote = user;
    struct catalog *scratch = catalog_new();
    int r = scratch ? 0 : -ENOMEM;

    if (transaction_is_new_run(transaction))
        remote->at = 0;
    transaction_privilege(transaction);
    for (unsigned n = 0; r == 0 && n < ROWS_OF_PIECE && remote->at < remote->batch.n_rows; n++) {
        struct registry_row *row = &remote->batch.rows[remote->at++];

        if (!row->key || !is_of_catalog(row->key))
            continue;
        r = try_row(scratch, remote, row);
        if (r == 0 && row->key)
            r = put_remote_row(transaction, row, error);
    }
    catalog_free(&scratch);
    return r == 0 && remote->at < remote->batch.n_rows ? JOB_GO_ON : r;
}

/* Each row becomes a job of its own, in their order and before what comes later. */
static void remote_split(struct remote *remote)
{
    struct jobs *jobs = remote->engine->jobs;
    struct remote **end = &jobs->remotes;

    for (size_t i = 0; i < remote->batch.n_rows; i++) {
        struct remote *single = calloc(1, sizeof(*single));
        struct registry_row *row = single ? calloc(1, sizeof(*row)) : NULL;

        if (!row) {
            free(single);
            skip_row(remote, &remote->batch.rows[i], "out of memory");
            continue;
        }
        *row = remote->batch.rows[i];
        remote->batch.rows[i] = (struct registry_row){0};
        *single = (struct remote){
            .engine = remote->engine, .batch = {remote->batch.revision, row, 1}, .next = *end};
        *end = single;
        end = &single->next;
    }
}

static void remote_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct remote *remote = user;

    (void)revision;
    if (result < 0 && result != -ECANCELED && remote->batch.n_rows > 1)
        remote_split(remote);
    else if (result < 0 && result != -ECANCELED && remote->batch.rows[0].key)
        skip_row(remote, &remote->batch.rows[0], error->message);
    remote_free(remote);
}

static void wait_for_others(struct jobs *jobs)
{
    jobs->has_batches = false;
    if (jobs->others)
        (void)event_add(jobs->others, NULL);
}

/* The next batch with a row in it; NULL: there is none now. */
static struct remote *next_remote(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct remote *remote = jobs->remotes;

    if (remote) {
        jobs->remotes = remote->next;
        return remote;
    }
    remote = calloc(1, sizeof(*remote));
    if (!remote) {
        jobs_again_later(jobs);
        return NULL;
    }
    remote->engine = engine;
    while (registry_take_batch(engine->registry, &remote->batch) == 0) {
        if (remote->batch.n_rows > 0)
            return remote;
        registry_batch_done(&remote->batch);
    }
    free(remote);
    wait_for_others(jobs);
    return NULL;
}

bool jobs_begin_remote(struct engine *engine)
{
    struct jobs *jobs = engine->jobs;
    struct waiting_job *waiting;
    struct remote *remote;

    if (!jobs->others)
        return false;
    waiting = calloc(1, sizeof(*waiting));
    remote = waiting ? next_remote(engine) : NULL;
    if (!remote) {
        free(waiting);
        return false;
    }
    waiting->job =
        (struct job){.run = remote_run, .done = remote_done, .user = remote, .operation = "another host"};
    job_queue_put_back(&jobs->changes, waiting);
    jobs->changes.alone++;
    return true;
}

static void on_others(evutil_socket_t fd, short what, void *user)
{
    struct engine *engine = user;

    (void)fd;
    (void)what;
    engine->jobs->has_batches = true;
    jobs_stir(engine);
}

int jobs_listen_to_others(struct engine *engine, struct event_base *base)
{
    int fd = registry_batch_fd(engine->registry);

    if (fd < 0)
        return 0;
    engine->jobs->others = event_new(base, fd, EV_READ, on_others, engine);
    return engine->jobs->others && event_add(engine->jobs->others, NULL) == 0 ? 0 : -ENOMEM;
}

void jobs_leave_others(struct jobs *jobs)
{
    if (jobs->others)
        event_free(jobs->others);
    jobs->others = NULL;
    while (jobs->remotes) {
        struct remote *remote = jobs->remotes;

        jobs->remotes = remote->next;
        remote_free(remote);
    }
}
