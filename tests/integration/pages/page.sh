# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# What docs/page.md takes for granted: the address that it names.
have_programs
mkdir -p /etc/svcconnect
ip address add 192.0.2.7/32 dev lo
