/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Containers that are on their way before their runtime has told of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "containers/containers_internal.h"
#include "runtimes/container_cgroup.h"
#include "runtimes/docker_lookup.h"

#define ANSWER_MS 5000u /* longer than anybody is held */
#define ASKS      12    /* a journal may be late: 75 ms of them were too few where many start */
#define AGAIN_MS  25

#define LOST_ASKED_MS 10000u /* a runtime whose events have ended */

struct stranger_ask {
    struct stranger *stranger;
    struct runtime *runtime;      /* which is asked */
    struct docker_lookup *lookup; /* NULL: answered, or not asked */
};

struct stranger {
    struct containers *owner;
    uint64_t ticket;
    pid_t pid; /* of the program that is held; 0: none is yet */
    unsigned n_asked;
    struct stranger_ask asks[RUNTIMES_MAX];
    struct event *again;
    char cgroup[SVC_CGROUP_SIZE];
    char id[CONTAINER_ID_SIZE];
    UT_hash_handle hh; /* by id */
};

static void stranger_free(struct stranger *stranger)
{
    HASH_DEL(stranger->owner->strangers, stranger);
    for (size_t i = 0; i < RUNTIMES_MAX; i++)
        docker_lookup_cancel(&stranger->asks[i].lookup);
    if (stranger->again)
        event_free(stranger->again);
    free(stranger);
}

/* Docker's cgroups are never called as podman's are, nor podman's as Docker's. */
/*
 * Its events may end while it makes containers (podman's do now and then) and are asked for again in a moment; a question is a
 * request of its own, and fails at once where nobody answers.
 */
static bool is_there_to_ask(const struct runtime *runtime)
{
    return runtime->is_connected ||
           (runtime->lost_ms && clock_monotonic_ms() - runtime->lost_ms < LOST_ASKED_MS);
}

static bool may_have_made(const struct runtime *runtime, const char *cgroup)
{
    bool is_podmans = strncmp(strrchr(cgroup, '/') + 1, "libpod-", 7) == 0;

    return runtime->docker && is_there_to_ask(runtime) && containers_may_be_of(runtime, cgroup) &&
           is_podmans == (strcmp(runtime->name, "podman") == 0);
}

static bool stranger_waits(const struct stranger *stranger)
{
    for (size_t i = 0; i < RUNTIMES_MAX; i++)
        if (stranger->asks[i].lookup)
            return true;
    return false;
}

static void stranger_ask_again(struct stranger *stranger)
{
    const struct timeval pause = {.tv_usec = AGAIN_MS * 1000};

    if (stranger->n_asked >= ASKS || event_add(stranger->again, &pause) < 0)
        containers_release(stranger->owner, stranger->ticket);
}

static void stranger_on_answer(struct container *container, void *user)
{
    struct stranger_ask *ask = user;
    struct stranger *stranger = ask->stranger;
    struct containers *containers = stranger->owner;
    uint64_t ticket = stranger->ticket;
    char id[CONTAINER_ID_SIZE];

    ask->lookup = NULL;
    if (!container) {
        if (!stranger_waits(stranger))
            stranger_ask_again(stranger);
        return;
    }
    memcpy(id, stranger->id, sizeof(id));
    containers_on_docker_put(container, ask->runtime); /* which meets it: the stranger is gone */
    if (!containers_find(containers, id))
        containers_release(containers, ticket); /* there was no room */
}

static void stranger_ask(struct stranger *stranger)
{
    struct containers *containers = stranger->owner;

    stranger->n_asked++;
    for (size_t i = 0; i < containers->n_runtimes; i++) {
        struct runtime *runtime = &containers->runtimes[i];
        const struct docker_lookup_request request = {.fetcher = containers->fetcher,
                                                      .runtime = runtime->name,
                                                      .socket = runtime->socket,
                                                      .id = stranger->id,
                                                      .timeout_ms = ANSWER_MS,
                                                      .done = stranger_on_answer,
                                                      .user = &stranger->asks[i]};

        stranger->asks[i].runtime = runtime;
        if (may_have_made(runtime, stranger->cgroup))
            (void)docker_lookup_start(&request, &stranger->asks[i].lookup);
    }
    if (!stranger_waits(stranger))
        containers_release(containers, stranger->ticket);
}

static void stranger_on_again(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    stranger_ask(user);
}

void containers_ask_for(struct containers *containers, uint64_t ticket, const char *cgroup, const char *id)
{
    struct stranger *stranger = calloc(1, sizeof(*stranger));

    containers_forget_stranger(containers, 0, id); /* of an earlier start */
    if (stranger)
        stranger->again = event_new(containers->settings.base, -1, 0, stranger_on_again, stranger);
    if (!stranger || !stranger->again) {
        free(stranger);
        containers_release(containers, ticket);
        return;
    }
    stranger->owner = containers;
    stranger->ticket = ticket;
    (void)snprintf(stranger->cgroup, sizeof(stranger->cgroup), "%s", cgroup);
    (void)snprintf(stranger->id, sizeof(stranger->id), "%s", id);
    for (size_t i = 0; i < RUNTIMES_MAX; i++)
        stranger->asks[i].stranger = stranger;
    HASH_ADD_STR(containers->strangers, id, stranger);
    stranger_ask(stranger);
}

bool containers_stranger_stands(struct containers *containers, uint64_t ticket, const char *id, pid_t pid)
{
    struct stranger *stranger;

    HASH_FIND_STR(containers->strangers, id, stranger);
    if (!stranger || stranger->ticket != ticket)
        return false;
    stranger->pid = pid;
    return true;
}

void containers_meet(struct containers *containers, struct held *held)
{
    struct stranger *stranger;

    HASH_FIND_STR(containers->strangers, held->container->id, stranger);
    if (!stranger)
        return;
    if (stranger->pid)
        containers_take_standing(containers, held, stranger->ticket, stranger->cgroup, stranger->pid);
    else
        held->ticket = stranger->ticket;
    stranger_free(stranger);
}

void containers_forget_stranger(struct containers *containers, uint64_t ticket, const char *id)
{
    struct stranger *stranger;
    struct stranger *next;

    HASH_ITER (hh, containers->strangers, stranger, next)
        if (!id || (strcmp(stranger->id, id) == 0 && (!ticket || stranger->ticket == ticket)))
            stranger_free(stranger);
}
