/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* route set and route clear: DNSNAME[:PORT] and SERVICE=WEIGHT words in, one change request out. */
#include <errno.h>
#include <stdio.h>

#include "cli/alias_body.h"
#include "cli/api.h"
#include "cli/arguments.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/text.h"

/* One target object appended to `targets`. -EINVAL: not SERVICE=WEIGHT; -ENOMEM. */
static int add_target(cJSON *targets, const char *word)
{
    _cleanup_free_ char *service = NULL;
    _cleanup_json_ cJSON *target = cJSON_CreateObject();
    uint64_t weight;
    int r = argument_target(word, &service, &weight);

    if (r < 0)
        return r;
    api_add_string(&target, "service", service);
    api_add_number(&target, "weight", weight);
    if (!target || !cJSON_AddItemToArray(targets, target))
        return -ENOMEM;
    target = NULL; /* the array's now */
    return 0;
}

/* "backend:80 in default", and " for client web" if it is only for that. */
static void print_alias(const struct invocation *invocation)
{
    const char *client = invocation->options[OPTION_CLIENT];

    (void)printf("%s in %s%s%s", invocation->arguments[0], invocation_namespace(invocation),
                 client ? " for client " : "", client ? client : "");
}

static void print_route(const struct invocation *invocation, const cJSON *targets)
{
    double sum = 0;
    const cJSON *target;

    cJSON_ArrayForEach (target, targets) {
        sum += (double)text_number(target, "weight");
    }
    print_alias(invocation);
    (void)printf(" now leads to");
    cJSON_ArrayForEach (target, targets) {
        double weight = (double)text_number(target, "weight");
        char share[TEXT_PERCENT_SIZE];

        (void)printf("%s %s %s", target == targets->child ? "" : ",", text_member(target, "service"),
                     text_share(sum > 0 ? 100 * weight / sum : 0, share));
    }
    (void)putchar('\n');
}

int command_route_set(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_json_ cJSON *targets = cJSON_CreateArray();
    cJSON *body = NULL;
    int status;

    if (!targets)
        return report_error(invocation, CLI_FAILED, "out of memory");
    for (char **word = invocation->arguments + 1; *word; word++) {
        int r = add_target(targets, *word);

        if (r == -EINVAL)
            return report_usage(invocation, "\"%s\" is not of the form SERVICE=WEIGHT with a whole number",
                                *word);
        if (r < 0)
            return report_error(invocation, CLI_FAILED, "out of memory");
    }
    status = alias_body_new(invocation, &body);
    if (status != CLI_DONE)
        return status;
    api_add_item(&body, "targets", cJSON_Duplicate(targets, true));
    api_add_string(&body, "onEmpty", invocation->options[OPTION_ON_EMPTY]);
    status = api_change(invocation, "PUT", "/v1/routes", body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        print_route(invocation, targets);
    return status;
}

int command_route_clear(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *body = NULL;
    int status = alias_body_new(invocation, &body);

    if (status != CLI_DONE)
        return status;
    status = api_change(invocation, "DELETE", "/v1/routes", body, &response);
    if (status != CLI_DONE || invocation->is_json)
        return status;
    (void)printf("cleared the route of ");
    print_alias(invocation);
    (void)putchar('\n');
    return CLI_DONE;
}
