/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/* What libbpf says goes into our log at debug level: what matters of it comes back as an error and is said
 * once. */
void datapath_bridge_log(void);
