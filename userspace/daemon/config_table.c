/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The settings, a row each, and the checks of their values. As long as there are settings. */
#include "daemon/config_table.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "containers/containers.h"
#include "daemon/config_etcd.h"
#include "daemon/config_exec.h"
#include "daemon/config_external.h"
#include "daemon/config_listen.h"
#include "daemon/config_otlp.h"
#include "daemon/config_ranges.h"
#include "daemon/config_switches.h"
#include "daemon/config_tasks.h"
#include "daemon/host_zone.h"
#include "model/service_names.h"
#include <svcconnect/abi.h>

/* ---- checks ---- */

/* Row by row: the IPv6 range has to be as large as the other one, so both are checked when it is its turn. */
static int check_ranges(struct config *config, const struct config_setting *setting, struct error *error)
{
    (void)setting;
    return alias_range_parse(config->alias_range_text, config->alias_range6_text, &config->alias_range,
                             error);
}

static int check_names(struct config *config, const struct config_setting *setting, struct error *error)
{
    return strcmp(setting->member, "region") == 0
               ? name_region_check(setting->member, config->region, error)
               : name_suffixes_check(setting->member, config->name_suffixes, error);
}

static int check_metrics_detail(struct config *config, const struct config_setting *setting,
                                struct error *error)
{
    const char *text = setting_text_of(config, setting);

    return strcmp(text, "service") == 0 || strcmp(text, "endpoint") == 0
               ? 0
               : error_input(error, setting->member, text, "service, endpoint");
}

static int check_container_runtimes(struct config *config, const struct config_setting *setting,
                                    struct error *error)
{
    char path[SETTING_PATH_SIZE];

    return containers_check_runtimes(setting_path(setting, path), setting_text_of(config, setting), error);
}

static int check_host_address(struct config *config, const struct config_setting *setting,
                              struct error *error)
{
    char path[SETTING_PATH_SIZE];

    return containers_check_host_address(setting_path(setting, path), setting_text_of(config, setting),
                                         error);
}

static int check_zone(struct config *config, const struct config_setting *setting, struct error *error)
{
    return host_zone_check(setting->member, config->zone, error);
}

static int check_name_servers(struct config *config, const struct config_setting *setting,
                              struct error *error)
{
    char path[SETTING_PATH_SIZE];

    free(config->external_servers);
    config->external_servers = NULL;
    return config_external_servers(setting_path(setting, path), setting_text_of(config, setting),
                                   &config->external_servers, error);
}

static int check_max_ttl(struct config *config, const struct config_setting *setting, struct error *error)
{
    char path[SETTING_PATH_SIZE];
    char text[16];

    if (config->external_max_ttl >= config->external_min_ttl)
        return 0;
    (void)snprintf(text, sizeof(text), "%u", config->external_max_ttl);
    return error_input(error, setting_path(setting, path), text, "a whole number from %u to %u",
                       config->external_min_ttl, setting->maximum);
}

/* ---- the table ---- */

#define OF(field) offsetof(struct config, field)

/* A number that only the file has, its default and its limits. */
#define NUMBER(of, name, field, usual, least, most)                                                          \
    {                                                                                                        \
        .group = (of), .member = (name), .type = &config_type_number, .offset = OF(field),                   \
        .number = (usual), .minimum = (least), .maximum = (most)                                             \
    }

const struct config_setting config_settings[] = {
    {
        .member = "stateDir",
        .flag = "state-dir",
        .value = "DIR",
        .help = "registry (default {})",
        .type = &config_type_text,
        .offset = OF(state_dir),
        .fallback = "/var/lib/svcconnect",
    },
    {
        .member = "runDir",
        .flag = "run-dir",
        .value = "DIR",
        .help = "control socket and hosts files (default {})",
        .type = &config_type_text,
        .offset = OF(run_dir),
        .fallback = "/run/svcconnect",
    },
    {
        .member = "bpffs",
        .flag = "bpffs",
        .value = "DIR",
        .help = "pinned maps and links (default {})",
        .type = &config_type_text,
        .offset = OF(bpffs),
        .fallback = "/sys/fs/bpf/svcconnect",
    },
    {
        .member = "cgroupRoot",
        .flag = "cgroup-root",
        .value = "DIR|auto",
        .help = "the cgroup v2 mount (default {}: found in mountinfo)",
        .type = &config_type_text,
        .offset = OF(cgroup_root),
        .fallback = "auto",
    },
    {
        .member = "aliasRange",
        .flag = "alias-range",
        .value = "PREFIX",
        .help = "addresses that names resolve to (default {})",
        .type = &config_type_text,
        .offset = OF(alias_range_text),
        .fallback = "127.255.0.0/16",
        .example = "10.64.0.0/16",
    },
    {
        .member = "aliasRange6",
        .flag = "alias-range6",
        .value = "PREFIX",
        .help = "the same for IPv6 (default {})",
        .type = &config_type_text,
        .offset = OF(alias_range6_text),
        .fallback = "fd7f:ff53:7663::/112",
        .check = check_ranges, /* compares with aliasRange, so it stands after it */
        .example = "fd00:1::/64",
    },
    {
        .member = "nameSuffixes",
        .flag = "name-suffixes",
        .value = "LIST",
        .help = "what the names of services may end with (default {})",
        .type = &config_type_text,
        .offset = OF(name_suffixes),
        .fallback = NAME_SUFFIXES_USUAL,
        .check = check_names,
        .example = "NAMESPACE,NAMESPACE.example.com",
    },
    {
        .member = "region",
        .flag = "region",
        .value = "NAME",
        .help = "REGION in them (default {})",
        .type = &config_type_text,
        .offset = OF(region),
        .fallback = NAME_REGION_USUAL,
        .check = check_names,
        .example = "eu-west-1",
    },
    {
        .member = "registry",
        .flag = "registry",
        .value = "WHERE",
        .help = "where services and instances are kept: sqlite (below the state\n"
                "directory) or etcd:URL[,URL...], for a fleet (default {})",
        .type = &config_type_text,
        .offset = OF(registry),
        .fallback = "sqlite",
        .check = config_check_registry,
        .example = "sqlite",
    },
    {
        .member = "adoptEmpty",
        .flag = "adopt-empty",
        .implied = "on",
        .help = "take a registry that is empty beside published aliases as it is:\n"
                "they go (on or off; default {})",
        .type = &config_type_text,
        .offset = OF(adopt_empty_text),
        .fallback = "off",
        .check = config_check_adopt_empty,
        .example = "on",
    },
    {
        .member = "servicesDir",
        .flag = "services-dir",
        .value = "DIR",
        .help = "ECS documents applied while they lie there (default {})",
        .type = &config_type_text,
        .offset = OF(services_dir),
        .fallback = "/etc/svcconnect/services.d",
    },
    {
        .member = "dns",
        .flag = "dns",
        .value = "on|off",
        .help = "answer tasks' DNS questions about their names (default {})",
        .type = &config_type_text,
        .offset = OF(dns_text),
        .fallback = "on",
        .check = config_check_dns,
        .example = "off",
    },
    {
        .member = "dnsListen",
        .flag = "dns-listen",
        .value = "IP:PORT",
        .help = "answer <service>.<namespace> for others than tasks (default {})",
        .type = &config_type_text,
        .offset = OF(dns_listen_text),
        .fallback = "off",
        .check = config_check_dns_listen,
        .example = "127.0.0.1:53",
    },
    {
        .member = "awsListen",
        .flag = "aws-listen",
        .value = "IP:PORT|off",
        .help = "the AWS API (default {})",
        .type = &config_type_text,
        .offset = OF(aws_listen),
        .fallback = "127.0.0.1:4599",
        .check = config_check_tcp_listen,
        .example = "[::1]:4600",
    },
    {
        .member = "metricsListen",
        .flag = "metrics-listen",
        .value = "IP:PORT|off",
        .help = "GET /metrics for Prometheus, and nothing else (default {})",
        .type = &config_type_text,
        .offset = OF(metrics_listen),
        .fallback = "off",
        .check = config_check_tcp_listen,
        .example = "127.0.0.1:9465",
    },
    {
        .member = "metricsDetail",
        .flag = "metrics-detail",
        .value = "service|endpoint",
        .help = "whether each endpoint has samples of its own there (default {}: no)",
        .type = &config_type_text,
        .offset = OF(metrics_detail),
        .fallback = "service",
        .check = check_metrics_detail,
        .example = "endpoint",
    },
    {
        .member = "callers",
        .flag = "callers",
        .value = "on|off",
        .help = "count who calls whom, for svcconnect callers (default {})",
        .type = &config_type_text,
        .offset = OF(callers_text),
        .fallback = "on",
        .check = config_check_callers,
        .example = "off",
    },
    {
        .member = "connectionLog",
        .flag = "connection-log",
        .value = "WHICH",
        .help = "off, failed, all or 1/N: which connections are kept for svcconnect connections (default {})",
        .type = &config_type_text,
        .offset = OF(connection_log_text),
        .fallback = "failed",
        .check = config_check_connection_log,
        .example = "1/16",
    },
    {
        .member = "webListen",
        .flag = "web-listen",
        .value = "IP:PORT|off",
        .help = "the page: services, shares and failures live, read only (default {})",
        .type = &config_type_text,
        .offset = OF(web_listen),
        .fallback = "off",
        .check = config_check_tcp_listen,
        .example = "127.0.0.1:9466",
    },
    {
        .member = "webTokenFile",
        .flag = "web-token-file",
        .value = "FILE|off",
        .help = "what readers of the page have to show, mode 0600; needed beyond loopback (default {})",
        .type = &config_type_text,
        .offset = OF(web_token_file),
        .fallback = "off",
        .example = "/etc/svcconnect/web-token",
    },
    {
        .member = "containerRuntime",
        .flag = "container-runtime",
        .value = "LIST|auto|none",
        .help =
            "docker:SOCKET, podman:SOCKET, containerd:SOCKET, runc:ROOT, after auto also rootless:NAMESPACE, "
            "joined by commas: whose labelled containers are tasks (default {})",
        .type = &config_type_text,
        .offset = OF(container_runtimes),
        .fallback = "auto",
        .check = check_container_runtimes,
        .example = "docker:/run/docker.sock",
    },
    {
        .member = "containerGate",
        .flag = "container-gate",
        .value = "on|off",
        .help = "hold the first program of a container until its names are there (default {})",
        .type = &config_type_text,
        .offset = OF(container_gate_text),
        .fallback = "on",
        .check = config_check_container_gate,
        .example = "off",
    },
    {
        .member = "hostAddress",
        .flag = "host-address",
        .value = "IP|auto",
        .help = "where others reach containers on this host's network (default {}: the source of the default "
                "route)",
        .type = &config_type_text,
        .offset = OF(host_address),
        .fallback = "auto",
        .check = check_host_address,
        .example = "10.0.0.5",
    },
    {
        .member = "zone",
        .flag = "zone",
        .value = "ZONE|auto|ec2|off",
        .help = "where this host is: a zone's name, ec2 to ask its metadata service (default "
                "{}: " HOST_ZONE_VARIABLE " of the environment)",
        .type = &config_type_text,
        .offset = OF(zone),
        .fallback = HOST_ZONE_AUTO,
        .check = check_zone,
        .example = "us-east-1a",
    },
    {
        .member = "tasks",
        .type = &config_type_tasks,
        .fallback = "none",
    },
    {
        .member = EXEC_POLICY_SETTING,
        .flag = "exec-checks",
        .value = "LIST|none",
        .help = "PROGRAM or DIR/, joined by commas: what health checks of type exec may run (default {})",
        .type = &config_type_exec_checks,
        .offset = OF(exec_checks),
        .fallback = "none",
        .example = "/usr/lib/checks/",
    },
    {
        .member = CHECK_RANGES_SETTING,
        .flag = "aws-check-ranges",
        .value = "LIST|none|default",
        .help = "RANGEs joined by commas: where health checks made over the AWS API may go ({}: anywhere but "
                "to this host and its links)",
        .type = &config_type_check_ranges,
        .offset = OF(aws_checks),
        .fallback = CHECK_RANGES_DEFAULT,
        .example = "10.0.0.0/8",
    },
    {
        .member = "logLevel",
        .flag = "log-level",
        .value = "LEVEL",
        .help = "error, warning, {} (default) or debug",
        .type = &config_type_log_level,
        .offset = OF(log_level),
        .fallback = "info",
        .example = "debug",
    },
    NUMBER(NULL, "dnsTtlSeconds", dns_ttl, 5, 0, 3600),
    {
        .group = "externalNames",
        .member = "nameServers",
        .flag = "external-name-servers",
        .value = "LIST",
        .help = "IP[:PORT],... that resolve host names of instances (default {}:\n"
                "as /etc/resolv.conf has it)",
        .type = &config_type_name_servers,
        .offset = OF(external_servers_text),
        .fallback = EXTERNAL_SERVERS_OF_HOST,
        .check = check_name_servers,
        .example = "192.0.2.53:53,[2001:db8::53]:5353",
    },
    NUMBER("externalNames", "minTtlSeconds", external_min_ttl, 1, 1, EXTERNAL_TTL_LIMIT_S),
    {
        .group = "externalNames",
        .member = "maxTtlSeconds",
        .type = &config_type_number,
        .offset = OF(external_max_ttl),
        .number = 3600,
        .minimum = 1,
        .maximum = EXTERNAL_TTL_LIMIT_S,
        .check = check_max_ttl,
    },
    {
        .group = "otlp",
        .member = "endpoint",
        .flag = "otlp-endpoint",
        .value = "URL|off",
        .help =
            "send connections as spans and metrics to a collector of OpenTelemetry by OTLP/HTTP (default {})",
        .type = &config_type_text,
        .offset = OF(otlp_endpoint),
        .fallback = "off",
        .check = config_check_otlp_endpoint,
        .example = "http://127.0.0.1:4318",
    },
    {
        .group = "otlp",
        .member = "headersFile",
        .flag = "otlp-headers-file",
        .value = "FILE|off",
        .help = "headers that it wants, as \"Authorization: ...\", a line each, mode 0600 (default {})",
        .type = &config_type_text,
        .offset = OF(otlp_headers_file),
        .fallback = "off",
    },
    {
        .group = "otlp",
        .member = "intervalSeconds",
        .flag = "otlp-interval",
        .value = "SECONDS",
        .help = "how often, at the latest (default {})",
        .type = &config_type_number,
        .offset = OF(otlp_interval_s),
        .number = 10,
        .minimum = 1,
        .maximum = 3600,
    },
    {
        .group = "etcd",
        .member = "prefix",
        .type = &config_type_text,
        .offset = OF(etcd_prefix),
        .fallback = ETCD_PREFIX_USUAL,
        .check = config_check_etcd_prefix,
        .example = "team/svcconnect",
    },
    {
        .group = "etcd",
        .member = "caFile",
        .type = &config_type_text,
        .offset = OF(etcd_ca_file),
        .fallback = "system",
    },
    {
        .group = "etcd",
        .member = "certFile",
        .type = &config_type_text,
        .offset = OF(etcd_cert_file),
        .fallback = "off",
    },
    {
        .group = "etcd",
        .member = "keyFile",
        .type = &config_type_text,
        .offset = OF(etcd_key_file),
        .fallback = "off",
    },
    {
        .group = "etcd",
        .member = "user",
        .type = &config_type_text,
        .offset = OF(etcd_user),
        .fallback = "off",
    },
    {
        .group = "etcd",
        .member = "passwordFile",
        .type = &config_type_text,
        .offset = OF(etcd_password_file),
        .fallback = "off",
    },
    NUMBER("etcd", "maxTxnOps", etcd_max_txn_ops, ETCD_TXN_OPS_USUAL, 16, 1u << 16),
    NUMBER("etcd", "maxRequestBytes", etcd_max_bytes, ETCD_BYTES_USUAL, 1u << 16, 1u << 28),
    {
        .group = "etcd",
        .member = "leaseSeconds",
        .type = &config_type_number,
        .offset = OF(etcd_lease_s),
        .number = ETCD_LEASE_USUAL_S,
        .minimum = 0,
        .maximum = 3600,
        .check = config_check_etcd_lease,
    },
    NUMBER("etcd", "massExpiryPercent", etcd_mass_percent, ETCD_MASS_USUAL, 0, 100),
    NUMBER("etcd", "auditSeconds", etcd_audit_s, ETCD_AUDIT_USUAL_S, 0, 86400),
    NUMBER("quotas", "instances", quota_instances, 0, 0, 1u << 22),
    NUMBER("quotas", "services", quota_services, 0, 0, 1u << 22),
    NUMBER("quotas", "taskDefinitions", quota_definitions, 1000, 0, 1u << 22),
    NUMBER("quotas", "writesPerSecond", quota_writes, 100, 0, 1u << 20),
    NUMBER("maps", "aliases", max_aliases, SVC_DEFAULT_ALIASES, 2, 1u << 22), /* an alias has two entries */
    NUMBER("maps", "slots", max_slots, SVC_DEFAULT_SLOTS, 1, 1u << 24),
    NUMBER("maps", "endpoints", max_endpoints, SVC_DEFAULT_ENDPOINTS, 1, 1u << 22),
    NUMBER("maps", "tasks", max_tasks, SVC_DEFAULT_TASKS, 1, 1u << 16),
};

const size_t config_setting_count = ARRAY_SIZE(config_settings);
