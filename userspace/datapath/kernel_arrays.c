/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The arrays that the kernel lets a process map: from then on they are memory as in the other form. */
#include <errno.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "datapath/kernel.h"

#define MAX_ARRAYS 14

struct array {
    enum map_index map;
    void **memory; /* the member of struct datapath that points to it */
    size_t size;
};

static size_t list_arrays(struct datapath *datapath, struct array arrays[MAX_ARRAYS])
{
    const struct array all[] = {
        {MAP_ALIAS_INDEX, (void **)&datapath->alias_index.buckets,
         ((size_t)datapath->alias_index.mask + 1) * sizeof(struct svc_bucket)},
        {MAP_PEER_INDEX, (void **)&datapath->peer_index.buckets,
         ((size_t)datapath->peer_index.mask + 1) * sizeof(struct svc_bucket)},
        {MAP_SERVICES, (void **)&datapath->services, datapath->n_services * sizeof(struct svc_service)},
        {MAP_SLOTS, (void **)&datapath->slots, datapath->n_slots * sizeof(struct svc_slot)},
        {MAP_OUTLIERS, (void **)&datapath->outliers, datapath->n_outliers * sizeof(struct svc_outlier)},
        {MAP_ATTEMPTS, (void **)&datapath->attempts,
         (size_t)datapath->n_shards * datapath->n_outliers * sizeof(struct svc_attempts)},
        {MAP_RESOLVERS, (void **)&datapath->resolvers, datapath->n_resolvers * sizeof(struct svc_resolver)},
        {MAP_LOCAL_ENDPOINTS, (void **)&datapath->local_endpoints,
         datapath->n_local_words * sizeof(*datapath->local_endpoints)},
        {MAP_NEIGHBOURS, (void **)&datapath->neighbours, datapath->n_outliers * sizeof(struct svc_neighbour)},
        {MAP_REGISTRY_SEEN, (void **)&datapath->registry_seen, sizeof(*datapath->registry_seen)},
        {MAP_CALLERS, (void **)&datapath->callers, (SVC_CALLERS + 1) * sizeof(struct svc_caller)},
        {MAP_CALLER_FIRST_BYTES, (void **)&datapath->caller_first_bytes,
         (SVC_CALLERS + 1) * sizeof(struct svc_first_byte)},
    };

    _Static_assert(ARRAY_SIZE(all) <= MAX_ARRAYS, "there is room for all arrays");
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        arrays[i] = all[i];
    return ARRAY_SIZE(all);
}

int kernel_map_arrays(struct datapath *datapath)
{
    struct array arrays[MAX_ARRAYS];
    size_t n = list_arrays(datapath, arrays);

    for (size_t i = 0; i < n; i++) {
        int fd = datapath->kernel->fd[arrays[i].map];
        void *memory = mmap(NULL, arrays[i].size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (memory == MAP_FAILED)
            return -errno;
        *arrays[i].memory = memory;
    }
    return 0;
}

void kernel_unmap_arrays(struct datapath *datapath)
{
    struct array arrays[MAX_ARRAYS];
    size_t n = list_arrays(datapath, arrays);

    for (size_t i = 0; i < n; i++)
        if (*arrays[i].memory)
            (void)munmap(*arrays[i].memory, arrays[i].size);
}
