/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Path-tracking access to members; see the header. Values are echoed shortened, never whole containers. */
#include "documents/document_reader.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/near_miss.h"

#define VALUE_SHOWN 100 /* bytes of a value that a finding repeats */
#define NAME_SHOWN  64  /* bytes of a member's name that a path repeats */

void document_clip(char *clipped, size_t size, const char *text)
{
    size_t n = strnlen(text, size);

    if (n == size) {
        n = size - 1;
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--;
    }
    for (size_t i = 0; i < n; i++)
        clipped[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    clipped[n] = '\0';
}

static void document_reader_append(char path[static DOCUMENT_PATH_SIZE], const char *name)
{
    size_t length = strlen(path);
    char shown[NAME_SHOWN];

    document_clip(shown, sizeof(shown), name);
    if (length > 0 && shown[0] != '\0' && length + 1 < DOCUMENT_PATH_SIZE) {
        path[length++] = '.';
        path[length] = '\0';
    }
    document_clip(path + length, DOCUMENT_PATH_SIZE - length, shown);
}

size_t document_enter(struct document_reader *reader, const char *name)
{
    size_t mark = strlen(reader->path);

    document_reader_append(reader->path, name);
    return mark;
}

size_t document_enter_element(struct document_reader *reader, size_t index)
{
    size_t mark = strlen(reader->path);

    (void)snprintf(reader->path + mark, sizeof(reader->path) - mark, "[%zu]", index);
    return mark;
}

void document_leave(struct document_reader *reader, size_t mark)
{
    reader->path[mark] = '\0';
}

static void document_reader_add(struct document_reader *reader, enum finding_severity severity,
                                const struct error *error)
{
    if (findings_add(reader->findings, severity, reader->source, error) < 0)
        reader->status = -ENOMEM;
    if (severity == FINDING_ERROR)
        reader->n_errors++;
}

static void add_error(struct document_reader *reader, const char *path, const char *value,
                      const char *allowed, va_list arguments) __attribute__((format(printf, 4, 0)));

static void add_error(struct document_reader *reader, const char *path, const char *value,
                      const char *allowed, va_list arguments)
{
    struct error error = {0};
    char field[sizeof(error.field)];
    char shown[VALUE_SHOWN + 4];
    char text[sizeof(error.allowed)];

    document_clip(field, sizeof(field), path);
    document_clip(shown, VALUE_SHOWN, value ? value : "(missing)");
    if (value && strlen(shown) < strlen(value))
        strcat(shown, "...");
    (void)vsnprintf(text, sizeof(text), allowed, arguments);
    document_clip(text, sizeof(text), text);
    (void)error_input(&error, field, shown, "%s", text);
    document_reader_add(reader, FINDING_ERROR, &error);
}

static void add_warning(struct document_reader *reader, const char *path, const char *format,
                        va_list arguments) __attribute__((format(printf, 3, 0)));

static void add_warning(struct document_reader *reader, const char *path, const char *format,
                        va_list arguments)
{
    struct error error = {0};
    char text[sizeof(error.message) - sizeof(error.field) - 2];

    document_clip(error.field, sizeof(error.field), path);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    document_clip(text, sizeof(text), text);
    (void)snprintf(error.message, sizeof(error.message), "%s%s%s", error.field, error.field[0] ? ": " : "",
                   text);
    document_reader_add(reader, FINDING_WARNING, &error);
}

void document_error(struct document_reader *reader, const char *name, const char *value, const char *allowed,
                    ...)
{
    size_t mark = document_enter(reader, name);
    va_list arguments;

    va_start(arguments, allowed);
    add_error(reader, reader->path, value, allowed, arguments);
    va_end(arguments);
    document_leave(reader, mark);
}

void document_warn(struct document_reader *reader, const char *name, const char *format, ...)
{
    size_t mark = document_enter(reader, name);
    va_list arguments;

    va_start(arguments, format);
    add_warning(reader, reader->path, format, arguments);
    va_end(arguments);
    document_leave(reader, mark);
}

void document_error_whole(struct document_reader *reader, const struct error *error)
{
    document_reader_add(reader, FINDING_ERROR, error);
}

void document_error_at(struct document_reader *reader, const char *path, const char *value,
                       const char *allowed, ...)
{
    va_list arguments;

    va_start(arguments, allowed);
    add_error(reader, path, value, allowed, arguments);
    va_end(arguments);
}

void document_warn_at(struct document_reader *reader, const char *path, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add_warning(reader, path, format, arguments);
    va_end(arguments);
}

void document_error_found(struct document_reader *reader, const char *name, const struct error *error)
{
    document_error(reader, name, error->value, "%s", error->allowed);
}

static void document_reader_wrong_kind(struct document_reader *reader, const cJSON *item, const char *name,
                                       const char *kind)
{
    char number[32];
    const char *value = "null";

    if (cJSON_IsString(item)) {
        value = item->valuestring;
    } else if (cJSON_IsNumber(item)) {
        (void)snprintf(number, sizeof(number), "%.15g", item->valuedouble);
        value = number;
    } else if (cJSON_IsBool(item)) {
        value = cJSON_IsTrue(item) ? "true" : "false";
    } else if (cJSON_IsArray(item)) {
        value = "(an array)";
    } else if (cJSON_IsObject(item)) {
        value = "(an object)";
    }
    document_error(reader, name, value, "%s", kind);
}

bool document_is_object(struct document_reader *reader, const cJSON *item)
{
    if (cJSON_IsObject(item))
        return true;
    document_reader_wrong_kind(reader, item, "", "an object");
    return false;
}

/* The member if is_kind() says so. */
static const cJSON *document_reader_get(struct document_reader *reader, const cJSON *object, const char *name,
                                        bool required, cJSON_bool (*is_kind)(const cJSON *), const char *kind)
{
    const cJSON *item = document_member(object, name);

    if (!item) {
        if (required)
            document_error(reader, name, NULL, "%s", kind);
        return NULL;
    }
    if (is_kind(item))
        return item;
    document_reader_wrong_kind(reader, item, name, kind);
    return NULL;
}

const cJSON *document_get_object(struct document_reader *reader, const cJSON *object, const char *name,
                                 bool required)
{
    return document_reader_get(reader, object, name, required, cJSON_IsObject, "an object");
}

const cJSON *document_get_array(struct document_reader *reader, const cJSON *object, const char *name,
                                bool required)
{
    return document_reader_get(reader, object, name, required, cJSON_IsArray, "an array");
}

const char *document_get_string(struct document_reader *reader, const cJSON *object, const char *name,
                                bool required)
{
    const cJSON *item = document_reader_get(reader, object, name, required, cJSON_IsString, "a string");

    return item ? item->valuestring : NULL;
}

bool document_get_bool(struct document_reader *reader, const cJSON *object, const char *name, bool fallback)
{
    const cJSON *item = document_reader_get(reader, object, name, false, cJSON_IsBool, "true or false");

    return item ? cJSON_IsTrue(item) : fallback;
}

bool document_get_integer(struct document_reader *reader, const cJSON *object, const char *name,
                          bool required, uint32_t minimum, uint32_t maximum, uint32_t *ret_number)
{
    char kind[64];
    const cJSON *item;

    (void)snprintf(kind, sizeof(kind), "a whole number from %u to %u", minimum, maximum);
    item = document_reader_get(reader, object, name, required, cJSON_IsNumber, kind);
    if (!item)
        return false;
    if (!(item->valuedouble >= minimum && item->valuedouble <= maximum) ||
        floor(item->valuedouble) != item->valuedouble) {
        document_reader_wrong_kind(reader, item, name, kind);
        return false;
    }
    *ret_number = (uint32_t)item->valuedouble;
    return true;
}

/* "a, b, c", as much as fits. */
static void list_names(char *list, size_t size, const char *const names[])
{
    size_t used = 0;

    list[0] = '\0';
    for (size_t i = 0; names[i] && used < size; i++) {
        int n = snprintf(list + used, size - used, "%s%s", i > 0 ? ", " : "", names[i]);

        used += n > 0 ? (size_t)n : 0;
    }
}

const char *document_get_enum(struct document_reader *reader, const cJSON *object, const char *name,
                              bool required, const char *const values[])
{
    const cJSON *item = document_member(object, name);
    char kind[160];

    list_names(kind, sizeof(kind), values);
    item = document_reader_get(reader, object, name, required, cJSON_IsString, kind);
    if (!item)
        return NULL;
    for (size_t i = 0; values[i]; i++)
        if (strcmp(item->valuestring, values[i]) == 0)
            return values[i];
    document_reader_wrong_kind(reader, item, name, kind);
    return NULL;
}

void document_warn_unknown(struct document_reader *reader, const cJSON *object, const char *const known[])
{
    const cJSON *item;

    cJSON_ArrayForEach (item, object) {
        const char *meant = NULL;
        bool is_known = false;

        for (size_t i = 0; known[i] && !is_known; i++)
            is_known = strcmp(item->string, known[i]) == 0;
        if (is_known)
            continue;
        /* Nobody sees a guess that is not kept, and guessing is what costs. */
        if (reader->findings->n < DOCUMENTS_MAX_FINDINGS)
            meant = near_miss(item->string, known);
        if (meant)
            document_warn(reader, item->string, "unknown member, ignored; did you mean \"%s\"?", meant);
        else
            document_warn(reader, item->string, "unknown member, ignored");
    }
}

void *document_allocate(struct document_reader *reader, size_t n, size_t size)
{
    void *memory = calloc(n > 0 ? n : 1, size);

    if (!memory)
        reader->status = -ENOMEM;
    return memory;
}

char *document_copy(struct document_reader *reader, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        reader->status = -ENOMEM;
    return copy;
}
