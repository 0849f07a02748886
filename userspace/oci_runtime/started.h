/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The container that is to be started, by what its runtime keeps of it: runc ROOT/ID/state.json, crun ROOT/ID/status and
 * the bundle that it names. */
#pragma once

#include "model/container.h"

/*
 * First process and labels (annotations). `root` NULL: where either of them keeps it by itself. -ENOENT: neither has it;
 * -EINVAL: it cannot be read. The caller frees it.
 */
int started_read(const char *root, const char *id, struct container **ret_container);
