/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "metrics/first_byte.h"

#include <stdbool.h>

/* Buckets are 32 bits wide, so one that has come round shows the difference all the same. */
void first_byte_add(struct first_byte_sum *sum, const struct svc_first_byte *now,
                    const struct svc_first_byte *last)
{
    bool is_new = now->sum_us < last->sum_us;

    for (unsigned i = 0; i < SVC_FIRST_BYTE_BUCKETS; i++)
        sum->buckets[i] += is_new ? now->buckets[i] : now->buckets[i] - last->buckets[i];
    sum->sum_us += is_new ? now->sum_us : now->sum_us - last->sum_us;
}

uint64_t first_byte_sum_count(const struct first_byte_sum *sum)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < SVC_FIRST_BYTE_BUCKETS; i++)
        n += sum->buckets[i];
    return n;
}

uint64_t first_byte_count(const struct svc_first_byte *first_byte)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < SVC_FIRST_BYTE_BUCKETS; i++)
        n += first_byte->buckets[i];
    return n;
}

double first_byte_mean(const struct svc_first_byte *first_byte)
{
    uint64_t n = first_byte_count(first_byte);

    return n ? (double)first_byte->sum_us / (double)n : 0;
}

double first_byte_quantile(const struct svc_first_byte *first_byte, double share)
{
    double wanted = share * (double)first_byte_count(first_byte);
    double seen = 0;

    for (unsigned i = 0; i < SVC_FIRST_BYTE_BUCKETS; i++) {
        double here = first_byte->buckets[i];
        double begin = i ? svc_first_byte_bucket_end(i - 1) : 0;
        double end = svc_first_byte_bucket_end(i);

        if (here > 0 && seen + here >= wanted)
            return end > 0 ? begin + (end - begin) * (wanted - seen) / here : begin;
        seen += here;
    }
    return 0;
}
