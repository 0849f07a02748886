/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/complete/values.h"

#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/list.h"
#include "cli/text.h"
#include "settings/settings_reading.h"
#include "settings/settings_table.h"

/* Whoever presses a key does not wait for a daemon that hangs. */
#define VALUES_TIMEOUT_MS 1500

void place_offer(const struct place *place, const char *word, const char *about)
{
    if (!*word || strncmp(word, place->typed, strlen(place->typed)) != 0 || strpbrk(word, "\t\n"))
        return;
    (void)printf("%s%s%s\n", word, about && *about ? "\t" : "", about ? about : "");
}

void place_offer_words(const struct place *place, const char *words)
{
    while (*words) {
        size_t length = strcspn(words, "|");
        char word[64];

        (void)snprintf(word, sizeof(word), "%.*s", (int)length, words);
        place_offer(place, word, "");
        words += length + (words[length] == '|');
    }
}

/* ---- live ---- */

/* The list at `path`, without a word where there is none. NULL: nothing to offer. */
static const cJSON *place_fetch(const struct place *place, const char *path, const char *member,
                                struct control_response *response)
{
    _cleanup_free_ char *narrowed = api_narrow(place->invocation, path);
    const struct control_request request = {
        .socket_path = place->invocation->socket_path,
        .method = "GET",
        .path = narrowed,
        .timeout_ms = VALUES_TIMEOUT_MS,
    };
    struct error error = {0};

    if (!narrowed || control_client_request(&request, response, &error) != CONTROL_CLIENT_ANSWERED ||
        response->status != 200)
        return NULL;
    return text_child(response->json, member);
}

static bool is_here(const struct place *place, const cJSON *item)
{
    return strcmp(text_member(item, "namespace"), invocation_namespace(place->invocation)) == 0;
}

/* Each namespace once; lists are sorted by it. */
static void offer_namespaces(const struct place *place)
{
    static const struct {
        const char *path;
        const char *member;
    } lists[] = {{"/v1/services", "services"}, {"/v1/tasks", "tasks"}};
    struct invocation everywhere = *place->invocation;
    struct place wide = *place;

    everywhere.options[OPTION_NAMESPACE] = NULL;
    wide.invocation = &everywhere;
    place_offer(place, "default", "");
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        _cleanup_control_response_ struct control_response response = {0};
        const char *last = "default";
        const cJSON *item;

        cJSON_ArrayForEach (item, place_fetch(&wide, lists[i].path, lists[i].member, &response)) {
            const char *name = text_member(item, "namespace");

            if (strcmp(name, last) != 0)
                place_offer(place, name, "");
            last = name;
        }
    }
}

static void offer_services(const struct place *place, const char *suffix)
{
    _cleanup_control_response_ struct control_response response = {0};
    const cJSON *item;

    cJSON_ArrayForEach (item, place_fetch(place, "/v1/services", "services", &response)) {
        char text[300];

        (void)snprintf(text, sizeof(text), "%s%s", text_member(item, "name"), suffix);
        if (is_here(place, item))
            place_offer(place, text, *suffix ? "" : "service");
    }
}

/* An id is offered in the form in which it was begun: "[::1]:8081" is "::1:8081". */
static void offer_id(const struct place *place, const cJSON *endpoint)
{
    char address[TEXT_ENDPOINT_SIZE];
    const char *id = text_member(endpoint, "id");
    bool has_brackets = place->typed[0] == '[' && strchr(id, ':') != strrchr(id, ':');

    (void)text_endpoint(endpoint, address);
    place_offer(place, has_brackets ? address : id,
                strcmp(address, id) == 0 ? text_member(endpoint, "health") : address);
}

static void offer_ids(const struct place *place)
{
    _cleanup_control_response_ struct control_response response = {0};
    const char *service = place->invocation->argument_count ? place->invocation->arguments[0] : "";
    const char *last = "";
    const cJSON *item;

    cJSON_ArrayForEach (item, place_fetch(place, "/v1/endpoints", "endpoints", &response)) {
        if (!is_here(place, item) || strcmp(text_member(item, "service"), service) != 0 ||
            strcmp(text_member(item, "id"), last) == 0)
            continue; /* a host name has one id for several endpoints */
        last = text_member(item, "id");
        offer_id(place, item);
    }
}

static void offer_alias(const struct place *place, const cJSON *alias)
{
    char text[300];

    (void)snprintf(text, sizeof(text), "%s:%llu", text_member(alias, "dnsName"),
                   (unsigned long long)text_number(alias, "port"));
    place_offer(place, text, "");
}

/* Those of services and those of routes; a name of both is offered twice, which shells make one. */
static void offer_aliases(const struct place *place)
{
    _cleanup_control_response_ struct control_response services = {0};
    _cleanup_control_response_ struct control_response routes = {0};
    const cJSON *item;
    const cJSON *alias;

    cJSON_ArrayForEach (item, place_fetch(place, "/v1/services", "services", &services)) {
        const cJSON *own = is_here(place, item) ? text_child(item, "clientAliases") : NULL;

        cJSON_ArrayForEach (alias, own) {
            offer_alias(place, alias);
        }
    }
    cJSON_ArrayForEach (item, place_fetch(place, "/v1/routes", "routes", &routes)) {
        if (is_here(place, item))
            offer_alias(place, item);
    }
}

static void offer_members(const struct place *place, const char *path, const char *list, const char *member)
{
    _cleanup_control_response_ struct control_response response = {0};
    const cJSON *item;

    cJSON_ArrayForEach (item, place_fetch(place, path, list, &response)) {
        place_offer(place, text_member(item, member), "");
    }
}

/* ---- from tables ---- */

/* "healthCheck.type=", or its values once the "=" is there. */
static void offer_setting(const struct place *place, const char *group, const struct setting *row)
{
    char name[96];
    char text[160];

    (void)snprintf(name, sizeof(name), "%s%s%s=", group, *group ? "." : "", row->name);
    if (strncmp(place->typed, name, strlen(name)) != 0) {
        place_offer(place, name, row->help);
        return;
    }
    for (size_t i = 0; row->kind == SETTING_TYPE && i < HEALTH_CHECK_TYPES; i++) {
        (void)snprintf(text, sizeof(text), "%s%s", name, health_check_type_names[i]);
        place_offer(place, text, "");
    }
    for (size_t i = 0; i < ARRAY_SIZE(row->words) && row->words[i]; i++) {
        (void)snprintf(text, sizeof(text), "%s%s", name, row->words[i]);
        place_offer(place, text, "");
    }
}

static void offer_settings(const struct place *place)
{
    for (const struct setting *row = service_setting_rows; row->name; row++) {
        if (!row->members)
            offer_setting(place, "", row);
        for (const struct setting *inner = row->members; inner && inner->name; inner++)
            offer_setting(place, row->name, inner);
    }
}

static void offer_columns(const struct place *place, const char *suffix)
{
    const struct list *list = place->command ? place->command->list : NULL;
    _cleanup_table_ struct table *table = list ? list->fill(place->invocation, NULL) : NULL;
    char name[TABLE_NAME_SIZE];

    for (size_t i = 0; table_column_name(table, i, name); i++) {
        char text[TABLE_NAME_SIZE + 1];

        (void)snprintf(text, sizeof(text), "%s%s", name, suffix);
        place_offer(place, text, "");
    }
}

/* First words, or the second ones of a group. */
static void offer_commands(const struct place *place)
{
    const char *first = place->invocation->argument_count ? place->invocation->arguments[0] : NULL;
    const char *last = "";
    const struct command *row;

    for (size_t i = 0; (row = command_at(i)); i++) {
        if (row->is_hidden)
            continue;
        if (first && row->second_word && strcmp(row->word, first) == 0)
            place_offer(place, row->second_word, row->summary);
        else if (!first && strcmp(row->word, last) != 0)
            place_offer(place, row->word, row->second_word ? "" : row->summary);
        last = row->word;
    }
}

void place_offer_values(const struct place *place, enum cli_value value)
{
    switch (value) {
    case VALUE_FILE:
        (void)puts(":files");
        break;
    case VALUE_NAMESPACE:
        offer_namespaces(place);
        break;
    case VALUE_SERVICE:
        offer_services(place, "");
        break;
    case VALUE_ID:
        offer_ids(place);
        break;
    case VALUE_HEALTH:
        place_offer_words(place, "healthy|unhealthy");
        break;
    case VALUE_ALIAS:
        offer_aliases(place);
        break;
    case VALUE_TARGET:
        (void)puts(":nospace");
        offer_services(place, "=");
        break;
    case VALUE_TASK:
        offer_members(place, "/v1/tasks", "tasks", "cgroup");
        (void)puts(":files");
        break;
    case VALUE_CONTAINER:
        offer_members(place, "/v1/containers", "containers", "name");
        break;
    case VALUE_SET:
        offer_services(place, "");
        /* fallthrough */
    case VALUE_SETTING:
        (void)puts(":nospace");
        offer_settings(place);
        break;
    case VALUE_KEY:
        offer_members(place, "/v1/credentials", "credentials", "name");
        break;
    case VALUE_COLUMN:
        offer_columns(place, "");
        break;
    case VALUE_FILTER:
        (void)puts(":nospace");
        offer_columns(place, "=");
        break;
    case VALUE_COMMAND:
        offer_commands(place);
        break;
    case VALUE_PROGRAM:
        (void)puts(":program");
        break;
    default:
        break;
    }
}
