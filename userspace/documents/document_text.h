/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The bytes of a source to a JSON value that the rest may trust: bounded in size, number of values and depth,
 * valid UTF-8 without NUL, no member twice in an object, no number that a double cannot hold exactly.
 */
#pragma once

#include "documents/document_reader.h"

/* A value takes about 80 bytes once parsed, whatever its length in the text. */
#define DOCUMENTS_MAX_VALUES 1000000

/* NULL with at least one error reported, or out of memory (reader->status). The caller owns the value. */
cJSON *document_text_parse(struct document_reader *reader, const char *text, size_t length);
