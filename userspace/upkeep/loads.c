/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/loads.h"

#include <errno.h>

#include "datapath/datapath.h"
#include "upkeep/outliers.h"

#define LOOKED_AT 8192u /* numbers in one part: a megabyte of memory */
#define REPAIRED  128u  /* endpoints in one part: a system call each */

static const struct timeval loads_pause = {.tv_sec = 1};

void loads_init(struct loads *loads, struct outliers *outliers)
{
    *loads = (struct loads){.outliers = outliers, .next = 1};
}

/* By a difference: the programs go on counting meanwhile. */
static void loads_repair(struct datapath *datapath, uint32_t number, struct svc_outlier *cell)
{
    struct svc_endpoint_stats stats = {0};
    int32_t seen = __atomic_load_n(&cell->open, __ATOMIC_RELAXED);
    int32_t wanted;

    if (datapath_endpoint_stats(datapath, number, &stats) < 0)
        return;
    wanted = stats.established > stats.closed ? (int32_t)(stats.established - stats.closed) : 0;
    if (seen != wanted)
        __atomic_fetch_add(&cell->open, wanted - seen, __ATOMIC_RELAXED);
}

void loads_go_on(struct loads *loads)
{
    const struct outliers *outliers = loads->outliers;
    uint32_t repaired = 0;

    if (!outliers->has_loads)
        return;
    for (uint32_t looked = 0; looked < LOOKED_AT && looked < outliers->n && repaired < REPAIRED; looked++) {
        uint32_t number = loads->next;
        struct svc_outlier *cell = datapath_outlier(outliers->datapath, number);

        loads->next = number + 1 < outliers->n ? number + 1 : 1;
        if (!outliers->by_number[number] || !cell->load_weight)
            continue;
        loads_repair(outliers->datapath, number, cell);
        repaired++;
    }
}

static void loads_on_timer(evutil_socket_t fd, short what, void *user)
{
    struct loads *loads = user;

    (void)fd;
    (void)what;
    loads_go_on(loads);
    (void)event_add(loads->timer, &loads_pause);
}

int loads_begin(struct loads *loads, struct event_base *base)
{
    loads->timer = event_new(base, -1, 0, loads_on_timer, loads);
    return loads->timer && event_add(loads->timer, &loads_pause) == 0 ? 0 : -ENOMEM;
}

void loads_done(struct loads *loads)
{
    if (loads->timer)
        event_free(loads->timer);
    loads->timer = NULL;
}
