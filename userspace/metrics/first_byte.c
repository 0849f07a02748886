/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "metrics/first_byte.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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

struct first_byte_sum first_byte_sum_of(const struct svc_first_byte *counted)
{
    static const struct svc_first_byte none = {0};
    struct first_byte_sum sum = {0};

    first_byte_add(&sum, counted, &none);
    return sum;
}

double first_byte_sum_mean(const struct first_byte_sum *sum)
{
    uint64_t n = first_byte_sum_count(sum);

    return n ? (double)sum->sum_us / (double)n : 0;
}

double first_byte_sum_quantile(const struct first_byte_sum *sum, double share)
{
    double wanted = share * (double)first_byte_sum_count(sum);
    double seen = 0;

    for (unsigned i = 0; i < SVC_FIRST_BYTE_BUCKETS; i++) {
        double here = (double)sum->buckets[i];
        double begin = i ? svc_first_byte_bucket_end(i - 1) : 0;
        double end = svc_first_byte_bucket_end(i);

        if (here > 0 && seen + here >= wanted)
            return end > 0 ? begin + (end - begin) * (wanted - seen) / here : begin;
        seen += here;
    }
    return 0;
}

void metrics_write_first_byte(const struct metrics_text *text, const char *name, struct metrics_label *labels,
                              size_t n_labels, const struct first_byte_sum *sum)
{
    char sample[128], bound[32];
    uint64_t seen = 0;

    if (first_byte_sum_count(sum) == 0)
        return;
    (void)snprintf(sample, sizeof(sample), "%s_bucket", name);
    for (unsigned i = 0; i < SVC_FIRST_BYTE_BUCKETS; i++) {
        uint32_t end = svc_first_byte_bucket_end(i);

        /* None is a whole number, so both formats write them alike. */
        if (end)
            (void)snprintf(bound, sizeof(bound), "%g", end / 1e6);
        else
            (void)strcpy(bound, "+Inf");
        labels[n_labels - 1] = (struct metrics_label){"le", bound};
        seen += sum->buckets[i];
        metrics_text_count(text, sample, labels, n_labels, seen);
    }
    (void)snprintf(sample, sizeof(sample), "%s_sum", name);
    metrics_text_number(text, sample, labels, n_labels - 1, (double)sum->sum_us / 1e6);
    (void)snprintf(sample, sizeof(sample), "%s_count", name);
    metrics_text_count(text, sample, labels, n_labels - 1, seen);
}
