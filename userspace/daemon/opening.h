/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Opens the data path in a thread of its own while the registry is read: at a large size each takes half a
 * second, and neither needs the other. Nothing else runs in threads meanwhile.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "datapath/datapath.h"

struct opening {
    struct datapath_config config;
    struct datapath *datapath;
    struct error error;
    int result;
    bool is_running;
    pthread_t thread;
};

/* What the configuration points to must stay until opening_end(). Without a thread it is done at once. */
void opening_begin(struct opening *opening, const struct datapath_config *config);

/* Waits. 0 with *ret_datapath the caller's, or what datapath_open() returned and said. */
int opening_end(struct opening *opening, struct datapath **ret_datapath, struct error *error);
