/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* register, deregister, drain, eject, unject, health, weight, delete service: arguments in, one change
 * request each. */
#include <stdio.h>
#include <strings.h>

#include "cli/api.h"
#include "cli/arguments.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/text.h"
#include "base/duration.h"

/* The API's spelling of a health that was given in small letters; others go as they are, to be refused by
 * name. */
static const char *spell_health(const char *text)
{
    if (text && strcasecmp(text, "healthy") == 0)
        return "HEALTHY";
    if (text && strcasecmp(text, "unhealthy") == 0)
        return "UNHEALTHY";
    return text;
}

int command_register(const struct invocation *invocation)
{
    const char *const *options = invocation->options;
    const char *service = invocation->arguments[0];
    _cleanup_control_response_ struct control_response response = {0};
    uint64_t weight = 1;
    const char *id;
    cJSON *body;
    int status;

    if (invocation->file_count > 0)
        return bulk_register(invocation);
    if (!service || !options[OPTION_ADDRESS])
        return report_usage(invocation, "give SERVICE and --address IP:PORT, or -f FILE with many");
    if (options[OPTION_DRY_RUN])
        return report_usage(invocation, "--dry-run goes with -f FILE");
    if (options[OPTION_WEIGHT] && argument_number(options[OPTION_WEIGHT], &weight) < 0)
        return report_usage(invocation,
                            "--weight: \"%s\" is not allowed; give a whole number from 0 to 65535",
                            options[OPTION_WEIGHT]);
    body = api_body_new(invocation);
    api_add_string(&body, "service", service);
    api_add_string(&body, "address", options[OPTION_ADDRESS]);
    api_add_string(&body, "id", options[OPTION_ID]);
    api_add_string(&body, "health", spell_health(options[OPTION_HEALTH]));
    api_add_string(&body, "protocol", options[OPTION_PROTOCOL]);
    api_add_string(&body, "zone", options[OPTION_ZONE]);
    if (options[OPTION_WEIGHT])
        api_add_number(&body, "weight", weight);
    status = api_change(invocation, "POST", "/v1/instances", body, &response);
    if (status != CLI_DONE || invocation->is_json)
        return status;
    id = text_member(response.json, "id");
    (void)printf("registered %s/%s in %s (weight %llu%s%s)\n", service, *id ? id : options[OPTION_ADDRESS],
                 invocation_namespace(invocation), (unsigned long long)weight,
                 options[OPTION_HEALTH] ? ", " : "",
                 options[OPTION_HEALTH] ? spell_health(options[OPTION_HEALTH]) : "");
    return CLI_DONE;
}

/* The body that names the instance of arguments SERVICE ID. */
static cJSON *name_instance(const struct invocation *invocation)
{
    cJSON *body = api_body_new(invocation);

    api_add_string(&body, "service", invocation->arguments[0]);
    api_add_string(&body, "id", invocation->arguments[1]);
    return body;
}

/* --timeout or --for as a member of the body; the exit status of a bad one. */
static int add_seconds(const struct invocation *invocation, enum cli_option option, const char *member,
                       cJSON **body)
{
    const char *text = invocation->options[option];
    uint64_t seconds;

    if (!text)
        return CLI_DONE;
    if (duration_parse(text, &seconds) < 0)
        return report_usage(invocation, ARGUMENT_NO_DURATION, cli_option_rows[option].name, text);
    api_add_number(body, member, seconds);
    return CLI_DONE;
}

static void print_draining(const struct invocation *invocation, const cJSON *answer)
{
    uint64_t open = text_number(answer, "open");
    char timeout[DURATION_SIZE];

    (void)printf("%s/%s in %s is draining: %llu open connection%s, %s at most\n", invocation->arguments[0],
                 invocation->arguments[1], invocation_namespace(invocation), (unsigned long long)open,
                 open == 1 ? "" : "s", duration_format(text_number(answer, "timeoutSeconds"), timeout));
}

int command_deregister(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *body = name_instance(invocation);
    int status;

    if (invocation->options[OPTION_NOW])
        api_add_true(&body, "now");
    status = api_change(invocation, "DELETE", "/v1/instances", body, &response);
    if (status != CLI_DONE || invocation->is_json)
        return status;
    if (text_is_true(response.json, "draining"))
        print_draining(invocation, response.json);
    else
        (void)printf("deregistered %s/%s from %s\n", invocation->arguments[0], invocation->arguments[1],
                     invocation_namespace(invocation));
    return status;
}

int command_drain(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *body = name_instance(invocation);
    int status = add_seconds(invocation, OPTION_TIMEOUT, "timeoutSeconds", &body);

    if (status != CLI_DONE) {
        cJSON_Delete(body);
        return status;
    }
    if (invocation->options[OPTION_KILL])
        api_add_true(&body, "kill");
    status = api_change(invocation, "POST", "/v1/drains", body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        print_draining(invocation, response.json);
    return status;
}

int command_eject(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *body = name_instance(invocation);
    int status = add_seconds(invocation, OPTION_FOR, "forSeconds", &body);
    char time[DURATION_SIZE];

    if (status != CLI_DONE) {
        cJSON_Delete(body);
        return status;
    }
    status = api_change(invocation, "POST", "/v1/ejections", body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("%s/%s in %s is ejected for %s\n", invocation->arguments[0], invocation->arguments[1],
                     invocation_namespace(invocation),
                     duration_format(text_number(response.json, "forSeconds"), time));
    return status;
}

int command_unject(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    int status = api_change(invocation, "DELETE", "/v1/ejections", name_instance(invocation), &response);

    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("%s/%s in %s %s\n", invocation->arguments[0], invocation->arguments[1],
                     invocation_namespace(invocation),
                     text_is_true(response.json, "wasEjected")
                         ? "is back"
                         : "was not ejected; its failures are forgotten");
    return status;
}

int command_health(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    const char *health = spell_health(invocation->arguments[2]);
    cJSON *body = name_instance(invocation);
    int status;

    api_add_string(&body, "health", health);
    status = api_change(invocation, "PATCH", "/v1/instances", body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("%s/%s in %s is now %s\n", invocation->arguments[0], invocation->arguments[1],
                     invocation_namespace(invocation), health);
    return status;
}

int command_weight(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    uint64_t weight;
    cJSON *body;
    int status;

    if (argument_number(invocation->arguments[2], &weight) < 0)
        return report_usage(invocation, "weight: \"%s\" is not allowed; give a whole number from 0 to 65535",
                            invocation->arguments[2]);
    body = name_instance(invocation);
    api_add_number(&body, "weight", weight);
    status = api_change(invocation, "PATCH", "/v1/instances", body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("%s/%s in %s now has weight %llu\n", invocation->arguments[0], invocation->arguments[1],
                     invocation_namespace(invocation), (unsigned long long)weight);
    return status;
}

int command_delete_service(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *body = api_body_new(invocation);
    int status;

    api_add_string(&body, "service", invocation->arguments[0]);
    status = api_change(invocation, "DELETE", "/v1/services", body, &response);
    if (status == CLI_DONE && !invocation->is_json)
        (void)printf("deleted service %s with its instances from %s\n", invocation->arguments[0],
                     invocation_namespace(invocation));
    return status;
}
