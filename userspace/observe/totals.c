/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "datapath/datapath.h"
#include "engine/engine.h"
#include "model/endpoint_names.h"
#include "upkeep/outliers.h"

#define RECORDS_PIECE 1024u

/* Of one endpoint. */
struct totals_record {
    struct totals_service *service; /* NULL: not looked at since the number was given */
    struct svc_endpoint_stats last;
    struct svc_first_byte *first_byte; /* the same of those; NULL: nothing was measured */
};

/* What is counted new in each round. */
struct totals_round {
    uint64_t round;
    uint64_t open;
    uint64_t endpoints[METRICS_SERVICE_STATES];
};

struct totals_service {
    char *name; /* of its namespace, NUL, its own */
    size_t length;
    size_t place;
    size_t n_records; /* that lead here */
    struct svc_endpoint_stats sum;
    struct first_byte_sum first_byte;
    struct totals_round rounds[2]; /* one is under way, the other is shown */
    UT_hash_handle hh;
};

/* ---- begin and end ---- */

int totals_begin(struct totals *totals, struct engine *engine, struct datapath *datapath,
                 const struct outliers *outliers)
{
    uint32_t n = engine_max_endpoints(engine) + 1;

    *totals = (struct totals){.engine = engine, .datapath = datapath, .outliers = outliers, .n_numbers = n};
    totals->old = calloc(n / 8 + 1, 1);
    totals->records = calloc(n / RECORDS_PIECE + 1, sizeof(struct totals_record *));
    if (!totals->old || !totals->records) {
        totals_done(totals);
        return -ENOMEM;
    }
    for (uint32_t number = 1; number < n; number++)
        if (engine_instance(engine, number))
            totals->old[number / 8] |= (unsigned char)(1u << number % 8);
    totals->is_on = true;
    return 0;
}

static void drop_service(struct totals *totals, struct totals_service *service)
{
    HASH_DEL(totals->by_name, service);
    totals->services[service->place] = NULL;
    free(service->name);
    free(service);
}

void totals_done(struct totals *totals)
{
    for (size_t i = 0; i < totals->n_services; i++)
        if (totals->services[i])
            drop_service(totals, totals->services[i]);
    for (uint32_t i = 0; totals->records && i <= totals->n_numbers / RECORDS_PIECE; i++) {
        for (uint32_t k = 0; totals->records[i] && k < RECORDS_PIECE; k++)
            free(totals->records[i][k].first_byte);
        free(totals->records[i]);
    }
    free(totals->records);
    free(totals->services);
    free(totals->old);
    *totals = (struct totals){0};
}

/* ---- services ---- */

/* The first place that is free, so that they do not grow with services that come and go. */
static int take_place(struct totals *totals, struct totals_service *service)
{
    size_t place = HASH_COUNT(totals->by_name) < totals->n_services ? 0 : totals->n_services;

    while (place < totals->n_services && totals->services[place])
        place++;
    if (place == totals->n_services) {
        if (ARRAY_MAKE_ROOM(totals->services, totals->n_services) < 0)
            return -ENOMEM;
        totals->n_services++;
    }
    totals->services[place] = service;
    service->place = place;
    return 0;
}

#define TOTALS_NAME_SIZE (SVC_NAMESPACE_SIZE + SVC_SERVICE_SIZE)

/* As `name` of struct totals_service; its length, or 0 where no service can have it. */
static size_t name_of(const char *namespace_name, const char *service, char name[static TOTALS_NAME_SIZE])
{
    size_t first = strlen(namespace_name) + 1;
    size_t length = first + strlen(service) + 1;

    if (length > TOTALS_NAME_SIZE)
        return 0;
    memcpy(name, namespace_name, first);
    memcpy(name + first, service, length - first);
    return length;
}

static struct totals_service *find_or_make(struct totals *totals, const struct service *of)
{
    char name[TOTALS_NAME_SIZE];
    size_t length = name_of(of->parent->name, of->name, name);
    struct totals_service *service;

    if (length == 0)
        return NULL;
    HASH_FIND(hh, totals->by_name, name, length, service);
    if (service)
        return service;
    service = calloc(1, sizeof(*service));
    if (service)
        service->name = malloc(length);
    if (!service || !service->name || take_place(totals, service) < 0) {
        if (service)
            free(service->name);
        free(service);
        return NULL;
    }
    memcpy(service->name, name, length);
    service->length = length;
    HASH_ADD_KEYPTR(hh, totals->by_name, service->name, length, service);
    return service;
}

/* ---- endpoints ---- */

static bool take_old(struct totals *totals, uint32_t number)
{
    unsigned char bit = (unsigned char)(1u << number % 8);
    bool is_old = totals->old[number / 8] & bit;

    totals->old[number / 8] &= (unsigned char)~bit;
    return is_old;
}

static struct totals_record *record_of(const struct totals *totals, uint32_t number)
{
    struct totals_record *piece = totals->records[number / RECORDS_PIECE];

    return piece ? &piece[number % RECORDS_PIECE] : NULL;
}

static struct totals_record *make_record(struct totals *totals, uint32_t number)
{
    struct totals_record **piece = &totals->records[number / RECORDS_PIECE];

    if (!*piece)
        *piece = calloc(RECORDS_PIECE, sizeof(**piece));
    return record_of(totals, number);
}

/* What is less than before was counted anew, by other maps. */
static uint64_t more(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

static void add_difference(struct totals_record *record, const struct svc_endpoint_stats *now)
{
    struct svc_endpoint_stats *sum = &record->service->sum;
    const struct svc_endpoint_stats *last = &record->last;

    sum->connections += more(now->connections, last->connections);
    sum->established += more(now->established, last->established);
    sum->closed += more(now->closed, last->closed);
    sum->refused += more(now->refused, last->refused);
    sum->timed_out += more(now->timed_out, last->timed_out);
    sum->retransmitted += more(now->retransmitted, last->retransmitted);
    sum->gave_up += more(now->gave_up, last->gave_up);
    sum->reset_early += more(now->reset_early, last->reset_early);
    sum->unreachable += more(now->unreachable, last->unreachable);
    sum->ejections += more(now->ejections, last->ejections);
    record->last = *now;
}

/* `is_counted`: else what there is now is nobody's. -ENOMEM. */
static int totals_first_byte(const struct totals *totals, struct totals_record *record, uint32_t number,
                             bool is_counted)
{
    const struct svc_outlier *cell = datapath_outlier(totals->datapath, number);
    struct svc_first_byte now;

    /* What is in mapped memory says whether it is worth a system call. */
    if (!cell || cell->first_byte_us == 0 || datapath_first_byte(totals->datapath, number, &now) < 0)
        return 0;
    if (!record->first_byte)
        record->first_byte = calloc(1, sizeof(*record->first_byte));
    if (!record->first_byte)
        return -ENOMEM;
    if (is_counted)
        first_byte_add(&record->service->first_byte, &now, record->first_byte);
    *record->first_byte = now;
    return 0;
}

static enum metrics_service_state totals_state_of(const struct totals *totals,
                                                  const struct instance *instance)
{
    enum svc_health health = instance_health(instance);

    if (health == DRAINING)
        return METRICS_DRAINING;
    if (health == UNHEALTHY)
        return METRICS_UNHEALTHY;
    if (health == UNKNOWN)
        return METRICS_UNKNOWN;
    if (outliers_ejected_ms(totals->outliers, instance->endpoint) > 0)
        return METRICS_EJECTED;
    return instance->weight > 0 ? METRICS_DRAWN : METRICS_IDLE;
}

static struct totals_round *in_round(struct totals_service *service, uint64_t round)
{
    struct totals_round *figures = &service->rounds[round % 2];

    if (figures->round != round)
        *figures = (struct totals_round){.round = round};
    return figures;
}

static int totals_look(struct totals *totals, const struct instance *instance)
{
    uint32_t number = instance->endpoint;
    struct totals_record *record = make_record(totals, number);
    struct totals_service *service = find_or_make(totals, instance->service);
    struct svc_endpoint_stats now = {0};
    struct totals_round *figures;
    bool is_counted = true;

    if (!record || !service)
        return -ENOMEM;
    (void)datapath_endpoint_stats(totals->datapath, number, &now);
    if (record->service != service) {
        if (record->service)
            record->service->n_records--;
        free(record->first_byte);
        *record = (struct totals_record){.service = service};
        service->n_records++;
        is_counted = !take_old(totals, number);
        if (!is_counted)
            record->last = now;
    }
    add_difference(record, &now);
    if (totals_first_byte(totals, record, number, is_counted) < 0)
        return -ENOMEM;
    figures = in_round(service, totals->round);
    figures->open += now.established > now.closed ? now.established - now.closed : 0;
    figures->endpoints[totals_state_of(totals, instance)]++;
    return 0;
}

/* The number will be another endpoint's. */
static void totals_removed(void *user, const char *namespace_name, uint32_t number)
{
    struct totals *totals = user;
    struct totals_record *record =
        totals->is_on && number < totals->n_numbers ? record_of(totals, number) : NULL;
    struct svc_endpoint_stats now;

    (void)namespace_name;
    if (totals->is_on && number < totals->n_numbers)
        (void)take_old(totals, number);
    if (!record || !record->service)
        return;
    if (datapath_endpoint_stats(totals->datapath, number, &now) == 0)
        add_difference(record, &now);
    (void)totals_first_byte(totals, record, number, true);
    record->service->n_records--;
    free(record->first_byte);
    *record = (struct totals_record){0};
}

const struct engine_follower totals_follower = {.removed = totals_removed};

/* ---- rounds ---- */

uint64_t totals_join(struct totals *totals)
{
    if (totals->round == 0) {
        totals->round = ++totals->rounds;
        totals->number = 1;
        totals->next_dead = 0;
    }
    return totals->round;
}

/* A service that nobody has any more is told no longer. */
static void ask_for(struct totals *totals, size_t place)
{
    struct totals_service *service = totals->services[place];

    if (service && service->n_records == 0 &&
        !catalog_service(engine_catalog(totals->engine), service->name,
                         service->name + strlen(service->name) + 1))
        drop_service(totals, service);
}

int totals_piece(struct totals *totals, uint64_t round, unsigned most)
{
    if (totals->round != round)
        return 0;
    for (unsigned n = 0; n < most && totals->number < totals->n_numbers; totals->number++) {
        const struct instance *instance = engine_instance(totals->engine, totals->number);

        if (instance && totals_look(totals, instance) < 0)
            return -ENOMEM;
        n += instance != NULL;
    }
    if (totals->number < totals->n_numbers)
        return 1;
    for (unsigned n = 0; n < most && totals->next_dead < totals->n_services; n++)
        ask_for(totals, totals->next_dead++);
    if (totals->next_dead < totals->n_services)
        return 1;
    totals->shown = round;
    totals->round = 0;
    return 0;
}

bool totals_service(const struct totals *totals, size_t place, struct metrics_service *ret_service)
{
    const struct totals_service *service = place < totals->n_services ? totals->services[place] : NULL;
    const struct totals_round *figures = service ? &service->rounds[totals->shown % 2] : NULL;

    if (!service)
        return false;
    *ret_service = (struct metrics_service){
        .namespace_name = service->name,
        .service = service->name + strlen(service->name) + 1,
        .stats = service->sum,
        .first_byte = service->first_byte,
    };
    if (figures->round == totals->shown) {
        ret_service->open = figures->open;
        memcpy(ret_service->endpoints, figures->endpoints, sizeof(ret_service->endpoints));
    }
    return true;
}

struct metrics_service totals_of(const struct totals *totals, const char *namespace_name, const char *service)
{
    struct metrics_service found = {.namespace_name = namespace_name, .service = service};
    struct totals_service *one = NULL;
    char name[TOTALS_NAME_SIZE];
    size_t length = name_of(namespace_name, service, name);

    if (length > 0)
        HASH_FIND(hh, totals->by_name, name, length, one);
    if (one)
        (void)totals_service(totals, one->place, &found);
    return found;
}
