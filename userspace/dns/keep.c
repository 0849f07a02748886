/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "dns/keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "dns/stub.h"

#define PATIENCE_S 5 /* of a start, with who has the stubs */

/* ---- what is told ---- */

static struct keep_message *message_new(enum keep_kind kind)
{
    struct keep_message *message = calloc(1, sizeof(*message));

    if (message) {
        message->version = KEEP_VERSION;
        message->kind = kind;
    }
    return message;
}

static struct keep_message *keep_describe(const struct dns *dns, const struct dns_stub *stub,
                                          int fds[static KEEP_FDS], size_t *ret_n_fds)
{
    struct keep_message *message = message_new(KEEP_PUT);
    size_t n = 0;

    if (!message)
        return NULL;
    message->cgroup_id = stub->task->cgroup_id;
    message->netns_cookie = stub->netns_cookie;
    message->number = stub->number;
    message->n_servers = stub->n_servers;
    cgroup_directory(dns->settings.cgroup_root, stub->task->of->cgroup.path, message->cgroup,
                     sizeof(message->cgroup));
    (void)snprintf(message->text, sizeof(message->text), "%s", stub->text);
    fds[n++] = stub->netns_fd;
    for (unsigned i = 0; i < stub->n_servers; i++) {
        const struct dns_server *server = &stub->servers[i];

        message->servers[i] = (struct keep_server){.address = server->address,
                                                   .stub = server->stub_address,
                                                   .zone_index = server->zone_index,
                                                   .port = server->port};
        fds[n++] = server->udp_fd;
        fds[n++] = server->tcp_fd;
    }
    *ret_n_fds = n;
    return message;
}

static int send_stub(const struct dns *dns, const struct dns_stub *stub, int fd, int flags)
{
    int fds[KEEP_FDS];
    size_t n_fds = 0;
    _cleanup_free_ struct keep_message *message = keep_describe(dns, stub, fds, &n_fds);

    return message ? keep_send(fd, message, fds, n_fds, flags) : -ENOMEM;
}

static int send_word(int fd, enum keep_kind kind, uint32_t number, const int *fds, size_t n_fds)
{
    _cleanup_free_ struct keep_message *message = message_new(kind);

    if (!message)
        return -ENOMEM;
    message->number = number;
    return keep_send(fd, message, fds, n_fds, kind == KEEP_END ? 0 : MSG_DONTWAIT);
}

/* ---- the keeper ---- */

static bool has_keeper(const struct dns *dns)
{
    return dns->keep.is_on && dns->settings.keep_path;
}

static void lose_keeper(struct dns *dns)
{
    log_warning("the process that keeps the sockets of DNS has ended: look-ups may fail at the next restart");
    (void)close(dns->keep.fd);
    dns->keep.is_on = false;
}

void dns_keep_start(struct dns *dns)
{
    int r = keeper_start(&dns->keep.fd);

    dns->keep.is_on = r == 0;
    if (r < 0)
        log_warning(
            "no process can be made that keeps the sockets of DNS: look-ups may fail at a restart: %s",
            strerror(-r));
}

void dns_keep_put(struct dns *dns, struct dns_stub *stub)
{
    int r;

    if (!has_keeper(dns))
        return;
    r = send_stub(dns, stub, dns->keep.fd, MSG_DONTWAIT);
    stub->is_kept = r == 0;
    if (r == -EPIPE || r == -ECONNRESET)
        lose_keeper(dns);
}

void dns_keep_drop(struct dns *dns, const struct dns_stub *stub)
{
    /* Where that cannot be said now, another stub of that number says it, or the daemon's end. */
    if (has_keeper(dns) && stub->is_kept)
        (void)send_word(dns->keep.fd, KEEP_DROP, stub->number, NULL, 0);
}

void dns_keep_tick(struct dns *dns)
{
    struct dns_task *task, *next;

    HASH_ITER (hh, dns->tasks, task, next)
        for (struct dns_stub *stub = task->stubs; stub; stub = stub->next)
            if (!stub->is_kept)
                dns_keep_put(dns, stub);
}

static int keep_address_of(const struct dns *dns, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(dns->settings.keep_path) >= sizeof(ret_address->sun_path))
        return -ENAMETOOLONG;
    (void)strcpy(ret_address->sun_path, dns->settings.keep_path);
    return 0;
}

void dns_keep_listen(struct dns *dns)
{
    _cleanup_close_ int fd = -1;
    struct sockaddr_un address;
    mode_t mask;
    int r;

    if (!has_keeper(dns) || keep_address_of(dns, &address) < 0)
        return;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)unlink(address.sun_path);
    /* Born with its mode: at no moment may others connect. */
    mask = umask(0177);
    r = fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0
            ? -errno
            : 0;
    (void)umask(mask);
    if (r == 0)
        r = send_word(dns->keep.fd, KEEP_LISTEN, 0, &fd, 1);
    if (r < 0) {
        log_warning("%s: look-ups may fail at the next restart: %s", address.sun_path, strerror(-r));
        return;
    }
    dns->keep.listen_fd = TAKE_FD(fd);
}

void dns_keep_done(struct dns *dns)
{
    if (dns->keep.is_on)
        (void)close(dns->keep.fd);
    if (dns->keep.listen_fd > 0)
        (void)close(dns->keep.listen_fd);
    if (dns->keep.before_fd > 0)
        (void)close(dns->keep.before_fd);
}

/* ---- from the daemon before ---- */

void dns_keep_meet(struct dns *dns)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    _cleanup_close_ int fd = -1;
    struct sockaddr_un address;

    if (!dns->settings.keep_path || keep_address_of(dns, &address) < 0)
        return;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        dns->keep.before_fd = TAKE_FD(fd);
}

static void take_stub(struct dns *dns, const struct keep_message *message, int fds[static KEEP_FDS])
{
    struct dns_task *task;
    struct dns_stub *stub;

    HASH_FIND(hh, dns->tasks, &message->cgroup_id, sizeof(message->cgroup_id), task);
    if (!dns->settings.is_on || !task || dns_resolvers_claim(dns, task) < 0 ||
        !dns_resolvers_has(task, message->number) || dns_stub_take_over(dns, task, message, fds, &stub) < 0)
        return;
    stub->next = task->stubs;
    task->stubs = stub;
    dns_keep_put(dns, stub);
}

void dns_keep_take_over(struct dns *dns)
{
    _cleanup_close_ int before_fd = dns->keep.before_fd > 0 ? dns->keep.before_fd : -1;
    _cleanup_free_ struct keep_message *message = before_fd < 0 ? NULL : message_new(KEEP_END);
    unsigned n = 0;
    int r = 0;

    dns->keep.before_fd = 0;
    while (message && r == 0) {
        int fds[KEEP_FDS] = {0};
        size_t n_fds = 0;

        r = keep_receive(before_fd, message, fds, &n_fds, 0);
        if (r < 0 || message->kind != KEEP_PUT)
            break;
        take_stub(dns, message, fds);
        n++;
        for (size_t i = 0; i < n_fds; i++)
            if (fds[i] >= 0)
                (void)close(fds[i]);
    }
    if (message && r == 0 && message->kind == KEEP_END) {
        (void)!send(before_fd, "", 1, MSG_NOSIGNAL);
        log_debug("took %u sockets of DNS over from the daemon before", n);
    } else if (message) {
        log_warning("the sockets of DNS could not be taken over from the daemon before");
    }
}

/* ---- to the daemon after ---- */

int dns_keep_hand_over(struct dns *dns, int fd)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct dns_task *task, *next;
    int r = 0;

    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    HASH_ITER (hh, dns->tasks, task, next)
        for (const struct dns_stub *stub = task->stubs; stub && r == 0; stub = stub->next)
            r = send_stub(dns, stub, fd, 0);
    if (r == 0)
        r = send_word(fd, KEEP_END, 0, NULL, 0);
    return r;
}
