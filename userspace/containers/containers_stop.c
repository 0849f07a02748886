/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stopping a container without a failed request: its instances drain first, and its runtime is asked to stop it when nothing
 * is open any more or the time is over. Every fifth of a second it is looked at how far that is; the drain itself is
 * upkeep's. What fails puts everything back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "containers/containers_internal.h"
#include "engine/change/job.h"
#include "engine/connections.h"
#include "engine/engine.h"
#include "events/event_log.h"

#define GRACE_MS  2000u /* more than the drain's own end takes, which comes first */
#define RUNTIME_S 30u   /* beside the container's own time: for the runtime itself */

static const struct timeval stop_tick = {.tv_usec = 200000};

static void stop_tell(const struct held *held, const char *text)
{
    event_log_add(held->owner->settings.events, EVENT_CONTAINER, held->namespace_name, held->service, NULL,
                  "container %s: %s", held->container->name, text);
    log_info("container %s: %s", held->container->name, text);
}

void containers_forget_stop(struct held *held)
{
    fetch_cancel(&held->stop.fetch);
    if (held->stop.timer)
        event_free(held->stop.timer);
    held->stop = (struct stopping){0};
}

bool containers_is_stopping(const struct held *held)
{
    return held->stop.state == STOP_DRAINING || held->stop.state == STOP_TOLD;
}

/* ---- what its instances have open ---- */

static const struct instance *stop_instance(const struct held *held, const struct wanted_instance *wanted)
{
    const struct service *service = catalog_service(engine_catalog(held->owner->settings.engine),
                                                    wanted->namespace_name, wanted->instance.service);

    return service && strcmp(wanted->container_id, held->container->id) == 0
               ? catalog_instance(service, wanted->instance.id)
               : NULL;
}

/* Those that the last job has put; the engine is steady. */
static bool has_drained(const struct held *held, uint64_t *ret_open)
{
    const struct registering *registered = held->owner->registered;
    bool is_drained = true;

    *ret_open = 0;
    for (const struct wanted_instance *wanted = registered ? registered->items : NULL; wanted;
         wanted = wanted->hh.next) {
        const struct instance *instance = stop_instance(held, wanted);

        if (!instance)
            continue;
        is_drained = is_drained && instance->drain_until && instance->is_drained;
        *ret_open += instance_open(held->owner->settings.engine, instance);
    }
    return is_drained;
}

/* ---- the runtime ---- */

static void stop_fail(struct held *held, const char *reason)
{
    char text[300];

    held->stop.state = STOP_FAILED;
    (void)snprintf(held->stop.reason, sizeof(held->stop.reason), "%s", reason);
    (void)snprintf(text, sizeof(text), "not stopped, and back in service: %s", reason);
    stop_tell(held, text);
    if (held->container->state == CONTAINER_ENDING)
        held->container->state = CONTAINER_RUNNING;
    containers_changed(held->owner);
}

static void on_stopped(int result, const char *reason, void *user)
{
    struct held *held = user;

    held->stop.fetch = NULL;
    if (result < 0) {
        stop_fail(held, reason);
        return;
    }
    held->stop.state = STOP_DONE;
    stop_tell(held, "stopped");
}

static void ask_runtime(struct held *held)
{
    struct containers *containers = held->owner;
    const struct runtime *runtime = held->from;
    char text[160];
    int r;

    held->stop.state = STOP_TOLD;
    held->stop.request = (struct docker_stop){.done = on_stopped, .user = held};
    (void)snprintf(text, sizeof(text), "%s stops it now, %llu connections open", held->container->runtime,
                   (unsigned long long)held->stop.open);
    stop_tell(held, text);
    r = runtime
            ? docker_stop(containers->fetcher, runtime->socket, held->container->id,
                          held->container->stop_timeout_s + RUNTIME_S, &held->stop.request, &held->stop.fetch)
            : -ENOENT;
    if (r < 0)
        stop_fail(held, strerror(-r));
}

/* ---- the wait ---- */

static void look_whether_drained(void *user)
{
    struct held *held = user;
    bool is_drained = has_drained(held, &held->stop.open);

    if (held->stop.state != STOP_DRAINING)
        return;
    if (is_drained || clock_monotonic_ms() >= held->stop.until_ms)
        ask_runtime(held);
    else
        (void)event_add(held->stop.timer, &stop_tick);
}

static void stop_on_tick(evutil_socket_t fd, short what, void *user)
{
    struct held *held = user;

    (void)fd;
    (void)what;
    if (held->stop.state != STOP_DRAINING)
        return;
    if (held->container->state == CONTAINER_ENDED) {
        held->stop.state = STOP_DONE;
        stop_tell(held, "stopped by somebody else");
        return;
    }
    if (engine_is_steady(held->owner->settings.engine))
        look_whether_drained(held);
    else
        (void)event_add(held->stop.timer, &stop_tick);
}

/* ---- asked for ---- */

static int check_stop(const struct held *held, const char *field, struct error *error)
{
    const struct container *container = held->container;
    const struct runtime *runtime = held->from;

    if (!held->is_labelled)
        return error_input(
            error, field, container->name,
            "a container with a label svcconnect.service, or of ECS: this one is left alone, stop it by "
            "its runtime");
    if (!runtime || !runtime->docker)
        return error_input(error, field, container->name,
                           "a container of Docker or podman: stop it by its runtime");
    if (!runtime->is_connected)
        return error_set(error, EAGAIN, "%s: %s at %s does not answer: %s", field, runtime->name,
                         runtime->socket, runtime->reason);
    return 0;
}

int containers_stop(struct containers *containers, const char *field, const char *text,
                    const uint32_t *timeout_s, const char *by, struct container_stop *ret_stop,
                    struct error *error)
{
    struct held *held = NULL;
    const char *cgroup;
    char sentence[300];
    int r = containers_find_running(containers, field, text, &held, &cgroup, error);

    if (r == 0)
        r = check_stop(held, field, error);
    if (r < 0)
        return r;
    if (!containers_is_stopping(held)) {
        containers_forget_stop(held);
        held->stop.timer = event_new(containers->settings.base, -1, 0, stop_on_tick, held);
        if (!held->stop.timer || event_add(held->stop.timer, &stop_tick) < 0) {
            containers_forget_stop(held);
            return error_errno(error, -ENOMEM, "stopping a container");
        }
        held->stop.state = STOP_DRAINING;
        held->stop.timeout_s = timeout_s ? *timeout_s : held->container->stop_timeout_s;
        held->stop.until_ms = clock_monotonic_ms() + held->stop.timeout_s * UINT64_C(1000) + GRACE_MS;
        held->container->state = CONTAINER_ENDING;
        (void)has_drained(held, &held->stop.open);
        (void)snprintf(sentence, sizeof(sentence),
                       "drains to be stopped: %llu connections open, %u s at most, by %s",
                       (unsigned long long)held->stop.open, held->stop.timeout_s, by);
        stop_tell(held, sentence);
        containers_changed(containers);
    }
    *ret_stop = (struct container_stop){.name = held->container->name,
                                        .id = held->container->id,
                                        .runtime = held->container->runtime,
                                        .n_instances = held->n_instances,
                                        .open = held->stop.open,
                                        .timeout_s = held->stop.timeout_s};
    return 0;
}
