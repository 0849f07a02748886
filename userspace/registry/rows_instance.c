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

/* {"until": wall clock in seconds, "for", "kill", "byHand"} of an instance on its way out. */
static int read_draining(const cJSON *json, struct instance *ret_instance, struct error *error)
{
    const cJSON *draining = cJSON_GetObjectItemCaseSensitive(json, "draining");
    uint64_t until = 0;
    uint64_t whole = 0;
    bool is_kill = false;
    bool is_by_hand = false;
    int r;

    if (!draining)
        return 0;
    if (!cJSON_IsObject(draining))
        return error_input(error, "draining", "(no object)", "an object with until");
    r = json_get_integer(draining, "until", true, 1, UINT64_C(1) << 52, &until, error);
    if (r == 0)
        r = json_get_integer(draining, "for", false, 0, UINT32_MAX, &whole, error);
    if (r == 0)
        r = json_get_bool(draining, "kill", false, &is_kill, error);
    if (r == 0)
        r = json_get_bool(draining, "byHand", false, &is_by_hand, error);
    if (r < 0) {
        error_prefix_field(error, "draining");
        return r;
    }
    ret_instance->drain_until = (int64_t)until;
    ret_instance->drain_for_s = (uint32_t)whole;
    ret_instance->is_drain_kill = is_kill;
    ret_instance->is_drain_by_hand = is_by_hand;
    return 0;
}

static int read_health(const cJSON *json, const char *name, const char *text, const char **ret_text,
                       struct error *error)
{
    int r = json_get_string(json, name, false, &text, error);

    if (r < 0)
        return r;
    if (text && strcmp(text, "HEALTHY") != 0 && strcmp(text, "UNHEALTHY") != 0)
        return error_input(error, name, text, "HEALTHY, UNHEALTHY");
    *ret_text = text;
    return 0;
}

/* What its owner says, and what somebody has said by hand. */
static int read_words(const cJSON *json, struct instance *ret_instance, struct error *error)
{
    const char *health = NULL;
    const char *by_hand = NULL;
    int r = read_health(json, "health", "HEALTHY", &health, error);

    if (r == 0)
        r = read_health(json, "healthByHand", NULL, &by_hand, error);
    if (r < 0)
        return r;
    ret_instance->health = strcmp(health, "HEALTHY") == 0 ? HEALTHY : UNHEALTHY;
    if (by_hand)
        ret_instance->health_by_hand = strcmp(by_hand, "HEALTHY") == 0 ? WORD_HEALTHY : WORD_UNHEALTHY;
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
    struct instance said = {0};
    struct read_where where;
    enum svc_protocol protocol;
    uint64_t port = 0;
    uint64_t weight = 1;
    struct instance *instance;
    bool is_changed;
    _cleanup_free_ char *attributes = NULL;
    const char *creator = NULL;
    int r = read_where(json, &where, error);

    if (r == 0)
        r = json_get_integer(json, "port", true, 1, 65535, &port, error);
    if (r == 0)
        r = json_get_integer(json, "weight", false, 0, MAX_WEIGHT, &weight, error);
    if (r == 0)
        r = read_words(json, &said, error);
    if (r == 0)
        r = row_read_protocol(json, &protocol, error);
    if (r == 0)
        r = read_draining(json, &said, error);
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
    instance->is_drained = instance->is_drained && said.drain_until;
    instance->drain_until = said.drain_until;
    instance->drain_for_s = said.drain_for_s;
    instance->is_drain_kill = said.is_drain_kill;
    instance->is_drain_by_hand = said.is_drain_by_hand;
    instance->health = said.health;
    instance->health_by_hand = said.health_by_hand;
    catalog_share_external(instance);
    return 0;
}
