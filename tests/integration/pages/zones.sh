# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# What docs/zones.md takes for granted.
have_programs
systemctl start svcconnectd
svcconnect register backend --address 127.0.0.2:8080 --zone us-east-1a
