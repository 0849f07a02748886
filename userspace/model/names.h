/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What names may look like. Each check returns 0, or -EINVAL with an input error about `field`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/dns_name.h"
#include "base/error.h"

#define MODEL_NAMESPACE_MAX 1024 /* ECS ServiceConnectConfiguration.namespace */
#define MODEL_SERVICE_MAX   127  /* Cloud Map ServiceName */
#define MODEL_INSTANCE_MAX  64   /* Cloud Map InstanceId */
#define MODEL_DNS_NAME_MAX  DNS_NAME_MAX
#define MODEL_HOST_NAME_MAX 253 /* RFC 1035, as text */

/* Printable ASCII without space (Cloud Map's HTTP and private DNS namespaces). */
int model_check_namespace(const char *field, const char *name, struct error *error);

/* The same without < > " and /, which ECS does not take as a namespace's name. */
int model_check_ecs_namespace(const char *field, const char *name, struct error *error);

/*
 * A namespace's name as one part of a key whose parts are joined by '/': a slash of its own is a space there, which
 * no name has. Answers `name` itself where nothing is to be written, else `part`.
 */
const char *model_namespace_part(const char *name, char part[static MODEL_NAMESPACE_MAX + 1]);

/* The name that such a part is of, in place. */
void model_namespace_from_part(char *part);

/* Labels of 1..63 letters, digits, _ and - (not at either end), joined by dots (Cloud Map's rule). */
int model_check_service(const char *field, const char *name, struct error *error);

/* ECS serviceName and family: 1..255 letters, digits, _ - and . ; also what a task's service goes by. */
int model_check_document(const char *field, const char *name, struct error *error);

/* Letters, digits and _ / : . @ - (Cloud Map's InstanceId). */
int model_check_instance_id(const char *field, const char *id, struct error *error);

/*
 * "[IPv6]:PORT", also with "/udp", as people type it, which no id is: true, with the id that an instance at that
 * address has by default ("::1:80").
 */
bool model_plain_instance_id(const char *id, char ret_id[static MODEL_INSTANCE_MAX + 1]);

/* The name of a client alias: see dns_name_check(). localhost is none. */
int model_check_dns_name(const char *field, char *name, struct error *error);

/* The same of a row that was stored: see dns_name_is_stored_form(). */
int model_check_stored_dns_name(const char *field, char *name, struct error *error);

/*
 * A host name to resolve (RFC 1123): folds to lower case in place and drops one dot at the end; then labels
 * of 1..63 letters, digits and - (not at either end), the last not of digits alone, which is a mistyped
 * address.
 */
int model_check_host_name(const char *field, char *name, struct error *error);

/* "HOST:PORT" with such a host, port 1..65535 in host order. -EINVAL. */
int model_parse_host_port(const char *text, char ret_host[static MODEL_HOST_NAME_MAX + 1],
                          uint16_t *ret_port);
