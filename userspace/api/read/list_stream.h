/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Lists of what is registered, written slice by slice. What there is to show is noted by name as the list
 * begins, and sorted; each name is looked up again when its turn comes, and what is gone by then is left out.
 * Nothing of the catalog is kept from one slice to the next, and none is read while it is not steady.
 *
 * The list ends with `revision`, the registry's as it began, and `isConsistent`: false if what is registered,
 * or an address of a host name, has changed since, so that what is new may be missing.
 */
#pragma once

#include "api/read/list_noting.h"
#include "base/json_stream.h"
#include "control/control_server.h"
#include "model/catalog.h"

struct api;

/* A slice ends after so many pieces (a piece is an item, or less of a long one), if it has not for its size or
 * its time. */
#define LIST_SLICE_PIECES 256u

struct list_kind {
    const char *member; /* of the answer: "endpoints" */

    list_note_fn note; /* what is to be shown of a namespace */

    /*
     * The next piece of an entry's items. 1: the entry has more; 0: it has not; a negative errno ends the
     * list. `*part` is NULL with the first piece; what is left there comes with the next. What was opened in
     * the JSON may stay open until the last.
     */
    int (*add)(struct api *api, const struct list_key *key, struct json_stream *json, void **part);

    void (*drop)(void *part); /* frees what add() has left there; NULL-safe. NULL: it leaves nothing */
};

extern const struct list_kind endpoint_list, service_list, alias_list, route_list;

/* Notes each service that is declared. */
int list_note_services(struct list_names *names, const struct model_namespace *parent,
                       const struct list_key *last, size_t most);

/* `wanted`: the only namespace to be shown; NULL: all. -ENOMEM. */
int list_writer(struct api *api, const struct list_kind *kind, const char *wanted,
                struct http_writer *ret_writer);

/* Answers a call with the list; `namespace` of its query narrows it. Returns what a handler does. */
int list_answer(const struct control_call *call, const struct list_kind *kind, struct api *api,
                struct error *error);
