/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "documents/parse_routes.h"

#include <string.h>

#include "documents/document_names.h"

#define MAX_WEIGHT 65535

static void parse_routes_parse_target(struct document_reader *reader, const cJSON *json,
                                      struct document_target *target)
{
    static const char *const known[] = {"discoveryName", "service", "weight", NULL};
    const char *member = "discoveryName";
    const char *name;

    memcpy(target->path, reader->path, sizeof(target->path));
    if (!document_is_object(reader, json))
        return;
    document_warn_unknown(reader, json, known);
    if (document_member(json, "service")) {
        if (document_member(json, member))
            document_error(reader, "service", "(set)", "one of discoveryName and service");
        member = "service";
    }
    name = document_name_target(reader, json, member);
    if (name)
        target->service = document_copy(reader, name);
    (void)document_get_integer(reader, json, "weight", true, 0, MAX_WEIGHT, &target->weight);
}

static int compare_targets(const void *a, const void *b)
{
    const struct document_target *first = *(const struct document_target *const *)a;
    const struct document_target *second = *(const struct document_target *const *)b;
    int order = strcmp(first->service, second->service);

    return order ? order : (first > second) - (first < second);
}

static void parse_routes_check_targets(struct document_reader *reader, const struct document_route *route)
{
    _cleanup_free_ const struct document_target **sorted =
        document_allocate(reader, route->n_targets, sizeof(*sorted));
    bool has_weight = false;
    size_t n = 0;

    if (!sorted)
        return;
    for (size_t i = 0; i < route->n_targets; i++) {
        has_weight |= route->targets[i].weight > 0;
        if (route->targets[i].service)
            sorted[n++] = &route->targets[i];
    }
    qsort(sorted, n, sizeof(*sorted), compare_targets);
    for (size_t i = 1; i < n; i++)
        if (strcmp(sorted[i]->service, sorted[i - 1]->service) == 0)
            document_error_at(reader, sorted[i]->path, sorted[i]->service,
                              "each service once among the targets of a route");
    if (route->n_targets > 0 && !has_weight)
        document_warn_at(reader, route->path, "all targets have weight 0: nothing will be reached");
}

static void parse_targets(struct document_reader *reader, const cJSON *json, struct document_route *route)
{
    const cJSON *targets = document_get_array(reader, json, "targets", true);
    const cJSON *item;
    size_t mark;

    if (!targets)
        return;
    if (document_count(targets) == 0)
        document_error(reader, "targets", "(empty)", "at least one target");
    route->targets = document_allocate(reader, document_count(targets), sizeof(route->targets[0]));
    if (!route->targets)
        return;
    mark = document_enter(reader, "targets");
    cJSON_ArrayForEach (item, targets) {
        size_t element = document_enter_element(reader, route->n_targets);

        parse_routes_parse_target(reader, item, &route->targets[route->n_targets++]);
        document_leave(reader, element);
    }
    document_leave(reader, mark);
    parse_routes_check_targets(reader, route);
}

static void parse_route(struct document_reader *reader, const cJSON *json, struct document_route *route)
{
    static const char *const known[] = {"dnsName", "port", "protocol", "targets", "onEmpty", NULL};
    static const char *const on_empty[] = {"refuse", "unhealthy", NULL};
    static const char *const protocols[] = {"tcp", "udp", NULL};
    const char *text;
    uint32_t port = 0;

    route->alias.protocol = TCP;
    memcpy(route->path, reader->path, sizeof(route->path));
    if (!document_is_object(reader, json))
        return;
    document_warn_unknown(reader, json, known);
    (void)document_name_dns(reader, json, "dnsName", true, route->alias.dns_name);
    if (document_get_integer(reader, json, "port", false, 1, 65535, &port))
        route->alias.port = (uint16_t)port;
    text = document_get_enum(reader, json, "protocol", false, protocols);
    if (text && strcmp(text, "udp") == 0)
        route->alias.protocol = UDP;
    text = document_get_enum(reader, json, "onEmpty", false, on_empty);
    route->is_unhealthy_on_empty = text && strcmp(text, "unhealthy") == 0;
    parse_targets(reader, json, route);
}

static int compare_routes(const void *a, const void *b)
{
    const struct document_route *first = *(const struct document_route *const *)a;
    const struct document_route *second = *(const struct document_route *const *)b;
    int order = strcmp(first->alias.dns_name, second->alias.dns_name);

    if (order == 0)
        order = (int)first->alias.port - second->alias.port;
    if (order == 0)
        order = (int)first->alias.protocol - (int)second->alias.protocol;
    return order;
}

static void check_routes(struct document_reader *reader, const struct document *document)
{
    _cleanup_free_ const struct document_route **sorted =
        document_allocate(reader, document->n_routes, sizeof(*sorted));
    size_t n = 0;

    if (!sorted)
        return;
    for (size_t i = 0; i < document->n_routes; i++)
        if (document->routes[i].alias.dns_name[0])
            sorted[n++] = &document->routes[i];
    qsort(sorted, n, sizeof(*sorted), compare_routes);
    for (size_t i = 1; i < n; i++)
        if (compare_routes(&sorted[i], &sorted[i - 1]) == 0)
            document_error_at(reader, sorted[i]->path, sorted[i]->alias.dns_name,
                              "each dnsName, port and protocol once; %s has these too", sorted[i - 1]->path);
}

void routes_parse(struct document_reader *reader, const cJSON *object, struct document *document)
{
    const cJSON *routes = document_get_array(reader, object, "routes", false);
    const cJSON *item;
    size_t mark;

    if (!routes)
        return;
    document->routes = document_allocate(reader, document_count(routes), sizeof(document->routes[0]));
    if (!document->routes)
        return;
    mark = document_enter(reader, "routes");
    cJSON_ArrayForEach (item, routes) {
        size_t element = document_enter_element(reader, document->n_routes);

        parse_route(reader, item, &document->routes[document->n_routes++]);
        document_leave(reader, element);
    }
    document_leave(reader, mark);
    check_routes(reader, document);
}

void routes_done(struct document *document)
{
    for (size_t i = 0; i < document->n_routes; i++) {
        for (size_t t = 0; t < document->routes[i].n_targets; t++)
            free(document->routes[i].targets[t].service);
        free(document->routes[i].targets);
    }
    free(document->routes);
    document->routes = NULL;
    document->n_routes = 0;
}
