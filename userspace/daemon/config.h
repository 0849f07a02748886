/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The daemon's settings: defaults, then the JSON file, then the command line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/log.h"
#include "settings/check_ranges.h"
#include "settings/service_settings.h"
#include "model/alias_range.h"
#include "tasks/task_patterns.h"

#define CONFIG_DEFAULT_FILE "/etc/svcconnect/svcconnect.json"

/* Every setting has a row in config_table.c. */
struct config {
    char *file;
    char *state_dir;
    char *run_dir;
    char *bpffs;
    char *cgroup_root; /* found at start where it was "auto" */
    char *alias_range_text;
    char *alias_range6_text;
    struct alias_range alias_range;
    char *name_suffixes; /* of the names of services: model/service_names.h */
    char *region;
    char *dns_text;
    bool is_dns_on;
    uint32_t dns_ttl; /* seconds */
    char *dns_listen_text;
    struct ip_address dns_listen_address;
    uint16_t dns_listen_port; /* 0: nowhere */
    char *registry;           /* "sqlite" or "etcd:URL[,URL...]" */
    char *etcd_prefix;
    char *etcd_ca_file;   /* "system": those that it trusts */
    char *etcd_cert_file; /* "off": none, as of the three below */
    char *etcd_key_file;
    char *etcd_user;
    char *etcd_password_file;
    uint32_t etcd_max_txn_ops;
    uint32_t etcd_max_bytes;
    uint32_t etcd_lease_s; /* 0: instances stay when their host has died */
    uint32_t etcd_mass_percent;
    uint32_t etcd_audit_s; /* 0: never */
    char *adopt_empty_text;
    bool adopts_empty; /* an empty registry empties the tables */
    char *services_dir;
    char *aws_listen;     /* "IP:PORT" or "off" */
    char *metrics_listen; /* the same */
    char *metrics_detail; /* "service" or "endpoint" */
    char *callers_text;
    bool counts_callers;
    char *connection_log_text; /* "off", "failed", "all" or "1/N" */
    uint32_t connection_log;   /* SVC_LOG_... */
    char *web_listen;          /* "IP:PORT" or "off" */
    char *web_token_file;      /* "off": none */
    char *otlp_endpoint;       /* a URL; "off": none, as of the next */
    char *otlp_headers_file;
    uint32_t otlp_interval_s;
    char *external_servers_text; /* "host" or a list */
    char *external_servers;      /* name servers for host names of instances, with ports; NULL: the host's */
    uint32_t external_min_ttl;   /* seconds */
    uint32_t external_max_ttl;
    char *container_runtimes; /* "none", "auto", NAME:PATH separated by commas, or both */
    char *container_gate_text;
    bool is_container_gate_on;
    char *host_address;                 /* "auto" or an address */
    char *zone;                         /* of this host: host_zone.h */
    struct task_pattern *task_patterns; /* cgroups that are tasks by their path */
    size_t n_task_patterns;
    struct exec_policy exec_checks; /* what health checks of type exec may run; empty: nothing */
    struct check_ranges aws_checks; /* where health checks made over AWS's API may go */
    /* Of a namespace whose keys are for it alone; 0: a share of the maps. */
    uint32_t quota_instances;
    uint32_t quota_services;
    uint32_t quota_definitions;
    uint32_t quota_writes; /* of a key, per second */
    enum log_level log_level;
    uint32_t max_aliases;
    uint32_t max_slots;
    uint32_t max_endpoints;
    uint32_t max_tasks;
};

enum config_action {
    CONFIG_RUN,
    CONFIG_PRINT,
    CONFIG_HELP,
    CONFIG_VERSION,
};

/* -EINVAL with what is wrong. The caller ends with config_done() in any case. */
int config_load(int argc, char **argv, struct config *ret_config, enum config_action *ret_action,
                struct error *error);
void config_done(struct config *config);

/* The effective settings as the JSON file would have them. The caller frees them. */
char *config_print(const struct config *config);
void config_print_help(void);

/* Of settings that come by the control socket or lie in services.d. Valid as long as *config. */
struct settings_rights config_rights_of_host(const struct config *config);
