/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * For tests of tasks/ and dns/: an engine on a registry and a data path in memory, started as the daemon
 * does. The namespace "shop" has the names "a.shop" and "b.shop".
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "datapath/memory.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "fakes/fake_registry.h"
#include "registry/rows.h"
#include "tasks/task_list.h"

#define LAB_TASKS 4

struct room_lab {
    struct event_base *base;
    struct fake_store *store;
    struct registry *registry;
    struct datapath *datapath;
    struct engine *engine;
    struct alias_range range;
    bool is_going_on; /* a job has begun, and goes on while this is set */
};

static inline int lab_keep_going(struct transaction *transaction, void *user, struct error *error)
{
    const struct room_lab *lab = user;

    (void)transaction;
    (void)error;
    (void)event_base_loopbreak(lab->base); /* the loop has always something to do while this goes on */
    return lab->is_going_on ? JOB_GO_ON : JOB_TAKE_BACK;
}

/* Until lab_steady() nobody may read the catalog. */
static inline void lab_unsteady(struct room_lab *lab)
{
    const struct job job = {.run = lab_keep_going, .user = lab};

    lab->is_going_on = true;
    assert_int_equal(engine_submit(lab->engine, &job), 0);
    for (int i = 0; i < 100 && engine_is_steady(lab->engine); i++)
        assert_true(event_base_loop(lab->base, EVLOOP_ONCE) >= 0);
    assert_false(engine_is_steady(lab->engine));
}

static inline void lab_steady(struct room_lab *lab)
{
    lab->is_going_on = false;
    engine_settle(lab->engine);
    assert_true(engine_is_steady(lab->engine));
}

struct lab_put {
    const char *service;
    const char *dns_name;
};

static inline int lab_run_put(struct transaction *transaction, void *user, struct error *error)
{
    const struct lab_put *put = user;
    struct registry_row row = {.key = NULL};
    char key[128], value[256];

    (void)snprintf(key, sizeof(key), "services/shop/%s", put->service);
    (void)snprintf(value, sizeof(value),
                   "{\"clientAliases\": [{\"dnsName\": \"%s\", \"port\": 80, \"protocol\": \"tcp\"}]}",
                   put->dns_name);
    row.key = strdup(key);
    row.value = strdup(value);
    return transaction_put(transaction, row, error);
}

static inline void lab_done(int result, uint64_t revision, const struct error *error, void *user)
{
    (void)revision;
    (void)user;
    if (result < 0)
        fail_msg("%s", error->message);
}

/* A service with this name comes into "shop", and is in effect on return. */
static inline void lab_add_service(struct room_lab *lab, const char *service, const char *dns_name)
{
    struct lab_put put = {service, dns_name};
    const struct job job = {.run = lab_run_put, .done = lab_done, .user = &put};

    assert_int_equal(engine_submit(lab->engine, &job), 0);
    engine_settle(lab->engine);
}

/* The follower is added before the start; NULL: none. */
static inline void lab_start(struct room_lab *lab, const struct engine_follower *follower, void *user)
{
    struct datapath_config config = {.aliases = 64, .slots = 64, .endpoints = 16, .tasks = LAB_TASKS};
    struct engine_settings settings = {.max_aliases = 64, .max_slots = 64, .max_endpoints = 16};
    struct error error = {0};

    *lab = (struct room_lab){.base = event_base_new(), .store = fake_store_new()};
    assert_non_null(lab->base);
    lab->registry = fake_registry_open(lab->store);
    assert_int_equal(alias_range_parse("127.255.0.0/16", "fd00:5ec::/112", &lab->range, &error), 0);
    assert_int_equal(datapath_new_in_memory(&config, &lab->datapath), 0);
    settings.base = lab->base;
    settings.alias_range = lab->range;
    assert_int_equal(engine_new(&settings, &lab->engine), 0);
    if (follower)
        assert_int_equal(engine_follow(lab->engine, follower, user), 0);
    assert_int_equal(engine_load(lab->engine, lab->registry, &error), 0);
    assert_int_equal(engine_judge(lab->engine, &config, &lab->datapath, &error), 0);
}

/* What the daemon does once the rooms that need the data path are made. */
static inline void lab_publish(struct room_lab *lab)
{
    struct error error = {0};

    assert_int_equal(engine_adopt(lab->engine, lab->datapath, &error), 0);
    assert_int_equal(engine_publish(lab->engine, &error), 0);
    lab_add_service(lab, "a", "a.shop");
    lab_add_service(lab, "b", "b.shop");
}

static inline void lab_end(struct room_lab *lab)
{
    lab->is_going_on = false;
    engine_stop(lab->engine);
    engine_free(&lab->engine);
    datapath_close(&lab->datapath);
    registry_close(&lab->registry);
    fake_store_free(&lab->store);
    event_base_free(lab->base);
}
