/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/alias_body.h"

#include "cli/arguments.h"
#include "cli/report.h"

int alias_body_new(const struct invocation *invocation, cJSON **ret_body)
{
    _cleanup_free_ char *name = NULL;
    bool has_port = false;
    uint64_t port = 0;
    cJSON *body;

    if (argument_name_port(invocation->arguments[0], &name, &has_port, &port) < 0)
        return report_usage(invocation, "\"%s\" is not of the form DNSNAME or DNSNAME:PORT",
                            invocation->arguments[0]);
    body = api_body_new(invocation);
    api_add_string(&body, "dnsName", name);
    if (has_port)
        api_add_number(&body, "port", port);
    api_add_string(&body, "client", invocation->options[OPTION_CLIENT]);
    *ret_body = body;
    return CLI_DONE;
}
