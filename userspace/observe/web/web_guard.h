/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who may read the page, by the head of a request. Pure.
 *
 * A browser shows what any name leads to as that name's own, so a site whose name is made to lead to 127.0.0.1 could
 * read what is served there (DNS rebinding). Without a token the Host must therefore be an address or "localhost", which nobody can
 * make lead elsewhere; with one any will do, since the browser sends the token only where it was typed in. What
 * another site's page asks for by itself is refused in both cases.
 */
#pragma once

#include "http/request.h"

/* 0, or the status of a refusal and a sentence that stays. `token`: "" where none is asked for. */
int web_guard_judge(const struct http_request *request, const char *token, const char **ret_sentence);
