/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Links that are attached to nothing but a number, and the scope that comes with the first of a cgroup. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/memory_internal.h"

int memory_attach(struct datapath *datapath, const char *name, const char *cgroup_path, uint64_t cgroup_id,
                  struct error *error)
{
    static const struct svc_task_scope none;
    struct memory *memory = datapath->memory;
    struct memory_map *scopes = &memory->maps[MAP_TASK_SCOPE];
    struct memory_link *link;
    int r;

    HASH_FIND_STR(memory->links, name, link);
    if (link && link->cgroup_id == cgroup_id)
        return 0;
    r = memory_find_entry(scopes->all, &cgroup_id, sizeof(cgroup_id))
            ? 0
            : memory_add_entry(scopes, &cgroup_id, &none);
    if (r < 0)
        return error_errno(error, r, "%s: attaching", cgroup_path);
    if (!link) {
        link = malloc(sizeof(*link) + strlen(name) + 1);
        if (!link)
            return error_errno(error, ENOMEM, "%s: attaching", cgroup_path);
        strcpy(link->name, name);
        HASH_ADD_STR(memory->links, name, link);
    }
    link->cgroup_id = cgroup_id;
    datapath->writes++;
    RECORD(datapath, "attach %s\n", name);
    return 0;
}

void memory_datapath_lose_cgroup(struct datapath *datapath, uint64_t cgroup_id)
{
    struct memory_link *link;

    for (link = datapath->memory->links; link; link = link->hh.next)
        if (link->cgroup_id == cgroup_id)
            link->cgroup_id = 0;
    (void)memory_remove(datapath, MAP_TASK_SCOPE, &cgroup_id);
}

int memory_detach(struct datapath *datapath, const char *name)
{
    struct memory *memory = datapath->memory;
    struct memory_link *link, *other;
    uint64_t cgroup_id;

    HASH_FIND_STR(memory->links, name, link);
    if (!link)
        return 0;
    cgroup_id = link->cgroup_id;
    RECORD(datapath, "detach %s\n", name);
    datapath->writes++;
    HASH_DEL(memory->links, link);
    free(link);
    for (other = memory->links; other; other = other->hh.next)
        if (other->cgroup_id == cgroup_id)
            return 0;
    (void)memory_remove(datapath, MAP_TASK_SCOPE, &cgroup_id);
    return 0;
}

bool memory_is_attached(struct datapath *datapath, const char *name, uint64_t cgroup_id)
{
    const struct memory_link *link;

    HASH_FIND_STR(datapath->memory->links, name, link);
    return link && link->cgroup_id == cgroup_id;
}

int memory_each_link(struct datapath *datapath, int (*on_link)(const char *name, void *user), void *user)
{
    struct memory_link *link, *next;
    int r = 0;

    HASH_ITER (hh, datapath->memory->links, link, next) {
        r = on_link(link->name, user);
        if (r != 0)
            break;
    }
    return r;
}

/* ---- pins ---- */

void memory_datapath_lose_pins(struct datapath *datapath, unsigned maps, unsigned links, const char *lost)
{
    struct datapath_mended *mended = &datapath->memory->to_mend;

    *mended = (struct datapath_mended){.maps = maps, .links = links, .n_lost = lost ? 1 : 0};
    if (lost)
        (void)snprintf(mended->lost[0], sizeof(mended->lost[0]), "%s", lost);
}

void memory_datapath_fail_mending(struct datapath *datapath, int error)
{
    datapath->memory->mending = error;
}

int memory_mend_directory(struct datapath *datapath, struct error *error)
{
    int r = datapath->memory->mending;

    return r < 0 ? error_errno(error, r, "making the directory") : 0;
}

int memory_mend(struct datapath *datapath, unsigned tasks, struct datapath_mended *ret_mended,
                struct error *error)
{
    (void)tasks;
    (void)error;
    *ret_mended = datapath->memory->to_mend;
    datapath->memory->to_mend = (struct datapath_mended){0};
    return 0;
}
