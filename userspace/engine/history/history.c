/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "engine/history/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/number.h"

#define PREFIX "history/"
#define HEAD   "{\"sequence\":%" SCNu64 ",\"revision\":%" SCNu64

struct kept_row {
    uint64_t sequence; /* 0: nothing is here */
    uint64_t revision;
    char *key;   /* of the row it tells of */
    char *value; /* as in the registry */
};

struct history {
    struct kept_row *places;
    size_t n_places;
    uint64_t newest;
    uint64_t revision; /* of the commit that is being told */
    int64_t now_ms;
    struct registry_row *rows; /* of it */
    char **keys;               /* of what they tell of */
    size_t n_rows;
    struct actor by; /* of the last one that was told */
    char *operation;
    char *origin_text; /* of both, as it stands in a row, without its end; NULL: none yet */
};

int history_new(size_t rows, struct history **ret_history)
{
    struct history *history = calloc(1, sizeof(*history));

    if (history)
        history->places = calloc(rows + 1, sizeof(*history->places));
    if (!history || !history->places) {
        free(history);
        return -ENOMEM;
    }
    history->n_places = rows;
    *ret_history = history;
    return 0;
}

static void drop_told(struct history *history)
{
    for (size_t i = 0; i < history->n_rows; i++) {
        free(history->rows[i].key);
        free(history->rows[i].value);
        free(history->keys[i]);
    }
    history->n_rows = 0;
}

void history_free(struct history **history)
{
    struct history *self = *history;

    if (!self)
        return;
    drop_told(self);
    for (size_t i = 0; i < self->n_places; i++) {
        free(self->places[i].key);
        free(self->places[i].value);
    }
    free(self->places);
    free(self->rows);
    free(self->keys);
    free(self->operation);
    free(self->origin_text);
    free(self);
    *history = NULL;
}

/* Takes the texts over. */
static void history_place(struct history *history, uint64_t sequence, uint64_t revision, char *key,
                          char *value)
{
    struct kept_row *place = &history->places[sequence % history->n_places];

    if (place->sequence >= sequence) { /* rows of more places, by a version that kept more */
        free(key);
        free(value);
        return;
    }
    free(place->key);
    free(place->value);
    *place = (struct kept_row){.sequence = sequence, .revision = revision, .key = key, .value = value};
    if (sequence > history->newest)
        history->newest = sequence;
}

bool history_take_row(struct history *history, const char *key, const char *value)
{
    uint64_t sequence = 0, revision = 0;
    _cleanup_json_ cJSON *json = NULL;
    const char *told;
    char *key_copy, *value_copy;

    if (strncmp(key, PREFIX, strlen(PREFIX)) != 0)
        return false;
    if (!history || history->n_places == 0 || sscanf(value, HEAD, &sequence, &revision) != 2 || sequence == 0)
        return true;
    if (json_parse(key, value, strlen(value), &json, NULL) < 0)
        return true;
    told = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "key"));
    key_copy = strdup(told ? told : "");
    value_copy = strdup(value);
    if (key_copy && value_copy) {
        history_place(history, sequence, revision, key_copy, value_copy);
    } else {
        free(key_copy);
        free(value_copy);
    }
    return true;
}

uint64_t history_newest(const struct history *history)
{
    return history ? history->newest : 0;
}

static const struct kept_row *history_find(const struct history *history, uint64_t sequence)
{
    const struct kept_row *place =
        history && history->n_places && sequence ? &history->places[sequence % history->n_places] : NULL;

    return place && place->sequence == sequence ? place : NULL;
}

uint64_t history_oldest(const struct history *history)
{
    uint64_t newest = history_newest(history);
    uint64_t oldest = newest > (history ? history->n_places : 0) ? newest - history->n_places + 1 : 1;

    while (oldest < newest && !history_find(history, oldest))
        oldest++;
    return newest ? oldest : 0;
}

const char *history_key(const struct history *history, uint64_t sequence)
{
    const struct kept_row *row = history_find(history, sequence);

    return row ? row->key : NULL;
}

uint64_t history_revision(const struct history *history, uint64_t sequence)
{
    const struct kept_row *row = history_find(history, sequence);

    return row ? row->revision : 0;
}

/* An object of it as text; NULL: there is none. */
static char *history_object(const cJSON *json, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

    return cJSON_IsObject(item) ? cJSON_PrintUnformatted(item) : NULL;
}

int history_read(const struct history *history, uint64_t sequence, struct history_entry *ret_entry)
{
    const struct kept_row *row = history_find(history, sequence);
    _cleanup_json_ cJSON *json = NULL;
    const char *operation;
    const cJSON *item;

    if (!row)
        return -ENOENT;
    if (json_parse(row->key, row->value, strlen(row->value), &json, NULL) < 0)
        return -EINVAL;
    operation = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "operation"));
    item = cJSON_GetObjectItemCaseSensitive(json, "time");
    *ret_entry = (struct history_entry){
        .sequence = sequence,
        .revision = row->revision,
        .time_ms = cJSON_IsNumber(item) ? (int64_t)item->valuedouble : 0,
        .by = actor_of_json(cJSON_GetObjectItemCaseSensitive(json, "by")),
        .operation = operation ? operation : "",
        .key = row->key,
        .before = history_object(json, "before"),
        .after = history_object(json, "after"),
        .is_withheld = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "isWithheld")),
    };
    item = cJSON_GetObjectItemCaseSensitive(json, "more");
    ret_entry->more = cJSON_IsNumber(item) ? (unsigned)item->valuedouble : 0;
    ret_entry->json = TAKE_PTR(json);
    return 0;
}

void history_entry_done(struct history_entry *entry)
{
    cJSON_Delete(entry->json);
    cJSON_free(entry->before);
    cJSON_free(entry->after);
    *entry = (struct history_entry){0};
}

/* ---- for the commit ---- */

void history_begin(struct history *history, uint64_t revision, int64_t now_ms)
{
    drop_told(history);
    history->revision = revision;
    history->now_ms = now_ms;
}

/* As JSON; NULL: no memory. The caller frees it. */
static char *history_quote(const char *text)
{
    _cleanup_json_ cJSON *json = cJSON_CreateStringReference(text);

    return json_print(json);
}

/* "by" and "operation" of the origin. Most rows that follow each other have the same. NULL: no memory. */
static const char *history_origin_text(struct history *history, const struct history_origin *origin)
{
    const char *operation = origin->operation ? origin->operation : "";
    _cleanup_json_ cJSON *json = NULL;
    char *text;

    if (history->origin_text && strcmp(history->operation, operation) == 0 &&
        actor_equal(&history->by, &origin->by))
        return history->origin_text;
    json = cJSON_CreateObject();
    (void)cJSON_AddItemToObject(json, "by", actor_json(&origin->by));
    (void)cJSON_AddStringToObject(json, "operation", operation);
    free(history->origin_text);
    free(history->operation);
    history->operation = strdup(operation);
    history->origin_text = text = history->operation ? json_print(json) : NULL;
    if (!text)
        return NULL;
    history->by = origin->by;
    text[strlen(text) - 1] = '\0'; /* its closing bracket: more follows */
    return text;
}

/*
 * The numbers stand first, as plain digits: history_take_row() reads them so. It is written for every change, so it is put
 * together from texts that are there, without a tree of values.
 */
static char *history_write(struct history *history, uint64_t sequence, const struct history_origin *origin,
                           const char *key, const char *before, const char *after, bool is_withheld,
                           unsigned more)
{
    const char *origin_text = history_origin_text(history, origin);
    _cleanup_free_ char *key_text = history_quote(key);
    const char *was = !before ? "created" : after ? "changed" : "removed";
    char more_text[32] = "";
    char *text = NULL;

    if (!origin_text || !key_text)
        return NULL;
    if (is_withheld)
        before = after = NULL;
    if (more)
        (void)snprintf(more_text, sizeof(more_text), ",\"more\":%u", more);
    if (asprintf(&text,
                 "{\"sequence\":%" PRIu64 ",\"revision\":%" PRIu64 ",\"time\":%" PRId64
                 ",%s,\"key\":%s%s%s%s%s%s%s%s%s}",
                 sequence, history->revision, history->now_ms, origin_text + 1, key_text,
                 before ? ",\"before\":" : "", before ? before : "", after ? ",\"after\":" : "",
                 after ? after : "", is_withheld ? ",\"isWithheld\":true,\"was\":\"" : "",
                 is_withheld ? was : "", is_withheld ? "\"" : "", more_text) < 0)
        return NULL;
    return text;
}

int history_tell(struct history *history, const struct history_origin *origin, const char *key,
                 const char *before, const char *after, bool is_withheld, unsigned more)
{
    uint64_t sequence = history->newest + history->n_rows + 1;
    struct registry_row row = {0};
    char *told;

    if (history->n_places == 0 || history->n_rows >= history->n_places)
        return 0;
    if (ARRAY_MAKE_ROOM(history->rows, history->n_rows) < 0 ||
        ARRAY_MAKE_ROOM(history->keys, history->n_rows) < 0)
        return -ENOMEM;
    told = strdup(key);
    row.value = history_write(history, sequence, origin, key, before, after, is_withheld, more);
    if (!told || !row.value ||
        asprintf(&row.key, PREFIX "%05zu", (size_t)(sequence % history->n_places)) < 0) {
        free(told);
        free(row.value);
        return -ENOMEM;
    }
    history->keys[history->n_rows] = told;
    history->rows[history->n_rows++] = row;
    return 0;
}

const struct registry_row *history_rows(const struct history *history, size_t *ret_n)
{
    *ret_n = history->n_rows;
    return history->rows;
}

uint64_t history_keep(struct history *history)
{
    uint64_t first = history->n_rows ? history->newest + 1 : 0;

    for (size_t i = 0; i < history->n_rows; i++) {
        free(history->rows[i].key);
        history_place(history, first + i, history->revision, history->keys[i], history->rows[i].value);
    }
    history->n_rows = 0;
    return first;
}
