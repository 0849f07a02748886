/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Preloaded into a program, counts its calls of malloc(), calloc() and realloc() in the 8 bytes at the start
 * of the file $COUNT_ALLOCATIONS, where another process reads them.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* jemalloc's (jemalloc(3)), where the program is linked with it: what it has given it must be asked to change and to free. */
#define ZEROED 0x40
extern void *mallocx(size_t size, int flags) __attribute__((weak));
extern void *rallocx(void *memory, size_t size, int flags) __attribute__((weak));

/* Else glibc's own, which its malloc() and the others are aliases of. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static atomic_uint_fast64_t unseen;
static atomic_uint_fast64_t *counter = &unseen;

__attribute__((constructor)) static void open_counter(void)
{
    const char *path = getenv("COUNT_ALLOCATIONS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped =
        fd >= 0 ? mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (mapped != MAP_FAILED)
        counter = mapped;
    if (fd >= 0)
        (void)close(fd);
}

void *malloc(size_t size)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
    return mallocx ? mallocx(size ? size : 1, 0) : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
    if (!mallocx)
        return __libc_calloc(n, size);
    if (__builtin_mul_overflow(n, size, &size))
        return NULL;
    return mallocx(size ? size : 1, ZEROED);
}

void *realloc(void *memory, size_t size)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
    if (!rallocx)
        return __libc_realloc(memory, size);
    size = size ? size : 1;
    return memory ? rallocx(memory, size, 0) : mallocx(size, 0);
}
