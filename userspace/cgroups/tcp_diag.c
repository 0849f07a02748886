/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cgroups/tcp_diag.h"

#include <errno.h>
#include <linux/mptcp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define RECEIVE_SIZE   32768 /* the most that the kernel puts into one message of a dump */
#define RECEIVE_TIME_S 10    /* the kernel answers at once; this is for what nobody thought of */

#define STATE(name) (1u << TCP_##name)
#define OPEN_STATES                                                                                          \
    (STATE(ESTABLISHED) | STATE(SYN_SENT) | STATE(SYN_RECV) | STATE(FIN_WAIT1) | STATE(FIN_WAIT2) |          \
     STATE(CLOSE_WAIT) | STATE(LAST_ACK) | STATE(CLOSING))
#define CONNECTED_STATE STATE(ESTABLISHED) /* what a UDP socket with a peer has */

/* "Remote end is": everything but matching sockets jumps beyond the end, which means no. */
struct remote_filter {
    struct rtattr attribute;
    struct inet_diag_bc_op op;
    uint8_t condition[sizeof(struct inet_diag_hostcond) + 16]; /* with the address, of which IPv4 uses 4 */
};

struct dump_request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
    struct remote_filter filter;
};

struct destroy_request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
};

struct dump {
    const struct ip_address *address;
    uint16_t port;
    bool is_udp;
    bool is_to_close;
    tcp_diag_fn on_socket;
    void *user;
    bool is_done;
};

int tcp_diag_open(void)
{
    const struct timeval patience = {.tv_sec = RECEIVE_TIME_S};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

    if (fd < 0)
        return errno == EPROTONOSUPPORT ? -EOPNOTSUPP : -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

static int send_request(int fd, const void *request, size_t size)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent;

    do {
        sent = sendto(fd, request, size, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

/* The size of what came from the kernel. */
static ssize_t receive(int fd, char *buffer)
{
    struct sockaddr_nl from;
    socklen_t length;
    ssize_t size;

    do {
        length = sizeof(from);
        size = recvfrom(fd, buffer, RECEIVE_SIZE, MSG_TRUNC, (struct sockaddr *)&from, &length);
    } while ((size < 0 && errno == EINTR) || (size >= 0 && from.nl_pid != 0));
    if (size < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    return size > RECEIVE_SIZE ? -EMSGSIZE : size;
}

static void fill_filter(struct remote_filter *filter, const struct ip_address *address, uint16_t port)
{
    bool is_v4 = ip_address_is_v4(address);
    size_t length = is_v4 ? 4 : 16;
    size_t size = sizeof(filter->op) + sizeof(struct inet_diag_hostcond) + length;
    const struct inet_diag_hostcond condition = {
        .family = is_v4 ? AF_INET : AF_INET6, .prefix_len = (uint8_t)(length * 8), .port = port};

    filter->attribute.rta_len = (unsigned short)RTA_LENGTH(size);
    filter->attribute.rta_type = INET_DIAG_REQ_BYTECODE;
    filter->op.code = INET_DIAG_BC_D_COND;
    filter->op.yes = (unsigned char)size;
    filter->op.no = (unsigned short)(size + sizeof(filter->op));
    memcpy(filter->condition, &condition, sizeof(condition));
    memcpy(filter->condition + sizeof(condition), address->bytes + 16 - length, length);
}

static int read_error(const struct nlmsghdr *message)
{
    const struct nlmsgerr *error = NLMSG_DATA(message);

    return message->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) || error->error > 0 ? -EBADMSG : error->error;
}

static struct ip_address remote_address(const struct inet_diag_msg *found)
{
    struct ip_address address;

    if (found->idiag_family == AF_INET)
        return ip_address_from_v4(ntohl(found->id.idiag_dst[0]));
    memcpy(address.bytes, found->id.idiag_dst, sizeof(address.bytes));
    return address;
}

static uint64_t find_cgroup_id(const struct nlmsghdr *message)
{
    const struct inet_diag_msg *found = NLMSG_DATA(message);
    const struct rtattr *attribute = (const struct rtattr *)(found + 1);
    int rest = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof(*found))); /* RTA_NEXT may go below nothing */
    uint64_t id = 0;

    for (; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest))
        if (attribute->rta_type == INET_DIAG_CGROUP_ID && RTA_PAYLOAD(attribute) == sizeof(id))
            memcpy(&id, RTA_DATA(attribute), sizeof(id));
    return id;
}

static const struct rtattr *find_nested(const struct rtattr *nest, unsigned short type)
{
    const struct rtattr *attribute = nest ? RTA_DATA(nest) : NULL;
    int rest = nest ? (int)RTA_PAYLOAD(nest) : 0;

    for (; nest && RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest))
        if ((attribute->rta_type & ~NLA_F_NESTED) == type)
            return attribute;
    return NULL;
}

/* The kernel tells it to who has CAP_NET_ADMIN. One that has fallen back to TCP is none. */
static bool find_subflow(const struct nlmsghdr *message)
{
    const struct inet_diag_msg *found = NLMSG_DATA(message);
    const struct rtattr *attribute = (const struct rtattr *)(found + 1);
    int rest = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof(*found)));
    const struct rtattr *flags = NULL;
    uint32_t value = 0;

    for (; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest))
        if ((attribute->rta_type & ~NLA_F_NESTED) == INET_DIAG_ULP_INFO)
            flags = find_nested(find_nested(attribute, INET_ULP_INFO_MPTCP), MPTCP_SUBFLOW_ATTR_FLAGS);
    if (flags && RTA_PAYLOAD(flags) == sizeof(value))
        memcpy(&value, RTA_DATA(flags), sizeof(value));
    return value & (MPTCP_SUBFLOW_FLAG_MCAP_REM | MPTCP_SUBFLOW_FLAG_JOIN_REM);
}

static int take_socket(const struct nlmsghdr *message, const struct dump *dump)
{
    const struct inet_diag_msg *found = NLMSG_DATA(message);
    struct tcp_diag_socket given;
    struct ip_address address;

    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*found)))
        return -EBADMSG;
    /* The kernel has filtered; what is destroyed by its word is looked at again. */
    address = remote_address(found);
    if (ntohs(found->id.idiag_dport) != dump->port || !ip_address_equal(&address, dump->address))
        return 0;
    given = (struct tcp_diag_socket){
        .family = found->idiag_family,
        .state = found->idiag_state,
        .is_orphan = found->idiag_inode == 0,
        .is_udp = dump->is_udp,
        .is_subflow = find_subflow(message),
        .id = found->id,
        .cgroup_id = find_cgroup_id(message),
    };
    return dump->on_socket(&given, dump->user);
}

static int take_message(const struct nlmsghdr *message, struct dump *dump)
{
    int r = 0;

    switch (message->nlmsg_type) {
    case SOCK_DIAG_BY_FAMILY:
        return take_socket(message, dump);
    case NLMSG_ERROR:
        r = read_error(message);
        return r == -ENOENT ? -EOPNOTSUPP : r; /* nobody listens for the family or the protocol */
    case NLMSG_DONE:
        dump->is_done = true;
        if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(r)))
            memcpy(&r, NLMSG_DATA(message), sizeof(r));
        return r < 0 ? r : 0;
    default:
        return 0;
    }
}

static int take_messages(const char *buffer, size_t size, struct dump *dump)
{
    const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
    int left = (int)size; /* with a sign: after a last message that fills no whole word it is below nothing */
    int r = 0;

    for (; r == 0 && !dump->is_done && NLMSG_OK(message, left); message = NLMSG_NEXT(message, left))
        r = take_message(message, dump);
    return r;
}

static int dump_family(int fd, uint8_t family, struct dump *dump)
{
    _Alignas(struct nlmsghdr) char buffer[RECEIVE_SIZE];
    struct dump_request request = {
        .header = {.nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .request = {.sdiag_family = family,
                    .sdiag_protocol = dump->is_udp ? IPPROTO_UDP : IPPROTO_TCP,
                    .idiag_ext = dump->is_to_close ? 1u << (INET_DIAG_INFO - 1) : 0,
                    .idiag_states = dump->is_udp ? CONNECTED_STATE : OPEN_STATES},
    };
    int r;

    dump->is_done = false;
    fill_filter(&request.filter, dump->address, dump->port);
    request.header.nlmsg_len =
        (uint32_t)(offsetof(struct dump_request, filter) + RTA_ALIGN(request.filter.attribute.rta_len));
    r = send_request(fd, &request, request.header.nlmsg_len);
    while (r == 0 && !dump->is_done) {
        ssize_t size = receive(fd, buffer);

        r = size < 0 ? (int)size : take_messages(buffer, (size_t)size, dump);
    }
    return r;
}

static int dump_families(int fd, struct dump *dump)
{
    int r = ip_address_is_v4(dump->address) ? dump_family(fd, AF_INET, dump) : 0;

    return r == 0 ? dump_family(fd, AF_INET6, dump) : r;
}

int tcp_diag_each(int fd, const struct ip_address *address, uint16_t port, tcp_diag_fn on_socket, void *user)
{
    struct dump dump = {.address = address, .port = port, .on_socket = on_socket, .user = user};

    return dump_families(fd, &dump);
}

int tcp_diag_each_to_close(int fd, const struct ip_address *address, uint16_t port, tcp_diag_fn on_socket,
                           void *user)
{
    struct dump dump = {
        .address = address, .port = port, .on_socket = on_socket, .user = user, .is_to_close = true};

    return dump_families(fd, &dump);
}

int tcp_diag_each_udp(int fd, const struct ip_address *address, uint16_t port, tcp_diag_fn on_socket,
                      void *user)
{
    struct dump dump = {
        .address = address, .port = port, .is_udp = true, .on_socket = on_socket, .user = user};

    return dump_families(fd, &dump);
}

int tcp_diag_destroy(int fd, const struct tcp_diag_socket *socket)
{
    _Alignas(struct nlmsghdr) char buffer[RECEIVE_SIZE];
    const struct destroy_request request = {
        .header = {.nlmsg_len = sizeof(request),
                   .nlmsg_type = SOCK_DESTROY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .request = {.sdiag_family = socket->family,
                    .sdiag_protocol = socket->is_udp ? IPPROTO_UDP : IPPROTO_TCP,
                    .idiag_states = OPEN_STATES,
                    .id = socket->id},
    };
    const struct nlmsghdr *answer = (const struct nlmsghdr *)buffer;
    ssize_t size;
    int r = send_request(fd, &request, sizeof(request));

    if (r < 0)
        return r;
    size = receive(fd, buffer);
    if (size < 0)
        return (int)size;
    if (!NLMSG_OK(answer, (size_t)size) || answer->nlmsg_type != NLMSG_ERROR)
        return -EBADMSG;
    r = read_error(answer);
    return r == -ESTALE ? -ENOENT : r; /* another socket has its place */
}
