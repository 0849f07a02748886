/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Metrics of a registry that hosts share. */
#pragma once

#include "metrics/snapshot.h"

void metrics_write_fleet(const struct metrics_text *text, const struct metrics_fleet *fleet);
