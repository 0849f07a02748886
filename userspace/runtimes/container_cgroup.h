/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What runtimes call the cgroups of their containers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CONTAINER_ID_SIZE 128 /* with its NUL; ids of containerd and runc may be any name */

/*
 * The container's id of the name of a cgroup directory, as runtimes and systemd's driver make them: ID,
 * docker-ID.scope, libpod-ID, libpod-ID.scope, cri-containerd-ID.scope, where ID is of 64 hexadecimal digits. False: the
 * directory is none of these, as those of podman's conmon and of systemd's own units are.
 */
bool container_cgroup_id(const char *name, char ret_id[static CONTAINER_ID_SIZE]);
