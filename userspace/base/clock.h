/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Time, in one unit each. */
#pragma once

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, which the programs' bpf_ktime_get_ns() reads too. */
static inline uint64_t clock_monotonic_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_ns() / 1000000u;
}

/* What all threads of this process have had of processors. */
static inline uint64_t clock_processors_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* What this thread has had of processors. */
static inline uint64_t clock_thread_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The wall clock. */
static inline int64_t clock_wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int64_t clock_wall_s(void)
{
    return (int64_t)time(NULL);
}

/* CLOCK_BOOTTIME: since the host was booted, with the time that it slept. */
static inline int64_t clock_boot_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * The wall clock as this run goes by it: what it was when first asked for, and the time since. Whatever has
 * to end at a time that is written down goes by this one: whoever sets the clock of the host meanwhile neither
 * ends nor prolongs it. The next run goes on with it if it is told to, by clock_run_continue(); else it goes by
 * the wall clock that it finds.
 */
int64_t clock_run_ms(void);

/*
 * Before the clock is first asked for: it goes on as in the run that wrote this file, if that was since the host
 * was booted; else it begins now and the file is written for the next one. Negative errno: it could not be.
 */
int clock_run_continue(const char *path);

/* The same on a clock of the caller's, for tests: how far it is ahead of CLOCK_BOOTTIME, by the text of such a
 * file. -ESTALE: of another boot; -EINVAL: no such text. `boot_id` is as the kernel writes it. */
int clock_run_read(const char *text, const char *boot_id, int64_t *ret_ahead_ms);

static inline int64_t clock_run_s(void)
{
    return clock_run_ms() / 1000;
}
