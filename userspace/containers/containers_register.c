/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One job makes the registry as the plan wants it; if it is refused, one job for each instance does what can be done. What
 * is under way is followed by another one if things have changed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "containers/containers_internal.h"
#include "engine/change/job.h"
#include "engine/engine.h"

static int run_all(struct transaction *transaction, void *user, struct error *error)
{
    struct registering *registering = user;
    struct wanted_instance *wanted;
    int r = registering->owner ? containers_remove_gone(transaction, registering, error) : -ECANCELED;

    for (wanted = registering->items; r == 0 && wanted; wanted = wanted->hh.next)
        r = containers_put_one(transaction, wanted, error);
    return r;
}

static int run_gone(struct transaction *transaction, void *user, struct error *error)
{
    const struct registering *registering = user;

    return registering->owner ? containers_remove_gone(transaction, registering, error) : -ECANCELED;
}

static int run_one(struct transaction *transaction, void *user, struct error *error)
{
    struct wanted_instance *wanted = user;

    return wanted->owner->owner ? containers_put_one(transaction, wanted, error) : -ECANCELED;
}

/* ---- its end ---- */

static bool is_refused(const struct registering *registering, const struct held *held)
{
    const struct wanted_instance *wanted;

    for (wanted = registering->items; wanted; wanted = wanted->hh.next)
        if (wanted->is_refused && strcmp(wanted->container_id, held->container->id) == 0)
            return true;
    return false;
}

static void registering_end(struct registering *registering)
{
    struct containers *containers = registering->owner;

    containers->registering = NULL;
    containers->is_scan_due = containers->is_scan_due || registering->is_scan_missed;
    registering_free(containers->registered);
    containers->registered = registering;
    registering->before = NULL;
    for (struct held *held = containers->all; held; held = held->hh.next)
        if (held->why_not_registered[0] && !is_refused(registering, held))
            held->why_not_registered[0] = '\0';
    containers_move_instances(containers);
    if (containers->is_register_again)
        containers_changed(containers);
}

/* A job of several has ended. */
static void registering_job_ended(struct registering *registering)
{
    if (--registering->n_jobs > 0)
        return;
    if (registering->owner)
        registering_end(registering);
    else
        registering_free(registering);
}

static void on_gone_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct registering *registering = user;

    (void)revision;
    if (result < 0 && registering->owner) {
        log_warning("containers: %s", error->message);
        registering->is_scan_missed = true;
    }
    registering_job_ended(registering);
}

static void on_one_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct wanted_instance *wanted = user;
    struct registering *registering = wanted->owner;
    struct held *held = registering->owner ? containers_find(registering->owner, wanted->container_id) : NULL;

    (void)revision;
    wanted->is_refused = result < 0;
    if (held && result < 0) {
        if (strcmp(held->why_not_registered, error->message) != 0)
            log_warning("container %s: %s", held->container->name, error->message);
        (void)snprintf(held->why_not_registered, sizeof(held->why_not_registered), "%.*s",
                       (int)sizeof(held->why_not_registered) - 1, error->message);
    }
    registering_job_ended(registering);
}

static int submit(struct registering *registering,
                  int (*run)(struct transaction *transaction, void *user, struct error *error),
                  void (*done)(int result, uint64_t revision, const struct error *error, void *user),
                  void *user)
{
    int r = engine_submit(
        registering->owner->settings.engine,
        &(struct job){.run = run, .done = done, .user = user, .by = actor_make(ACTOR_DAEMON, "containers")});

    if (r < 0)
        log_warning("containers: not registered: %s", strerror(-r)); /* the next plan tries again */
    else
        registering->n_jobs++;
    return r;
}

/*
 * Together they could not be had, so each is tried by itself: whoever is refused keeps nobody else away. Jobs that
 * wait share a commit.
 */
static void register_one_by_one(struct registering *registering)
{
    struct wanted_instance *wanted;

    registering->n_jobs = 1; /* this one, until all have been submitted */
    if (submit(registering, run_gone, on_gone_done, registering) < 0)
        registering->is_scan_missed = true;
    for (wanted = registering->items; wanted; wanted = wanted->hh.next)
        (void)submit(registering, run_one, on_one_done, wanted);
    registering_job_ended(registering);
}

static void on_all_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct registering *registering = user;

    (void)revision;
    (void)error;
    if (!registering->owner) {
        registering_free(registering);
        return;
    }
    if (result < 0) {
        register_one_by_one(registering);
        return;
    }
    registering_end(registering);
}

void containers_register(struct containers *containers, const struct workload_plan *plan)
{
    struct registering *registering;

    containers->is_register_again = containers->registering != NULL;
    if (containers->registering)
        return;
    registering = registering_new(containers, plan);
    if (!registering) {
        log_warning("containers: no memory to register them");
        return;
    }
    if (submit(registering, run_all, on_all_done, registering) < 0) {
        registering_free(registering);
        return;
    }
    containers->registering = registering;
    containers->is_scan_due = false;
}

void containers_forget_registering(struct containers *containers)
{
    if (containers->registering)
        containers->registering->owner = NULL;
    containers->registering = NULL;
    registering_free(containers->registered);
    containers->registered = NULL;
}
