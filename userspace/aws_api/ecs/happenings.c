/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws_api/ecs/happenings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "aws/aws_fields.h"
#include "aws_api/ecs/ecs.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "engine/engine.h"

#define MERGE_MS 1000 /* many that come or go within this are told as one */

enum happening_kind {
    REGISTERED,
    DEREGISTERED,
    STEADY
};

struct happening {
    uint64_t number;
    int64_t time_ms;
    enum happening_kind kind;
    unsigned count;
    char service[CATALOG_ID_SIZE]; /* of Cloud Map */
};

struct happening_list {
    char *key;
    struct happening items[HAPPENINGS_OF_A_SERVICE]; /* a ring */
    unsigned n;                                      /* that there have been */
    bool is_steady;
    UT_hash_handle hh;
};

static int64_t wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void ecs_happenings_init(struct ecs_happenings *happenings, struct engine *engine)
{
    *happenings = (struct ecs_happenings){.engine = engine, .clock_ms = wall_ms};
}

static void forget_list(struct ecs_happenings *happenings, struct happening_list *list)
{
    HASH_DEL(happenings->lists, list);
    free(list->key);
    free(list);
}

void ecs_happenings_done(struct ecs_happenings *happenings)
{
    while (happenings->lists)
        forget_list(happenings, happenings->lists);
}

/* ---- noting ---- */

/* NULL: there is none, or no memory. Names have no '/'. */
static struct happening_list *happenings_find(const struct ecs_happenings *happenings,
                                              const char *namespace_name, const char *document)
{
    _cleanup_free_ char *key = NULL;
    struct happening_list *found = NULL;

    if (asprintf(&key, "%s/%s", namespace_name, document) < 0)
        key = NULL;
    if (key)
        HASH_FIND_STR(happenings->lists, key, found);
    return found;
}

static struct happening_list *happenings_make(struct ecs_happenings *happenings, const char *namespace_name,
                                              const char *document)
{
    struct happening_list *list = happenings_find(happenings, namespace_name, document);

    if (list)
        return list;
    list = calloc(1, sizeof(*list));
    if (!list || asprintf(&list->key, "%s/%s", namespace_name, document) < 0) {
        free(list);
        return NULL;
    }
    if (HASH_COUNT(happenings->lists) >= HAPPENINGS_SERVICES)
        forget_list(happenings, happenings->lists);
    HASH_ADD_KEYPTR(hh, happenings->lists, list->key, strlen(list->key), list);
    return list;
}

static void note(struct ecs_happenings *happenings, struct happening_list *list, enum happening_kind kind,
                 const struct service *service)
{
    int64_t now = happenings->clock_ms();
    struct happening *last = list->n > 0 ? &list->items[(list->n - 1) % HAPPENINGS_OF_A_SERVICE] : NULL;

    if (last && last->kind == kind && now - last->time_ms < MERGE_MS &&
        strcmp(last->service, service->id) == 0) {
        last->count++;
        return;
    }
    last = &list->items[list->n++ % HAPPENINGS_OF_A_SERVICE];
    *last = (struct happening){.number = ++happenings->n, .time_ms = now, .kind = kind, .count = 1};
    (void)snprintf(last->service, sizeof(last->service), "%s", service->id);
}

/* As many as the document wants? Counted by what is there, without a walk. */
static bool happenings_is_steady(const struct service *service)
{
    const struct stored_document *stored = catalog_document(service->parent, service->document);
    _cleanup_json_ cJSON *document = NULL;
    const cJSON *wanted;

    if (!stored || !ecs_is_service(stored, NULL, &document))
        return false;
    wanted = aws_member(document, "desiredCount");
    return HASH_COUNT(service->instances) >= (cJSON_IsNumber(wanted) ? wanted->valuedouble : 1);
}

static void happenings_settled(void *user, const char *namespace_name, const char *service_name,
                               const char *id)
{
    struct ecs_happenings *happenings = user;
    struct service *service =
        catalog_service(engine_catalog(happenings->engine), namespace_name, service_name);
    struct instance *instance = service ? catalog_instance(service, id) : NULL;
    struct happening_list *list;

    if (!service || !service->document || (instance && (instance->is_told || instance->external)))
        return;
    list = happenings_make(happenings, namespace_name, service->document);
    if (!list)
        return;
    if (!instance) {
        list->is_steady = false;
        note(happenings, list, DEREGISTERED, service);
        return;
    }
    instance->is_told = true;
    note(happenings, list, REGISTERED, service);
    if (!list->is_steady && happenings_is_steady(service)) {
        list->is_steady = true;
        note(happenings, list, STEADY, service);
    }
}

/* What is there at a start has not come now. */
static int happenings_loaded(void *user, struct error *error)
{
    const struct ecs_happenings *happenings = user;
    const struct model_namespace *parent = engine_catalog(happenings->engine)->namespaces;

    (void)error;
    for (; parent; parent = parent->hh.next)
        for (struct service *service = parent->services; service; service = service->hh.next)
            for (struct instance *instance = service->instances; instance; instance = instance->hh.next)
                instance->is_told = true;
    return 0;
}

const struct engine_follower ecs_happenings_follower = {
    .settled = happenings_settled,
    .loaded = happenings_loaded,
};

/* ---- showing ---- */

static cJSON *happening_view(const struct happening *one, const char *name)
{
    cJSON *view = cJSON_CreateObject();
    char text[512];

    (void)snprintf(text, sizeof(text), "00000000-0000-4000-8000-%012llx", (unsigned long long)one->number);
    (void)cJSON_AddStringToObject(view, "id", text);
    (void)cJSON_AddNumberToObject(view, "createdAt", aws_time(one->time_ms));
    if (one->kind == STEADY)
        (void)snprintf(text, sizeof(text), "(service %.255s) has reached a steady state.", name);
    else
        (void)snprintf(text, sizeof(text), "(service %.255s) %s %u instance%s in (cloud map service %.64s).",
                       name, one->kind == REGISTERED ? "registered" : "deregistered", one->count,
                       one->count == 1 ? "" : "s", one->service);
    (void)cJSON_AddStringToObject(view, "message", text);
    return view;
}

void ecs_happenings_show(const struct ecs_happenings *happenings, const char *namespace_name,
                         const char *document, const char *name, cJSON *events)
{
    const struct happening_list *list =
        happenings ? happenings_find(happenings, namespace_name, document) : NULL;
    unsigned first = list && list->n > HAPPENINGS_OF_A_SERVICE ? list->n - HAPPENINGS_OF_A_SERVICE : 0;

    for (unsigned i = first; list && i < list->n; i++) {
        const struct happening *one = &list->items[i % HAPPENINGS_OF_A_SERVICE];
        const cJSON *at = events->child;
        int place = 0;

        for (; at && cJSON_GetNumberValue(aws_member(at, "createdAt")) > aws_time(one->time_ms);
             at = at->next)
            place++;
        (void)cJSON_InsertItemInArray(events, place, happening_view(one, name));
    }
}
