/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "runtimes/container_cgroup.h"

#include <string.h>

#include "base/cleanup.h"

#define HEX        "0123456789abcdef"
#define HEX_LENGTH 64

bool container_cgroup_id(const char *name, char ret_id[static CONTAINER_ID_SIZE])
{
    static const char *const prefixes[] = {"docker-", "libpod-", "cri-containerd-", "crio-", "nerdctl-"};
    bool has_prefix = false;
    const char *id = name;

    for (size_t i = 0; i < ARRAY_SIZE(prefixes) && !has_prefix; i++) {
        has_prefix = strncmp(name, prefixes[i], strlen(prefixes[i])) == 0;
        if (has_prefix)
            id = name + strlen(prefixes[i]);
    }
    if (strspn(id, HEX) != HEX_LENGTH)
        return false;
    if (id[HEX_LENGTH] && (!has_prefix || strcmp(id + HEX_LENGTH, ".scope") != 0))
        return false;
    memcpy(ret_id, id, HEX_LENGTH);
    ret_id[HEX_LENGTH] = '\0';
    return true;
}
