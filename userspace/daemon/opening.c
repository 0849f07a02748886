/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/opening.h"

static void *opening_open_it(void *user)
{
    struct opening *opening = user;

    opening->result = datapath_open(&opening->config, &opening->datapath, &opening->error);
    return NULL;
}

void opening_begin(struct opening *opening, const struct datapath_config *config)
{
    *opening = (struct opening){.config = *config};
    opening->is_running = pthread_create(&opening->thread, NULL, opening_open_it, opening) == 0;
    if (!opening->is_running)
        (void)opening_open_it(opening);
}

int opening_end(struct opening *opening, struct datapath **ret_datapath, struct error *error)
{
    if (opening->is_running)
        (void)pthread_join(opening->thread, NULL);
    opening->is_running = false;
    if (opening->result < 0)
        *error = opening->error;
    else
        *ret_datapath = opening->datapath;
    return opening->result;
}
