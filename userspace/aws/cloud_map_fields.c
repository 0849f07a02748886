/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws/cloud_map_fields.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/aws_fields.h"
#include "aws/aws_patterns.h"
#include "base/json.h"
#include "model/dns_records.h"
#include "model/names.h"

const char *cloud_map_type_name(enum cloud_map_type type)
{
    static const char *const names[] = {"HTTP", "DNS_PRIVATE", "DNS_PUBLIC"};

    return names[type];
}

/* ---- names ---- */

int cloud_map_get_id(const cJSON *body, const char *name, const char *kind, const char **ret_id,
                     struct aws_error *error)
{
    const char *text = NULL;
    const char *slash;
    int r = aws_get_text(body, name, AWS_REQUIRED, 1, 255, &text, error);

    if (r < 0)
        return r;
    if (strncmp(text, "arn:", 4) != 0) {
        if (strlen(text) > 64)
            return aws_invalid(error, "%s: \"%.100s\" is longer than 64 characters.", name, text);
        *ret_id = text;
        return 0;
    }
    slash = strrchr(text, '/');
    if (!slash || !slash[1] || (size_t)(slash - text) <= strlen(kind) ||
        slash[-1 - (ssize_t)strlen(kind)] != ':' || strncmp(slash - strlen(kind), kind, strlen(kind)) != 0 ||
        !strstr(text, ":servicediscovery:"))
        return aws_invalid(error, "%s: \"%.200s\" is no ARN of a %s.", name, text, kind);
    *ret_id = slash + 1;
    return 0;
}

/* Labels of letters, digits and inner dashes with at least one dot. */
static bool is_hostname(const char *name)
{
    bool has_dot = false;

    while (*name) {
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

        if (n < 1 || n > 63 || name[0] == '-' || name[n - 1] == '-' || (name[n] && name[n] != '.') ||
            (name[n] == '.' && !name[n + 1]))
            return false;
        has_dot = has_dot || name[n] == '.';
        name += n + (name[n] == '.');
    }
    return has_dot;
}

int cloud_map_check_namespace(const char *name, enum cloud_map_type type, struct aws_error *error)
{
    struct error ours = {0};

    if (strncmp(name, "arn:", 4) == 0 || !aws_pattern_printable.is_good(name) ||
        (type != CLOUD_MAP_HTTP && strlen(name) > 253) ||
        (type == CLOUD_MAP_DNS_PUBLIC && !is_hostname(name)))
        return aws_invalid(error, "Name: \"%.100s\" is no name of a namespace of type %s.", name,
                           cloud_map_type_name(type));
    if (model_check_namespace("Name", name, &ours) < 0)
        return aws_invalid(error, "%s", ours.message);
    return 0;
}

int cloud_map_check_service(const char *name, struct aws_error *error)
{
    struct error ours = {0};

    return model_check_service("Name", name, &ours) < 0 ? aws_invalid(error, "%s", ours.message) : 0;
}

int cloud_map_check_instance(const char *id, struct aws_error *error)
{
    struct error ours = {0};

    return model_check_instance_id("InstanceId", id, &ours) < 0 ? aws_invalid(error, "%s", ours.message) : 0;
}

/* ---- tags ---- */

int cloud_map_get_tags(const cJSON *body, bool is_required, const cJSON **ret_tags, struct aws_error *error)
{
    const cJSON *tags = NULL;
    const cJSON *tag;
    const cJSON *other;
    int r = aws_get_list(body, "Tags", is_required, 0, 0, &tags, error);

    cJSON_ArrayForEach (tag, tags) {
        const char *key = NULL;
        const char *value = NULL;

        if (r == 0 && !cJSON_IsObject(tag))
            r = aws_fail(error, "SerializationException", "Tags: a list of objects is wanted.");
        if (r == 0)
            r = aws_get_text(tag, "Key", AWS_REQUIRED, 1, 128, &key, error);
        if (r == 0)
            r = aws_get_text(tag, "Value", AWS_REQUIRED, 0, 256, &value, error);
        for (other = tags->child; r == 0 && other != tag; other = other->next)
            if (strcmp(aws_member(other, "Key")->valuestring, key) == 0)
                r = aws_invalid(error, "Tags: the key \"%.128s\" is given twice.", key);
        if (r < 0)
            return r;
    }
    if (r == 0)
        *ret_tags = tags;
    return r;
}

cJSON *cloud_map_merge_tags(const cJSON *tags, const cJSON *more, const char *resource,
                            struct aws_error *error)
{
    _cleanup_json_ cJSON *merged = cJSON_CreateArray();
    const cJSON *tag;
    const cJSON *new;

    cJSON_ArrayForEach (tag, tags) {
        bool is_replaced = false;

        cJSON_ArrayForEach (new, more)
            if (strcmp(aws_member(new, "Key")->valuestring, aws_member(tag, "Key")->valuestring) == 0)
                is_replaced = true;
        if (!is_replaced)
            (void)cJSON_AddItemToArray(merged, cJSON_Duplicate(tag, true));
    }
    cJSON_ArrayForEach (new, more)
        (void)cJSON_AddItemToArray(merged, cJSON_Duplicate(new, true));
    if (cJSON_GetArraySize(merged) > CLOUD_MAP_MAX_TAGS) {
        (void)aws_fail(error, "TooManyTagsException", "A resource has at most %d tags.", CLOUD_MAP_MAX_TAGS);
        aws_error_member(error, "ResourceName", resource);
        return NULL;
    }
    return TAKE_PTR(merged);
}

/* ---- DNS ---- */

static const char *const record_types[] = {"A", "AAAA", "SRV", "CNAME", NULL}; /* as enum dns_record */

static int read_records(const cJSON *dns, unsigned *ret_records, struct aws_error *error)
{
    const cJSON *list = NULL;
    const cJSON *item;
    unsigned records = 0;
    int r = aws_get_list(dns, "DnsRecords", AWS_REQUIRED, 0, 0, &list, error);

    cJSON_ArrayForEach (item, list) {
        const char *type = NULL;
        int64_t ttl;

        if (r == 0 && !cJSON_IsObject(item))
            r = aws_fail(error, "SerializationException", "DnsRecords: a list of objects is wanted.");
        if (r == 0)
            r = aws_get_enum(item, "Type", AWS_REQUIRED, record_types, &type, error);
        if (r == 0)
            r = aws_get_integer(item, "TTL", AWS_REQUIRED, 0, INT32_MAX, &ttl, error);
        for (unsigned i = 0; r == 0 && record_types[i]; i++)
            if (strcmp(record_types[i], type) == 0) {
                if (records & 1u << i)
                    r = aws_invalid(error, "DnsRecords: the type %s is given twice.", type);
                records |= 1u << i;
            }
        if (r < 0)
            return r;
    }
    if (r == 0)
        *ret_records = records;
    return r;
}

int cloud_map_get_dns(const cJSON *body, enum cloud_map_type type, const cJSON **ret_dns,
                      unsigned *ret_records, struct aws_error *error)
{
    static const char *const policies[] = {"MULTIVALUE", "WEIGHTED", NULL};
    const cJSON *dns = NULL;
    const char *policy = "MULTIVALUE";
    unsigned records = 0;
    int r = aws_get_object(body, "DnsConfig", AWS_OPTIONAL, &dns, error);

    *ret_records = 0;
    if (r < 0 || !dns)
        return r;
    r = read_records(dns, &records, error);
    if (r == 0)
        r = aws_get_enum(dns, "RoutingPolicy", AWS_OPTIONAL, policies, &policy, error);
    if (r < 0)
        return r;
    if (type == CLOUD_MAP_HTTP && records)
        return aws_invalid(error, "DnsConfig: a service of an HTTP namespace has no DNS records.");
    if (records != 0 && records != CLOUD_MAP_A && records != CLOUD_MAP_AAAA &&
        records != (CLOUD_MAP_A | CLOUD_MAP_AAAA) && records != CLOUD_MAP_SRV && records != CLOUD_MAP_CNAME)
        return aws_invalid(error,
                           "DnsRecords: A, AAAA, A and AAAA, SRV, or CNAME are the combinations allowed.");
    if (strcmp(policy, "WEIGHTED") == 0)
        records |= CLOUD_MAP_WEIGHTED;
    else if (records & CLOUD_MAP_CNAME)
        return aws_invalid(error, "RoutingPolicy: a CNAME record needs WEIGHTED.");
    *ret_dns = dns;
    *ret_records = records;
    return 0;
}

unsigned cloud_map_dns_records(const cJSON *dns)
{
    struct dns_records records = dns_records_of(dns);

    return records.types | (records.is_weighted ? CLOUD_MAP_WEIGHTED : 0u);
}

int cloud_map_check_dns_update(const cJSON *dns, unsigned records, struct aws_error *error)
{
    unsigned wanted = 0;
    int r = read_records(dns, &wanted, error);

    if (r == 0 && wanted != 0 && wanted != (records & ~(unsigned)CLOUD_MAP_WEIGHTED))
        r = aws_invalid(error, "DnsRecords: the types of a service's records cannot be changed.");
    return r;
}

/* ---- health checks ---- */

static int check_config(const cJSON *check, struct aws_error *error)
{
    static const char *const types[] = {"HTTP", "HTTPS", "TCP", NULL};
    const char *type = NULL;
    const char *path = NULL;
    int64_t threshold;
    int r = aws_get_enum(check, "Type", AWS_REQUIRED, types, &type, error);

    if (r == 0)
        r = aws_get_text(check, "ResourcePath", AWS_OPTIONAL, 0, 255, &path, error);
    if (r == 0)
        r = aws_get_integer(check, "FailureThreshold", AWS_OPTIONAL, 1, 10, &threshold, error);
    if (r == 0 && path && *path && strcmp(type, "TCP") == 0)
        r = aws_invalid(error, "ResourcePath: a TCP check has none.");
    if (r == 0 && path && *path && (*path != '/' || !aws_pattern_printable.is_good(path)))
        r = aws_invalid(error, "ResourcePath: \"%.100s\" is no path beginning with /.", path);
    return r;
}

int cloud_map_get_check(const cJSON *body, enum cloud_map_type type, unsigned records,
                        const cJSON **ret_check, const cJSON **ret_custom, struct aws_error *error)
{
    const cJSON *check = NULL;
    const cJSON *custom = NULL;
    int64_t threshold;
    int r = aws_get_object(body, "HealthCheckConfig", AWS_OPTIONAL, &check, error);

    if (r == 0 && ret_custom)
        r = aws_get_object(body, "HealthCheckCustomConfig", AWS_OPTIONAL, &custom, error);
    if (r == 0 && check)
        r = check_config(check, error);
    if (r == 0 && custom)
        r = aws_get_integer(custom, "FailureThreshold", AWS_OPTIONAL, 1, 10, &threshold, error);
    if (r < 0)
        return r;
    if (check && custom)
        return aws_invalid(error, "HealthCheckConfig and HealthCheckCustomConfig: one of them, not both.");
    if (check && type == CLOUD_MAP_DNS_PRIVATE)
        return aws_invalid(error, "HealthCheckConfig: not for a private DNS namespace.");
    if (check && records & CLOUD_MAP_CNAME)
        return aws_invalid(error, "HealthCheckConfig: not with a CNAME record.");
    *ret_check = check;
    if (ret_custom)
        *ret_custom = custom;
    return 0;
}

/* ---- filters ---- */

static int check_filter(const cJSON *filter, const struct cloud_map_filter_rule *rules, size_t n_rules,
                        struct aws_error *error)
{
    const struct cloud_map_filter_rule *rule = NULL;
    const cJSON *values = NULL;
    const char *name = NULL;
    const char *condition = NULL;
    int n;
    int r = cJSON_IsObject(filter)
                ? aws_get_text(filter, "Name", AWS_REQUIRED, 1, 64, &name, error)
                : aws_fail(error, "SerializationException", "Filters: a list of objects is wanted.");

    for (size_t i = 0; r == 0 && i < n_rules; i++)
        if (strcmp(rules[i].name, name) == 0)
            rule = &rules[i];
    if (r == 0 && !rule)
        r = aws_invalid(error, "Filters: there is no filter \"%.64s\" here.", name);
    if (r == 0)
        r = aws_get_list(filter, "Values", AWS_REQUIRED, 100, 255, &values, error);
    if (r == 0)
        r = aws_get_enum(filter, "Condition", AWS_OPTIONAL, rule->conditions, &condition, error);
    if (r == 0 && !condition && strcmp(rule->conditions[0], "EQ") != 0)
        r = aws_invalid(error, "Filters: %s: Condition: required, and missing; %s is allowed.", name,
                        rule->conditions[0]);
    if (r < 0)
        return r;
    n = cJSON_GetArraySize(values);
    if (condition && strcmp(condition, "IN") == 0        ? n < 1
        : condition && strcmp(condition, "BETWEEN") == 0 ? n != 2
                                                         : n != 1)
        return aws_invalid(error, "Filters: %s takes another number of values than %d.", name, n);
    return 0;
}

int cloud_map_check_filters(const cJSON *filters, const struct cloud_map_filter_rule *rules, size_t n_rules,
                            struct aws_error *error)
{
    const cJSON *filter;
    int r = 0;

    cJSON_ArrayForEach (filter, filters)
        if (r == 0)
            r = check_filter(filter, rules, n_rules, error);
    return r;
}

static bool cloud_map_fields_passes(const cJSON *filter, const char *value)
{
    const cJSON *condition = aws_member(filter, "Condition");
    const char *how = condition ? condition->valuestring : "EQ";
    const cJSON *item;

    cJSON_ArrayForEach (item, aws_member(filter, "Values")) {
        const char *wanted = item->valuestring;

        if (strcmp(how, "BETWEEN") == 0)
            return strtod(value, NULL) >= strtod(wanted, NULL) &&
                   strtod(value, NULL) <= strtod(item->next->valuestring, NULL);
        if (strcmp(how, "BEGINS_WITH") == 0 ? strncmp(value, wanted, strlen(wanted)) == 0
                                            : strcmp(value, wanted) == 0)
            return true;
    }
    return false;
}

bool cloud_map_passes(const cJSON *filters, const char *name, const char *value)
{
    const cJSON *filter;

    cJSON_ArrayForEach (filter, filters)
        if (strcmp(aws_member(filter, "Name")->valuestring, name) == 0 &&
            !cloud_map_fields_passes(filter, value))
            return false;
    return true;
}
