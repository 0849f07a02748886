/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "documents/parse_proxy_fields.h"

#include <string.h>

#define NEEDS_A_PROXY "accepted, not enforced: needs a proxy"

static const char *const log_drivers[] = {"json-file", "syslog", "journald",    "gelf", "fluentd",
                                          "awslogs",   "splunk", "awsfirelens", NULL};

void proxy_fields_check_timeout(struct document_reader *reader, const cJSON *service, bool is_plain_tcp)
{
    static const char *const known[] = {"idleTimeoutSeconds", "perRequestTimeoutSeconds", NULL};
    const cJSON *timeout = document_get_object(reader, service, "timeout", false);
    size_t mark;

    if (!timeout)
        return;
    mark = document_enter(reader, "timeout");
    document_warn_unknown(reader, timeout, known);
    for (size_t i = 0; known[i]; i++) {
        uint32_t seconds;

        if (!document_get_integer(reader, timeout, known[i], false, 0, INT32_MAX, &seconds))
            continue;
        if (i == 1 && is_plain_tcp)
            document_error(reader, known[i], "(set)",
                           "a port mapping with appProtocol http, http2 or grpc: TCP has no requests");
        else
            document_warn(reader, known[i], NEEDS_A_PROXY);
    }
    document_leave(reader, mark);
}

void proxy_fields_check_tls(struct document_reader *reader, const cJSON *service, const char *network_mode)
{
    static const char *const known[] = {"issuerCertificateAuthority", "kmsKey", "roleArn", NULL};
    static const char *const known_issuer[] = {"awsPcaAuthorityArn", NULL};
    const cJSON *tls = document_get_object(reader, service, "tls", false);
    const cJSON *issuer;
    size_t mark;

    if (!tls)
        return;
    document_warn(reader, "tls", NEEDS_A_PROXY);
    if (network_mode && strcmp(network_mode, "awsvpc") != 0)
        document_error(reader, "tls", "(set)", "networkMode awsvpc in the task definition");
    mark = document_enter(reader, "tls");
    document_warn_unknown(reader, tls, known);
    (void)document_get_string(reader, tls, "kmsKey", false);
    (void)document_get_string(reader, tls, "roleArn", false);
    issuer = document_get_object(reader, tls, "issuerCertificateAuthority", true);
    if (issuer) {
        (void)document_enter(reader, "issuerCertificateAuthority");
        document_warn_unknown(reader, issuer, known_issuer);
        (void)document_get_string(reader, issuer, "awsPcaAuthorityArn", false);
    }
    document_leave(reader, mark);
}

void proxy_fields_check_ingress_port(struct document_reader *reader, const cJSON *service)
{
    uint32_t port;

    if (document_get_integer(reader, service, "ingressPortOverride", false, 0, 65535, &port))
        document_warn(reader, "ingressPortOverride", NEEDS_A_PROXY);
}

void proxy_fields_check_test_traffic(struct document_reader *reader, const cJSON *alias)
{
    static const char *const known[] = {"header", NULL};
    static const char *const known_header[] = {"name", "value", NULL};
    static const char *const known_value[] = {"exact", NULL};
    const cJSON *rules = document_get_object(reader, alias, "testTrafficRules", false);
    const cJSON *item;
    size_t mark;

    if (!rules)
        return;
    document_warn(reader, "testTrafficRules", NEEDS_A_PROXY);
    mark = document_enter(reader, "testTrafficRules");
    document_warn_unknown(reader, rules, known);
    item = document_get_object(reader, rules, "header", true);
    if (item) {
        (void)document_enter(reader, "header");
        document_warn_unknown(reader, item, known_header);
        (void)document_get_string(reader, item, "name", true);
        item = document_get_object(reader, item, "value", false);
    }
    if (item) {
        (void)document_enter(reader, "value");
        document_warn_unknown(reader, item, known_value);
        (void)document_get_string(reader, item, "exact", true);
    }
    document_leave(reader, mark);
}

static void check_options(struct document_reader *reader, const cJSON *log)
{
    const cJSON *options = document_get_object(reader, log, "options", false);
    size_t mark = document_enter(reader, "options");
    const cJSON *item;

    cJSON_ArrayForEach (item, options)
        if (!cJSON_IsString(item))
            document_error(reader, item->string, "(no string)", "a string");
    document_leave(reader, mark);
}

static void check_secrets(struct document_reader *reader, const cJSON *log)
{
    static const char *const known[] = {"name", "valueFrom", NULL};
    const cJSON *secrets = document_get_array(reader, log, "secretOptions", false);
    size_t mark = document_enter(reader, "secretOptions");
    const cJSON *item;
    size_t i = 0;

    cJSON_ArrayForEach (item, secrets) {
        size_t element = document_enter_element(reader, i++);

        if (document_is_object(reader, item)) {
            document_warn_unknown(reader, item, known);
            (void)document_get_string(reader, item, "name", true);
            (void)document_get_string(reader, item, "valueFrom", true);
        }
        document_leave(reader, element);
    }
    document_leave(reader, mark);
}

static void check_access_log(struct document_reader *reader, const cJSON *block)
{
    static const char *const known[] = {"format", "includeQueryParameters", NULL};
    static const char *const formats[] = {"TEXT", "JSON", NULL};
    static const char *const switches[] = {"DISABLED", "ENABLED", NULL};
    const cJSON *access_log = document_get_object(reader, block, "accessLogConfiguration", false);
    size_t mark;

    if (!access_log)
        return;
    document_warn(reader, "accessLogConfiguration", NEEDS_A_PROXY);
    if (!document_member(block, "logConfiguration") && !document_member(block, "logDriver"))
        document_error(reader, "accessLogConfiguration", "(set)", "a logConfiguration beside it");
    mark = document_enter(reader, "accessLogConfiguration");
    document_warn_unknown(reader, access_log, known);
    (void)document_get_enum(reader, access_log, "format", true, formats);
    (void)document_get_enum(reader, access_log, "includeQueryParameters", false, switches);
    document_leave(reader, mark);
}

void proxy_fields_check_logging(struct document_reader *reader, const cJSON *block)
{
    static const char *const known[] = {"logDriver", "options", "secretOptions", NULL};
    const cJSON *log = document_get_object(reader, block, "logConfiguration", false);
    size_t mark = document_enter(reader, "logConfiguration");

    if (log) {
        document_warn_unknown(reader, log, known);
        (void)document_get_enum(reader, log, "logDriver", true, log_drivers);
        check_options(reader, log);
        check_secrets(reader, log);
    }
    document_leave(reader, mark);
    if (document_get_enum(reader, block, "logDriver", false, log_drivers))
        document_warn(reader, "logDriver",
                      log ? "ignored: logConfiguration stands" : "taken as logConfiguration.logDriver");
    check_access_log(reader, block);
}
