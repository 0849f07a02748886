/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From what the daemon answers to the rows of each view. Long because there are as many as views, and each is one function. */
#include "cli/top/rows.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/text.h"

static const struct top_column service_columns[] = {
    {"NAMESPACE", "namespace", 9, false, 5},
    {"SERVICE", "service", 16, false, 0},
    {"DRAWN", "drawn", 6, true, 2},
    {"OF", "endpoints", 6, true, 4},
    {"CONN/s", "connectionsPerSecond", 9, true, 1},
    {"FAIL/s", "failuresPerSecond", 8, true, 1},
    {"OPEN", "open", 7, true, 3},
    {"RTT", "roundTripMilliseconds", 8, true, 5},
    {"FIRST BYTE", "firstByteMilliseconds", 10, true, 4},
    {"99 %", "firstByte99Milliseconds", 8, true, 5},
    {"STATE", "state", 9, false, 2},
    {"REASON", "reason", 0, false, 6},
    {0},
};

static const struct top_column endpoint_columns[] = {
    {"NAMESPACE", "namespace", 9, false, 7},
    {"SERVICE", "service", 14, false, 3},
    {"ID", "id", 14, false, 0},
    {"ADDRESS", "address", 21, false, 6},
    {"WEIGHT", "weight", 6, true, 8},
    {"WANT %", "wantedPercent", 7, true, 2},
    {"GOT %", "gotPercent", 7, true, 2},
    {"CONN/s", "connectionsPerSecond", 9, true, 1},
    {"FAIL/s", "failuresPerSecond", 8, true, 1},
    {"OPEN", "open", 7, true, 4},
    {"FIRST BYTE", "firstByteMilliseconds", 10, true, 5},
    {"99 %", "firstByte99Milliseconds", 8, true, 6},
    {"ZONE", "zone", 12, false, 6},
    {"STATE", "state", 9, false, 2},
    {"REASON", "reason", 0, false, 5},
    {0},
};

static const struct top_column alias_columns[] = {
    {"NAMESPACE", "namespace", 9, false, 5},
    {"ALIAS", "alias", 22, false, 0},
    {"TARGET", "service", 14, false, 1},
    {"WANT %", "wantedPercent", 7, true, 1},
    {"NOW %", "effectivePercent", 7, true, 3},
    {"GOT %", "gotPercent", 7, true, 2},
    {"CONN/s", "connectionsPerSecond", 9, true, 2},
    {"FAIL/s", "failuresPerSecond", 8, true, 2},
    {"DRAWN", "drawn", 6, true, 4},
    {"ZONE %", "inZonePercent", 7, true, 5},
    {"STATE", "state", 0, false, 3},
    {0},
};

static const struct top_column caller_columns[] = {
    {"NAMESPACE", "namespace", 9, false, 7},
    {"CLIENT", "client", 16, false, 0},
    {"ALIAS", "alias", 16, false, 1},
    {"INSTANCE", "instance", 16, false, 4},
    {"ENDPOINT", "endpoint", 21, false, 2},
    {"CONN/s", "connectionsPerSecond", 9, true, 1},
    {"FAIL/s", "failuresPerSecond", 8, true, 1},
    {"OPEN", "open", 7, true, 3},
    {"SENT", "bytesSent", 9, true, 5},
    {"RECEIVED", "bytesReceived", 9, true, 5},
    {"RTT <", "roundTripMicroseconds50", 9, true, 6},
    {"FIRST BYTE", "firstByteMilliseconds", 10, true, 5},
    {"99 %", "firstByte99Milliseconds", 8, true, 6},
    {"SERVICE", "service", 0, false, 3},
    {0},
};

static const struct top_column task_columns[] = {
    {"NAMESPACE", "namespace", 9, false, 4},
    {"SERVICE", "service", 14, false, 1},
    {"CONTAINER", "container", 20, false, 3},
    {"PROCESSES", "processes", 9, true, 2},
    {"STATE", "state", 10, false, 1},
    {"CGROUP", "cgroup", 0, false, 0},
    {0},
};

const struct top_column *const top_columns[TOP_VIEWS] = {
    [TOP_SERVICES] = service_columns, [TOP_ENDPOINTS] = endpoint_columns, [TOP_CALLERS] = caller_columns,
    [TOP_ALIASES] = alias_columns,    [TOP_TASKS] = task_columns,
};

/* ---- what is counted of services ---- */

struct sum {
    char *key; /* namespace, tab, service */
    double weight;
    uint64_t n, drawn, open, window;
    struct top_rate rate;
    const char *reason; /* of the first that is not drawn */
    struct times first_bytes, round_trips;
    UT_hash_handle hh;
};

static struct sum *sum_of(struct sum **all, const char *namespace_name, const char *service, bool makes)
{
    _cleanup_free_ char *key = NULL;
    struct sum *found = NULL;

    if (asprintf(&key, "%s\t%s", namespace_name, service) < 0) {
        key = NULL;
        return NULL;
    }
    HASH_FIND_STR(*all, key, found);
    if (found || !makes)
        return found;
    found = calloc(1, sizeof(*found));
    if (!found)
        return NULL;
    found->key = TAKE_PTR(key);
    HASH_ADD_KEYPTR(hh, *all, found->key, strlen(found->key), found);
    return found;
}

static void free_sums(struct sum **all)
{
    struct sum *one, *next;

    HASH_ITER (hh, *all, one, next) {
        HASH_DEL(*all, one);
        free(one->key);
        free(one);
    }
}

static struct top_endpoint *counted(struct top *top, const cJSON *item)
{
    _cleanup_free_ char *key = NULL;

    if (asprintf(&key, "%s\t%s\t%s\t%s", text_member(item, "namespace"), text_member(item, "service"),
                 text_member(item, "id"), text_member(item, "address")) < 0) {
        key = NULL;
        return NULL;
    }
    return rates_endpoint(&top->endpoints, key);
}

/* Counts each endpoint, and sums them up by service. -ENOMEM. */
static int count_endpoints(struct top *top, const cJSON *endpoints, uint64_t now_ms, struct sum **sums)
{
    const cJSON *item;

    top->round++;
    cJSON_ArrayForEach (item, endpoints) {
        struct top_endpoint *endpoint = counted(top, item);
        struct sum *sum = sum_of(sums, text_member(item, "namespace"), text_member(item, "service"), true);
        struct top_rate rate;

        if (!endpoint || !sum)
            return -ENOMEM;
        rates_add(endpoint,
                  &(struct top_sample){now_ms, text_number(item, "connections"), text_failures(item)},
                  top->round);
        rate = rates_of(endpoint, TOP_WINDOW_MS);
        sum->n++;
        sum->drawn += text_is_true(item, "drawn");
        sum->open += text_number(item, "open");
        sum->window += rate.n;
        sum->rate.connections += rate.connections;
        sum->rate.failures += rate.failures;
        sum->rate.is_known |= rate.is_known;
        sum->weight += (double)text_number(item, "weight");
        times_add(&sum->first_bytes, cJSON_GetObjectItem(text_child(item, "firstByte"), "buckets"));
        if (!text_is_true(item, "drawn") && !sum->reason)
            sum->reason = text_member(item, "reason");
    }
    rates_drop(&top->endpoints, top->round);
    return 0;
}

/* Only callers know round trips. */
static void count_round_trips(const cJSON *callers, struct sum **sums)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, callers) {
        struct sum *sum = sum_of(sums, text_member(item, "namespace"), text_member(item, "service"), false);

        if (sum)
            times_add(&sum->round_trips, text_child(item, "roundTrips"));
    }
}

/* ---- views ---- */

static void add_service(struct rows *rows, const cJSON *item, struct sum **sums)
{
    static const struct sum none = {0};
    const struct sum *sum = sum_of(sums, text_member(item, "namespace"), text_member(item, "name"), false);
    struct top_row *row = rows_add(rows);

    if (!row)
        return;
    sum = sum ? sum : &none;
    if (rows_set_place(row, text_member(item, "namespace"), text_member(item, "name"), "") < 0)
        rows->result = -ENOMEM;
    rows_text(rows, row, 0, text_member(item, "namespace"));
    rows_text(rows, row, 1, text_member(item, "name"));
    rows_whole(rows, row, 2, sum->drawn);
    rows_whole(rows, row, 3, sum->n);
    rows_rate(rows, row, 4, sum->rate.connections, sum->rate.is_known);
    rows_rate(rows, row, 5, sum->rate.failures, sum->rate.is_known);
    rows_whole(rows, row, 6, sum->open);
    rows_milliseconds(rows, row, 7,
                      times_quantile(&sum->round_trips, TIMES_OF_ROUND_TRIPS, TIMES_ROUND_TRIPS, 0.5), 2);
    rows_milliseconds(rows, row, 8,
                      times_quantile(&sum->first_bytes, TIMES_OF_FIRST_BYTES, TIMES_BUCKETS, 0.5), 1);
    rows_milliseconds(rows, row, 9,
                      times_quantile(&sum->first_bytes, TIMES_OF_FIRST_BYTES, TIMES_BUCKETS, 0.99), 1);
    rows_text(rows, row, 10,
              sum->n == 0           ? "EMPTY"
              : sum->drawn == 0     ? "DOWN"
              : sum->drawn < sum->n ? "PARTLY"
                                    : "OK");
    rows_text(rows, row, 11, sum->reason ? sum->reason : "");
    row->mood = sum->drawn == 0                                 ? TOP_BAD
                : sum->drawn < sum->n || sum->rate.failures > 0 ? TOP_WARNING
                                                                : TOP_FINE;
}

static bool is_within(const struct top *top, const cJSON *item)
{
    return !top->within_service || (strcmp(top->within_service, text_member(item, "service")) == 0 &&
                                    strcmp(top->within_namespace, text_member(item, "namespace")) == 0);
}

static void add_endpoint(struct top *top, struct rows *rows, const cJSON *item, struct sum **sums)
{
    const char *namespace_name = text_member(item, "namespace");
    const struct sum *sum = sum_of(sums, namespace_name, text_member(item, "service"), false);
    struct top_endpoint *endpoint = counted(top, item);
    struct top_row *row = endpoint && sum ? rows_add(rows) : NULL;
    bool is_drawn = text_is_true(item, "drawn");
    char address[TEXT_ENDPOINT_SIZE];
    struct top_rate rate;

    if (!row) {
        rows->result = -ENOMEM;
        return;
    }
    rate = rates_of(endpoint, TOP_WINDOW_MS);
    if (rows_set_place(row, namespace_name, text_member(item, "service"), endpoint->key) < 0)
        rows->result = -ENOMEM;
    rows_text(rows, row, 0, namespace_name);
    rows_text(rows, row, 1, text_member(item, "service"));
    rows_text(rows, row, 2, text_member(item, "id"));
    rows_text(rows, row, 3, text_endpoint(item, address));
    rows_whole(rows, row, 4, text_number(item, "weight"));
    rows_percent(rows, row, 5, (double)text_number(item, "weight"), sum->weight);
    rows_percent(rows, row, 6, (double)rate.n, (double)sum->window);
    rows_rate(rows, row, 7, rate.connections, rate.is_known);
    rows_rate(rows, row, 8, rate.failures, rate.is_known);
    rows_whole(rows, row, 9, text_number(item, "open"));
    rows_first_byte(rows, row, 10, item, "p50Milliseconds");
    rows_first_byte(rows, row, 11, item, "p99Milliseconds");
    rows_text(rows, row, 12, text_member(item, "zone"));
    rows_text(rows, row, 13, text_is_true(item, "ejected") ? "EJECTED" : text_member(item, "health"));
    rows_text(rows, row, 14, text_member(item, "reason"));
    row->mood = !is_drawn ? TOP_BAD : rate.failures > 0 ? TOP_WARNING : TOP_FINE;
}

/* Connects are counted at endpoints: what a target got is of all aliases that lead to its service. */
static void rows_add_target(struct rows *rows, const cJSON *alias, const cJSON *target, double of_all,
                            struct sum **sums)
{
    static const struct sum none = {0};
    const char *namespace_name = text_member(alias, "namespace");
    const char *service = text_member(target, "service");
    const struct sum *sum = sum_of(sums, namespace_name, service, false);
    const cJSON *wanted = text_child(target, "wantedPercent"), *now = text_child(target, "effectivePercent");
    const cJSON *zone = text_child(target, "inZonePercent");
    struct top_row *row = rows_add(rows);
    char name[300];

    if (!row)
        return;
    sum = sum ? sum : &none;
    (void)snprintf(name, sizeof(name), "%s:%llu%s", text_member(alias, "dnsName"),
                   (unsigned long long)text_number(alias, "port"),
                   strcmp(text_member(alias, "protocol"), "udp") == 0 ? "/udp" : "");
    if (rows_set_place(row, namespace_name, service, name) < 0)
        rows->result = -ENOMEM;
    rows_text(rows, row, 0, namespace_name);
    rows_text(rows, row, 1, name);
    rows_text(rows, row, 2, service);
    rows_percent(rows, row, 3, wanted ? wanted->valuedouble : 0, 100);
    rows_percent(rows, row, 4, now ? now->valuedouble : 0, 100);
    rows_percent(rows, row, 5, (double)sum->window, of_all);
    rows_rate(rows, row, 6, sum->rate.connections, sum->rate.is_known);
    rows_rate(rows, row, 7, sum->rate.failures, sum->rate.is_known);
    rows_whole(rows, row, 8, sum->drawn);
    if (zone)
        rows_percent(rows, row, 9, zone->valuedouble, 100);
    rows_text(rows, row, 10,
              sum->n == 0           ? "EMPTY"
              : sum->drawn == 0     ? "DOWN"
              : sum->drawn < sum->n ? "PARTLY"
                                    : "OK");
    row->mood = sum->drawn == 0 ? TOP_BAD : sum->drawn < sum->n ? TOP_WARNING : TOP_FINE;
}

static void rows_add_alias(struct rows *rows, const cJSON *alias, struct sum **sums)
{
    const cJSON *targets = text_child(alias, "targets");
    const cJSON *target;
    double of_all = 0;

    cJSON_ArrayForEach (target, targets) {
        const struct sum *sum =
            sum_of(sums, text_member(alias, "namespace"), text_member(target, "service"), false);

        of_all += sum ? (double)sum->window : 0;
    }
    cJSON_ArrayForEach (target, targets)
        rows_add_target(rows, alias, target, of_all, sums);
}

static void add_task(struct rows *rows, const cJSON *item)
{
    struct top_row *row = rows_add(rows);

    if (!row)
        return;
    row->key = strdup(text_member(item, "cgroup"));
    if (!row->key)
        rows->result = -ENOMEM;
    rows_text(rows, row, 0, text_member(item, "namespace"));
    rows_text(rows, row, 1, text_member(item, "service"));
    rows_text(rows, row, 2, text_member(item, "container"));
    rows_whole(rows, row, 3, text_number(item, "processes"));
    rows_text(rows, row, 4, text_member(item, "state"));
    rows_text(rows, row, 5, text_member(item, "cgroup"));
    row->mood = strcmp(text_member(item, "state"), "attached") == 0 ? TOP_FINE : TOP_BAD;
}

int rows_make(struct top *top, const struct top_answers *answers, uint64_t now_ms, struct top_row **ret_rows,
              size_t *ret_n)
{
    struct rows rows = {0};
    struct sum *sums = NULL;
    const cJSON *item;
    int r = answers->endpoints && top->view != TOP_CALLERS
                ? count_endpoints(top, answers->endpoints, now_ms, &sums)
                : 0;

    if (top->view == TOP_SERVICES) {
        count_round_trips(answers->callers, &sums);
        cJSON_ArrayForEach (item, answers->services)
            add_service(&rows, item, &sums);
    }
    if (top->view == TOP_ENDPOINTS)
        cJSON_ArrayForEach (item, answers->endpoints)
            if (is_within(top, item))
                add_endpoint(top, &rows, item, &sums);
    if (top->view == TOP_CALLERS && r == 0)
        r = rows_make_callers(top, answers->callers, now_ms, &rows);
    if (top->view == TOP_ALIASES)
        cJSON_ArrayForEach (item, answers->aliases)
            rows_add_alias(&rows, item, &sums);
    if (top->view == TOP_TASKS)
        cJSON_ArrayForEach (item, answers->tasks)
            add_task(&rows, item);
    free_sums(&sums);
    *ret_rows = rows.items;
    *ret_n = rows.n;
    return r < 0 ? r : rows.result;
}
