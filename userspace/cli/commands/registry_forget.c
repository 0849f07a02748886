/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* registry forget: what a host of a fleet left behind that never comes back. Without a host: which there are. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_etcd.h"
#include "cli/report.h"
#include "registry/etcd/etcd_forget.h"

static cJSON *leaving_as_json(const struct etcd_leaving *leaving)
{
    cJSON *json = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(json, "host", leaving->host);
    (void)cJSON_AddBoolToObject(json, "isThere", leaving->is_there);
    (void)cJSON_AddNumberToObject(json, "instances", (double)leaving->n_instances);
    (void)cJSON_AddNumberToObject(json, "own", (double)leaving->n_own);
    return json;
}

static int tell_hosts(const struct invocation *invocation, const struct etcd_leaving *hosts, size_t n)
{
    _cleanup_json_ cJSON *json = NULL;
    cJSON *list;

    if (!invocation->is_json) {
        for (size_t i = 0; i < n; i++)
            (void)printf("%-34s %-6s %" PRIu64 " instances, %" PRIu64 " keys of its own\n", hosts[i].host,
                         hosts[i].is_there ? "there" : "gone", hosts[i].n_instances, hosts[i].n_own);
        return CLI_DONE;
    }
    json = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(json, "hosts");
    for (size_t i = 0; i < n; i++)
        (void)cJSON_AddItemToArray(list, leaving_as_json(&hosts[i]));
    return api_print_json(invocation, json, NULL);
}

static int tell_gone(const struct invocation *invocation, const struct etcd_leaving *gone, bool is_dry)
{
    _cleanup_json_ cJSON *json = NULL;

    if (!invocation->is_json) {
        (void)printf("%" PRIu64 " instances and %" PRIu64 " keys of host %s's own %s\n", gone->n_instances,
                     gone->n_own, gone->host,
                     is_dry ? "would be taken away; nothing was changed" : "were taken away");
        return CLI_DONE;
    }
    json = leaving_as_json(gone);
    (void)cJSON_AddBoolToObject(json, "dryRun", is_dry);
    return api_print_json(invocation, json, NULL);
}

/* What would go; refused as the real thing is. */
static int try_forget(const struct invocation *invocation, const char *host, const struct etcd_leaving *hosts,
                      size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(hosts[i].host, host) != 0)
            continue;
        return hosts[i].is_there
                   ? report_error(
                         invocation, CLI_FAILED,
                         "host %s is there: stop its svcconnectd, and wait until its lease has ended", host)
                   : tell_gone(invocation, &hosts[i], true);
    }
    return report_error(invocation, CLI_FAILED, "nothing of host %s is in etcd", host);
}

static int forget_or_list(const struct invocation *invocation, const struct etcd_settings *settings)
{
    const char *host = invocation->arguments[0];
    _cleanup_free_ struct etcd_leaving *hosts = NULL;
    struct etcd_leaving gone = {0};
    struct error error = {0};
    size_t n = 0;

    if (host && !invocation->options[OPTION_DRY_RUN]) {
        if (etcd_forget(settings, host, &gone, &error) < 0)
            return report_error(invocation, CLI_FAILED, "%s", error.message);
        return tell_gone(invocation, &gone, false);
    }
    if (etcd_forget_list(settings, &hosts, &n, &error) < 0)
        return report_error(invocation, CLI_FAILED, "%s", error.message);
    return host ? try_forget(invocation, host, hosts, n) : tell_hosts(invocation, hosts, n);
}

int command_registry_forget(const struct invocation *invocation)
{
    struct registry_etcd etcd = {0};
    int status = registry_etcd_read(invocation, invocation->options[OPTION_FROM], &etcd);

    if (status == CLI_DONE)
        status = forget_or_list(invocation, &etcd.settings);
    registry_etcd_done(&etcd);
    return status;
}
