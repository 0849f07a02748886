// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
#include "daemon/rooms.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/config_etcd.h"

int rooms_make(struct daemon *daemon, struct error *error)
{
    const struct socket_looks looks = {
        .base = daemon->base, .directories = tasks_directories, .user = &daemon->tasks};
    const struct external_settings external = {
        .servers = daemon->config.external_servers,
        .min_ttl_s = daemon->config.external_min_ttl,
        .max_ttl_s = daemon->config.external_max_ttl,
    };
    struct engine *engine = daemon->engine;
    struct event_log *events = &daemon->events;

    daemon->changes_told = (struct changes_told){.engine = engine, .events = events};
    canaries_init(&daemon->canaries, engine, events);
    externals_init(&daemon->externals, engine, events, &external);
    slow_start_init(&daemon->slow_start, engine);
    spill_init(&daemon->spill, engine, &daemon->outliers);
    sights_init(&daemon->sights, engine, &daemon->outliers, &daemon->probes);
    loads_init(&daemon->loads, &daemon->outliers);
    udp_closing_init(&daemon->udp_closing, &daemon->outliers, &looks);
    policy_closing_init(&daemon->policy_closing, daemon->base, events);
    drains_init(&daemon->drains, engine, events, &looks, externals_drop_address, &daemon->externals);
    daemon->program_events = (struct program_events){.engine = engine,
                                                     .outliers = &daemon->outliers,
                                                     .probes = &daemon->probes,
                                                     .spill = &daemon->spill,
                                                     .policies = &daemon->policies,
                                                     .events = events};
    return probes_init(&daemon->probes, daemon->base, engine, &daemon->outliers, &daemon->config.exec_checks,
                       events, error);
}

/* Checks say who is eligible, and then slow start how much; UDP sockets are closed by the address that ejection
 * still knows. */
int rooms_follow(struct daemon *daemon)
{
    const struct {
        const struct engine_follower *functions;
        void *user;
    } followers[] = {
        {&canaries_follower, &daemon->canaries},
        {&externals_follower, &daemon->externals},
        {&probes_follower, &daemon->probes},
        {&slow_start_follower, &daemon->slow_start},
        {&udp_closing_follower, &daemon->udp_closing},
        {&outliers_follower, &daemon->outliers},
        {&spill_follower, &daemon->spill},
        {&liveness_follower, &daemon->liveness},
        {&policies_follower, &daemon->policies},
        {&drains_follower, &daemon->drains},
        {&tasks_follower, &daemon->tasks},
        {&dns_follower, &daemon->dns},
        {&ecs_happenings_follower, &daemon->happenings},
        {&changes_told_follower, &daemon->changes_told},
        {&totals_follower, &daemon->totals},
        {&containers_follower, &daemon->containers},
    };
    int r = 0;

    ecs_happenings_init(&daemon->happenings, daemon->engine);

    for (size_t i = 0; i < ARRAY_SIZE(followers) && r == 0; i++)
        r = engine_follow(daemon->engine, followers[i].functions, followers[i].user);
    return r;
}

/* ---- who wants to know of tasks ---- */

static void rooms_task_put(void *user, const struct task *task, pid_t pid)
{
    struct daemon *daemon = user;

    dns_observer.put(&daemon->dns, task, pid);
    if (daemon->liveness)
        liveness_task_put(daemon->liveness);
}

static void rooms_task_removed(void *user, const struct task *task)
{
    struct daemon *daemon = user;

    dns_observer.removed(&daemon->dns, task);
}

static const struct task_observer of_tasks = {.put = rooms_task_put, .removed = rooms_task_removed};

void rooms_make_for_tasks(struct daemon *daemon)
{
    tasks_init(&daemon->tasks, &(struct tasks_settings){
                                   .engine = daemon->engine,
                                   .datapath = daemon->datapath,
                                   .events = &daemon->events,
                                   .cgroup_root = daemon->config.cgroup_root,
                                   .hosts_dir = daemon->hosts_dir,
                                   .max_tasks = daemon->config.max_tasks,
                                   .admit = policies_admit,
                                   .dismiss = policies_dismiss,
                                   .admit_user = &daemon->policies,
                               });
    dns_init(&daemon->dns, &(struct dns_settings){
                               .base = daemon->base,
                               .engine = daemon->engine,
                               .datapath = daemon->datapath,
                               .cgroup_root = daemon->config.cgroup_root,
                               .max_tasks = daemon->config.max_tasks,
                               .ttl = daemon->config.dns_ttl,
                               .is_on = daemon->config.is_dns_on,
                               .listen_address = daemon->config.dns_listen_address,
                               .listen_port = daemon->config.dns_listen_port,
                               .keep_path = daemon->dns_path,
                           });
    tasks_observe(&daemon->tasks, &of_tasks, daemon);
}

int rooms_make_liveness(struct daemon *daemon, struct error *error)
{
    const struct liveness_settings settings = {
        .base = daemon->base,
        .engine = daemon->engine,
        .datapath = daemon->datapath,
        .max_endpoints = engine_max_endpoints(daemon->engine),
        .directories = tasks_directories,
        .user = &daemon->tasks,
    };
    int r = liveness_new(&settings, &daemon->liveness);

    return r < 0 ? error_errno(error, r, "starting") : 0;
}

int rooms_make_policies(struct daemon *daemon, struct error *error)
{
    const struct policies_settings settings = {
        .base = daemon->base,
        .engine = daemon->engine,
        .datapath = daemon->datapath,
        .events = &daemon->events,
    };
    int r = policies_new(&settings, &daemon->policies);

    return r < 0 ? error_errno(error, r, "starting") : 0;
}

int rooms_watch_pins(struct daemon *daemon, struct error *error)
{
    const struct pins_settings settings = {
        .base = daemon->base,
        .datapath = daemon->datapath,
        .events = &daemon->events,
        .bpffs = daemon->config.bpffs,
        .lock = &daemon->locks[2],
        .on_lost = tasks_put_on_again,
        .user = &daemon->tasks,
    };
    int r = pins_begin(&daemon->pins, &settings);

    return r < 0 ? error_errno(error, r, "starting") : 0;
}

static bool sends_to_collector(const struct daemon *daemon)
{
    return strcmp(daemon->config.otlp_endpoint, OTLP_OFF) != 0;
}

static void make_api(struct daemon *daemon)
{
    const struct config *config = &daemon->config;

    daemon->api = (struct api){
        .settings = {.registry = config->registry,
                     .state_dir = config->state_dir,
                     .run_dir = config->run_dir,
                     .bpffs = config->bpffs,
                     .cgroup_root = config->cgroup_root,
                     .alias_range_text = config->alias_range_text,
                     .alias_range6_text = config->alias_range6_text,
                     .alias_range = config->alias_range,
                     .max_aliases = config->max_aliases,
                     .max_slots = config->max_slots,
                     .max_endpoints = config->max_endpoints,
                     .max_tasks = config->max_tasks,
                     .counts_callers = config->counts_callers,
                     .connection_log = config->connection_log_text},
        .engine = daemon->engine,
        .datapath = daemon->datapath,
        .outliers = &daemon->outliers,
        .spill = &daemon->spill,
        .policies = &daemon->policies,
        .policy_closing = &daemon->policy_closing,
        .probes = &daemon->probes,
        .drains = &daemon->drains,
        .externals = &daemon->externals,
        .dns = &daemon->dns,
        .tasks = &daemon->tasks,
        .events = &daemon->events,
        .connections = &daemon->connection_log,
        .services_dir = &daemon->services_dir,
        .documents_worker = daemon->documents_worker,
        .troubles = {{aws_api_trouble, &daemon->aws},
                     {pins_trouble, &daemon->pins},
                     {listener_trouble, &daemon->metrics.listener},
                     {listener_trouble, &daemon->web.listener},
                     {otlp_trouble, &daemon->otlp},
                     {surroundings_tell_processes, &daemon->surroundings},
                     {surroundings_tell_pins, &daemon->surroundings}},
        .pins = &daemon->pins,
        .containers = &daemon->containers,
        .otlp = sends_to_collector(daemon) ? &daemon->otlp.counts : NULL,
        .loop_lag = &daemon->loop_watch.lag,
    };
}

int rooms_listen(struct daemon *daemon, struct error *error)
{
    const struct control_table tables[] = {
        {api_requests, &daemon->api, &api_gate},
        {aws_api_routes, &daemon->aws, NULL},
    };

    make_api(daemon);
    return control_server_new(daemon->base, daemon->socket_path, tables, ARRAY_SIZE(tables), &daemon->control,
                              error);
}

/* Where nothing is said, a share of the maps; of the smallest ones too something. */
static uint32_t quota_or(uint32_t given, uint32_t share)
{
    return given ? given : share ? share : 1;
}

int rooms_start_aws_api(struct daemon *daemon, struct error *error)
{
    const struct aws_api_settings settings = {
        .listen = daemon->config.aws_listen,
        .state_dir = daemon->config.state_dir,
        .happenings = &daemon->happenings,
        .quotas = {.instances =
                       quota_or(daemon->config.quota_instances, engine_max_endpoints(daemon->engine) / 2),
                   .services = quota_or(daemon->config.quota_services, daemon->config.max_aliases / 16),
                   .definitions = daemon->config.quota_definitions,
                   .writes_per_second = daemon->config.quota_writes},
    };

    return aws_api_start(&daemon->aws, daemon->engine, daemon->base, &settings, error);
}

static int serve_page(struct daemon *daemon, struct error *error)
{
    const struct web_server_settings settings = {
        .base = daemon->base,
        .api = &daemon->api,
        .totals = &daemon->totals,
        .callers = daemon->config.counts_callers ? &daemon->caller_totals : NULL,
        .listen = daemon->config.web_listen,
        .token_file = daemon->config.web_token_file,
    };

    return web_server_start(&daemon->web, &settings, error);
}

static int send_to_collector(struct daemon *daemon, struct error *error)
{
    const struct otlp_settings settings = {
        .base = daemon->base,
        .engine = daemon->engine,
        .totals = &daemon->totals,
        .log = &daemon->connection_log,
        .endpoint = daemon->config.otlp_endpoint,
        .headers_file = daemon->config.otlp_headers_file,
        .interval_s = daemon->config.otlp_interval_s,
    };

    if (sends_to_collector(daemon)) {
        daemon->connections.more = otlp_more;
        daemon->connections.more_user = &daemon->otlp;
    }
    return otlp_begin(&daemon->otlp, &settings, error);
}

/* What is counted of services is kept only where somebody may read it. */
int rooms_serve_observers(struct daemon *daemon, struct error *error)
{
    const struct metrics_server_settings settings = {
        .base = daemon->base,
        .api = &daemon->api,
        .listen = daemon->config.metrics_listen,
        .has_endpoints = strcmp(daemon->config.metrics_detail, "endpoint") == 0,
        .totals = &daemon->totals,
        .callers = daemon->config.counts_callers ? &daemon->caller_totals : NULL,
    };

    bool is_shown = strcmp(settings.listen, "off") != 0 || strcmp(daemon->config.web_listen, "off") != 0;
    bool is_read = is_shown || sends_to_collector(daemon);
    int r;

    if (daemon->config.counts_callers && daemon->config.connection_log != SVC_LOG_OFF &&
        connections_begin(&daemon->connections, daemon->base, &daemon->api, daemon->datapath,
                          &daemon->connection_log) < 0)
        return error_errno(error, ENOMEM, "starting");
    if (settings.callers && is_shown &&
        caller_totals_begin(&daemon->caller_totals, &daemon->api, daemon->datapath) < 0)
        return error_errno(error, ENOMEM, "starting");
    if (is_read && totals_begin(&daemon->totals, daemon->engine, daemon->datapath, &daemon->outliers) < 0)
        return error_errno(error, ENOMEM, "starting");
    r = send_to_collector(daemon, error);
    if (r == 0)
        r = metrics_server_start(&daemon->metrics, &settings, error);
    return r < 0 ? r : serve_page(daemon, error);
}

int rooms_follow_containers(struct daemon *daemon, struct error *error)
{
    const struct containers_settings settings = {
        .base = daemon->base,
        .engine = daemon->engine,
        .tasks = &daemon->tasks,
        .dns = &daemon->dns,
        .events = &daemon->events,
        .cgroup_root = daemon->config.cgroup_root,
        .has_no_gate = !daemon->config.is_container_gate_on,
        .runtimes = config_has_fleet(&daemon->config) ? "none" : daemon->config.container_runtimes,
        .host_address = daemon->config.host_address,
    };

    return containers_begin(&settings, &daemon->containers, error);
}
