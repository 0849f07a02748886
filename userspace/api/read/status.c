/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The daemon about itself: status and the head of the metrics, from the same figures. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "api/api.h"
#include "dns/dns.h"
#include "engine/engine.h"
#include "engine/history/history.h"
#include "health/health.h"
#include "externals/externals.h"
#include "datapath/datapath.h"
#include "apply/services_dir.h"
#include "containers/containers.h"
#include "tasks/task_list.h"
#include "upkeep/drains.h"
#include "upkeep/outliers.h"
#include "upkeep/pins.h"
#include "upkeep/probes.h"
#include "api/read/reads.h"
#include "metrics/snapshot.h"
#include "registry/registry.h"

#define N_MAPS 4

static double uptime(const struct api *api)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - api->started.tv_sec) + (double)(now.tv_nsec - api->started.tv_nsec) / 1e9;
}

static void gather(struct api *api, struct metrics_map maps[static N_MAPS], struct metrics_snapshot *snapshot)
{
    struct health_figures figures = health_figures(api->probes->health);

    maps[0] = (struct metrics_map){"aliases", engine_figures(api->engine).aliases * 2,
                                   api->settings.max_aliases, "maps.aliases"};
    maps[1] = (struct metrics_map){"slots", engine_figures(api->engine).slots_used, api->settings.max_slots,
                                   "maps.slots"};
    maps[2] = (struct metrics_map){"endpoints", engine_figures(api->engine).endpoints_used,
                                   api->settings.max_endpoints, "maps.endpoints"};
    maps[3] =
        (struct metrics_map){"tasks", HASH_COUNT(api->tasks->all), api->settings.max_tasks, "maps.tasks"};
    *snapshot = (struct metrics_snapshot){
        .maps = maps,
        .n_maps = N_MAPS,
        .namespaces = HASH_COUNT(engine_catalog(api->engine)->namespaces),
        .services = engine_catalog(api->engine)->n_services,
        .instances = engine_catalog(api->engine)->n_instances,
        .aliases = engine_figures(api->engine).aliases,
        .tasks = HASH_COUNT(api->tasks->all),
        .map_writes = datapath_writes(api->datapath),
        .revision = engine_figures(api->engine).revision,
        .uptime_seconds = uptime(api),
    };
    snapshot->loop_lag = api->loop_lag;
    snapshot->otlp = api->otlp;
    snapshot->probes = figures.probes;
    snapshot->probes_failed = figures.failed;
    snapshot->probe_targets = figures.targets;
    snapshot->is_weak_observer = figures.is_weak_observer;
    snapshot->is_registry_degraded = engine_is_degraded(api->engine);
    snapshot->pins_put_back = api->pins ? api->pins->put_back : 0;
    snapshot->kept_aliases = engine_figures(api->engine).kept_aliases;
    (void)datapath_counters(api->datapath, &snapshot->counters);
    (void)datapath_refusals(api->datapath, &snapshot->refusals);
}

static void add_degraded(cJSON *list, const char *text)
{
    (void)cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

/* Conditions that make the state "degraded", as sentences. */
static void list_degraded(struct api *api, cJSON *list)
{
    struct metrics_map maps[N_MAPS];
    struct metrics_snapshot snapshot;
    const struct task *task;
    char text[1024];

    gather(api, maps, &snapshot);
    if (engine_trouble(api->engine, text, sizeof(text)))
        add_degraded(list, text);
    if (engine_doubts_hosts(api->engine, text, sizeof(text)))
        add_degraded(list, text);
    if (engine_has_twin(api->engine, text, sizeof(text)))
        add_degraded(list, text);
    if (probes_trouble(api->probes))
        add_degraded(list, probes_trouble(api->probes));
    if (probes_refused(api->probes, text, sizeof(text)))
        add_degraded(list, text);
    if (!datapath_has_set_retval(api->datapath))
        add_degraded(list,
                     "this kernel (before 5.18) answers a connect without endpoint with EPERM instead of "
                     "ECONNREFUSED");
    if (api->externals && externals_trouble(api->externals, text, sizeof(text)))
        add_degraded(list, text);
    for (size_t i = 0; i < API_TROUBLES; i++)
        if (api->troubles[i].tell && api->troubles[i].tell(api->troubles[i].user, text, sizeof(text)))
            add_degraded(list, text);
    for (size_t i = 0; i < N_MAPS; i++)
        if (maps[i].used * 10ull > maps[i].max * 9ull && maps[i].max >= 10) {
            (void)snprintf(text, sizeof(text), "map %s is nearly full (%u of %u): raise %s", maps[i].name,
                           maps[i].used, maps[i].max, maps[i].setting);
            add_degraded(list, text);
        }
    for (task = api->tasks->all; task; task = task->hh.next)
        if (!task->is_attached) {
            (void)snprintf(text, sizeof(text), "task %s could not be attached: see the daemon's log",
                           task->cgroup.path);
            add_degraded(list, text);
        }
}

static void add_directories(const struct api *api, cJSON *answer)
{
    cJSON *registry = cJSON_AddObjectToObject(answer, "registry");
    cJSON *directories = cJSON_AddObjectToObject(answer, "directories");

    (void)cJSON_AddStringToObject(registry, "type", api->settings.registry);
    engine_describe_registry(api->engine, registry);
    (void)cJSON_AddStringToObject(directories, "state", api->settings.state_dir);
    (void)cJSON_AddStringToObject(directories, "run", api->settings.run_dir);
    (void)cJSON_AddStringToObject(directories, "bpffs", api->settings.bpffs);
    (void)cJSON_AddStringToObject(directories, "cgroupRoot", api->settings.cgroup_root);
    (void)cJSON_AddStringToObject(answer, "aliasRange", api->settings.alias_range_text);
    (void)cJSON_AddStringToObject(answer, "aliasRange6", api->settings.alias_range6_text);
    if (engine_catalog(api->engine)->host_zone)
        (void)cJSON_AddStringToObject(answer, "zone", engine_catalog(api->engine)->host_zone->name);
}

static void add_kernel(const struct api *api, cJSON *answer)
{
    cJSON *kernel = cJSON_AddObjectToObject(answer, "kernel");
    struct utsname names;

    (void)cJSON_AddStringToObject(kernel, "release", uname(&names) == 0 ? names.release : "unknown");
    (void)cJSON_AddBoolToObject(kernel, "setRetval", datapath_has_set_retval(api->datapath));
    (void)cJSON_AddBoolToObject(kernel, "socketFacts", datapath_has_socket_facts(api->datapath));
}

static void add_runtimes(const struct api *api, cJSON *answer)
{
    cJSON *runtimes = cJSON_AddObjectToObject(answer, "containerRuntimes");
    size_t connected;
    size_t n = containers_count_runtimes(api->containers ? *api->containers : NULL, &connected);

    (void)cJSON_AddNumberToObject(runtimes, "count", (double)n);
    (void)cJSON_AddNumberToObject(runtimes, "connected", (double)connected);
    (void)cJSON_AddItemToObject(runtimes, "hostAddress",
                                containers_describe_host(api->containers ? *api->containers : NULL));
}

static void add_pins(const struct api *api, cJSON *answer)
{
    cJSON *pins;

    if (!api->pins)
        return;
    pins = cJSON_AddObjectToObject(answer, "pins");
    (void)cJSON_AddNumberToObject(pins, "putBack", (double)api->pins->put_back);
    if (api->pins->put_back)
        json_add_time(pins, "putBackAt", api->pins->put_back_at);
}

static void add_figures(const struct metrics_snapshot *snapshot, cJSON *answer)
{
    cJSON *maps, *counters;

    (void)cJSON_AddNumberToObject(answer, "namespaces", (double)snapshot->namespaces);
    (void)cJSON_AddNumberToObject(answer, "services", (double)snapshot->services);
    (void)cJSON_AddNumberToObject(answer, "instances", (double)snapshot->instances);
    (void)cJSON_AddNumberToObject(answer, "aliases", (double)snapshot->aliases);
    (void)cJSON_AddNumberToObject(answer, "tasks", (double)snapshot->tasks);
    maps = cJSON_AddArrayToObject(answer, "maps");
    for (size_t i = 0; i < snapshot->n_maps; i++) {
        cJSON *map = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(map, "name", snapshot->maps[i].name);
        (void)cJSON_AddNumberToObject(map, "used", snapshot->maps[i].used);
        (void)cJSON_AddNumberToObject(map, "max", snapshot->maps[i].max);
        (void)cJSON_AddStringToObject(map, "setting", snapshot->maps[i].setting);
        (void)cJSON_AddItemToArray(maps, map);
    }
    counters = cJSON_AddObjectToObject(answer, "counters");
    (void)cJSON_AddNumberToObject(counters, "hit", (double)snapshot->counters.hit);
    (void)cJSON_AddNumberToObject(counters, "miss", (double)snapshot->counters.miss);
    (void)cJSON_AddNumberToObject(counters, "noEndpoint", (double)snapshot->counters.no_endpoint);
    (void)cJSON_AddNumberToObject(counters, "noAlias", (double)snapshot->refusals.no_alias);
    (void)cJSON_AddNumberToObject(counters, "policy", (double)snapshot->refusals.policy);
    (void)cJSON_AddNumberToObject(counters, "policyAudited", (double)snapshot->refusals.audited);
    (void)cJSON_AddNumberToObject(counters, "retried", (double)snapshot->counters.retried);
    (void)cJSON_AddNumberToObject(counters, "inconsistent", (double)snapshot->counters.inconsistent);
    (void)cJSON_AddNumberToObject(counters, "redrawn", (double)snapshot->counters.redrawn);
    (void)cJSON_AddNumberToObject(counters, "allEjected", (double)snapshot->counters.all_ejected);
    (void)cJSON_AddNumberToObject(counters, "saved", (double)snapshot->refusals.saved);
    (void)cJSON_AddNumberToObject(counters, "eventsLost", (double)snapshot->counters.events_lost);
}

/* Buckets each for itself: differences of two answers say what happened in between, without a scrape. */
static void add_loop(const struct histogram *lag, cJSON *answer)
{
    cJSON *loop, *buckets;

    if (!lag)
        return;
    loop = cJSON_AddObjectToObject(answer, "loop");
    (void)cJSON_AddNumberToObject(loop, "lagP99Ms", round(histogram_quantile(lag, 0.99) * 1e6) / 1e3);
    (void)cJSON_AddNumberToObject(loop, "lagMaxMs", round(lag->max * 1e6) / 1e3);
    buckets = cJSON_AddArrayToObject(loop, "lagBuckets");
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        cJSON *bucket = cJSON_CreateObject();

        if (i < HISTOGRAM_BOUNDS)
            (void)cJSON_AddNumberToObject(bucket, "atMostMs", histogram_bound(i) * 1e3);
        else
            (void)cJSON_AddNullToObject(bucket, "atMostMs");
        (void)cJSON_AddNumberToObject(bucket, "count", (double)lag->buckets[i]);
        (void)cJSON_AddItemToArray(buckets, bucket);
    }
}

int read_status(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct api *api = user;
    struct metrics_map maps[N_MAPS];
    struct metrics_snapshot snapshot;
    cJSON *answer = cJSON_CreateObject();
    cJSON *degraded = cJSON_CreateArray();
    cJSON *writes;
    cJSON *health;

    (void)call;
    (void)error;
    gather(api, maps, &snapshot);
    list_degraded(api, degraded);
    (void)cJSON_AddStringToObject(answer, "version", SVC_VERSION);
    (void)cJSON_AddNumberToObject(answer, "pid", getpid());
    (void)cJSON_AddNumberToObject(answer, "uptimeSeconds", (double)(long)snapshot.uptime_seconds);
    (void)cJSON_AddStringToObject(answer, "state", cJSON_GetArraySize(degraded) ? "degraded" : "ok");
    (void)cJSON_AddItemToObject(answer, "degraded", degraded);
    add_directories(api, answer);
    add_kernel(api, answer);
    add_runtimes(api, answer);
    add_pins(api, answer);
    add_figures(&snapshot, answer);
    add_loop(snapshot.loop_lag, answer);
    (void)cJSON_AddItemToObject(answer, "dns", dns_describe(api->dns));
    health = cJSON_AddObjectToObject(answer, "health");
    (void)cJSON_AddNumberToObject(health, "targets", snapshot.probe_targets);
    (void)cJSON_AddNumberToObject(health, "probes", (double)snapshot.probes);
    (void)cJSON_AddNumberToObject(health, "failed", (double)snapshot.probes_failed);
    (void)cJSON_AddBoolToObject(health, "weakObserver", snapshot.is_weak_observer);
    (void)cJSON_AddItemToObject(answer, "externalNames", externals_describe(api->externals));
    services_dir_describe(api->services_dir, cJSON_AddObjectToObject(answer, "documents"));
    writes = cJSON_AddObjectToObject(answer, "writes");
    (void)cJSON_AddNumberToObject(writes, "maps", (double)snapshot.map_writes);
    (void)cJSON_AddNumberToObject(writes, "adopted", engine_figures(api->engine).adopted);
    *ret_answer = answer;
    return 0;
}

/* ---- what only the metrics tell ---- */

#define N_CANARY_STATES (CANARY_ROLLED_BACK + 1)
#define N_QUESTIONS     5

struct activity {
    struct utsname kernel;
    struct metrics_state canaries[N_CANARY_STATES];
    struct metrics_state questions[N_QUESTIONS];
    struct metrics_fleet fleet;
};

static void count_canaries(const struct catalog *catalog, struct metrics_state states[static N_CANARY_STATES])
{
    for (unsigned i = 0; i < N_CANARY_STATES; i++)
        states[i] = (struct metrics_state){.name = canary_state_name((enum canary_state)i)};
    for (const struct model_namespace *parent = catalog->namespaces; parent; parent = parent->hh.next)
        for (const struct catalog_canary *entry = parent->canaries; entry; entry = entry->hh.next)
            states[entry->canary.state].n++;
}

static void count_questions(const struct dns *dns, struct metrics_state states[static N_QUESTIONS])
{
    states[0] = (struct metrics_state){"answered", dns->counters.answered};
    states[1] = (struct metrics_state){"forwarded", dns->counters.forwarded};
    states[2] = (struct metrics_state){"timed_out", dns->counters.timed_out};
    states[3] = (struct metrics_state){"refused", dns->counters.refused};
    states[4] = (struct metrics_state){"malformed", dns->counters.malformed};
}

static double changed_at(const struct engine *engine)
{
    const struct history *history = engine_history(engine);
    struct history_entry entry;
    double seconds;

    if (!history || history_read(history, history_newest(history), &entry) < 0)
        return 0;
    seconds = (double)entry.time_ms / 1e3;
    history_entry_done(&entry);
    return seconds;
}

static const struct metrics_fleet *gather_fleet(const struct api *api, struct metrics_fleet *fleet)
{
    const struct registry_link link = engine_link(api->engine);

    if (!*link.host)
        return NULL;
    *fleet = (struct metrics_fleet){
        .lost_seconds = link.lost_since ? (double)(clock_wall_s() - link.lost_since) + 1 : 0,
        .hosts = link.hosts,
        .gone_hosts = link.gone_hosts,
        .gone_instances = link.gone_instances,
        .doubted_hosts = link.doubted_hosts,
        .put_back = link.n_put_back,
        .resyncs = link.n_resyncs,
        .skipped_rows = link.n_skipped,
        .differences = link.n_differences,
    };
    return fleet;
}

static void gather_activity(struct api *api, struct activity *activity, struct metrics_snapshot *snapshot)
{
    const struct task *tasks = api->tasks->all;

    snapshot->version = SVC_VERSION;
    snapshot->fleet = gather_fleet(api, &activity->fleet);
    snapshot->kernel = uname(&activity->kernel) == 0 ? activity->kernel.release : NULL;
    snapshot->changed_at = changed_at(api->engine);
    for (const struct task *task = tasks; task; task = task->hh.next)
        snapshot->tasks_not_attached += !task->is_attached;
    snapshot->drains = api->drains ? api->drains->n : 0;
    count_canaries(engine_catalog(api->engine), activity->canaries);
    snapshot->canaries = activity->canaries;
    snapshot->n_canaries = N_CANARY_STATES;
    snapshot->runtimes =
        containers_count_runtimes(api->containers ? *api->containers : NULL, &snapshot->runtimes_connected);
    if (!api->dns)
        return;
    snapshot->is_dns_on = api->dns->settings.is_on;
    count_questions(api->dns, activity->questions);
    snapshot->dns_questions = activity->questions;
    snapshot->n_dns_questions = N_QUESTIONS;
}

void read_metrics_head(const struct metrics_text *out, struct api *api)
{
    struct metrics_map maps[N_MAPS];
    struct metrics_snapshot snapshot;
    struct activity activity;
    cJSON *troubles = cJSON_CreateArray();

    gather(api, maps, &snapshot);
    gather_activity(api, &activity, &snapshot);
    list_degraded(api, troubles);
    snapshot.troubles = (unsigned)cJSON_GetArraySize(troubles);
    cJSON_Delete(troubles);
    metrics_write(out, &snapshot);
}
