/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which runtimes are followed, and the plan that follows from what they tell. */
#include "containers/containers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "containers/containers_internal.h"
#include "containers/host_address.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "events/event_log.h"
#include "http/fetch.h"

/* Where runtimes put their containers' cgroups, until a container has told of another place. */
static const char *const usual_parents[] = {"/docker", "/system.slice", "/machine.slice", "/libpod_parent"};

void containers_changed(struct containers *containers)
{
    event_active(containers->plan_event, 0, 0);
}

/* ---- the plan ---- */

static void held_take_plan(struct containers *containers, struct held *held, const struct workload *workload)
{
    containers_take_networks(containers, held, workload);
    if (*workload->note && strcmp(held->note, workload->note) != 0)
        log_warning("container %s: %s", held->container->name, workload->note);
    if (strcmp(held->namespace_name, workload->namespace_name) != 0 ||
        strcmp(held->service, workload->service) != 0)
        held->is_attached = false; /* somebody else's task from now on */
    held->is_task = workload->is_task;
    held->is_labelled = workload->is_task && workload->wish.is_wanted;
    held->n_instances = workload->n_instances;
    memcpy(held->why_not, workload->why_not, sizeof(held->why_not));
    memcpy(held->note, workload->note, sizeof(held->note));
    (void)snprintf(held->namespace_name, sizeof(held->namespace_name), "%s", workload->namespace_name);
    (void)snprintf(held->service, sizeof(held->service), "%s", workload->service);
}

static bool containers_has_name(const char *namespace_name, const char *dns_name, void *user)
{
    const struct containers *containers = user;

    return catalog_service(engine_catalog(containers->settings.engine), namespace_name, dns_name) != NULL;
}

static int make_plan(struct containers *containers, struct workload_plan *ret_plan)
{
    struct workload_settings settings = {.default_namespace = "default",
                                         .has_name = containers_has_name,
                                         .find_document = containers_find_document,
                                         .user = containers};
    const char *from;
    size_t n = HASH_COUNT(containers->all);
    _cleanup_free_ const struct container **list = malloc((n + 1) * sizeof(*list));
    struct held *held;
    size_t at = 0;
    int r;

    if (!list)
        return -ENOMEM;
    settings.has_host_address = host_address_get(containers->host, &settings.host_address, &from);
    for (held = containers->all; held; held = held->hh.next)
        list[at++] = held->container;
    containers->n_plans++;
    containers->documents_searched = 0;
    r = workload_plan_make(list, n, &settings, ret_plan);
    if (r < 0)
        return r;
    at = 0;
    for (held = containers->all; held; held = held->hh.next)
        held_take_plan(containers, held, &ret_plan->items[at++]);
    return 0;
}

static void carry_out_plan(void *user)
{
    struct containers *containers = user;
    struct workload_plan plan;
    struct held *held;

    if (make_plan(containers, &plan) < 0) {
        log_warning("containers: no memory for a plan");
        return;
    }
    for (held = containers->all; held; held = held->hh.next) {
        containers_attach(containers, held);
        containers_tell_networks(containers, held);
    }
    containers_register(containers, &plan);
    workload_plan_free(&plan);
    containers_forget_documents(containers, false);
}

static void containers_on_plan_due(evutil_socket_t fd, short what, void *user)
{
    struct containers *containers = user;

    (void)fd;
    (void)what;
    engine_forget_waiter(containers->settings.engine, containers);
    if (engine_is_steady(containers->settings.engine))
        carry_out_plan(containers);
    else if (engine_when_steady(containers->settings.engine, carry_out_plan, containers) < 0)
        log_warning("containers: no memory for a plan");
}

/* ---- beginning and end ---- */

static void containers_on_host_address(void *user)
{
    containers_changed(user);
}

void containers_begin_gate(struct containers *containers)
{
    const struct gate_settings settings = {.cgroup_root = containers->settings.cgroup_root,
                                           .appeared = containers_on_appeared,
                                           .stands = containers_on_stands,
                                           .ended = containers_on_gate_end,
                                           .user = containers};
    int r;

    if (containers->gate || *containers->why_no_gate)
        return;
    if (containers->settings.has_no_gate) {
        (void)snprintf(containers->why_no_gate, sizeof(containers->why_no_gate), "it is switched off");
        return;
    }
    r = gate_new(containers->settings.base, &settings, &containers->gate);
    if (r < 0) {
        (void)snprintf(containers->why_no_gate, sizeof(containers->why_no_gate), "%s", strerror(-r));
        log_warning("containers are not held until their names are there: %s", strerror(-r));
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(usual_parents); i++)
        (void)gate_watch(containers->gate, usual_parents[i]);
}

static int begin_runtimes(struct containers *containers)
{
    int r = 0;

    if (containers_is_auto(containers->settings.runtimes))
        return containers_watch_sockets(containers);
    r = containers_find_sockets(containers);
    for (size_t i = 0; r == 0 && i < containers->n_runtimes; i++)
        r = containers_begin_runtime(containers, &containers->runtimes[i]);
    return r;
}

int containers_begin(const struct containers_settings *settings, struct containers **ret_containers,
                     struct error *error)
{
    struct containers *containers = calloc(1, sizeof(*containers));
    int r = containers ? 0 : -ENOMEM;

    if (strcmp(settings->runtimes, "none") == 0) {
        free(containers);
        *ret_containers = NULL;
        return 0;
    }
    if (r == 0) {
        containers->settings = *settings;
        containers->plan_event = event_new(settings->base, -1, 0, containers_on_plan_due, containers);
        containers->documents_event = event_new(settings->base, -1, 0, containers_on_documents, containers);
        r = containers->plan_event && containers->documents_event
                ? fetcher_new(settings->base, &containers->fetcher)
                : -ENOMEM;
    }
    if (r == 0)
        r = host_address_begin(settings->base, settings->host_address, containers_on_host_address, containers,
                               &containers->host);
    if (r == 0)
        r = begin_runtimes(containers);
    if (r < 0) {
        containers_end(&containers);
        return error_errno(error, r, "following container runtimes");
    }
    *ret_containers = containers;
    return 0;
}

void containers_end(struct containers **containers)
{
    struct containers *old = *containers;
    struct held *held;
    struct held *next;

    if (!old)
        return;
    containers_forget_registering(old);
    engine_forget_waiter(old->settings.engine, old);
    for (size_t i = 0; i < old->n_runtimes; i++) {
        docker_free(&old->runtimes[i].docker);
        docker_about_cancel(&old->runtimes[i].about);
        bundles_free(&old->runtimes[i].bundles);
        free(old->runtimes[i].socket);
        free(old->runtimes[i].directory);
    }
    containers_forget_sockets(old);
    containers_forget_starts(old);
    containers_forget_stranger(old, 0, NULL);
    HASH_ITER (hh, old->all, held, next)
        containers_free_held(old, held);
    gate_free(&old->gate);
    host_address_end(&old->host);
    fetcher_free(&old->fetcher);
    containers_forget_documents(old, true);
    containers_forget_networks(old);
    if (old->documents_event)
        event_free(old->documents_event);
    if (old->plan_event)
        event_free(old->plan_event);
    free(old);
    *containers = NULL;
}
