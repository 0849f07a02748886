/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Changes of instances: registering, weight and health, draining, deregistering. */
#include "api/change/changes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "model/catalog_aws.h"
#include "model/names.h"
#include "model/near_names.h"
#include "registry/rows.h"
#include "routing/table.h"
#include "engine/change/edits.h"
#include "engine/connections.h"

#define MAX_DRAIN_S 86400

static int read_weight(const cJSON *body, bool is_required, uint32_t *weight, struct error *error)
{
    uint64_t number = *weight;
    int r = json_get_integer(body, "weight", is_required, 0, TABLE_MAX_WEIGHT, &number, error);

    *weight = (uint32_t)number;
    return r;
}

static int instances_read_health(const cJSON *body, enum svc_health *health, struct error *error)
{
    const char *text = NULL;
    int r = json_get_string(body, "health", false, &text, error);

    if (r < 0 || !text)
        return r;
    if (strcasecmp(text, "HEALTHY") != 0 && strcasecmp(text, "UNHEALTHY") != 0)
        return error_input(error, "health", text, "HEALTHY, UNHEALTHY");
    *health = strcasecmp(text, "HEALTHY") == 0 ? HEALTHY : UNHEALTHY;
    return 0;
}

/* `host`: where the name goes, if it is one. */
static int instances_read_address(const struct engine *engine, const cJSON *body, struct instance *instance,
                                  char host[static MODEL_HOST_NAME_MAX + 1], struct error *error)
{
    const char *text = NULL;
    const char *why;
    int r = json_get_string(body, "address", true, &text, error);

    if (r < 0)
        return r;
    if (model_parse_host_port(text, host, &instance->port) == 0) {
        instance->host = host;
        instance->is_record = true;
        return 0;
    }
    if (ip_endpoint_parse(text, &instance->address, &instance->port) < 0)
        return error_input(
            error, "address", text,
            "IP:PORT, [IPv6]:PORT or HOST:PORT with a port from 1 to 65535; a host name has at most "
            "%d characters: labels of 1 to 63 letters, digits and - (not at either end), the last "
            "not of digits alone",
            MODEL_HOST_NAME_MAX);
    if (text[0] == '[' && ip_address_is_v4(&instance->address))
        return error_input(error, "address", text,
                           "an IPv4 address as A.B.C.D:PORT, not in its form for IPv6 sockets (::ffff:)");
    why = ip_address_why_no_endpoint(&instance->address);
    if (why)
        return error_input(error, "address", text,
                           "an address that tasks can connect to: this is %s (not allowed: 0.0.0.0, ::, "
                           "multicast, broadcast, fe80::/10, ::a.b.c.d)",
                           why);
    if (alias_range_holds(engine_alias_range(engine), &instance->address))
        return error_input(error, "address", text,
                           "an address outside the alias ranges %s and %s, which are for names",
                           engine_alias_range(engine)->text, engine_alias_range(engine)->text6);
    return 0;
}

/* As the AWS API has it: an attribute of the instance. The caller's. */
static int instances_read_zone(const cJSON *body, char **ret_attributes, struct error *error)
{
    _cleanup_json_ cJSON *attributes = NULL;
    const char *zone = NULL;
    int r = json_get_string(body, "zone", false, &zone, error);

    if (r == 0 && zone && *zone)
        r = catalog_check_zone_name("zone", zone, error);
    if (r < 0 || !zone || !*zone)
        return r;
    attributes = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(attributes, CATALOG_ZONE_ATTRIBUTE, zone);
    *ret_attributes = json_print(attributes);
    return *ret_attributes ? 0 : error_errno(error, ENOMEM, "registering");
}

/* "IP:PORT" without brackets, which an instance id may not hold, or "HOST:PORT"; a UDP instance may have a
 * TCP one beside it. */
static int default_id(const struct instance *instance, char *ret_id, size_t size, struct error *error)
{
    char address[IP_ADDRESS_TEXT_SIZE];
    int length = snprintf(ret_id, size, "%s:%u%s",
                          instance->host ? instance->host : ip_address_format(&instance->address, address),
                          instance->port, instance->protocol == UDP ? "/udp" : "");

    return length < (int)size
               ? 0
               : error_input(error, "id", "(missing)",
                             "an id of 1 to %d characters: HOST:PORT, which is the default, is longer",
                             MODEL_INSTANCE_MAX);
}

int change_register(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error)
{
    static const char *const known[] = {"service",  "address",   "id",   "weight", "health",
                                        "protocol", "namespace", "zone", NULL};
    _cleanup_free_ char *attributes = NULL;
    struct instance instance = {.weight = 1, .health = HEALTHY, .protocol = TCP};
    char id_text[MODEL_INSTANCE_MAX + 1];
    char plain_id[MODEL_INSTANCE_MAX + 1];
    char host[MODEL_HOST_NAME_MAX + 1];
    const char *namespace_name = NULL;
    const char *name = NULL;
    const char *id = id_text;
    struct registry_row row;
    int r = json_check_members(body, known, error);

    if (r == 0)
        r = change_namespace(transaction_engine(transaction), body, &namespace_name, error);
    if (r == 0)
        r = change_service_name(body, &name, error);
    if (r == 0)
        r = instances_read_address(transaction_engine(transaction), body, &instance, host, error);
    if (r == 0)
        r = change_protocol(body, &instance.protocol, error);
    if (r == 0)
        r = read_weight(body, false, &instance.weight, error);
    if (r == 0)
        r = instances_read_health(body, &instance.health, error);
    if (r == 0)
        r = instances_read_zone(body, &attributes, error);
    if (r < 0)
        return r;
    instance.attributes = attributes;
    r = cJSON_HasObjectItem(body, "id") ? json_get_string(body, "id", false, &id, error)
                                        : default_id(&instance, id_text, sizeof(id_text), error);
    if (r == 0 && model_plain_instance_id(id, plain_id))
        id = plain_id;
    if (r == 0)
        r = model_check_instance_id("id", id, error);
    if (r == 0)
        r = change_declare_service(transaction, namespace_name, name, &instance, error);
    if (r < 0)
        return r;
    instance.id = (char *)id;
    r = row_for_instance(namespace_name, name, &instance, &row);
    if (r < 0)
        return error_errno(error, r, "registering");
    (void)cJSON_AddStringToObject(answer, "id", id);
    return transaction_put(transaction, row, error);
}

int change_find_instance(const struct engine *engine, const cJSON *body, const char **ret_namespace,
                         const struct instance **ret_instance, struct error *error)
{
    const struct service *service;
    const struct instance *instance;
    char plain_id[MODEL_INSTANCE_MAX + 1];
    const char *name = NULL;
    const char *id = NULL;
    int r = change_namespace(engine, body, ret_namespace, error);

    if (r == 0)
        r = change_service_name(body, &name, error);
    if (r == 0)
        r = json_get_string(body, "id", true, &id, error);
    if (r == 0 && model_plain_instance_id(id, plain_id))
        id = plain_id;
    if (r == 0)
        r = model_check_instance_id("id", id, error);
    if (r < 0)
        return r;
    service = catalog_service(engine_catalog(engine), *ret_namespace, name);
    if (!service || !service->is_declared)
        return change_no_service(engine, "service", *ret_namespace, name, error);
    instance = catalog_instance(service, id);
    if (!instance && (instance = catalog_record(service, id)) && !instance->host)
        instance = NULL;
    if (!instance) {
        (void)error_refused(error, ENOENT, "id", id,
                            "an instance of service %s (svcconnect endpoints lists them)", name);
        return error_meant(error, near_instance(service, id));
    }
    *ret_instance = instance;
    return 0;
}

int change_update(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error)
{
    static const char *const known[] = {"service", "id", "weight", "health", "namespace", NULL};
    const struct instance *instance = NULL;
    const char *namespace_name = NULL;
    enum svc_health health = HEALTHY;
    struct instance changed;
    struct registry_row row;
    int r = json_check_members(body, known, error);

    (void)answer;
    if (r == 0)
        r = change_find_instance(transaction_engine(transaction), body, &namespace_name, &instance, error);
    if (r < 0)
        return r;
    if (!cJSON_HasObjectItem(body, "weight") && !cJSON_HasObjectItem(body, "health"))
        return error_input(error, "weight", "(missing)", "weight, health or both");
    changed = *instance;
    r = read_weight(body, false, &changed.weight, error);
    if (r == 0)
        r = instances_read_health(body, &health, error);
    if (r == 0 && cJSON_HasObjectItem(body, "health"))
        instance_say_health(&changed, health);
    if (r < 0)
        return r;
    r = row_for_instance(namespace_name, instance->service->name, &changed, &row);
    return r < 0 ? error_errno(error, r, "updating") : transaction_put(transaction, row, error);
}

/* The instance takes no new connections from now on and goes when the open ones have ended. */
static int put_draining(struct transaction *transaction, const struct instance *instance,
                        const char *namespace_name, uint64_t timeout_s, bool is_kill, cJSON *answer,
                        struct error *error)
{
    struct instance changed = *instance;
    struct registry_row row;
    int r;

    changed.drain_until = clock_run_s() + (int64_t)timeout_s;
    changed.drain_for_s = (uint32_t)timeout_s;
    changed.is_drain_kill = is_kill;
    changed.is_drain_by_hand = instance_is_of_container(instance);
    (void)cJSON_AddBoolToObject(answer, "draining", true);
    (void)cJSON_AddNumberToObject(answer, "open",
                                  (double)instance_open(transaction_engine(transaction), instance));
    (void)cJSON_AddNumberToObject(answer, "timeoutSeconds", (double)timeout_s);
    r = row_for_instance(namespace_name, instance->service->name, &changed, &row);
    return r < 0 ? error_errno(error, r, "draining") : transaction_put(transaction, row, error);
}

static uint64_t drain_seconds(const struct instance *instance)
{
    return service_get_settings(instance->service)->drain_ms / 1000;
}

int change_drain(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error)
{
    static const char *const known[] = {"service", "id", "namespace", "timeoutSeconds", "kill", NULL};
    const struct instance *instance = NULL;
    const char *namespace_name = NULL;
    uint64_t timeout_s = 0;
    bool is_kill = false;
    int r = json_check_members(body, known, error);

    if (r == 0)
        r = change_find_instance(transaction_engine(transaction), body, &namespace_name, &instance, error);
    if (r < 0)
        return r;
    timeout_s = drain_seconds(instance);
    r = json_get_seconds(body, "timeoutSeconds", false, 0, MAX_DRAIN_S, &timeout_s, error);
    if (r == 0)
        r = json_get_bool(body, "kill", false, &is_kill, error);
    return r < 0 ? r : put_draining(transaction, instance, namespace_name, timeout_s, is_kill, answer, error);
}

/* With open connections it drains first, as in ECS; "now" does without. */
int change_deregister(struct transaction *transaction, const cJSON *body, cJSON *answer, struct error *error)
{
    static const char *const known[] = {"service", "id", "namespace", "now", NULL};
    const struct instance *instance = NULL;
    const char *namespace_name = NULL;
    bool is_now = false;
    int r = json_check_members(body, known, error);

    if (r == 0)
        r = change_find_instance(transaction_engine(transaction), body, &namespace_name, &instance, error);
    if (r == 0)
        r = json_get_bool(body, "now", false, &is_now, error);
    if (r < 0)
        return r;
    if (!is_now && !instance->drain_until && drain_seconds(instance) > 0 &&
        instance_open(transaction_engine(transaction), instance) > 0)
        return put_draining(transaction, instance, namespace_name, drain_seconds(instance), false, answer,
                            error);
    return change_remove_instance(transaction, instance, error);
}
