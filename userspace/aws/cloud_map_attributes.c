/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The rules for attributes, of instances and of services. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/aws_fields.h"
#include "aws/aws_patterns.h"
#include "aws/cloud_map_fields.h"
#include "base/number.h"

#define KEY_MAX    255
#define VALUE_MAX  1024
#define TOTAL_MAX  5000
#define MAX_WEIGHT 65535

static const char *text_of(const cJSON *attributes, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(attributes, name);

    return item ? item->valuestring : NULL;
}

static bool is_reserved(const char *key)
{
    return strncmp(key, "AWS_", 4) == 0 || strcmp(key, CLOUD_MAP_WEIGHT) == 0;
}

/* Form and amount of all of them. */
static int cloud_map_attributes_check_form(const cJSON *attributes, struct aws_error *error)
{
    const cJSON *item;
    const cJSON *other;
    size_t total = 0;
    size_t custom = 0;

    cJSON_ArrayForEach (item, attributes) {
        const char *key = item->string;

        if (!cJSON_IsString(item))
            return aws_fail(error, "SerializationException", "Attributes: %.100s: a string is wanted.", key);
        if (strlen(key) > KEY_MAX || !*key || !aws_pattern_printable.is_good(key))
            return aws_invalid(error, "Attributes: \"%.100s\" is no key: 1 to %d printable characters.", key,
                               KEY_MAX);
        if (strlen(item->valuestring) > VALUE_MAX || !aws_pattern_value.is_good(item->valuestring))
            return aws_invalid(error,
                               "Attributes: %.100s: \"%.100s\" is no value: at most %d printable characters, "
                               "no space at either end.",
                               key, item->valuestring, VALUE_MAX);
        for (other = attributes->child; other != item; other = other->next)
            if (strcmp(other->string, key) == 0)
                return aws_invalid(error, "Attributes: the key %.100s is given twice.", key);
        total += strlen(key) + strlen(item->valuestring);
        if (!is_reserved(key) && ++custom > CLOUD_MAP_MAX_ATTRIBUTES)
            return aws_invalid(error, "Attributes: at most %d custom attributes.", CLOUD_MAP_MAX_ATTRIBUTES);
    }
    if (total > TOTAL_MAX)
        return aws_invalid(error, "Attributes: at most %d characters in all keys and values.", TOTAL_MAX);
    return 0;
}

static int cloud_map_attributes_read_address(const cJSON *attributes, const char *name, bool is_v4,
                                             struct cloud_map_instance *ret, struct aws_error *error)
{
    const char *text = text_of(attributes, name);
    struct ip_address address;
    const char *why;

    if (!text)
        return 0;
    if (ip_address_parse(text, &address) < 0 || ip_address_is_v4(&address) != is_v4 ||
        ip_address_is_unusable(&address))
        return aws_invalid(error, "Attributes: %s: \"%.100s\" is not the %s address of one host.", name, text,
                           is_v4 ? "IPv4" : "IPv6");
    why = ip_address_why_no_endpoint(&address);
    if (why)
        return aws_invalid(error, "Attributes: %s: \"%.100s\" is %s.", name, text, why);
    if (!ret->has_address)
        ret->address = address;
    ret->has_address = true;
    return 0;
}

static int cloud_map_attributes_read_number(const cJSON *attributes, const char *name, uint64_t minimum,
                                            uint64_t maximum, uint64_t *number, struct aws_error *error)
{
    const char *text = text_of(attributes, name);

    if (text && parse_number(text, minimum, maximum, number) < 0)
        return aws_invalid(error, "Attributes: %s: \"%.100s\" is no number from %llu to %llu.", name, text,
                           (unsigned long long)minimum, (unsigned long long)maximum);
    return 0;
}

/* With a port it is where connections go, and has to be a host name; without one it is only told. */
static int cloud_map_attributes_read_host(const cJSON *attributes, struct cloud_map_instance *ret,
                                          struct aws_error *error)
{
    const char *text = text_of(attributes, "AWS_INSTANCE_CNAME");
    char host[MODEL_HOST_NAME_MAX + 2];

    if (!text || !text_of(attributes, "AWS_INSTANCE_PORT"))
        return 0;
    (void)snprintf(host, sizeof(host), "%s", text);
    if (strlen(text) >= sizeof(host) || model_check_host_name("", host, NULL) < 0)
        return aws_invalid(
            error,
            "Attributes: AWS_INSTANCE_CNAME: \"%.100s\" is no host name: at most %d characters, "
            "labels of 1 to 63 letters, digits and - joined by dots, the last not of digits alone.",
            text, MODEL_HOST_NAME_MAX);
    strcpy(ret->host, host);
    return 0;
}

static int cloud_map_attributes_read_health(const cJSON *attributes, const struct cloud_map_wants *wants,
                                            struct cloud_map_instance *ret, struct aws_error *error)
{
    const char *text = text_of(attributes, "AWS_INIT_HEALTH_STATUS");

    if (!text)
        return 0;
    if (strcmp(text, "HEALTHY") != 0 && strcmp(text, "UNHEALTHY") != 0)
        return aws_invalid(
            error, "Attributes: AWS_INIT_HEALTH_STATUS: \"%.100s\" is not one of HEALTHY, UNHEALTHY.", text);
    if (!wants->has_custom_check)
        return aws_invalid(error, "Attributes: AWS_INIT_HEALTH_STATUS: only for a service with a "
                                  "HealthCheckCustomConfig.");
    ret->is_unhealthy = text[0] == 'U';
    return 0;
}

/* Attributes that allow few others beside them. */
static int check_exclusive(const cJSON *attributes, const struct cloud_map_wants *wants,
                           struct aws_error *error)
{
    const cJSON *item;
    bool is_alias = text_of(attributes, "AWS_ALIAS_DNS_NAME") != NULL;
    bool is_ec2 = text_of(attributes, "AWS_EC2_INSTANCE_ID") != NULL;

    if (is_ec2 && wants->type != CLOUD_MAP_HTTP)
        return aws_invalid(error, "Attributes: AWS_EC2_INSTANCE_ID: only in an HTTP namespace.");
    if (is_alias &&
        (!(wants->records & (CLOUD_MAP_A | CLOUD_MAP_AAAA)) || !(wants->records & CLOUD_MAP_WEIGHTED)))
        return aws_invalid(error, "Attributes: AWS_ALIAS_DNS_NAME: only for a service with A or AAAA records "
                                  "and the routing policy WEIGHTED.");
    cJSON_ArrayForEach (item, attributes) {
        if (is_alias && strncmp(item->string, "AWS_INSTANCE_", 13) == 0)
            return aws_invalid(error, "Attributes: AWS_ALIAS_DNS_NAME: not together with %.100s.",
                               item->string);
        if (is_ec2 && strncmp(item->string, "AWS_", 4) == 0 &&
            strcmp(item->string, "AWS_EC2_INSTANCE_ID") != 0 &&
            strcmp(item->string, "AWS_INIT_HEALTH_STATUS") != 0)
            return aws_invalid(error, "Attributes: AWS_EC2_INSTANCE_ID: not together with %.100s.",
                               item->string);
    }
    return 0;
}

static int want(const cJSON *attributes, bool is_wanted, const char *name, const char *why,
                struct aws_error *error)
{
    return is_wanted && !text_of(attributes, name)
               ? aws_invalid(error, "Attributes: %s: required by the service's %s.", name, why)
               : 0;
}

static int check_required(const cJSON *attributes, const struct cloud_map_wants *wants,
                          struct aws_error *error)
{
    int r;

    if (text_of(attributes, "AWS_ALIAS_DNS_NAME"))
        return 0;
    r = want(attributes, wants->records & CLOUD_MAP_A, "AWS_INSTANCE_IPV4", "A record", error);
    if (r == 0)
        r = want(attributes, wants->records & CLOUD_MAP_AAAA, "AWS_INSTANCE_IPV6", "AAAA record", error);
    if (r == 0)
        r = want(attributes, wants->records & CLOUD_MAP_CNAME, "AWS_INSTANCE_CNAME", "CNAME record", error);
    if (r == 0)
        r = want(attributes, wants->records & CLOUD_MAP_SRV && !text_of(attributes, "AWS_INSTANCE_IPV6"),
                 "AWS_INSTANCE_IPV4", "SRV record", error);
    if (r == 0)
        r = want(attributes, wants->records & CLOUD_MAP_SRV, "AWS_INSTANCE_PORT", "SRV record", error);
    if (r == 0)
        r = want(attributes, wants->has_check, "AWS_INSTANCE_PORT", "HealthCheckConfig", error);
    return r;
}

int cloud_map_check_attributes(const cJSON *attributes, const struct cloud_map_wants *wants,
                               struct cloud_map_instance *ret, struct aws_error *error)
{
    struct cloud_map_instance instance = {.weight = 1};
    uint64_t port = 0;
    uint64_t weight = 1;
    int r = cloud_map_attributes_check_form(attributes, error);

    if (r == 0)
        r = cloud_map_attributes_read_address(attributes, "AWS_INSTANCE_IPV4", true, &instance, error);
    if (r == 0)
        r = cloud_map_attributes_read_address(attributes, "AWS_INSTANCE_IPV6", false, &instance, error);
    if (r == 0)
        r = cloud_map_attributes_read_host(attributes, &instance, error);
    if (r == 0)
        r = cloud_map_attributes_read_number(attributes, "AWS_INSTANCE_PORT", 1, 65535, &port, error);
    if (r == 0)
        r = cloud_map_attributes_read_number(attributes, CLOUD_MAP_WEIGHT, 0, MAX_WEIGHT, &weight, error);
    if (r == 0)
        r = check_exclusive(attributes, wants, error);
    if (r == 0)
        r = check_required(attributes, wants, error);
    if (r == 0)
        r = cloud_map_attributes_read_health(attributes, wants, &instance, error);
    if (r < 0)
        return r;
    instance.port = (uint16_t)port;
    instance.weight = (uint32_t)weight;
    *ret = instance;
    return 0;
}

int cloud_map_check_service_attributes(const cJSON *attributes, struct aws_error *error)
{
    const cJSON *item;
    int n = 0;

    cJSON_ArrayForEach (item, attributes) {
        if (!cJSON_IsString(item))
            return aws_fail(error, "SerializationException", "Attributes: strings are wanted.");
        if (strlen(item->string) > KEY_MAX || !*item->string ||
            !aws_pattern_printable.is_good(item->string) || strlen(item->valuestring) > VALUE_MAX ||
            !aws_pattern_value.is_good(item->valuestring))
            return aws_invalid(error, "Attributes: %.100s: not a key and a value of printable characters.",
                               item->string);
        if (++n > CLOUD_MAP_MAX_ATTRIBUTES)
            return aws_fail(error, "ServiceAttributesLimitExceededException",
                            "A service has at most %d attributes.", CLOUD_MAP_MAX_ATTRIBUTES);
    }
    return 0;
}
