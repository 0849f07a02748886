/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Private to upkeep/: what the files about policies share. */
#pragma once

#include "base/hash.h"
#include "base/name_numbers.h"
#include "datapath/datapath.h"
#include "upkeep/policies.h"

/* A service by its names; texts are the owner's. */
struct policy_service {
    const char *namespace_name;
    const char *name;
};

/* One number: one service, or several that are asked together. */
struct policy {
    char *text;                      /* as `services` of its entry */
    char *names;                     /* what `services` points into */
    struct policy_service *services; /* ascending */
    size_t n;
    bool is_any; /* one of them must allow; else all */
    uint32_t number;
    bool is_written;
    enum svc_policy_verdict others; /* as written */
    char *rules;                 /* what its services said when tasks were last looked through; NULL: never */
    bool is_dirty;               /* tasks may have more than they should, or nobody may ask for it any more */
    uint32_t looked;             /* in which round last */
    uint32_t left;               /* the round that has found nobody who asks for it; 0: somebody does */
    size_t n_addresses;          /* that are written with its number */
    struct policy *next_several; /* of those of more than one service */
    UT_hash_handle hh;           /* by text */
};

struct policy_task {
    uint64_t cgroup_id;
    char *namespace_name;
    char *service;
    UT_hash_handle hh;
};

/* What the kernel holds. */
struct policy_pair {
    struct svc_policy_pair_key key;
    enum svc_policy_verdict verdict;
    UT_hash_handle hh;
};

struct policy_member;

struct policy_address {
    struct svc_policy_address_key key;
    uint32_t policy;               /* as written; 0: it is not */
    struct policy_member *members; /* the endpoints there whose services have a policy */
    UT_hash_handle hh;
};

struct policy_member {
    uint32_t endpoint;
    struct policy_address *at;
    char *namespace_name;
    char *service;
    struct policy_member *next;
    UT_hash_handle hh; /* by endpoint */
};

struct event;

struct policies {
    struct policies_settings settings;
    struct name_numbers *numbers; /* by text */
    struct policy *all;
    struct policy *several; /* those of them that are of more than one service */
    uint32_t round;         /* of looks */
    bool is_looking;        /* it has not ended */
    bool is_to_return;      /* another one is due */
    struct policy_task *tasks;
    struct policy_pair *pairs;
    struct policy_address *addresses;
    struct policy_member *members;
    size_t n_guarded; /* addresses that are written */
    bool is_adopted;  /* numbers are */
    bool has_begun;   /* tasks and pairs of the kernel are known */
    bool is_failing;  /* which has been said */
    struct event *timer;
};

/* What the kernel holds is read from old maps, and is to be written to new ones. */
static inline bool policies_are_moved(const struct policies *self)
{
    return datapath_origin(self->settings.datapath) == DATAPATH_MIGRATED;
}

/* ---- policy_list.c ---- */

/* The policy of these services, each once, made if there is none. -ENOMEM; -E2BIG: too many, or too long. */
int policy_list_get(struct policies *self, const struct policy_service *services, size_t n, bool is_any,
                    struct policy **ret_policy);
void policy_list_free(struct policies *self, struct policy *policy); /* its number stays taken */

/* Before the first number is given: those that are pinned. -ENOMEM. */
int policy_list_adopt(struct policies *self);

struct policy *policy_list_find(const struct policies *self, uint32_t number); /* NULL: none has it */

/* The policies that the service has a say in; there may be very many others. `on_policy` makes and frees none. */
void policy_list_each(const struct policies *self, const char *namespace_name, const char *service,
                      void (*on_policy)(struct policy *policy, void *user), void *user);

/* Have all of its services a policy still? */
bool policy_is_current(const struct policies *self, const struct policy *policy);
enum svc_policy_verdict policy_verdict(const struct policies *self, const struct policy *policy,
                                       const struct caller *caller);
enum svc_policy_verdict policy_others(const struct policies *self, const struct policy *policy);
/* What its services say, as one text; the caller's. NULL: no memory. */
char *policy_rules(const struct policies *self, const struct policy *policy);

/* ---- policy_pairs.c ---- */

/* What holds for the task, as the policy's services are now; what is said of others may be all there is. */
int policy_pair_settle(struct policies *self, const struct policy *policy, const struct policy_task *task);
/* The same where it lets through, and else nothing. */
int policy_pair_loosen(struct policies *self, const struct policy *policy, const struct policy_task *task);
/* Where the registry does not say any more whom a policy allows, and it is only kept: what holds for another task of the same
 * client, and else what holds for those whom nobody knows. */
int policy_pair_follow(struct policies *self, const struct policy *policy, const struct policy_task *task);
void policy_pair_drop(struct policies *self, uint64_t cgroup_id, uint32_t number);
/* At a start, when tasks and numbers are known: what the kernel holds, but what is of neither. */
int policy_pairs_adopt(struct policies *self);
void policy_pair_free(struct policies *self, struct policy_pair *pair); /* here only */

/* ---- policies.c ---- */

struct policy_task *policy_task_find(const struct policies *self, uint64_t cgroup_id); /* NULL: not known */

/* Lets everybody through whom the policy allows as its services are now; takes nothing away. */
int policy_loosen(struct policies *self, struct policy *policy);

/* As its services are now; what nobody asks for any more is left to a look. */
int policy_settle(struct policies *self, struct policy *policy);

/* ---- policy_looks.c ---- */

int policies_make_timer(struct policies *self); /* -ENOMEM */
void policies_do_later(struct policies *self);
bool policy_is_asked_for(const struct policies *self,
                         const struct policy *policy);           /* by a table or an address */
void policy_doubt(struct policies *self, struct policy *policy); /* nobody may ask for it any more */

/* ---- policy_addresses.c ---- */

int policy_addresses_put(struct policies *self, const struct instance *instance);
void policy_addresses_remove(struct policies *self, uint32_t endpoint);
/* Those that nobody is at any more go: what was kept beside the registry had them. */
int policy_addresses_sweep(struct policies *self);
/* At a start: of all that are registered, and nothing else. */
int policy_addresses_adopt(struct policies *self);
void policy_addresses_free(struct policies *self);
