/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where systemd has the cgroup of a system unit. */
#pragma once

#include <stddef.h>

/*
 * "web" and "web.service" are "/system.slice/web.service", "web@1" is below the slice of its template,
 * "/system.slice/system-web.slice/web@1.service". A unit that was given another slice is elsewhere. -EINVAL: it is
 * not the name of a unit; -ENAMETOOLONG.
 */
int unit_cgroup(const char *unit, char *ret_path, size_t size);
