/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Is a program that an earlier run attached the one that this run would attach? When in doubt, no: an update does
 * no harm. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/kernel.h"

#define MAX_MAPS 64

/* The constants that the map holds, if it is one of constants. They are no part of a program's tag. */
static bool has_our_constants(const struct datapath *datapath, int fd, const struct bpf_map_info *info)
{
    size_t size = 0;
    const void *ours = bpf_map__initial_value(datapath->kernel->skeleton->maps.rodata, &size);
    _cleanup_free_ char *theirs = malloc(info->value_size);
    uint32_t zero = 0;

    return ours && theirs && info->value_size == size && bpf_map_lookup_elem(fd, &zero, theirs) == 0 &&
           memcmp(ours, theirs, size) == 0;
}

/* Each program uses one of three maps; those of constants are found by what they are. */
static bool has_our_maps(const struct datapath *datapath, const __u32 *ids, __u32 n)
{
    bool has_any = false;

    for (__u32 i = 0; i < n && i < MAX_MAPS; i++) {
        struct bpf_map_info info = {0};
        __u32 size = sizeof(info);
        _cleanup_close_ int fd = bpf_map_get_fd_by_id(ids[i]);

        if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
            return false;
        if (info.map_flags & BPF_F_RDONLY_PROG && !has_our_constants(datapath, fd, &info))
            return false;
        has_any = has_any || ids[i] == datapath->kernel->services_map_id ||
                  ids[i] == datapath->kernel->peers_map_id || ids[i] == datapath->kernel->flows_map_id;
    }
    return has_any;
}

static bool is_our_program(const struct datapath *datapath, uint32_t program_id,
                           const struct bpf_program *ours)
{
    __u32 map_ids[MAX_MAPS];
    struct bpf_prog_info theirs = {.map_ids = (__u64)(uintptr_t)map_ids, .nr_map_ids = MAX_MAPS};
    struct bpf_prog_info own = {0};
    __u32 size = sizeof(theirs);
    _cleanup_close_ int fd = bpf_prog_get_fd_by_id(program_id);

    if (fd < 0 || bpf_obj_get_info_by_fd(fd, &theirs, &size) < 0)
        return false;
    size = sizeof(own);
    return bpf_obj_get_info_by_fd(bpf_program__fd(ours), &own, &size) == 0 &&
           memcmp(theirs.tag, own.tag, sizeof(own.tag)) == 0 &&
           has_our_maps(datapath, map_ids, theirs.nr_map_ids);
}

bool kernel_is_our_program(struct datapath *datapath, int number, uint32_t program_id,
                           const struct bpf_program *ours)
{
    uint32_t *known = &datapath->kernel->known_ours[number];

    if (program_id != *known && is_our_program(datapath, program_id, ours))
        *known = program_id; /* all tasks have the same one, mostly */
    return program_id == *known;
}
