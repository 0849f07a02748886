/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/dns_stub.h"
#include "tasks/cgroup_tree.h"

#define LOOK_PROCESSES   16 /* of a task, for one that is there long enough to be looked at */
#define LOOK_EVERY_TICKS 20 /* at each task that has a stub: 10 s */
#define MAX_RESOLV_CONF  65536
#define BUFFER_SIZE      (DNS_MESSAGE_MAX + 1)

static const struct timeval tick_interval = {.tv_usec = 500000};

/* ---- where a task is ---- */

/* Of the process, as it sees it; links lead nowhere out of its root, and a pipe does not hold the daemon up.
 */
static int read_resolv_conf(pid_t pid, char **ret_text)
{
    const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_IN_ROOT};
    _cleanup_free_ char *text = malloc(MAX_RESOLV_CONF + 1);
    _cleanup_close_ int root = -1;
    _cleanup_close_ int fd = -1;
    char path[64];
    struct stat info;
    ssize_t size = 0;

    if (!text)
        return -ENOMEM;
    (void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    fd = (int)syscall(SYS_openat2, root, "etc/resolv.conf", &how, sizeof(how));
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        size = read(fd, text, MAX_RESOLV_CONF);
    else if (fd < 0 && errno != ENOENT)
        return -errno;
    if (size < 0)
        return -errno;
    text[size] = '\0'; /* without a file as without a line in it */
    *ret_text = TAKE_PTR(text);
    return 0;
}

static int open_netns(pid_t pid)
{
    char path[64];
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* ---- the kernel's side ---- */

static struct svc_resolver *resolver_of(const struct daemon *daemon, const struct task *task)
{
    return datapath_resolver(daemon->datapath, task->resolver);
}

static void beat(struct daemon *daemon, uint64_t now)
{
    __atomic_store_n(&datapath_resolver(daemon->datapath, 0)->heartbeat, now, __ATOMIC_RELEASE);
}

/* The one it had, or a free one. 0: none. */
static uint32_t take_number(const struct daemon *daemon, uint64_t cgroup_id)
{
    uint32_t found = 0;

    for (uint32_t number = 1; number <= datapath_resolvers(daemon->datapath); number++) {
        const struct svc_resolver *resolver = datapath_resolver(daemon->datapath, number);

        if (resolver->cgroup_id == cgroup_id)
            return number;
        if (!found && resolver->cgroup_id == 0)
            found = number;
    }
    return found;
}

static void withdraw(const struct daemon *daemon, struct task *task)
{
    if (task->resolver)
        __atomic_store_n(&resolver_of(daemon, task)->n, 0, __ATOMIC_RELEASE);
    dns_stub_free(&task->dns);
}

static void publish(const struct daemon *daemon, const struct task *task)
{
    struct svc_resolver *resolver = resolver_of(daemon, task);
    const struct dns_stub *stub = task->dns;

    resolver->netns_cookie = stub->netns_cookie;
    for (unsigned i = 0; i < stub->n_servers; i++) {
        const struct dns_server *server = &stub->servers[i];
        struct ip_address address = dns_server_listen_address(server);

        memcpy(resolver->nameserver[i], server->address.bytes, sizeof(resolver->nameserver[i]));
        memcpy(resolver->stub[i], address.bytes, sizeof(resolver->stub[i]));
        resolver->port_be[i] = htons(server->port);
    }
    __atomic_store_n(&resolver->n, stub->n_servers, __ATOMIC_RELEASE);
}

/* ---- a task's stub ---- */

/* As it should be already? */
static bool is_right(const struct task *task, int netns_fd, const char *text)
{
    struct stat info;

    return task->dns && fstat(netns_fd, &info) == 0 && info.st_ino == task->dns->netns &&
           strcmp(task->dns->text, text) == 0;
}

/* By the namespaces of this process. -ESRCH: it has gone. */
static int look_at_process(struct daemon *daemon, struct task *task, pid_t pid)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_close_ int netns_fd = open_netns(pid);
    struct dns_stub *stub;
    struct error error = {0};
    int r = netns_fd < 0 ? netns_fd : read_resolv_conf(pid, &text);

    if (r < 0)
        return -ESRCH;
    if (is_right(task, netns_fd, text))
        return 0;
    withdraw(daemon, task);
    r = dns_stub_new(daemon, task, netns_fd, text, resolver_of(daemon, task), &stub, &error);
    if (r < 0) {
        if (!task->is_dns_failed)
            log_warning("task %s keeps to its own name servers: %s", task->cgroup.path, error.message);
        task->is_dns_failed = true;
        return r;
    }
    TAKE_FD(netns_fd);
    task->is_dns_failed = false;
    task->dns = stub;
    publish(daemon, task);
    log_debug("task %s: its DNS is answered for %u name servers", task->cgroup.path, stub->n_servers);
    return 0;
}

static void look(struct daemon *daemon, struct task *task)
{
    struct cgroup_tree tree = {0};
    char directory[PATH_MAX];
    int r = -ESRCH;

    cgroup_directory(daemon->config.cgroup_root, task->cgroup.path, directory, sizeof(directory));
    if (cgroup_tree_add(&tree, directory, LOOK_PROCESSES) == 0)
        for (size_t i = 0; i < tree.n_processes && r == -ESRCH; i++)
            r = look_at_process(daemon, task, tree.processes[i]);
    cgroup_tree_done(&tree);
    /* With the last process goes the network namespace, which a socket of ours would keep. */
    if (r == -ESRCH && task->dns)
        withdraw(daemon, task);
}

void dns_task_put(struct daemon *daemon, struct task *task, pid_t pid)
{
    struct svc_resolver *resolver;

    if (!daemon->config.is_dns_on)
        return;
    if (!task->resolver) {
        task->resolver = take_number(daemon, task->cgroup.id);
        if (!task->resolver)
            return;
        resolver = resolver_of(daemon, task);
        if (resolver->cgroup_id != task->cgroup.id)
            *resolver = (struct svc_resolver){.cgroup_id = task->cgroup.id};
    }
    if (datapath_set_resolver(daemon->datapath, task->cgroup.id, task->resolver) < 0)
        return;
    if (!pid || look_at_process(daemon, task, pid) < 0)
        look(daemon, task);
    task->dns_look = daemon->dns.ticks + LOOK_EVERY_TICKS;
}

void dns_task_remove(struct daemon *daemon, struct task *task)
{
    if (!task->resolver)
        return;
    withdraw(daemon, task);
    *resolver_of(daemon, task) = (struct svc_resolver){0};
    task->resolver = 0;
}

/* ---- for people ---- */

cJSON *dns_describe_task(const struct task *task)
{
    cJSON *list = cJSON_CreateArray();
    char text[IP_ADDRESS_TEXT_SIZE];

    for (unsigned i = 0; task->dns && i < task->dns->n_servers; i++)
        (void)cJSON_AddItemToArray(
            list, cJSON_CreateString(ip_address_format(&task->dns->servers[i].address, text)));
    return list;
}

cJSON *dns_describe(const struct daemon *daemon)
{
    const struct dns_counters *counters = &daemon->dns.counters;
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddBoolToObject(object, "on", daemon->config.is_dns_on);
    (void)cJSON_AddNumberToObject(object, "answered", (double)counters->answered);
    (void)cJSON_AddNumberToObject(object, "forwarded", (double)counters->forwarded);
    (void)cJSON_AddNumberToObject(object, "timedOut", (double)counters->timed_out);
    (void)cJSON_AddNumberToObject(object, "refused", (double)counters->refused);
    (void)cJSON_AddNumberToObject(object, "malformed", (double)counters->malformed);
    return object;
}

/* ---- time ---- */

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;
    struct task *task, *next;
    uint64_t now = ++daemon->dns.ticks;

    (void)fd;
    (void)what;
    beat(daemon, clock_monotonic_ns());
    HASH_ITER (hh, daemon->tasks.all, task, next) {
        if (!task->resolver)
            continue;
        if (task->dns)
            dns_forward_sweep(task->dns);
        /* Without one at every turn: it is a directory to read, and a task that has just begun to wait for.
         */
        if (task->dns && now < task->dns_look)
            continue;
        look(daemon, task);
        task->dns_look = now + LOOK_EVERY_TICKS;
    }
}

/* Numbers of tasks that have gone while no daemon ran. */
static void free_numbers(struct daemon *daemon)
{
    for (uint32_t number = 1; number <= datapath_resolvers(daemon->datapath); number++) {
        struct svc_resolver *resolver = datapath_resolver(daemon->datapath, number);
        const struct task *task;

        if (resolver->cgroup_id == 0)
            continue;
        resolver->n = 0;
        HASH_FIND(hh, daemon->tasks.all, &resolver->cgroup_id, sizeof(resolver->cgroup_id), task);
        if (!task)
            *resolver = (struct svc_resolver){0};
    }
}

int dns_begin(struct daemon *daemon, struct error *error)
{
    struct task *task;

    beat(daemon, 0);
    free_numbers(daemon);
    daemon->dns.buffer = malloc(BUFFER_SIZE);
    if (!daemon->dns.buffer)
        return error_errno(error, ENOMEM, "starting");
    if (daemon->config.dns_listen_port > 0) {
        int r = dns_stub_listen(daemon, &daemon->config.dns_listen_address, daemon->config.dns_listen_port,
                                &daemon->dns.listener, error);

        if (r < 0)
            return r;
    }
    if (!daemon->config.is_dns_on)
        return 0;
    daemon->dns.tick = event_new(daemon->base, -1, EV_PERSIST, on_tick, daemon);
    if (!daemon->dns.tick || event_add(daemon->dns.tick, &tick_interval) < 0)
        return error_errno(error, ENOMEM, "starting");
    beat(daemon, clock_monotonic_ns());
    for (task = daemon->tasks.all; task; task = task->hh.next)
        dns_task_put(daemon, task, 0);
    return 0;
}

void dns_done(struct daemon *daemon)
{
    struct task *task;

    if (daemon->dns.buffer)
        beat(daemon, 0);
    for (task = daemon->tasks.all; task; task = task->hh.next)
        dns_stub_free(&task->dns);
    dns_stub_free(&daemon->dns.listener);
    if (daemon->dns.tick)
        event_free(daemon->dns.tick);
    dns_zones_done(&daemon->dns.zones);
    free(daemon->dns.buffer);
}
