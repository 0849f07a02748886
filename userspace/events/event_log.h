/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What happened lately, for people: the last events in memory, numbered from 1 on; a number may be missing,
 * because no namespace pushes out another's. A zeroed log takes nothing and holds nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svcconnect/abi.h>

#define EVENT_LOG_CAPACITY 1024
#define EVENT_LOG_SHARE    256 /* a namespace that has more gives way first, so that no other's are pushed out */
#define EVENT_LOG_MERGE_MS 1000 /* repeated failures of one endpoint within this time are one event */

#define EVENT_MESSAGE_SIZE 384
#define EVENT_EPOCH_SIZE   17

enum event_kind {
    EVENT_EJECTED,        /* an endpoint is skipped for a while */
    EVENT_RETURNED,       /* and is drawn again */
    EVENT_CONNECT_FAILED, /* a connection to an endpoint failed; merged */
    EVENT_HEALTH,         /* an instance's health changed */
    EVENT_DRAINING,
    EVENT_DRAINED,
    EVENT_CANARY,
    EVENT_TASK,        /* attached, detached, collected */
    EVENT_EVENTS_LOST, /* the kernel had no room to report some */
    EVENT_OBSERVER,
    EVENT_CHANGE,       /* of what is registered: who, and what */
    EVENT_DOCUMENT,     /* a file of the watched directory was applied, or has gone */
    EVENT_CONTAINER,    /* of a runtime: held, attached, left alone; or the runtime itself */
    EVENT_GATE_TIMEOUT, /* a container's first program was let go before its names were there */
    EVENT_PINS,         /* of the data path were removed, and put back or not */
    EVENT_POLICY,       /* a task was refused by who may call whom, or would have been */
    EVENT_NAME,         /* an instance's host name cannot be resolved, can again, or has other addresses */
};

struct event_entry {
    uint64_t sequence;
    int64_t time_ms; /* wall clock; of merged ones the first */
    enum event_kind kind;
    unsigned count; /* how often it happened; 1 unless merged */
    char namespace_name[SVC_NAMESPACE_SIZE];
    char service[SVC_SERVICE_SIZE];
    char instance[SVC_INSTANCE_SIZE];
    char message[EVENT_MESSAGE_SIZE];
};

struct event_owner;

struct event_log {
    struct event_entry *ring;    /* EVENT_LOG_CAPACITY, in no order */
    uint32_t *digests;           /* of the entries that may be merged into, same places; 0: of another kind */
    struct event_owner **owners; /* same places */
    struct event_owner *by_name; /* namespaces that have entries; "" of what belongs to none */
    uint16_t *order;             /* places, by sequence */
    size_t n;
    uint64_t newest; /* sequence; 0: none yet */
    char epoch[EVENT_EPOCH_SIZE];
    int64_t (*clock_ms)(void); /* wall clock; tests put theirs here */
};

/* An empty log with an epoch of its own. -ENOMEM: *log is as if zeroed. */
int event_log_init(struct event_log *log);
void event_log_done(struct event_log *log);

/*
 * Adds an event. Where there is no room the oldest gives way: of the event's own namespace if that has its share, else
 * of one that has more than its share, else of all. Names may be NULL for empty; what is too long is cut. A CONNECT_FAILED
 * that repeats one of the last second (same endpoint, same message) only raises its count.
 */
void event_log_add(struct event_log *log, enum event_kind kind, const char *namespace_name,
                   const char *service, const char *instance, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* The sequence number of the oldest event kept and of the newest; newest + 1 and newest (0) if
 * there is none. */
uint64_t event_log_oldest(const struct event_log *log);
uint64_t event_log_newest(const struct event_log *log);

/* The first kept event with a number above `after`, the log's until the next one is added; NULL: none. */
const struct event_entry *event_log_next(const struct event_log *log, uint64_t after);

/* May its count still rise? */
bool event_log_is_open(const struct event_log *log, const struct event_entry *entry);

/* Text of this log's life: another one means that the numbers have begun anew. */
const char *event_log_epoch(const struct event_log *log);

/* "EJECTED", "CONNECT_FAILED", ... */
const char *event_kind_name(enum event_kind kind);
