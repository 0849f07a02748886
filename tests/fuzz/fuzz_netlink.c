/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bytes as what the kernel answers about sockets, in datagrams with two bytes of length in front. The source
 * is included, so that its calls to the kernel can be answered here.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <sanitizer/asan_interface.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What is left of the input, and the part of the receiver's buffer that nobody may read. */
struct kernel {
    const uint8_t *at;
    size_t left;
    const char *poisoned;
    size_t n_poisoned;
};

static struct kernel *fuzz_kernel(void)
{
    static struct kernel kernel;

    return &kernel;
}

static void clean(void)
{
    struct kernel *kernel = fuzz_kernel();

    __asan_unpoison_memory_region(kernel->poisoned, kernel->n_poisoned);
    kernel->n_poisoned = 0;
}

static ssize_t fuzz_sendto(int fd, const void *bytes, size_t size, int flags, const struct sockaddr *to,
                           socklen_t length)
{
    (void)fd, (void)bytes, (void)flags, (void)to, (void)length;
    return (ssize_t)size;
}

/* A length of 0xffff is an error, 0xfffe somebody else than the kernel. */
static ssize_t fuzz_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *from,
                             socklen_t *length)
{
    struct kernel *kernel = fuzz_kernel();
    struct sockaddr_nl sender;
    size_t wanted, given;

    (void)fd, (void)flags, (void)length;
    clean();
    memset(&sender, 0, sizeof(sender));
    sender.nl_family = AF_NETLINK;
    memcpy(from, &sender, sizeof(sender));
    if (kernel->left < 2) {
        errno = EAGAIN;
        return -1;
    }
    wanted = (size_t)(kernel->at[0] | kernel->at[1] << 8);
    kernel->at += 2;
    kernel->left -= 2;
    if (wanted == 0xffff) {
        errno = EINTR;
        return -1;
    }
    if (wanted == 0xfffe) {
        sender.nl_pid = 1;
        memcpy(from, &sender, sizeof(sender));
        return 0;
    }
    given = wanted < kernel->left ? wanted : kernel->left;
    if (given > size)
        given = size;
    memcpy(buffer, kernel->at, given);
    kernel->at += given;
    kernel->left -= given;
    kernel->poisoned = (const char *)buffer + given;
    kernel->n_poisoned = size - given;
    __asan_poison_memory_region(kernel->poisoned, kernel->n_poisoned);
    return (ssize_t)(wanted > size ? wanted : given); /* MSG_TRUNC */
}

#define sendto   fuzz_sendto
#define recvfrom fuzz_recvfrom
#include "cgroups/tcp_diag.c"
#undef sendto
#undef recvfrom

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int claim)
{
    if (!claim)
        abort();
}

struct seen {
    const struct ip_address *address;
    unsigned n;
};

static int on_socket(const struct tcp_diag_socket *socket, void *user)
{
    struct seen *seen = user;

    require(ntohs(socket->id.idiag_dport) == 8080);
    (void)tcp_diag_destroy(0, socket);
    return ++seen->n == 3 ? 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ip_address addresses[] = {ip_address_from_v4(0x7f000002), {{0xfd, [15] = 1}}};
    const unsigned choice = size ? data[0] : 0;
    struct seen seen = {.address = &addresses[choice & 1]};
    int fd;
    int r;

    *fuzz_kernel() = (struct kernel){.at = data + (size > 0), .left = size - (size > 0)};
    if (choice & 2)
        r = tcp_diag_each_udp(0, seen.address, 8080, on_socket, &seen);
    else
        r = tcp_diag_each(0, seen.address, 8080, on_socket, &seen);
    require(r != 1 || seen.n == 3);
    clean();
    fd = tcp_diag_open();
    if (fd >= 0)
        (void)close(fd);
    return 0;
}
