/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The names that are published for a client alias, and the list they go into. */
#pragma once

#include "documents/document_reader.h"

/* Of one source: a bound on memory, far above what a host's maps hold. */
#define DOCUMENTS_MAX_NAMES 100000

/* Appends the alias as it was written; `path` is its place. */
void alias_publish(struct document_reader *reader, struct document_service *service,
                   const struct client_alias *alias, bool is_default, const char *path);

/*
 * For an alias without dnsName, of which port and protocol are taken: DISCOVERY.NAMESPACE (ECS's own
 * default), DISCOVERY.NAMESPACE.svc.cluster.local, DISCOVERY.SUFFIX for the options' suffixes, and DISCOVERY;
 * each once. One that is no DNS name is left out with a warning.
 */
void default_names_publish(struct document_reader *reader, struct document_service *service,
                           const char *namespace_name, const struct client_alias *alias, const char *path);

/* Is this the default that ECS publishes as well, which thus must not be taken away? */
bool default_names_is_own(const struct document_service *service, const char *namespace_name,
                          const char *dns_name);
