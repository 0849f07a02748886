/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "upkeep/pins.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/lock.h"
#include "base/log.h"
#include "datapath/datapath.h"
#include "events/event_log.h"

#define AGAIN_MS 10 /* while something is found gone */

/* Whoever holds the lock of a directory that has been removed holds nothing. */
static int keep_lock(const struct pins *pins, struct error *error)
{
    struct stat ours, there;
    int lock;
    int r;

    if (!pins->settings.lock ||
        (fstat(*pins->settings.lock, &ours) == 0 && stat(pins->settings.bpffs, &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino))
        return 0;
    r = lock_private_directory("bpffs directory", pins->settings.bpffs, &lock, error);
    if (r < 0)
        return r;
    (void)close(*pins->settings.lock);
    *pins->settings.lock = lock;
    return 0;
}

static void set_trouble(struct pins *pins, const struct error *error)
{
    bool is_new = !*pins->trouble;

    (void)snprintf(pins->trouble, sizeof(pins->trouble),
                   "pins under %s have gone and cannot be put back, so the end of this daemon would take all "
                   "tasks off: %s",
                   pins->settings.bpffs, error->message);
    if (!is_new)
        return;
    log_error("%s", pins->trouble);
    event_log_add(pins->settings.events, EVENT_PINS, NULL, NULL, NULL, "%s", pins->trouble);
}

static void end_trouble(struct pins *pins)
{
    if (!*pins->trouble)
        return;
    *pins->trouble = '\0';
    log_info("pins under %s can be put back again", pins->settings.bpffs);
}

/* Once, when there is nothing more to put back. */
static void pins_tell(struct pins *pins)
{
    char anew[64] = "";

    if (pins->lost)
        (void)snprintf(anew, sizeof(anew), "; %u tasks were attached anew", pins->lost);
    log_warning("somebody removed pins under %s: put back %u maps and %u links%s", pins->settings.bpffs,
                pins->maps, pins->links, anew);
    event_log_add(pins->settings.events, EVENT_PINS, NULL, NULL, NULL,
                  "somebody removed pins under %s: put back %u maps and %u links%s", pins->settings.bpffs,
                  pins->maps, pins->links, anew);
    pins->maps = pins->links = pins->lost = 0;
}

static bool take_in(struct pins *pins, const struct datapath_mended *mended)
{
    unsigned anew = 0;

    for (unsigned i = 0; i < mended->n_lost && pins->settings.on_lost; i++)
        anew += pins->settings.on_lost(pins->settings.user, mended->lost[i]);
    if (mended->maps + mended->links + anew == 0)
        return false;
    pins->maps += mended->maps;
    pins->links += mended->links;
    pins->lost += anew;
    pins->put_back += mended->maps + mended->links;
    pins->put_back_at = clock_wall_s();
    return true;
}

bool pins_look(struct pins *pins)
{
    struct datapath_mended mended = {0};
    struct error error = {0};
    bool has_found;
    int r = datapath_mend_directory(pins->settings.datapath, &error);

    if (r == 0)
        r = keep_lock(pins, &error);
    if (r == 0)
        r = datapath_mend(pins->settings.datapath, PINS_TASKS, &mended, &error);
    has_found = take_in(pins, &mended);
    if (r < 0)
        set_trouble(pins, &error);
    else
        end_trouble(pins);
    if (!has_found && pins->maps + pins->links + pins->lost > 0)
        pins_tell(pins);
    return has_found;
}

static void pins_wait(struct pins *pins, bool is_soon)
{
    const unsigned ms = is_soon ? AGAIN_MS : PINS_INTERVAL_MS;
    const struct timeval pause = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    (void)event_add(pins->timer, &pause);
}

static void pins_on_time(evutil_socket_t fd, short what, void *user)
{
    struct pins *pins = user;

    (void)fd;
    (void)what;
    pins_wait(pins, pins_look(pins) && !*pins->trouble);
}

int pins_begin(struct pins *pins, const struct pins_settings *settings)
{
    *pins = (struct pins){.settings = *settings};
    pins->timer = event_new(settings->base, -1, 0, pins_on_time, pins);
    if (!pins->timer)
        return -ENOMEM;
    pins_wait(pins, false);
    return 0;
}

void pins_done(struct pins *pins)
{
    if (pins->timer)
        event_free(pins->timer);
    pins->timer = NULL;
}

bool pins_trouble(const void *user, char *text, size_t size)
{
    const struct pins *pins = user;

    if (!*pins->trouble)
        return false;
    (void)snprintf(text, size, "%s", pins->trouble);
    return true;
}
