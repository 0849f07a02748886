/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How long endpoints take to answer, as the programs count it: an entry for each that they have measured. What is written follows
 * what has been counted, and counts as no write. */
#include "datapath/internal.h"

int datapath_first_byte(const struct datapath *datapath, uint32_t number,
                        struct svc_first_byte *ret_first_byte)
{
    struct svc_endpoint_key key = {.endpoint = number};

    return datapath->backend->get(datapath, MAPS_IN_USE, MAP_FIRST_BYTES, &key, ret_first_byte);
}

void datapath_begin_first_byte(struct datapath *datapath, uint32_t number)
{
    struct svc_endpoint_key key = {.endpoint = number};
    struct svc_first_byte before;

    if (datapath->old_is_readable &&
        datapath->backend->get(datapath, MAPS_OLD, MAP_FIRST_BYTES, &key, &before) == 0)
        (void)datapath->backend->put(datapath, MAP_FIRST_BYTES, &key, &before, false);
    else if (!datapath->held) /* those of a start are new all of them, or as they were */
        (void)datapath->backend->remove(datapath, MAP_FIRST_BYTES, &key);
}
