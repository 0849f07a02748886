/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The registry of a fleet, in an etcd that others run. Rows of all hosts have one revision, which every commit to them
 * compares and raises; a host's own rows (numbers, history) lie apart and raise none. Commits and the watch have a
 * thread each; opening, loading and counting wait for etcd's answers.
 */
#pragma once

#include "registry/etcd/etcd_settings.h"
#include "registry/registry.h"

/*
 * The settings and what they lead to are the caller's until the close. -ENOTCONN: no member answers; -EACCES: the user
 * may not; others with what etcd says.
 */
int etcd_registry_open(const struct etcd_settings *settings, struct registry **ret_registry,
                       struct error *error);

/* The fleet has an id from the first host on: the row is written if there is none. Before the load. */
int etcd_registry_identify(struct registry *registry, const char *key, const char *value,
                           struct error *error);
