/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Policies by the services that they are of, their numbers, and what they say of a caller. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "datapath/datapath.h"
#include "engine/engine.h"
#include "model/catalog.h"
#include "upkeep/policies_internal.h"

#define POLICY_MOST 64 /* services asked together */

static const char all_of[] = " & ";
static const char any_of[] = " | ";

static int policy_by_names(const void *a, const void *b)
{
    const struct policy_service *left = a;
    const struct policy_service *right = b;
    int order = strcmp(left->namespace_name, right->namespace_name);

    return order ? order : strcmp(left->name, right->name);
}

void policy_list_free(struct policies *self, struct policy *policy)
{
    if (self && policy->hh.tbl) {
        struct policy **at = &self->several;

        HASH_DEL(self->all, policy);
        while (*at && *at != policy)
            at = &(*at)->next_several;
        if (*at)
            *at = policy->next_several;
    }
    free(policy->text);
    free(policy->names);
    free(policy->services);
    free(policy->rules);
    free(policy);
}

/* The services that a text names: cuts policy->names. False: no memory, or no such text. */
static bool policy_parse(struct policy *policy)
{
    char *at = policy->names;

    policy->is_any = strstr(policy->text, any_of) != NULL;
    policy->services = calloc(POLICY_MOST, sizeof(*policy->services));
    while (policy->services && at) {
        char *next = strstr(at, policy->is_any ? any_of : all_of);
        char *slash;

        if (next) {
            *next = '\0';
            next += sizeof(all_of) - 1;
        }
        slash = strrchr(at, '/'); /* a namespace's name may have some, a service's has none */
        if (!slash || policy->n == POLICY_MOST)
            return false;
        *slash = '\0';
        policy->services[policy->n++] = (struct policy_service){at, slash + 1};
        at = next;
    }
    return policy->n > 0;
}

static int make_policy(struct policies *self, const char *text, struct policy **ret_policy)
{
    struct policy *policy = calloc(1, sizeof(*policy));
    int r;

    if (!policy)
        return -ENOMEM;
    policy->text = strdup(text);
    policy->names = strdup(text);
    if (!policy->text || !policy->names || !policy_parse(policy)) {
        policy_list_free(NULL, policy);
        return -ENOMEM;
    }
    r = name_numbers_take(self->numbers, text, &policy->number);
    if (r < 0) {
        policy_list_free(NULL, policy);
        return r == -ENOSPC ? -E2BIG : r;
    }
    HASH_ADD_KEYPTR(hh, self->all, policy->text, strlen(policy->text), policy);
    if (policy->n > 1) {
        policy->next_several = self->several;
        self->several = policy;
    }
    *ret_policy = policy;
    return 0;
}

int policy_list_get(struct policies *self, const struct policy_service *services, size_t n, bool is_any,
                    struct policy **ret_policy)
{
    struct policy_service sorted[POLICY_MOST];
    char text[SVC_POLICY_SERVICES_SIZE];
    size_t used = 0;
    int r = policy_list_adopt(self);

    if (r < 0)
        return r;
    if (n > POLICY_MOST)
        return -E2BIG;
    memcpy(sorted, services, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), policy_by_names);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && policy_by_names(&sorted[i], &sorted[i - 1]) == 0)
            continue;
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s/%s",
                                 i == 0   ? ""
                                 : is_any ? any_of
                                          : all_of,
                                 sorted[i].namespace_name, sorted[i].name);
        if (used >= sizeof(text))
            return -E2BIG;
    }
    HASH_FIND(hh, self->all, text, used, *ret_policy);
    return *ret_policy ? 0 : make_policy(self, text, ret_policy);
}

struct policy_adoption {
    struct policies *self;
    int result;
};

static int adopt_policy(uint32_t number, const struct svc_policy *entry, void *user)
{
    struct policy_adoption *adoption = user;
    struct policies *self = adoption->self;
    struct policy *policy;
    char text[SVC_POLICY_SERVICES_SIZE];

    (void)snprintf(text, sizeof(text), "%.*s", (int)sizeof(entry->services) - 1, entry->services);
    if (name_numbers_adopt(self->numbers, text, number) < 0)
        return 0; /* damaged: another one has it */
    adoption->result = make_policy(self, text, &policy);
    if (adoption->result == 0 && policies_are_moved(self))
        adoption->result = datapath_put_policy(self->settings.datapath, number, entry);
    if (adoption->result < 0)
        return adoption->result;
    policy->is_written = true;
    policy->is_dirty = true;
    policy->others = entry->others;
    return 0;
}

int policy_list_adopt(struct policies *self)
{
    struct policy_adoption adoption = {.self = self};
    int r;

    if (self->is_adopted)
        return 0;
    self->is_adopted = true;
    r = datapath_each_policy(self->settings.datapath, adopt_policy, &adoption);
    return adoption.result < 0 ? adoption.result : r;
}

struct policy *policy_list_find(const struct policies *self, uint32_t number)
{
    const char *text = name_numbers_name(self->numbers, number);
    struct policy *policy = NULL;

    if (text)
        HASH_FIND(hh, self->all, text, strlen(text), policy);
    return policy;
}

static bool policy_has(const struct policy *policy, const char *namespace_name, const char *service)
{
    for (size_t i = 0; i < policy->n; i++)
        if (strcmp(policy->services[i].name, service) == 0 &&
            strcmp(policy->services[i].namespace_name, namespace_name) == 0)
            return true;
    return false;
}

void policy_list_each(const struct policies *self, const char *namespace_name, const char *service,
                      void (*on_policy)(struct policy *policy, void *user), void *user)
{
    char text[SVC_POLICY_SERVICES_SIZE];
    int length = snprintf(text, sizeof(text), "%s/%s", namespace_name, service);
    struct policy *policy = NULL;

    if (length > 0 && (size_t)length < sizeof(text))
        HASH_FIND(hh, self->all, text, (size_t)length, policy);
    if (policy)
        on_policy(policy, user);
    for (policy = self->several; policy; policy = policy->next_several)
        if (policy_has(policy, namespace_name, service))
            on_policy(policy, user);
}

static struct caller_rule rule_of(const struct policies *self, const struct policy_service *named)
{
    const struct service *service =
        catalog_service(engine_catalog(self->settings.engine), named->namespace_name, named->name);
    const struct service_settings *settings = service ? service_get_settings(service) : NULL;

    return (struct caller_rule){
        .namespace_name = named->namespace_name,
        .allow_from = settings ? settings->allow_from : NULL,
        .is_audit = settings && settings->is_policy_audit,
    };
}

bool policy_is_current(const struct policies *self, const struct policy *policy)
{
    for (size_t i = 0; i < policy->n; i++)
        if (!rule_of(self, &policy->services[i]).allow_from)
            return false;
    return true;
}

enum svc_policy_verdict policy_verdict(const struct policies *self, const struct policy *policy,
                                       const struct caller *caller)
{
    struct caller_rule rules[POLICY_MOST];

    for (size_t i = 0; i < policy->n; i++)
        rules[i] = rule_of(self, &policy->services[i]);
    return caller_verdict(rules, policy->n, policy->is_any, caller);
}

/* Of whom nobody knows: admitted by none. */
enum svc_policy_verdict policy_others(const struct policies *self, const struct policy *policy)
{
    const struct caller nobody = {"", ""};

    return policy_verdict(self, policy, &nobody) == POLICY_REFUSED ? POLICY_REFUSED : POLICY_AUDITED;
}

char *policy_rules(const struct policies *self, const struct policy *policy)
{
    size_t size = 1;
    size_t used = 0;
    char *text;

    for (size_t i = 0; i < policy->n; i++) {
        const struct caller_rule rule = rule_of(self, &policy->services[i]);

        size += (rule.allow_from ? strlen(rule.allow_from) : 0) + 3;
    }
    text = calloc(1, size);
    for (size_t i = 0; text && i < policy->n; i++) {
        const struct caller_rule rule = rule_of(self, &policy->services[i]);

        used += (size_t)snprintf(text + used, size - used, "%s%s\n", rule.is_audit ? "?" : "!",
                                 rule.allow_from ? rule.allow_from : "");
    }
    return text;
}
