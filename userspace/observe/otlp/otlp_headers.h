/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Headers that a collector wants to see, keys above all, from a file that nobody but its owner may open. */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define OTLP_HEADERS_MOST 16

struct otlp_headers {
    char *text; /* private: the lines, each with its NUL */
    const char *lines[OTLP_HEADERS_MOST];
    size_t n;
};

/*
 * Lines of "Name: value"; empty ones and those that begin with "#" are none. -EINVAL, -EACCES and others with a
 * sentence that does not have the text; *ret_headers is untouched then, and ended by otlp_headers_done() else.
 */
int otlp_headers_read(const char *path, struct otlp_headers *ret_headers, struct error *error);

/* The same of a text, which is free()'d on failure too; `path` is for the sentence. */
int otlp_headers_parse(char *text, const char *path, struct otlp_headers *ret_headers, struct error *error);
void otlp_headers_done(struct otlp_headers *headers); /* harmless on one that is all 0 */
