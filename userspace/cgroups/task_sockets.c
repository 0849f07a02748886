/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cgroups/task_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgroups/cgroup_tree.h"
#include "cgroups/tcp_diag.h"

#define MAX_PROCESSES       1024 /* looked at for their namespaces, shared by the tasks */
#define LEAST_PROCESSES     4    /* of each task, however many there are */
#define MAX_NAMESPACES      4096
#define MAX_KILLS_AT_A_TIME 65536 /* of one namespace */

struct namespace_id {
    dev_t device;
    ino_t inode;
};

struct task_sockets {
    pthread_t thread;
    int event_fd;
    atomic_bool is_cancelled;
    char **cgroups; /* owned */
    size_t n_cgroups;
    struct ip_address address;
    uint16_t port;
    bool kill;
    bool is_udp;
    /* The thread's until it has ended: */
    struct cgroup_tree tree;
    struct namespace_id *seen;
    size_t n_seen;
    struct tcp_diag_socket *to_kill; /* of the namespace at hand */
    size_t n_to_kill;
    size_t kill_room;
    struct task_sockets_result result;
    struct error error;
    int r;
};

/* The first reason is kept. */
static void note_incomplete(struct task_sockets *job, int r)
{
    if (job->result.incomplete == 0)
        job->result.incomplete = r;
}

/* ---- one namespace ---- */

static int keep_to_kill(struct task_sockets *job, const struct tcp_diag_socket *socket)
{
    if (job->n_to_kill >= MAX_KILLS_AT_A_TIME) {
        note_incomplete(job, -E2BIG);
        return 0;
    }
    if (job->n_to_kill == job->kill_room) {
        size_t room = job->kill_room ? job->kill_room * 2 : 16;
        struct tcp_diag_socket *larger = reallocarray(job->to_kill, room, sizeof(*larger));

        if (!larger)
            return -ENOMEM;
        job->to_kill = larger;
        job->kill_room = room;
    }
    job->to_kill[job->n_to_kill++] = *socket;
    return 0;
}

static int task_sockets_on_socket(const struct tcp_diag_socket *socket, void *user)
{
    struct task_sockets *job = user;

    if (atomic_load(&job->is_cancelled))
        return -ECANCELED;
    if (!cgroup_tree_has(&job->tree, socket->cgroup_id) ||
        (socket->is_orphan && socket->state == TCP_FIN_WAIT2))
        return 0;
    job->result.open++;
    return job->kill ? keep_to_kill(job, socket) : 0;
}

/* One that has closed by itself meanwhile is as good, but not this job's doing. */
static int kill_kept(struct task_sockets *job, int fd)
{
    for (size_t i = 0; i < job->n_to_kill; i++) {
        int r = tcp_diag_destroy(fd, &job->to_kill[i]);

        if (r == -EOPNOTSUPP)
            return error_set(&job->error, EOPNOTSUPP,
                             "this kernel cannot close the connections of others: it is built without "
                             "CONFIG_INET_DIAG_DESTROY");
        job->result.subflows += r == 0 && job->to_kill[i].is_subflow;
        if (r == 0)
            job->result.destroyed++;
        else if (r != -ENOENT)
            note_incomplete(job, r);
        if (atomic_load(&job->is_cancelled))
            return -ECANCELED;
    }
    return 0;
}

static int search_namespace(struct task_sockets *job)
{
    _cleanup_close_ int fd = tcp_diag_open();
    int r;

    job->n_to_kill = 0;
    r = fd < 0 ? fd
               : (job->is_udp ? tcp_diag_each_udp
                  : job->kill ? tcp_diag_each_to_close
                              : tcp_diag_each)(fd, &job->address, job->port, task_sockets_on_socket, job);
    if (r == -EOPNOTSUPP)
        return error_set(&job->error, EOPNOTSUPP,
                         "this kernel cannot list TCP sockets: it is built without CONFIG_INET_DIAG");
    if (r == -ENOMEM || r == -ECANCELED)
        return error_errno(&job->error, r, "listing sockets");
    if (r < 0)
        note_incomplete(job, r);
    return job->n_to_kill ? kill_kept(job, fd) : 0;
}

/* ---- namespaces of processes ---- */

static bool is_seen(const struct task_sockets *job, const struct stat *info)
{
    for (size_t i = 0; i < job->n_seen; i++)
        if (job->seen[i].inode == info->st_ino && job->seen[i].device == info->st_dev)
            return true;
    return false;
}

static int enter_and_search(struct task_sockets *job, const char *path, const struct stat *expected)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;

    /* The process has ended, and maybe another has its number now; that one's namespace is nobody's here. */
    if (fd < 0 || fstat(fd, &info) < 0 || info.st_ino != expected->st_ino)
        return 0;
    if (job->n_seen >= MAX_NAMESPACES) {
        note_incomplete(job, -E2BIG);
        return 0;
    }
    job->seen[job->n_seen++] = (struct namespace_id){info.st_dev, info.st_ino};
    if (setns(fd, CLONE_NEWNET) < 0) {
        note_incomplete(job, -errno);
        return 0;
    }
    job->result.namespaces++;
    return search_namespace(job);
}

static int search_process(struct task_sockets *job, pid_t pid)
{
    char path[64];
    struct stat info;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    if (stat(path, &info) < 0) {
        /* Gone, or a zombie: either is in no namespace. */
        if (errno != ENOENT && errno != ESRCH)
            note_incomplete(job, -errno);
        return 0;
    }
    return is_seen(job, &info) ? 0 : enter_and_search(job, path, &info);
}

static int find_processes(struct task_sockets *job)
{
    size_t share = job->n_cgroups ? MAX_PROCESSES / job->n_cgroups : 0;

    for (size_t i = 0; i < job->n_cgroups; i++) {
        int r =
            cgroup_tree_add(&job->tree, job->cgroups[i], share > LEAST_PROCESSES ? share : LEAST_PROCESSES);

        if (r == -ENOMEM)
            return r;
        if (r < 0 && r != -ENOENT)
            note_incomplete(job, r);
    }
    if (job->tree.is_cut)
        note_incomplete(job, -E2BIG);
    cgroup_tree_sort(&job->tree);
    job->seen = calloc(MAX_NAMESPACES, sizeof(*job->seen));
    return job->seen ? 0 : -ENOMEM;
}

static int search(struct task_sockets *job)
{
    int r = find_processes(job);

    if (r < 0)
        return error_errno(&job->error, r, "looking for the processes of tasks");
    for (size_t i = 0; r == 0 && i < job->tree.n_processes; i++)
        r = atomic_load(&job->is_cancelled) ? -ECANCELED : search_process(job, job->tree.processes[i]);
    return r;
}

static void *task_sockets_run(void *argument)
{
    struct task_sockets *job = argument;
    const uint64_t one = 1;

    job->r = search(job);
    (void)!write(job->event_fd, &one, sizeof(one));
    return NULL;
}

/* ---- the job ---- */

static void task_sockets_free_job(struct task_sockets **job)
{
    if (!*job)
        return;
    for (size_t i = 0; i < (*job)->n_cgroups; i++)
        free((*job)->cgroups[i]);
    free((*job)->cgroups);
    if ((*job)->event_fd >= 0)
        (void)close((*job)->event_fd);
    cgroup_tree_done(&(*job)->tree);
    free((*job)->seen);
    free((*job)->to_kill);
    free(*job);
    *job = NULL;
}

static int copy_request(struct task_sockets *job, const struct task_sockets_request *request)
{
    job->address = request->address;
    job->port = request->port;
    job->kill = request->kill;
    job->is_udp = request->is_udp;
    job->cgroups = calloc(request->n_cgroups + 1, sizeof(*job->cgroups));
    if (!job->cgroups)
        return -ENOMEM;
    for (; job->n_cgroups < request->n_cgroups; job->n_cgroups++) {
        job->cgroups[job->n_cgroups] = strdup(request->cgroups[job->n_cgroups]);
        if (!job->cgroups[job->n_cgroups])
            return -ENOMEM;
    }
    return 0;
}

/* Signals are the caller's thread's. */
static int task_sockets_start_thread(struct task_sockets *job)
{
    sigset_t all, previous;
    int r;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    r = pthread_create(&job->thread, NULL, task_sockets_run, job);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    return -r;
}

int task_sockets_begin(const struct task_sockets_request *request, struct task_sockets **ret_job,
                       struct error *error)
{
    _cleanup_(task_sockets_free_job) struct task_sockets *job = NULL;
    int r;

    if (request->port == 0)
        return error_set(error, EINVAL, "no port of the endpoint to look for");
    job = calloc(1, sizeof(*job));
    if (!job)
        return error_errno(error, ENOMEM, "looking for connections");
    job->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = job->event_fd < 0 ? -errno : copy_request(job, request);
    if (r == 0)
        r = task_sockets_start_thread(job);
    if (r < 0)
        return error_errno(error, r, "looking for connections");
    *ret_job = TAKE_PTR(job);
    return 0;
}

int task_sockets_fd(const struct task_sockets *job)
{
    return job->event_fd;
}

int task_sockets_end(struct task_sockets **job, struct task_sockets_result *ret_result, struct error *error)
{
    int r;

    (void)pthread_join((*job)->thread, NULL);
    r = (*job)->r;
    if (r < 0 && error)
        *error = (*job)->error;
    if (r == 0)
        *ret_result = (*job)->result;
    task_sockets_free_job(job);
    return r;
}

void task_sockets_cancel(struct task_sockets **job)
{
    if (!*job)
        return;
    atomic_store(&(*job)->is_cancelled, true);
    (void)pthread_join((*job)->thread, NULL);
    task_sockets_free_job(job);
}

int task_sockets_count(const struct task_sockets_request *request, struct task_sockets_result *ret_result,
                       struct error *error)
{
    struct task_sockets *job;
    int r = task_sockets_begin(request, &job, error);

    return r < 0 ? r : task_sockets_end(&job, ret_result, error);
}
