/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "events/event_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/clock.h"

/* How many entries a namespace has. */
struct event_owner {
    unsigned n;
    UT_hash_handle hh;
    char name[SVC_NAMESPACE_SIZE];
};

/* Of the i-th by sequence. */
static void drop_at(struct event_log *log, size_t i)
{
    struct event_owner *owner = log->owners[log->order[i]];

    log->n--;
    memmove(&log->order[i], &log->order[i + 1], (log->n - i) * sizeof(*log->order));
    if (--owner->n > 0)
        return;
    HASH_DEL(log->by_name, owner);
    free(owner);
}

static struct event_owner *event_log_owner(struct event_log *log, const char *name)
{
    struct event_owner *owner;

    HASH_FIND_STR(log->by_name, name, owner);
    if (owner)
        return owner;
    owner = calloc(1, sizeof(*owner));
    if (!owner)
        return NULL;
    (void)snprintf(owner->name, sizeof(owner->name), "%s", name);
    HASH_ADD_STR(log->by_name, name, owner);
    return owner;
}

/* Which one gives way to an event of this namespace. Whoever floods the log meets his own near the front. */
static size_t find_victim(const struct event_log *log, const struct event_owner *owner)
{
    for (size_t i = 0; i < log->n; i++) {
        const struct event_owner *other = log->owners[log->order[i]];

        if (owner->n >= EVENT_LOG_SHARE ? other == owner : other->n > EVENT_LOG_SHARE)
            return i;
    }
    return 0;
}

/* A place for the newest: a free one, or that of whoever gives way. */
static uint16_t event_log_room(struct event_log *log, const struct event_owner *owner)
{
    uint16_t slot = (uint16_t)log->n;

    if (log->n == EVENT_LOG_CAPACITY) {
        size_t victim = find_victim(log, owner);

        slot = log->order[victim];
        drop_at(log, victim);
    }
    return slot;
}

int event_log_init(struct event_log *log)
{
    struct event_log made = {
        .ring = calloc(EVENT_LOG_CAPACITY, sizeof(*made.ring)),
        .digests = calloc(EVENT_LOG_CAPACITY, sizeof(*made.digests)),
        .owners = calloc(EVENT_LOG_CAPACITY, sizeof(struct event_owner *)),
        .order = calloc(EVENT_LOG_CAPACITY, sizeof(*made.order)),
        .clock_ms = clock_wall_ms,
    };
    uint64_t number;

    *log = (struct event_log){0};
    if (!made.ring || !made.digests || !made.owners || !made.order) {
        event_log_done(&made);
        return -ENOMEM;
    }
    /* Early after boot there may be no random bytes yet; two starts differ by time or process then. */
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
        number = ((uint64_t)clock_wall_ms() << 22) ^ (uint64_t)getpid();
    (void)snprintf(made.epoch, sizeof(made.epoch), "%016" PRIx64, number);
    *log = made;
    return 0;
}

void event_log_done(struct event_log *log)
{
    while (log->n > 0)
        drop_at(log, log->n - 1);
    free(log->ring);
    free(log->digests);
    free(log->owners);
    free(log->order);
    *log = (struct event_log){0};
}

static void copy_text(char *ret_text, size_t size, const char *text)
{
    (void)snprintf(ret_text, size, "%s", text ? text : "");
}

/* Text that was cut must not end inside a character: JSON would not be JSON then. */
static void trim_cut_character(char *text)
{
    size_t length = strlen(text);

    while (length > 0 && ((unsigned char)text[length - 1] & 0xc0) == 0x80)
        length--;
    if (length > 0 && ((unsigned char)text[length - 1] & 0x80))
        length--;
    text[length] = '\0';
}

static bool event_log_is_same(const struct event_entry *a, const struct event_entry *b)
{
    return a->kind == b->kind && strcmp(a->instance, b->instance) == 0 &&
           strcmp(a->service, b->service) == 0 && strcmp(a->namespace_name, b->namespace_name) == 0 &&
           strcmp(a->message, b->message) == 0;
}

static uint32_t digest_text(uint32_t digest, const char *text)
{
    for (; *text; text++)
        digest = (digest ^ (unsigned char)*text) * 16777619u;
    return digest * 31 + 1;
}

/* Never 0, which stands for entries that take nothing in. */
static uint32_t digest_entry(const struct event_entry *entry)
{
    uint32_t digest = 2166136261u;

    if (entry->kind != EVENT_CONNECT_FAILED)
        return 0;
    digest = digest_text(digest, entry->namespace_name);
    digest = digest_text(digest, entry->service);
    digest = digest_text(digest, entry->instance);
    digest = digest_text(digest, entry->message);
    return digest ? digest : 1;
}

static bool is_recent(const struct event_entry *entry, int64_t now_ms)
{
    /* A clock that was set back makes it old: it must not stay open for hours. */
    return now_ms >= entry->time_ms && now_ms - entry->time_ms < EVENT_LOG_MERGE_MS;
}

/* In a storm this runs per failure, so it compares numbers and reads an entry only where they agree. */
static struct event_entry *find_to_merge(const struct event_log *log, const struct event_entry *wanted,
                                         uint32_t digest)
{
    for (size_t i = log->n; i-- > 0;) {
        struct event_entry *entry = &log->ring[log->order[i]];

        if (log->digests[log->order[i]] != digest)
            continue;
        if (event_log_is_same(entry, wanted))
            return is_recent(entry, wanted->time_ms) ? entry : NULL;
    }
    return NULL;
}

void event_log_add(struct event_log *log, enum event_kind kind, const char *namespace_name,
                   const char *service, const char *instance, const char *format, ...)
{
    struct event_entry entry = {.kind = kind, .count = 1};
    struct event_entry *earlier;
    struct event_owner *owner;
    uint32_t digest;
    uint16_t slot;
    va_list arguments;

    if (!log->ring)
        return;
    entry.time_ms = log->clock_ms();
    copy_text(entry.namespace_name, sizeof(entry.namespace_name), namespace_name);
    copy_text(entry.service, sizeof(entry.service), service);
    copy_text(entry.instance, sizeof(entry.instance), instance);
    va_start(arguments, format);
    if (vsnprintf(entry.message, sizeof(entry.message), format, arguments) >= (int)sizeof(entry.message))
        trim_cut_character(entry.message);
    va_end(arguments);
    digest = digest_entry(&entry);
    earlier = digest ? find_to_merge(log, &entry, digest) : NULL;
    if (earlier) {
        earlier->count += earlier->count < UINT32_MAX;
        return;
    }
    owner = event_log_owner(log, entry.namespace_name);
    if (!owner)
        return;
    owner->n++; /* first, or it would go with its only entry */
    slot = event_log_room(log, owner);
    entry.sequence = ++log->newest;
    log->ring[slot] = entry;
    log->digests[slot] = digest;
    log->owners[slot] = owner;
    log->order[log->n++] = slot;
}

uint64_t event_log_oldest(const struct event_log *log)
{
    return log->n > 0 ? log->ring[log->order[0]].sequence : log->newest + 1;
}

uint64_t event_log_newest(const struct event_log *log)
{
    return log->newest;
}

const struct event_entry *event_log_next(const struct event_log *log, uint64_t after)
{
    size_t low = 0;
    size_t high = log->n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (log->ring[log->order[middle]].sequence > after)
            high = middle;
        else
            low = middle + 1;
    }
    return low < log->n ? &log->ring[log->order[low]] : NULL;
}

bool event_log_is_open(const struct event_log *log, const struct event_entry *entry)
{
    return entry->kind == EVENT_CONNECT_FAILED && is_recent(entry, log->clock_ms());
}

const char *event_log_epoch(const struct event_log *log)
{
    return log->epoch;
}

const char *event_kind_name(enum event_kind kind)
{
    static const char *const names[] = {
        [EVENT_EJECTED] = "EJECTED",
        [EVENT_RETURNED] = "RETURNED",
        [EVENT_CONNECT_FAILED] = "CONNECT_FAILED",
        [EVENT_HEALTH] = "HEALTH",
        [EVENT_DRAINING] = "DRAINING",
        [EVENT_DRAINED] = "DRAINED",
        [EVENT_CANARY] = "CANARY",
        [EVENT_TASK] = "TASK",
        [EVENT_EVENTS_LOST] = "EVENTS_LOST",
        [EVENT_OBSERVER] = "OBSERVER",
        [EVENT_CONTAINER] = "CONTAINER",
        [EVENT_GATE_TIMEOUT] = "GATE_TIMEOUT",
        [EVENT_PINS] = "PINS",
        [EVENT_POLICY] = "POLICY",
        [EVENT_NAME] = "NAME",
        [EVENT_DOCUMENT] = "DOCUMENT",
        [EVENT_CHANGE] = "CHANGE",
    };

    return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "UNKNOWN";
}
