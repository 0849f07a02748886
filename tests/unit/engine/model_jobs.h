/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The jobs of test_jobs_model.c: which rows they put, and in how many pieces. */
#pragma once

#include "engine_lab.h"

#include "model/catalog_aws.h"
#include "model/catalog_external.h"

#define STEPS     2000
#define ADDRESSES 6 /* that a host name may have */
#define HELD      512
#define MANY      256 /* endpoints: more than there can be, for a finding that is refused is none */

struct model {
    struct engine_lab *lab;
    uint64_t random;
    size_t submitted, ended, failed, findings;
    size_t pieces, reads;
    bool is_reader_waiting;
    /* What upkeep would know, and no row tells: instances held back, and the addresses of host names. */
    struct held {
        char name[ENDPOINT_NAME_SIZE];
        bool is_held;
        unsigned addresses; /* of a host name: a bit for each it has */
    } held[HELD];
    size_t n_held;
};

struct model_job {
    struct model *model;
    uint64_t seed;
    uint64_t random;              /* of the run, as far as it has come */
    unsigned left;                /* pieces of it */
    struct registry_row last[32]; /* of the last run */
    size_t n_last;
    bool is_taken_back;
};

static const char *const namespaces[] = {"ns", "other"};
static const char *const services[] = {"s0", "s1", "s2", "s3", "s4"};
static const char *const clients[] = {"", "s0", "s1", "c2"};

static uint64_t next(uint64_t *random)
{
    uint64_t x = *random += 0x9e3779b97f4a7c15;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

static unsigned pick(uint64_t *random, unsigned n)
{
    return (unsigned)(next(random) % n);
}

struct rows {
    struct model_job *job;
    struct transaction *transaction;
    uint64_t random;
    const char *namespace_name;
    struct error *error;
    int r;
};

__attribute__((format(printf, 3, 4))) static void put(struct rows *rows, const char *value,
                                                      const char *format, ...)
{
    struct registry_row row = {.value = value ? strdup(value) : NULL};
    struct registry_row *last = &rows->job->last[rows->job->n_last];
    va_list arguments;
    size_t before;

    va_start(arguments, format);
    assert_true(vasprintf(&row.key, format, arguments) > 0);
    va_end(arguments);
    if (rows->r < 0 || rows->job->n_last == ARRAY_SIZE(rows->job->last)) {
        row_done(&row);
        return;
    }
    *last = (struct registry_row){strdup(row.key), value ? strdup(value) : NULL};
    before = rows->transaction->n_rows;
    rows->r = transaction_put(rows->transaction, row, rows->error);
    if (rows->transaction->n_rows == before)
        row_done(last); /* it changed nothing, so another job of the group may change it */
    else
        rows->job->n_last++;
}

static const char *service_of(struct rows *rows)
{
    return services[pick(&rows->random, ARRAY_SIZE(services))];
}

static void put_instance(struct rows *rows, const char *service, unsigned id)
{
    char value[200];

    if (pick(&rows->random, 8) == 0)
        (void)snprintf(value, sizeof(value), "{\"host\":\"h%u.example\",\"port\":%u,\"weight\":%u}",
                       pick(&rows->random, 2), 80 + pick(&rows->random, 2), pick(&rows->random, 4));
    else
        (void)snprintf(value, sizeof(value),
                       "{\"address\":\"10.0.0.%u\",\"port\":80,\"weight\":%u,\"health\":\"%s\"}",
                       1 + pick(&rows->random, 200), pick(&rows->random, 4),
                       pick(&rows->random, 4) ? "HEALTHY" : "UNHEALTHY");
    put(rows, value, "instances/%s/%s/i%u", rows->namespace_name, service, id);
}

static void put_service(struct rows *rows, const char *service)
{
    char value[300];

    (void)snprintf(value, sizeof(value),
                   "{\"clientAliases\":[{\"dnsName\":\"%s\",\"port\":%u,\"protocol\":\"tcp\"}]%s}", service,
                   80 + pick(&rows->random, 2),
                   pick(&rows->random, 3) ? "" : ",\"settings\":{\"panicThresholdPercent\":50}");
    put(rows, value, "services/%s/%s", rows->namespace_name, service);
}

static void put_route(struct rows *rows)
{
    const char *client = clients[pick(&rows->random, ARRAY_SIZE(clients))];
    const char *name = pick(&rows->random, 2) ? service_of(rows) : "r";
    char value[300];

    (void)snprintf(value, sizeof(value),
                   "{\"targets\":[{\"service\":\"%s\",\"weight\":%u},{\"service\":\"%s\",\"weight\":1}]%s}",
                   service_of(rows), pick(&rows->random, 3), service_of(rows),
                   pick(&rows->random, 4) ? "" : ",\"onEmpty\":\"unhealthy\"");
    put(rows, pick(&rows->random, 3) ? value : NULL, "routes/%s/%s/%s:80/tcp", rows->namespace_name, client,
        name);
}

static void delete_service(struct rows *rows, const char *service)
{
    const struct service *found =
        catalog_service(transaction_catalog(rows->transaction), rows->namespace_name, service);

    put(rows, NULL, "services/%s/%s", rows->namespace_name, service);
    for (unsigned id = 0; found && id < 6; id++)
        put(rows, NULL, "instances/%s/%s/i%u", rows->namespace_name, service, id);
}

static void put_document(struct rows *rows)
{
    const char *service = service_of(rows);
    char value[100];

    (void)snprintf(value, sizeof(value), "{\"source\":\"f\",\"text\":\"%u\"}", pick(&rows->random, 1000));
    put(rows, value, "documents/%s/d%u", rows->namespace_name, pick(&rows->random, 3));
    put_service(rows, service);
    for (unsigned i = pick(&rows->random, 4); i > 0; i--)
        put_instance(rows, service, pick(&rows->random, 6));
    put_route(rows);
    put_route(rows);
}

static void put_anything(struct rows *rows)
{
    const char *service = service_of(rows);
    unsigned id = pick(&rows->random, 6);

    switch (pick(&rows->random, 9)) {
    case 0:
    case 1:
    case 2:
        put_instance(rows, service, id);
        break;
    case 3:
        put(rows, NULL, "instances/%s/%s/i%u", rows->namespace_name, service, id);
        break;
    case 4:
        put_service(rows, service);
        break;
    case 5:
        delete_service(rows, service);
        break;
    case 6:
        put_route(rows);
        break;
    case 7: /* away and back in one job */
        put(rows, NULL, "instances/%s/%s/i%u", rows->namespace_name, service, id);
        put_instance(rows, service, id);
        break;
    default:
        put_document(rows);
    }
}

static void forget_rows(struct model_job *job)
{
    while (job->n_last > 0)
        row_done(&job->last[--job->n_last]);
}

static void begin_run(struct model_job *job)
{
    job->is_taken_back = false;
    forget_rows(job);
    job->random = job->seed;
    job->left = 1 + pick(&job->random, pick(&job->random, 4) ? 2 : 8);
}

/* A piece: a run that began afresh starts over, with what it had put gone. */
static int run(struct transaction *transaction, void *user, struct error *error)
{
    struct model_job *job = user;
    struct rows rows = {.job = job, .transaction = transaction, .error = error};

    if (transaction_is_new_run(transaction))
        begin_run(job);
    rows.random = next(&job->random);
    rows.namespace_name = namespaces[pick(&rows.random, ARRAY_SIZE(namespaces))];
    put_anything(&rows);
    if (rows.r < 0)
        return rows.r;
    if (--job->left > 0) {
        job->model->pieces++;
        return JOB_GO_ON;
    }
    switch (pick(&rows.random, 10)) {
    case 0:
        return error_set(error, EPERM, "refused");
    case 1:
        job->is_taken_back = true;
        return JOB_TAKE_BACK;
    default:
        return 0;
    }
}
