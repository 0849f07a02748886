/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/commands/registry_etcd.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/report.h"
#include "cli/text.h"

#define CONFIG_FILE "/etc/svcconnect/svcconnect.json"

static const char *etcd_text_setting(const struct registry_etcd *etcd, const char *name, const char *fallback)
{
    const char *text = text_member(text_child(etcd->config, "etcd"), name);

    return !*text || strcmp(text, "off") == 0 || strcmp(text, "system") == 0 ? fallback : text;
}

static uint32_t etcd_number_setting(const struct registry_etcd *etcd, const char *name, uint32_t fallback)
{
    uint64_t number = text_number(text_child(etcd->config, "etcd"), name);

    return number && number <= UINT32_MAX ? (uint32_t)number : fallback;
}

static int read_config(const struct invocation *invocation, struct registry_etcd *etcd)
{
    const char *path = invocation->options[OPTION_CONFIG];
    _cleanup_free_ char *text = NULL;
    int r = file_read(path ? path : CONFIG_FILE, 1u << 20, &text, NULL);

    if (r < 0 && (path || r != -ENOENT))
        return report_error(invocation, CLI_FAILED, "%s: %s", path ? path : CONFIG_FILE, strerror(-r));
    etcd->config = r == 0 ? cJSON_Parse(text) : cJSON_CreateObject();
    if (!etcd->config)
        return report_error(invocation, CLI_FAILED, "%s is no JSON", path ? path : CONFIG_FILE);
    return CLI_DONE;
}

int registry_etcd_read(const struct invocation *invocation, const char *location, struct registry_etcd *etcd)
{
    struct error error = {0};
    int status = read_config(invocation, etcd);

    if (status != CLI_DONE)
        return status;
    etcd->settings = (struct etcd_settings){
        .prefix = etcd_text_setting(etcd, "prefix", ETCD_PREFIX_USUAL),
        .host = "copy", /* rows of the model are nobody's own */
        .ca_file = etcd_text_setting(etcd, "caFile", ""),
        .cert_file = etcd_text_setting(etcd, "certFile", ""),
        .key_file = etcd_text_setting(etcd, "keyFile", ""),
        .user = etcd_text_setting(etcd, "user", ""),
        .password_file = etcd_text_setting(etcd, "passwordFile", ""),
        .max_txn_ops = etcd_number_setting(etcd, "maxTxnOps", ETCD_TXN_OPS_USUAL),
        .max_bytes = etcd_number_setting(etcd, "maxRequestBytes", ETCD_BYTES_USUAL),
        .patience_ms = 10000,
    };
    if (!location)
        location = text_member(etcd->config, "registry");
    if (etcd_settings_read(location, &etcd->settings, &error) < 0)
        return report_usage(invocation, "%s", error.message);
    return CLI_DONE;
}

void registry_etcd_done(struct registry_etcd *etcd)
{
    etcd_settings_done(&etcd->settings);
    cJSON_Delete(etcd->config);
    *etcd = (struct registry_etcd){0};
}
