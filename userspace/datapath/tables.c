/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Arrays, which both forms have as plain memory: a write is a store. */
#include <string.h>

#include "datapath/internal.h"

const struct svc_service *datapath_service(const struct datapath *datapath, uint32_t index)
{
    return &datapath->services[index];
}

const struct svc_slot *datapath_slots(const struct datapath *datapath, uint32_t first)
{
    return &datapath->slots[first];
}

void datapath_set_identity(struct datapath *datapath, uint32_t index, const struct svc_service *identity)
{
    struct svc_service *service = &datapath->services[index];

    *service = *identity;
    service->table4 = 0;
    service->table6 = 0;
    datapath_wrote(datapath, "identity", index, 1);
}

void datapath_write_slots(struct datapath *datapath, uint32_t first, const struct svc_slot *slots,
                          uint32_t count)
{
    if (count == 0)
        return;
    memcpy(&datapath->slots[first], slots, count * sizeof(*slots));
    datapath_wrote(datapath, "slots", first, count);
}

void datapath_set_manner(struct datapath *datapath, uint32_t index, uint32_t stickiness_ms, uint32_t flags)
{
    __atomic_store_n(&datapath->services[index].stickiness_ms, stickiness_ms, __ATOMIC_RELAXED);
    __atomic_store_n(&datapath->services[index].flags, flags, __ATOMIC_RELAXED);
}

void datapath_publish(struct datapath *datapath, uint32_t index, uint64_t table4, uint64_t table6)
{
    struct svc_service *service = &datapath->services[index];

    /* Release: a program that reads the descriptor reads the slots written before it. */
    if (service->table4 != table4)
        __atomic_store_n(&service->table4, table4, __ATOMIC_RELEASE);
    if (service->table6 != table6)
        __atomic_store_n(&service->table6, table6, __ATOMIC_RELEASE);
    datapath_wrote(datapath, "tables", index, 1);
}

struct svc_outlier *datapath_outlier(const struct datapath *datapath, uint32_t endpoint)
{
    return endpoint < datapath->n_outliers ? &datapath->outliers[endpoint] : NULL;
}

void datapath_count_write(struct datapath *datapath)
{
    datapath_wrote(datapath, "outlier", 0, 1);
}

uint32_t datapath_resolvers(const struct datapath *datapath)
{
    return datapath->n_resolvers - 1;
}

struct svc_resolver *datapath_resolver(const struct datapath *datapath, uint32_t number)
{
    return number < datapath->n_resolvers ? &datapath->resolvers[number] : NULL;
}
