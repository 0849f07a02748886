/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mounts.h"
#include "daemon/config_external.h"
#include <svcconnect/abi.h>

#define DNS_TTL     5 /* seconds */
#define DNS_TTL_MAX 3600

/* One row per text setting: its flag, its member in the file, and where it lives. */
struct text_setting {
    const char *flag;
    const char *member;
    size_t offset;
    const char *fallback;
};

#define TEXT(flag, member, field, fallback)                                                                  \
    {                                                                                                        \
        flag, member, offsetof(struct config, field), fallback                                               \
    }

static const struct text_setting text_settings[] = {
    TEXT("state-dir", "stateDir", state_dir, "/var/lib/svcconnect"),
    TEXT("run-dir", "runDir", run_dir, "/run/svcconnect"),
    TEXT("bpffs", "bpffs", bpffs, "/sys/fs/bpf/svcconnect"),
    TEXT("cgroup-root", "cgroupRoot", cgroup_root, "auto"),
    TEXT("alias-range", "aliasRange", alias_range_text, "127.255.0.0/16"),
    TEXT("alias-range6", "aliasRange6", alias_range6_text, "fd7f:ff53:7663::/112"),
    TEXT("registry", "registry", registry, "sqlite"),
    TEXT("services-dir", "servicesDir", services_dir, "/etc/svcconnect/services.d"),
    TEXT("dns", "dns", dns_text, "on"),
    TEXT("dns-listen", "dnsListen", dns_listen_text, "off"),
    TEXT("aws-listen", "awsListen", aws_listen, "127.0.0.1:4599"),
};

static const struct {
    const char *member;
    size_t offset;
    uint32_t fallback;
    uint32_t minimum;
    uint32_t maximum;
} map_settings[] = {
    {"aliases", offsetof(struct config, max_aliases), SVC_DEFAULT_ALIASES, 2,
     1u << 22}, /* an alias has two entries */
    {"slots", offsetof(struct config, max_slots), SVC_DEFAULT_SLOTS, 1, 1u << 24},
    {"endpoints", offsetof(struct config, max_endpoints), SVC_DEFAULT_ENDPOINTS, 1, 1u << 22},
    {"tasks", offsetof(struct config, max_tasks), SVC_DEFAULT_TASKS, 1, 1u << 16},
};

static char **text_of(struct config *config, size_t offset)
{
    return (char **)((char *)config + offset);
}

static uint32_t *number_of(struct config *config, size_t offset)
{
    return (uint32_t *)(void *)((char *)config + offset);
}

static int set_text(struct config *config, const struct text_setting *setting, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        return -ENOMEM;
    /* The first is the default. */
    if (setting->offset == offsetof(struct config, aws_listen))
        config->is_aws_listen_set = config->aws_listen != NULL;
    free(*text_of(config, setting->offset));
    *text_of(config, setting->offset) = copy;
    return 0;
}

static int set_log_level(struct config *config, const char *field, const char *text, struct error *error)
{
    if (log_parse_level(text, &config->log_level) < 0)
        return error_input(error, field, text, "error, warning, info, debug");
    return 0;
}

/* ---- the file ---- */

static int read_maps(struct config *config, const cJSON *maps, struct error *error)
{
    static const char *const known[] = {"aliases", "slots", "endpoints", "tasks", NULL};
    int r = json_check_members(maps, known, error);

    for (size_t i = 0; i < ARRAY_SIZE(map_settings) && r == 0; i++) {
        uint64_t number = *number_of(config, map_settings[i].offset);

        r = json_get_integer(maps, map_settings[i].member, false, map_settings[i].minimum,
                             map_settings[i].maximum, &number, error);
        *number_of(config, map_settings[i].offset) = (uint32_t)number;
    }
    error_prefix_field(error, "maps");
    return r;
}

static int read_file(struct config *config, bool is_required, struct error *error)
{
    static const char *const known[] = {"stateDir",   "runDir",      "bpffs",         "cgroupRoot",
                                        "aliasRange", "aliasRange6", "registry",      "servicesDir",
                                        "logLevel",   "maps",        "dns",           "dnsTtlSeconds",
                                        "dnsListen",  "awsListen",   "externalNames", NULL};
    _cleanup_free_ char *text = NULL;
    _cleanup_json_ cJSON *json = NULL;
    const char *level = NULL;
    const cJSON *external;
    const cJSON *maps;
    uint64_t ttl = config->dns_ttl;
    size_t length = 0;
    int r = file_read(config->file, 1 << 20, &text, &length);

    if (r == -ENOENT && !is_required)
        return 0;
    if (r < 0)
        return error_errno(error, r, "configuration file %s", config->file);
    r = json_parse(config->file, text, length, &json, error);
    if (r == 0)
        r = json_check_members(json, known, error);
    for (size_t i = 0; i < ARRAY_SIZE(text_settings) && r == 0; i++) {
        const char *value = NULL;

        r = json_get_string(json, text_settings[i].member, false, &value, error);
        if (r == 0 && value)
            r = set_text(config, &text_settings[i], value);
    }
    if (r == 0)
        r = json_get_string(json, "logLevel", false, &level, error);
    if (r == 0 && level)
        r = set_log_level(config, "logLevel", level, error);
    if (r == 0)
        r = json_get_integer(json, "dnsTtlSeconds", false, 0, DNS_TTL_MAX, &ttl, error);
    config->dns_ttl = (uint32_t)ttl;
    maps = cJSON_GetObjectItemCaseSensitive(json, "maps");
    if (r == 0 && maps)
        r = read_maps(config, maps, error);
    external = cJSON_GetObjectItemCaseSensitive(json, "externalNames");
    if (r == 0 && external)
        r = config_read_external(config, external, error);
    return r;
}

/* ---- the command line ---- */

enum {
    OPTION_TEXT = 256, /* + index into text_settings */
    OPTION_CONFIG = 512,
    OPTION_LOG_LEVEL,
    OPTION_PRINT,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_LATER,
    OPTION_FOREGROUND,
    OPTION_NAME_SERVERS,
};

static const struct option options[] = {
    {"state-dir", required_argument, NULL, OPTION_TEXT + 0},
    {"run-dir", required_argument, NULL, OPTION_TEXT + 1},
    {"bpffs", required_argument, NULL, OPTION_TEXT + 2},
    {"cgroup-root", required_argument, NULL, OPTION_TEXT + 3},
    {"alias-range", required_argument, NULL, OPTION_TEXT + 4},
    {"alias-range6", required_argument, NULL, OPTION_TEXT + 5},
    {"registry", required_argument, NULL, OPTION_TEXT + 6},
    {"services-dir", required_argument, NULL, OPTION_TEXT + 7},
    {"dns", required_argument, NULL, OPTION_TEXT + 8},
    {"dns-listen", required_argument, NULL, OPTION_TEXT + 9},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"print-config", no_argument, NULL, OPTION_PRINT},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"foreground", no_argument, NULL, OPTION_FOREGROUND},
    {"aws-listen", required_argument, NULL, OPTION_TEXT + 10},
    {"container-runtime", required_argument, NULL, OPTION_LATER},
    {"external-name-servers", required_argument, NULL, OPTION_NAME_SERVERS},
    {NULL, 0, NULL, 0},
};

static int take_option(struct config *config, int option, int index, enum config_action *action,
                       struct error *error)
{
    if (option >= OPTION_TEXT && option < OPTION_TEXT + (int)ARRAY_SIZE(text_settings))
        return set_text(config, &text_settings[option - OPTION_TEXT], optarg);
    switch (option) {
    case OPTION_LOG_LEVEL:
        return set_log_level(config, "--log-level", optarg, error);
    case OPTION_NAME_SERVERS:
        free(config->external_servers_text);
        config->external_servers_text = strdup(optarg);
        return config->external_servers_text ? 0 : -ENOMEM;
    case OPTION_PRINT:
        *action = CONFIG_PRINT;
        return 0;
    case OPTION_HELP:
        *action = CONFIG_HELP;
        return 0;
    case OPTION_VERSION:
        *action = CONFIG_VERSION;
        return 0;
    case OPTION_LATER:
        /* What is off asks for nothing; anything else is said, so that nobody waits for it. */
        if (strcmp(optarg, "off") != 0 && strcmp(optarg, "none") != 0)
            log_warning("--%s %s: not in this version, ignoring", options[index].name, optarg);
        return 0;
    default:
        return 0;
    }
}

static int parse_command_line(int argc, char **argv, struct config *config, enum config_action *action,
                              bool only_file, struct error *error)
{
    int option;
    int index = 0;
    int r = 0;

    optind = 1;
    opterr = 0;
    while (r == 0 && (option = getopt_long(argc, argv, "", options, &index)) != -1) {
        if (option == '?' || option == ':')
            return error_set(error, EINVAL, "%s: unknown option or missing value; see svcconnectd --help",
                             argv[optind - 1]);
        if (option == OPTION_CONFIG && only_file) {
            free(config->file);
            config->file = strdup(optarg);
        } else if (!only_file) {
            r = take_option(config, option, index, action, error);
        }
    }
    if (r == 0 && optind < argc)
        return error_set(error, EINVAL, "%s: no such argument; see svcconnectd --help", argv[optind]);
    return r;
}

/* ---- checks ---- */

static int check_not_empty(struct config *config, struct error *error)
{
    for (size_t i = 0; i < ARRAY_SIZE(text_settings); i++)
        if (!**text_of(config, text_settings[i].offset))
            return error_input(error, text_settings[i].member, "", "a value, such as %s",
                               text_settings[i].fallback);
    return 0;
}

static int check_ranges(struct config *config, struct error *error)
{
    unsigned bits = 0;
    unsigned bits6 = 0;

    if (ip_prefix_parse(config->alias_range_text, &config->alias_range, &bits) < 0 ||
        !ip_address_is_v4(&config->alias_range) || bits < 8 || bits > 29)
        return error_input(error, "aliasRange", config->alias_range_text,
                           "an IPv4 prefix of 8 to 29 bits, such as 127.255.0.0/16");
    if (ip_prefix_parse(config->alias_range6_text, &config->alias_range6, &bits6) < 0 ||
        ip_address_is_v4(&config->alias_range6) || bits6 < 16 || bits6 > 96 + bits)
        return error_input(error, "aliasRange6", config->alias_range6_text,
                           "an IPv6 prefix with at least as many addresses as aliasRange");
    config->alias_bits = 96 + bits;
    config->alias_bits6 = bits6;
    /* The first is the network's and the last may be a broadcast address. */
    config->alias_addresses = (1u << (32 - bits)) - 2;
    return 0;
}

static int check_aws_listen(const struct config *config, struct error *error)
{
    struct ip_address address;
    uint16_t port;

    if (strcmp(config->aws_listen, "off") != 0 && ip_endpoint_parse(config->aws_listen, &address, &port) < 0)
        return error_input(error, "awsListen", config->aws_listen, "IP:PORT, [IPv6]:PORT or off");
    return 0;
}

static int finish(struct config *config, struct error *error)
{
    int r = check_not_empty(config, error);

    if (r == 0)
        r = check_ranges(config, error);
    if (r == 0)
        r = check_aws_listen(config, error);
    if (r == 0 && config->external_servers_text)
        r = config_external_servers("externalNames.nameServers", config->external_servers_text,
                                    &config->external_servers, error);
    if (r < 0)
        return r;
    if (strcmp(config->dns_text, "on") != 0 && strcmp(config->dns_text, "off") != 0)
        return error_input(error, "dns", config->dns_text, "on, off");
    config->is_dns_on = strcmp(config->dns_text, "on") == 0;
    config->dns_listen_port = 0;
    if (strcmp(config->dns_listen_text, "off") != 0 &&
        ip_endpoint_parse(config->dns_listen_text, &config->dns_listen_address, &config->dns_listen_port) < 0)
        return error_input(error, "dnsListen", config->dns_listen_text, "IP:PORT, [IPv6]:PORT or off");
    if (strcmp(config->registry, "sqlite") != 0)
        return error_input(error, "registry", config->registry, "sqlite");
    if (strcmp(config->cgroup_root, "auto") == 0) {
        char *found = NULL;

        r = mounts_find_cgroup2(&found);
        if (r < 0)
            return error_set(error, ENODEV,
                             "no cgroup v2 mount found: mount one (mount -t cgroup2 none DIR) and name it by "
                             "--cgroup-root");
        free(config->cgroup_root);
        config->cgroup_root = found;
    }
    return 0;
}

int config_load(int argc, char **argv, struct config *ret_config, enum config_action *ret_action,
                struct error *error)
{
    struct config *config = ret_config;
    enum config_action action = CONFIG_RUN;
    int r = 0;

    *config = (struct config){.log_level = LOG_LEVEL_INFO,
                              .dns_ttl = DNS_TTL,
                              .external_min_ttl = EXTERNAL_MIN_TTL_S,
                              .external_max_ttl = EXTERNAL_MAX_TTL_S};
    for (size_t i = 0; i < ARRAY_SIZE(text_settings) && r == 0; i++)
        r = set_text(config, &text_settings[i], text_settings[i].fallback);
    for (size_t i = 0; i < ARRAY_SIZE(map_settings); i++)
        *number_of(config, map_settings[i].offset) = map_settings[i].fallback;
    if (r == 0)
        r = parse_command_line(argc, argv, config, &action, true, error);
    if (r == 0) {
        bool is_named = config->file != NULL;

        if (!is_named)
            config->file = strdup(CONFIG_DEFAULT_FILE);
        r = config->file ? read_file(config, is_named, error) : -ENOMEM;
    }
    if (r == 0)
        r = parse_command_line(argc, argv, config, &action, false, error);
    if (r == 0 && action != CONFIG_HELP && action != CONFIG_VERSION)
        r = finish(config, error);
    if (r == 0)
        *ret_action = action;
    return r;
}

void config_done(struct config *config)
{
    for (size_t i = 0; i < ARRAY_SIZE(text_settings); i++) {
        free(*text_of(config, text_settings[i].offset));
        *text_of(config, text_settings[i].offset) = NULL;
    }
    free(config->external_servers_text);
    free(config->external_servers);
    config->external_servers_text = config->external_servers = NULL;
    free(config->file);
    config->file = NULL;
}

char *config_print(const struct config *config)
{
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    struct config *readable =
        (struct config *)config; /* text_of() is for both uses; nothing is written here */
    cJSON *maps;

    for (size_t i = 0; i < ARRAY_SIZE(text_settings); i++)
        (void)cJSON_AddStringToObject(json, text_settings[i].member,
                                      *text_of(readable, text_settings[i].offset));
    (void)cJSON_AddStringToObject(json, "logLevel", log_level_name(config->log_level));
    (void)cJSON_AddNumberToObject(json, "dnsTtlSeconds", config->dns_ttl);
    config_print_external(config, json);
    maps = cJSON_AddObjectToObject(json, "maps");
    for (size_t i = 0; i < ARRAY_SIZE(map_settings); i++)
        (void)cJSON_AddNumberToObject(maps, map_settings[i].member,
                                      *number_of(readable, map_settings[i].offset));
    return cJSON_Print(json);
}

void config_print_help(void)
{
    puts("svcconnectd: routes the connections of task cgroups to weighted healthy endpoints\n"
         "\n"
         "  --config FILE            settings as JSON (default " CONFIG_DEFAULT_FILE ", if it is there)\n"
         "  --state-dir DIR          registry (default /var/lib/svcconnect)\n"
         "  --run-dir DIR            control socket and hosts files (default /run/svcconnect)\n"
         "  --bpffs DIR              pinned maps and links (default /sys/fs/bpf/svcconnect)\n"
         "  --cgroup-root DIR|auto   the cgroup v2 mount (default auto: found in mountinfo)\n"
         "  --alias-range PREFIX     addresses that names resolve to (default 127.255.0.0/16)\n"
         "  --alias-range6 PREFIX    the same for IPv6 (default fd7f:ff53:7663::/112)\n"
         "  --registry sqlite        where services and instances are kept\n"
         "  --services-dir DIR       ECS documents applied while they lie there (default "
         "/etc/svcconnect/services.d)\n"
         "  --dns on|off             answer tasks' DNS questions about their names (default on)\n"
         "  --dns-listen IP:PORT     answer <service>.<namespace> for others than tasks (default off)\n"
         "  --aws-listen IP:PORT|off the AWS API (default 127.0.0.1:4599)\n"
         "  --external-name-servers LIST  IP[:PORT],... that resolve host names of instances (default host:\n"
         "                           as /etc/resolv.conf has it)\n"
         "  --log-level LEVEL        error, warning, info (default) or debug\n"
         "  --print-config           print the effective settings and exit\n"
         "  --foreground             the default: svcconnectd never forks\n"
         "  --help, --version\n"
         "\n"
         "SIGHUP re-reads the log level, SIGTERM ends the daemon; running tasks keep their routing either "
         "way.\n"
         "Exit status: 0 ended as asked, 1 could not start or failed, 2 bad usage.");
}

/* ---- alias addresses ---- */

struct ip_address config_alias_address(const struct config *config, uint32_t number)
{
    return ip_address_from_v4(ip_address_to_v4(&config->alias_range) + number);
}

struct ip_address config_alias_address6(const struct config *config, uint32_t number)
{
    struct ip_address address = config->alias_range6;
    uint32_t low;

    memcpy(&low, address.bytes + 12, sizeof(low));
    low = htonl(ntohl(low) + number);
    memcpy(address.bytes + 12, &low, sizeof(low));
    return address;
}

int config_alias_number(const struct config *config, const struct ip_address *address, uint32_t *ret_number)
{
    uint32_t first = ip_address_to_v4(&config->alias_range);
    uint32_t host = ip_address_to_v4(address);

    if (!ip_address_is_v4(address) || host <= first || host - first > config->alias_addresses)
        return -ERANGE;
    *ret_number = host - first;
    return 0;
}

static bool has_prefix(const struct ip_address *address, const struct ip_address *range, unsigned bits)
{
    unsigned bytes = bits / 8;

    return memcmp(address->bytes, range->bytes, bytes) == 0 &&
           (bits % 8 == 0 || (address->bytes[bytes] ^ range->bytes[bytes]) >> (8 - bits % 8) == 0);
}

bool config_is_alias_address(const struct config *config, const struct ip_address *address)
{
    return has_prefix(address, &config->alias_range, config->alias_bits) ||
           has_prefix(address, &config->alias_range6, config->alias_bits6);
}
