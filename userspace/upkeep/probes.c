/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who is probed, and what follows from what is found. */
#include "upkeep/probes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/change/job.h"
#include "events/instance_events.h"
#include "model/catalog_aws.h"
#include "model/endpoint_names.h"
#include "upkeep/outliers.h"

static bool is_checked(const struct instance *instance)
{
    return service_get_settings(instance->service)->check.type != HEALTH_CHECK_NONE && !instance->drain_until;
}

static void plan(const struct probes *self, struct instance *instance)
{
    struct health_report report;

    if (!is_checked(instance)) {
        instance->observed = HEALTHY;
        instance->is_held_back = false;
        return;
    }
    if (!outliers_is_at(self->outliers, instance)) {
        instance->observed = UNKNOWN;
        instance->is_held_back = service_get_settings(instance->service)->admission_ms > 0;
        return;
    }
    if (health_read(self->health, instance->endpoint, &report)) {
        instance->observed = report.health;
        instance->is_held_back = !report.is_routable;
    }
}

/* Versions before this one took commands over the AWS API, and checks of this host; their rows are still there. An
 * address may also have come later, or by a host name. */
static const char *probes_refusal_of(const struct probes *self, const struct instance *instance)
{
    if (!catalog_is_check_of_aws(instance->service))
        return NULL;
    if (service_get_settings(instance->service)->check.type == HEALTH_CHECK_EXEC)
        return "the command is not run: it came by the AWS API";
    return check_ranges_why_not(engine_aws_checks(self->engine), &instance->address)
               ? "the check came by the AWS API, and " CHECK_RANGES_SETTING " does not let it go there"
               : NULL;
}

static void probes_put(struct probes *self, const struct instance *instance)
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
        .refusal = probes_refusal_of(self, instance),
    };

    if (!is_checked(instance))
        health_remove(self->health, instance->endpoint);
    else if (health_put(self->health, &target, instance->observed) < 0)
        log_warning("%s cannot be probed: out of memory", name);
}

static void doubt(struct instance *instance)
{
    if (!is_checked(instance))
        return;
    instance->observed = UNKNOWN;
    instance->is_held_back = true;
}

static void adopt(struct instance *instance, enum svc_health entry)
{
    if (!is_checked(instance))
        return;
    /* An entry that was bad by the owner's word says nothing about the checks. */
    instance->observed = instance->health != HEALTHY || entry == DRAINING ? UNKNOWN : entry;
    instance->is_held_back = instance->observed != HEALTHY;
}

/* ---- findings ---- */

/* Of one endpoint: a change without a row, the catalog's instance and then entry and tables, in one step. */
struct finding {
    struct probes *probes;
    uint32_t endpoint;
    struct health_report report;
    char name[ENDPOINT_NAME_SIZE];
    bool is_said;
};

static void probes_say(struct finding *finding, const struct instance *instance)
{
    const struct health_report *report = &finding->report;

    if (finding->is_said)
        return;
    finding->is_said = true;
    log_info("%s is %s%s: %s", endpoint_name(instance, finding->name), health_name(report->health),
             report->health == UNKNOWN && report->is_routable ? ", admitted" : "", report->reason);
    instance_event(finding->probes->events, EVENT_HEALTH, instance, "%s: %s", health_name(report->health),
                   report->reason);
}

static int probes_run_finding(struct transaction *transaction, void *user, struct error *error)
{
    struct finding *finding = user;
    const struct instance *instance = engine_instance(finding->probes->engine, finding->endpoint);
    int r;

    if (!instance)
        return 0;
    probes_say(finding, instance);
    r = transaction_touch_instance(transaction, instance);
    return r < 0 ? error_errno(error, r, "publishing what was found") : 0;
}

static void probes_finding_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct finding *finding = user;

    (void)revision;
    if (result < 0 && result != -ECANCELED)
        log_warning("%s: its tables stay as they were: %s", finding->name, error->message);
    free(finding);
}

void probes_found(uint32_t endpoint, const struct health_report *report, void *user)
{
    struct probes *self = user;
    struct finding *finding = calloc(1, sizeof(*finding));
    const struct job job = {.run = probes_run_finding, .done = probes_finding_done, .user = finding};
    int r = finding ? 0 : -ENOMEM;

    if (r == 0) {
        *finding = (struct finding){.probes = self, .endpoint = endpoint, .report = *report};
        r = engine_submit_finding(self->engine, &job);
    }
    if (r < 0) {
        log_warning("endpoint %u: its tables stay as they were: %s", endpoint, strerror(-r));
        free(finding);
    }
}

int probes_init(struct probes *probes, struct event_base *base, struct engine *engine,
                const struct outliers *outliers, const struct exec_policy *exec, struct event_log *events,
                struct error *error)
{
    int r;

    *probes = (struct probes){.engine = engine, .outliers = outliers, .events = events};
    r = health_new(base, exec, probes_found, probes, &probes->health);
    return r < 0 ? error_errno(error, r, "preparing health checks") : 0;
}

void probes_done(struct probes *probes)
{
    health_free(&probes->health);
}

/* ---- this host as the likelier cause ---- */

const char *probes_trouble(const struct probes *self)
{
    if (!health_figures(self->health).is_weak_observer)
        return NULL;
    return "more than half of the healthy endpoints fail their checks at the same time: this host is taken "
           "for the cause, and nothing becomes UNHEALTHY until that is over";
}

static bool may_be_refused(const struct service *service)
{
    return service_get_settings(service)->check.type == HEALTH_CHECK_EXEC || catalog_is_check_of_aws(service);
}

static const struct instance *find_refused(const struct probes *self, struct health_report *ret_report)
{
    const struct model_namespace *parent;
    const struct service *service;
    const struct instance *instance;

    for (parent = engine_catalog(self->engine)->namespaces; parent; parent = parent->hh.next)
        for (service = parent->services; service; service = service->hh.next)
            for (instance = may_be_refused(service) ? service->instances : NULL; instance;
                 instance = instance->hh.next)
                if (health_read(self->health, instance->endpoint, ret_report) && ret_report->refusal)
                    return instance;
    return NULL;
}

bool probes_refused(const struct probes *self, char *text, size_t size)
{
    uint32_t n = health_figures(self->health).refused;
    struct health_report report;
    const struct instance *first = n > 0 ? find_refused(self, &report) : NULL;
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
static void sweep_refused(struct probes *self)
{
    uint32_t n = health_figures(self->health).refused;
    char text[1024];

    if (n > self->n_refused && probes_refused(self, text, sizeof(text)))
        log_warning("%s", text);
    self->n_refused = n;
}

void probes_sweep(struct probes *self)
{
    const char *trouble = probes_trouble(self);

    sweep_refused(self);
    if (self->is_weak_observer == (trouble != NULL))
        return;
    self->is_weak_observer = trouble;
    if (trouble)
        log_warning("health checks: %s", trouble);
    else
        log_info("health checks: endpoints are judged again");
    event_log_add(self->events, EVENT_OBSERVER, NULL, NULL, NULL, "%s",
                  trouble ? trouble : "endpoints are judged again");
}

/* ---- following changes ---- */

static void probes_follow_plan(void *user, struct instance *instance)
{
    plan(user, instance);
}

static void probes_follow_put(void *user, struct instance *instance)
{
    probes_put(user, instance);
}

static bool follow_depends_on_documents(void *user)
{
    const struct probes *self = user;

    return health_figures(self->health).refused > 0;
}

static void follow_unregistered(void *user, uint32_t number)
{
    const struct probes *self = user;

    health_remove(self->health, number);
}

static void follow_doubt(void *user, struct instance *instance)
{
    (void)user;
    doubt(instance);
}

static void follow_found(void *user, struct instance *instance, uint32_t number,
                         const struct svc_endpoint *entry)
{
    (void)number;
    (void)user;
    if (entry->health <= DRAINING)
        adopt(instance, entry->health);
}

const struct engine_follower probes_follower = {
    .plan = probes_follow_plan,
    .put = probes_follow_put,
    .unregistered = follow_unregistered,
    .depends_on_documents = follow_depends_on_documents,
    .doubt = follow_doubt,
    .found = follow_found,
};
