/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bytes as the head of a request for the page, without a token and with one: who is let in has named an address or
 * localhost, or has shown something; who is not is told why.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/request.h"
#include "observe/web/web_guard.h"

#define FUZZ_TOKEN "0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* By other means than the guard's: no letter of a name stands in it, but those of hexadecimal digits in brackets. */
static void fuzz_web_check_host(const char *host)
{
    if (strncasecmp(host, "localhost", 9) == 0)
        host += 9;
    if (host[strspn(host, *host == '[' ? "[]:.0123456789abcdefABCDEF" : ":.0123456789")])
        abort();
}

static void fuzz_web_judge(const struct http_request *request, const char *token)
{
    const char *sentence = NULL;
    int status = web_guard_judge(request, token, &sentence);

    if ((status != 0) != (sentence != NULL))
        abort();
    if (status == 0 && !*token)
        fuzz_web_check_host(http_request_header(request, "Host"));
    if (status == 0 && *token && !http_request_header(request, "Authorization"))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request request;
    char *head = malloc(size + 1);

    if (!head)
        return 0;
    memcpy(head, data, size);
    if (http_request_head_length(head, size) == size && http_request_parse(head, size, &request) == 0) {
        fuzz_web_judge(&request, "");
        fuzz_web_judge(&request, FUZZ_TOKEN);
    }
    free(head);
    return 0;
}
