/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The files of the page, which `make` puts into the program as they are (scripts/embed-page), sorted by path. */
#pragma once

#include <stddef.h>

#define WEB_ETAG_SIZE 35 /* with its quotes and NUL */

struct web_file {
    const char *path; /* "/page.js" */
    const char *type;
    const char *etag;         /* with its quotes */
    const char *lines;        /* of the answer's head, with CRLF */
    const char *packed_lines; /* of the packed one */
    const unsigned char *bytes, *packed;
    size_t length, packed_length;
};

extern const struct web_file web_files[];
extern const size_t web_n_files;

/* NULL: there is none by this path. */
const struct web_file *web_file_find(const char *path);
