/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What this host has found of endpoints, told to the fleet: ejections, checks that fail, and the addresses of host names.
 * It changes nothing that an owner has said, and no other host acts by it.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct outliers;
struct probes;

struct sights {
    struct engine *engine;
    const struct outliers *outliers;
    const struct probes *probes;
    uint32_t next;  /* the number that is looked at next */
    cJSON *found;   /* of this round; NULL: none has begun */
    cJSON *names;   /* likewise: addresses of host names */
    size_t n, more; /* that are in the first, that had no room there */
    size_t n_names;
};

/* All are the caller's until the end. */
void sights_init(struct sights *sights, struct engine *engine, const struct outliers *outliers,
                 const struct probes *probes);
void sights_done(struct sights *sights);

/* Every second: looks at some thousand endpoints, and tells what was found when it has been through all of them. Does
 * nothing where hosts share no registry. */
void sights_sweep(struct sights *sights);
