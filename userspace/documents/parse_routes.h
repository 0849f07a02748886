/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* routes[], ours: of a client's serviceConnectConfiguration, or of a routes document. */
#pragma once

#include "documents/document_reader.h"

/* The reader stands at `object`; fills document->routes. */
void routes_parse(struct document_reader *reader, const cJSON *object, struct document *document);

void routes_done(struct document *document);
