/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Starting, the loop, ending. The order of starting is the promise that nothing is touched before everything
 * that can be checked has been, and that tasks keep what they have until the new is complete. Long because that order is
 * read from one place.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/worker.h"
#include "base/lock.h"
#include "daemon/config_etcd.h"
#include "daemon/notify.h"
#include "daemon/opening.h"
#include "daemon/rooms.h"
#include "daemon/watchdog.h"
#include "engine/history/history.h"
#include "engine/change/job.h"
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
    engine_end_grace(daemon->engine);
}

static void on_sweep(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;

    (void)fd;
    (void)what;
    task_list_sweep(&daemon->tasks);
    services_dir_sweep(&daemon->services_dir);
    canaries_sweep(&daemon->canaries);
    probes_sweep(&daemon->probes);
    sights_sweep(&daemon->sights);
    log_sweep();
}

/* A start is the one way that takes all in: it adopts what is pinned, and no task notices. */
static void on_found(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;

    (void)fd;
    (void)what;
    log_info("registry %s is there: starting anew with it", daemon->config.registry);
    daemon->must_start_anew = true;
    (void)event_base_loopbreak(daemon->base);
}

static int await_registry(struct daemon *daemon)
{
    int fd = fleet_registry_fd(&daemon->fleet);

    if (fd < 0)
        return 0;
    daemon->found_event = event_new(daemon->base, fd, EV_READ, on_found, daemon);
    return daemon->found_event && event_add(daemon->found_event, NULL) == 0 ? 0 : -ENOMEM;
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
    return await_registry(daemon);
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
    char clock_path[PATH_MAX];
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
        asprintf(&daemon->hosts_dir, "%s/hosts", daemon->config.run_dir) < 0 ||
        asprintf(&daemon->dns_path, "%s/dns.sock", daemon->config.run_dir) < 0)
        return error_errno(error, ENOMEM, "starting");
    (void)snprintf(clock_path, sizeof(clock_path), "%s/clock", daemon->config.run_dir);
    r = clock_run_continue(clock_path);
    if (r < 0)
        log_warning("%s: %s: if the clock of this host is set before the next start, drains and steps of "
                    "canaries end earlier or later then",
                    clock_path, strerror(-r));
    r = directory_make(daemon->hosts_dir, 0755);
    if (r == 0 && chmod(daemon->hosts_dir, 0755) < 0) /* one of an earlier run may be closed to others */
        r = -errno;
    return r < 0 ? error_errno(error, r, "%s", daemon->hosts_dir) : 0;
}

static int make_engine(struct daemon *daemon, struct error *error)
{
    const struct engine_settings settings = {
        .base = daemon->base,
        .alias_range = daemon->config.alias_range,
        .name_suffixes = daemon->config.name_suffixes,
        .region = daemon->config.region,
        .zone = daemon->zone.name,
        .host_rights = config_rights_of_host(&daemon->config),
        .aws_checks = &daemon->config.aws_checks,
        .max_aliases = daemon->config.max_aliases,
        .max_slots = daemon->config.max_slots,
        .max_endpoints = daemon->config.max_endpoints,
        .history_rows = HISTORY_ROWS,
        .adopts_empty = daemon->config.adopts_empty,
    };
    int r = engine_new(&settings, &daemon->engine);

    if (r == 0 && *daemon->zone.name)
        log_info("this host is in zone %s (%s)", daemon->zone.name, daemon->zone.from);
    if (r == 0)
        r = rooms_follow(daemon);
    return r < 0 ? error_errno(error, r, "starting") : rooms_make(daemon, error);
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
             engine_catalog(daemon->engine)->n_services, engine_catalog(daemon->engine)->n_instances,
             engine_figures(daemon->engine).aliases, HASH_COUNT(daemon->tasks.all), origins[origin], swapped,
             (unsigned long long)datapath_writes(daemon->datapath));
    if (!datapath_has_set_retval(daemon->datapath))
        log_warning("this kernel (before 5.18) cannot answer ECONNREFUSED: a connect without endpoint fails "
                    "with EPERM");
    if (engine_trouble(daemon->engine, trouble, sizeof(trouble)))
        log_error("degraded, keeping %u aliases: %s", engine_figures(daemon->engine).kept_aliases, trouble);
    if (surroundings_tell_processes(&daemon->surroundings, trouble, sizeof(trouble)))
        log_warning("%s", trouble);
    if (surroundings_tell_pins(&daemon->surroundings, trouble, sizeof(trouble)))
        log_warning("%s", trouble);
    log_info("control socket %s", daemon->socket_path);
}

/* The last thing: a start is no stall. */
static int watch_loop(struct daemon *daemon, struct error *error)
{
    int r = loop_watch_begin(&daemon->loop_watch, daemon->base);

    if (r < 0)
        return error_errno(error, r, "making the clock that measures the event loop");
    r = watchdog_begin(daemon->base, &daemon->watchdog);
    if (r < 0)
        return error_errno(error, r, "making the timer of the service manager's watchdog");
    return 0;
}

static void tell_of_documents(void *user, const char *message)
{
    event_log_add(user, EVENT_DOCUMENT, NULL, NULL, NULL, "%s", message);
}

/* Nobody is told that the daemon is ready before what lies in the directory has been applied. */
static int start_documents(struct daemon *daemon, struct error *error)
{
    int r = worker_new(daemon->base, &daemon->documents_worker);

    if (r < 0)
        return error_errno(error, r, "starting");
    daemon->services_dir = (struct services_dir){
        .engine = daemon->engine,
        .base = daemon->base,
        .worker = daemon->documents_worker,
        .path = daemon->config.services_dir,
        .tell = tell_of_documents,
        .tell_user = &daemon->events,
        .inotify_fd = -1,
    };
    /* Each host would take away what another's directory holds and its own does not. */
    if (config_has_fleet(&daemon->config)) {
        log_info("%s is not read, since the registry is a fleet's: apply documents on one host",
                 daemon->config.services_dir);
        return 0;
    }
    services_dir_start(&daemon->services_dir);
    services_dir_settle(&daemon->services_dir);
    return 0;
}

static int start_datapath(struct daemon *daemon, struct error *error)
{
    enum datapath_origin origin;
    unsigned swapped = 0;
    int r = outliers_init(&daemon->outliers, daemon->engine, engine_max_endpoints(daemon->engine));

    if (r < 0)
        return error_errno(error, r, "starting");
    daemon->outliers.datapath = daemon->program_events.datapath = daemon->datapath;
    rooms_make_for_tasks(daemon);
    r = rooms_make_liveness(daemon, error);
    if (r == 0)
        r = rooms_make_policies(daemon, error);
    if (r < 0)
        return r;
    r = engine_adopt(daemon->engine, daemon->datapath, error);
    if (r < 0)
        return r;
    origin = datapath_origin(daemon->datapath);
    r = engine_publish(daemon->engine, error);
    if (r == 0 &&
        (slow_start_begin(&daemon->slow_start, daemon->base) < 0 ||
         spill_begin(&daemon->spill, daemon->base) < 0 || loads_begin(&daemon->loads, daemon->base) < 0 ||
         drains_begin(&daemon->drains, daemon->base) < 0))
        r = error_errno(error, ENOMEM, "starting");
    if (r == 0)
        r = externals_begin(&daemon->externals, daemon->base, error);
    if (r == 0)
        r = datapath_activate(daemon->datapath, &swapped, error);
    if (r == 0 && make_events(daemon) < 0)
        r = error_errno(error, ENOMEM, "starting");
    if (r == 0)
        r = program_events_begin(&daemon->program_events, daemon->base, error);
    if (r == 0)
        r = rooms_watch_pins(daemon, error);
    if (r == 0)
        r = dns_begin(&daemon->dns, error);
    if (r == 0)
        r = start_documents(daemon, error);
    if (r == 0)
        r = rooms_listen(daemon, error);
    if (r == 0)
        r = rooms_start_aws_api(daemon, error);
    if (r == 0 && task_patterns_begin(daemon->base, &daemon->tasks, daemon->config.task_patterns,
                                      daemon->config.n_task_patterns, &daemon->task_patterns) < 0)
        r = error_errno(error, ENOMEM, "starting");
    if (r == 0)
        r = rooms_serve_observers(daemon, error);
    if (r == 0)
        r = rooms_follow_containers(daemon, error);
    if (r == 0 && liveness_begin(daemon->liveness) < 0)
        r = error_errno(error, ENOMEM, "starting");
    if (r == 0)
        r = watch_loop(daemon, error);
    if (r == 0)
        surroundings_look(daemon->config.cgroup_root, daemon->config.bpffs, &daemon->surroundings);
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

/* The soft limit is for programs that use select(); connections to us and the links of tasks are more. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_registry(struct daemon *daemon, struct error *error)
{
    return config_has_fleet(&daemon->config)
               ? fleet_registry_open(&daemon->fleet, &daemon->config, error)
               : engine_open_registry(daemon->engine, daemon->config.state_dir, error);
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
        .alias_ranges = alias_range_for_programs(&daemon->config.alias_range),
        .counts_callers = daemon->config.counts_callers,
        .connection_log = daemon->config.connection_log,
    };
    struct opening opening;
    struct error unheard = {0};
    int r = datapath_preflight(&config, error);
    int opened;

    for (size_t i = 0; i < ARRAY_SIZE(daemon->locks); i++)
        daemon->locks[i] = -1;
    if (r == 0)
        surroundings_join(daemon->config.cgroup_root);
    /* Now, while there is little for another process to have, and before there are locks that
     * it would keep. */
    if (r == 0 && daemon->config.is_dns_on) {
        dns_reads_start(&daemon->dns);
        dns_keep_start(&daemon->dns);
    }
    raise_descriptors();
    if (r == 0)
        r = take_directories(daemon, error);
    if (r < 0)
        return r;
    daemon->base = make_base();
    if (!daemon->base || event_log_init(&daemon->events) < 0)
        return error_errno(error, ENOMEM, "starting");
    r = host_zone_find(daemon->config.zone, &daemon->zone, error);
    if (r == 0)
        r = make_engine(daemon, error);
    if (r == 0)
        r = open_registry(daemon, error);
    if (r < 0)
        return r;
    /* Nearly all rows are instances where there are many. */
    config.expected_endpoints = (uint32_t)(daemon->fleet.registry ? registry_count(daemon->fleet.registry)
                                                                  : engine_rows(daemon->engine));
    opening_begin(&opening, &config);
    r = engine_load(daemon->engine, daemon->fleet.registry, error);
    opened = opening_end(&opening, &daemon->datapath, r < 0 ? &unheard : error);
    if (r == 0)
        r = opened;
    if (r == 0)
        r = engine_judge(daemon->engine, &config, &daemon->datapath, error);
    if (r == 0)
        r = start_datapath(daemon, error);
    if (r < 0)
        return r;
    (void)clock_gettime(CLOCK_MONOTONIC, &daemon->api.started);
    return 0;
}

int daemon_run(struct daemon *daemon)
{
    notify_manager("READY=1");
    if (event_base_dispatch(daemon->base) < 0)
        return -EIO;
    /* Whoever is left behind must not have the gate, which holds programs for as long as somebody has it. */
    containers_end(&daemon->containers);
    dns_leave(&daemon->dns);
    return 0;
}

void daemon_done(struct daemon *daemon)
{
    /* First of all, so that whoever waits for documents or a change is told the end, and frees what it needed
     * for that. */
    worker_stop(daemon->documents_worker);
    if (daemon->engine) {
        externals_flush(&daemon->externals);
        engine_stop(daemon->engine);
    }
    task_patterns_end(&daemon->task_patterns);
    containers_end(&daemon->containers);
    control_server_free(&daemon->control);
    metrics_server_done(&daemon->metrics);
    web_server_done(&daemon->web);
    otlp_done(&daemon->otlp);
    totals_done(&daemon->totals);
    connections_done(&daemon->connections);
    caller_totals_done(&daemon->caller_totals);
    aws_api_done(&daemon->aws);
    ecs_happenings_done(&daemon->happenings);
    services_dir_done(&daemon->services_dir);
    for (size_t i = 0; i < ARRAY_SIZE(daemon->signals); i++)
        if (daemon->signals[i])
            event_free(daemon->signals[i]);
    if (daemon->grace_event)
        event_free(daemon->grace_event);
    if (daemon->sweep_event)
        event_free(daemon->sweep_event);
    if (daemon->found_event)
        event_free(daemon->found_event);
    pins_done(&daemon->pins);
    program_events_done(&daemon->program_events);
    loop_watch_done(&daemon->loop_watch);
    if (daemon->watchdog)
        event_free(daemon->watchdog);
    dns_done(&daemon->dns);
    udp_closing_done(&daemon->udp_closing);
    policy_closing_done(&daemon->policy_closing);
    externals_done(&daemon->externals);
    drains_done(&daemon->drains);
    loads_done(&daemon->loads);
    spill_done(&daemon->spill);
    slow_start_done(&daemon->slow_start);
    sights_done(&daemon->sights);
    probes_done(&daemon->probes);
    canaries_done(&daemon->canaries);
    liveness_free(&daemon->liveness);
    policies_free(&daemon->policies);
    outliers_done(&daemon->outliers);
    engine_free(&daemon->engine);
    fleet_registry_done(&daemon->fleet);
    worker_free(&daemon->documents_worker);
    datapath_close(&daemon->datapath);
    tasks_done(&daemon->tasks);
    event_log_done(&daemon->events);
    if (daemon->base)
        event_base_free(daemon->base);
    for (size_t i = 0; i < ARRAY_SIZE(daemon->locks); i++)
        if (daemon->locks[i] >= 0)
            (void)close(daemon->locks[i]);
    free(daemon->socket_path);
    free(daemon->hosts_dir);
    free(daemon->dns_path);
    config_done(&daemon->config);
}
