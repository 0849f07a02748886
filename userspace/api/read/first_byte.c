/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "api/read/first_byte.h"

#include <math.h>

void read_milliseconds(cJSON *object, const char *name, double microseconds)
{
    (void)cJSON_AddNumberToObject(object, name, round(microseconds) / 1000);
}

void read_first_byte(const struct first_byte_sum *sum, cJSON *object)
{
    cJSON *buckets;

    (void)cJSON_AddNumberToObject(object, "measured", (double)first_byte_sum_count(sum));
    read_milliseconds(object, "meanMilliseconds", first_byte_sum_mean(sum));
    read_milliseconds(object, "p50Milliseconds", first_byte_sum_quantile(sum, 0.5));
    read_milliseconds(object, "p99Milliseconds", first_byte_sum_quantile(sum, 0.99));
    buckets = cJSON_AddArrayToObject(object, "buckets");
    for (unsigned i = 0; i < SVC_FIRST_BYTE_BUCKETS; i++)
        (void)cJSON_AddItemToArray(buckets, cJSON_CreateNumber((double)sum->buckets[i]));
}
