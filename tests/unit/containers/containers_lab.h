/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A house with a Docker beside it, and what of its containers is in namespace "ns". No container has a process. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "containers/containers.h"
#include "containers/containers_internal.h"
#include "dns/dns.h"
#include "tasks/task_list.h"
#include "unit/house.h"
#include "unit/runtimes/fake_docker.h"

/* Started at 1970-01-01T00:00:16Z, which an instance's id ends with: "aaaaaaaaaaaa-10". */
#define STARTED "\"StartedAt\": \"1970-01-01T00:00:16Z\""

struct lab {
    struct house house;
    struct fake_docker fake;
    struct tasks tasks;
    struct dns dns;
    char runtimes[256];
    const char *host_address; /* NULL: "auto" */
    struct containers *containers;
};

static inline void lab_begin_of_size(struct lab *lab, const char *const rows[], uint32_t endpoints)
{
    house_make_of_size(&lab->house, (struct house_size){512, 1024, endpoints});
    house_fill(&lab->house, rows);
    house_begin(&lab->house);
    fake_docker_begin(&lab->fake, lab->house.base);
    tasks_init(&lab->tasks, &(struct tasks_settings){.engine = lab->house.engine,
                                                     .datapath = lab->house.datapath,
                                                     .events = &lab->house.events,
                                                     .cgroup_root = lab->fake.directory,
                                                     .hosts_dir = lab->fake.directory,
                                                     .max_tasks = 4});
}

static inline void lab_begin(struct lab *lab, const char *const rows[])
{
    lab_begin_of_size(lab, rows, 16);
}

/* `runtimes`: the setting; `run_directory`: where "auto" looks. */
static inline void lab_follow_as(struct lab *lab, const char *runtimes, const char *run_directory)
{
    struct error error = {0};

    (void)snprintf(lab->runtimes, sizeof(lab->runtimes), "%s", runtimes);
    assert_int_equal(
        containers_begin(
            &(struct containers_settings){.base = lab->house.base,
                                          .engine = lab->house.engine,
                                          .tasks = &lab->tasks,
                                          .dns = &lab->dns,
                                          .events = &lab->house.events,
                                          .cgroup_root = lab->fake.directory,
                                          .host_address = lab->host_address ? lab->host_address : "auto",
                                          .run_directory = run_directory,
                                          .runtimes = lab->runtimes},
            &lab->containers, &error),
        0);
    assert_non_null(lab->containers);
}

/* Follows the Docker from now on. */
static inline void lab_follow(struct lab *lab)
{
    char runtimes[256];

    (void)snprintf(runtimes, sizeof(runtimes), "docker:%s", lab->fake.path);
    lab_follow_as(lab, runtimes, NULL);
}

static inline int lab_set_up(void **state)
{
    *state = calloc(1, sizeof(struct lab));
    assert_non_null(*state);
    return 0;
}

static inline int lab_tear_down(void **state)
{
    struct lab *lab = *state;

    containers_end(&lab->containers);
    containers_end(&lab->containers);
    tasks_done(&lab->tasks);
    house_stop(&lab->house);
    fake_docker_end(&lab->fake);
    house_end(&lab->house);
    free(lab);
    return 0;
}

/* `labels`: beside namespace "ns"; `state`: members of "State". */
static inline void lab_container(struct lab *lab, char digit, const char *labels, const char *state)
{
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "\"Name\": \"/c%c\", \"State\": {%s, " STARTED "}, "
                   "\"Config\": {\"Image\": \"i\", \"Labels\": {\"svcconnect.namespace\": \"ns\"%s%s}}, "
                   "\"NetworkSettings\": {\"Networks\": {\"n\": {\"IPAddress\": \"192.0.2.%d\"}}}",
                   digit, state, *labels ? ", " : "", labels, digit);
    (void)fake_docker_put(&lab->fake, digit, text);
}

static inline void lab_running(struct lab *lab, char digit, const char *service)
{
    char labels[200];

    (void)snprintf(labels, sizeof(labels), "\"svcconnect.service\": \"%s\", \"svcconnect.port\": \"8080\"",
                   service);
    lab_container(lab, digit, labels, "\"Status\": \"running\"");
}

/* ---- what came of it ---- */

struct lab_wish {
    struct lab *lab;
    const char *service;
    const char *instance;
};

static inline bool lab_has(void *user)
{
    const struct lab_wish *wish = user;

    return engine_is_steady(wish->lab->house.engine) &&
           house_instance(&wish->lab->house, wish->service, wish->instance);
}

static inline bool lab_has_not(void *user)
{
    const struct lab_wish *wish = user;

    return engine_is_steady(wish->lab->house.engine) &&
           !house_instance(&wish->lab->house, wish->service, wish->instance);
}

static inline struct instance *lab_await(struct lab *lab, const char *service, const char *instance)
{
    struct lab_wish wish = {lab, service, instance};

    house_until(&lab->house, lab_has, &wish, instance);
    return house_instance(&lab->house, service, instance);
}

static inline void lab_await_gone(struct lab *lab, const char *service, const char *instance)
{
    struct lab_wish wish = {lab, service, instance};

    house_until(&lab->house, lab_has_not, &wish, instance);
}

/* The runtime has told all it has, and the jobs that follow have ended. */
static inline bool lab_is_settled(void *user)
{
    const struct lab *lab = user;

    return lab->containers->runtimes[0].is_listed && !lab->containers->registering &&
           !lab->containers->is_scan_due && engine_is_steady(lab->house.engine);
}

static inline void lab_settle(struct lab *lab)
{
    house_until(&lab->house, lab_is_settled, lab, "all containers to be registered");
}

static inline struct held *lab_held(struct lab *lab, char digit)
{
    return containers_find(lab->containers, fake_id(digit).text);
}

/* "NAME:PORT " of each of the service's names, sorted as they are kept; the caller frees it. */
static inline char *lab_aliases(struct lab *lab, const char *service)
{
    const struct service *found = house_service(&lab->house, service);
    char *text = calloc(1, 1024);

    assert_non_null(found);
    for (size_t i = 0; i < found->n_aliases; i++)
        (void)snprintf(text + strlen(text), 1024 - strlen(text), "%s:%u ", found->aliases[i].dns_name,
                       found->aliases[i].port);
    return text;
}

static inline void lab_expect_aliases(struct lab *lab, const char *service, const char *wanted)
{
    _cleanup_free_ char *text = lab_aliases(lab, service);

    assert_string_equal(text, wanted);
}
