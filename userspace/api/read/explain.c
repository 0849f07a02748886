/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * GET /v1/explain: what a task that connects to NAME:PORT comes to, from the name to the endpoint, by what DNS
 * would answer and what the published tables hold just now. Changes nothing.
 */
#include "api/read/explain.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/read/reads.h"
#include "base/cleanup.h"
#include "base/number.h"
#include "dns/dns.h"
#include "engine/engine.h"
#include "model/names.h"
#include "names/dns_answer.h"
#include "tasks/task_list.h"

struct explain_what {
    char name[MODEL_DNS_NAME_MAX + 1]; /* lower case, without a dot at the end */
    uint64_t port;                     /* 0: not said */
    uint8_t protocol;                  /* 0: not said */
};

/* Where the name leads. */
struct explain_found {
    struct dns_outlook outlook;
    struct dns_match match;
    const struct dns_name *name; /* whose addresses it has; NULL: none */
    bool is_address;             /* it was one */
    bool is_ours;                /* nobody outside is asked for it */
    struct ip_address address;
};

void explain_add_outcome(cJSON *answer, const char *member, const char *outcome, const char *format, ...)
{
    cJSON *object = cJSON_AddObjectToObject(answer, member);
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)cJSON_AddStringToObject(object, "outcome", outcome);
    (void)cJSON_AddStringToObject(object, "text", text);
}

/* ---- the question ---- */

static int explain_read_name(const struct control_call *call, struct explain_what *what, struct error *error)
{
    const char *name = evhttp_find_header(call->query, "name");
    size_t length = name ? strlen(name) : 0;

    if (length > 0 && name[length - 1] == '.')
        length--;
    if (length == 0 || length > MODEL_DNS_NAME_MAX)
        return error_input(error, "name", name ? name : "", "a host name or an address of 1 to %d characters",
                           MODEL_DNS_NAME_MAX);
    for (size_t i = 0; i < length; i++)
        what->name[i] = (char)tolower((unsigned char)name[i]);
    what->name[length] = '\0';
    return 0;
}

static int read_what(const struct control_call *call, struct explain_what *what, struct error *error)
{
    const char *port = evhttp_find_header(call->query, "port");
    const char *protocol = evhttp_find_header(call->query, "protocol");
    int r = explain_read_name(call, what, error);

    if (r == 0 && port && parse_number(port, 1, 65535, &what->port) < 0)
        r = error_input(error, "port", port, "a whole number from 1 to 65535");
    if (r < 0 || !protocol)
        return r;
    if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0)
        return error_input(error, "protocol", protocol, "tcp or udp");
    what->protocol = strcmp(protocol, "udp") == 0 ? UDP : TCP;
    return 0;
}

/* ---- the name ---- */

static int resolve(struct api *api, const struct explain_who *who, const struct explain_what *what,
                   struct explain_found *found, struct error *error)
{
    int r = dns_outlook_make(api->dns, who->task ? who->task->cgroup.id : 0, who->namespace_name, who->scope,
                             &found->outlook);

    if (r < 0)
        return error_errno(error, r, "the names of namespace %.100s", who->namespace_name);
    if (ip_address_parse(what->name, &found->address) == 0) {
        found->is_address = true;
        found->name = dns_answer_at(found->outlook.view.zone, &found->address, &found->is_ours);
        return 0;
    }
    found->match = dns_answer_match(&found->outlook.view, what->name);
    found->name = found->match.name;
    found->is_ours = found->match.kind != DNS_MATCH_NONE;
    return 0;
}

/* The name servers of the task's resolv.conf, or in words what is known of them. */
static void name_servers(struct api *api, const struct explain_who *who, char *text, size_t size)
{
    _cleanup_json_ cJSON *servers = who->task ? dns_describe_task(api->dns, who->task->cgroup.id) : NULL;
    const cJSON *server;
    size_t used = 0;

    *text = '\0';
    cJSON_ArrayForEach (server, servers) {
        int n = used < size ? snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
                                       cJSON_GetStringValue(server))
                            : 0;

        used += n > 0 ? (size_t)n : 0;
    }
    if (used == 0)
        (void)snprintf(text, size, "%s", "whatever the task's resolv.conf names");
}

static void add_resolution(struct api *api, const struct explain_who *who, const struct explain_found *found,
                           cJSON *answer)
{
    const char *alias = found->name ? found->name->name : "";
    const char *dot = found->match.suffix ? "." : "";
    const char *suffix = found->match.suffix ? found->match.suffix : "";
    char address[IP_ADDRESS_TEXT_SIZE];
    cJSON *addresses;
    cJSON *object;
    char text[256];

    if (found->is_address && found->name)
        explain_add_outcome(answer, "resolution", "address", "the alias address of %s", alias);
    else if (found->is_address && found->is_ours)
        explain_add_outcome(answer, "resolution", "stale", "an address of the alias ranges that no name has");
    else if (found->is_address)
        explain_add_outcome(answer, "resolution", "foreign", "an address outside the alias ranges");
    else if (found->match.kind == DNS_MATCH_ALIAS)
        explain_add_outcome(answer, "resolution", "alias", "the client alias %s", alias);
    else if (found->match.kind == DNS_MATCH_SERVICE && found->name)
        explain_add_outcome(answer, "resolution", "service",
                            "published for every service, as SERVICE%s%s: leads to where its first alias "
                            "%s leads",
                            dot, suffix, alias);
    else if (found->match.kind == DNS_MATCH_SERVICE)
        explain_add_outcome(answer, "resolution", "empty", "the name of a service without an alias: no data");
    else {
        name_servers(api, who, text, sizeof(text));
        explain_add_outcome(answer, "resolution", "outside", "asked of an outside name server: %s", text);
    }
    object = cJSON_GetObjectItem(answer, "resolution");
    if (found->match.domain)
        (void)cJSON_AddStringToObject(object, "searchDomain", found->match.domain);
    if (who->task && *dns_problem(api->dns, who->task->cgroup.id))
        (void)cJSON_AddStringToObject(object, "problem", dns_problem(api->dns, who->task->cgroup.id));
    if (!found->name)
        return;
    (void)cJSON_AddStringToObject(object, "dnsName", alias);
    addresses = cJSON_AddArrayToObject(object, "addresses");
    (void)cJSON_AddItemToArray(addresses,
                               cJSON_CreateString(ip_address_format(&found->name->address, address)));
    if (found->name->has_address6)
        (void)cJSON_AddItemToArray(addresses,
                                   cJSON_CreateString(ip_address_format(&found->name->address6, address)));
}

/* ---- who, and which port ---- */

static void add_who(const struct api *api, const struct explain_who *who, cJSON *answer)
{
    const struct catalog_zone *here = engine_catalog(api->engine)->host_zone;
    cJSON *scope;

    if (who->task)
        (void)cJSON_AddStringToObject(cJSON_AddObjectToObject(answer, "task"), "cgroup",
                                      who->task->cgroup.path);
    if (here)
        (void)cJSON_AddStringToObject(answer, "zone", here->name);
    scope = cJSON_AddObjectToObject(answer, "scope");
    (void)cJSON_AddStringToObject(scope, "namespace", who->namespace_name);
    (void)cJSON_AddStringToObject(scope, "client", who->service);
    (void)cJSON_AddBoolToObject(scope, "hasRoutesOfItsOwn", who->client != NULL);
    (void)cJSON_AddNumberToObject(scope, "number", who->scope);
}

/* "80/tcp, 53/udp" */
static void list_ports(const struct dns_name *name, char *text, size_t size)
{
    size_t used = 0;

    *text = '\0';
    for (size_t i = 0; i < name->n_ports && used < size; i++) {
        int n = snprintf(text + used, size - used, "%s%u/%s", i > 0 ? ", " : "", name->ports[i].port,
                         protocol_name(name->ports[i].protocol));

        used += n > 0 ? (size_t)n : 0;
    }
}

/* The one that is meant. -ENOENT: the name has no such port; -EINVAL: it has several. */
static int find_port(const struct explain_what *what, const struct dns_name *name,
                     struct client_alias *ret_alias)
{
    const struct dns_port *found = NULL;

    for (size_t i = 0; i < name->n_ports; i++) {
        const struct dns_port *port = &name->ports[i];

        if ((what->port && port->port != what->port) || (what->protocol && port->protocol != what->protocol))
            continue;
        if (found && !what->port && found->port != port->port)
            return -EINVAL;
        if (!found || port->protocol == TCP) /* of a port that has both, unless it was said */
            found = port;
    }
    if (!found)
        return -ENOENT;
    *ret_alias = (struct client_alias){.port = found->port, .protocol = found->protocol};
    (void)snprintf(ret_alias->dns_name, sizeof(ret_alias->dns_name), "%s", name->name);
    return 0;
}

static void add_passing(const struct explain_found *found, cJSON *answer)
{
    if (found->is_address && found->is_ours)
        explain_add_outcome(answer, "connect", "refused",
                            "an address of the alias ranges that is no alias of the task is refused");
    else if (found->is_ours)
        explain_add_outcome(answer, "connect", "unresolved", "the name has no address to connect to");
    else
        explain_add_outcome(answer, "connect", "passes",
                            "what is no alias passes unchanged, as if svcconnect were not there");
}

static int explain_port(struct api *api, const struct explain_who *who, const struct explain_what *what,
                        const struct dns_name *name, cJSON *answer, struct explain_rest **ret_rest,
                        struct error *error)
{
    struct client_alias alias;
    char ports[256];
    int r = find_port(what, name, &alias);

    list_ports(name, ports, sizeof(ports));
    if (r == -EINVAL)
        return error_input(error, "port", "", "one of %s: %s has several", ports, name->name);
    if (r < 0) {
        char wanted[8] = "";

        if (what->port)
            (void)snprintf(wanted, sizeof(wanted), " %u", (unsigned)what->port);
        explain_add_outcome(answer, "connect", "refused",
                            "%s has no %s%sport%s, only %s: a connect to it is refused", name->name,
                            what->protocol ? protocol_name(what->protocol) : "", what->protocol ? " " : "",
                            wanted, ports);
        return 0;
    }
    read_alias_names(cJSON_AddObjectToObject(answer, "alias"), &alias);
    return explain_add_alias(api, who, &alias, answer, ret_rest);
}

static int tell(struct api *api, const struct explain_who *who, const struct explain_what *what,
                const struct explain_found *found, cJSON *answer, struct explain_rest **ret_rest,
                struct error *error)
{
    (void)cJSON_AddStringToObject(answer, "name", what->name);
    add_who(api, who, answer);
    add_resolution(api, who, found, answer);
    if (found->name)
        return explain_port(api, who, what, found->name, answer, ret_rest, error);
    add_passing(found, answer);
    return 0;
}

int read_explain(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct api *api = user;
    struct explain_who who;
    struct explain_what what = {0};
    struct explain_found found = {0};
    struct explain_rest *rest = NULL;
    _cleanup_json_ cJSON *answer = cJSON_CreateObject();
    int r = read_what(call, &what, error);

    if (r == 0)
        r = explain_find_who(api, call, &who, error);
    if (r == 0)
        r = resolve(api, &who, &what, &found, error);
    if (r == 0)
        r = tell(api, &who, &what, &found, answer, &rest, error);
    dns_outlook_done(&found.outlook);
    return r < 0 ? r : explain_answer(call, api, TAKE_PTR(answer), rest, ret_answer, error);
}
