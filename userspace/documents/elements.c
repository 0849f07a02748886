/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One walk over the source. An object that is none of ours is looked into: where something of ours is found,
 * it was a wrapping; where nothing is, it is told as unknown. The walk ends at what is ours.
 */
#include "documents/elements.h"

#include <string.h>

#include "base/array.h"
#include "base/number.h"
#include "documents/document_names.h"

/* What the tools wrap their answers in: what stands there must be ours. */
static const char *const wrappings[] = {"services",        "service",          "taskDefinition",
                                        "taskDefinitions", "serviceRevisions", NULL};

static bool is_wrapping(const char *name)
{
    for (size_t i = 0; wrappings[i]; i++)
        if (strcmp(wrappings[i], name) == 0)
            return true;
    return false;
}

/* {"taskDefinition": {...}, "tags": []} is what describe-task-definition prints, and no service. */
static enum element_kind kind_of(const cJSON *json)
{
    const cJSON *definition = document_member(json, "taskDefinition");

    if (!cJSON_IsObject(json))
        return ELEMENT_UNKNOWN;
    if (document_member(json, "serviceName"))
        return ELEMENT_SERVICE;
    if (document_member(json, "family") || document_member(json, "containerDefinitions"))
        return ELEMENT_TASK_DEFINITION;
    if (document_member(json, DOCUMENT_BLOCK) || (definition && !cJSON_IsObject(definition)))
        return ELEMENT_SERVICE;
    return document_member(json, "routes") ? ELEMENT_ROUTES : ELEMENT_UNKNOWN;
}

/* ---- the walk ---- */

struct walk {
    struct document_reader *reader;
    struct elements *elements;
};

static void elements_append(struct walk *walk, const cJSON *json, enum element_kind kind, size_t index,
                            bool is_deep)
{
    struct elements *elements = walk->elements;
    struct element element = {.json = json, .kind = kind, .index = index};

    if (ARRAY_MAKE_ROOM(elements->items, elements->n) < 0) {
        walk->reader->status = -ENOMEM;
        return;
    }
    if (is_deep)
        element.path = document_copy(walk->reader, walk->reader->path);
    elements->items[elements->n++] = element;
}

/* What describe-services and its like have not found, though it was asked for. */
static void tell_failures(struct document_reader *reader, const cJSON *json)
{
    const cJSON *failures = document_member(json, "failures");
    const cJSON *item;
    size_t mark = document_enter(reader, "failures");
    size_t i = 0;

    cJSON_ArrayForEach (item, failures) {
        const char *arn = cJSON_GetStringValue(document_member(item, "arn"));
        const char *reason = cJSON_GetStringValue(document_member(item, "reason"));
        size_t element = document_enter_element(reader, i++);
        char value[100];

        (void)snprintf(value, sizeof(value), "%.40s %.50s", reason ? reason : "(no reason)",
                       arn ? arn : "(no arn)");
        document_error(reader, "", value, "an answer without failures, of things that are there");
        document_leave(reader, element);
    }
    document_leave(reader, mark);
}

/* `is_probe`: what is not ours may be anything. `depth`: arrays and objects around it. */
static void walk_value(struct walk *walk, const cJSON *json, size_t index, unsigned depth, bool is_probe)
{
    struct document_reader *reader = walk->reader;
    enum element_kind kind = kind_of(json);
    size_t before = walk->elements->n;
    bool is_deep = depth > (walk->elements->is_array ? 1u : 0u);
    bool is_empty_wrapping = false;
    const cJSON *item;
    size_t i = 0;

    if (kind != ELEMENT_UNKNOWN) {
        elements_append(walk, json, kind, index, is_deep);
        return;
    }
    cJSON_ArrayForEach (item, json) {
        bool is_member = cJSON_IsObject(json);
        bool is_known = !is_member || is_wrapping(item->string);
        size_t mark;

        if (is_member && !cJSON_IsArray(item) && !cJSON_IsObject(item))
            continue;
        if (is_member && is_known && cJSON_IsArray(item) && !item->child) {
            is_empty_wrapping = true;
            continue;
        }
        mark = is_member ? document_enter(reader, item->string) : document_enter_element(reader, i);
        walk_value(walk, item, i++, depth + 1, is_probe || !is_known);
        document_leave(reader, mark);
    }
    if (cJSON_IsObject(json))
        tell_failures(reader, json);
    if (walk->elements->n > before || is_probe || (depth == 0 && cJSON_IsArray(json)))
        return;
    if (is_empty_wrapping)
        document_warn(reader, "", "an empty answer: nothing is published");
    else
        elements_append(walk, json, ELEMENT_UNKNOWN, index, is_deep);
}

size_t element_enter(struct document_reader *reader, const struct elements *elements,
                     const struct element *element)
{
    size_t mark = strlen(reader->path); /* at the root */

    if (element->path)
        document_clip(reader->path, sizeof(reader->path), element->path);
    else if (elements->is_array)
        (void)document_enter_element(reader, element->index);
    return mark;
}

/* ---- task definitions ---- */

static int compare_definitions(const struct task_definition *first, const struct task_definition *second)
{
    int order = strcmp(first->family, second->family);

    return order ? order : (first->revision > second->revision) - (first->revision < second->revision);
}

static int compare_families(const void *a, const void *b)
{
    const struct element *first = *(const struct element *const *)a;
    const struct element *second = *(const struct element *const *)b;
    int order = compare_definitions(&first->definition, &second->definition);

    return order ? order : (first > second) - (first < second);
}

static void read_task_definitions(struct document_reader *reader, struct elements *elements)
{
    for (size_t i = 0; i < elements->n; i++) {
        struct element *element = &elements->items[i];
        size_t mark;

        if (element->kind != ELEMENT_TASK_DEFINITION)
            continue;
        mark = element_enter(reader, elements, element);
        task_definition_parse(reader, element->json, true, &element->definition);
        document_leave(reader, mark);
        if (element->definition.family)
            elements->by_family[elements->n_families++] = element;
    }
    qsort(elements->by_family, elements->n_families, sizeof(struct element *), compare_families);
    for (size_t i = 1; i < elements->n_families; i++) {
        const struct element *element = elements->by_family[i];
        size_t mark;

        if (compare_definitions(&element->definition, &elements->by_family[i - 1]->definition) != 0)
            continue;
        mark = element_enter(reader, elements, element);
        document_error(reader, "family", element->definition.family,
                       "each family and revision once in a source");
        document_leave(reader, mark);
    }
}

/* The first that is not below the family of that length in that revision. */
static size_t lower_bound(const struct elements *elements, const char *family, size_t length,
                          uint64_t revision)
{
    size_t low = 0;
    size_t high = elements->n_families;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct task_definition *candidate = &elements->by_family[middle]->definition;
        int order = strncmp(candidate->family, family, length);

        if (order == 0 && candidate->family[length] != '\0')
            order = 1;
        if (order < 0 || (order == 0 && candidate->revision < revision))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct element *at(const struct elements *elements, size_t i, const char *family, size_t length)
{
    const char *found = i < elements->n_families ? elements->by_family[i]->definition.family : NULL;

    return found && strncmp(found, family, length) == 0 && found[length] == '\0' ? elements->by_family[i]
                                                                                 : NULL;
}

struct element *elements_find_family(const struct elements *elements, const char *task_definition,
                                     bool *ret_is_other)
{
    size_t length;
    const char *family = document_name_family(task_definition, &length);
    size_t past = lower_bound(elements, family, length, UINT64_MAX);
    struct element *latest = past > 0 ? at(elements, past - 1, family, length) : NULL;
    struct element *found;
    uint64_t revision = 0;

    *ret_is_other = false;
    if (family[length] != ':' || parse_number(family + length + 1, 1, UINT32_MAX, &revision) < 0)
        return latest;
    found = at(elements, lower_bound(elements, family, length, revision), family, length);
    if (found && found->definition.revision == revision)
        return found;
    found = at(elements, lower_bound(elements, family, length, 0), family, length);
    if (found && found->definition.revision == 0)
        return found;
    *ret_is_other = latest != NULL;
    return latest;
}

/* ---- the whole ---- */

void elements_read(struct document_reader *reader, const cJSON *json, struct elements *ret_elements)
{
    struct walk walk = {.reader = reader, .elements = ret_elements};

    *ret_elements = (struct elements){.is_array = cJSON_IsArray(json)};
    walk_value(&walk, json, 0, 0, false);
    ret_elements->by_family = document_allocate(reader, ret_elements->n, sizeof(struct element *));
    if (reader->status == 0)
        read_task_definitions(reader, ret_elements);
    if (ret_elements->is_array && ret_elements->n == 0)
        document_warn(reader, "", "an empty array: nothing is published");
}

void elements_done(struct elements *elements)
{
    for (size_t i = 0; elements->items && i < elements->n; i++) {
        task_definition_done(&elements->items[i].definition);
        free(elements->items[i].path);
    }
    free(elements->items);
    free(elements->by_family);
    *elements = (struct elements){0};
}
