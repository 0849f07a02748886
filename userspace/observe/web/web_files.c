/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/web/web_files.h"

#include <string.h>

const struct web_file *web_file_find(const char *path)
{
    for (size_t i = 0; i < web_n_files; i++)
        if (strcmp(web_files[i].path, path) == 0)
            return &web_files[i];
    return NULL;
}
