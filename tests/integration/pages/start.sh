# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# What docs/start.md takes for granted is systemd, which place.sh stands for.
