/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws/cloud_map_discover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aws/aws_fields.h"
#include "aws/cloud_map_views.h"
#include "base/json.h"

#define MAX_PARAMETERS 64

/* ---- the request ---- */

static int check_parameters(const cJSON *object, const char *name, struct aws_error *error)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, object)
        if (!cJSON_IsString(item))
            return aws_fail(error, "SerializationException", "%s: strings are wanted.", name);
    if (cJSON_GetArraySize(object) > MAX_PARAMETERS)
        return aws_invalid(error, "%s: at most %d are allowed.", name, MAX_PARAMETERS);
    return 0;
}

int discover_read(const cJSON *body, struct discover_query *ret, struct aws_error *error)
{
    static const char *const healths[] = {"HEALTHY", "UNHEALTHY", "ALL", "HEALTHY_OR_ELSE_ALL", NULL};
    const char *health = "HEALTHY";
    int64_t maximum = 100;
    int r = aws_get_integer(body, "MaxResults", AWS_OPTIONAL, 1, 1000, &maximum, error);

    if (r == 0)
        r = aws_get_enum(body, "HealthStatus", AWS_OPTIONAL, healths, &health, error);
    if (r == 0)
        r = aws_get_object(body, "QueryParameters", AWS_OPTIONAL, &ret->parameters, error);
    if (r == 0)
        r = aws_get_object(body, "OptionalParameters", AWS_OPTIONAL, &ret->optional, error);
    if (r == 0)
        r = check_parameters(ret->parameters, "QueryParameters", error);
    if (r == 0)
        r = check_parameters(ret->optional, "OptionalParameters", error);
    if (r < 0)
        return r;
    ret->maximum = (size_t)maximum;
    for (unsigned i = 0; healths[i]; i++)
        if (strcmp(healths[i], health) == 0)
            ret->health = i;
    return 0;
}

/* ---- matching ---- */

/* What follows the JSON text that begins at this quote. */
static const char *behind_text(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : at;
}

/* Attributes are compact JSON of texts, so a pair that they have is in them byte by byte. It has to begin
 * where a key does: a value may end with a comma, and the quote behind that looks the same. */
static bool has_pair(const char *attributes, const char *pair, size_t length)
{
    const char *at = attributes;

    if (!strstr(attributes, pair))
        return false;
    while ((*at == '{' || *at == ',') && at[1] == '"') {
        at++;
        if (strncmp(at, pair, length) == 0)
            return true;
        at = behind_text(at);
        if (at[0] != ':' || at[1] != '"')
            return false;
        at = behind_text(at + 1);
    }
    return false;
}

struct pairs {
    char *texts[MAX_PARAMETERS];
    size_t lengths[MAX_PARAMETERS];
    size_t n;
};

static void pairs_done(struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++)
        free(pairs->texts[i]);
}

static int pairs_from(const cJSON *object, struct pairs *pairs)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, object) {
        _cleanup_json_ cJSON *single = cJSON_CreateObject();
        char *text;

        (void)cJSON_AddStringToObject(single, item->string, item->valuestring);
        text = cJSON_PrintUnformatted(single);
        if (!text)
            return -ENOMEM;
        /* {"key":"value"} without its braces */
        pairs->lengths[pairs->n] = strlen(text) - 2;
        memmove(text, text + 1, pairs->lengths[pairs->n]);
        text[pairs->lengths[pairs->n]] = '\0';
        pairs->texts[pairs->n++] = text;
    }
    return 0;
}

static bool cloud_map_discover_matches(const struct instance *instance, const struct pairs *pairs)
{
    char buffer[CLOUD_MAP_ATTRIBUTES_SIZE];
    const char *attributes;

    if (pairs->n == 0)
        return true;
    attributes = cloud_map_attributes_text(instance, buffer);
    for (size_t i = 0; i < pairs->n; i++)
        if (!has_pair(attributes, pairs->texts[i], pairs->lengths[i]))
            return false;
    return true;
}

struct found {
    const struct instance **items;
    size_t n;
};

static void cloud_map_discover_collect(const struct instance *list, const struct pairs *pairs,
                                       struct found *found)
{
    for (const struct instance *instance = list; instance; instance = instance->hh.next)
        if (!instance->drain_until && !instance->external && cloud_map_discover_matches(instance, pairs))
            found->items[found->n++] = instance;
}

static size_t keep_health(const struct found *found, const char *health)
{
    size_t n = 0;

    for (size_t i = 0; i < found->n; i++) {
        const struct instance *instance = found->items[i];

        if (strcmp(cloud_map_health(instance, true), health) == 0) {
            found->items[i] = found->items[n];
            found->items[n++] = instance;
        }
    }
    return n;
}

static void filter_health(struct found *found, enum discover_health health)
{
    size_t n;

    if (health == DISCOVER_ALL)
        return;
    n = keep_health(found, health == DISCOVER_UNHEALTHY ? "UNHEALTHY" : "HEALTHY");
    if (n > 0 || health != DISCOVER_HEALTHY_OR_ELSE_ALL)
        found->n = n;
}

static void filter_optional(struct found *found, const struct pairs *pairs)
{
    size_t n = 0;

    for (size_t i = 0; pairs->n > 0 && i < found->n; i++) {
        const struct instance *instance = found->items[i];

        if (cloud_map_discover_matches(instance, pairs)) {
            found->items[i] = found->items[n];
            found->items[n++] = instance;
        }
    }
    if (n > 0)
        found->n = n;
}

/* The first `maximum` are drawn from all. */
static void shuffle(struct found *found, size_t maximum, uint64_t random)
{
    random |= 1;
    for (size_t i = 0; i < maximum && i + 1 < found->n; i++) {
        const struct instance *instance = found->items[i];
        size_t other;

        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        other = i + (size_t)(random % (found->n - i));
        found->items[i] = found->items[other];
        found->items[other] = instance;
    }
}

/* ---- the answer ---- */

static void write_instance(FILE *out, const struct instance *instance, const char *names, bool has_check)
{
    char buffer[CLOUD_MAP_ATTRIBUTES_SIZE];

    /* An id has no character that JSON escapes. */
    (void)fputs_unlocked("{\"InstanceId\":\"", out);
    (void)fputs_unlocked(instance->id, out);
    (void)fputs_unlocked(names, out);
    (void)fputs_unlocked(cloud_map_health(instance, has_check), out);
    (void)fputs_unlocked("\",\"Attributes\":", out);
    (void)fputs_unlocked(cloud_map_attributes_text(instance, buffer), out);
    (void)fputc_unlocked('}', out);
}

/* What stands between an instance's id and its health. */
static char *names_text(const struct service *service)
{
    _cleanup_json_ cJSON *name = cJSON_CreateString(service->parent->name);
    _cleanup_free_ char *quoted = name ? cJSON_PrintUnformatted(name) : NULL;
    char *text = NULL;

    if (!quoted || asprintf(&text, "\",\"NamespaceName\":%s,\"ServiceName\":\"%s\",\"HealthStatus\":\"",
                            quoted, service->name) < 0)
        return NULL;
    return text;
}

static char *write_answer(const struct service *service, const struct found *found, size_t maximum,
                          bool has_check, size_t *ret_length)
{
    _cleanup_free_ char *names = names_text(service);
    char *text = NULL;
    FILE *out = names ? open_memstream(&text, ret_length) : NULL;

    if (!out)
        return NULL;
    (void)fputs_unlocked("{\"Instances\":[", out);
    for (size_t i = 0; i < found->n && i < maximum; i++) {
        if (i > 0)
            (void)fputc_unlocked(',', out);
        write_instance(out, found->items[i], names, has_check);
    }
    (void)fprintf(out, "],\"InstancesRevision\":%" PRIu64 "}", service->instances_revision);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

char *discover_answer(const struct service *service, const struct discover_query *query, size_t *ret_length)
{
    _cleanup_(pairs_done) struct pairs parameters = {.n = 0};
    _cleanup_(pairs_done) struct pairs optional = {.n = 0};
    size_t n = HASH_COUNT(service->instances) + HASH_COUNT(service->records);
    _cleanup_free_ const struct instance **items = calloc(n + 1, sizeof(*items));
    struct found found = {.items = items};
    bool has_check = cloud_map_has_check(service);

    if (!items || pairs_from(query->parameters, &parameters) < 0 ||
        pairs_from(query->optional, &optional) < 0)
        return NULL;
    cloud_map_discover_collect(service->instances, &parameters, &found);
    cloud_map_discover_collect(service->records, &parameters, &found);
    if (has_check)
        filter_health(&found, query->health);
    filter_optional(&found, &optional);
    shuffle(&found, query->maximum, query->random);
    return write_answer(service, &found, query->maximum, has_check, ret_length);
}
