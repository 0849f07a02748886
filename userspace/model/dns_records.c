/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "model/dns_records.h"

#include <string.h>

#include "base/cleanup.h"

const char *dns_record_name(enum dns_record record)
{
    static const char *const names[] = {"A", "AAAA", "SRV", "CNAME"};

    return names[record];
}

static void read_record(const cJSON *item, struct dns_records *records)
{
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "Type"));
    const cJSON *ttl = cJSON_GetObjectItemCaseSensitive(item, "TTL");

    for (enum dns_record record = DNS_RECORD_A; type && record < DNS_RECORDS; record++) {
        if (strcmp(type, dns_record_name(record)) != 0)
            continue;
        records->types |= (uint8_t)(1u << record);
        if (cJSON_IsNumber(ttl) && ttl->valuedouble >= 0 && ttl->valuedouble <= INT32_MAX)
            records->ttl[record] = (uint32_t)ttl->valuedouble;
    }
}

struct dns_records dns_records_of(const cJSON *config)
{
    const char *policy = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(config, "RoutingPolicy"));
    struct dns_records records = {
        .is_declared = cJSON_IsObject(config),
        .is_weighted = policy && strcmp(policy, "WEIGHTED") == 0,
    };
    const cJSON *item;

    cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(config, "DnsRecords"))
        read_record(item, &records);
    return records;
}

struct dns_records dns_records_read(const char *aws)
{
    _cleanup_json_ cJSON *kept = aws ? cJSON_Parse(aws) : NULL;

    return dns_records_of(cJSON_GetObjectItemCaseSensitive(kept, "DnsConfig"));
}
