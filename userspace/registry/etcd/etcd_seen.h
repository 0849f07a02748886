/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What hosts of a fleet say that they see (registry_report()), for a command. Waits for answers. */
#pragma once

#include "registry/etcd/etcd_settings.h"

/* One host's; non-zero ends the reading with it. */
typedef int (*etcd_seen_fn)(const char *host, const char *text, void *user);

/* Of all hosts that are there and say it, by their names. */
int etcd_seen_list(const struct etcd_settings *settings, etcd_seen_fn on_host, void *user,
                   struct error *error);
