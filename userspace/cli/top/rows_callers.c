/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who calls whom: a row for each client, alias and endpoint, with the rates of what the programs count. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/text.h"
#include "cli/top/rows.h"

static void callers_cell_bytes(struct rows *rows, struct top_row *row, unsigned column, uint64_t bytes)
{
    char text[TEXT_BYTES_SIZE];

    rows_number(rows, row, column, (double)bytes, "%s", text_bytes(bytes, text));
}

/* "backend:80", or the address where its alias has gone; "-": the endpoint itself was dialled. */
static char *callers_alias(const cJSON *item)
{
    const char *name = text_member(item, "alias");
    char *text = NULL;

    if (!text_child(item, "aliasPort"))
        return strdup("-");
    if (asprintf(&text, "%s:%llu", *name ? name : text_member(item, "aliasAddress"),
                 (unsigned long long)text_number(item, "aliasPort")) < 0)
        return NULL;
    return text;
}

static struct top_endpoint *callers_counted(struct top *top, const cJSON *item, const char *client,
                                            const char *alias, const char *endpoint, uint64_t now_ms)
{
    const struct top_sample sample = {now_ms, text_number(item, "connections"), text_failures(item)};
    _cleanup_free_ char *key = NULL;
    struct top_endpoint *counted;

    if (asprintf(&key, "%s\t%s\t%s\t%s\t%s\t%s", text_member(item, "namespace"), client,
                 text_member(item, "cgroup"), alias, endpoint, text_member(item, "instance")) < 0) {
        key = NULL;
        return NULL;
    }
    counted = rates_endpoint(&top->endpoints, key);
    if (counted)
        rates_add(counted, &sample, top->round);
    return counted;
}

static int callers_row(struct top *top, struct rows *rows, const cJSON *item, uint64_t now_ms)
{
    const char *client = text_member(item, "client"), *cgroup = text_member(item, "cgroup");
    uint64_t round_trip = text_number(item, "roundTripMicroseconds50");
    _cleanup_free_ char *alias = callers_alias(item);
    char endpoint[TEXT_ENDPOINT_SIZE];
    struct top_endpoint *counted;
    struct top_row *row;
    struct top_rate rate;

    (void)text_endpoint(item, endpoint);
    counted = alias ? callers_counted(top, item, client, alias, endpoint, now_ms) : NULL;
    row = counted ? rows_add(rows) : NULL;
    if (!row ||
        rows_set_place(row, text_member(item, "namespace"), text_member(item, "service"), counted->key) < 0)
        return -ENOMEM;
    if (!*row->service) { /* nowhere to go to */
        free(row->service);
        row->service = NULL;
    }
    rate = rates_of(counted, TOP_WINDOW_MS);
    rows_text(rows, row, 0, text_member(item, "namespace"));
    rows_text(rows, row, 1, *client ? client : *cgroup ? cgroup : "-");
    rows_text(rows, row, 2, alias);
    rows_text(rows, row, 3, *text_member(item, "instance") ? text_member(item, "instance") : "-");
    rows_text(rows, row, 4, endpoint);
    rows_rate(rows, row, 5, rate.connections, rate.is_known);
    rows_rate(rows, row, 6, rate.failures, rate.is_known);
    rows_whole(rows, row, 7, text_number(item, "open"));
    callers_cell_bytes(rows, row, 8, text_number(item, "bytesSent"));
    callers_cell_bytes(rows, row, 9, text_number(item, "bytesReceived"));
    if (round_trip)
        rows_number(rows, row, 10, (double)round_trip, "%.2fms", (double)round_trip / 1000);
    else
        rows_text(rows, row, 10, "-");
    rows_first_byte(rows, row, 11, item, "p50Milliseconds");
    rows_first_byte(rows, row, 12, item, "p99Milliseconds");
    rows_text(rows, row, 13, text_member(item, "service"));
    row->mood = rate.failures > 0 ? TOP_WARNING : TOP_FINE;
    return 0;
}

int rows_make_callers(struct top *top, const cJSON *callers, uint64_t now_ms, struct rows *rows)
{
    const cJSON *item;
    int r = 0;

    top->round++;
    cJSON_ArrayForEach (item, callers) {
        r = callers_row(top, rows, item, now_ms);
        if (r < 0)
            return r;
    }
    rates_drop(&top->endpoints, top->round);
    return 0;
}
