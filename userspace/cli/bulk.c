/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/bulk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "cli/api.h"
#include "cli/report.h"
#include "cli/text.h"

/* A request has at most 1 MiB; this leaves room for what is around the changes. */
#define BULK_BYTES ((size_t)1000 << 10)
#define BAR_WIDTH  40

struct bulk {
    const struct invocation *invocation;
    const struct records *changes;
    size_t done; /* changes of batches that were answered */
    bool is_lines;
    bool has_bar;
};

static void draw_bar(const struct bulk *bulk)
{
    size_t filled = bulk->changes->count ? bulk->done * BAR_WIDTH / bulk->changes->count : BAR_WIDTH;

    if (!bulk->has_bar)
        return;
    (void)fprintf(stderr, "\r[%.*s%*s] %zu of %zu", (int)filled, "########################################",
                  (int)(BAR_WIDTH - filled), "", bulk->done, bulk->changes->count);
    (void)fflush(stderr);
}

/* The bar gives its line to whatever is said next. */
static void clear_bar(const struct bulk *bulk)
{
    if (bulk->has_bar)
        (void)fputs("\r\033[K", stderr);
}

/* The next changes that fit into a request, as its body. NULL: no memory. */
static cJSON *next_body(const struct bulk *bulk, size_t *ret_count)
{
    const struct records *changes = bulk->changes;
    _cleanup_json_ cJSON *body = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(body, "changes");
    size_t bytes = 0;
    size_t count = 0;

    while (list && count < BULK_BATCH && bulk->done + count < changes->count) {
        cJSON *item = changes->items[bulk->done + count].json;
        char *text = cJSON_PrintUnformatted(item);
        size_t length = text ? strlen(text) : 0;

        cJSON_free(text);
        if (!text)
            return NULL;
        if (count > 0 && bytes + length + 1 > BULK_BYTES)
            break;
        bytes += length + 1;
        if (!cJSON_AddItemReferenceToArray(list, item))
            return NULL;
        count++;
    }
    if (!list || (bulk->invocation->options[OPTION_DRY_RUN] && !cJSON_AddTrueToObject(body, "dryRun")))
        return NULL;
    *ret_count = count;
    return TAKE_PTR(body);
}

/* "changes[17].weight" is of the change 17 of its batch: its number, and what follows. False: another field. */
static bool split_field(const char *field, size_t *ret_number, const char **ret_rest)
{
    static const char prefix[] = "changes[";
    char digits[16];
    size_t length;
    uint64_t number;

    if (strncmp(field, prefix, sizeof(prefix) - 1) != 0)
        return false;
    field += sizeof(prefix) - 1;
    length = strspn(field, "0123456789");
    if (length == 0 || length >= sizeof(digits) || field[length] != ']')
        return false;
    memcpy(digits, field, length);
    digits[length] = '\0';
    if (parse_number(digits, 0, BULK_BATCH, &number) < 0)
        return false;
    *ret_number = (size_t)number;
    field += length + 1;
    *ret_rest = *field == '.' || *field == ':' ? field + 1 : field;
    return true;
}

/* Where a batch was refused, why, and what became of it and the others. */
static int report_batch(const struct bulk *bulk, size_t count, const cJSON *document)
{
    const struct records *changes = bulk->changes;
    const char *message = text_member(text_child(document, "error"), "message");
    const char *rest = message;
    _cleanup_free_ char *where = NULL;
    size_t number = 0;
    size_t left = changes->count - bulk->done - count;

    if (!split_field(message, &number, &rest) || number >= count || !bulk->is_lines)
        rest = message;
    else if (asprintf(&where, "%s: line %zu: ", changes->source, changes->items[bulk->done + number].line) <
             0)
        where = NULL;
    while (*rest == ' ')
        rest++;
    return report_error(
        bulk->invocation, CLI_FAILED,
        "%s%s\n%zu done before; none of the %zu in its batch is (a batch is made whole or not at all); "
        "%zu after it were not tried",
        where ? where : "", rest, bulk->done, count, left);
}

static int send_batch(struct bulk *bulk)
{
    const struct invocation *invocation = bulk->invocation;
    _cleanup_control_response_ struct control_response response = {0};
    struct error error = {0};
    size_t count = 0;
    _cleanup_json_ cJSON *body = next_body(bulk, &count);
    const struct control_request request = {
        .socket_path = invocation->socket_path, .method = "POST", .path = "/v1/batch", .body = body};
    int r;

    if (!body)
        return report_error(invocation, CLI_FAILED, "out of memory");
    r = control_client_request(&request, &response, &error);
    if (r != CONTROL_CLIENT_ANSWERED || response.status >= 400)
        clear_bar(bulk);
    if (r == CONTROL_CLIENT_UNREACHABLE)
        return report_unreachable(invocation, error.number);
    if (r < 0)
        return report_error(invocation, CLI_FAILED,
                            "%s; %zu done before, of the %zu that were under way it is not known",
                            error.message, bulk->done, count);
    if (response.status >= 400 && *text_member(text_child(response.json, "error"), "message"))
        return report_batch(bulk, count, response.json);
    if (response.status != 200)
        return report_refusal(invocation, response.status, response.json);
    if (cJSON_GetArraySize(text_child(response.json, "warnings")) > 0)
        clear_bar(bulk);
    api_report_warnings(invocation, response.json);
    bulk->done += count;
    return CLI_DONE;
}

int bulk_send(const struct invocation *invocation, const struct records *changes, bool is_lines)
{
    struct bulk bulk = {
        .invocation = invocation,
        .changes = changes,
        .is_lines = is_lines,
        .has_bar = isatty(STDERR_FILENO) && !invocation->is_json && changes->count > BULK_BATCH,
    };
    int status = CLI_DONE;

    while (status == CLI_DONE && bulk.done < changes->count) {
        draw_bar(&bulk);
        status = send_batch(&bulk);
    }
    if (status == CLI_DONE)
        clear_bar(&bulk);
    return status;
}
