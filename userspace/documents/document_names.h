/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What names in ECS documents may look like. The document_name_*() functions read a member and report what
 * is wrong with it: NULL or false then, or if it is not there.
 */
#pragma once

#include "documents/document_reader.h"

#define DOCUMENT_SERVICE_MAX 255 /* serviceName, family */
#define DOCUMENT_PORT_MAX    64  /* portMappings[].name, portName, discoveryName */

/* serviceName, family: letters, digits, _ and -. */
const char *document_name_service(struct document_reader *reader, const cJSON *object, const char *member,
                                  bool required);

bool document_name_is_service(const char *name);

/* portMappings[].name, portName, discoveryName: lower-case letters, digits, _ and -, not beginning with -. */
const char *document_name_port(struct document_reader *reader, const cJSON *object, const char *member,
                               bool required);

/* dnsName, in the form the data path has it. */
bool document_name_dns(struct document_reader *reader, const cJSON *object, const char *member, bool required,
                       char name[static SVC_DNS_NAME_SIZE]);

/* A namespace's name, by name or what the options know of ids and ARNs; where it is left out, the options'
 * default. */
const char *document_name_namespace(struct document_reader *reader, const cJSON *object, const char *member);

/* A route's target: a discovery name, or the name of a service that was registered without a document. */
const char *document_name_target(struct document_reader *reader, const cJSON *object, const char *member);

/* "arn:...:task-definition/FAMILY:REVISION" or "FAMILY:REVISION" or "FAMILY": where FAMILY begins, and its
 * length. */
const char *document_name_family(const char *task_definition, size_t *ret_length);
