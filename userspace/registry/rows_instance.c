/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Instances with an address or the name of a host, from their rows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "model/catalog_aws.h"
#include "registry/rows_internal.h"

#define MAX_WEIGHT 65535

int row_read_protocol(const cJSON *object, enum svc_protocol *ret_protocol, struct error *error)
{
    const char *text = "tcp";
    int r = json_get_string(object, "protocol", false, &text, error);

    if (r < 0)
        return r;
    if (strcmp(text, "tcp") != 0 && strcmp(text, "udp") != 0)
        return error_input(error, "protocol", text, "tcp, udp");
    *ret_protocol = text[0] == 'u' ? UDP : TCP;
    return 0;
}

/* {"until": wall clock in seconds, "kill": bool} of an instance on its way out. */
static int read_draining(const cJSON *json, int64_t *ret_until, uint32_t *ret_for, bool *ret_kill,
                         struct error *error)
{
    const cJSON *draining = cJSON_GetObjectItemCaseSensitive(json, "draining");
    uint64_t until = 0;
    uint64_t whole = 0;
    bool is_kill = false;
    int r;

    *ret_until = 0;
    *ret_for = 0;
    *ret_kill = false;
    if (!draining)
        return 0;
    if (!cJSON_IsObject(draining))
        return error_input(error, "draining", "(no object)", "an object with until");
    r = json_get_integer(draining, "until", true, 1, UINT64_C(1) << 52, &until, error);
    if (r == 0)
        r = json_get_integer(draining, "for", false, 0, UINT32_MAX, &whole, error);
    if (r == 0)
        r = json_get_bool(draining, "kill", false, &is_kill, error);
    if (r < 0) {
        error_prefix_field(error, "draining");
        return r;
    }
    *ret_until = (int64_t)until;
    *ret_for = (uint32_t)whole;
    *ret_kill = is_kill;
    return 0;
}

/* An IP address, or the name of a host (then *ret_host is set). */
struct read_where {
    char host_text[MODEL_HOST_NAME_MAX + 2];
    const char *host;
    struct ip_address address;
};

static int read_where(const cJSON *json, struct read_where *ret_where, struct error *error)
{
    const char *address = NULL;
    const char *host = NULL;
    int r = json_get_string(json, "host", false, &host, error);

    *ret_where = (struct read_where){0};
    if (r == 0)
        r = json_get_string(json, "address", !host, &address, error);
    if (r < 0)
        return r;
    if (!host) {
        if (ip_address_parse(address, &ret_where->address) < 0 || ip_address_is_unusable(&ret_where->address))
            return error_input(error, "address", address, "the IP address of one host");
        return 0;
    }
    if (address)
        return error_input(error, "host", host, "address or host, not both");
    (void)snprintf(ret_where->host_text, sizeof(ret_where->host_text), "%s", host);
    ret_where->host = ret_where->host_text;
    return strlen(host) < sizeof(ret_where->host_text)
               ? model_check_host_name("host", ret_where->host_text, error)
               : error_input(error, "host", host, "at most %d characters", MODEL_HOST_NAME_MAX);
}

/* The instance itself, of the one kind or the other, and nothing of the other kind by that id. */
static struct instance *make_instance(struct catalog *catalog, const struct row_name *name,
                                      const struct read_where *where)
{
    struct service *service = catalog_make_service(catalog, name->namespace_name, name->service);
    struct instance *instance, *other;

    if (!service)
        return NULL;
    if (!where->host) {
        instance = catalog_make_instance(catalog, service, name->last);
        other = catalog_record(service, name->last);
        if (instance && other)
            catalog_remove_record(other);
        return instance;
    }
    instance = catalog_make_record(service, name->last);
    other = catalog_instance(service, name->last);
    if (!instance || catalog_set_host(instance, where->host) < 0)
        return NULL;
    if (other)
        catalog_remove_instance(catalog, other);
    return instance;
}

static bool is_elsewhere(const struct catalog *catalog, const struct row_name *name,
                         const struct read_where *where, uint64_t port)
{
    const struct service *service = catalog_service(catalog, name->namespace_name, name->service);
    const struct instance *instance = NULL;

    if (service)
        instance = where->host ? catalog_record(service, name->last) : catalog_instance(service, name->last);
    if (!instance || instance->port != port)
        return true;
    return where->host ? !instance->host || strcmp(instance->host, where->host) != 0
                       : !ip_address_equal(&instance->address, &where->address);
}

int row_apply_instance(struct catalog *catalog, const struct row_name *name, const cJSON *json,
                       struct error *error)
{
    const char *health = "HEALTHY";
    struct read_where where;
    enum svc_protocol protocol;
    uint64_t port = 0;
    uint64_t weight = 1;
    struct instance *instance;
    int64_t drain_until = 0;
    uint32_t drain_for_s = 0;
    bool is_drain_kill = false;
    bool is_changed;
    _cleanup_free_ char *attributes = NULL;
    const char *creator = NULL;
    int r = read_where(json, &where, error);

    if (r == 0)
        r = json_get_integer(json, "port", true, 1, 65535, &port, error);
    if (r == 0)
        r = json_get_integer(json, "weight", false, 0, MAX_WEIGHT, &weight, error);
    if (r == 0)
        r = json_get_string(json, "health", false, &health, error);
    if (r == 0)
        r = row_read_protocol(json, &protocol, error);
    if (r == 0)
        r = read_draining(json, &drain_until, &drain_for_s, &is_drain_kill, error);
    if (r == 0 && strcmp(health, "HEALTHY") != 0 && strcmp(health, "UNHEALTHY") != 0)
        r = error_input(error, "health", health, "HEALTHY, UNHEALTHY");
    if (r == 0)
        r = row_read_attributes(json, &attributes, &creator, error);
    if (r < 0)
        return r;
    is_changed = is_elsewhere(catalog, name, &where, port);
    instance = make_instance(catalog, name, &where);
    if (!instance)
        return -ENOMEM;
    if (is_changed ||
        strcmp(instance->attributes ? instance->attributes : "", attributes ? attributes : "") != 0)
        catalog_bump_instances(instance->service);
    if (catalog_set_attributes(instance, attributes, creator) < 0)
        return -ENOMEM;
    instance->address = where.address;
    instance->port = (uint16_t)port;
    instance->protocol = protocol;
    instance->weight = (uint32_t)weight;
    instance->drain_until = drain_until;
    instance->drain_for_s = drain_for_s;
    instance->is_drain_kill = is_drain_kill;
    instance->health = strcmp(health, "HEALTHY") == 0 ? HEALTHY : UNHEALTHY;
    catalog_share_external(instance);
    return 0;
}
