/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws_api/call/later.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/change/job.h"

struct aws_waiting {
    struct aws_request request;
    struct aws_waiting_list *list; /* NULL: the owner has ended */
    struct aws_waiting *next, *previous;
    aws_send_fn send;
    void *reply;
    struct evbuffer *text;
};

static void link_waiting(struct aws_waiting *waiting, struct aws_waiting_list *list)
{
    waiting->list = list;
    waiting->send = list->send;
    waiting->next = list->first;
    if (list->first)
        list->first->previous = waiting;
    list->first = waiting;
}

static void unlink_waiting(struct aws_waiting *waiting)
{
    if (!waiting->list)
        return;
    if (waiting->previous)
        waiting->previous->next = waiting->next;
    else
        waiting->list->first = waiting->next;
    if (waiting->next)
        waiting->next->previous = waiting->previous;
    waiting->list = NULL;
    waiting->next = waiting->previous = NULL;
}

static void free_waiting(struct aws_waiting *waiting)
{
    unlink_waiting(waiting);
    aws_request_done(&waiting->request);
    if (waiting->text)
        evbuffer_free(waiting->text);
    free(waiting);
}

static void answer(struct aws_waiting *waiting, int r)
{
    int status = aws_request_finish(&waiting->request, r, waiting->text);

    waiting->send(waiting->reply, status, waiting->text);
    free_waiting(waiting);
}

/* ---- what changes something ---- */

static int later_run_change(struct transaction *transaction, void *user, struct error *error)
{
    struct aws_waiting *waiting = user;
    int r = aws_request_run(&waiting->request, transaction, waiting->text);

    return r < 0 ? error_set(error, -r, "%s", waiting->request.error.message) : 0;
}

/* Without an error of its own the last run was well, and what came after it was not: disk, tables, memory. */
static void later_on_done(int r, uint64_t revision, const struct error *error, void *user)
{
    struct aws_waiting *waiting = user;
    const struct error none = {0};

    (void)revision; /* these APIs do not tell it */
    if (r < 0 && (!waiting->request.error.type || r == -ECANCELED)) {
        aws_error_done(&waiting->request.error);
        waiting->request.error.invalid = waiting->request.dialect->invalid;
        (void)aws_fail_as(&waiting->request.error, r, error ? error : &none);
    }
    answer(waiting, r);
}

/* ---- what only reads ---- */

static void later_on_steady(void *user)
{
    struct aws_waiting *waiting = user;

    answer(waiting, aws_request_run(&waiting->request, NULL, waiting->text));
}

/* ---- both ---- */

static int later_submit(struct aws_waiting *waiting)
{
    const struct job job = {.run = later_run_change,
                            .done = later_on_done,
                            .user = waiting,
                            .by = actor_make(ACTOR_KEY, waiting->request.who.name),
                            .operation = waiting->request.operation->name};

    return waiting->request.operation->is_read
               ? engine_when_steady(waiting->request.engine, later_on_steady, waiting)
               : engine_submit(waiting->request.engine, &job);
}

int aws_later(struct aws_waiting_list *list, struct aws_request *request, void *reply)
{
    struct aws_waiting *waiting = calloc(1, sizeof(*waiting));
    int r = -ENOMEM;

    if (waiting)
        waiting->text = evbuffer_new();
    if (waiting && waiting->text) {
        waiting->request = *request;
        waiting->reply = reply;
        r = later_submit(waiting);
    }
    if (r == 0) {
        link_waiting(waiting, list);
        *request = (struct aws_request){0};
        return 0;
    }
    if (waiting) {
        waiting->request = (struct aws_request){0}; /* it stays the caller's */
        free_waiting(waiting);
    }
    (void)aws_fail(&request->error, AWS_UNAVAILABLE,
                   r == -EBUSY ? "Too many changes wait to be made. Try again in a moment."
                               : "svcconnectd cannot take on a request now.");
    return r;
}

void aws_later_end(struct aws_waiting_list *list)
{
    struct aws_waiting *waiting;

    while ((waiting = list->first)) {
        unlink_waiting(waiting);
        if (!waiting->request.operation->is_read)
            continue;
        engine_forget_waiter(waiting->request.engine, waiting);
        answer(waiting, aws_fail(&waiting->request.error, AWS_UNAVAILABLE, "svcconnectd is ending."));
    }
}
