/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Takes back what the programs note of connects that do not begin. Such connects are the only ones with
 * nothing in between, but from the sixth in a row on each is judged as a failure, which is another way
 * through the program than the one to be measured.
 */
#ifndef ATTEMPTS_H
#define ATTEMPTS_H

#include <stdint.h>
#include <sys/mman.h>

#include <bpf/bpf.h>

#include <svcconnect/abi.h>

#define ATTEMPTS_KNOWN 64

struct attempts {
    struct svc_attempts *all; /* NULL: nothing is taken back */
    uint32_t n;
    uint32_t known[ATTEMPTS_KNOWN]; /* where something was found before */
    uint32_t n_known;
    uint64_t calls;
};

/* The pinned map; false if it cannot be had. */
static inline bool attempts_open(struct attempts *attempts, const char *pin)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);
    int fd = bpf_obj_get(pin);
    void *memory;

    if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
        return false;
    memory =
        mmap(NULL, info.max_entries * sizeof(struct svc_attempts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return false;
    attempts->all = memory;
    attempts->n = info.max_entries;
    return true;
}

static inline void attempts_clear(struct attempts *attempts, uint32_t at)
{
    __atomic_store_n(&attempts->all[at].connects, 0, __ATOMIC_RELAXED);
}

/* All of the map: rarely, it displaces caches. */
static inline void attempts_scan(struct attempts *attempts)
{
    for (uint32_t i = 0; i < attempts->n; i++) {
        if (!__atomic_load_n(&attempts->all[i].connects, __ATOMIC_RELAXED))
            continue;
        attempts_clear(attempts, i);
        if (attempts->n_known < ATTEMPTS_KNOWN)
            attempts->known[attempts->n_known++] = i;
    }
}

/* After every connect. */
static inline void attempts_forget(struct attempts *attempts)
{
    uint64_t call = ++attempts->calls;

    if (!attempts->all)
        return;
    if ((call & (call - 1)) == 0 || call % 256 == 0)
        attempts_scan(attempts);
    else if (call % 4 == 0)
        for (uint32_t i = 0; i < attempts->n_known; i++)
            attempts_clear(attempts, attempts->known[i]);
}

#endif
