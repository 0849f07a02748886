/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/records.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"
#include "cli/report.h"

/* Where the reading is. */
struct records_cursor {
    const char *at;
    const char *end;
    size_t line;
};

static void skip_blank(struct records_cursor *cursor)
{
    for (; cursor->at < cursor->end && strchr(" \t\r\n", *cursor->at) && *cursor->at; cursor->at++)
        cursor->line += *cursor->at == '\n';
}

/* Behind the JSON value that was parsed from here to `end`. */
static void step_to(struct records_cursor *cursor, const char *end)
{
    for (; cursor->at < end; cursor->at++)
        cursor->line += *cursor->at == '\n';
}

/* Whether another record follows; in an array, behind its comma. */
static int find_next(struct records_cursor *cursor, bool is_array, bool is_first, bool *ret_is_end)
{
    skip_blank(cursor);
    if (is_array && cursor->at < cursor->end && *cursor->at == ']') {
        cursor->at++;
        skip_blank(cursor);
        *ret_is_end = true;
        return cursor->at == cursor->end ? 0 : -EINVAL;
    }
    if (is_array && !is_first) {
        if (cursor->at == cursor->end || *cursor->at != ',')
            return -EINVAL;
        cursor->at++;
        skip_blank(cursor);
    }
    *ret_is_end = cursor->at == cursor->end;
    return *ret_is_end && is_array ? -EINVAL : 0;
}

static int take_record(struct records_cursor *cursor, struct records *records, struct error *error)
{
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(cursor->at, (size_t)(cursor->end - cursor->at), &end, false);

    if (!cJSON_IsObject(json)) {
        size_t line = cursor->line;

        if (!json && end)
            step_to(cursor, end);
        cJSON_Delete(json);
        return error_set(error, EINVAL, "%s: line %zu: %s", records->source, json ? line : cursor->line,
                         json ? "this is no JSON object; each record is one" : "this is no JSON");
    }
    if (ARRAY_MAKE_ROOM(records->items, records->count) < 0) {
        cJSON_Delete(json);
        return error_errno(error, ENOMEM, "%s", records->source);
    }
    records->items[records->count++] = (struct record){json, cursor->line};
    step_to(cursor, end);
    return 0;
}

int records_parse(const char *text, size_t length, const char *source, struct records *ret_records,
                  struct error *error)
{
    struct records_cursor cursor = {.at = text, .end = text + length, .line = 1};
    _cleanup_records_ struct records records = {.source = source};
    bool is_end = false;
    bool is_array;

    skip_blank(&cursor);
    is_array = cursor.at < cursor.end && *cursor.at == '[';
    cursor.at += is_array;
    for (;;) {
        int r = find_next(&cursor, is_array, records.count == 0, &is_end);

        if (r < 0)
            return error_set(error, EINVAL,
                             "%s: line %zu: an array goes on with \",\" or ends with \"]\", and nothing "
                             "follows it",
                             source, cursor.line);
        if (is_end)
            break;
        r = take_record(&cursor, &records, error);
        if (r < 0)
            return r;
    }
    *ret_records = records;
    records = (struct records){0};
    return 0;
}

int records_read(const struct invocation *invocation, const char *file, struct records *ret_records)
{
    bool is_stdin = strcmp(file, "-") == 0;
    const char *source = is_stdin ? "standard input" : file;
    _cleanup_close_ int fd = is_stdin ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    _cleanup_free_ char *text = NULL;
    struct error error = {0};
    size_t length = 0;
    int r = fd < 0 ? -errno : file_read_rest(fd, RECORDS_LIMIT, &text, &length);

    if (r == -EFBIG)
        return report_error(invocation, CLI_FAILED, "%s: larger than %zu MiB; split it", source,
                            RECORDS_LIMIT >> 20);
    if (r < 0)
        return report_error(invocation, CLI_FAILED, "%s: %s", source, strerror(-r));
    r = records_parse(text, length, source, ret_records, &error);
    return r < 0 ? report_error(invocation, CLI_FAILED, "%s; nothing was done", error.message) : CLI_DONE;
}

void records_done(struct records *records)
{
    for (size_t i = 0; i < records->count; i++)
        cJSON_Delete(records->items[i].json);
    free(records->items);
    *records = (struct records){0};
}
