/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/program_events.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "events/instance_events.h"
#include "model/endpoint_names.h"

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

static void on_event(const struct svc_event *event, void *user)
{
    struct daemon *daemon = user;
    const struct instance *instance = event->endpoint <= daemon->config.max_endpoints
                                          ? engine_instance(daemon->engine, event->endpoint)
                                          : NULL;
    const char *why = outcome_text(event->outcome);
    char name[ENDPOINT_NAME_SIZE];

    if (!instance)
        return;
    switch (event->kind) {
    case CONNECT_FAILED:
        instance_event(&daemon->events, EVENT_CONNECT_FAILED, instance, "%s", why);
        health_hurry(daemon->health, event->endpoint);
        break;
    case EJECTED:
        log_warning("%s is ejected for %u s: %s", endpoint_name(instance, name), event->value / 1000, why);
        instance_event(&daemon->events, EVENT_EJECTED, instance, "ejected for %u s: %s", event->value / 1000,
                       why);
        health_hurry(daemon->health, event->endpoint);
        break;
    case RETURNED:
        log_info("%s is drawn again", endpoint_name(instance, name));
        instance_event(&daemon->events, EVENT_RETURNED, instance, "drawn again");
        break;
    default:
        break;
    }
}

static void tell_lost(struct daemon *daemon)
{
    struct svc_counters counters;

    if (datapath_counters(daemon->datapath, &counters) < 0 || counters.events_lost == daemon->events_lost)
        return;
    event_log_add(&daemon->events, EVENT_EVENTS_LOST, NULL, NULL, NULL,
                  "%llu events of the programs found no room; the counters have them",
                  (unsigned long long)(counters.events_lost - daemon->events_lost));
    daemon->events_lost = counters.events_lost;
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct daemon *daemon = user;

    (void)fd;
    (void)what;
    datapath_read_events(daemon->datapath);
    outliers_settle(daemon);
    tell_lost(daemon);
}

int program_events_listen(struct daemon *daemon, struct error *error)
{
    int r = datapath_listen(daemon->datapath, on_event, daemon);

    if (r < 0)
        return error_errno(error, r, "listening to the programs");
    daemon->program_event = event_new(daemon->base, datapath_events_fd(daemon->datapath),
                                      EV_READ | EV_PERSIST, on_readable, daemon);
    if (!daemon->program_event || event_add(daemon->program_event, NULL) < 0)
        return error_errno(error, ENOMEM, "listening to the programs");
    datapath_read_events(daemon->datapath);
    outliers_settle(daemon);
    return 0;
}
