/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Our additions to a service: health check, ejection, times (settings/service_settings.h). */
#pragma once

#include "documents/document_reader.h"

/* document_warn_unknown() for an object in which settings may stand beside its `own` members. */
void settings_warn_unknown(struct document_reader *reader, const cJSON *object, const char *const own[]);

/*
 * Reads the members of `object`, where the reader stands, over what *settings holds. A healthCheck and an
 * ejection replace the earlier one as a whole. With an error *settings stays.
 */
void settings_parse(struct document_reader *reader, const cJSON *object, struct service_settings *settings);
