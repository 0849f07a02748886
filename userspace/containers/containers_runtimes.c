/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Following one runtime: by its API, or by the files that it keeps. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "containers/containers_internal.h"
#include "events/event_log.h"

static void runtime_settled(struct runtime *runtime)
{
    runtime->is_listed = true;
    runtime->owner->is_scan_due = true;
    containers_changed(runtime->owner);
}

bool containers_have_listed(const struct containers *containers, const char *name)
{
    for (size_t i = 0; i < containers->n_runtimes; i++)
        if (strcmp(containers->runtimes[i].name, name) == 0 && !containers->runtimes[i].is_listed)
            return false;
    return true;
}

static void runtime_connection(struct runtime *runtime, bool is_connected, const char *reason)
{
    if (is_connected != runtime->is_connected)
        event_log_add(runtime->owner->settings.events, EVENT_CONTAINER, NULL, NULL, NULL, "%s at %s: %s%s",
                      runtime->name, runtime->socket, is_connected ? "connected" : "lost: ", reason);
    if (is_connected && !runtime->is_connected)
        log_info("%s at %s: connected", runtime->name, runtime->socket);
    if (runtime->is_connected && !is_connected)
        runtime->lost_ms = clock_monotonic_ms();
    runtime->is_connected = is_connected;
    (void)snprintf(runtime->reason, sizeof(runtime->reason), "%s", reason);
}

/* ---- by its API ---- */

static void containers_on_settled(const struct docker *docker, void *user)
{
    (void)docker;
    runtime_settled(user);
}

static void on_about(const char *version, const char *cgroup_driver, void *user)
{
    struct runtime *runtime = user;

    runtime->about = NULL;
    (void)snprintf(runtime->version, sizeof(runtime->version), "%s", version);
    (void)snprintf(runtime->cgroup_driver, sizeof(runtime->cgroup_driver), "%s", cgroup_driver);
}

static void on_about_failed(void *user)
{
    ((struct runtime *)user)->about = NULL;
}

/* Each time, because it may have been upgraded. */
static void ask_what_it_is(struct runtime *runtime)
{
    const struct docker_about_request request = {.fetcher = runtime->owner->fetcher,
                                                 .socket = runtime->socket,
                                                 .done = on_about,
                                                 .failed = on_about_failed,
                                                 .user = runtime};

    docker_about_cancel(&runtime->about);
    (void)docker_about_start(&request, &runtime->about);
}

static void containers_on_connection(const struct docker *docker, bool is_connected, const char *reason,
                                     void *user)
{
    struct runtime *runtime = user;

    (void)docker;
    runtime_connection(runtime, is_connected, reason);
    if (is_connected)
        ask_what_it_is(runtime);
}

/* Of a user's own runtime, systemd has the containers in that user's session. */
static void watch_users_place(struct containers *containers, const struct runtime *runtime)
{
    static const char *const places[] = {"user", "app"};
    char parent[SVC_CGROUP_SIZE];
    struct stat info;

    if (!containers->gate || stat(runtime->socket, &info) < 0 || info.st_uid == 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        (void)snprintf(parent, sizeof(parent), "/user.slice/user-%u.slice/user@%u.service/%s.slice",
                       (unsigned)info.st_uid, (unsigned)info.st_uid, places[i]);
        (void)gate_watch(containers->gate, parent);
    }
}

static int begin_docker(struct containers *containers, struct runtime *runtime)
{
    watch_users_place(containers, runtime);
    return docker_new(&(struct docker_settings){.base = containers->settings.base,
                                                .fetcher = containers->fetcher,
                                                .runtime = runtime->name,
                                                .socket = runtime->socket,
                                                .put = containers_on_docker_put,
                                                .ending = containers_on_ending,
                                                .gone = containers_on_docker_gone,
                                                .unread = containers_on_unread,
                                                .listing = containers_on_listing,
                                                .listed = containers_on_listed,
                                                .settled = containers_on_settled,
                                                .connection = containers_on_connection,
                                                .user = runtime},
                      &runtime->docker);
}

/* ---- by its files ---- */

static bool is_anothers(const struct runtime *runtime, const struct held *held)
{
    return held &&
           (strcmp(held->container->runtime, runtime->name) != 0 || (held->from && held->from != runtime));
}

/* The next ones come into the same place, mostly; into system.slice everything else comes as well. */
static void watch_place(struct containers *containers, const char *cgroup)
{
    char parent[SVC_CGROUP_SIZE];
    const char *slash = cgroup ? strrchr(cgroup, '/') : NULL;
    size_t length = slash ? strlen(slash) : 0;

    if (!containers->gate || length == 0 || slash == cgroup ||
        (length > 6 && strcmp(slash + length - 6, ".scope") == 0))
        return;
    (void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - cgroup), cgroup);
    (void)gate_watch_all(containers->gate, parent);
}

void containers_catch_up(struct containers *containers)
{
    for (size_t i = 0; i < containers->n_runtimes; i++)
        if (containers->runtimes[i].bundles)
            bundles_catch_up(containers->runtimes[i].bundles);
}

/* podman's containers are runc's as well: whoever has an API knows more. A cgroup that is still to come is waited for. */
static void on_bundle(struct container *container, void *user)
{
    struct runtime *runtime = user;
    struct containers *containers = runtime->owner;
    struct held *held = containers_find(containers, container->id);
    bool may_come = container->state == CONTAINER_CREATED && container->cgroup;
    _cleanup_free_ char *id = strdup(container->id);

    if (!id || is_anothers(runtime, held)) {
        container_free(&container);
        return;
    }
    watch_place(containers, container->cgroup);
    containers_on_put(container, containers);
    held = containers_find(containers, id);
    if (held)
        held->from = runtime;
    if (held && may_come && !held->is_expected && containers->gate && held->container->cgroup)
        (void)gate_expect(containers->gate, held->container->cgroup);
    if (held)
        held->is_expected = may_come; /* once for each start */
}

static void on_bundle_gone(const char *id, void *user)
{
    struct runtime *runtime = user;

    if (!is_anothers(runtime, containers_find(runtime->owner, id)))
        containers_on_gone(id, runtime->owner);
}

static void on_bundles_settled(const struct bundles *bundles, void *user)
{
    (void)bundles;
    runtime_settled(user);
}

static void on_bundles_connection(const struct bundles *bundles, bool is_connected, const char *reason,
                                  void *user)
{
    (void)bundles;
    runtime_connection(user, is_connected, reason);
}

static int begin_bundles(struct containers *containers, struct runtime *runtime)
{
    bool is_runc = strcmp(runtime->name, "runc") == 0;
    int length = (int)(strrchr(runtime->socket, '/') - runtime->socket);

    if (asprintf(&runtime->directory, "%.*s%s", is_runc ? (int)strlen(runtime->socket) : length,
                 runtime->socket, is_runc ? "" : "/io.containerd.runtime.v2.task") < 0) {
        runtime->directory = NULL;
        return -ENOMEM;
    }
    return bundles_new(&(struct bundles_settings){.base = containers->settings.base,
                                                  .runtime = runtime->name,
                                                  .kind = is_runc ? BUNDLE_RUNC : BUNDLE_CONTAINERD,
                                                  .directory = runtime->directory,
                                                  .put = on_bundle,
                                                  .gone = on_bundle_gone,
                                                  .settled = on_bundles_settled,
                                                  .connection = on_bundles_connection,
                                                  .user = runtime},
                       &runtime->bundles);
}

int containers_begin_runtime(struct containers *containers, struct runtime *runtime)
{
    bool has_api = strcmp(runtime->name, "docker") == 0 || strcmp(runtime->name, "podman") == 0;

    runtime->owner = containers;
    containers_begin_gate(containers);
    return has_api ? begin_docker(containers, runtime) : begin_bundles(containers, runtime);
}
