/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What <service>.<namespace> is, from the catalog: healthy instances, all if none is healthy; by the routing
 * policy up to eight of them or one, drawn anew for each question.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "dns/stub.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "names/dns_directory.h"

#define CANONICAL "AWS_INSTANCE_CNAME"
#define IPV4      "AWS_INSTANCE_IPV4"
#define IPV6      "AWS_INSTANCE_IPV6"

struct view {
    struct dns_found found;
    uint16_t type; /* of the question */
    uint32_t ttl;  /* of what the AWS API has said nothing of */
    char *canonical;
};

/* ---- instances ---- */

static bool directory_view_is_name(const char *text)
{
    while (*text) {
        size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

        if (length == 0 || length > 63 || (text[length] && text[length] != '.') ||
            (text[length] == '.' && !text[length + 1]))
            return false;
        text += length + (text[length] == '.');
    }
    return true;
}

/* The instance's id where that is a name, else its address and port as one: 10-0-0-5-8080. */
static void make_name(const struct instance *instance, char name[static DNS_ENDPOINT_NAME])
{
    char address[IP_ADDRESS_TEXT_SIZE];

    if (*instance->id && strlen(instance->id) < DNS_ENDPOINT_NAME && directory_view_is_name(instance->id)) {
        (void)snprintf(name, DNS_ENDPOINT_NAME, "%s", instance->id);
        return;
    }
    (void)snprintf(name, DNS_ENDPOINT_NAME, "%s-%u", ip_address_format(&instance->address, address),
                   instance->port);
    for (char *c = name; *c; c++)
        if (*c == '.' || *c == ':')
            *c = '-';
}

/* A text among the attributes, which the caller frees; NULL: there is none. */
static char *attribute_of(const struct instance *instance, const char *name)
{
    _cleanup_json_ cJSON *attributes = NULL;
    const char *text;

    if (!instance->attributes || !strstr(instance->attributes, name))
        return NULL;
    attributes = cJSON_Parse(instance->attributes);
    text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(attributes, name));
    return text ? strdup(text) : NULL;
}

/* By its own address, or by an attribute: connections go to one address of an instance, the IPv4 one if it
 * has both, and to none of one that was registered without a port. */
static bool is_own_address(const struct instance *instance, uint16_t type)
{
    return !instance->is_record &&
           (type == DNS_SRV || ip_address_is_v4(&instance->address) == (type == DNS_A));
}

static const char *attribute_for(uint16_t type)
{
    return type == DNS_A ? IPV4 : type == DNS_AAAA ? IPV6 : NULL;
}

/* By its text, which cJSON has written without blanks: the name as a key, not as a value nor a part of either. */
static bool has_attribute(const struct instance *instance, const char *name)
{
    size_t length = name ? strlen(name) : 0;
    const char *found = name && instance->attributes ? instance->attributes : NULL;

    for (found = found ? strstr(found, name) : NULL; found; found = strstr(found + length, name))
        if (found[-1] == '"' && found[-2] != '\\' && found[length] == '"' && found[length + 1] == ':')
            return true;
    return false;
}

static int directory_view_address_of(const struct instance *instance, uint16_t type, struct ip_address *ret)
{
    _cleanup_free_ char *text = NULL;

    if (is_own_address(instance, type)) {
        *ret = instance->address;
        return 0;
    }
    text = attribute_for(type) ? attribute_of(instance, attribute_for(type)) : NULL;
    return text && ip_address_parse(text, ret) == 0 ? 0 : -ENOENT;
}

/* There may be a thousand: what is in the attributes is read of those that are drawn only. */
static bool is_candidate(const struct view *view, const struct instance *instance)
{
    if (instance->drain_until)
        return false;
    if (view->found.records.types & 1u << DNS_RECORD_CNAME)
        return has_attribute(instance, CANONICAL);
    return is_own_address(instance, view->type) || has_attribute(instance, attribute_for(view->type));
}

static bool is_healthy(const struct instance *instance)
{
    return instance_health(instance) == HEALTHY && !instance->is_held_back;
}

static void directory_view_add(struct view *view, const struct instance *instance)
{
    struct dns_endpoint *endpoint = &view->found.endpoints[view->found.n];

    if (view->found.n == DNS_DIRECTORY_MOST ||
        directory_view_address_of(instance, view->type, &endpoint->address) < 0)
        return;
    endpoint->port = instance->port;
    make_name(instance, endpoint->name);
    view->found.n++;
}

/* ---- services ---- */

/* Without a DnsConfig of the AWS API a service has all records that its instances can have. */
static struct dns_records records_of(const struct service *service, uint32_t ttl)
{
    if (service->dns.is_declared)
        return service->dns;
    return (struct dns_records){
        .is_weighted = service_get_settings(service)->is_dns_weighted,
        .types = 1u << DNS_RECORD_A | 1u << DNS_RECORD_AAAA | 1u << DNS_RECORD_SRV,
        .ttl = {ttl, ttl, ttl, ttl},
    };
}

static void directory_view_collect(const struct view *view, const struct instance *list,
                                   const struct instance **found, size_t *n, size_t *n_healthy)
{
    for (const struct instance *instance = list; instance; instance = instance->hh.next) {
        if (!is_candidate(view, instance))
            continue;
        found[(*n)++] = instance;
        /* The healthy ones in front. */
        if (is_healthy(instance)) {
            found[*n - 1] = found[*n_healthy];
            found[(*n_healthy)++] = instance;
        }
    }
}

static int view_service(const struct service *service, struct view *view)
{
    size_t room = (size_t)HASH_COUNT(service->instances) + HASH_COUNT(service->records) + 1;
    _cleanup_free_ const struct instance **found = calloc(room, sizeof(*found));
    size_t most = view->found.records.is_weighted ? 1 : DNS_DIRECTORY_MOST;
    size_t n_healthy = 0;
    size_t n = 0;

    if (!found)
        return -ENOMEM;
    view->found.kind = DNS_FOUND_SERVICE;
    directory_view_collect(view, service->instances, found, &n, &n_healthy);
    directory_view_collect(view, service->records, found, &n, &n_healthy);
    n = n_healthy ? n_healthy : n;
    for (size_t i = 0; i < n && i < most; i++) {
        size_t other = i + random_below((uint32_t)(n - i));
        const struct instance *drawn = found[other];

        found[other] = found[i];
        if (view->found.records.types & 1u << DNS_RECORD_CNAME && !view->canonical)
            view->canonical = attribute_of(drawn, CANONICAL);
        directory_view_add(view, drawn);
    }
    view->found.canonical = view->canonical;
    return 0;
}

/* Names that differ by case only are one. */
static void view_instance(const struct service *service, const char *name, size_t length, struct view *view)
{
    for (const struct instance *instance = service->instances; instance; instance = instance->hh.next) {
        char own[DNS_ENDPOINT_NAME];
        size_t size;

        make_name(instance, own);
        size = strlen(own);
        if (size < length || strncasecmp(own + size - length, name, length) != 0)
            continue;
        if (size == length) {
            view->found.kind = DNS_FOUND_INSTANCE;
            directory_view_add(view, instance);
        } else if (own[size - length - 1] == '.' && view->found.kind == DNS_FOUND_NOTHING) {
            view->found.kind = DNS_FOUND_ONLY; /* it is above one */
        }
    }
}

/* `length`: of the part in front of the namespace: a service, or an instance of one. */
static int view_name(const struct catalog *catalog, const char *namespace_name, const char *name,
                     size_t length, struct view *view)
{
    char text[DNS_NAME_SIZE];

    (void)snprintf(text, sizeof(text), "%.*s", (int)length, name);
    for (const char *at = text; at && view->found.kind == DNS_FOUND_NOTHING; at = strchr(at, '.')) {
        const struct service *service;

        at += *at == '.';
        service = catalog_service(catalog, namespace_name, at);
        if (!service || !service->is_declared)
            continue;
        view->found.records = records_of(service, view->ttl);
        if (at == text && view->found.records.types)
            return view_service(service, view);
        if (at > text && view->found.records.types & 1u << DNS_RECORD_SRV)
            view_instance(service, text, (size_t)(at - text) - 1, view);
    }
    return 0;
}

/* -ENOENT: in none of our namespaces. */
static int directory_view_find(const struct catalog *catalog, const char *name, struct view *view)
{
    for (const char *tail = name; tail; tail = strchr(tail, '.')) {
        const struct model_namespace *parent;

        tail += *tail == '.';
        parent = catalog_namespace(catalog, tail);
        if (!parent || !parent->is_declared || parent->is_api_only)
            continue;
        if (tail == name) {
            view->found.kind = DNS_FOUND_ONLY;
            return 0;
        }
        return view_name(catalog, tail, name, (size_t)(tail - name) - 1, view);
    }
    return -ENOENT;
}

/* With something of the type to tell? A name without records, or that is not there, has been told as well. */
static bool is_told(const struct view *view, uint16_t type)
{
    enum dns_record record = type == DNS_A      ? DNS_RECORD_A
                             : type == DNS_AAAA ? DNS_RECORD_AAAA
                                                : DNS_RECORD_SRV;

    if (view->found.kind == DNS_FOUND_NOTHING || view->found.kind == DNS_FOUND_ONLY || view->canonical)
        return true;
    return view->found.n > 0 &&
           (view->found.kind == DNS_FOUND_INSTANCE || view->found.records.types & 1u << record);
}

/* ANY is answered with the first type that there is something of: who asks for it wants addresses. */
static int find_any(const struct catalog *catalog, const struct dns_question *question, struct view *view)
{
    static const uint16_t types[] = {DNS_A, DNS_AAAA, DNS_SRV};
    int r = -ENOENT;

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        free(view->canonical);
        *view = (struct view){.type = types[i], .ttl = view->ttl, .found = {.any = types[i]}};
        r = directory_view_find(catalog, question->name, view);
        if (r < 0 || is_told(view, types[i]))
            break;
    }
    return r;
}

int dns_directory_answer(struct dns *dns, const struct dns_question *question, bool is_udp,
                         uint8_t **ret_answer, size_t *ret_size)
{
    struct view view = {.type = question->type, .ttl = dns->settings.ttl};
    int r = -EAGAIN;

    if (engine_is_steady(dns->settings.engine)) {
        const struct catalog *catalog = engine_catalog(dns->settings.engine);

        r = !question->is_plain         ? -ENOENT
            : question->type == DNS_ANY ? find_any(catalog, question, &view)
                                        : directory_view_find(catalog, question->name, &view);
    }
    if (r == 0)
        r = dns_directory_build(&view.found, view.ttl, question, is_udp, ret_answer, ret_size);
    free(view.canonical);
    return r;
}
