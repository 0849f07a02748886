/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What <service>.<namespace> is, from the catalog: healthy instances first drawn, all if none is healthy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/daemon.h"
#include "daemon/dns_stub.h"
#include "names/dns_directory.h"

static bool is_label(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length < sizeof(((struct dns_endpoint *)NULL)->label) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_") == length;
}

/* The instance's id where that is a label, else its address and port as one: 10-0-0-5-8080. */
static void make_label(const struct instance *instance, char label[static 64])
{
    char address[IP_ADDRESS_TEXT_SIZE];

    if (is_label(instance->id)) {
        (void)snprintf(label, 64, "%s", instance->id);
        return;
    }
    (void)snprintf(label, 64, "%s-%u", ip_address_format(&instance->address, address), instance->port);
    for (char *c = label; *c; c++)
        if (*c == '.' || *c == ':')
            *c = '-';
}

static bool is_healthy(const struct instance *instance)
{
    return instance_health(instance) == HEALTHY && !instance->is_held_back;
}

struct view {
    enum dns_found found;
    struct dns_endpoint *endpoints;
    size_t n;
};

static void add(struct view *view, const struct instance *instance)
{
    struct dns_endpoint *endpoint = &view->endpoints[view->n++];

    endpoint->address = instance->address;
    endpoint->port = instance->port;
    make_label(instance, endpoint->label);
}

/* So that each is told as often as the others. */
static void shuffle(struct view *view)
{
    for (size_t i = view->n; i > 1; i--) {
        size_t other = (size_t)random() % i;
        struct dns_endpoint kept = view->endpoints[i - 1];

        view->endpoints[i - 1] = view->endpoints[other];
        view->endpoints[other] = kept;
    }
}

static int view_service(const struct service *service, struct view *view)
{
    const struct instance *instance;
    bool is_any_healthy = false;

    view->found = DNS_FOUND_SERVICE;
    view->endpoints = calloc(HASH_COUNT(service->instances) + 1, sizeof(*view->endpoints));
    if (!view->endpoints)
        return -ENOMEM;
    for (instance = service->instances; instance && !is_any_healthy; instance = instance->hh.next)
        is_any_healthy = !instance->drain_until && is_healthy(instance);
    for (instance = service->instances; instance; instance = instance->hh.next)
        if (!instance->drain_until && (!is_any_healthy || is_healthy(instance)))
            add(view, instance);
    shuffle(view);
    return 0;
}

static int view_instance(const struct service *service, const char *label, size_t length, struct view *view)
{
    const struct instance *instance;

    view->endpoints = calloc(1, sizeof(*view->endpoints));
    if (!view->endpoints)
        return -ENOMEM;
    for (instance = service->instances; instance; instance = instance->hh.next) {
        add(view, instance);
        if (strlen(view->endpoints->label) == length && strncmp(view->endpoints->label, label, length) == 0) {
            view->found = DNS_FOUND_INSTANCE;
            return 0;
        }
        view->n = 0;
    }
    return 0;
}

/* `length`: of the part in front of the namespace. */
static int view_name(const struct catalog *catalog, const char *namespace_name, const char *name,
                     size_t length, struct view *view)
{
    char service_name[DNS_NAME_SIZE];
    const struct service *service;
    const char *dot;

    (void)snprintf(service_name, sizeof(service_name), "%.*s", (int)length, name);
    service = catalog_service(catalog, namespace_name, service_name);
    if (service && service->is_declared)
        return view_service(service, view);
    dot = strchr(service_name, '.');
    service = dot ? catalog_service(catalog, namespace_name, dot + 1) : NULL;
    return service && service->is_declared
               ? view_instance(service, service_name, (size_t)(dot - service_name), view)
               : 0;
}

/* -ENOENT: in none of our namespaces. */
static int find(const struct catalog *catalog, const char *name, struct view *view)
{
    for (const char *tail = name; tail; tail = strchr(tail, '.')) {
        const struct model_namespace *parent;

        tail += *tail == '.';
        parent = catalog_namespace(catalog, tail);
        if (!parent || !parent->is_declared)
            continue;
        if (tail == name) {
            view->found = DNS_FOUND_ONLY;
            return 0;
        }
        return view_name(catalog, tail, name, (size_t)(tail - name) - 1, view);
    }
    return -ENOENT;
}

int dns_directory_answer(struct daemon *daemon, const struct dns_question *question, bool is_udp,
                         uint8_t **ret_answer, size_t *ret_size)
{
    struct view view = {.found = DNS_FOUND_NOTHING};
    int r = question->is_plain ? find(daemon->catalog, question->name, &view) : -ENOENT;

    if (r == 0)
        r = dns_directory_build(view.found, view.endpoints, view.n, daemon->config.dns_ttl, question, is_udp,
                                ret_answer, ret_size);
    free(view.endpoints);
    return r;
}
