/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Members that say what ECS's proxy should do: validated like the rest, then answered with a warning that
 * they have no effect. The reader stands at the object that has the member.
 */
#pragma once

#include "documents/document_reader.h"

/* timeout; `is_plain_tcp`: the port mapping is known and has no appProtocol. */
void proxy_fields_check_timeout(struct document_reader *reader, const cJSON *service, bool is_plain_tcp);

/* tls; `network_mode` NULL: not known. */
void proxy_fields_check_tls(struct document_reader *reader, const cJSON *service, const char *network_mode);

void proxy_fields_check_ingress_port(struct document_reader *reader, const cJSON *service);
void proxy_fields_check_test_traffic(struct document_reader *reader, const cJSON *alias);

/* logConfiguration, logDriver and accessLogConfiguration of the whole block. */
void proxy_fields_check_logging(struct document_reader *reader, const cJSON *block);
