/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/caller_totals.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/read/callers.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "datapath/datapath.h"

/* Of a client, an alias and a service; or of a service alone, which has neither client nor alias. */
struct caller_sum {
    struct metrics_caller figures; /* names are in `key`; `open` is made in each round */
    size_t place;
    size_t n_records; /* that lead here */
    uint64_t round;   /* that `open` is of */
    bool is_service;
    UT_hash_handle hh;
    char key[]; /* the kind, the names, NUL behind each, and the port */
};

struct caller_record {
    struct svc_caller last;
    struct svc_first_byte last_first_byte;
    struct caller_sum *sum; /* NULL: the row was free at the last look */
    struct caller_sum *service;
};

int caller_totals_begin(struct caller_totals *totals, const struct api *api, const struct datapath *datapath)
{
    *totals = (struct caller_totals){.api = api, .datapath = datapath};
    totals->records = calloc(SVC_CALLERS + 1, sizeof(*totals->records));
    return totals->records ? 0 : -ENOMEM;
}

static void drop_sum(struct caller_totals *totals, struct caller_sum *sum)
{
    HASH_DEL(totals->by_key, sum);
    totals->sums[sum->place] = NULL;
    free(sum);
}

void caller_totals_done(struct caller_totals *totals)
{
    for (size_t i = 0; i < totals->n_sums; i++)
        if (totals->sums[i])
            drop_sum(totals, totals->sums[i]);
    free(totals->sums);
    free(totals->records);
    *totals = (struct caller_totals){0};
}

/* ---- sums ---- */

/* The first place that is free, so that they do not grow with callers that come and go. */
static int give_place(struct caller_totals *totals, struct caller_sum *sum)
{
    size_t place = HASH_COUNT(totals->by_key) < totals->n_sums ? 0 : totals->n_sums;

    while (place < totals->n_sums && totals->sums[place])
        place++;
    if (place == totals->n_sums) {
        if (ARRAY_MAKE_ROOM(totals->sums, totals->n_sums) < 0)
            return -ENOMEM;
        totals->n_sums++;
    }
    totals->sums[place] = sum;
    sum->place = place;
    return 0;
}

/* Its names from where they are to where they stay. */
static void keep_names(const struct metrics_caller *from, struct caller_sum *sum)
{
    char *next = sum->key;

    *next++ = sum->is_service ? 's' : 'c';
    sum->figures = (struct metrics_caller){.port = from->port};
    sum->figures.namespace_name = next;
    next = stpcpy(next, from->namespace_name) + 1;
    sum->figures.client = next;
    next = stpcpy(next, from->client) + 1;
    sum->figures.alias = next;
    next = stpcpy(next, from->alias) + 1;
    sum->figures.service = next;
    next = stpcpy(next, from->service) + 1;
    memcpy(next, &from->port, sizeof(from->port));
}

static size_t caller_key_length(const struct metrics_caller *names)
{
    return 1 + strlen(names->namespace_name) + strlen(names->client) + strlen(names->alias) +
           strlen(names->service) + 4 + sizeof(names->port);
}

/* NULL: no memory. */
static struct caller_sum *caller_totals_find(struct caller_totals *totals, bool is_service,
                                             const struct metrics_caller *names)
{
    size_t length = caller_key_length(names);
    struct caller_sum *made = calloc(1, sizeof(*made) + length), *found = NULL;

    if (!made)
        return NULL;
    made->is_service = is_service;
    keep_names(names, made);
    HASH_FIND(hh, totals->by_key, made->key, length, found);
    if (found || give_place(totals, made) < 0) {
        free(made);
        return found;
    }
    HASH_ADD_KEYPTR(hh, totals->by_key, made->key, length, made);
    return made;
}

static void leave_sum(struct caller_totals *totals, struct caller_sum **sum)
{
    if (*sum && --(*sum)->n_records == 0)
        drop_sum(totals, *sum);
    *sum = NULL;
}

/* ---- a row ---- */

/* As it was at the last look, but for its counters? */
static bool is_same_row(const struct svc_caller *last, const struct svc_caller *now)
{
    return memcmp(last, now, offsetof(struct svc_caller, is_shared)) == 0 &&
           memcmp(last->alias, now->alias, sizeof(now->alias)) == 0 &&
           memcmp(last->address, now->address, sizeof(now->address)) == 0;
}

/* The row has come, or is another's now: it counts from its beginning. */
static int begin_record(struct caller_totals *totals, struct caller_record *record,
                        const struct svc_caller *now)
{
    struct caller_names names;
    struct metrics_caller caller, service;

    leave_sum(totals, &record->sum);
    leave_sum(totals, &record->service);
    record->last = (struct svc_caller){0};
    record->last_first_byte = (struct svc_first_byte){0};
    if (!now->caller)
        return 0;
    caller_find_names(totals->api, now, &names);
    caller = (struct metrics_caller){.namespace_name = names.namespace_name,
                                     .client = names.client,
                                     .alias = names.alias,
                                     .port = ntohs(now->alias_port_be),
                                     .service = names.service};
    service = (struct metrics_caller){
        .namespace_name = names.namespace_name, .client = "", .alias = "", .service = names.service};
    record->sum = caller_totals_find(totals, false, &caller);
    if (record->sum)
        record->sum->n_records++;
    record->service = *names.service ? caller_totals_find(totals, true, &service) : NULL;
    if (record->service)
        record->service->n_records++;
    return record->sum && (record->service || !*names.service) ? 0 : -ENOMEM;
}

/* What is less than before was counted anew: the row had gone meanwhile. */
static uint64_t caller_more(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

static void caller_totals_add(struct caller_sum *sum, const struct caller_record *record,
                              const struct svc_caller *now, const struct svc_first_byte *first_byte)
{
    struct metrics_caller *figures = &sum->figures;
    const struct svc_caller *last = &record->last;

    figures->connections += caller_more(now->connections, last->connections);
    figures->closed += caller_more(now->closed, last->closed);
    for (unsigned i = 0; i < SVC_OUTCOMES; i++)
        figures->failed[i] += caller_more(now->failed[i], last->failed[i]);
    figures->bytes_sent += caller_more(now->bytes_sent, last->bytes_sent);
    figures->bytes_received += caller_more(now->bytes_received, last->bytes_received);
    for (unsigned i = 0; i < SVC_RTT_BUCKETS; i++)
        figures->rtt[i] += caller_more(now->rtt[i], last->rtt[i]);
    first_byte_add(&figures->first_byte, first_byte, &record->last_first_byte);
}

static int caller_totals_look(struct caller_totals *totals, uint32_t number)
{
    const struct svc_caller now = *datapath_caller(totals->datapath, number);
    const struct svc_first_byte first_byte = *datapath_caller_first_byte(totals->datapath, number);
    struct caller_record *record = &totals->records[number];
    int r = 0;

    if (now.caller == 0 && !record->sum)
        return 0;
    if (!is_same_row(&record->last, &now))
        r = begin_record(totals, record, &now);
    if (r < 0 || !record->sum)
        return r;
    caller_totals_add(record->sum, record, &now, &first_byte);
    if (record->service)
        caller_totals_add(record->service, record, &now, &first_byte);
    if (record->sum->round != totals->round) {
        record->sum->round = totals->round;
        record->sum->figures.open = 0;
    }
    record->sum->figures.open += caller_open(&now);
    record->last = now;
    record->last_first_byte = first_byte;
    return 0;
}

/* ---- rounds ---- */

void caller_totals_join(struct caller_totals *totals)
{
    if (totals->row)
        return;
    totals->round++;
    totals->row = 1;
}

int caller_totals_piece(struct caller_totals *totals, unsigned most)
{
    for (unsigned n = 0; totals->row && n < most; n++) {
        int r = caller_totals_look(totals, totals->row);

        if (r < 0)
            return r;
        totals->row = totals->row < SVC_CALLERS ? totals->row + 1 : 0;
    }
    return totals->row != 0;
}

bool caller_totals_sum(const struct caller_totals *totals, size_t place, bool is_service,
                       struct metrics_caller *ret_caller)
{
    const struct caller_sum *sum = place < totals->n_sums ? totals->sums[place] : NULL;

    if (!sum || sum->is_service != is_service)
        return false;
    *ret_caller = sum->figures;
    return true;
}

bool caller_totals_of_service(const struct caller_totals *totals, const char *namespace_name,
                              const char *service, struct metrics_caller *ret_caller)
{
    const struct metrics_caller names = {
        .namespace_name = namespace_name, .client = "", .alias = "", .service = service};
    size_t length = caller_key_length(&names);
    _cleanup_free_ struct caller_sum *wanted = calloc(1, sizeof(*wanted) + length);
    const struct caller_sum *found = NULL;

    if (!wanted)
        return false;
    wanted->is_service = true;
    keep_names(&names, wanted);
    HASH_FIND(hh, totals->by_key, wanted->key, length, found);
    if (found)
        *ret_caller = found->figures;
    return found != NULL;
}
