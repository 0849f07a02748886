/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * DNS on a house, switched on: tasks are ordinary directories that look like cgroups, their processes children of
 * the test with a root directory and perhaps a network namespace of their own. Included after cmocka.h.
 */
#pragma once

#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "unit/dns/dns_lab.h"

#define MOST_PROCESSES 8

struct rounds_lab {
    struct house house;
    struct dns dns;
    char root[64]; /* directory of all: CGROUPS/task, ROOTS/1/etc/resolv.conf... */
    struct task of;
    pid_t processes[MOST_PROCESSES];
    bool is_listed[MOST_PROCESSES]; /* in cgroup.procs */
    unsigned n_processes;
};

static inline const char *rounds_path(const struct rounds_lab *lab, const char *format, ...)
{
    static char path[512];
    size_t length = (size_t)snprintf(path, sizeof(path), "%s/", lab->root);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(path + length, sizeof(path) - length, format, arguments);
    va_end(arguments);
    return path;
}

static inline void rounds_write(const char *path, const char *text)
{
    _cleanup_fclose_ FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
}

static inline void rounds_make_dir(const char *path)
{
    if (mkdir(path, 0755) < 0)
        fail_msg("%s: %s", path, strerror(errno));
}

/* Reading with another process's rights takes root's: those of a user namespace are not enough. */
static inline int rounds_begin_group(void **state)
{
    return geteuid() == 0 ? lab_enter(state) : 0;
}

/* What process `number` has in its /etc/resolv.conf; NULL: no such file. */
static inline void rounds_conf(const struct rounds_lab *lab, unsigned number, const char *text)
{
    const char *path = rounds_path(lab, "root%u/etc/resolv.conf", number);

    (void)unlink(path);
    if (text)
        rounds_write(path, text);
}

/* ---- processes ---- */

static inline _Noreturn void rounds_be_process(const char *root, bool is_apart, int ready)
{
    if ((is_apart && (unshare(CLONE_NEWNET) < 0 || !own_network_raise_loopback())) || chroot(root) < 0 ||
        write(ready, "", 1) != 1)
        _exit(1);
    for (;;)
        (void)pause();
}

/* A process that is in no cgroup yet, with this resolv.conf. Returns its number. */
static inline unsigned rounds_start(struct rounds_lab *lab, const char *conf, bool is_apart)
{
    unsigned number = lab->n_processes;
    char root[512];
    int ready[2];
    char byte;

    assert_true(number < MOST_PROCESSES);
    (void)snprintf(root, sizeof(root), "%s", rounds_path(lab, "root%u", number));
    rounds_make_dir(root);
    rounds_make_dir(rounds_path(lab, "root%u/etc", number));
    rounds_conf(lab, number, conf);
    assert_int_equal(pipe(ready), 0);
    lab->processes[number] = fork();
    assert_true(lab->processes[number] >= 0);
    if (lab->processes[number] == 0)
        rounds_be_process(root, is_apart, ready[1]);
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    lab->n_processes++;
    return number;
}

static inline void rounds_list(struct rounds_lab *lab)
{
    char text[256] = "";

    for (unsigned i = 0; i < lab->n_processes; i++)
        if (lab->is_listed[i])
            (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d\n", (int)lab->processes[i]);
    rounds_write(rounds_path(lab, "task/cgroup.procs"), text);
}

/* As the kernel tells that processes have come into the cgroup or gone from it. */
static inline void rounds_tell(struct rounds_lab *lab)
{
    rounds_list(lab);
    rounds_write(rounds_path(lab, "task/cgroup.events"), "populated 1\n");
}

static inline void rounds_enter(struct rounds_lab *lab, unsigned number)
{
    lab->is_listed[number] = true;
    rounds_tell(lab);
}

static inline void rounds_leave(struct rounds_lab *lab, unsigned number)
{
    lab->is_listed[number] = false;
    rounds_tell(lab);
}

static inline void rounds_end_process(struct rounds_lab *lab, unsigned number)
{
    if (lab->processes[number] > 0) {
        (void)kill(lab->processes[number], SIGKILL);
        (void)waitpid(lab->processes[number], NULL, 0);
    }
    lab->processes[number] = 0;
    lab->is_listed[number] = false;
}

/* ---- the whole ---- */

static inline int rounds_setup(void **state)
{
    struct rounds_lab *lab;
    struct error error = {0};

    *state = NULL;
    if (!has_own_network)
        return 0;
    *state = lab = calloc(1, sizeof(*lab));
    (void)snprintf(lab->root, sizeof(lab->root), "%s/svc-rounds-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(lab->root));
    rounds_make_dir(rounds_path(lab, "task"));
    rounds_tell(lab);
    dns_reads_start(&lab->dns);
    house_make(&lab->house);
    assert_int_equal(engine_follow(lab->house.engine, &dns_follower, &lab->dns), 0);
    house_fill(&lab->house, lab_rows());
    dns_init(&lab->dns, &(struct dns_settings){.base = lab->house.base,
                                               .engine = lab->house.engine,
                                               .datapath = lab->house.datapath,
                                               .cgroup_root = lab->root,
                                               .max_tasks = 4,
                                               .ttl = LAB_TTL,
                                               .is_on = true});
    house_begin(&lab->house);
    if (dns_begin(&lab->dns, &error) < 0 ||
        datapath_attach(lab->house.datapath, "task", "/task", LAB_CGROUP_ID, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(datapath_set_scope(lab->house.datapath, LAB_CGROUP_ID, 1, 1), 0);
    lab->of = (struct task){.cgroup = {.path = "/task", .id = LAB_CGROUP_ID},
                            .namespace_name = (char *)"ns",
                            .service = (char *)""};
    return 0;
}

static inline int rounds_remove(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline int rounds_teardown(void **state)
{
    struct rounds_lab *lab = *state;

    if (!lab)
        return 0;
    for (unsigned i = 0; i < lab->n_processes; i++)
        rounds_end_process(lab, i);
    house_stop(&lab->house);
    dns_done(&lab->dns);
    house_end(&lab->house);
    (void)nftw(lab->root, rounds_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(lab);
    return 0;
}

static inline struct rounds_lab *rounds_of(void **state)
{
    if (!*state)
        skip(); /* not root, or no network namespace to be had */
    return *state;
}

/* ---- what came of it ---- */

static inline struct dns_task *rounds_task(const struct rounds_lab *lab)
{
    uint64_t id = LAB_CGROUP_ID;
    struct dns_task *task;

    HASH_FIND(hh, lab->dns.tasks, &id, sizeof(id), task);
    return task;
}

static inline unsigned rounds_stubs(const struct rounds_lab *lab)
{
    unsigned n = 0;

    for (const struct dns_stub *stub = rounds_task(lab)->stubs; stub; stub = stub->next)
        n++;
    return n;
}

/* "ADDRESS ADDRESS" of the name servers that are stood in for, as people see them. */
static inline const char *rounds_servers(const struct rounds_lab *lab)
{
    static char text[512];
    _cleanup_json_ cJSON *list = dns_describe_task(&lab->dns, LAB_CGROUP_ID);
    const cJSON *item;

    text[0] = '\0';
    cJSON_ArrayForEach (item, list)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? " " : "",
                       cJSON_GetStringValue(item));
    return text;
}

static inline bool rounds_are(const struct rounds_lab *lab, const char *servers)
{
    return strcmp(rounds_servers(lab), servers) == 0;
}

/* The first of the task's entries in `resolvers`. */
static inline const struct svc_resolver *rounds_entry(const struct rounds_lab *lab)
{
    const struct dns_task *task = rounds_task(lab);

    assert_true(task->entries.n > 0);
    return datapath_resolver(lab->house.datapath, task->entries.numbers[0]);
}

static inline void rounds_put(struct rounds_lab *lab, pid_t pid)
{
    dns_observer.put(&lab->dns, &lab->of, pid);
}

/* Looking has come to rest: no round is on, and none is to follow soon. */
static inline void rounds_rest(struct rounds_lab *lab)
{
    LAB_UNTIL(lab, !rounds_task(lab)->look.round.is_on && rounds_task(lab)->look.n_quick == 0);
}

/* A round is over in which so many processes were read for. */
static inline void rounds_until_read(struct rounds_lab *lab, unsigned n)
{
    LAB_UNTIL(lab, !rounds_task(lab)->look.round.is_on && rounds_task(lab)->look.round.n_reads == n);
}

/* Is there a stub in the network namespace of this process? */
static inline bool rounds_has_stub(const struct rounds_lab *lab, unsigned number)
{
    char path[64];
    struct stat info;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)lab->processes[number]);
    assert_int_equal(stat(path, &info), 0);
    for (const struct dns_stub *stub = rounds_task(lab)->stubs; stub; stub = stub->next)
        if (stub->netns == info.st_ino)
            return true;
    return false;
}
