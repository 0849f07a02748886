/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What Cloud Map's requests hold, checked by its rules: ids and ARNs, names, tags, DNS and health
 * configuration, attributes of instances. Pure. */
#pragma once

#include "aws/aws_error.h"
#include "base/address.h"
#include "model/dns_records.h"
#include "model/names.h"

#define CLOUD_MAP_ACCOUNT        "123456789012" /* there is one, and it has this number */
#define CLOUD_MAP_MAX_TAGS       50
#define CLOUD_MAP_MAX_ATTRIBUTES 30
#define CLOUD_MAP_WEIGHT         "SVCCONNECT_WEIGHT"

enum cloud_map_type {
    CLOUD_MAP_HTTP,
    CLOUD_MAP_DNS_PRIVATE,
    CLOUD_MAP_DNS_PUBLIC,
};

const char *cloud_map_type_name(enum cloud_map_type type); /* "HTTP", "DNS_PRIVATE", "DNS_PUBLIC" */

/* The id in a member that takes an id or an ARN of that `kind` ("namespace", "service"), which points into
 * the body. */
int cloud_map_get_id(const cJSON *body, const char *name, const char *kind, const char **ret_id,
                     struct aws_error *error);

int cloud_map_check_namespace(const char *name, enum cloud_map_type type, struct aws_error *error);
int cloud_map_check_service(const char *name, struct aws_error *error);
int cloud_map_check_instance(const char *id, struct aws_error *error);

/* The list of a member "Tags", NULL without. */
int cloud_map_get_tags(const cJSON *body, bool is_required, const cJSON **ret_tags, struct aws_error *error);
/* `tags` with `more` put in, values of the same keys replaced. More than 50: TooManyTagsException. NULL on
 * failure. */
cJSON *cloud_map_merge_tags(const cJSON *tags, const cJSON *more, const char *resource,
                            struct aws_error *error);

/* Which DNS records a service has, as bits. */
enum {
    CLOUD_MAP_A = 1 << DNS_RECORD_A,
    CLOUD_MAP_AAAA = 1 << DNS_RECORD_AAAA,
    CLOUD_MAP_SRV = 1 << DNS_RECORD_SRV,
    CLOUD_MAP_CNAME = 1 << DNS_RECORD_CNAME,
    CLOUD_MAP_WEIGHTED = 1 << DNS_RECORDS, /* the routing policy */
};

/* "DnsConfig" of a CreateService, for a namespace of that type. *ret_records 0: none. */
int cloud_map_get_dns(const cJSON *body, enum cloud_map_type type, const cJSON **ret_dns,
                      unsigned *ret_records, struct aws_error *error);
/* The bits of a DnsConfig that was checked before; NULL: 0. */
unsigned cloud_map_dns_records(const cJSON *dns);
/* "DnsRecords" of an UpdateService: the same types as before. */
int cloud_map_check_dns_update(const cJSON *dns, unsigned records, struct aws_error *error);

/* "HealthCheckConfig", and both it and "HealthCheckCustomConfig" of a CreateService. */
int cloud_map_get_check(const cJSON *body, enum cloud_map_type type, unsigned records,
                        const cJSON **ret_check, const cJSON **ret_custom, struct aws_error *error);

/* What a service asks of its instances. */
struct cloud_map_wants {
    enum cloud_map_type type;
    unsigned records;
    bool has_check;
    bool has_custom_check;
};

/* What the attributes say to the data path. */
struct cloud_map_instance {
    bool has_address;
    struct ip_address address;
    char host[MODEL_HOST_NAME_MAX + 1]; /* AWS_INSTANCE_CNAME beside AWS_INSTANCE_PORT; or "" */
    uint16_t port;                      /* host order; 0: none given */
    uint32_t weight;
    bool is_unhealthy;
};

int cloud_map_check_attributes(const cJSON *attributes, const struct cloud_map_wants *wants,
                               struct cloud_map_instance *ret, struct aws_error *error);

/* Attributes of a service; `maximum` of them. */
int cloud_map_check_service_attributes(const cJSON *attributes, struct aws_error *error);

/*
 * Filters of a list: each has the name of one of the rules and one of that rule's conditions
 * (NULL-terminated, EQ first if it is among them). Without a condition it is EQ, and refused where there is
 * no EQ.
 */
struct cloud_map_filter_rule {
    const char *name;
    const char *conditions[5];
};
int cloud_map_check_filters(const cJSON *filters, const struct cloud_map_filter_rule *rules, size_t n_rules,
                            struct aws_error *error);
/* Does `value` pass all filters of that name? Checked before. */
bool cloud_map_passes(const cJSON *filters, const char *name, const char *value);
