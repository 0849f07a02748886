/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The token that readers of the page have to show, from a file that nobody but its owner may open. */
#pragma once

#include "base/error.h"

#define WEB_TOKEN_LEAST 16
#define WEB_TOKEN_MOST  256

/*
 * The first line of the file, which the caller frees. It must be a plain file of mode 0600 or less, root's or the
 * daemon's own, with 16 to 256 visible ASCII characters. -EINVAL, -EACCES and others with a sentence that does not
 * have the text.
 */
int web_token_read(const char *path, char **ret_token, struct error *error);
