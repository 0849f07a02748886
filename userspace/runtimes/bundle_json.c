/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "runtimes/bundle_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"

static const cJSON *bundle_member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *bundle_text(const cJSON *object, const char *name)
{
    const cJSON *item = bundle_member(object, name);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* NULL: there is nothing to walk through. */
static const cJSON *bundle_first(const cJSON *list)
{
    return cJSON_IsArray(list) || cJSON_IsObject(list) ? list->child : NULL;
}

/* ---- cgroups ---- */

/* "a-b.slice" is in "a.slice": each dash is one level. */
static char *slice_path(const char *slice)
{
    size_t length = strlen(slice);
    size_t stem = length > 6 && strcmp(slice + length - 6, ".slice") == 0 ? length - 6 : 0;
    char path[SVC_CGROUP_SIZE] = "";
    size_t used = 0;

    if (stem == 0 || strchr(slice, '/'))
        return NULL;
    for (size_t i = 1; i <= stem; i++) {
        int n;

        if (i < stem && slice[i] != '-')
            continue;
        n = snprintf(path + used, sizeof(path) - used, "/%.*s.slice", (int)i, slice);
        if (n < 0 || (size_t)n >= sizeof(path) - used)
            return NULL;
        used += (size_t)n;
    }
    return strdup(path);
}

static bool bundle_is_plain_path(const char *path)
{
    size_t length = strlen(path);

    return path[0] == '/' && path[1] && length < SVC_CGROUP_SIZE && path[length - 1] != '/' &&
           !strstr(path, "//") && !strstr(path, "/../") && !strstr(path, "/./") &&
           strcmp(strrchr(path, '/'), "/..") != 0 && strcmp(strrchr(path, '/'), "/.") != 0;
}

char *bundle_cgroup(const char *cgroups_path)
{
    const char *prefix = strchr(cgroups_path, ':');
    const char *name = prefix ? strchr(prefix + 1, ':') : NULL;
    _cleanup_free_ char *slice = NULL;
    _cleanup_free_ char *parent = NULL;
    char *path = NULL;

    if (!prefix)
        return bundle_is_plain_path(cgroups_path) ? strdup(cgroups_path) : NULL;
    if (!name || strchr(name + 1, ':') || strchr(name, '/') || !name[1])
        return NULL;
    slice = strndup(cgroups_path, (size_t)(prefix - cgroups_path));
    parent = slice ? slice_path(*slice ? slice : "system.slice") : NULL;
    if (!parent || asprintf(&path, "%s/%.*s%s%s.scope", parent, (int)(name - prefix - 1), prefix + 1,
                            name - prefix > 1 ? "-" : "", name + 1) < 0)
        return NULL;
    if (strlen(path) >= SVC_CGROUP_SIZE) {
        free(path);
        return NULL;
    }
    return path;
}

/* ---- a bundle's config.json ---- */

int bundle_read_config(const char *text, size_t length, struct container *container, struct error *error)
{
    static const char *const images[] = {"io.kubernetes.cri.image-name", "nerdctl/image-ref"};
    _cleanup_json_ cJSON *json = NULL;
    const cJSON *annotations;
    const cJSON *item;
    const char *cgroups_path;
    int r = json_parse("a container's config.json", text, length, &json, error);

    if (r < 0)
        return r;
    if (!cJSON_IsObject(json))
        return error_set(error, -EINVAL, "a container's config.json is no object");
    annotations = bundle_member(json, "annotations");
    for (item = bundle_first(annotations); item; item = item->next)
        if (cJSON_IsString(item) && item->string &&
            container_add_label(container, item->string, item->valuestring) < 0)
            return error_errno(error, -ENOMEM, "a container's config.json");
    for (size_t i = 0; i < ARRAY_SIZE(images) && !container->image; i++)
        if (bundle_text(annotations, images[i]))
            container->image = strdup(bundle_text(annotations, images[i]));
    cgroups_path = bundle_text(bundle_member(json, "linux"), "cgroupsPath");
    if (cgroups_path && !container->cgroup)
        container->cgroup = bundle_cgroup(cgroups_path);
    return 0;
}

/* ---- runc's state.json ---- */

static int64_t bundle_time(const char *text)
{
    struct tm parts = {0};
    time_t seconds = text && strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) ? timegm(&parts) : 0;

    return seconds > 0 ? (int64_t)seconds : 0;
}

/* "NAME=VALUE", annotations among them. */
static int take_label(struct container *container, const char *text)
{
    const char *equals = strchr(text, '=');
    _cleanup_free_ char *name = equals ? strndup(text, (size_t)(equals - text)) : NULL;

    if (!equals)
        return 0;
    return name ? container_add_label(container, name, equals + 1) : -ENOMEM;
}

int bundle_read_state(const char *text, size_t length, struct container *container, uint64_t *ret_ticks,
                      struct error *error)
{
    _cleanup_json_ cJSON *json = NULL;
    uint64_t pid = 0;
    uint64_t ticks = 0;
    const cJSON *labels;
    const cJSON *label;
    int r = json_parse("runc's state.json", text, length, &json, error);

    if (r < 0)
        return r;
    r = json_get_integer(json, "init_process_pid", true, 1, 1 << 30, &pid, error);
    if (r < 0)
        return r;
    (void)json_get_integer(json, "init_process_start", false, 0, UINT64_MAX >> 12, &ticks, NULL);
    labels = bundle_member(bundle_member(json, "config"), "labels");
    for (label = bundle_first(labels); label; label = label->next)
        if (cJSON_IsString(label) && take_label(container, label->valuestring) < 0)
            return error_errno(error, -ENOMEM, "runc's state.json");
    container->pid = (pid_t)pid;
    container->started_at = bundle_time(bundle_text(json, "created"));
    *ret_ticks = ticks;
    return 0;
}
