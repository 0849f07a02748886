/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

static int listener_listen(struct listener *self, struct error *error)
{
    const struct listener_settings *settings = &self->settings;
    int r = http_server_new(settings->base, settings->listen, settings->service, settings->user,
                            &self->server, error);

    if (r == 0)
        log_info("%s http://%s/", settings->up, settings->listen);
    return r;
}

static void listener_on_retry(evutil_socket_t fd, short what, void *user)
{
    struct listener *self = user;

    (void)fd;
    (void)what;
    if (listener_listen(self, &self->trouble) < 0)
        return;
    self->trouble = (struct error){0};
    event_free(self->retry);
    self->retry = NULL;
}

static int listener_retry_later(struct listener *self, const struct error *why)
{
    static const struct timeval second = {.tv_sec = 1};

    self->trouble = *why;
    self->retry = event_new(self->settings.base, -1, EV_PERSIST, listener_on_retry, self);
    if (!self->retry || event_add(self->retry, &second) < 0)
        return -ENOMEM;
    log_error("%s: %s until that changes; it is tried again every second (%s names another address)",
              why->message, self->settings.what, self->settings.flag);
    return 0;
}

int listener_start(struct listener *self, const struct listener_settings *settings, struct error *error)
{
    struct error why = {0};
    int r;

    *self = (struct listener){.settings = *settings};
    if (strcmp(settings->listen, "off") == 0)
        return 0;
    r = listener_listen(self, &why);
    if (r == -EADDRINUSE || r == -EADDRNOTAVAIL)
        r = listener_retry_later(self, &why);
    if (r < 0)
        *error = why;
    return r;
}

bool listener_trouble(const void *user, char *text, size_t size)
{
    const struct listener *self = user;

    if (self->trouble.number == 0)
        return false;
    (void)snprintf(
        text, size,
        "%.600s: %s; it is tried again every second. End what has the address, or name another one "
        "(%s)",
        self->trouble.message, self->settings.what, self->settings.service->option);
    return true;
}

void listener_done(struct listener *self)
{
    if (self->retry)
        event_free(self->retry);
    self->retry = NULL;
    http_server_free(&self->server);
}
