/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Only system calls: the keeper is a fork. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "dns/keep.h"

int keep_send(int fd, const struct keep_message *message, const int *fds, size_t n_fds, int flags)
{
    char control[CMSG_SPACE(KEEP_FDS * sizeof(int))] __attribute__((aligned(8))) = {0};
    struct iovec part = {(void *)(uintptr_t)message,
                         offsetof(struct keep_message, text) + strlen(message->text) + 1};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

    if (n_fds > 0) {
        struct cmsghdr *rights = (struct cmsghdr *)(void *)control;

        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, n_fds * sizeof(int));
    }
    return sendmsg(fd, &header, flags | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static size_t take_fds(struct msghdr *header, int fds[static KEEP_FDS])
{
    size_t n = 0;

    for (struct cmsghdr *rights = CMSG_FIRSTHDR(header); rights; rights = CMSG_NXTHDR(header, rights)) {
        size_t more = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS || n + more > KEEP_FDS)
            continue;
        memcpy(fds + n, CMSG_DATA(rights), more * sizeof(int));
        n += more;
    }
    return n;
}

static bool keep_message_is_whole(const struct keep_message *message, size_t size, size_t n_fds)
{
    const size_t least = offsetof(struct keep_message, text);

    if (size <= least || size > sizeof(*message) || message->version != KEEP_VERSION ||
        message->n_servers > SVC_NAMESERVERS || memchr(message->cgroup, 0, sizeof(message->cgroup)) == NULL ||
        memchr(message->text, 0, size - least) == NULL)
        return false;
    return message->kind == KEEP_PUT ? n_fds == 1 + 2 * (size_t)message->n_servers
                                     : n_fds == (message->kind == KEEP_LISTEN);
}

int keep_receive(int fd, struct keep_message *ret_message, int ret_fds[static KEEP_FDS], size_t *ret_n_fds,
                 int flags)
{
    char control[CMSG_SPACE(KEEP_FDS * sizeof(int))] __attribute__((aligned(8)));
    struct iovec part = {ret_message, sizeof(*ret_message)};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t size = recvmsg(fd, &header, flags | MSG_CMSG_CLOEXEC);
    size_t n;

    if (size < 0)
        return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -EPIPE;
    if (size == 0)
        return -EPIPE;
    n = take_fds(&header, ret_fds);
    if (header.msg_flags & (MSG_CTRUNC | MSG_TRUNC) || !keep_message_is_whole(ret_message, (size_t)size, n)) {
        while (n > 0)
            (void)close(ret_fds[--n]);
        return -EBADMSG;
    }
    *ret_n_fds = n;
    return 0;
}

bool keep_is_deserted(const char *cgroup)
{
    char path[PATH_MAX + 16], text[256];
    _cleanup_close_ int fd = -1;
    ssize_t size;

    (void)snprintf(path, sizeof(path), "%s/cgroup.events", cgroup);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    size = read(fd, text, sizeof(text) - 1);
    if (size < 0)
        return errno == ENODEV;
    text[size] = '\0';
    return strstr(text, "populated 0") != NULL;
}
