/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/alias_body.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/arguments.h"
#include "cli/report.h"

/* Cuts "/udp" or "/tcp" off the word; NULL: it has none. */
static const char *take_protocol(char *word)
{
    char *slash = strrchr(word, '/');

    if (!slash || (strcmp(slash, "/udp") != 0 && strcmp(slash, "/tcp") != 0))
        return NULL;
    *slash = '\0';
    return strcmp(slash + 1, "udp") == 0 ? "udp" : "tcp";
}

int alias_body_new(const struct invocation *invocation, cJSON **ret_body)
{
    _cleanup_free_ char *name = NULL;
    bool has_port = false;
    uint64_t port = 0;
    _cleanup_free_ char *word = strdup(invocation->arguments[0]);
    const char *protocol = NULL;
    cJSON *body;

    if (!word)
        return report_error(invocation, CLI_FAILED, "out of memory");
    protocol = take_protocol(word);
    if (argument_name_port(word, &name, &has_port, &port) < 0)
        return report_usage(invocation, "\"%s\" is not of the form DNSNAME, DNSNAME:PORT or DNSNAME:PORT/udp",
                            invocation->arguments[0]);
    body = api_body_new(invocation);
    api_add_string(&body, "dnsName", name);
    if (has_port)
        api_add_number(&body, "port", port);
    api_add_string(&body, "protocol", protocol);
    api_add_string(&body, "client", invocation->options[OPTION_CLIENT]);
    *ret_body = body;
    return CLI_DONE;
}
