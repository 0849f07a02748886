/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which DNS records a service was declared with by the AWS API: plain data. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

enum dns_record {
    DNS_RECORD_A,
    DNS_RECORD_AAAA,
    DNS_RECORD_SRV,
    DNS_RECORD_CNAME,
    DNS_RECORDS,
};

struct dns_records {
    bool is_declared; /* else there is nothing to go by */
    bool is_weighted; /* the routing policy */
    uint8_t types;    /* bits, by enum dns_record */
    uint32_t ttl[DNS_RECORDS];
};

const char *dns_record_name(enum dns_record record); /* "A", "AAAA", "SRV", "CNAME" */

/* A "DnsConfig" that was checked before; NULL: not declared. */
struct dns_records dns_records_of(const cJSON *config);
/* The same of the text that the AWS API keeps of a service (catalog_aws.h). */
struct dns_records dns_records_read(const char *aws);
