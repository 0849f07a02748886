/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bytes as bodies of the control API's changes: JSON objects one after the other, each with the change's name as
 * "op", applied to one engine. What is refused is refused in a sentence and has changed nothing; what is not, is in
 * the registry, and another engine makes the same catalog of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#define HOUSE_ENDPOINTS 64
#include "../unit/house.h"
#include "api/change/changes.h"
#include "api/read/canaries.h"
#include "apply/apply.h"
#include "base/json.h"
#include "registry/sqlite/sqlite_registry.h"
#include "registry/sqlite/sqlite_salvage.h"

#define MOST_CHANGES 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int claim)
{
    if (!claim)
        abort();
}

/* ---- rooms that no body gets to here: there is no document, no registry of SQLite, and nobody is shown a canary ---- */

int sqlite_registry_open(const char *path, struct registry **ret_registry, struct error *error)
{
    (void)path, (void)ret_registry;
    return error_set(error, ENOSYS, "not here");
}

int sqlite_registry_set_aside(const char *path, char **ret_aside, struct error *error)
{
    (void)path, (void)ret_aside;
    return error_set(error, ENOSYS, "not here");
}

int sqlite_registry_salvage(const char *aside, struct registry *registry, size_t *ret_n, struct error *error)
{
    (void)aside, (void)registry, (void)ret_n;
    return error_set(error, ENOSYS, "not here");
}

int sqlite_registry_copy_log(const char *path, uint64_t revision)
{
    (void)path, (void)revision;
    return -ENOSYS;
}

int apply_removal(struct transaction *transaction, const struct model_namespace *parent,
                  const struct stored_document *document, struct error *error)
{
    (void)transaction, (void)parent, (void)document;
    return error_set(error, ENOSYS, "not here");
}

cJSON *canaries_object(const struct engine *engine, const char *namespace_name,
                       const struct catalog_canary *entry)
{
    (void)engine, (void)namespace_name, (void)entry;
    return cJSON_CreateObject();
}

/* ---- changes ---- */

struct one_change {
    change_fn change;
    const cJSON *body;
    cJSON *answer;
    int result;
    bool is_done;
};

static int bodies_run(struct transaction *transaction, void *user, struct error *error)
{
    struct one_change *one = user;
    int r;

    cJSON_Delete(one->answer);
    one->answer = cJSON_CreateObject();
    (void)cJSON_AddArrayToObject(one->answer, "warnings");
    r = one->change(transaction, one->body, one->answer, error);
    require(r >= 0 || error->message[0]);
    return r;
}

static void bodies_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct one_change *one = user;

    (void)revision;
    require(result == 0 || (error && error->message[0]));
    one->result = result;
    one->is_done = true;
}

static change_fn named_change(const char *name)
{
    if (strcmp(name, "startCanary") == 0)
        return change_start_canary;
    return strcmp(name, "canary") == 0 ? change_canary : change_by_name(name);
}

static void apply(struct house *house, cJSON *item)
{
    struct one_change one = {.body = item};
    const struct job job = {.run = bodies_run, .done = bodies_done, .user = &one};
    const char *name = NULL;
    struct error error = {0};
    uint64_t before = engine_figures(house->engine).revision;

    if (!cJSON_IsObject(item) || json_get_string(item, "op", true, &name, &error) < 0)
        return;
    one.change = named_change(name);
    if (!one.change)
        return;
    cJSON_DeleteItemFromObjectCaseSensitive(item, "op");
    require(engine_submit(house->engine, &job) == 0);
    for (int i = 0; i < 64 && !one.is_done; i++)
        engine_settle(house->engine);
    require(one.is_done);
    require(one.result == 0 || engine_figures(house->engine).revision == before);
    cJSON_Delete(one.answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    const char *end = at + size;
    struct house house;

    house_make(&house);
    house_begin(&house);
    for (int i = 0; i < MOST_CHANGES && at < end; i++) {
        const char *rest = NULL;
        cJSON *item = cJSON_ParseWithLengthOpts(at, (size_t)(end - at), &rest, false);

        if (!item)
            break;
        apply(&house, item);
        cJSON_Delete(item);
        require(rest > at);
        at = rest;
    }
    house_stop(&house);
    house_end(&house);
    return 0;
}
