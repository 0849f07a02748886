/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Mounts a FUSE file system on a directory, takes every request and answers none: whoever waits for it can
 * not even be killed before this program ends. Prints READY.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static char buffer[1 << 20];

static int begin(int fd)
{
    const struct fuse_in_header *request = (const void *)buffer;
    struct {
        struct fuse_out_header head;
        struct fuse_init_out init;
    } answer = {.init = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 65536}};

    if (read(fd, buffer, sizeof(buffer)) < (ssize_t)sizeof(*request) || request->opcode != FUSE_INIT)
        return -1;
    answer.head.len = sizeof(answer);
    answer.head.unique = request->unique;
    return write(fd, &answer, sizeof(answer)) == sizeof(answer) ? 0 : -1;
}

int main(int argc, char **argv)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    char options[128];

    if (argc != 2)
        return fputs("usage: silent_fuse DIRECTORY\n", stderr), 2;
    (void)snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
    if (fd < 0 || mount("silent", argv[1], "fuse", MS_NODEV | MS_NOSUID, options) < 0 || begin(fd) < 0)
        return fprintf(stderr, "silent_fuse: %s\n", strerror(errno)), 1;
    puts("READY");
    (void)fflush(stdout);
    while (read(fd, buffer, sizeof(buffer)) > 0 || errno == EINTR)
        ;
    return 0;
}
