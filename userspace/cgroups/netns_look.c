/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cgroups/netns_look.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgroups/cgroup_tree.h"
#include "cgroups/netns.h"

#define PROCESSES_OF_ONE 256 /* a task has a namespace or two */

/* ---- which there are ---- */

static int open_seen(pid_t pid, ino_t *ret_inode)
{
    _cleanup_close_ int fd = -1;
    char path[64] = "/proc/thread-self/ns/net";
    struct stat info;

    if (pid)
        (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    if (fstat(fd, &info) < 0)
        return -errno;
    *ret_inode = info.st_ino;
    return TAKE_FD(fd);
}

/* ---- their addresses ---- */

static bool look_take_address(const struct sockaddr *from, struct ip_address *ret_address)
{
    struct ip_address address;

    if (!from)
        return false;
    if (from->sa_family == AF_INET)
        address =
            ip_address_from_v4(ntohl(((const struct sockaddr_in *)(const void *)from)->sin_addr.s_addr));
    else if (from->sa_family == AF_INET6)
        memcpy(&address, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, sizeof(address));
    else
        return false;
    if (ip_address_why_no_endpoint(&address) || ip_address_is_loopback(&address))
        return false;
    *ret_address = address;
    return true;
}

/* In a thread inside the namespace. */
static int look_read_addresses(void *user)
{
    struct netns_seen *seen = user;
    struct ifaddrs *all = NULL;
    size_t n = 0;

    if (getifaddrs(&all) < 0)
        return -errno;
    for (const struct ifaddrs *item = all; item; item = item->ifa_next)
        n++;
    if (n > NETNS_LOOK_ADDRESSES)
        n = NETNS_LOOK_ADDRESSES;
    seen->addresses = calloc(n + 1, sizeof(*seen->addresses));
    for (const struct ifaddrs *item = all; seen->addresses && item && seen->n_addresses < n;
         item = item->ifa_next)
        seen->n_addresses += look_take_address(item->ifa_addr, &seen->addresses[seen->n_addresses]);
    freeifaddrs(all);
    seen->is_asked = seen->addresses != NULL;
    return seen->addresses ? 0 : -ENOMEM;
}

/* ---- a look ---- */

static bool is_known(const struct netns_look *look, ino_t inode)
{
    for (size_t i = 0; i < look->n; i++)
        if (look->all[i].inode == inode)
            return true;
    return false;
}

static int look_into(struct netns_look *look, pid_t pid)
{
    struct netns_seen seen = {.pid = pid};
    _cleanup_close_ int fd = open_seen(pid, &seen.inode);
    int r;

    if (fd == -ESRCH)
        return 0;
    if (fd < 0 || (!is_known(look, seen.inode) && look->n == NETNS_LOOK_NAMESPACES)) {
        look->is_cut = true;
        return 0;
    }
    if (is_known(look, seen.inode))
        return 0;
    seen.cookie = netns_cookie(fd);
    if (!seen.cookie && !pid)
        return -ENOTSUP;
    r = seen.cookie ? netns_run(fd, look_read_addresses, &seen) : -EPERM;
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        look->is_cut = true;
    if (seen.cookie)
        look->all[look->n++] = seen;
    return 0;
}

int netns_look(const char *const *cgroups, size_t n_cgroups, struct netns_look *ret_look)
{
    _cleanup_(netns_look_done) struct netns_look look = {
        .all = calloc(NETNS_LOOK_NAMESPACES, sizeof(*look.all))};
    int r = look.all ? look_into(&look, 0) : -ENOMEM;

    for (size_t i = 0; i < n_cgroups && r == 0; i++) {
        struct cgroup_tree tree = {0};

        r = cgroup_tree_add(&tree, cgroups[i], PROCESSES_OF_ONE);
        if (r != -ENOMEM)
            r = 0;
        for (size_t p = 0; p < tree.n_processes && r == 0; p++)
            r = look_into(&look, tree.processes[p]);
        cgroup_tree_done(&tree);
    }
    if (r < 0)
        return r;
    *ret_look = look;
    look = (struct netns_look){0};
    return 0;
}

void netns_look_done(struct netns_look *look)
{
    for (size_t i = 0; i < look->n; i++)
        free(look->all[i].addresses);
    free(look->all);
    *look = (struct netns_look){0};
}

/* ---- numbers ---- */

struct number_request {
    struct nlmsghdr header;
    struct rtgenmsg message;
    struct {
        struct nlattr header;
        int32_t value;
    } fd, id;
};

static int make_netlink(void *user)
{
    int *fd = user;

    *fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    return *fd < 0 ? -errno : 0;
}

/* The kernel answers within the call, so nothing is waited for. */
static int ask_number(int netlink, uint16_t type, int target, int32_t *ret_id)
{
    struct number_request request = {
        .header = {.nlmsg_len = type == RTM_NEWNSID ? sizeof(request) : offsetof(struct number_request, id),
                   .nlmsg_type = type,
                   .nlmsg_flags = NLM_F_REQUEST | (type == RTM_NEWNSID ? NLM_F_ACK : 0)},
        .fd = {{sizeof(request.fd), NETNSA_FD}, target},
        .id = {{sizeof(request.id), NETNSA_NSID}, NETNSA_NSID_NOT_ASSIGNED},
    };
    union {
        struct nlmsghdr header;
        char bytes[1024];
    } answer;
    const struct nlmsgerr *failure = NLMSG_DATA(&answer.header);
    ssize_t n = send(netlink, &request, request.header.nlmsg_len, 0);

    n = n < 0 ? n : recv(netlink, &answer, sizeof(answer), MSG_DONTWAIT);
    if (n < 0)
        return -errno;
    if ((size_t)n < NLMSG_LENGTH(sizeof(struct rtgenmsg)))
        return -EBADMSG;
    if (answer.header.nlmsg_type == NLMSG_ERROR)
        return failure->error;
    for (size_t at = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(struct rtgenmsg)));
         at + sizeof(request.id) <= (size_t)n;) {
        const struct nlattr *attribute = (const struct nlattr *)(const void *)(answer.bytes + at);

        if (attribute->nla_type == NETNSA_NSID)
            memcpy(ret_id, answer.bytes + at + NLA_HDRLEN, sizeof(*ret_id));
        if (attribute->nla_len < NLA_HDRLEN)
            break;
        at += NLA_ALIGN(attribute->nla_len);
    }
    return 0;
}

static int number_of(int netlink, int target)
{
    int32_t id = NETNSA_NSID_NOT_ASSIGNED;
    int r = ask_number(netlink, RTM_GETNSID, target, &id);

    if (r < 0 || id >= 0)
        return r < 0 ? r : id;
    r = ask_number(netlink, RTM_NEWNSID, target, &id);
    if (r < 0 && r != -EEXIST)
        return r;
    r = ask_number(netlink, RTM_GETNSID, target, &id);
    return r < 0 ? r : id < 0 ? -ENOENT : id;
}

int netns_number(const struct netns_seen *caller, const struct netns_seen *target)
{
    ino_t caller_inode = 0, target_inode = 0;
    _cleanup_close_ int caller_fd = open_seen(caller->pid, &caller_inode);
    _cleanup_close_ int target_fd = open_seen(target->pid, &target_inode);
    _cleanup_close_ int netlink = -1;
    int r;

    if (caller_fd < 0 || target_fd < 0)
        return caller_fd < 0 ? caller_fd : target_fd;
    if (caller_inode != caller->inode || target_inode != target->inode)
        return -ESRCH; /* the process has gone elsewhere, or another one has its number */
    r = netns_run(caller_fd, make_netlink, &netlink);
    return r < 0 ? r : number_of(netlink, target_fd);
}
