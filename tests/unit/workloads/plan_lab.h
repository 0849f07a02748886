/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Containers that a test describes, and the plan of them. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "workloads/plan.h"

#define LAB_MAX 600

/* Containers as they are added, and the plan of them. */
struct lab {
    struct container *containers[LAB_MAX];
    size_t n;
    struct workload_settings settings;
    struct workload_plan plan;
};

static inline int set_up(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_non_null(lab);
    lab->settings = (struct workload_settings){.default_namespace = "default"};
    *state = lab;
    return 0;
}

static inline int tear_down(void **state)
{
    struct lab *lab = *state;

    workload_plan_free(&lab->plan);
    for (size_t i = 0; i < lab->n; i++)
        container_free(&lab->containers[i]);
    free(lab);
    return 0;
}

/* A running container with ids of 64 digits, as Docker gives. `labels`: "name=value name=value". */
static inline struct container *add(struct lab *lab, const char *name, const char *labels)
{
    _cleanup_free_ char *copy = strdup(labels);
    char id[65];
    struct container *container;
    char *rest = NULL;

    assert_non_null(copy);
    (void)snprintf(id, sizeof(id), "%012zx%052d", lab->n + 1, 0);
    container = container_new("docker", id, name);
    assert_non_null(container);
    container->state = CONTAINER_RUNNING;
    container->started_at = 0x1000;
    for (char *label = strtok_r(copy, " ", &rest); label; label = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(label, '=');

        assert_non_null(value);
        *value++ = '\0';
        assert_int_equal(container_add_label(container, label, value), 0);
    }
    lab->containers[lab->n++] = container;
    return container;
}

static inline void on_network(struct container *container, const char *name, const char *address)
{
    struct container_network network = {.name = (char *)name, .has_v4 = true};

    assert_int_equal(ip_address_parse(address, &network.v4), 0);
    assert_int_equal(container_add_network(container, &network), 0);
}

static inline const struct workload *plan(struct lab *lab)
{
    workload_plan_free(&lab->plan);
    assert_int_equal(workload_plan_make((const struct container *const *)lab->containers, lab->n,
                                        &lab->settings, &lab->plan),
                     0);
    return lab->plan.items;
}

static inline void expect_address(const struct workload *workload, const char *expected)
{
    char text[IP_ADDRESS_TEXT_SIZE];

    assert_true(workload->has_address);
    assert_string_equal(ip_address_format(&workload->address, text), expected);
}

static inline void expect_instance(const struct workload *workload, size_t i, const char *service,
                                   uint16_t port)
{
    assert_in_range(i, 0, workload->n_instances - 1);
    assert_string_equal(workload->instances[i].service, service);
    assert_int_equal(workload->instances[i].port, port);
}
