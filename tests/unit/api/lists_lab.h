/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the lists of the control API are read from: a whole engine with as many instances as a test asks for,
 * registered in an order that no sorting gives, and readers that take a slice when the test says so. Included
 * after cmocka.h, by tests that have set HOUSE_ENDPOINTS.
 */
#pragma once

#include "api/api.h"
#include "api/read/list_stream.h"
#include "api/read/reads.h"
#include "health/health.h"
#include "unit/house.h"
#include "upkeep/drains.h"
#include "upkeep/outliers.h"
#include "upkeep/probes.h"

#define LAB_SERVICES 10

#define LAB_INSTANCE                                                                                         \
    "{\"address\":\"10.0.%u.%u\",\"port\":80,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}"

struct lists_lab {
    struct house house;
    struct api api;
    struct outliers outliers;
    struct probes probes;
    struct drains drains;
};

/* Instances of services in turn: "i00000" of "s0", "i00001" of "s1" and so on, by one change. */
static inline int lab_fill(struct transaction *transaction, void *user, struct error *error)
{
    unsigned n = *(unsigned *)user;
    int r = 0;

    for (unsigned i = 0; i < n && r == 0; i++) {
        unsigned number = (i * 7919) % n;
        char key[64], value[256];

        (void)snprintf(key, sizeof(key), "instances/ns/s%u/i%05u", number % LAB_SERVICES, number);
        (void)snprintf(value, sizeof(value), LAB_INSTANCE, number / 250, number % 250 + 1);
        r = transaction_put(transaction, (struct registry_row){.key = strdup(key), .value = strdup(value)},
                            error);
    }
    return r;
}

static inline void lab_begin(struct lists_lab *lab, unsigned n)
{
    struct house *house = &lab->house;
    const struct job job = {.run = lab_fill, .user = &n};

    *lab = (struct lists_lab){0};
    house_make(house);
    for (unsigned i = 0; i < LAB_SERVICES; i++) {
        char key[64];
        const char *const rows[] = {key, "{\"clientAliases\":[]}", NULL};

        (void)snprintf(key, sizeof(key), "services/ns/s%u", LAB_SERVICES - 1 - i);
        house_fill(house, rows);
    }
    house_begin(house);
    assert_int_equal(engine_submit(house->engine, &job), 0);
    engine_settle(house->engine);
    assert_int_equal(engine_catalog(house->engine)->n_instances, n);
    assert_int_equal(outliers_init(&lab->outliers, house->engine, HOUSE_ENDPOINTS), 0);
    drains_init(&lab->drains, house->engine, &house->events, &(struct socket_looks){0}, NULL, NULL);
    assert_int_equal(health_new(house->base, NULL, NULL, NULL, &lab->probes.health), 0);
    lab->outliers.datapath = house->datapath;
    lab->api = (struct api){.engine = house->engine,
                            .datapath = house->datapath,
                            .outliers = &lab->outliers,
                            .probes = &lab->probes,
                            .drains = &lab->drains,
                            .settings.alias_range = house_alias_range()};
}

static inline void lab_end(struct lists_lab *lab)
{
    house_stop(&lab->house);
    drains_done(&lab->drains);
    outliers_done(&lab->outliers);
    health_free(&lab->probes.health);
    house_end(&lab->house);
}

/* ---- a reader ---- */

struct lab_reader {
    struct http_writer writer;
    struct evbuffer *text;
    size_t room;
    size_t most; /* bytes of a slice */
    unsigned slices;
};

static inline struct lab_reader lab_reader_of(struct http_writer writer, size_t room)
{
    struct lab_reader reader = {.writer = writer, .text = evbuffer_new(), .room = room};

    assert_non_null(reader.text);
    return reader;
}

static inline struct lab_reader lab_read(struct lists_lab *lab, const struct list_kind *kind, size_t room)
{
    struct http_writer writer;

    assert_int_equal(list_writer(&lab->api, kind, NULL, &writer), 0);
    return lab_reader_of(writer, room);
}

/* One slice. False: it was the last. */
static inline bool lab_slice(struct lab_reader *reader)
{
    struct evbuffer *slice = evbuffer_new();
    int r = reader->writer.write(reader->writer.user, slice, reader->room);

    assert_true(r >= 0);
    reader->slices++;
    if (evbuffer_get_length(slice) > reader->most)
        reader->most = evbuffer_get_length(slice);
    assert_int_equal(evbuffer_add_buffer(reader->text, slice), 0);
    evbuffer_free(slice);
    return r > 0;
}

static inline void lab_leave(struct lab_reader *reader)
{
    reader->writer.done(reader->writer.user);
    evbuffer_free(reader->text);
}

/* The rest, and all of the text; the caller's. */
static inline char *lab_rest(struct lab_reader *reader)
{
    char *text;

    while (lab_slice(reader))
        ;
    assert_int_equal(evbuffer_add(reader->text, "", 1), 0);
    text = strdup((const char *)evbuffer_pullup(reader->text, -1));
    assert_non_null(text);
    lab_leave(reader);
    return text;
}

static inline cJSON *lab_rest_of_list(struct lab_reader *reader)
{
    _cleanup_free_ char *text = lab_rest(reader);
    cJSON *answer = cJSON_Parse(text);

    assert_non_null(answer);
    return answer;
}

static inline bool lab_is_consistent(const cJSON *answer)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(answer, "isConsistent");

    assert_true(cJSON_IsBool(item));
    return cJSON_IsTrue(item);
}

static inline const char *lab_text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}
