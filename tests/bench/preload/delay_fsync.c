/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A slow disk, by LD_PRELOAD: fsync() and fdatasync() of the registry's files take that much longer. The file
 * that DELAY_FSYNC names holds two words of 64 bits: the microseconds, which may change while the program
 * runs, and how many of these calls there were.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static uint64_t *words;

__attribute__((constructor)) static void open_words(void)
{
    const char *path = getenv("DELAY_FSYNC");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (fd >= 0)
        (void)close(fd);
    words = memory == MAP_FAILED ? NULL : memory;
}

/* registry.db, its journals, and the directory they are in. */
static int is_of_the_registry(int fd)
{
    char name[64], path[4096];
    ssize_t length;

    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    length = readlink(name, path, sizeof(path) - 1);
    if (length < 0)
        return 0;
    path[length] = '\0';
    return strstr(path, "/registry.db") != NULL || (length >= 6 && strcmp(path + length - 6, "/state") == 0);
}

static void wait_for_the_disk(int fd)
{
    int saved = errno;
    uint64_t microseconds;
    struct timespec rest;

    if (!words || !is_of_the_registry(fd))
        return;
    (void)__atomic_fetch_add(&words[1], 1, __ATOMIC_RELAXED);
    microseconds = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
    rest = (struct timespec){.tv_sec = (time_t)(microseconds / 1000000),
                             .tv_nsec = (long)(microseconds % 1000000) * 1000};
    while (microseconds && nanosleep(&rest, &rest) < 0 && errno == EINTR)
        ;
    errno = saved;
}

static int then_really(const char *name, int fd)
{
    int (*function)(int) = (int (*)(int))(uintptr_t)dlsym(RTLD_NEXT, name);

    wait_for_the_disk(fd);
    if (function)
        return function(fd);
    errno = ENOSYS;
    return -1;
}

int fsync(int fd);
int fdatasync(int fd);

int fsync(int fd)
{
    return then_really("fsync", fd);
}

int fdatasync(int fd)
{
    return then_really("fdatasync", fd);
}
