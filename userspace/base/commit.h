/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which commit the programs were built from; make writes it. */
#pragma once

/* Its first digits, "-dirty" behind them where files differ from it; "unknown" where there is no history. */
extern const char commit_of_build[];
