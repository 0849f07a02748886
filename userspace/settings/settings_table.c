/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The tables of settings, and what can be done with a struct by knowing its table alone. */
#include "settings/settings_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_IN(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)

#define CHECK(member)   KEPT_IN(struct health_check, member)
#define EJECT(member)   KEPT_IN(struct ejection_policy, member)
#define SERVICE(member) KEPT_IN(struct service_settings, member)
#define OWN(member)     .own = offsetof(struct service_settings, member)

#define RANGE(low, high)   .minimum = (low), .maximum = (high), .scale = 1
#define SECONDS(low, high) .minimum = (low), .maximum = (high), .scale = 1000

const struct setting health_check_rows[] = {
    {"type", SETTING_TYPE, CHECK(type), .takes = "TYPE",
     .help = "tcp, http, https, exec; none: its owner tells how an endpoint is (none)"},
    {"interval", SETTING_NUMBER, CHECK(interval_ms), SECONDS(1, 300), .ecs_minimum = 5,
     .help = "from one probe to the next"},
    {"timeout", SETTING_NUMBER, CHECK(timeout_ms), SECONDS(1, 60), .ecs_minimum = 2,
     .help = "a probe that takes longer has failed"},
    {"retries", SETTING_NUMBER, CHECK(fall), RANGE(1, 10),
     .help = "failures in a row that make an endpoint unhealthy"},
    {"healthyRetries", SETTING_NUMBER, CHECK(rise), RANGE(1, 10),
     .help = "passes in a row that make an endpoint healthy"},
    {"startPeriod", SETTING_NUMBER, CHECK(start_period_ms), SECONDS(0, 300),
     .help = "failures before it is over do not count"},
    {"port", SETTING_NUMBER, CHECK(port), RANGE(1, 65535), .is_optional = true,
     .help = "where to probe (the instance's own)"},
    {"path", SETTING_TEXT, CHECK(path), .takes = "/PATH", .help = "of http and https (/)"},
    {"host", SETTING_TEXT, CHECK(host), .takes = "NAME",
     .help = "of http and https: the Host header (the address)"},
    {"expectedStatus", SETTING_STATUS, .offset = offsetof(struct health_check, status_min),
     .size = 2 * sizeof(uint16_t), .takes = "200-299",
     .help = "of http and https: the answers that pass (200-399)"},
    {"command", SETTING_COMMAND, CHECK(command), .takes = "TEXT",
     .help = "of exec: for the shell, or a list as [\"CMD\",\"PROGRAM\"]; 0 passes"},
    {0},
};

const struct setting ejection_policy_rows[] = {
    {"failures", SETTING_NUMBER, EJECT(failures), RANGE(0, EJECTION_MAX_FAILURES),
     .help = "failed connects that eject an endpoint; 0: never"},
    {"windowSeconds", SETTING_NUMBER, EJECT(window_ms), SECONDS(1, 3600), .help = "within this time"},
    {"baseSeconds", SETTING_NUMBER, EJECT(base_ms), SECONDS(1, 86400),
     .help = "for so long the first time, twice as long each time after"},
    {"maxSeconds", SETTING_NUMBER, EJECT(max_ms), SECONDS(1, 86400),
     .help = "for so long at most; not below baseSeconds"},
    {0},
};

const struct setting service_setting_rows[] = {
    {"healthCheck", SETTING_CHECK, SERVICE(check), .members = health_check_rows},
    {"ejection", SETTING_EJECTION, SERVICE(ejection), OWN(has_ejection), .members = ejection_policy_rows},
    {"connectTimeoutSeconds", SETTING_NUMBER, SERVICE(connect_timeout_ms), OWN(has_connect_timeout),
     SECONDS(0, 127), .help = "a connect that takes longer has failed; 0: the kernel's patience"},
    {"synTimeoutMilliseconds", SETTING_NUMBER, SERVICE(syn_timeout_ms), RANGE(0, SYN_TIMEOUT_MAX_MS),
     .help = "a first SYN unanswered for so long is sent again, and is a failure; 0: the kernel's second"},
    {"panicThresholdPercent", SETTING_NUMBER, SERVICE(panic_percent), RANGE(0, 100),
     .help = "with fewer endpoints healthy, health is ignored; 0: never"},
    {"slowStartSeconds", SETTING_NUMBER, SERVICE(slow_start_ms), SECONDS(0, 3600),
     .help = "a new endpoint's weight grows over this time"},
    {"drainSeconds", SETTING_NUMBER, SERVICE(drain_ms), SECONDS(0, 3600),
     .help = "how long a drain waits for open connections"},
    {"admissionSeconds", SETTING_NUMBER, SERVICE(admission_ms), SECONDS(0, 86400),
     .help = "after it an endpoint not yet found healthy or unhealthy is used"},
    {"udpStickinessSeconds", SETTING_NUMBER, SERVICE(udp_stickiness_ms), SECONDS(0, 86400),
     .help = "a UDP socket keeps its endpoint while it sends within this time"},
    {"peerName", SETTING_CHOICE, SERVICE(is_peer_alias), .words = {"endpoint", "alias"},
     .help = "what getpeername() tells clients of the service"},
    {"dnsRoutingPolicy", SETTING_CHOICE, SERVICE(is_dns_weighted), .words = {"MULTIVALUE", "WEIGHTED"},
     .help = "--dns-listen answers with up to eight instances, or with one drawn"},
    {"localLiveness", SETTING_CHOICE, SERVICE(is_liveness_off), .words = {"auto", "off"},
     .help = "whether connects ask first if anybody listens at an endpoint of this host"},
    {"affinity", SETTING_WORD, SERVICE(affinity), .words = {"none", "task", "process"},
     .help = "who keeps the endpoint that it has once drawn: nobody, tasks, processes"},
    {"balance", SETTING_WORD, SERVICE(balance), .words = {"weighted", "leastConnections", "leastTime"},
     .help = "endpoints by weight alone, or of two the one with fewer open connections, or done sooner"},
    {"responseTime", SETTING_SAMPLE, SERVICE(response_time), .takes = "off|1/N|all", .maximum = 65535,
     .scale = 1, .help = "of which connections the time to the first answer is measured (1/16)"},
    {"zone", SETTING_WORD, SERVICE(zone), .words = {"prefer", "only", "off"},
     .help = "whether connects stay in the zone of their host"},
    {"zoneMinEndpoints", SETTING_NUMBER, SERVICE(zone_minimum), RANGE(0, 65535),
     .help = "with fewer endpoints in all, prefer is off"},
    {"zoneClients", SETTING_ZONES, SERVICE(zone_clients), .takes = "ZONE=N,...",
     .help = "of prefer: how clients are spread over zones (as endpoints are)"},
    {"allowFrom", SETTING_CLIENTS, SERVICE(allow_from), .takes = "CLIENT,...",
     .help = "who may call it: services, NAMESPACE/SERVICE, NAMESPACE/*, none (everybody)"},
    {"policyMode", SETTING_CHOICE, SERVICE(is_policy_audit), .words = {"enforce", "audit"},
     .help = "whether others are refused, or only counted and told"},
    {0},
};

_Static_assert(offsetof(struct health_check, status_max) ==
                   offsetof(struct health_check, status_min) + sizeof(uint16_t),
               "SETTING_STATUS covers both");
_Static_assert(ARRAY_SIZE(health_check_rows) <= SETTING_MEMBERS_MAX, "room for all names");
_Static_assert(ARRAY_SIZE(service_setting_rows) <= SETTING_MEMBERS_MAX, "room for all names");

void setting_names(const struct setting *rows, const char *ret_names[static SETTING_MEMBERS_MAX + 1])
{
    size_t n = 0;

    for (; rows[n].name; n++)
        ret_names[n] = rows[n].name;
    ret_names[n] = NULL;
}

/* ---- one member ---- */

static const void *member_of(const struct setting *row, const void *base)
{
    return (const char *)base + row->offset;
}

static bool is_own(const struct setting *row, const void *base)
{
    return !row->own || *(const bool *)((const char *)base + row->own);
}

uint32_t setting_number(const struct setting *row, const void *base)
{
    const void *member = member_of(row, base);

    return (row->size == sizeof(uint16_t) ? *(const uint16_t *)member : *(const uint32_t *)member) /
           row->scale;
}

static bool equal_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static bool equal_command(char *const *a, char *const *b)
{
    size_t i = 0;

    if (!a || !b)
        return !a && !b;
    while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
        i++;
    return !a[i] && !b[i];
}

static bool equal_member(const struct setting *row, const void *a, const void *b)
{
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_ZONES:
    case SETTING_CLIENTS:
        return equal_text(*(char *const *)a, *(char *const *)b);
    case SETTING_COMMAND:
        return equal_command(*(char **const *)a, *(char **const *)b);
    case SETTING_CHECK:
    case SETTING_EJECTION:
        return settings_equal(row->members, a, b);
    default:
        return memcmp(a, b, row->size) == 0;
    }
}

/* ---- whole structs ---- */

bool settings_equal(const struct setting *rows, const void *a, const void *b)
{
    for (const struct setting *row = rows; row->name; row++) {
        if (is_own(row, a) != is_own(row, b))
            return false;
        if (is_own(row, a) && !equal_member(row, member_of(row, a), member_of(row, b)))
            return false;
    }
    return true;
}

void setting_free_command(char **command)
{
    for (size_t i = 0; command && command[i]; i++)
        free(command[i]);
    free(command);
}

static char **copy_command(char *const *command)
{
    char **copy;
    size_t n = 0;

    while (command[n])
        n++;
    copy = calloc(n + 1, sizeof(*copy));
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = strdup(command[i]);
        if (!copy[i]) {
            setting_free_command(copy);
            return NULL;
        }
    }
    return copy;
}

static bool setting_is_text(const struct setting *row)
{
    return row->kind == SETTING_TEXT || row->kind == SETTING_ZONES || row->kind == SETTING_CLIENTS;
}

/* What the pointers in *to still are is another's. */
static void forget_texts(const struct setting *rows, void *to)
{
    for (const struct setting *row = rows; row->name; row++) {
        void *member = (char *)to + row->offset;

        if (row->members)
            forget_texts(row->members, member);
        else if (setting_is_text(row))
            *(char **)member = NULL;
        else if (row->kind == SETTING_COMMAND)
            *(char ***)member = NULL;
    }
}

static int copy_texts(const struct setting *rows, const void *from, void *to)
{
    for (const struct setting *row = rows; row->name; row++) {
        const void *source = member_of(row, from);
        void *member = (char *)to + row->offset;
        int r = 0;

        if (row->members) {
            r = copy_texts(row->members, source, member);
        } else if (setting_is_text(row) && *(char *const *)source) {
            *(char **)member = strdup(*(char *const *)source);
            r = *(char **)member ? 0 : -ENOMEM;
        } else if (row->kind == SETTING_COMMAND && *(char **const *)source) {
            *(char ***)member = copy_command(*(char **const *)source);
            r = *(char ***)member ? 0 : -ENOMEM;
        }
        if (r < 0)
            return r;
    }
    return 0;
}

int settings_own(const struct setting *rows, const void *from, void *to)
{
    int r;

    forget_texts(rows, to);
    r = copy_texts(rows, from, to);
    if (r < 0)
        settings_disown(rows, to);
    return r;
}

void settings_disown(const struct setting *rows, void *base)
{
    for (const struct setting *row = rows; row->name; row++) {
        void *member = (char *)base + row->offset;

        if (row->members) {
            settings_disown(row->members, member);
        } else if (setting_is_text(row)) {
            free(*(char **)member);
            *(char **)member = NULL;
        } else if (row->kind == SETTING_COMMAND) {
            setting_free_command(*(char ***)member);
            *(char ***)member = NULL;
        }
    }
}
