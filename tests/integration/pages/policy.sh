# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# What docs/policy.md takes for granted: a daemon, and the service that is called.
have_programs
systemctl start svcconnectd
svcconnect register payments --address 127.0.0.2:8080
