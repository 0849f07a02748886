/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How a service is looked after: its health check, when its endpoints are ejected, and the times around both.
 * Plain data; a service without settings of its own has SERVICE_SETTINGS_DEFAULT.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "settings/exec_policy.h"

enum health_check_type {
    HEALTH_CHECK_NONE, /* not probed: health is what the owner reports */
    HEALTH_CHECK_TCP,  /* a connection comes about */
    HEALTH_CHECK_HTTP,
    HEALTH_CHECK_HTTPS,
    HEALTH_CHECK_EXEC, /* a command of this host ends with 0 */
};

/* Defaults and ranges of ECS's container health check: interval 30 s (5..300), timeout 5 s (2..60), retries 3
 * (1..10), start period 0 (0..300). */
#define HEALTH_CHECK_INTERVAL_MS 30000u
#define HEALTH_CHECK_TIMEOUT_MS  5000u
#define HEALTH_CHECK_FALL        3u
#define HEALTH_CHECK_RISE        1u
#define HEALTH_CHECK_STATUS_MIN  200u
#define HEALTH_CHECK_STATUS_MAX  399u

#define HEALTH_CHECK_MAX_PATH    1024u /* bytes */
#define HEALTH_CHECK_MAX_COMMAND 4096u /* bytes of all words, each with its NUL */
#define HEALTH_CHECK_MAX_WORDS   64u

struct health_check {
    enum health_check_type type;
    uint32_t interval_ms;
    uint32_t timeout_ms;
    uint32_t start_period_ms; /* failures before it is over do not count */
    uint32_t rise;            /* passes in a row that make an endpoint healthy */
    uint32_t fall;            /* failures in a row that make it unhealthy */
    uint16_t port;            /* host order; 0: the instance's own */
    uint16_t status_min;      /* http, https: the answers that pass, 200..399 by default */
    uint16_t status_max;
    char *path;     /* http, https: begins with /; NULL: "/" */
    char *host;     /* http, https: the Host header; NULL: the address */
    char **command; /* exec: argv, NULL-terminated */
};

#define HEALTH_CHECK_DEFAULT                                                                                 \
    {                                                                                                        \
        .interval_ms = HEALTH_CHECK_INTERVAL_MS, .timeout_ms = HEALTH_CHECK_TIMEOUT_MS,                      \
        .rise = HEALTH_CHECK_RISE, .fall = HEALTH_CHECK_FALL, .status_min = HEALTH_CHECK_STATUS_MIN,         \
        .status_max = HEALTH_CHECK_STATUS_MAX                                                                \
    }

/* Passive ejection, as ECS Service Connect has it: 5 failed connects within 30 s eject for 30 s, doubling up
 * to 300 s. */
struct ejection_policy {
    uint32_t failures; /* 0: never; at most 255 */
    uint32_t window_ms;
    uint32_t base_ms;
    uint32_t max_ms;
};

#define EJECTION_MAX_FAILURES 255u
#define SYN_TIMEOUT_MAX_MS    10000
#define EJECTION_DEFAULT                                                                                     \
    {                                                                                                        \
        .failures = 5, .window_ms = 30000, .base_ms = 30000, .max_ms = 300000                                \
    }

/* Do connects stay in the zone of the host that they are made on? */
enum zone_manner {
    ZONE_PREFER, /* as many as the endpoints there can carry */
    ZONE_ONLY,
    ZONE_OFF,
};

/* Who keeps the endpoint that it has once drawn, while that one is there? */
enum affinity {
    AFFINITY_NONE,
    AFFINITY_TASK,
    AFFINITY_PROCESS,
};

/* Which endpoint of those that weights and zones leave? */
enum balance {
    BALANCE_WEIGHTED,
    BALANCE_LEAST_CONNECTIONS,
    BALANCE_LEAST_TIME, /* open connections times the time to the first byte */
};

/* As Envoy's min_cluster_size. */
#define SERVICE_ZONE_MINIMUM 6u

#define SERVICE_RESPONSE_TIME 16u /* one connection of so many is measured */

#define SERVICE_ADMISSION_MS      480000u /* ECS: an UNKNOWN task gets traffic after 8 minutes at the latest */
#define SERVICE_UDP_STICKINESS_MS 30000u
#define SERVICE_DRAIN_MS          20000u /* ECS: the proxy drains for 20 s */

struct service_settings {
    struct health_check check;
    bool has_ejection; /* false: the catalog's defaults */
    struct ejection_policy ejection;
    uint32_t connect_timeout_ms; /* 0: the kernel's own patience */
    uint32_t syn_timeout_ms;     /* 0: the kernel's own, a second */
    uint32_t panic_percent;      /* fewer healthy than this: health is ignored; 0: never */
    uint32_t slow_start_ms;      /* a new or returned endpoint's weight grows over this time */
    uint32_t drain_ms;           /* how long open connections are waited for */
    uint32_t admission_ms;       /* after it an endpoint not yet found healthy or unhealthy is routed */
    bool is_peer_alias;          /* getpeername() tells what was dialled */
    uint16_t response_time;      /* one connection of so many is measured to its first answer; 0: none */
    uint32_t udp_stickiness_ms;  /* a UDP socket keeps its endpoint while it sends within this time */
    bool is_dns_weighted;        /* --dns-listen tells one instance at a time, not eight */
    bool is_liveness_off;        /* endpoints of this host are used like any other, listened to or not */
    bool is_policy_audit;        /* who may not call it is only counted and told */
    bool has_connect_timeout;    /* false: the catalog's */
    uint32_t affinity;           /* enum affinity */
    uint32_t balance;            /* enum balance; of a service without affinity */
    uint32_t zone;               /* enum zone_manner */
    uint32_t zone_minimum;       /* with fewer endpoints in all, healthy or not, ZONE_PREFER is ZONE_OFF */
    char *allow_from;            /* who may call it (allow_from.h); NULL: everybody */
    char *zone_clients; /* how many clients are in each zone (zone_clients.h); NULL: as the endpoints are */
};

#define SERVICE_SETTINGS_DEFAULT                                                                             \
    {                                                                                                        \
        .check = HEALTH_CHECK_DEFAULT, .ejection = EJECTION_DEFAULT, .drain_ms = SERVICE_DRAIN_MS,           \
        .admission_ms = SERVICE_ADMISSION_MS, .udp_stickiness_ms = SERVICE_UDP_STICKINESS_MS,                \
        .zone_minimum = SERVICE_ZONE_MINIMUM, .response_time = SERVICE_RESPONSE_TIME                         \
    }

extern const struct service_settings service_settings_default;

/* -ENOMEM. What *ret held is not freed. */
int health_check_copy(const struct health_check *check, struct health_check *ret);
/* Frees what it owns and leaves the defaults. */
void health_check_done(struct health_check *check);
/* Is an endpoint probed in the same way by both? Every member counts. */
bool health_check_equal(const struct health_check *a, const struct health_check *b);

/* -ENOMEM. What *ret held is not freed. */
int service_settings_copy(const struct service_settings *settings, struct service_settings *ret);
/* Frees what they own and leaves the defaults. */
void service_settings_done(struct service_settings *settings);
bool service_settings_equal(const struct service_settings *a, const struct service_settings *b);
bool ejection_policy_equal(const struct ejection_policy *a, const struct ejection_policy *b);

/* ---- as JSON (docs/api.md, "Settings") ---- */

/* Who brings settings. It decides what they may ask of this host; see settings_rights. */
enum settings_origin {
    SETTINGS_OF_STRANGER, /* the AWS API: whoever has a key pair. Nothing that has power on the host */
    SETTINGS_OF_HOST,     /* the control socket, services.d: what the configuration of the daemon allows */
    SETTINGS_STORED,      /* the registry: as they were acknowledged. What is run of them is decided anew
                             whenever it is run */
};

/*
 * What settings may ask of this host: today, to have a command run. Every reader wants it, and a zeroed one
 * is a stranger's, so that an entrance that says nothing gives nothing.
 */
struct settings_rights {
    enum settings_origin origin;
    const struct exec_policy *exec; /* of SETTINGS_OF_HOST; NULL: no command */
};

#define SETTINGS_RIGHTS_NONE   ((struct settings_rights){.origin = SETTINGS_OF_STRANGER})
#define SETTINGS_RIGHTS_STORED ((struct settings_rights){.origin = SETTINGS_STORED})

/*
 * Changes what *settings holds by the members that are given; null puts one back to its default. The whole is
 * replaced by reading into the defaults. A service's own ejection begins with EJECTION_DEFAULT, not with the
 * catalog's. -EINVAL: the error's field is the member's path, as "healthCheck.interval", also of what
 * `rights` do not give; -ENOMEM. *settings is untouched on failure.
 */
int service_settings_read(const cJSON *object, struct settings_rights rights,
                          struct service_settings *settings, struct error *error);

/* The same for an object that may have other members beside, everything wrong with it told one by one. */
enum service_settings_finding {
    SERVICE_SETTINGS_BAD,
    SERVICE_SETTINGS_UNKNOWN, /* a member of a member: for the caller to judge, it is skipped */
};
typedef void (*service_settings_report)(enum service_settings_finding finding, const struct error *error,
                                        void *user);
int service_settings_read_all(const cJSON *object, struct settings_rights rights,
                              struct service_settings *settings, service_settings_report report, void *user);

/* What differs from the defaults; reading it into the defaults gives the same again. The caller's; NULL: no
 * memory. */
cJSON *service_settings_write(const struct service_settings *settings);
/* Every value, also those nobody has set. */
cJSON *service_settings_write_full(const struct service_settings *settings);

/* What holds for services without settings of their own: `ejection` and `connectTimeoutSeconds` only. */
int service_settings_read_global(const cJSON *object, struct ejection_policy *ejection,
                                 uint32_t *connect_timeout_ms, struct error *error);
cJSON *service_settings_write_global(const struct ejection_policy *ejection, uint32_t connect_timeout_ms);
