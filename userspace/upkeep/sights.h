/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What this host has found against endpoints, told to the fleet: ejections, and checks that fail. It changes nothing that
 * an owner has said, and no other host acts by it.
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
    size_t n, more; /* that are in it, that had no room */
};

/* All are the caller's until the end. */
void sights_init(struct sights *sights, struct engine *engine, const struct outliers *outliers,
                 const struct probes *probes);
void sights_done(struct sights *sights);

/* Every second: looks at some thousand endpoints, and tells what was found when it has been through all of them. Does
 * nothing where hosts share no registry. */
void sights_sweep(struct sights *sights);
