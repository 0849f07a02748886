/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "health/weak_observer.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include "base/hash.h"

/* A service with members. */
struct weak_service {
    uint32_t number;
    uint32_t interval_ms;
    uint32_t members;
    uint32_t failing;
    UT_hash_handle hh;
};

void weak_observer_init(struct weak_observer *observer)
{
    *observer = (struct weak_observer){0};
    TAILQ_INIT(&observer->fallen_members);
    TAILQ_INIT(&observer->changed_members);
}

void weak_observer_done(struct weak_observer *observer)
{
    struct weak_service *service;
    struct weak_service *next;

    HASH_ITER (hh, observer->services, service, next) {
        HASH_DEL(observer->services, service);
        free(service);
    }
}

/* ---- services ---- */

/* The search ends at the first that has the length so far: with few different intervals, at once. */
static void find_window(struct weak_observer *observer)
{
    const struct weak_service *service;
    const struct weak_service *next;
    uint32_t longest = 0;

    HASH_ITER (hh, observer->services, service, next) {
        if (service->interval_ms > longest)
            longest = service->interval_ms;
        if (longest == observer->window_ms)
            break;
    }
    observer->window_ms = longest;
}

static void set_interval(struct weak_observer *observer, struct weak_service *service, uint32_t interval_ms)
{
    uint32_t before_ms = service->interval_ms;

    service->interval_ms = interval_ms;
    if (interval_ms > observer->window_ms)
        observer->window_ms = interval_ms;
    else if (interval_ms < before_ms && before_ms == observer->window_ms)
        find_window(observer);
}

static struct weak_service *take_service(struct weak_observer *observer, uint32_t number,
                                         uint32_t interval_ms)
{
    struct weak_service *service;

    HASH_FIND(hh, observer->services, &number, sizeof(number), service);
    if (!service) {
        service = calloc(1, sizeof(*service));
        if (!service)
            return NULL;
        service->number = number;
        HASH_ADD(hh, observer->services, number, sizeof(number), service);
        if (!service->hh.tbl) { /* uthash found no memory and did not add it */
            free(service);
            return NULL;
        }
    }
    service->members++;
    set_interval(observer, service, interval_ms);
    return service;
}

static void give_service(struct weak_observer *observer, struct weak_service *service)
{
    if (--service->members > 0)
        return;
    HASH_DEL(observer->services, service);
    if (service->interval_ms == observer->window_ms)
        find_window(observer);
    free(service);
}

/* ---- who is counted ---- */

static void count_failing(struct weak_observer *observer, struct weak_service *service, bool is_failing)
{
    if (is_failing) {
        observer->failing++;
        if (service->failing++ == 0)
            observer->failing_services++;
    } else {
        observer->failing--;
        if (--service->failing == 0)
            observer->failing_services--;
    }
}

static void set_failing(struct weak_observer *observer, struct weak_member *member, bool is_failing)
{
    if (member->is_failing == is_failing)
        return;
    member->is_failing = is_failing;
    count_failing(observer, member->service, is_failing);
}

static void set_watched(struct weak_observer *observer, struct weak_member *member, bool is_watched)
{
    if (!is_watched)
        set_failing(observer, member, false);
    if (member->is_watched != is_watched)
        observer->watched += is_watched ? 1 : UINT32_MAX;
    member->is_watched = is_watched;
}

static void set_changed(struct weak_observer *observer, struct weak_member *member, bool is_changed)
{
    if (member->is_changed == is_changed)
        return;
    member->is_changed = is_changed;
    if (is_changed)
        TAILQ_INSERT_TAIL(&observer->changed_members, member, changed_link);
    else
        TAILQ_REMOVE(&observer->changed_members, member, changed_link);
}

static void fall(struct weak_observer *observer, struct weak_member *member,
                 const struct health_state *before, uint64_t now_ms)
{
    member->is_fallen = true;
    member->fallen_ms = now_ms;
    member->fallen_from = before->health;
    member->fallen_from_since = before->since;
    TAILQ_INSERT_TAIL(&observer->fallen_members, member, fallen_link);
}

static void forget_fall(struct weak_observer *observer, struct weak_member *member)
{
    if (!member->is_fallen)
        return;
    member->is_fallen = false;
    TAILQ_REMOVE(&observer->fallen_members, member, fallen_link);
    set_watched(observer, member, member->state.health == HEALTHY);
}

static void forget_old_falls(struct weak_observer *observer, uint64_t now_ms)
{
    struct weak_member *member;

    while ((member = TAILQ_FIRST(&observer->fallen_members)) &&
           now_ms - member->fallen_ms > observer->window_ms)
        forget_fall(observer, member);
}

/* ---- the rule ---- */

static void take_back_falls(struct weak_observer *observer)
{
    struct weak_member *member;

    while ((member = TAILQ_FIRST(&observer->fallen_members))) {
        member->state.health = member->fallen_from;
        member->state.since = member->fallen_from_since;
        forget_fall(observer, member);
        set_changed(observer, member, true);
    }
}

static bool is_share_suspicious(const struct weak_observer *observer)
{
    return (uint64_t)observer->failing * 2 > observer->watched && observer->failing_services >= 2;
}

static void weak_observer_judge(struct weak_observer *observer, bool may_become_weak)
{
    bool is_suspicious = is_share_suspicious(observer);

    if (is_suspicious && !observer->is_weak && may_become_weak) {
        observer->is_weak = true;
        take_back_falls(observer);
    } else if (!is_suspicious && observer->is_weak) {
        observer->is_weak = false;
        observer->epoch++;
    }
}

/* ---- members ---- */

int weak_observer_add(struct weak_observer *observer, struct weak_member *member, uint32_t service,
                      uint32_t interval_ms, enum svc_health initial, uint64_t now_ms, time_t now)
{
    struct weak_service *taken = take_service(observer, service, interval_ms);

    if (!taken)
        return -ENOMEM;
    *member = (struct weak_member){.rules = member->rules, .service = taken, .epoch = observer->epoch};
    health_state_begin(&member->state, &member->rules, initial, now_ms, now);
    set_watched(observer, member, member->state.health == HEALTHY);
    return 0;
}

void weak_observer_remove(struct weak_observer *observer, struct weak_member *member)
{
    forget_fall(observer, member);
    set_watched(observer, member, false);
    set_changed(observer, member, false);
    give_service(observer, member->service);
    member->service = NULL;
    weak_observer_judge(observer, false);
}

int weak_observer_move(struct weak_observer *observer, struct weak_member *member, uint32_t service,
                       uint32_t interval_ms)
{
    struct weak_service *taken = take_service(observer, service, interval_ms);

    if (!taken)
        return -ENOMEM;
    if (member->is_failing) {
        count_failing(observer, member->service, false);
        count_failing(observer, taken, true);
    }
    give_service(observer, member->service);
    member->service = taken;
    weak_observer_judge(observer, false);
    return 0;
}

void weak_observer_result(struct weak_observer *observer, struct weak_member *member, bool has_passed,
                          uint64_t now_ms, time_t now)
{
    struct health_state before;

    forget_old_falls(observer, now_ms);
    if (has_passed)
        forget_fall(observer, member);
    set_failing(observer, member, member->is_watched && !has_passed);
    weak_observer_judge(observer,
                        true); /* first: the result that tips the scale is withheld with the others */

    if (member->epoch != observer->epoch) {
        /* What failed while the observer was weak says nothing: it gets all its failures again. */
        member->epoch = observer->epoch;
        member->state.failures = 0;
    }
    before = member->state;
    if (!health_state_result(&member->state, &member->rules, has_passed, observer->is_weak, now_ms, now))
        return;
    if (member->state.health == UNHEALTHY)
        fall(observer, member, &before, now_ms);
    else
        set_watched(observer, member, true);
    set_changed(observer, member, true);
    weak_observer_judge(observer, false); /* one more healthy endpoint lowers the share */
}

void weak_observer_admit(struct weak_observer *observer, struct weak_member *member, uint64_t now_ms)
{
    if (health_state_admit(&member->state, &member->rules, now_ms))
        set_changed(observer, member, true);
}

struct weak_member *weak_observer_take_changed(struct weak_observer *observer)
{
    struct weak_member *member = TAILQ_FIRST(&observer->changed_members);

    if (member)
        set_changed(observer, member, false);
    return member;
}
