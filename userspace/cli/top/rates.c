/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/top/rates.h"

struct top_endpoint *rates_endpoint(struct top_endpoint **all, const char *key)
{
    struct top_endpoint *found = NULL;

    HASH_FIND_STR(*all, key, found);
    if (found)
        return found;
    found = calloc(1, sizeof(*found));
    if (found)
        found->key = strdup(key);
    if (!found || !found->key) {
        free(found);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, *all, found->key, strlen(found->key), found);
    return found;
}

/* Less than before: it was counted anew, and what was before says nothing any more. */
void rates_add(struct top_endpoint *endpoint, const struct top_sample *sample, uint64_t round)
{
    const struct top_sample *last = &endpoint->samples[endpoint->newest];

    if (endpoint->n > 0 && (sample->connections < last->connections || sample->failures < last->failures))
        endpoint->n = 0;
    endpoint->newest = (endpoint->newest + 1) % RATES_SAMPLES;
    endpoint->samples[endpoint->newest] = *sample;
    if (endpoint->n < RATES_SAMPLES)
        endpoint->n++;
    endpoint->round = round;
}

struct top_rate rates_of(const struct top_endpoint *endpoint, uint64_t window_ms)
{
    const struct top_sample *newest = &endpoint->samples[endpoint->newest];
    const struct top_sample *oldest = newest;
    double seconds;

    for (unsigned i = 1; i < endpoint->n; i++) {
        const struct top_sample *one =
            &endpoint->samples[(endpoint->newest + RATES_SAMPLES - i) % RATES_SAMPLES];

        if (newest->at_ms - one->at_ms > window_ms)
            break;
        oldest = one;
    }
    if (newest->at_ms == oldest->at_ms)
        return (struct top_rate){0};
    seconds = (double)(newest->at_ms - oldest->at_ms) / 1e3;
    return (struct top_rate){
        .connections = (double)(newest->connections - oldest->connections) / seconds,
        .failures = (double)(newest->failures - oldest->failures) / seconds,
        .n = newest->connections - oldest->connections,
        .is_known = true,
    };
}

void rates_drop(struct top_endpoint **all, uint64_t round)
{
    struct top_endpoint *one, *next;

    HASH_ITER (hh, *all, one, next) {
        if (one->round == round)
            continue;
        HASH_DEL(*all, one);
        free(one->key);
        free(one);
    }
}
