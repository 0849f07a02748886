/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "metrics/callers.h"

#include <stdio.h>

#include "base/cleanup.h"

#define CALLER_LABELS 6

/* All but the last, which is the sample's own. */
static void callers_label(const struct metrics_caller *caller, char port[static 8],
                          struct metrics_label labels[static CALLER_LABELS])
{
    port[0] = '\0';
    if (caller->port)
        (void)snprintf(port, 8, "%u", caller->port);
    labels[0] = (struct metrics_label){"namespace", caller->namespace_name};
    labels[1] = (struct metrics_label){"client", caller->client};
    labels[2] = (struct metrics_label){"alias", caller->alias};
    labels[3] = (struct metrics_label){"port", port};
    labels[4] = (struct metrics_label){"service", caller->service};
}

static void callers_sample(const struct metrics_text *text, const char *name,
                           const struct metrics_caller *caller, const char *label, const char *label_value,
                           uint64_t value)
{
    struct metrics_label labels[CALLER_LABELS];
    char port[8];

    callers_label(caller, port, labels);
    labels[CALLER_LABELS - 1] = (struct metrics_label){label, label_value};
    metrics_text_count(text, name, labels, label ? CALLER_LABELS : CALLER_LABELS - 1, value);
}

static void callers_connections(const struct metrics_text *text, const char *name,
                                const struct metrics_caller *caller)
{
    callers_sample(text, name, caller, NULL, NULL, caller->connections);
}

static void callers_outcomes(const struct metrics_text *text, const char *name,
                             const struct metrics_caller *caller)
{
    static const struct {
        enum svc_outcome_kind kind;
        const char *name;
    } kinds[] = {{REFUSED, "refused"},
                 {TIMED_OUT, "timed_out"},
                 {RETRANSMITTED, "retransmitted"},
                 {GAVE_UP, "gave_up"},
                 {RESET_EARLY, "reset_early"}};

    callers_sample(text, name, caller, "outcome", "closed", caller->closed);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        callers_sample(text, name, caller, "outcome", kinds[i].name, caller->failed[kinds[i].kind]);
}

static void callers_bytes(const struct metrics_text *text, const char *name,
                          const struct metrics_caller *caller)
{
    callers_sample(text, name, caller, "direction", "sent", caller->bytes_sent);
    callers_sample(text, name, caller, "direction", "received", caller->bytes_received);
}

static void callers_open(const struct metrics_text *text, const char *name,
                         const struct metrics_caller *caller)
{
    callers_sample(text, name, caller, NULL, NULL, caller->open);
}

static void callers_first_byte(const struct metrics_text *text, const char *name,
                               const struct metrics_caller *caller)
{
    struct metrics_label labels[CALLER_LABELS];
    char port[8];

    callers_label(caller, port, labels);
    metrics_write_first_byte(text, name, labels, CALLER_LABELS, &caller->first_byte);
}

static void callers_service_bytes(const struct metrics_text *text, const char *name,
                                  const struct metrics_caller *caller)
{
    struct metrics_label labels[] = {
        {"namespace", caller->namespace_name}, {"service", caller->service}, {"direction", "sent"}};

    metrics_text_count(text, name, labels, ARRAY_SIZE(labels), caller->bytes_sent);
    labels[2].value = "received";
    metrics_text_count(text, name, labels, ARRAY_SIZE(labels), caller->bytes_received);
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
    void (*write)(const struct metrics_text *text, const char *name, const struct metrics_caller *caller);
} caller_families[] = {
    {"svcconnect_caller_connections_total", "counter",
     "TCP connections of a client's tasks that have begun, by the alias they dialled and the service it led "
     "to.",
     callers_connections},
    {"svcconnect_caller_outcomes_total", "counter", "What became of them.", callers_outcomes},
    {"svcconnect_caller_bytes_total", "counter",
     "Bytes of those that have ended: sent by the client, and received.", callers_bytes},
    {"svcconnect_caller_open", "gauge", "Those that have begun and not ended.", callers_open},
    {"svcconnect_caller_first_byte_seconds", "histogram",
     "Time to the first byte of an answer, of the connections that were measured (responseTime).",
     callers_first_byte},
    {"svcconnect_service_bytes_total", "counter",
     "Bytes of TCP connections of tasks to a service that have ended: sent to it, and received from it.",
     callers_service_bytes},
};

_Static_assert(ARRAY_SIZE(caller_families) == METRICS_CALLER_FAMILIES, "as many as the header says");

void metrics_begin_caller_family(const struct metrics_text *text, unsigned family)
{
    metrics_text_family(text, caller_families[family].name, caller_families[family].type,
                        caller_families[family].help);
}

void metrics_write_caller(const struct metrics_text *text, unsigned family,
                          const struct metrics_caller *caller)
{
    caller_families[family].write(text, caller_families[family].name, caller);
}
