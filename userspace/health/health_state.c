/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "health/health_state.h"

void health_state_begin(struct health_state *state, const struct health_state_rules *rules,
                        enum svc_health initial, uint64_t now_ms, time_t now)
{
    *state = (struct health_state){
        .health = initial == HEALTHY || initial == UNHEALTHY ? initial : UNKNOWN,
        .is_admitted = rules->admission_ms == 0,
        .begun_ms = now_ms,
        .since = now,
    };
}

static bool is_reached(uint32_t count, uint32_t wanted)
{
    return count >= (wanted ? wanted : 1);
}

static uint32_t one_more(uint32_t count)
{
    return count < UINT32_MAX ? count + 1 : count;
}

static bool become(struct health_state *state, enum svc_health health, time_t now)
{
    if (state->health == health)
        return false;
    state->health = health;
    state->since = now;
    return true;
}

/* One pass within the start period shows that it has started: failures count from then on, as in ECS. */
static bool is_starting(const struct health_state *state, const struct health_state_rules *rules,
                        uint64_t now_ms)
{
    return state->health == UNKNOWN && state->passes == 0 && state->failures == 0 &&
           now_ms - state->begun_ms < rules->start_period_ms;
}

bool health_state_result(struct health_state *state, const struct health_state_rules *rules, bool has_passed,
                         bool is_withheld, uint64_t now_ms, time_t now)
{
    if (has_passed) {
        state->failures = 0;
        state->passes = one_more(state->passes);
        return is_reached(state->passes, rules->rise) && become(state, HEALTHY, now);
    }
    if (is_starting(state, rules, now_ms))
        return false;
    state->passes = 0;
    state->failures = one_more(state->failures);
    return !is_withheld && is_reached(state->failures, rules->fall) && become(state, UNHEALTHY, now);
}

bool health_state_is_routable(const struct health_state *state)
{
    return state->health == HEALTHY || (state->health == UNKNOWN && state->is_admitted);
}

bool health_state_awaits_admission(const struct health_state *state, const struct health_state_rules *rules,
                                   uint64_t *ret_due_ms)
{
    if (state->health != UNKNOWN || state->is_admitted)
        return false;
    *ret_due_ms = state->begun_ms + rules->admission_ms;
    return true;
}

bool health_state_admit(struct health_state *state, const struct health_state_rules *rules, uint64_t now_ms)
{
    uint64_t due_ms;

    if (!health_state_awaits_admission(state, rules, &due_ms) || now_ms < due_ms)
        return false;
    state->is_admitted = true;
    return true;
}
