/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who is a task, and whose: labels, then groups, then what a group's members say for all of them. */
#include "workloads/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "workloads/plan_internal.h"

void plan_note(struct workload *workload, const char *format, ...)
{
    size_t length = strlen(workload->note);
    va_list arguments;

    if (length > 0 && length + 3 < sizeof(workload->note)) {
        memcpy(workload->note + length, "; ", 3);
        length += 2;
    }
    va_start(arguments, format);
    (void)vsnprintf(workload->note + length, sizeof(workload->note) - length, format, arguments);
    va_end(arguments);
}

static void leave_alone(struct workload *workload, const char *why)
{
    (void)snprintf(workload->why_not, sizeof(workload->why_not), "%.*s", (int)sizeof(workload->why_not) - 1,
                   why);
}

/* ECS's labels name a task definition; what that serves, and where, a document says. */
static void find_document(const struct workload_settings *settings, struct workload *workload)
{
    struct container_wish *wish = &workload->wish;
    const struct workload_document *document;

    if (!wish->is_wanted || wish->service || !wish->document || !settings->find_document)
        return;
    document = settings->find_document(wish->document, wish->is_namespace_said ? wish->namespace_name : NULL,
                                       wish->cluster, settings->user);
    if (!document)
        return;
    if (document->is_one_of_several)
        plan_note(workload, "of several documents of family \"%s\", \"%s\" of namespace \"%s\" was taken",
                  wish->document, document->name, document->namespace_name);
    wish->namespace_name = document->namespace_name;
    wish->document = document->name;
    workload->document = document;
}

static void read_wish(const struct workload_settings *settings, struct workload *workload)
{
    struct error error = {0};

    if (labels_read(workload->container, &workload->wish, &error) < 0) {
        /* What it shares with others, it may still be one task with. */
        workload->wish = (struct container_wish){.namespace_name = "", .is_refused = true};
        leave_alone(workload, error.message);
        return;
    }
    if (workload->wish.unknown)
        plan_note(workload, "label \"%s\" means nothing", workload->wish.unknown);
    find_document(settings, workload);
}

/* Does it say who it is, or only that it is one? */
static bool has_identity(const struct container_wish *wish)
{
    return wish->is_wanted && (wish->service || wish->document);
}

/* Takes one member's word for the group, unless an earlier one has spoken. */
static void speak_for_group(struct workload *leader, const struct workload *member)
{
    const char *service = member->wish.service ? member->wish.service : member->wish.document;

    leader->is_task = true;
    if (!leader->namespace_name && *member->wish.namespace_name)
        leader->namespace_name = member->wish.namespace_name;
    if (!leader->service && has_identity(&member->wish))
        leader->service = service;
}

static int compare_names(const void *a, const void *b)
{
    const struct workload *const *left = a;
    const struct workload *const *right = b;
    int r = strcmp((*left)->container->name, (*right)->container->name);

    return r ? r : strcmp((*left)->container->id, (*right)->container->id);
}

/* First by first, so that the order in which a runtime lists its containers decides nothing. */
static int find_identities(struct workload_plan *plan)
{
    _cleanup_free_ struct workload **sorted = malloc((plan->n + 1) * sizeof(struct workload *));

    if (!sorted)
        return -ENOMEM;
    for (size_t i = 0; i < plan->n; i++)
        sorted[i] = &plan->items[i];
    qsort(sorted, plan->n, sizeof(sorted[0]), compare_names);
    for (size_t i = 0; i < plan->n; i++)
        if (sorted[i]->wish.is_wanted && sorted[i]->container->state != CONTAINER_ENDED)
            speak_for_group(&plan->items[sorted[i]->group], sorted[i]);
    return 0;
}

/* What the leader has gathered goes to all, the leader last. */
static void take_identity(const struct workload_settings *settings, const struct workload *leader,
                          struct workload *workload)
{
    const char *namespace_name =
        leader->namespace_name ? leader->namespace_name : settings->default_namespace;
    const char *service = leader->service ? leader->service : "";
    bool is_task = leader->is_task && !workload->wish.is_refused;

    if (workload->container->state == CONTAINER_ENDED)
        is_task = false;
    if (!is_task && !*workload->why_not)
        leave_alone(workload, workload->container->state == CONTAINER_ENDED ? "it has ended"
                              : workload->wish.is_refused ? "its label svcconnect.enable says so"
                                                          : "it has no label svcconnect.service");
    if (is_task && *workload->wish.namespace_name &&
        strcmp(workload->wish.namespace_name, namespace_name) != 0)
        plan_note(workload, "it is one task with others of namespace \"%s\"", namespace_name);
    if (is_task && workload->wish.service && strcmp(workload->wish.service, service) != 0)
        plan_note(workload, "it is one task with service \"%s\"", service);
    workload->is_task = is_task;
    workload->namespace_name = namespace_name;
    workload->service = service;
}

struct network_use *plan_network_use(struct planning *planning, const char *namespace_name,
                                     const char *network, bool may_make)
{
    size_t size = strlen(namespace_name) + strlen(network) + 2;
    struct network_use *made = calloc(1, sizeof(*made) + size);
    struct network_use *use;

    if (!made)
        return NULL;
    (void)snprintf(made->key, size, "%s\n%s", namespace_name, network);
    HASH_FIND_STR(planning->uses, made->key, use);
    if (use || !may_make) {
        free(made);
        return use;
    }
    made->namespace_name = namespace_name;
    made->network = network;
    HASH_ADD_KEYPTR(hh, planning->uses, made->key, strlen(made->key), made);
    return made;
}

static int count_networks(struct planning *planning)
{
    for (size_t i = 0; i < planning->plan->n; i++) {
        const struct workload *workload = &planning->plan->items[i];

        for (size_t k = 0; workload->is_task && k < workload->container->n_networks; k++) {
            struct network_use *use = plan_network_use(planning, workload->namespace_name,
                                                       workload->container->networks[k].name, true);

            if (!use)
                return -ENOMEM;
            use->n_tasks++;
        }
    }
    return 0;
}

static void free_uses(struct planning *planning)
{
    struct network_use *use;
    struct network_use *next;

    HASH_ITER (hh, planning->uses, use, next) {
        HASH_DEL(planning->uses, use);
        free(use);
    }
}

static int make_all(struct planning *planning)
{
    struct workload_plan *plan = planning->plan;
    int r = plan_groups(plan);

    if (r == 0)
        r = find_identities(plan);
    if (r < 0)
        return r;
    for (size_t i = plan->n; i-- > 0;)
        take_identity(planning->settings, &plan->items[plan->items[i].group], &plan->items[i]);
    r = count_networks(planning);
    for (size_t i = 0; r == 0 && i < plan->n; i++)
        r = plan_instances(planning, &plan->items[i]);
    if (r == 0)
        plan_hidden_names(planning);
    return r;
}

int workload_plan_make(const struct container *const *containers, size_t n,
                       const struct workload_settings *settings, struct workload_plan *ret_plan)
{
    struct workload_plan plan = {.items = calloc(n + 1, sizeof(struct workload)), .n = n};
    struct planning planning = {.settings = settings, .plan = &plan};
    int r;

    if (!plan.items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        plan.items[i].container = containers[i];
        plan.items[i].group = i;
        plan.items[i].owner = n;
        read_wish(settings, &plan.items[i]);
    }
    r = make_all(&planning);
    free_uses(&planning);
    if (r < 0) {
        workload_plan_free(&plan);
        return r;
    }
    *ret_plan = plan;
    return 0;
}

void workload_plan_free(struct workload_plan *plan)
{
    for (size_t i = 0; i < plan->n; i++) {
        for (size_t k = 0; k < plan->items[i].n_instances; k++)
            free(plan->items[i].instances[k].aliases);
        free(plan->items[i].instances);
    }
    free(plan->items);
    *plan = (struct workload_plan){0};
}
