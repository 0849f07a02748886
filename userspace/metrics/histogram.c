/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "metrics/histogram.h"

#include <math.h>

static const double bounds[HISTOGRAM_BOUNDS] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
                                                0.1,   0.2,   0.5,   1,    2.5,  5};

double histogram_bound(unsigned bucket)
{
    return bucket < HISTOGRAM_BOUNDS ? bounds[bucket] : INFINITY;
}

void histogram_observe(struct histogram *histogram, double seconds)
{
    unsigned bucket = 0;

    /* Written so that what is no number counts as nothing, too. */
    if (!(seconds > 0))
        seconds = 0;
    while (bucket < HISTOGRAM_BOUNDS && seconds > bounds[bucket])
        bucket++;
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum += seconds;
    if (seconds > histogram->max)
        histogram->max = seconds;
}

double histogram_quantile(const struct histogram *histogram, double share)
{
    double wanted = share * (double)histogram->count;
    uint64_t seen = 0;

    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen > 0 && (double)seen >= wanted)
            return fmin(histogram_bound(bucket), histogram->max);
    }
    return histogram->max;
}
