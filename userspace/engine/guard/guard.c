/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which registry filled the tables, and what follows when it is another one. Long because the cases exclude each other, and are read
 * side by side. */
#include "engine/guard/guard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "engine/change/job.h"
#include "engine/engine_internal.h"
#include "registry/rows.h"
#include "registry/sqlite/sqlite_place.h"
#include "registry/sqlite/sqlite_registry.h"
#include "registry/sqlite/sqlite_salvage.h"

#define ID_ROW      "registry/id"
#define DAMAGED_ROW "registry/damaged"
#define AHEAD_MOST  (UINT64_C(1) << 50)
#define AHEAD_ROW   "registry/ahead" /* {"revisions"} */

_Static_assert(REGISTRY_ID_SIZE == SVC_REGISTRY_ID_SIZE, "an id fits where it is pinned");

/* ---- opening ---- */

static int salvage(struct engine *engine, const char *path, struct error *error)
{
    struct registry_guard *guard = &engine->guard;
    char *aside = NULL;
    size_t n = 0;
    int r = sqlite_registry_set_aside(path, &aside, error);

    if (r < 0)
        return r;
    free(guard->damaged);
    guard->damaged = aside;
    guard->is_damage_new = true;
    r = sqlite_registry_open(path, &engine->registry, error);
    if (r == 0)
        r = sqlite_registry_salvage(aside, engine->registry, &n, error);
    if (r == 0)
        log_error(
            "registry %s is damaged: it is kept as %s, and %zu rows that could be read of it are in a new "
            "one",
            path, aside, n);
    return r;
}

int registry_guard_open(struct engine *engine, const char *state_dir, struct error *error)
{
    _cleanup_free_ char *path = NULL;
    int r;

    if (asprintf(&path, "%s/registry.db", state_dir) < 0)
        return error_errno(error, ENOMEM, "starting");
    r = sqlite_registry_open(path, &engine->registry, error);
    return r == -EUCLEAN ? salvage(engine, path, error) : r;
}

int registry_guard_replace(struct engine *engine, struct error *error)
{
    struct registry_guard *guard = &engine->guard;
    _cleanup_free_ char *path = strdup(registry_location(engine->registry));

    if (!path)
        return error_errno(error, ENOMEM, "starting");
    (void)registry_close(&engine->registry);
    registry_guard_done(guard);
    return salvage(engine, path, error);
}

/* ---- rows ---- */

static void read_id(struct registry_guard *guard, const cJSON *json)
{
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "id"));
    const char *copy_of = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "copyOf"));
    const char *restored_from = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "restoredFrom"));

    (void)snprintf(guard->id, sizeof(guard->id), "%s", id ? id : "");
    (void)snprintf(guard->copy_of, sizeof(guard->copy_of), "%s", copy_of ? copy_of : "");
    (void)snprintf(guard->restored_from, sizeof(guard->restored_from), "%s",
                   restored_from ? restored_from : "");
}

/* Within what numbers made of it can be told exactly. */
static uint64_t read_ahead(const cJSON *json)
{
    double number = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "revisions"));

    return number >= 1 && number <= AHEAD_MOST ? (uint64_t)number : 0;
}

bool registry_guard_row(struct engine *engine, const char *key, const char *value)
{
    struct registry_guard *guard = &engine->guard;
    _cleanup_json_ cJSON *json = NULL;
    const char *path;

    if (strncmp(key, "host/", 5) == 0)
        return false;
    if (strncmp(key, "damaged/", 8) == 0)
        return true;
    if (strncmp(key, "registry/", 9) != 0) {
        guard->rows++;
        return false;
    }
    json = cJSON_Parse(value);
    path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "path"));
    if (strcmp(key, ID_ROW) == 0)
        read_id(guard, json);
    else if (strcmp(key, REGISTRY_RESTORED_ROW) == 0)
        guard->is_restored = true;
    else if (strcmp(key, AHEAD_ROW) == 0)
        guard->ahead = read_ahead(json);
    else if (strcmp(key, DAMAGED_ROW) == 0 && !guard->damaged)
        guard->damaged = strdup(path ? path : "(unknown)");
    return true;
}

int registry_guard_unreadable(struct engine *engine, const char *key, const char *value,
                              const struct error *error)
{
    struct registry_guard *guard = &engine->guard;
    struct registry_row *larger =
        realloc(guard->unreadable, (guard->n_unreadable + 1) * sizeof(*guard->unreadable));
    struct registry_row *row;

    if (!larger)
        return -ENOMEM;
    guard->unreadable = larger;
    row = &larger[guard->n_unreadable];
    *row = (struct registry_row){strdup(key), strdup(value)};
    if (guard->n_unreadable++ == 0)
        guard->first_unreadable = *error;
    return row->key && row->value ? 0 : -ENOMEM;
}

void registry_guard_done(struct registry_guard *guard)
{
    for (size_t i = 0; i < guard->n_unreadable; i++)
        row_done(&guard->unreadable[i]);
    free(guard->unreadable);
    free(guard->damaged);
    *guard = (struct registry_guard){0};
}

/* ---- judging ---- */

static int on_any_alias(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    (void)key;
    (void)alias;
    *(bool *)user = true;
    return -ECANCELED;
}

/* What cannot be read is taken for something. */
static bool has_published(struct engine *engine)
{
    bool has_any =
        datapath_origin(engine->datapath) == DATAPATH_MIGRATED && !datapath_is_readable(engine->datapath);

    (void)datapath_each_alias(engine->datapath, on_any_alias, &has_any);
    return has_any;
}

static void make_id(char id[static REGISTRY_ID_SIZE])
{
    for (size_t i = 0; i < 32; i++)
        id[i] = "0123456789abcdef"[random_below(16)];
    id[32] = '\0';
}

/* To be written with the next commit, which publish_everything() makes. */
static int put_row(struct engine *engine, const char *key, cJSON *json)
{
    char *key_copy = strdup(key);
    char *value = cJSON_PrintUnformatted(json);
    int r = key_copy && value ? numbers_add_unsaved(engine, key_copy, value) : -ENOMEM;

    cJSON_Delete(json);
    if (r < 0) {
        free(key_copy);
        free(value);
    }
    return r;
}

static int name_registry(struct engine *engine)
{
    struct registry_guard *guard = &engine->guard;
    /* Of a fleet's there is no copy that one host could name anew. */
    bool is_copy = guard->verdict == REGISTRY_OLDER && strcmp(guard->id, guard->seen.id) == 0 &&
                   registry_batch_fd(engine->registry) < 0;
    cJSON *json;

    if (*guard->id && !is_copy)
        return 0;
    /* What this run changes in an older copy is none of the history it was copied from: by its revision alone
     * it would pass for that some day. */
    if (is_copy)
        (void)snprintf(guard->copy_of, sizeof(guard->copy_of), "%s", guard->id);
    make_id(guard->id);
    json = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(json, "id", guard->id);
    if (*guard->copy_of)
        (void)cJSON_AddStringToObject(json, "copyOf", guard->copy_of);
    if (*guard->restored_from)
        (void)cJSON_AddStringToObject(json, "restoredFrom", guard->restored_from);
    return put_row(engine, ID_ROW, json);
}

static void keep_log(const struct engine *engine)
{
    int r =
        sqlite_registry_copy_log(registry_location(engine->registry), registry_revision(engine->registry));

    if (r < 0)
        log_warning("registry %s: its log could not be copied, ignoring: %s",
                    registry_location(engine->registry), strerror(-r));
}

/*
 * Of an older registry, or another one, whichever way it came: clients have been told of later revisions, and compare
 * the numbers of a service's instances with those. So they are counted on from what is pinned; the number that was told
 * last is the same registry's alone.
 */
static int count_on(struct engine *engine)
{
    struct registry_guard *guard = &engine->guard;
    uint64_t told = guard->seen.told > guard->seen.revision ? guard->seen.told : guard->seen.revision;
    bool is_same = told == 0 || (guard->verdict == REGISTRY_RIGHT && !guard->is_restored);
    uint64_t revision = registry_revision(engine->registry);
    cJSON *json;

    if (revision + guard->ahead >= told + !is_same || told - revision > AHEAD_MOST)
        return 0;
    guard->ahead = told + 1 - revision;
    engine_number_loaded(engine);
    json = cJSON_CreateObject();
    (void)cJSON_AddNumberToObject(json, "revisions", (double)guard->ahead);
    return put_row(engine, AHEAD_ROW, json);
}

int registry_guard_judge(struct engine *engine, struct error *error)
{
    struct registry_guard *guard = &engine->guard;
    struct registry_facts facts = {
        .id = guard->id,
        .copy_of = guard->copy_of,
        .revision = registry_revision(engine->registry),
        .rows = guard->rows,
        .unreadable = guard->n_unreadable,
        .is_damaged = guard->damaged != NULL,
        .is_restored = guard->is_restored,
        .is_away = registry_link(engine->registry).is_away,
    };
    int r = 0;

    guard->seen = datapath_registry_seen(engine->datapath);
    facts.pinned_id = guard->seen.id;
    facts.pinned_revision = guard->seen.revision;
    facts.has_published = has_published(engine);
    guard->verdict = registry_judge(&facts);
    if (guard->verdict == REGISTRY_EMPTY && engine->settings.adopts_empty) {
        log_warning("registry %s is empty, and adoptEmpty is on: what an earlier one had published goes",
                    registry_location(engine->registry));
        guard->verdict = REGISTRY_RIGHT;
    }
    guard->since = guard->seen.degraded_since ? (int64_t)guard->seen.degraded_since : clock_wall_s();
    if (guard->verdict == REGISTRY_OLDER && strcmp(guard->id, guard->seen.id) == 0 &&
        registry_batch_fd(engine->registry) < 0)
        keep_log(engine);
    if (guard->is_damage_new) {
        cJSON *json = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(json, "path", guard->damaged);
        r = put_row(engine, DAMAGED_ROW, json);
    }
    /* What is not known is not named, and the pins go on naming what they were filled from. */
    if (guard->verdict == REGISTRY_AWAY)
        return 0;
    if (r == 0)
        r = name_registry(engine);
    if (r == 0)
        r = count_on(engine);
    if (r < 0)
        return error_errno(error, r, "starting");
    return 0;
}

/* It is told in the pins now. The row goes with the next commit, which comes at once: until then a start finds it right once more. */
static void forget_restored(struct engine *engine)
{
    char *key = strdup(REGISTRY_RESTORED_ROW);

    engine->guard.is_restored = false;
    if (!key || numbers_add_unsaved(engine, key, NULL) < 0)
        free(key);
    else
        engine_save_numbers(engine);
}

void registry_guard_published(struct engine *engine, uint64_t revision)
{
    struct registry_guard *guard = &engine->guard;
    struct svc_registry_seen seen = guard->seen;

    if (guard->verdict == REGISTRY_AWAY)
        return;
    if (seen.told < revision + guard->ahead)
        seen.told = revision + guard->ahead;
    if (registry_verdict_is_own(guard->verdict)) {
        memcpy(seen.id, guard->id, sizeof(seen.id));
        seen.revision = revision;
        seen.published = (uint64_t)clock_wall_s();
    } else if (!*seen.id) {
        /* Or the next start would take what is in this registry by then for the right one's. */
        (void)snprintf(seen.id, sizeof(seen.id), "%s", REGISTRY_ID_UNKNOWN);
    }
    if (guard->is_restored)
        forget_restored(engine);
    seen.degraded_since = registry_guard_is_degraded(&engine->guard) ? (uint64_t)guard->since : 0;
    datapath_set_registry_seen(engine->datapath, &seen);
}

/* ---- telling ---- */

static void say_age(int64_t seconds, char *text, size_t size)
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};

    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (seconds >= units[i].seconds || units[i].seconds == 1) {
            (void)snprintf(text, size, "%" PRId64 " %s", seconds > 0 ? seconds / units[i].seconds : 0,
                           units[i].unit);
            return;
        }
}

static void say_reason(const struct engine *engine, char *text, size_t size)
{
    const struct registry_guard *guard = &engine->guard;
    const char *path = registry_location(engine->registry);
    char age[32];

    say_age(clock_wall_s() - (int64_t)guard->seen.published, age, sizeof(age));
    switch (guard->verdict) {
    case REGISTRY_RIGHT:
        (void)snprintf(text, size, "the registry is the one that what is published came from");
        break;
    case REGISTRY_EMPTY:
        (void)snprintf(text, size, "registry %s was empty beside aliases that an earlier one had published",
                       path);
        break;
    case REGISTRY_OTHER:
        (void)snprintf(text, size, "registry %s is another one than what is published came from", path);
        break;
    case REGISTRY_OLDER:
        (void)snprintf(text, size,
                       "registry %s is older than what is published: that is its revision %" PRIu64
                       ", of %s ago",
                       path, (uint64_t)guard->seen.revision, age);
        break;
    case REGISTRY_UNREADABLE:
        (void)snprintf(text, size, "registry %s: %zu rows cannot be read; the first: %.200s", path,
                       guard->n_unreadable, guard->first_unreadable.message);
        break;
    case REGISTRY_AWAY:
        (void)snprintf(text, size, "registry %s could not be reached at the start: %s", path,
                       registry_link(engine->registry).text);
        break;
    case REGISTRY_DAMAGED:
        (void)snprintf(text, size,
                       "registry %s was damaged: it is kept as %s, and what could be read of it is in "
                       "a new one",
                       path, guard->damaged);
        break;
    }
}

bool registry_guard_trouble(const struct engine *engine, char *ret_text, size_t size)
{
    char reason[640];
    char age[32];

    if (!registry_guard_is_degraded(&engine->guard))
        return false;
    say_reason(engine, reason, sizeof(reason));
    say_age(clock_wall_s() - engine->guard.since, age, sizeof(age));
    if (engine->guard.verdict == REGISTRY_AWAY) {
        (void)snprintf(
            ret_text, size,
            "%.600s (for %s). What was published stays so, changes are refused, and all of it follows "
            "as soon as the registry is there",
            reason, age);
        return true;
    }
    (void)snprintf(
        ret_text, size,
        "%.600s (for %s). What it does not account for stays published: go to a backup with \"svcconnect "
        "restore FILE\", bring the right registry back and restart svcconnectd, or take this one with "
        "\"svcconnect registry accept\"%s",
        reason, age, engine->guard.verdict == REGISTRY_EMPTY ? " or a start with --adopt-empty" : "");
    return true;
}

void registry_guard_describe(const struct engine *engine, cJSON *registry)
{
    const struct registry_guard *guard = &engine->guard;
    char reason[640];
    cJSON *published;

    (void)cJSON_AddStringToObject(registry, "id", guard->id);
    (void)cJSON_AddStringToObject(registry, "state", registry_verdict_name(guard->verdict));
    if (!registry_guard_is_degraded(&engine->guard))
        return;
    say_reason(engine, reason, sizeof(reason));
    (void)cJSON_AddStringToObject(registry, "reason", reason);
    (void)cJSON_AddNumberToObject(registry, "since", (double)guard->since);
    (void)cJSON_AddNumberToObject(registry, "keptAliases", publisher_kept_aliases(engine->publisher));
    published = cJSON_AddObjectToObject(registry, "published");
    (void)cJSON_AddStringToObject(published, "id", guard->seen.id);
    (void)cJSON_AddNumberToObject(published, "revision", (double)guard->seen.revision);
    (void)cJSON_AddNumberToObject(published, "time", (double)guard->seen.published);
}
