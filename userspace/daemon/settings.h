/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the daemon does about settings that hold for every service. */
#pragma once

struct daemon;

/* The catalog's defaults (ejection, connect timeout) have changed and are on disk. */
void settings_changed(struct daemon *daemon);
