/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The endpoints of an alias with what the published slots give them, and what that comes to just now: an ejected one is
 * drawn again, and a task is not sent to networks that it has no way to. Private to the files of GET /v1/explain.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct alias_view;
struct api;
struct kept_alias;
struct svc_slot;

enum {
    OF_IPV4,
    OF_IPV6,
    FAMILIES
};

/* An endpoint that the tables have, or that a target has. */
struct explained {
    uint32_t number;
    bool is_of_target; /* else of the tables only */
    char *id;          /* of the instance; NULL: of the tables only, or not to be written */
    size_t target;
    uint8_t zone; /* its place among the target's */
    bool is_ejected;
    bool is_far;                /* on other networks than the task */
    double share[2], chance[2]; /* of sockets that connect to the IPv4 and to the IPv6 address */
};

struct explained_list {
    struct explained *items; /* by number */
    size_t n;
    uint32_t *place;   /* by number: its item, counted from 1 */
    uint32_t n_places; /* numbers below it have one, or 0 */
    bool is_all_ejected[2];
    bool has_near[2];  /* one that is not far */
    bool has_table[2]; /* it is not empty */
};

/*
 * Those of the view's targets, and those that stay published though the registry does not account for them. The first
 * EXPLAIN_MOST have an id. -ENOMEM; the caller ends the list in any case.
 */
int explained_list_make(const struct api *api, const struct alias_view *view,
                        const struct kept_alias *published, struct explained_list *list);
void explained_list_done(struct explained_list *list); /* good for a zeroed one */

/* Once for each family. `networks`: the task's; 0: it has a way to all. */
void explained_list_share(struct explained_list *list, unsigned family, const struct svc_slot *slots,
                          uint32_t count, uint32_t networks);
