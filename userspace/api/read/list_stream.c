/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Lists of what is registered: the names that were noted, and a slice of their items at a time. */
#include "api/read/list_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/read/reads.h"
#include "api/read/steady_writer.h"
#include "base/clock.h"
#include "engine/change/job.h"
#include "engine/engine.h"

#define LIST_SLICE_NS 1000000

enum list_stage {
    LIST_NOTING,
    LIST_SORTING,
    LIST_ADDING,
};

struct list {
    struct api *api;
    const struct list_kind *kind;
    char *wanted;
    struct list_noting noting;
    enum list_stage stage;
    size_t next;
    void *part; /* of the entry whose turn it is */
    struct json_stream json;
    struct evbuffer *out; /* of the slice that is being written */
};

/* ---- noting ---- */

int list_note_services(struct list_names *names, const struct model_namespace *parent,
                       const struct list_key *last, size_t most)
{
    const struct service *service =
        last ? catalog_service(parent->catalog, parent->name, last->name) : parent->services;
    int r = 0;

    if (last && service)
        service = service->hh.next;
    for (size_t n = 0; service && n < most && r == 0; service = service->hh.next)
        if (service->is_declared) {
            r = list_names_note(names, "", service->name, 0, 0);
            n++;
        }
    return r < 0 ? r : service != NULL;
}

/* ---- the answer ---- */

static int list_stream_put(void *user, const char *text, size_t length)
{
    const struct list *list = user;

    return evbuffer_add(list->out, text, length) < 0 ? -ENOMEM : 0;
}

static int begin(struct list *list)
{
    json_stream_begin(&list->json, list_stream_put, list);
    (void)json_stream_open_object(&list->json, NULL);
    return json_stream_open_array(&list->json, list->kind->member);
}

static void drop_part(struct list *list)
{
    if (list->kind->drop)
        list->kind->drop(list->part);
    list->part = NULL;
}

static int add_next(struct list *list)
{
    const struct list_key key = list_names_key(&list->noting.names, list->next);
    int r = list->kind->add(list->api, &key, &list->json, &list->part);

    if (r == 0) {
        drop_part(list);
        list->next++;
    }
    return r < 0 ? r : list->json.result;
}

static int list_stream_end(struct list *list)
{
    bool is_same = list_noting_is_same(&list->noting);

    (void)json_stream_close(&list->json);
    (void)json_stream_add_number(&list->json, "revision", (double)list->noting.revision);
    (void)json_stream_take(&list->json, "isConsistent", cJSON_CreateBool(is_same));
    return json_stream_close(&list->json);
}

/* Returns as a writer does. */
static int list_piece(struct list *list)
{
    int r = 0;

    switch (list->stage) {
    case LIST_NOTING:
        r = list_noting_piece(&list->noting);
        if (r == 0)
            list->stage = LIST_SORTING;
        break;
    case LIST_SORTING:
        r = list_names_sort(&list->noting.names);
        if (r == 0) {
            r = begin(list);
            list->stage = LIST_ADDING;
        }
        break;
    case LIST_ADDING:
        if (list->next == list->noting.names.n)
            return list_stream_end(list);
        r = add_next(list);
        break;
    }
    return r < 0 ? r : 1;
}

static int list_write(void *user, struct evbuffer *out, size_t room)
{
    struct list *list = user;
    uint64_t until = clock_monotonic_ns() + LIST_SLICE_NS;

    list->out = out;
    for (unsigned n = 0; n < LIST_SLICE_PIECES; n++) {
        int r = list_piece(list);

        if (r <= 0)
            return r;
        if (evbuffer_get_length(out) >= room || clock_monotonic_ns() >= until)
            break;
    }
    return 1;
}

static void list_free(void *user)
{
    struct list *list = user;

    drop_part(list);
    list_names_done(&list->noting.names);
    free(list->wanted);
    free(list);
}

int list_writer(struct api *api, const struct list_kind *kind, const char *wanted,
                struct http_writer *ret_writer)
{
    struct list *list = calloc(1, sizeof(*list));
    const struct http_writer writer = {.write = list_write, .done = list_free, .user = list};

    if (!list)
        return -ENOMEM;
    list->api = api;
    list->kind = kind;
    if (wanted && !(list->wanted = strdup(wanted))) {
        list_free(list);
        return -ENOMEM;
    }
    list->noting = (struct list_noting){.engine = api->engine, .note = kind->note, .wanted = list->wanted};
    return steady_writer_new(api, &writer, ret_writer);
}

int list_answer(const struct control_call *call, const struct list_kind *kind, struct api *api,
                struct error *error)
{
    struct http_writer writer;

    if (list_writer(api, kind, read_wanted_namespace(api, call), &writer) < 0)
        return error_set(error, ENOMEM, "out of memory");
    return control_call_stream(call, CONTROL_JSON, &writer, error);
}
