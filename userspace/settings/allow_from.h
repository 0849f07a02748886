/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who may call a service: the text of its setting, and whether it admits a client. Pure.
 *
 *   frontend          the client service of that name, in the service's own namespace
 *   shop/frontend     that of another namespace, which reaches endpoints by their own addresses only
 *   shop/ *           every task of that namespace (without the space), also those that name no service
 *   *                 every task of the service's own namespace
 *   none              nobody; stands alone
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <svcconnect/policy.h>

#define ALLOW_FROM_CLIENTS 64   /* at most */
#define ALLOW_FROM_SIZE    4096 /* bytes of the text, with the NUL */
#define ALLOW_FROM_TAKES                                                                                     \
    "CLIENT,... of 64 at most, each a service, NAMESPACE/SERVICE, NAMESPACE/* or *; or none"

/* Is it such a text? */
bool allow_from_is_good(const char *text);

/* A task: its namespace, and its client service or "". */
struct caller {
    const char *namespace_name;
    const char *service;
};

/* Does a good text of a service in `namespace_name` admit the caller? NULL: everybody. */
bool allow_from_admits(const char *text, const char *namespace_name, const struct caller *caller);

/* What one service says of its callers. */
struct caller_rule {
    const char *namespace_name;
    const char *allow_from; /* NULL: everybody may */
    bool is_audit;          /* who may not is only counted */
};

/*
 * The verdict of several services: of those that an alias leads to all must admit the caller, of those at one address
 * (`is_any`) one. Where it is refused only by services that audit, it is audited; at an address, where one of them audits.
 */
enum svc_policy_verdict caller_verdict(const struct caller_rule *rules, size_t n, bool is_any,
                                       const struct caller *caller);
