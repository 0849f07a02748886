/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/difference.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "cli/text.h"

/* Items of one list by what identifies them. */
struct keyed {
    char *key; /* owned */
    const cJSON *item;
};

struct index {
    struct keyed *items;
    size_t count;
};

static void index_done(struct index *index)
{
    for (size_t i = 0; i < index->count; i++)
        free(index->items[i].key);
    free(index->items);
}

/* "default/v1/a": what identifies an item, which is also its name for people. NULL: no memory. */
static char *make_key(const struct state_part *part, const cJSON *item)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    bool is_first = true;

    if (!out)
        return NULL;
    for (const char *const *name = part->identity; *name; name++) {
        const cJSON *member = text_child(item, *name);

        if (!member)
            continue;
        if (cJSON_IsNumber(member))
            (void)fprintf(out, ":%g", member->valuedouble);
        else
            (void)fprintf(out, "%s%s", is_first ? "" : "/",
                          cJSON_IsString(member) ? member->valuestring : "?");
        is_first = false;
    }
    if (is_first)
        (void)fputs("of every service", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static int index_compare(const void *a, const void *b)
{
    return strcmp(((const struct keyed *)a)->key, ((const struct keyed *)b)->key);
}

static int index_fill(const struct state_part *part, const cJSON *list, struct index *index)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, list) {
        char *key = make_key(part, item);

        if (!key || ARRAY_MAKE_ROOM(index->items, index->count) < 0) {
            free(key);
            return -ENOMEM;
        }
        index->items[index->count++] = (struct keyed){key, item};
    }
    if (index->count)
        qsort(index->items, index->count, sizeof(*index->items), index_compare);
    return 0;
}

/* Settings the daemon has and the export has not, or not so, as nulls: a group is replaced as a whole. */
static cJSON *find_resets(const cJSON *wanted, const cJSON *present)
{
    cJSON *resets = NULL;
    const cJSON *member;

    cJSON_ArrayForEach (member, present) {
        if (cJSON_Compare(member, text_child(wanted, member->string), true))
            continue;
        if (!resets)
            resets = cJSON_CreateObject();
        (void)cJSON_AddNullToObject(resets, member->string);
    }
    return resets;
}

static int difference_add(struct differences *differences, const struct state_part *part, const cJSON *item,
                          char *name, const cJSON *present)
{
    bool is_service = part->op && strcmp(part->op, "set-settings") == 0 && text_child(item, "service");

    if (ARRAY_MAKE_ROOM(differences->items, differences->count) < 0) {
        free(name);
        return -ENOMEM;
    }
    differences->items[differences->count++] = (struct difference){
        .part = part,
        .item = item,
        .name = name,
        .is_new = !present,
        .resets = present && is_service
                      ? find_resets(text_child(item, "settings"), text_child(present, "settings"))
                      : NULL,
    };
    return 0;
}

static int compare_part(const struct state_part *part, const cJSON *wanted, const cJSON *present,
                        struct differences *differences, struct error *error)
{
    _cleanup_(index_done) struct index index = {0};
    size_t number = 0;
    const cJSON *item;
    int r = index_fill(part, text_child(present, part->member), &index);

    cJSON_ArrayForEach (item, text_child(wanted, part->member)) {
        struct keyed key = {.item = item};
        const struct keyed *found;

        if (r < 0)
            break;
        if (!cJSON_IsObject(item))
            return error_set(error, EINVAL, "%s[%zu]: an item of an export is a JSON object", part->member,
                             number);
        key.key = make_key(part, item);
        if (!key.key)
            return error_errno(error, ENOMEM, "comparing");
        found =
            index.count ? bsearch(&key, index.items, index.count, sizeof(*index.items), index_compare) : NULL;
        if (found && cJSON_Compare(found->item, item, true))
            free(key.key);
        else
            r = difference_add(differences, part, item, key.key, found ? found->item : NULL);
        number++;
    }
    return r < 0 ? error_errno(error, -r, "comparing") : 0;
}

int differences_find(const cJSON *wanted, const cJSON *present, struct differences *ret_differences,
                     struct error *error)
{
    _cleanup_(differences_done) struct differences differences = {0};

    for (size_t i = 0; i < state_part_count; i++) {
        int r = compare_part(&state_parts[i], wanted, present, &differences, error);

        if (r < 0)
            return r;
    }
    *ret_differences = differences;
    differences = (struct differences){0};
    return 0;
}

/* `json` is the batch's now, or freed. */
static int add_change(struct records *changes, const char *op, cJSON *json)
{
    if (!json || !cJSON_AddStringToObject(json, "op", op) ||
        ARRAY_MAKE_ROOM(changes->items, changes->count) < 0) {
        cJSON_Delete(json);
        return -ENOMEM;
    }
    changes->items[changes->count++] = (struct record){json, 0};
    return 0;
}

int difference_add_changes(const struct difference *difference, struct records *changes)
{
    const char *op = difference->part->op;

    if (difference->resets) {
        cJSON *reset = cJSON_Duplicate(difference->item, true);

        if (reset && !cJSON_ReplaceItemInObjectCaseSensitive(reset, "settings",
                                                             cJSON_Duplicate(difference->resets, true))) {
            cJSON_Delete(reset);
            return -ENOMEM;
        }
        if (add_change(changes, op, reset) < 0)
            return -ENOMEM;
    }
    return add_change(changes, op, cJSON_Duplicate(difference->item, true));
}

void differences_done(struct differences *differences)
{
    for (size_t i = 0; i < differences->count; i++) {
        free(differences->items[i].name);
        cJSON_Delete(differences->items[i].resets);
    }
    free(differences->items);
    *differences = (struct differences){0};
}
