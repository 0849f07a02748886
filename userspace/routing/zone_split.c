/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * In whole numbers throughout, so that the same catalog gives the same bytes on every host. Fractions are parts
 * of 2^40: weights have 84 bits, which leaves as many.
 */
#include "routing/zone_split.h"

#include <stdbool.h>

#define PARTS 40
#define WHOLE ((wide)1 << PARTS)

typedef unsigned __int128 wide;

/* Parts of the whole that a zone has. */
struct zone_parts {
    wide able[ZONE_MOST];
    wide clients[ZONE_MOST];
    wide kept;
};

/* Where every endpoint is ejected, the programs draw them all the same. */
static wide able_of(const struct zone_side *side, bool is_all_out)
{
    return is_all_out ? side->drawn : side->able;
}

static void find_parts(const struct zone_side *sides, size_t n, struct zone_parts *parts)
{
    wide able = 0;
    wide drawn = 0;
    wide clients = 0;

    for (size_t z = 0; z < n; z++) {
        able += sides[z].able;
        drawn += sides[z].drawn;
        clients += sides[z].clients;
    }
    for (size_t z = 0; z < n; z++) {
        wide all = able ? able : drawn;

        parts->able[z] = all ? (able_of(&sides[z], !able) << PARTS) / all : 0;
        parts->clients[z] = clients ? (sides[z].clients << PARTS) / clients : 0;
    }
    if (parts->able[ZONE_OWN] >= parts->clients[ZONE_OWN])
        parts->kept = parts->able[ZONE_OWN] ? WHOLE : 0;
    else
        parts->kept = (parts->able[ZONE_OWN] << PARTS) / parts->clients[ZONE_OWN];
}

/* What a zone has left for the clients of others. */
static wide residual(const struct zone_parts *parts, size_t z)
{
    return parts->able[z] > parts->clients[z] ? parts->able[z] - parts->clients[z] : 0;
}

/* What goes to each zone by the rule. Nobody knows of clients in the own zone, or rounding has left nothing over: by
 * capacity. */
static void share_by_rule(const struct zone_parts *parts, size_t n, wide *shares)
{
    wide left = 0;
    wide capacity = 0;
    bool is_by_capacity;

    for (size_t z = 1; z < n; z++) {
        left += residual(parts, z);
        capacity += parts->able[z];
    }
    is_by_capacity = left == 0 || parts->clients[ZONE_OWN] == 0;
    shares[ZONE_OWN] = parts->kept;
    for (size_t z = 1; z < n; z++) {
        wide part = is_by_capacity ? parts->able[z] : residual(parts, z);
        wide all = is_by_capacity ? capacity : left;

        shares[z] = all ? (WHOLE - parts->kept) * part / all : 0;
    }
}

/* What the table has to hold for that: ejected endpoints are in it with the weight of their zone's others, or,
 * where their zone has no others, with the weight they would have without zones. */
static void add_ejected(const struct zone_side *sides, size_t n, wide *shares)
{
    wide drawn = 0;
    wide able = 0;

    for (size_t z = 0; z < n; z++) {
        drawn += sides[z].drawn;
        able += sides[z].able;
    }
    for (size_t z = 0; z < n; z++) {
        if (sides[z].able > 0)
            shares[z] = shares[z] * ((sides[z].drawn << 32) / sides[z].able) >> 32;
        else if (sides[z].drawn > 0 && able > 0)
            shares[z] = (sides[z].drawn << PARTS) / drawn;
    }
}

/* In parts of ZONE_ALL; what rounding leaves or takes too much is the largest's. */
static void round_shares(const struct zone_side *sides, size_t n, const wide *shares, uint32_t *ret_shares)
{
    wide sum = 0;
    uint32_t given = 0;
    size_t largest = 0;

    for (size_t z = 0; z < n; z++)
        sum += sides[z].drawn ? shares[z] : 0;
    for (size_t z = 0; z < n; z++) {
        ret_shares[z] = sides[z].drawn && sum ? (uint32_t)(shares[z] * ZONE_ALL / sum) : 0;
        if (sides[z].drawn && ret_shares[z] == 0)
            ret_shares[z] = 1;
        given += ret_shares[z];
        if (ret_shares[z] > ret_shares[largest])
            largest = z;
    }
    if (given > 0)
        ret_shares[largest] = ret_shares[largest] + ZONE_ALL - given;
}

void zone_split(const struct zone_side *sides, size_t n, uint32_t *ret_shares)
{
    struct zone_parts parts;
    wide shares[ZONE_MOST];

    find_parts(sides, n, &parts);
    share_by_rule(&parts, n, shares);
    add_ejected(sides, n, shares);
    round_shares(sides, n, shares, ret_shares);
}

uint64_t zone_kept(const struct zone_side *sides, size_t n)
{
    struct zone_parts parts;

    find_parts(sides, n, &parts);
    return (uint64_t)(parts.kept >> (PARTS - 32));
}
