/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What lies in a container's directory: config.json of an OCI bundle
 * (https://github.com/opencontainers/runtime-spec/blob/main/config.md), into which containerd writes the labels of `ctr run` as
 * annotations, and runc's own state.json, which has them too. Both are written by root's runtimes from what strangers asked for.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/container.h"

#define BUNDLE_FILE_MAX (4u << 20) /* bytes */

/* Labels, image and cgroup of a container that is there already. -EINVAL: no such JSON; -ENOMEM. */
int bundle_read_config(const char *text, size_t length, struct container *container, struct error *error);

/* Labels, process and start of runc's; the process's own start is in clock ticks after boot (proc(5)), 0: not said. */
int bundle_read_state(const char *text, size_t length, struct container *container, uint64_t *ret_ticks,
                      struct error *error);

/*
 * The path below the cgroup root that a runtime makes of "linux.cgroupsPath": "/a/b" as it is, and "SLICE:PREFIX:NAME" of
 * systemd's driver as "/SLICE/PREFIX-NAME.scope" with the slices above it. NULL: it cannot be told beforehand, or no memory.
 * The caller frees it.
 */
char *bundle_cgroup(const char *cgroups_path);
