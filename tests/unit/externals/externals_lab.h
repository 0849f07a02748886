/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Externals on a house, with a name server that nobody is at. Included after cmocka.h. */
#pragma once

#include "externals/externals_internal.h"
#include "model/catalog_aws.h"
#include "unit/house.h"

struct lab {
    struct house house;
    struct externals externals;
};

#define SERVICE "services/ns/web"
#define HOST(name)                                                                                           \
    "{\"host\":\"" name "\",\"port\":80,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}"
#define LEAVING_HOST                                                                                         \
    "{\"host\":\"h.example\",\"port\":80,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\","          \
    "\"draining\":{\"until\":99999999999,\"kill\":false}}"

static inline int setup(void **state)
{
    /* Nobody answers there, and the kernel says so at once. */
    static const struct external_settings settings = {
        .servers = "127.0.0.1:1", .min_ttl_s = 1, .max_ttl_s = 3600};
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    house_make(&lab->house);
    externals_init(&lab->externals, lab->house.engine, &lab->house.events, &settings);
    assert_int_equal(engine_follow(lab->house.engine, &externals_follower, &lab->externals), 0);
    return 0;
}

static inline int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    externals_done(&lab->externals);
    house_end(&lab->house);
    free(lab);
    return 0;
}

/* Rows are written from now on; nobody is asked, so that answers are the test's. */
static inline void begin_saving(struct lab *lab)
{
    lab->externals.base = lab->house.base;
    assert_int_equal(external_save_begin(&lab->externals), 0);
}

static inline struct external *external_of(struct lab *lab, const char *name)
{
    struct external *found;

    HASH_FIND_STR(lab->externals.all, name, found);
    return found;
}

static inline const char *stored(const struct lab *lab, const char *key)
{
    const struct fake_row *row = fake_store_find(lab->house.store, key);

    return row ? row->value : NULL;
}
