/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* serviceConnectConfiguration: the namespace, what is discovered in it and under which client aliases. */
#pragma once

#include "documents/document_reader.h"
#include "documents/parse_task_definition.h"

/*
 * The reader stands at the block. `definition` NULL: the port mappings are not known; `definition_name` is
 * then what the document says of it, or NULL. `settings` is what each service begins with. Fills
 * namespace_name, is_enabled, services and routes.
 */
void service_parse_block(struct document_reader *reader, const cJSON *block,
                         const struct task_definition *definition, const char *definition_name,
                         const struct service_settings *settings, struct document *document);

void services_done(struct document *document);
