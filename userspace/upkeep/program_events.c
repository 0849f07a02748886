/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Events of the programs are read when the catalog says whose they are. */
#include "upkeep/program_events.h"

#include <errno.h>
#include <event2/event.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "datapath/datapath.h"
#include "engine/change/job.h"
#include "events/instance_events.h"
#include "model/endpoint_names.h"
#include "upkeep/outliers.h"
#include "upkeep/policies.h"
#include "upkeep/probes.h"
#include "upkeep/spill.h"

static const char *outcome_text(uint32_t outcome)
{
    static const char *const texts[] = {
        [REFUSED] = "connection refused",
        [TIMED_OUT] = "timed out",
        [RETRANSMITTED] = "no answer within a second",
        [RESET_EARLY] = "reset before an answer",
        [UNREACHABLE] = "unreachable: no connection begins",
    };

    return outcome < ARRAY_SIZE(texts) && texts[outcome] ? texts[outcome] : "failed";
}

static void program_events_on_event(const struct svc_event *event, void *user)
{
    struct program_events *self = user;
    const struct instance *instance = engine_instance(self->engine, event->endpoint);
    const char *why = outcome_text(event->outcome);
    char name[ENDPOINT_NAME_SIZE];

    if (event->kind == POLICY_TOLD) { /* of no endpoint */
        if (self->policies)
            policies_tell(*self->policies, event);
        return;
    }
    if (!instance)
        return;
    switch (event->kind) {
    case CONNECT_FAILED:
        instance_event(self->events, EVENT_CONNECT_FAILED, instance, "%s", why);
        health_hurry(self->probes->health, event->endpoint);
        break;
    case EJECTED:
        log_warning("%s is ejected for %u s: %s", endpoint_name(instance, name), event->value / 1000, why);
        instance_event(self->events, EVENT_EJECTED, instance, "ejected for %u s: %s", event->value / 1000,
                       why);
        spill_note(self->spill, event->endpoint);
        health_hurry(self->probes->health, event->endpoint);
        break;
    case RETURNED:
        log_info("%s is drawn again", endpoint_name(instance, name));
        instance_event(self->events, EVENT_RETURNED, instance, "drawn again");
        spill_note(self->spill, event->endpoint);
        break;
    default:
        break;
    }
}

static void tell_lost(struct program_events *self)
{
    struct svc_counters counters;

    if (datapath_counters(self->datapath, &counters) < 0 || counters.events_lost == self->lost)
        return;
    event_log_add(self->events, EVENT_EVENTS_LOST, NULL, NULL, NULL,
                  "%llu events of the programs found no room; the counters have them",
                  (unsigned long long)(counters.events_lost - self->lost));
    self->lost = counters.events_lost;
}

static void read_all(void *user)
{
    struct program_events *self = user;

    datapath_read_events(self->datapath);
    outliers_settle(self->outliers);
    tell_lost(self);
    (void)event_add(self->readable, NULL);
}

/* An event names its endpoint by number, and while the catalog changes nobody can say whose that is. */
static void program_events_on_readable(evutil_socket_t fd, short what, void *user)
{
    struct program_events *self = user;

    (void)fd;
    (void)what;
    if (engine_is_steady(self->engine) || engine_when_steady(self->engine, read_all, self) < 0)
        read_all(self);
}

int program_events_begin(struct program_events *self, struct event_base *base, struct error *error)
{
    int r = datapath_listen(self->datapath, program_events_on_event, self);

    if (r < 0)
        return error_errno(error, r, "listening to the programs");
    self->readable =
        event_new(base, datapath_events_fd(self->datapath), EV_READ, program_events_on_readable, self);
    if (!self->readable || event_add(self->readable, NULL) < 0)
        return error_errno(error, ENOMEM, "listening to the programs");
    datapath_read_events(self->datapath);
    outliers_settle(self->outliers);
    return 0;
}

void program_events_done(struct program_events *self)
{
    if (!self->readable)
        return;
    engine_forget_waiter(self->engine, self);
    event_free(self->readable);
    self->readable = NULL;
}
