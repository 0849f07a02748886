/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/policy_closing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "events/event_log.h"

struct policy_closed {
    struct policy_closed *next;
    char *namespace_name;
    char *service;
    char **directories;
    size_t n_directories;
    struct policy_closing_place *places;
    size_t n_places;
    size_t at; /* the place that is looked at */
    uint64_t open;
    uint64_t destroyed;
    int trouble; /* 0, or -errno of the first thing that could not be done */
};

static void policy_closing_go_on(struct policy_closing *self);

static void policy_closed_free(struct policy_closed *closed)
{
    for (size_t i = 0; closed->directories && i < closed->n_directories; i++)
        free(closed->directories[i]);
    free(closed->directories);
    free(closed->namespace_name);
    free(closed->service);
    free(closed->places);
    free(closed);
}

static char **copy_directories(char *const *directories, size_t n)
{
    char **copy = calloc(n ? n : 1, sizeof(*copy));

    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = strdup(directories[i]);
        if (copy[i])
            continue;
        while (i-- > 0)
            free(copy[i]);
        free(copy);
        return NULL;
    }
    return copy;
}

static int policy_closing_directories(void *user, const char *namespace_name, char ***ret_directories,
                                      size_t *ret_n)
{
    const struct policy_closing *self = user;
    char **copy = copy_directories(self->waiting->directories, self->waiting->n_directories);

    (void)namespace_name;
    if (!copy)
        return -ENOMEM;
    *ret_directories = copy;
    *ret_n = self->waiting->n_directories;
    return 0;
}

static void tell_closed(struct policy_closing *self, const struct policy_closed *closed)
{
    event_log_add(self->events, EVENT_POLICY, closed->namespace_name, closed->service, NULL,
                  "closed %llu of %llu connections of tasks that may not call it%s%s",
                  (unsigned long long)closed->destroyed, (unsigned long long)closed->open,
                  closed->trouble ? "; not all could be looked at: " : "",
                  closed->trouble ? strerror(-closed->trouble) : "");
}

static void policy_closing_on_looked(int result, const struct task_sockets_result *found,
                                     const struct error *error, void *user)
{
    struct policy_closing *self = user;
    struct policy_closed *closed = self->waiting;

    (void)error;
    self->look = NULL;
    if (!closed->trouble)
        closed->trouble = result < 0 ? result : found->incomplete;
    closed->open += found->open;
    closed->destroyed += found->destroyed;
    closed->at++;
    policy_closing_go_on(self);
}

static void policy_closing_go_on(struct policy_closing *self)
{
    while (self->waiting && !self->look) {
        struct policy_closed *closed = self->waiting;
        const struct policy_closing_place *place = &closed->places[closed->at];
        struct error error = {0};
        int r;

        if (closed->at == closed->n_places) {
            tell_closed(self, closed);
            self->waiting = closed->next;
            self->n--;
            policy_closed_free(closed);
            continue;
        }
        r = socket_look_begin(
            &self->looks, closed->namespace_name,
            &(struct task_sockets_request){
                .address = place->address, .port = place->port, .is_udp = place->is_udp, .kill = true},
            policy_closing_on_looked, self, &self->look, &error);
        if (r < 0) {
            closed->trouble = closed->trouble || r == -ENOENT ? closed->trouble : r;
            closed->at++;
        }
    }
}

int policy_closing_begin(struct policy_closing *self, const struct policy_closing_request *request)
{
    struct policy_closed *closed;
    struct policy_closed **end = &self->waiting;

    if (self->n >= POLICY_CLOSING_WAITING)
        return -EBUSY;
    closed = calloc(1, sizeof(*closed));
    if (!closed)
        return -ENOMEM;
    closed->namespace_name = strdup(request->namespace_name);
    closed->service = strdup(request->service);
    closed->directories = copy_directories(request->directories, request->n_directories);
    closed->places = calloc(request->n_places + 1, sizeof(*closed->places));
    if (!closed->namespace_name || !closed->service || !closed->directories || !closed->places) {
        policy_closed_free(closed);
        return -ENOMEM;
    }
    closed->n_directories = request->n_directories;
    closed->n_places = request->n_places;
    if (request->n_places > 0)
        memcpy(closed->places, request->places, request->n_places * sizeof(*closed->places));
    while (*end)
        end = &(*end)->next;
    *end = closed;
    self->n++;
    policy_closing_go_on(self);
    return 0;
}

void policy_closing_init(struct policy_closing *closing, struct event_base *base, struct event_log *events)
{
    *closing = (struct policy_closing){
        .looks = {.base = base, .directories = policy_closing_directories, .user = closing},
        .events = events};
}

void policy_closing_done(struct policy_closing *self)
{
    socket_look_cancel(&self->look);
    while (self->waiting) {
        struct policy_closed *closed = self->waiting;

        self->waiting = closed->next;
        policy_closed_free(closed);
    }
    self->n = 0;
}
