/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * In the place of a fleet's registry that cannot be reached at the start: it has no rows, is lost, refuses every change,
 * and says on a descriptor when a member answers again. What a host keeps for itself is taken and forgotten: numbers
 * that are given anew cost nothing but other numbers later.
 */
#pragma once

#include "registry/etcd/etcd_settings.h"
#include "registry/registry.h"

/* Settings are the caller's until the close; `why` is copied. -ENOMEM, -EMFILE. */
int etcd_away_open(const struct etcd_settings *settings, const char *why, struct registry **ret_registry,
                   struct error *error);

/* Of such a registry: readable from when etcd answers. */
int etcd_away_fd(const struct registry *registry);
