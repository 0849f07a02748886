/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A publisher on a data path in memory, whose grace periods last until a test ends them. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/publish/publisher.h"
#include "datapath/memory.h"

#define N_SERVICES 4
#define N_SLOTS    16

struct lab {
    struct datapath *datapath;
    struct publisher *publisher;
    struct name_numbers *endpoints;
    struct name_numbers *scopes;
    struct svc_slot slots[N_SLOTS + 1];
    struct error error;
};

static inline int lab_setup(void **state)
{
    static const struct datapath_config config = {
        .aliases = N_SERVICES * 2, .slots = N_SLOTS, .endpoints = 4, .tasks = 1};
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    if (!lab || datapath_new_in_memory(&config, &lab->datapath) < 0)
        return -1;
    memory_datapath_hold_grace(lab->datapath);
    for (uint32_t i = 0; i <= N_SLOTS; i++)
        lab->slots[i] = (struct svc_slot){.endpoint_a = i + 1, .endpoint_b = i + 1};
    if (name_numbers_new(&lab->endpoints, 1, 1) < 0 || name_numbers_new(&lab->scopes, 1, 1) < 0)
        return -1;
    return publisher_new(lab->datapath, N_SERVICES, N_SLOTS, lab->endpoints, lab->scopes, &lab->publisher);
}

static inline int lab_teardown(void **state)
{
    struct lab *lab = *state;

    publisher_free(&lab->publisher);
    name_numbers_free(&lab->endpoints);
    name_numbers_free(&lab->scopes);
    datapath_close(&lab->datapath);
    free(lab);
    return 0;
}

/* "NAME:80" in scope 1 with a table of so many slots, the same for both families. */
static inline struct wanted_alias want(struct lab *lab, const char *name, uint32_t n_slots)
{
    struct wanted_alias wanted = {.scope = 1,
                                  .namespace_name = "ns",
                                  .client = "",
                                  .alias = {.port = 80, .protocol = TCP},
                                  .exists = true,
                                  .address = ip_address_from_v4(0x7fff0000u + (uint8_t)name[0]),
                                  .address6 = {.bytes = {0xfd, [15] = (uint8_t)name[0]}},
                                  .slots4 = lab->slots,
                                  .count4 = n_slots,
                                  .slots6 = lab->slots,
                                  .count6 = n_slots};

    (void)snprintf(wanted.alias.dns_name, sizeof(wanted.alias.dns_name), "%s", name);
    return wanted;
}

static inline struct publication *prepare(struct lab *lab, const struct wanted_alias *wanted, size_t n)
{
    struct publication *publication = NULL;

    assert_int_equal(publisher_prepare(lab->publisher, wanted, n, false, &publication, &lab->error), 0);
    assert_non_null(publication);
    return publication;
}

static inline void publish(struct lab *lab, const struct wanted_alias *wanted, size_t n)
{
    struct publication *publication = prepare(lab, wanted, n);

    assert_int_equal(publisher_commit(lab->publisher, &publication), 0);
    assert_null(publication);
}

static inline void withdraw(struct lab *lab, struct wanted_alias wanted)
{
    wanted.exists = false;
    publish(lab, &wanted, 1);
}

static inline void end_grace(struct lab *lab)
{
    memory_datapath_end_grace(lab->datapath);
    publisher_end_grace(lab->publisher);
}

/* What the record says, with nothing left of it. */
static inline void expect_record(struct lab *lab, const char *wanted)
{
    assert_string_equal(memory_datapath_record(lab->datapath), wanted);
    memory_datapath_forget_record(lab->datapath);
}

static inline int count_entry(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    (void)key;
    (void)alias;
    (*(unsigned *)user)++;
    return 0;
}

static inline unsigned count_entries(struct lab *lab)
{
    unsigned n = 0;

    assert_int_equal(datapath_each_alias(lab->datapath, count_entry, &n), 0);
    return n;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
