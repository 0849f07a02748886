/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Every room that a request may ask, on the engine of unit/house.h, and the control server above them. */
#pragma once

#include <signal.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"
#include "apply/services_dir.h"
#include "base/worker.h"
#include "base/mounts.h"
#include "canaries/canaries.h"
#include "dns/dns.h"
#include "externals/externals.h"
#include "tasks/task_list.h"
#include "unit/house.h"
#include "upkeep/drains.h"
#include "upkeep/outliers.h"
#include "upkeep/probes.h"

#define NOBODY "127.0.0.1:1" /* answers no question for a host name */

struct lab {
    struct house house;
    struct canaries canaries;
    struct externals externals;
    struct probes probes;
    struct outliers outliers;
    struct drains drains;
    struct tasks tasks;
    struct dns dns;
    struct services_dir services_dir;
    struct worker *worker;
    struct api api;
    struct control_server *server;
    struct sockaddr_un address;
    struct event *grace;
    char directory[64];
    char *cgroup_root; /* NULL: no cgroup v2 hierarchy is mounted here */
    bool is_going_on;  /* a job that a test has begun, while this is set */
};

/* ---- made and ended as daemon/rooms.c does ---- */

static inline void lab_make_rooms(struct lab *lab)
{
    static const struct exec_policy no_commands;
    static const struct external_settings external = {.servers = NOBODY, .min_ttl_s = 1, .max_ttl_s = 60};
    struct house *house = &lab->house;
    const struct socket_looks looks = {
        .base = house->base, .directories = tasks_directories, .user = &lab->tasks};
    const struct {
        const struct engine_follower *functions;
        void *user;
    } followers[] = {
        {&canaries_follower, &lab->canaries}, {&externals_follower, &lab->externals},
        {&probes_follower, &lab->probes},     {&outliers_follower, &lab->outliers},
        {&drains_follower, &lab->drains},     {&tasks_follower, &lab->tasks},
        {&dns_follower, &lab->dns},
    };
    struct error error = {0};

    canaries_init(&lab->canaries, house->engine, &house->events);
    externals_init(&lab->externals, house->engine, &house->events, &external);
    drains_init(&lab->drains, house->engine, &house->events, &looks, externals_drop_address, &lab->externals);
    assert_int_equal(probes_init(&lab->probes, house->base, house->engine, &lab->outliers, &no_commands,
                                 &house->events, &error),
                     0);
    assert_int_equal(outliers_init(&lab->outliers, house->engine, HOUSE_ENDPOINTS), 0);
    lab->outliers.datapath = house->datapath;
    for (size_t i = 0; i < ARRAY_SIZE(followers); i++)
        assert_int_equal(engine_follow(house->engine, followers[i].functions, followers[i].user), 0);
    tasks_init(&lab->tasks, &(struct tasks_settings){.engine = house->engine,
                                                     .datapath = house->datapath,
                                                     .events = &house->events,
                                                     .cgroup_root = lab->api.settings.cgroup_root,
                                                     .hosts_dir = lab->directory,
                                                     .max_tasks = 4});
    dns_init(&lab->dns, &(struct dns_settings){.base = house->base,
                                               .engine = house->engine,
                                               .datapath = house->datapath,
                                               .cgroup_root = lab->api.settings.cgroup_root,
                                               .max_tasks = 4});
    tasks_observe(&lab->tasks, &dns_observer, &lab->dns);
    lab->services_dir.engine = house->engine;
    lab->api.engine = house->engine;
    lab->api.datapath = house->datapath;
}

static inline void lab_end_rooms(struct lab *lab)
{
    event_free(lab->grace);
    dns_done(&lab->dns);
    externals_done(&lab->externals);
    drains_done(&lab->drains);
    probes_done(&lab->probes);
    canaries_done(&lab->canaries);
    outliers_done(&lab->outliers);
    tasks_done(&lab->tasks);
}

/* Everything but the start of the engine and the socket. */
static inline struct lab *lab_make(void)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_non_null(lab);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(lab->directory, sizeof(lab->directory), "%s/svc-api-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(lab->directory));
    (void)mounts_find_cgroup2(&lab->cgroup_root);
    house_make(&lab->house);
    lab->api = (struct api){
        .settings = {.registry = "fake",
                     .state_dir = "/state",
                     .run_dir = "/run",
                     .bpffs = "/bpf",
                     .cgroup_root = lab->cgroup_root ? lab->cgroup_root : lab->directory,
                     .alias_range_text = "127.255.0.0/16",
                     .alias_range6_text = "fd7f:ff53:7663::/112",
                     .alias_range = house_alias_range(),
                     .max_aliases = 512,
                     .max_slots = 1024,
                     .max_endpoints = HOUSE_ENDPOINTS,
                     .max_tasks = 4},
        .outliers = &lab->outliers,
        .probes = &lab->probes,
        .drains = &lab->drains,
        .externals = &lab->externals,
        .dns = &lab->dns,
        .tasks = &lab->tasks,
        .events = &lab->house.events,
        .services_dir = &lab->services_dir,
    };
    assert_int_equal(worker_new(lab->house.base, &lab->worker), 0);
    lab->api.documents_worker = lab->services_dir.worker = lab->worker;
    lab_make_rooms(lab);
    return lab;
}

static inline void lab_listen(struct lab *lab)
{
    const struct control_table table = {api_requests, &lab->api, &api_gate};
    struct error error = {0};

    lab->address.sun_family = AF_UNIX;
    (void)snprintf(lab->address.sun_path, sizeof(lab->address.sun_path), "%s/api.sock", lab->directory);
    assert_int_equal(
        control_server_new(lab->house.base, lab->address.sun_path, &table, 1, &lab->server, &error), 0);
}

static inline void lab_on_grace(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    engine_end_grace(((struct lab *)user)->house.engine);
}

/* What follows the engine's start in the daemon. */
static inline void lab_begin_rooms(struct lab *lab)
{
    struct error error = {0};

    lab->grace = event_new(lab->house.base, datapath_grace_fd(lab->house.datapath), EV_READ | EV_PERSIST,
                           lab_on_grace, lab);
    assert_non_null(lab->grace);
    assert_int_equal(event_add(lab->grace, NULL), 0);
    assert_int_equal(externals_begin(&lab->externals, lab->house.base, &error), 0);
}

static inline int lab_setup(void **state)
{
    struct lab *lab = lab_make();

    *state = lab;
    house_begin(&lab->house);
    lab_begin_rooms(lab);
    lab_listen(lab);
    return 0;
}

static inline int lab_teardown(void **state)
{
    struct lab *lab = *state;
    int r;

    lab->is_going_on = false;
    worker_stop(lab->worker);
    house_stop(&lab->house);
    control_server_free(&lab->server);
    services_dir_done(&lab->services_dir);
    lab_end_rooms(lab);
    worker_free(&lab->worker);
    house_end(&lab->house);
    r = rmdir(lab->directory);
    free(lab->cgroup_root);
    free(lab);
    return r;
}

#define LAB_TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
