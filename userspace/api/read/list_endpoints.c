/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* GET /v1/endpoints: service by service, the instances of each by their ids, which are noted as its turn comes. */
#include <errno.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/read/list_stream.h"
#include "api/read/reads.h"
#include "engine/engine.h"
#include "engine/plan/tables.h"
#include "model/catalog_aws.h"

/* The instances of the service whose turn it is. */
struct endpoint_part {
    struct list_names ids;
    bool is_sorted;
    bool is_panic, is_panic_udp; /* of TCP and of UDP */
    size_t next;
};

static void drop_endpoints(void *part)
{
    if (part)
        list_names_done(&((struct endpoint_part *)part)->ids);
    free(part);
}

/* A host name that has no address yet is in no endpoint's place; one that has is there by its addresses. */
static bool is_unresolved(const struct instance *record)
{
    return record->host && record->n_addresses == 0;
}

static int note_instances(struct list_names *ids, const struct service *service)
{
    const struct instance *instance;
    int r = list_names_begin_namespace(ids, "");

    for (instance = service->instances; instance && r == 0; instance = instance->hh.next)
        r = list_names_note(ids, "", instance->id, 0, 0);
    for (instance = service->records; instance && r == 0; instance = instance->hh.next)
        if (is_unresolved(instance))
            r = list_names_note(ids, "", instance->id, 0, 0);
    return r;
}

/* NULL: it is gone. */
static cJSON *endpoint_item(struct api *api, const struct service *service, const struct endpoint_part *part,
                            const char *id)
{
    const struct instance *instance = catalog_instance(service, id);

    if (instance)
        return read_endpoint(api, instance, instance->protocol == UDP ? part->is_panic_udp : part->is_panic);
    instance = catalog_record(service, id);
    return instance && is_unresolved(instance) ? read_unresolved(api, instance) : NULL;
}

static int list_endpoints_add_endpoint(struct api *api, const struct list_key *key, struct json_stream *json,
                                       void **part)
{
    const struct service *service =
        catalog_service(engine_catalog(api->engine), key->namespace_name, key->name);
    struct endpoint_part *own = *part;
    cJSON *item;
    int r;

    if (!service)
        return 0;
    if (!own) {
        *part = own = calloc(1, sizeof(*own));
        r = own ? note_instances(&own->ids, service) : -ENOMEM;
        return r < 0 ? r : own->ids.n > 0;
    }
    if (!own->is_sorted) {
        r = list_names_sort(&own->ids);
        own->is_sorted = r == 0;
        own->is_panic = tables_service_is_panic(service, TCP);
        own->is_panic_udp = tables_service_is_panic(service, UDP);
        return r < 0 ? r : 1;
    }
    item = endpoint_item(api, service, own, list_names_key(&own->ids, own->next++).name);
    r = item ? json_stream_take(json, NULL, item) : 0;
    return r < 0 ? r : own->next < own->ids.n;
}

const struct list_kind endpoint_list = {.member = "endpoints",
                                        .note = list_note_services,
                                        .add = list_endpoints_add_endpoint,
                                        .drop = drop_endpoints};

int read_endpoints(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    (void)ret_answer;
    return list_answer(call, &endpoint_list, user, error);
}
