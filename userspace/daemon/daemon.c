/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Starting, the loop, ending. The order of starting is the promise that nothing is touched before everything
 * that can be checked has been, and that tasks keep what they have until the new is complete.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "canaries/canaries.h"
#include "daemon/lock.h"
#include "daemon/notify.h"
#include "upkeep/probes.h"
#include "daemon/opening.h"
#include "upkeep/program_events.h"
#include "engine/plan/wanted.h"
#include "registry/rows.h"

static const struct timeval sweep_interval = {.tv_sec = 1};

/* ---- events ---- */

static void on_end_signal(evutil_socket_t signal_number, short what, void *user)
{
    struct daemon *daemon = user;

    (void)what;
    log_info("%s: ending; running tasks keep their routing", signal_number == SIGINT ? "SIGINT" : "SIGTERM");
    notify_manager("STOPPING=1");
    (void)event_base_loopbreak(daemon->base);
}

/* Maps and directories belong to the running data path; what can change in place is the log level. */
static void on_reload_signal(evutil_socket_t signal_number, short what, void *user)
{
    struct daemon *daemon = user;
    struct config config;
    enum config_action action;
    struct error error = {0};

    (void)signal_number;
    (void)what;
    notify_manager("RELOADING=1");
    if (config_load(daemon->argc, daemon->argv, &config, &action, &error) < 0) {
        log_warning("SIGHUP: keeping the running settings: %s", error.message);
    } else {
        log_set_level(config.log_level);
        log_info("SIGHUP: log level is %s; other settings take effect at a restart, which no task notices",
                 log_level_name(config.log_level));
    }
    config_done(&config);
    notify_manager("READY=1");
}

static void on_grace(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;

    (void)fd;
    (void)what;
    publisher_end_grace(daemon->publisher);
}

static void on_sweep(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    task_list_sweep(user);
    services_dir_sweep(user);
    canaries_sweep(user);
    probes_sweep(user);
}

static int make_events(struct daemon *daemon)
{
    daemon->signals[0] = evsignal_new(daemon->base, SIGTERM, on_end_signal, daemon);
    daemon->signals[1] = evsignal_new(daemon->base, SIGINT, on_end_signal, daemon);
    daemon->signals[2] = evsignal_new(daemon->base, SIGHUP, on_reload_signal, daemon);
    daemon->grace_event =
        event_new(daemon->base, datapath_grace_fd(daemon->datapath), EV_READ | EV_PERSIST, on_grace, daemon);
    daemon->sweep_event = event_new(daemon->base, -1, EV_PERSIST, on_sweep, daemon);
    for (size_t i = 0; i < ARRAY_SIZE(daemon->signals); i++)
        if (!daemon->signals[i] || event_add(daemon->signals[i], NULL) < 0)
            return -ENOMEM;
    if (!daemon->grace_event || event_add(daemon->grace_event, NULL) < 0 || !daemon->sweep_event ||
        event_add(daemon->sweep_event, &sweep_interval) < 0)
        return -ENOMEM;
    return 0;
}

/* ---- starting ---- */

typedef int lock_function(const char *what, const char *path, int *ret_fd, struct error *error);

static int take_directory(const char *what, const char *path, mode_t mode, lock_function *lock, int *ret_lock,
                          struct error *error)
{
    int r = directory_make(path, mode);

    if (r < 0)
        return error_errno(error, r, "%s %s", what, path);
    return lock(what, path, ret_lock, error);
}

static int take_directories(struct daemon *daemon, struct error *error)
{
    int r = take_directory("state directory", daemon->config.state_dir, 0700, lock_directory,
                           &daemon->locks[0], error);

    if (r == 0)
        r = take_directory("run directory", daemon->config.run_dir, 0755, lock_directory, &daemon->locks[1],
                           error);
    if (r == 0)
        r = take_directory("bpffs directory", daemon->config.bpffs, 0700, lock_private_directory,
                           &daemon->locks[2], error);
    if (r < 0)
        return r;
    if (asprintf(&daemon->socket_path, "%s/api.sock", daemon->config.run_dir) < 0 ||
        asprintf(&daemon->hosts_dir, "%s/hosts", daemon->config.run_dir) < 0)
        return error_errno(error, ENOMEM, "starting");
    r = directory_make(daemon->hosts_dir, 0755);
    return r < 0 ? error_errno(error, r, "%s", daemon->hosts_dir) : 0;
}

struct load {
    struct daemon *daemon;
    struct error error; /* of the first row that could not be read */
    unsigned failed;
    bool is_again; /* the first one came upon damage */
};

static int on_row(const char *key, const char *value, void *user)
{
    struct load *load = user;
    struct error error = {0};
    int r;

    if (registry_guard_row(load->daemon, key, value))
        return 0;
    r = row_apply(load->daemon->catalog, key, value, &error);
    if (r == 0 && !load->is_again)
        r = externals_adopt_row(load->daemon, key, value);
    /* One row that cannot be read does not take the rest down; it stays as it is and is said. */
    if (r < 0 && load->failed++ == 0)
        load->error = error;
    if (r < 0 && r != -ENOMEM)
        r = registry_guard_unreadable(load->daemon, key, value, &error);
    return r == -ENOMEM ? r : 0;
}

static int on_host_row(const char *key, const char *value, void *user)
{
    numbers_adopt_row(user, key, value);
    return 0;
}

static int load_registry(struct daemon *daemon, struct error *error)
{
    struct load load = {.daemon = daemon};
    int r = registry_load(daemon->registry, "", on_row, &load, error);

    if (r == -EUCLEAN) {
        load = (struct load){.daemon = daemon, .is_again = true};
        r = registry_guard_replace(daemon, error);
        if (r == 0)
            r = registry_load(daemon->registry, "", on_row, &load, error);
    }
    if (r == 0 && externals_adopt(daemon) < 0)
        r = error_errno(error, ENOMEM, "starting");
    if (r == 0 && load.failed)
        log_warning("registry %s: %u rows cannot be read, leaving them alone; the first: %s",
                    registry_location(daemon->registry), load.failed, load.error.message);
    return r;
}

static bool is_address_wanted(const char *dns_name, const struct ip_address *address, void *user)
{
    const struct daemon *daemon = user;
    struct ip_address wanted;
    uint32_t number;

    if (name_numbers_find(daemon->addresses, dns_name, &number) < 0)
        return registry_guard_is_degraded(&daemon->guard);
    wanted = config_alias_address(&daemon->config, number);
    return ip_address_equal(&wanted, address);
}

/* What is pinned and what the registry says of this host, in that order. */
static int adopt_datapath(struct daemon *daemon, const struct datapath_config *config, struct error *error)
{
    int r = numbers_new(daemon, error);

    if (r == 0) {
        probes_doubt_all(daemon);
        r = numbers_adopt_kernel(daemon, error);
    }
    if (r == 0)
        r = registry_load(daemon->registry, "host/", on_host_row, daemon, error);
    if (r == 0)
        r = kept_adopt(daemon, error);
    if (r == 0 && (r = publisher_new(daemon->datapath, datapath_services(config->aliases), config->slots,
                                     daemon->endpoints, daemon->scopes, &daemon->publisher)) < 0)
        r = error_errno(error, r, "starting");
    if (r == 0 && datapath_origin(daemon->datapath) == DATAPATH_ADOPTED)
        r = publisher_adopt(daemon->publisher, is_address_wanted, daemon, &daemon->adopted, error);
    return r;
}

static void say_started(const struct daemon *daemon, enum datapath_origin origin, unsigned swapped)
{
    static const char *const origins[] = {
        [DATAPATH_NEW] = "nothing was pinned",
        [DATAPATH_ADOPTED] = "adopted what was pinned",
        [DATAPATH_MIGRATED] = "moved what was pinned to new maps",
    };
    char trouble[1024];

    log_info("ready: %zu services, %zu instances, %u aliases, %u tasks; %s, %u programs swapped, %llu "
             "entries written",
             daemon->catalog->n_services, daemon->catalog->n_instances, publisher_aliases(daemon->publisher),
             HASH_COUNT(daemon->tasks.all), origins[origin], swapped,
             (unsigned long long)datapath_writes(daemon->datapath));
    if (!datapath_has_set_retval(daemon->datapath))
        log_warning("this kernel (before 5.18) cannot answer ECONNREFUSED: a connect without endpoint fails "
                    "with EPERM");
    if (registry_guard_trouble(daemon, trouble, sizeof(trouble)))
        log_error("degraded, keeping %u aliases: %s", publisher_kept_aliases(daemon->publisher), trouble);
    log_info("control socket %s", daemon->socket_path);
}

static int start_datapath(struct daemon *daemon, const struct datapath_config *config, struct error *error)
{
    enum datapath_origin origin;
    unsigned swapped = 0;
    int r = adopt_datapath(daemon, config, error);

    if (r < 0)
        return r;
    origin = datapath_origin(daemon->datapath);
    r = probes_new(daemon, error);
    if (r == 0)
        r = publish_everything(daemon, error);
    if (r == 0 && (slow_start_begin(daemon) < 0 || drains_begin(daemon) < 0))
        r = error_errno(error, ENOMEM, "starting");
    if (r == 0)
        r = externals_begin(daemon, error);
    if (r == 0)
        r = datapath_activate(daemon->datapath, &swapped, error);
    if (r == 0 && make_events(daemon) < 0)
        r = error_errno(error, ENOMEM, "starting");
    if (r == 0)
        r = program_events_listen(daemon, error);
    if (r == 0)
        r = dns_begin(daemon, error);
    if (r == 0)
        services_dir_start(daemon);
    if (r == 0)
        r = control_server_new(daemon->base, daemon->socket_path, daemon_requests, daemon, &daemon->control,
                               error);
    if (r == 0)
        r = aws_api_start(daemon, error);
    if (r == 0)
        say_started(daemon, origin, swapped);
    return r;
}

/* Connections of the AWS API come after everything else, also while many of them are due. */
static struct event_base *make_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config && event_config_set_max_dispatch_interval(config, NULL, 8, HTTP_LOOP_PRIORITY) == 0)
        base = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    if (base && event_base_priority_init(base, HTTP_LOOP_PRIORITIES) < 0) {
        event_base_free(base);
        base = NULL;
    }
    return base;
}

int daemon_start(struct daemon *daemon, struct error *error)
{
    struct datapath_config config = {
        .bpffs = daemon->config.bpffs,
        .cgroup_root = daemon->config.cgroup_root,
        .aliases = daemon->config.max_aliases,
        .slots = daemon->config.max_slots,
        .endpoints = daemon->config.max_endpoints,
        .tasks = daemon->config.max_tasks,
    };
    struct opening opening;
    struct error unheard = {0};
    int r = datapath_preflight(&config, error);
    int opened;

    for (size_t i = 0; i < ARRAY_SIZE(daemon->locks); i++)
        daemon->locks[i] = -1;
    /* Now, while there is little for another process to have, and before there are locks that it would keep.
     */
    if (r == 0 && daemon->config.is_dns_on)
        dns_reads_start(daemon);
    if (r == 0)
        r = take_directories(daemon, error);
    if (r < 0)
        return r;
    daemon->base = make_base();
    daemon->catalog = catalog_new();
    if (!daemon->base || !daemon->catalog || event_log_init(&daemon->events) < 0)
        return error_errno(error, ENOMEM, "starting");
    daemon->catalog->last_instances_revision = (uint64_t)clock_wall_s() * 1000000;
    r = registry_guard_open(daemon, error);
    if (r < 0)
        return r;
    /* Nearly all rows are instances where there are many. */
    config.expected_endpoints = (uint32_t)registry_count(daemon->registry);
    opening_begin(&opening, &config);
    r = load_registry(daemon, error);
    opened = opening_end(&opening, &daemon->datapath, r < 0 ? &unheard : error);
    if (r == 0)
        r = opened;
    if (r == 0)
        r = registry_guard_settle(daemon, &config, error);
    if (r == 0)
        r = start_datapath(daemon, &config, error);
    if (r < 0)
        return r;
    (void)clock_gettime(CLOCK_MONOTONIC, &daemon->started);
    return 0;
}

int daemon_run(struct daemon *daemon)
{
    notify_manager("READY=1");
    return event_base_dispatch(daemon->base) < 0 ? -EIO : 0;
}

void daemon_done(struct daemon *daemon)
{
    control_server_free(&daemon->control);
    aws_api_done(daemon);
    services_dir_done(&daemon->services_dir);
    for (size_t i = 0; i < ARRAY_SIZE(daemon->signals); i++)
        if (daemon->signals[i])
            event_free(daemon->signals[i]);
    if (daemon->grace_event)
        event_free(daemon->grace_event);
    if (daemon->sweep_event)
        event_free(daemon->sweep_event);
    if (daemon->program_event)
        event_free(daemon->program_event);
    if (daemon->datapath)
        dns_done(daemon);
    dns_reads_done(daemon);
    publisher_free(&daemon->publisher);
    udp_closing_done(&daemon->udp_closing);
    externals_done(daemon);
    drains_done(&daemon->drains);
    slow_start_done(&daemon->slow_start);
    health_free(&daemon->health);
    outliers_done(&daemon->outliers);
    free(daemon->instances);
    datapath_close(&daemon->datapath);
    task_list_done(&daemon->tasks);
    event_log_done(&daemon->events);
    numbers_saved(daemon);
    kept_done(&daemon->kept);
    registry_guard_done(&daemon->guard);
    name_numbers_free(&daemon->scopes);
    name_numbers_free(&daemon->addresses);
    name_numbers_free(&daemon->endpoints);
    registry_close(&daemon->registry);
    catalog_free(&daemon->catalog);
    if (daemon->base)
        event_base_free(daemon->base);
    for (size_t i = 0; i < ARRAY_SIZE(daemon->locks); i++)
        if (daemon->locks[i] >= 0)
            (void)close(daemon->locks[i]);
    free(daemon->socket_path);
    free(daemon->hosts_dir);
    config_done(&daemon->config);
}
