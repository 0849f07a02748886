/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/probes.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "apply/apply.h"
#include "daemon/daemon.h"
#include "events/instance_events.h"
#include "upkeep/outliers.h"
#include "engine/change/transaction.h"
#include "model/endpoint_names.h"
#include "engine/change/now.h"

static bool is_checked(const struct instance *instance)
{
    return service_get_settings(instance->service)->check.type != HEALTH_CHECK_NONE && !instance->drain_until;
}

void probes_plan(const struct daemon *daemon, struct instance *instance)
{
    struct health_report report;

    if (!is_checked(instance)) {
        instance->observed = HEALTHY;
        instance->is_held_back = false;
        return;
    }
    if (!outliers_is_at(daemon, instance)) {
        instance->observed = UNKNOWN;
        instance->is_held_back = service_get_settings(instance->service)->admission_ms > 0;
        return;
    }
    if (health_read(daemon->health, instance->endpoint, &report)) {
        instance->observed = report.health;
        instance->is_held_back = !report.is_routable;
    }
}

/* Versions before this one took commands over the AWS API; their rows are still there. */
static const char *refusal_of(const struct service *service)
{
    const struct stored_document *stored =
        service->document ? catalog_document(service->parent, service->document) : NULL;

    if (!stored || strncmp(stored->source, APPLY_SOURCE_OF_ECS, strlen(APPLY_SOURCE_OF_ECS)) != 0)
        return NULL;
    return "the command is not run: it came by the AWS API";
}

void probes_put(struct daemon *daemon, const struct instance *instance)
{
    const struct service_settings *settings = service_get_settings(instance->service);
    char name[ENDPOINT_NAME_SIZE];
    const struct health_target target = {
        .endpoint = instance->endpoint,
        .service = instance->service->number,
        .name = endpoint_name(instance, name),
        .address = instance->address,
        .port = settings->check.port ? settings->check.port : instance->port,
        .check = &settings->check,
        .admission_ms = settings->admission_ms,
        .refusal = refusal_of(instance->service),
    };

    if (!is_checked(instance))
        health_remove(daemon->health, instance->endpoint);
    else if (health_put(daemon->health, &target, instance->observed) < 0)
        log_warning("%s cannot be probed: out of memory", name);
}

void probes_remove(struct daemon *daemon, uint32_t number)
{
    health_remove(daemon->health, number);
}

static void probes_doubt(struct instance *instance)
{
    if (!is_checked(instance))
        return;
    instance->observed = UNKNOWN;
    instance->is_held_back = true;
}

void probes_adopt(struct instance *instance, enum svc_health entry)
{
    if (!is_checked(instance))
        return;
    /* An entry that was bad by the owner's word says nothing about the checks. */
    instance->observed = instance->health != HEALTHY || entry == DRAINING ? UNKNOWN : entry;
    instance->is_held_back = instance->observed != HEALTHY;
}

/* A finding is a change without a row: the catalog's instance, then entry and tables, in one step. */
static void on_transition(uint32_t endpoint, const struct health_report *report, void *user)
{
    struct daemon *daemon = user;
    const struct instance *instance = engine_instance(daemon->engine, endpoint);
    struct transaction *transaction;
    struct error error = {0};
    char name[ENDPOINT_NAME_SIZE];
    uint64_t revision;

    if (!instance)
        return;
    log_info("%s is %s%s: %s", endpoint_name(instance, name), health_name(report->health),
             report->health == UNKNOWN && report->is_routable ? ", admitted" : "", report->reason);
    instance_event(&daemon->events, EVENT_HEALTH, instance, "%s: %s", health_name(report->health),
                   report->reason);
    transaction = now_begin(daemon->engine);
    transaction_own(transaction);
    if (transaction_touch_instance(transaction, instance) < 0) {
        now_abort(transaction);
        log_warning("%s: out of memory, its tables stay as they were", name);
    } else if (now_commit(transaction, &revision, &error) < 0) {
        log_warning("%s: its tables stay as they were: %s", name, error.message);
    }
}

int probes_new(struct daemon *daemon, struct error *error)
{
    int r = health_new(daemon->base, &daemon->config.exec_checks, on_transition, daemon, &daemon->health);

    return r < 0 ? error_errno(error, r, "preparing health checks") : 0;
}

const char *probes_trouble(const struct daemon *daemon)
{
    if (!health_figures(daemon->health).is_weak_observer)
        return NULL;
    return "more than half of the healthy endpoints fail their checks at the same time: this host is taken "
           "for the cause, and nothing becomes UNHEALTHY until that is over";
}

static const struct instance *find_refused(const struct daemon *daemon, struct health_report *ret_report)
{
    const struct model_namespace *parent;
    const struct service *service;
    const struct instance *instance;

    for (parent = engine_catalog(daemon->engine)->namespaces; parent; parent = parent->hh.next)
        for (service = parent->services; service; service = service->hh.next)
            for (instance = service->instances;
                 instance && service_get_settings(service)->check.type == HEALTH_CHECK_EXEC;
                 instance = instance->hh.next)
                if (health_read(daemon->health, instance->endpoint, ret_report) && ret_report->refusal)
                    return instance;
    return NULL;
}

bool probes_refused(const struct daemon *daemon, char *text, size_t size)
{
    uint32_t n = health_figures(daemon->health).refused;
    struct health_report report;
    const struct instance *first = n > 0 ? find_refused(daemon, &report) : NULL;
    char name[ENDPOINT_NAME_SIZE];

    if (!first)
        return false;
    (void)snprintf(
        text, size,
        "health checks of %u endpoints are not made, their health stays as it is: %s; the first is %s", n,
        report.refusal, endpoint_name(first, name));
    return true;
}

/* More of them than before is worth a line; the next ones of a service that is told are, at most, a line a
 * second. */
static void sweep_refused(struct daemon *daemon)
{
    uint32_t n = health_figures(daemon->health).refused;
    char text[1024];

    if (n > daemon->n_refused && probes_refused(daemon, text, sizeof(text)))
        log_warning("%s", text);
    daemon->n_refused = n;
}

void probes_sweep(struct daemon *daemon)
{
    const char *trouble = probes_trouble(daemon);

    sweep_refused(daemon);
    if (daemon->is_weak_observer == (trouble != NULL))
        return;
    daemon->is_weak_observer = trouble;
    if (trouble)
        log_warning("health checks: %s", trouble);
    else
        log_info("health checks: endpoints are judged again");
    event_log_add(&daemon->events, EVENT_OBSERVER, NULL, NULL, NULL, "%s",
                  trouble ? trouble : "endpoints are judged again");
}

/* ---- following changes ---- */

static void follow_plan(void *user, struct instance *instance)
{
    probes_plan(user, instance);
}

static void follow_put(void *user, struct instance *instance)
{
    probes_put(user, instance);
}

static bool follow_depends_on_documents(void *user)
{
    const struct daemon *daemon = user;

    return health_figures(daemon->health).refused > 0;
}

static void follow_unregistered(void *user, uint32_t number)
{
    probes_remove(user, number);
}

static void follow_doubt(void *user, struct instance *instance)
{
    (void)user;
    probes_doubt(instance);
}

static void follow_found(void *user, struct instance *instance, const struct svc_endpoint *entry)
{
    (void)user;
    if (entry->health <= DRAINING)
        probes_adopt(instance, entry->health);
}

const struct engine_follower probes_follower = {
    .plan = follow_plan,
    .put = follow_put,
    .unregistered = follow_unregistered,
    .depends_on_documents = follow_depends_on_documents,
    .doubt = follow_doubt,
    .found = follow_found,
};
