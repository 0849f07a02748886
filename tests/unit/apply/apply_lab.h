/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A house with room for many names, and a worker, for documents. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/apply.h"
#include "apply/submit.h"
#include "base/worker.h"
#include "base/cleanup.h"
#include "unit/house.h"

struct lab {
    struct house house;
    struct worker *worker;
};

static inline int lab_setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    *state = lab;
    house_make_of_size(&lab->house, (struct house_size){8192, 65536, 64});
    house_begin(&lab->house);
    assert_int_equal(worker_new(lab->house.base, &lab->worker), 0);
    return 0;
}

static inline int lab_teardown(void **state)
{
    struct lab *lab = *state;

    worker_stop(lab->worker);
    house_stop(&lab->house);
    worker_free(&lab->worker);
    house_end(&lab->house);
    free(lab);
    return 0;
}

#define LAB_TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

/* ---- what a document says ---- */

#define TASK                                                                                                 \
    "\"taskDefinition\":{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"c\",\"portMappings\":[{"     \
    "\"name\":\"http\",\"containerPort\":8080}]}]}"
#define PUBLISHED(name, alias)                                                                               \
    "{\"portName\":\"http\",\"discoveryName\":\"" name                                                       \
    "\",\"clientAliases\":[{\"port\":80,\"dnsName\":\"" alias "\"}]}"
#define DOCUMENT_WITH(name, services, more)                                                                  \
    "{\"serviceName\":\"" name "\"," TASK ",\"serviceConnectConfiguration\":{\"enabled\":true,"              \
    "\"namespace\":\"shop\",\"services\":[" services "]" more "}}"
#define DOCUMENT(name, services) DOCUMENT_WITH(name, services, "")

/* ---- applying ---- */

struct applied {
    bool is_done;
    int result;
    uint64_t revision;
    struct error error;
    struct findings findings;
    cJSON *changes;
};

static inline void applied_done(struct applied *applied)
{
    findings_done(&applied->findings);
    cJSON_Delete(applied->changes);
    *applied = (struct applied){0};
}

static inline void lab_keep_end(struct apply_end *end, void *user)
{
    struct applied *applied = user;

    assert_false(applied->is_done);
    *applied = (struct applied){true, end->result, end->revision, end->error, end->findings, NULL};
    end->findings = (struct findings){0};
    if (end->changes) {
        size_t length = evbuffer_get_length(end->changes);

        applied->changes = cJSON_ParseWithLength((const char *)evbuffer_pullup(end->changes, -1), length);
        assert_non_null(applied->changes);
    }
}

static inline void lab_wait(struct lab *lab, const struct applied *applied)
{
    while (!applied->is_done) {
        (void)worker_wait(lab->worker);
        engine_settle(lab->house.engine);
    }
}

/* One text of one source. */
static inline void lab_apply(struct lab *lab, const char *source, const char *text, const char *owned,
                             bool is_dry_run, struct applied *ret_applied)
{
    const struct apply_text item = {.source = source, .text = text};
    const struct apply_texts texts = {
        .items = &item,
        .n = 1,
        .default_namespace = "shop",
        .owned_source = owned,
        .is_dry_run = is_dry_run,
        .wants_changes = true,
    };

    *ret_applied = (struct applied){0};
    assert_int_equal(apply_submit_texts(lab->house.engine, lab->worker, &texts, lab_keep_end, ret_applied),
                     0);
    lab_wait(lab, ret_applied);
}

/* The result alone. */
static inline int lab_try(struct lab *lab, const char *text)
{
    struct applied applied;
    int r;

    lab_apply(lab, "test", text, NULL, false, &applied);
    r = applied.result;
    applied_done(&applied);
    return r;
}

/* ---- looking ---- */

static inline const struct service *lab_service(const struct lab *lab, const char *name)
{
    const struct service *service = catalog_service(engine_catalog(lab->house.engine), "shop", name);

    return service && service->is_declared ? service : NULL;
}

static inline bool lab_has_name(const struct lab *lab, const char *service_name, const char *dns_name)
{
    const struct service *service = lab_service(lab, service_name);

    for (size_t i = 0; service && i < service->n_aliases; i++)
        if (strcmp(service->aliases[i].dns_name, dns_name) == 0)
            return true;
    return false;
}

static inline const struct stored_document *lab_document(const struct lab *lab, const char *name)
{
    const struct model_namespace *parent = catalog_namespace(engine_catalog(lab->house.engine), "shop");

    return parent ? catalog_document(parent, name) : NULL;
}

static inline const struct route *lab_route(const struct lab *lab, const char *client_name,
                                            const char *dns_name)
{
    const struct model_namespace *parent = catalog_namespace(engine_catalog(lab->house.engine), "shop");
    const struct client *client = parent && *client_name ? catalog_client(parent, client_name) : NULL;
    struct client_alias alias = {.port = 80, .protocol = TCP};
    char identity[ALIAS_IDENTITY_SIZE];

    if (!parent || (*client_name && !client))
        return NULL;
    (void)snprintf(alias.dns_name, sizeof(alias.dns_name), "%s", dns_name);
    return catalog_route(parent, client, alias_identity(&alias, identity));
}

static inline size_t lab_count(const struct applied *applied, const char *action, const char *kind)
{
    const cJSON *item;
    size_t n = 0;

    cJSON_ArrayForEach (item, applied->changes)
        n += strcmp(cJSON_GetObjectItem(item, "action")->valuestring, action) == 0 &&
             strcmp(cJSON_GetObjectItem(item, "kind")->valuestring, kind) == 0;
    return n;
}
