/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/bundle/tar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"

#define BLOCK 512

/* As POSIX has it: numbers in octal digits, each with a NUL behind it. */
struct header {
    char name[100];
    char mode[8], uid[8], gid[8];
    char size[12], mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char user[32], group[32];
    char major[8], minor[8];
    char prefix[155];
    char rest[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

struct tar {
    gzFile file;
    time_t now;
    int result; /* the first failure */
};

int tar_new(int fd, time_t now, struct tar **ret_tar)
{
    struct tar *tar = calloc(1, sizeof(*tar));
    int own = dup(fd);

    if (tar && own >= 0)
        tar->file = gzdopen(own, "wb");
    if (!tar || !tar->file) {
        if (own >= 0)
            (void)close(own);
        free(tar);
        return -ENOMEM;
    }
    tar->now = now;
    *ret_tar = tar;
    return 0;
}

static int tar_put(struct tar *tar, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0 && tar->result == 0) {
        unsigned part = length > 1u << 20 ? 1u << 20 : (unsigned)length;

        errno = 0;
        if (gzwrite(tar->file, at, part) != (int)part)
            tar->result = errno ? -errno : -EIO;
        at += part;
        length -= part;
    }
    return tar->result;
}

static void tar_octal(char *field, size_t size, unsigned long long number)
{
    for (size_t i = size - 1; i-- > 0; number /= 8)
        field[i] = (char)('0' + number % 8);
}

int tar_add(struct tar *tar, const char *name, const void *bytes, size_t length)
{
    static const char zeros[BLOCK];
    struct header header = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
    const unsigned char *all = (const unsigned char *)&header;
    unsigned sum = 0;

    if (strlen(name) > TAR_NAME_MAX)
        return -ENAMETOOLONG;
    if (length >= 1ull << 33)
        return -EFBIG;
    memcpy(header.name, name, strlen(name));
    tar_octal(header.mode, sizeof(header.mode), 0600);
    tar_octal(header.uid, sizeof(header.uid), 0);
    tar_octal(header.gid, sizeof(header.gid), 0);
    tar_octal(header.size, sizeof(header.size), length);
    tar_octal(header.mtime, sizeof(header.mtime), (unsigned long long)tar->now);
    memset(header.checksum, ' ', sizeof(header.checksum));
    for (size_t i = 0; i < sizeof(header); i++)
        sum += all[i];
    tar_octal(header.checksum, 7, sum);
    header.checksum[6] = '\0';
    (void)tar_put(tar, &header, sizeof(header));
    (void)tar_put(tar, bytes, length);
    return tar_put(tar, zeros, (BLOCK - length % BLOCK) % BLOCK);
}

int tar_finish(struct tar **tar)
{
    static const char end[2 * BLOCK];
    struct tar *self = *tar;
    int r;

    if (!self)
        return 0;
    *tar = NULL;
    r = tar_put(self, end, sizeof(end));
    if (gzclose(self->file) != Z_OK && r == 0)
        r = -EIO;
    free(self);
    return r;
}
