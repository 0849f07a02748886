/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the files of GET /v1/explain share. Private to them. */
#pragma once

#include "api/api.h"
#include "control/control_server.h"
#include "model/catalog.h"

struct alias_view;
struct task;

/* Endpoints that an answer has at most; `endpointsInAll` says how many there are. */
#define EXPLAIN_MOST 1000

/* Who would connect. Texts are the catalog's, the task's or the request's. */
struct explain_who {
    const struct task *task; /* NULL: any task of the namespace and service */
    const char *namespace_name;
    const char *service; /* "": none */
    const struct model_namespace *parent;
    const struct client *client; /* with routes of its own; NULL: it has those of everybody */
    uint32_t scope;              /* 0: nothing has been published for it */
};

/* By `cgroup`, `pid`, `namespace` and `service` of the query. -EINVAL, -ENOENT: told in the error. */
int explain_find_who(struct api *api, const struct control_call *call, struct explain_who *ret_who,
                     struct error *error);

/* Adds `route` with the targets of the view. */
void explain_add_route(const struct explain_who *who, const struct client_alias *alias,
                       const struct alias_view *view, cJSON *answer);

/* Adds `policy` where not everybody may call a target. Returns whether a connect is refused by it: then `connect` says so. */
bool explain_add_policy(const struct explain_who *who, const struct alias_view *view, cJSON *answer);

/* Of a share, to six decimals. */
double explain_percent(double share);

/* The endpoints of an alias, whose shares are known and which are still to be written: `endpoints` of the answer. Names
 * only are kept of the catalog, which may change between one and the next. */
struct explain_rest;

/* Adds `route`, `endpointsInAll` and what a connect would come to, for one alias; the caller frees *ret_rest. -ENOMEM. */
int explain_add_alias(struct api *api, const struct explain_who *who, const struct client_alias *alias,
                      cJSON *answer, struct explain_rest **ret_rest);
size_t explain_rest_left(const struct explain_rest *rest);
/* The next one, the caller's; NULL: it has gone since. Only while there is one left. */
cJSON *explain_rest_next(struct explain_rest *rest);
void explain_rest_free(struct explain_rest *rest); /* NULL-safe */

/* Takes over both; returns what a handler does. A few endpoints are told at once, more are written slice by slice. */
int explain_answer(const struct control_call *call, struct api *api, cJSON *answer, struct explain_rest *rest,
                   cJSON **ret_answer, struct error *error);

/* Adds what a connect comes to, as `outcome` and a sentence. */
__attribute__((format(printf, 4, 5))) void explain_add_outcome(cJSON *answer, const char *member,
                                                               const char *outcome, const char *format, ...);
