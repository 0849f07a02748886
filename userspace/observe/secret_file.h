/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What nobody but the daemon and root may know, from a file that nobody else may open. */
#pragma once

#include <stddef.h>

#include "base/error.h"

/*
 * The whole text, at most `limit` bytes, which the caller frees. It must be a plain file of mode 0600 or less, root's or
 * the daemon's own. -EACCES and others with a sentence that begins with the setting's name and does not have the text.
 */
int secret_file_read(const char *setting, const char *path, size_t limit, char **ret_text,
                     struct error *error);
