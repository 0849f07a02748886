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
    struct list_names names;
    enum list_stage stage;
    size_t next;
    void *part;                         /* of the entry whose turn it is */
    uint64_t revision, address_changes; /* as it began */
    struct json_stream json;
    struct evbuffer *out; /* of the slice that is being written */
};

int list_note_services(struct list_names *names, const struct model_namespace *parent)
{
    int r = 0;

    for (const struct service *service = parent->services; service && r == 0; service = service->hh.next)
        if (service->is_declared)
            r = list_names_note(names, "", service->name, 0, 0);
    return r;
}

static int note_all(struct list *list)
{
    const struct catalog *catalog = engine_catalog(list->api->engine);
    int r = 0;

    list->revision = engine_figures(list->api->engine).revision;
    list->address_changes = catalog->n_address_changes;
    for (const struct model_namespace *parent = catalog->namespaces; parent && r == 0;
         parent = parent->hh.next) {
        if (list->wanted && strcmp(list->wanted, parent->name) != 0)
            continue;
        r = list_names_begin_namespace(&list->names, parent->name);
        if (r == 0)
            r = list->kind->note(&list->names, parent);
    }
    return r;
}

static int put(void *user, const char *text, size_t length)
{
    const struct list *list = user;

    return evbuffer_add(list->out, text, length) < 0 ? -ENOMEM : 0;
}

static int begin(struct list *list)
{
    json_stream_begin(&list->json, put, list);
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
    const struct list_key key = list_names_key(&list->names, list->next);
    int r = list->kind->add(list->api, &key, &list->json, &list->part);

    if (r == 0) {
        drop_part(list);
        list->next++;
    }
    return r < 0 ? r : list->json.result;
}

static int end(struct list *list)
{
    const struct engine *engine = list->api->engine;
    bool is_same = engine_figures(engine).revision == list->revision &&
                   engine_catalog(engine)->n_address_changes == list->address_changes;

    (void)json_stream_close(&list->json);
    (void)json_stream_add_number(&list->json, "revision", (double)list->revision);
    (void)json_stream_take(&list->json, "isConsistent", cJSON_CreateBool(is_same));
    return json_stream_close(&list->json);
}

/* Returns as a writer does. */
static int list_piece(struct list *list)
{
    int r = 0;

    switch (list->stage) {
    case LIST_NOTING:
        r = note_all(list);
        list->stage = LIST_SORTING;
        break;
    case LIST_SORTING:
        r = list_names_sort(&list->names);
        if (r == 0) {
            r = begin(list);
            list->stage = LIST_ADDING;
        }
        break;
    case LIST_ADDING:
        if (list->next == list->names.n)
            return end(list);
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
    list_names_done(&list->names);
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
