/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/connections.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "api/api.h"
#include "api/read/callers.h"
#include "base/clock.h"
#include "datapath/datapath.h"
#include "engine/change/job.h"
#include "engine/engine.h"
#include "events/connection_log.h"

#define AT_ONCE 512u /* some 0.5 ms */

static const struct timeval looks_usual = {.tv_usec = 200000}, looks_soon = {.tv_usec = 2000};

static void take_connection(const struct svc_connection *what, void *user)
{
    const struct connections *self = user;
    struct svc_caller row = {.caller = what->caller,
                             .endpoint = what->endpoint,
                             .alias_port_be = what->alias_port_be,
                             .port_be = what->port_be};
    struct svc_connection told = *what;
    uint64_t now = clock_monotonic_ns();
    struct caller_names names;

    memcpy(row.alias, what->alias, sizeof(row.alias));
    memcpy(row.address, what->address, sizeof(row.address));
    caller_find_names(self->api, &row, &names);
    /* One that was refused before it led anywhere was to what was dialled. */
    if (what->outcome >= SVC_REFUSED_NO_ENDPOINT && what->alias_port_be) {
        told.port_be = what->alias_port_be;
        memcpy(told.address, what->alias, sizeof(told.address));
    }
    connection_log_add(self->log, &told,
                       clock_wall_ms() - (int64_t)((now > what->ended ? now - what->ended : 0) / 1000000),
                       &(struct connection_names){.namespace_name = names.namespace_name,
                                                  .client = names.client,
                                                  .cgroup = names.cgroup,
                                                  .alias = names.alias,
                                                  .service = names.service,
                                                  .instance = names.instance});
}

/* While the catalog changes nobody can say whose a number is: the ring buffer keeps it. */
unsigned connections_fetch(struct connections *self)
{
    if (!engine_is_steady(self->api->engine))
        return 0;
    return datapath_read_connections(self->datapath, AT_ONCE, take_connection, self);
}

static void connections_on_timer(evutil_socket_t fd, short what, void *user)
{
    struct connections *self = user;
    unsigned n = connections_fetch(self);

    (void)fd;
    (void)what;
    if (n > 0 && self->more)
        self->more(self->more_user);
    (void)event_add(self->timer, n < AT_ONCE ? &looks_usual : &looks_soon);
}

int connections_begin(struct connections *self, struct event_base *base, const struct api *api,
                      struct datapath *datapath, struct connection_log *log)
{
    int r = connection_log_init(log);

    if (r < 0)
        return r;
    *self = (struct connections){.api = api, .datapath = datapath, .log = log};
    self->timer = event_new(base, -1, 0, connections_on_timer, self);
    return self->timer && event_add(self->timer, &looks_usual) == 0 ? 0 : -ENOMEM;
}

void connections_done(struct connections *self)
{
    if (self->timer)
        event_free(self->timer);
    if (self->log)
        connection_log_done(self->log);
    *self = (struct connections){0};
}
