/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/top/times.h"

#define FIRST_END_MS 0.064

void times_add(struct times *times, const cJSON *buckets)
{
    const cJSON *one;
    unsigned i = 0;

    cJSON_ArrayForEach (one, buckets)
        if (i < TIMES_BUCKETS)
            times->buckets[i++] += cJSON_IsNumber(one) ? (uint64_t)one->valuedouble : 0;
}

double times_quantile(const struct times *times, unsigned growth, unsigned n_buckets, double share)
{
    double all = 0, seen = 0, begin = 0, end = FIRST_END_MS;

    for (unsigned i = 0; i < n_buckets; i++)
        all += (double)times->buckets[i];
    for (unsigned i = 0; i < n_buckets; i++) {
        double here = (double)times->buckets[i];

        if (here > 0 && seen + here >= share * all)
            return i + 1 < n_buckets ? begin + (end - begin) * (share * all - seen) / here : begin;
        seen += here;
        begin = end;
        end *= growth;
    }
    return -1;
}
