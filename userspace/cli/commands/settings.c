/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * set: dotted NAME=VALUE words in, one object of settings out. settings: the daemon's lists in, a table with
 * one value a line out. What names there are and what they take is the daemon's to say.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/list.h"
#include "cli/settings_help.h"

/* ---- set ---- */

/* A value as JSON: nothing is null; numbers, lists, objects and quoted strings as they are; the rest is text,
 * and the text of a command is for the shell. The caller frees it; NULL: no memory. */
static cJSON *value_of(const char *name, const char *text)
{
    _cleanup_json_ cJSON *json = NULL;
    cJSON *list;

    if (!*text)
        return cJSON_CreateNull();
    if (strchr("-0123456789[{\"", *text) && json_parse(name, text, strlen(text), &json, NULL) == 0)
        return TAKE_PTR(json);
    if (strcmp(name, "healthCheck.command") != 0)
        return cJSON_CreateString(text);
    list = cJSON_CreateArray();
    (void)cJSON_AddItemToArray(list, cJSON_CreateString("CMD-SHELL"));
    (void)cJSON_AddItemToArray(list, cJSON_CreateString(text));
    return list;
}

/* The object in which the last part of the name stands, made where it is not there. -EEXIST: something else
 * is. */
static int find_place(cJSON *settings, char *name, cJSON **ret_object, const char **ret_member)
{
    char *dot = strchr(name, '.');
    cJSON *object = settings;

    if (dot) {
        *dot = '\0';
        object = cJSON_GetObjectItemCaseSensitive(settings, name);
        if (!object)
            object = cJSON_AddObjectToObject(settings, name);
        if (!object)
            return -ENOMEM;
        if (!cJSON_IsObject(object))
            return -EEXIST;
    }
    *ret_object = object;
    *ret_member = dot ? dot + 1 : name;
    return cJSON_GetObjectItemCaseSensitive(object, *ret_member) ? -EEXIST : 0;
}

/* -EINVAL: no NAME=VALUE; -EEXIST: given before; -ENOMEM. */
static int add_setting(cJSON *settings, const char *word)
{
    const char *equals = strchr(word, '=');
    _cleanup_free_ char *name = equals ? strndup(word, (size_t)(equals - word)) : NULL;
    cJSON *object = NULL;
    const char *member = NULL;
    cJSON *value;
    int r;

    if (!equals || equals == word)
        return -EINVAL;
    value = name ? value_of(name, equals + 1) : NULL;
    r = value ? find_place(settings, name, &object, &member) : -ENOMEM;
    if (r == 0 && !*member)
        r = -EINVAL;
    if (r == 0 && !cJSON_AddItemToObject(object, member, value))
        r = -ENOMEM;
    if (r < 0)
        cJSON_Delete(value);
    return r;
}

static void print_set(const struct invocation *invocation, const char *service, char *const *words)
{
    (void)printf("set ");
    for (size_t i = 0; words[i]; i++) {
        const char *equals = strchr(words[i], '=');

        (void)printf("%s%s%s", i ? ", " : "", words[i], equals && !equals[1] ? "(default)" : "");
    }
    if (service)
        (void)printf(" for %s in %s\n", service, invocation_namespace(invocation));
    else
        (void)printf(" for every service that has no such setting of its own\n");
}

int command_set(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_json_ cJSON *settings = cJSON_CreateObject();
    const char *service = strchr(invocation->arguments[0], '=') ? NULL : invocation->arguments[0];
    char *const *words = invocation->arguments + (service ? 1 : 0);
    cJSON *body;
    int status;

    if (!*words)
        return report_usage(invocation, "NAME=VALUE is missing after %s", service);
    for (size_t i = 0; words[i]; i++) {
        int r = settings ? add_setting(settings, words[i]) : -ENOMEM;

        if (r == -EINVAL)
            return report_usage(invocation, "\"%s\" is not of the form NAME=VALUE", words[i]);
        if (r == -EEXIST)
            return report_usage(invocation, "\"%s\": another word sets this as well", words[i]);
        if (r < 0)
            return report_error(invocation, CLI_FAILED, "out of memory");
    }
    body = api_body_new(invocation);
    api_add_string(&body, "service", service);
    api_add_item(&body, "settings", TAKE_PTR(settings));
    status = api_change(invocation, "PUT", "/v1/settings", body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        print_set(invocation, service, words);
    return status;
}

/* ---- settings ---- */

struct listing {
    struct table *table;
    const char *namespace_name;
    const char *service;
    const cJSON *own;
    const cJSON *global;
    const char *document; /* "" without */
    bool is_whole;        /* also what is not the service's own */
};

static void settings_add_value(const struct listing *listing, const char *prefix, const cJSON *value,
                               bool is_own)
{
    bool is_global =
        cJSON_GetObjectItemCaseSensitive(listing->global, *prefix ? prefix : value->string) != NULL;
    const char *from =
        is_own ? (*listing->document ? listing->document : "service") : (is_global ? "global" : "default");
    char seconds[DURATION_SIZE];
    char *text = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);
    _cleanup_free_ char *printable = text_printable(text ? text : cJSON_GetStringValue(value));

    table_add(listing->table, TEXT_PLAIN, "%s", listing->namespace_name);
    table_add(listing->table, TEXT_PLAIN, "%s", listing->service);
    table_add(listing->table, TEXT_PLAIN, "%s%s%s", prefix, *prefix ? "." : "", value->string);
    if (cJSON_IsNumber(value) && value->valuedouble >= 0 && settings_are_seconds(prefix, value->string))
        table_add(listing->table, TEXT_PLAIN, "%s", duration_format((uint64_t)value->valuedouble, seconds));
    else
        table_add(listing->table, TEXT_PLAIN, "%s", printable ? printable : "");
    table_add(listing->table, is_own ? TEXT_PLAIN : TEXT_DIM, "%s", from);
    cJSON_free(text);
}

/* Objects are at most one deep. */
static void add_values(const struct listing *listing, const cJSON *settings)
{
    const cJSON *item;
    const cJSON *inner;

    cJSON_ArrayForEach (item, settings) {
        const cJSON *own = cJSON_GetObjectItemCaseSensitive(listing->own, item->string);

        if (!cJSON_IsObject(item)) {
            if (own || listing->is_whole)
                settings_add_value(listing, "", item, own != NULL);
            continue;
        }
        cJSON_ArrayForEach (inner, item) {
            bool is_own = cJSON_GetObjectItemCaseSensitive(own, inner->string) != NULL;

            if (is_own || listing->is_whole)
                settings_add_value(listing, item->string, inner, is_own);
        }
    }
}

/* Drops the services of other names. Returns how many are left. */
static int keep_service(const cJSON *document, const char *name)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(document, "services");
    cJSON *next;

    for (cJSON *service = list ? list->child : NULL; service; service = next) {
        next = service->next;
        if (strcmp(text_member(service, "name"), name) != 0)
            cJSON_Delete(cJSON_DetachItemViaPointer(list, service));
    }
    return cJSON_GetArraySize(list);
}

static int print_settings(const struct invocation *invocation, const cJSON *document, bool is_one)
{
    static const struct table_column columns[] = {
        {.header = "NAMESPACE", .rank = 2, .least = 9, .is_dull_when_same = true},
        {.header = "SERVICE", .least = 12},
        {.header = "SETTING"},
        {.header = "VALUE", .least = 12},
        {.header = "FROM", .rank = 1, .least = 12},
    };
    _cleanup_table_ struct table *table = table_new(columns, ARRAY_SIZE(columns));
    const cJSON *global = text_child(document, "global");
    struct listing listing = {
        .table = table, .namespace_name = "*", .service = "*", .document = "", .is_whole = true};
    const cJSON *service;

    listing.global = global;
    if (!is_one)
        add_values(&listing, global);
    listing.is_whole = is_one;
    cJSON_ArrayForEach (service, text_child(document, "services")) {
        listing.namespace_name = text_member(service, "namespace");
        listing.service = text_member(service, "name");
        listing.document = text_member(service, "document");
        listing.own = text_child(service, "own");
        add_values(&listing, text_child(service, "settings"));
    }
    return list_print_table(invocation, table);
}

int command_settings(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    const char *service = invocation->arguments[0];
    int status = list_check_form(invocation);

    if (status == CLI_DONE)
        status = service ? api_get(invocation, "/v1/settings", &response)
                         : api_read(invocation, "/v1/settings", &response);
    if (status != CLI_DONE)
        return status;
    if (service && keep_service(response.json, service) == 0)
        return report_error(invocation, CLI_FAILED, "no service %s; svcconnect services lists them", service);
    if (invocation->is_json)
        return service ? api_print_json(invocation, response.json, NULL) : CLI_DONE;
    return print_settings(invocation, response.json, service != NULL);
}
