/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/web/web_token.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "observe/secret_file.h"

static bool is_web_token(const char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return n >= WEB_TOKEN_LEAST && n <= WEB_TOKEN_MOST;
}

int web_token_read(const char *path, char **ret_token, struct error *error)
{
    _cleanup_free_ char *text = NULL;
    int r = secret_file_read("webTokenFile", path, 4096, &text, error);

    if (r < 0)
        return r;
    text[strcspn(text, "\r\n")] = '\0';
    if (!is_web_token(text))
        return error_set(error, EINVAL,
                         "webTokenFile: the first line of %s must have %d to %d visible ASCII characters, as "
                         "`openssl rand -hex 24` prints them",
                         path, WEB_TOKEN_LEAST, WEB_TOKEN_MOST);
    *ret_token = TAKE_PTR(text);
    return 0;
}
