/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How a service is looked after: its health check, when its endpoints are ejected, and the times around both.
 * Plain data; a service without settings of its own has SERVICE_SETTINGS_DEFAULT.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

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

/* Passive ejection, as ECS Service Connect has it: 5 failed connects within 30 s eject for 30 s, doubling up to
 * 300 s. */
struct ejection_policy {
    uint32_t failures; /* 0: never; at most 255 */
    uint32_t window_ms;
    uint32_t base_ms;
    uint32_t max_ms;
};

#define EJECTION_MAX_FAILURES 255u
#define EJECTION_DEFAULT                                                                                     \
    {                                                                                                        \
        .failures = 5, .window_ms = 30000, .base_ms = 30000, .max_ms = 300000                                \
    }

#define SERVICE_ADMISSION_MS 480000u /* ECS: an UNKNOWN task gets traffic after 8 minutes at the latest */
#define SERVICE_DRAIN_MS     20000u  /* ECS: the proxy drains for 20 s */

struct service_settings {
    struct health_check check;
    bool has_ejection; /* false: the catalog's defaults */
    struct ejection_policy ejection;
    bool has_connect_timeout;
    uint32_t connect_timeout_ms; /* 0: the kernel's own patience */
    uint32_t panic_percent;      /* fewer healthy than this: health is ignored; 0: never */
    uint32_t slow_start_ms;      /* a new or returned endpoint's weight grows over this time */
    uint32_t drain_ms;           /* how long open connections are waited for */
    uint32_t admission_ms;       /* after it an endpoint not yet found healthy or unhealthy is routed */
};

#define SERVICE_SETTINGS_DEFAULT                                                                             \
    {                                                                                                        \
        .ejection = EJECTION_DEFAULT, .drain_ms = SERVICE_DRAIN_MS, .admission_ms = SERVICE_ADMISSION_MS     \
    }
