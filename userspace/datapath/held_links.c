/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Links held open. Without a pin and without a descriptor a link goes, and its program with it: so whoever
 * removes a pin under a running daemon detaches nothing, and the pin can be put back (kernel_mend.c).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "datapath/kernel.h"

/* A quarter of the descriptors is for everything else; a link that gets none is attached by its pin alone. */
static bool held_links_has_room(int fd)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd < limit.rlim_cur / 4 * 3;
}

struct held_links *kernel_held_links(const struct kernel *kernel, const char *name)
{
    struct held_links *held;

    HASH_FIND_STR(kernel->links, name, held);
    return held;
}

void kernel_hold_link(struct kernel *kernel, const char *name, int program, int fd)
{
    struct held_links *held = kernel_held_links(kernel, name);

    if (!held) {
        held = malloc(sizeof(*held) + strlen(name) + 1);
        if (!held) {
            (void)close(fd);
            return;
        }
        memset(held->fd, 0xff, sizeof(held->fd));
        strcpy(held->name, name);
        HASH_ADD_STR(kernel->links, name, held);
    }
    if (held->fd[program] >= 0)
        (void)close(held->fd[program]);
    held->fd[program] = -1;
    if (held_links_has_room(fd))
        held->fd[program] = fd;
    else
        (void)close(fd);
}

void kernel_drop_links(struct kernel *kernel, const char *name)
{
    struct held_links *held = kernel_held_links(kernel, name);

    if (!held)
        return;
    if (kernel->next_mended == held)
        kernel->next_mended = held->hh.next;
    HASH_DEL(kernel->links, held);
    for (int i = 0; i < DATAPATH_MAX_PROGRAMS; i++)
        if (held->fd[i] >= 0)
            (void)close(held->fd[i]);
    free(held);
}

void kernel_drop_all_links(struct kernel *kernel)
{
    while (kernel->links)
        kernel_drop_links(kernel, kernel->links->name);
}
