/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "health/health_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

/* ---- the engine ---- */

int health_new(struct event_base *base, const struct exec_policy *exec, health_transition_fn on_transition,
               void *user, struct health **ret_health)
{
    struct health *health = calloc(1, sizeof(*health));
    int r;

    if (!health)
        return -ENOMEM;
    health->base = base;
    health->on_transition = on_transition;
    health->user = user;
    TAILQ_INIT(&health->waiting);
    TAILQ_INIT(&health->waiting_exec);
    weak_observer_init(&health->observer);
    evutil_secure_rng_get_bytes(&health->random, sizeof(health->random));
    r = tcp_prober_new(base, health_on_outcome, &health->tcp);
    if (r == 0)
        r = exec_prober_new(base, exec, health_on_outcome, health_on_command_gone, health, &health->exec);
    if (r < 0) {
        health_free(&health);
        return r;
    }
    *ret_health = health;
    return 0;
}

static void target_free(struct target *target)
{
    health_check_done(&target->check);
    free(target->name);
    free(target->reason);
    free(target);
}

static struct target *health_find(const struct health *health, uint32_t endpoint)
{
    struct target *target;

    HASH_FIND(hh, health->targets, &endpoint, sizeof(endpoint), target);
    return target;
}

static void health_drop(struct target *target)
{
    struct health *health = target->health;

    health_stop(target);
    health->refused -= target->refusal != NULL;
    weak_observer_remove(&health->observer, &target->member);
    HASH_DEL(health->targets, target);
    target_free(target);
}

void health_remove(struct health *health, uint32_t endpoint)
{
    struct target *target = health_find(health, endpoint);

    if (target)
        health_drop(target);
}

void health_free(struct health **health)
{
    struct target *target;
    struct target *next;

    if (!*health)
        return;
    HASH_ITER (hh, (*health)->targets, target, next) {
        health_drop(target);
    }
    weak_observer_done(&(*health)->observer);
    tcp_prober_free(&(*health)->tcp);
    http_prober_free(&(*health)->http);
    exec_prober_free(&(*health)->exec);
    free(*health);
    *health = NULL;
}

/* ---- targets ---- */

static struct health_state_rules rules_of(const struct health_target *from)
{
    return (struct health_state_rules){
        .rise = from->check->rise,
        .fall = from->check->fall,
        .start_period_ms = from->check->start_period_ms,
        .admission_ms = from->admission_ms,
    };
}

static const char *health_name_of(const struct health_target *from)
{
    return from->name ? from->name : "";
}

static const char *health_refusal_of(const struct health *health, const struct health_target *from)
{
    if (from->refusal || from->check->type != HEALTH_CHECK_EXEC)
        return from->refusal;
    return exec_prober_allows(health->exec, from->check) ? NULL
                                                         : "the command is not run: " EXEC_POLICY_SETTING
                                                           " does not name it";
}

/* In memory of its own, in no table yet. */
static struct target *target_new(struct health *health, const struct health_target *from)
{
    struct target *target = calloc(1, sizeof(*target));
    const struct health_check *check = from->check;

    if (!target)
        return NULL;
    target->health = health;
    target->endpoint = from->endpoint;
    target->refusal = health_refusal_of(health, from);
    target->name = check->type == HEALTH_CHECK_EXEC ? strdup(health_name_of(from)) : NULL;
    if (health_check_copy(check, &target->check) < 0 || (check->type == HEALTH_CHECK_EXEC && !target->name) ||
        event_assign(&target->timer, health->base, -1, 0, health_on_timer, target) < 0) {
        target_free(target);
        return NULL;
    }
    target->request = (struct probe_request){
        .check = &target->check,
        .name = target->name,
        .address = from->address,
        .port = check->port ? check->port : from->port,
        .user = target,
    };
    target->member.rules = rules_of(from);
    return target;
}

static int put_new(struct health *health, const struct health_target *from, enum svc_health initial)
{
    struct target *target = target_new(health, from);
    int r;

    if (!target)
        return -ENOMEM;
    r = weak_observer_add(&health->observer, &target->member, from->service, from->check->interval_ms,
                          initial, clock_monotonic_ms(), time(NULL));
    if (r < 0) {
        target_free(target);
        return r;
    }
    /* The old one gives way only now that nothing but the table itself can run out. */
    health_remove(health, from->endpoint);
    HASH_ADD(hh, health->targets, endpoint, sizeof(target->endpoint), target);
    if (!target->hh.tbl) { /* uthash found no memory and did not add it */
        weak_observer_remove(&health->observer, &target->member);
        target_free(target);
        return -ENOMEM;
    }
    health->refused += target->refusal != NULL;
    health_schedule_first(target);
    return 0;
}

static bool is_probed_equally(const struct target *target, const struct health_target *from)
{
    return target->request.port == (from->check->port ? from->check->port : from->port) &&
           ip_address_equal(&target->request.address, &from->address) &&
           health_check_equal(&target->check, from->check);
}

/* What makes no difference to the probes may change while state and schedule stay. */
static int adjust(struct health *health, struct target *target, const struct health_target *from)
{
    _cleanup_free_ char *name = NULL;
    int r;

    if (target->name) {
        name = strdup(health_name_of(from));
        if (!name)
            return -ENOMEM;
    }
    r = weak_observer_move(&health->observer, &target->member, from->service, from->check->interval_ms);
    if (r < 0)
        return r;
    if (target->name) {
        char *before = target->name;

        target->name = TAKE_PTR(name);
        target->request.name = target->name;
        free(before);
    }
    target->member.rules.admission_ms = from->admission_ms;
    health->refused -= target->refusal != NULL;
    target->refusal = health_refusal_of(health, from);
    health->refused += target->refusal != NULL;
    health_arm(target);
    return 0;
}

int health_put(struct health *health, const struct health_target *from, enum svc_health initial)
{
    enum health_check_type type = from->check->type;
    struct target *target = health_find(health, from->endpoint);

    if (type == HEALTH_CHECK_NONE ||
        (type == HEALTH_CHECK_EXEC && (!from->check->command || !from->check->command[0])))
        return -EINVAL;
    if (target && is_probed_equally(target, from))
        return adjust(health, target, from);
    if ((type == HEALTH_CHECK_HTTP || type == HEALTH_CHECK_HTTPS) && !health->http) {
        int r = http_prober_new(health->base, health_on_outcome, &health->http);

        if (r < 0)
            return r;
    }
    return put_new(health, from, initial);
}

void health_hurry(struct health *health, uint32_t endpoint)
{
    struct target *target = health_find(health, endpoint);
    uint64_t soonest_ms;

    if (!target || target->phase != TARGET_WAITING)
        return;
    soonest_ms = target->finished_ms ? target->finished_ms + HEALTH_PAUSE_MS : 0;
    if (soonest_ms < target->next_ms)
        target->next_ms = soonest_ms;
    health_arm(target);
}

bool health_read(const struct health *health, uint32_t endpoint, struct health_report *ret_report)
{
    const struct target *target = health_find(health, endpoint);

    if (!target)
        return false;
    health_fill_report(target, ret_report);
    return true;
}

struct health_figures health_figures(const struct health *health)
{
    return (struct health_figures){
        .targets = HASH_COUNT(health->targets),
        .refused = health->refused,
        .under_way = health->under_way + (uint32_t)exec_prober_count(health->exec),
        .probes = health->probes,
        .failed = health->failed,
        .is_weak_observer = health->observer.is_weak,
    };
}
