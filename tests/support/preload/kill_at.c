/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Kills the process it is loaded into (LD_PRELOAD) at one step of a commit, as power loss or kill -9 would:
 *
 *   KILL_ARMED=FILE  nothing is counted before this file is there
 *   KILL_FILE=TEXT   writes and syncs of files with this in their path are steps; after the first of them
 *                    every bpf() call is one too
 *   KILL_AT=N        the process dies before the N-th step is done
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_ulong steps;

static void *next_of(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (!function)
        abort();
    return function;
}

static bool is_armed(void)
{
    static atomic_bool is_known;
    const char *file = getenv("KILL_ARMED");

    if (!is_known && file && access(file, F_OK) == 0)
        is_known = true;
    return is_known;
}

static void step(void)
{
    const char *at = getenv("KILL_AT");

    if (at && atomic_fetch_add(&steps, 1) + 1 == strtoul(at, NULL, 10))
        (void)raise(SIGKILL);
}

static void step_of_file(int fd)
{
    const char *wanted = getenv("KILL_FILE");
    char link[64], path[4096];
    ssize_t length;

    if (!wanted || !is_armed())
        return;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof(path) - 1);
    if (length < 0)
        return;
    path[length] = '\0';
    if (strstr(path, wanted))
        step();
}

ssize_t write(int fd, const void *data, size_t size)
{
    static ssize_t (*next)(int, const void *, size_t);

    if (!next)
        next = (ssize_t(*)(int, const void *, size_t))next_of("write");
    step_of_file(fd);
    return next(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    static ssize_t (*next)(int, const void *, size_t, off_t);

    if (!next)
        next = (ssize_t(*)(int, const void *, size_t, off_t))next_of("pwrite");
    step_of_file(fd);
    return next(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    static ssize_t (*next)(int, const void *, size_t, off64_t);

    if (!next)
        next = (ssize_t(*)(int, const void *, size_t, off64_t))next_of("pwrite64");
    step_of_file(fd);
    return next(fd, data, size, at);
}

int fsync(int fd)
{
    static int (*next)(int);

    if (!next)
        next = (int (*)(int))next_of("fsync");
    step_of_file(fd);
    return next(fd);
}

int fdatasync(int fd)
{
    static int (*next)(int);

    if (!next)
        next = (int (*)(int))next_of("fdatasync");
    step_of_file(fd);
    return next(fd);
}

/* libbpf's way to bpf(). */
long syscall(long number, ...)
{
    static long (*next)(long, ...);
    long a[6];
    va_list arguments;

    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    if (!next)
        next = (long (*)(long, ...))next_of("syscall");
    if (number == SYS_bpf && atomic_load(&steps) > 0)
        step();
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
