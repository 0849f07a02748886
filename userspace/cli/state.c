/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/state.h"

#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/report.h"
#include "cli/text.h"

#define READ_ATTEMPTS 5

const struct state_part state_parts[] = {
    {"documents", NULL, {"namespace", "name", NULL}, "document"},
    {"services", "declare-service", {"namespace", "service", "protocol", NULL}, "service"},
    {"instances", "register", {"namespace", "service", "id", NULL}, "instance"},
    {"settings", "set-settings", {"namespace", "service", NULL}, "settings"},
    {"routes", "set-route", {"namespace", "client", "dnsName", "port", "protocol", NULL}, "route"},
};
const size_t state_part_count = ARRAY_SIZE(state_parts);

/* ---- items: of an answer, into the part that is open. False: no memory ---- */

static bool copy_members(const cJSON *from, const char *const *names, cJSON *to)
{
    for (; *names; names++) {
        const cJSON *member = text_child(from, *names);

        if (member && !cJSON_AddItemToObject(to, *names, cJSON_Duplicate(member, true)))
            return false;
    }
    return true;
}

static bool state_add_service(const cJSON *service, cJSON *part)
{
    const cJSON *alias;

    if (*text_member(service, "document"))
        return true; /* comes with it */
    cJSON_ArrayForEach (alias, text_child(service, "clientAliases")) {
        cJSON *item;

        if (strcmp(text_member(alias, "dnsName"), text_member(service, "name")) != 0)
            continue; /* of the AWS API */
        item = cJSON_CreateObject();
        if (!cJSON_AddItemToArray(part, item) ||
            !cJSON_AddStringToObject(item, "namespace", text_member(service, "namespace")) ||
            !cJSON_AddStringToObject(item, "service", text_member(service, "name")) ||
            !copy_members(alias, (const char *const[]){"port", "protocol", NULL}, item))
            return false;
    }
    return true;
}

/* A host name has an endpoint for each address, one after the other. */
static bool is_same_instance(const cJSON *last, const cJSON *endpoint)
{
    return last && strcmp(text_member(last, "id"), text_member(endpoint, "id")) == 0 &&
           strcmp(text_member(last, "service"), text_member(endpoint, "service")) == 0 &&
           strcmp(text_member(last, "namespace"), text_member(endpoint, "namespace")) == 0;
}

static bool state_add_instance(const cJSON *endpoint, cJSON *part)
{
    const char *host = text_member(endpoint, "host");
    char address[TEXT_ENDPOINT_SIZE];
    _cleanup_free_ char *text = NULL;
    cJSON *item;

    /* One that drains is about to go. */
    if (is_same_instance(part->child ? part->child->prev : NULL, endpoint) ||
        text_child(endpoint, "draining"))
        return true;
    if (*host ? asprintf(&text, "%s:%llu", host, (unsigned long long)text_number(endpoint, "port")) < 0
              : (text = strdup(text_endpoint(endpoint, address))) == NULL)
        return false;
    item = cJSON_CreateObject();
    return cJSON_AddItemToArray(part, item) &&
           copy_members(endpoint, (const char *const[]){"namespace", "service", "id", NULL}, item) &&
           cJSON_AddStringToObject(item, "address", text) &&
           copy_members(endpoint, (const char *const[]){"weight", "protocol", "zone", NULL}, item) &&
           cJSON_AddStringToObject(item, "health", text_member(endpoint, "reported"));
}

static bool state_add_settings(const cJSON *service, cJSON *part)
{
    const cJSON *own = text_child(service, "own");
    cJSON *item;

    if (*text_member(service, "document") || !own || !own->child)
        return true;
    item = cJSON_CreateObject();
    return cJSON_AddItemToArray(part, item) &&
           cJSON_AddStringToObject(item, "namespace", text_member(service, "namespace")) &&
           cJSON_AddStringToObject(item, "service", text_member(service, "name")) &&
           cJSON_AddItemToObject(item, "settings", cJSON_Duplicate(own, true));
}

static bool state_add_route(const cJSON *route, cJSON *part)
{
    cJSON *item = cJSON_CreateObject();
    const cJSON *target;
    cJSON *targets;

    if (!cJSON_AddItemToArray(part, item) ||
        !copy_members(
            route,
            (const char *const[]){"namespace", "client", "dnsName", "port", "protocol", "onEmpty", NULL},
            item))
        return false;
    if (!*text_member(item, "client"))
        cJSON_DeleteItemFromObjectCaseSensitive(item, "client");
    targets = cJSON_AddArrayToObject(item, "targets");
    cJSON_ArrayForEach (target, text_child(route, "targets")) {
        cJSON *copy = cJSON_CreateObject();

        if (!cJSON_AddItemToArray(targets, copy) ||
            !copy_members(target, (const char *const[]){"service", "weight", NULL}, copy))
            return false;
    }
    return targets != NULL;
}

static bool state_add_document(const cJSON *document, cJSON *part)
{
    cJSON *item = cJSON_CreateObject();

    return cJSON_AddItemToArray(part, item) &&
           copy_members(document, (const char *const[]){"namespace", "name", "document", NULL}, item);
}

/* ---- the whole ---- */

static const struct {
    const char *part;
    const char *path;
    const char *member; /* of the answer */
    bool (*add)(const cJSON *item, cJSON *part);
} sources[] = {
    {"documents", "/v1/documents", "documents", state_add_document},
    {"services", "/v1/services", "services", state_add_service},
    {"instances", "/v1/endpoints", "endpoints", state_add_instance},
    {"settings", "/v1/settings", "services", state_add_settings},
    {"routes", "/v1/routes", "routes", state_add_route},
};

static int read_part(const struct invocation *invocation, size_t index, cJSON *state)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *part = cJSON_AddArrayToObject(state, sources[index].part);
    const cJSON *global;
    const cJSON *item;
    bool is_whole = part != NULL;
    int status = api_get(invocation, sources[index].path, &response);

    if (status != CLI_DONE)
        return status;
    global = text_child(response.json, "global");
    if (is_whole && global && !invocation->options[OPTION_NAMESPACE]) {
        cJSON *all = cJSON_CreateObject();

        is_whole = cJSON_AddItemToArray(part, all) &&
                   cJSON_AddItemToObject(all, "settings", cJSON_Duplicate(global, true));
    }
    cJSON_ArrayForEach (item, text_child(response.json, sources[index].member)) {
        is_whole = is_whole && sources[index].add(item, part);
    }
    return is_whole ? CLI_DONE : report_error(invocation, CLI_FAILED, "out of memory");
}

static int state_revision(const struct invocation *invocation, double *ret_revision)
{
    _cleanup_control_response_ struct control_response response = {0};
    int status = api_exchange(invocation, "GET", "/v1/status", NULL, &response);

    if (status == CLI_DONE)
        *ret_revision = cJSON_GetNumberValue(text_child(text_child(response.json, "registry"), "revision"));
    return status;
}

int state_read(const struct invocation *invocation, cJSON **ret_state)
{
    for (unsigned attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
        _cleanup_json_ cJSON *state = cJSON_CreateObject();
        double before = 0;
        double after = 0;
        int status = state_revision(invocation, &before);

        (void)cJSON_AddNumberToObject(state, STATE_FORMAT, 1);
        for (size_t i = 0; i < ARRAY_SIZE(sources) && status == CLI_DONE; i++)
            status = read_part(invocation, i, state);
        if (status == CLI_DONE)
            status = state_revision(invocation, &after);
        if (status != CLI_DONE)
            return status;
        /* Equal or not: a daemon that tells no revision is asked once. */
        if (!(before < after) && !(before > after)) {
            *ret_state = TAKE_PTR(state);
            return CLI_DONE;
        }
    }
    return report_error(invocation, CLI_FAILED,
                        "what is registered changes while it is read; try again when fewer changes are made");
}
