/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "model/actor.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/legible.h"

static const char *const actor_kinds[] = {
    [ACTOR_DAEMON] = "daemon",
    [ACTOR_SOCKET] = "socket",
    [ACTOR_KEY] = "key",
    [ACTOR_FILE] = "file",
};

struct actor actor_make(enum actor_kind kind, const char *name)
{
    struct actor actor = {.kind = kind};
    size_t length = strlen(name);

    if (kind == ACTOR_FILE && length >= sizeof(actor.name))
        name += length - sizeof(actor.name) + 1;
    (void)snprintf(actor.name, sizeof(actor.name), "%s", name);
    text_make_legible(actor.name);
    return actor;
}

bool actor_equal(const struct actor *a, const struct actor *b)
{
    return a->kind == b->kind && a->uid == b->uid && a->pid == b->pid && strcmp(a->name, b->name) == 0;
}

const char *actor_text(const struct actor *actor, char text[static ACTOR_TEXT_SIZE])
{
    switch (actor->kind) {
    case ACTOR_SOCKET:
        (void)snprintf(text, ACTOR_TEXT_SIZE, "uid %u, process %d%s%s%s", (unsigned)actor->uid,
                       (int)actor->pid, *actor->name ? " (" : "", actor->name, *actor->name ? ")" : "");
        break;
    case ACTOR_KEY:
    case ACTOR_FILE:
        (void)snprintf(text, ACTOR_TEXT_SIZE, "%s %s", actor_kinds[actor->kind], actor->name);
        break;
    default:
        (void)snprintf(text, ACTOR_TEXT_SIZE, "svcconnectd");
    }
    return text;
}

cJSON *actor_json(const struct actor *actor)
{
    cJSON *json = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(json, "kind", actor_kinds[actor->kind]);
    if (actor->kind == ACTOR_SOCKET) {
        (void)cJSON_AddNumberToObject(json, "uid", actor->uid);
        (void)cJSON_AddNumberToObject(json, "pid", actor->pid);
    }
    if (*actor->name)
        (void)cJSON_AddStringToObject(json, "name", actor->name);
    return json;
}

struct actor actor_of_json(const cJSON *json)
{
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "kind"));
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "name"));
    const cJSON *uid = cJSON_GetObjectItemCaseSensitive(json, "uid");
    const cJSON *pid = cJSON_GetObjectItemCaseSensitive(json, "pid");
    struct actor actor = {0};

    for (size_t i = 0; kind && i < ARRAY_SIZE(actor_kinds); i++)
        if (strcmp(kind, actor_kinds[i]) == 0)
            actor = actor_make((enum actor_kind)i, name ? name : "");
    if (cJSON_IsNumber(uid) && uid->valuedouble >= 0)
        actor.uid = (uid_t)uid->valuedouble;
    if (cJSON_IsNumber(pid) && pid->valuedouble >= 0)
        actor.pid = (pid_t)pid->valuedouble;
    return actor;
}
