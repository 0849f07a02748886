/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_presence.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "registry/etcd/etcd_text.h"

#define KEEP_PART        3 /* of a lease's life: so often it is kept alive */
#define MOST_PATIENCE_MS 2000

static uint32_t keep_ms(const struct etcd_presence *presence)
{
    return presence->settings.lease_s * 1000 / KEEP_PART;
}

/* ---- requests ---- */

static int presence_ask(struct etcd_presence *presence, const char *path, char *body, cJSON **ret_answer,
                        struct error *error)
{
    int r = body ? etcd_client_call(&presence->client, path, body, ret_answer, error)
                 : error_errno(error, ENOMEM, "asking etcd");

    free(body);
    return r;
}

static int grant(struct etcd_presence *presence, struct error *error)
{
    _cleanup_json_ cJSON *answer = NULL;
    uint64_t seconds;
    int r = presence_ask(presence, "/v3/lease/grant", etcd_write_grant(presence->settings.lease_s), &answer,
                         error);

    if (r == 0 && etcd_read_lease(answer, &presence->lease, &seconds) < 0)
        r = error_set(error, EPROTO, "etcd grants no lease");
    return r;
}

static int put_key(struct etcd_presence *presence, struct error *error)
{
    _cleanup_json_ cJSON *answer = NULL;
    int r = presence_ask(presence, "/v3/kv/put",
                         etcd_write_leased(presence->key, presence->value, presence->lease), &answer, error);

    /* "requested lease not found": it ended in between. */
    if (r < 0 && r != -ENOTCONN)
        presence->lease = 0;
    return r;
}

/* A lease that has ended is the same as none. */
static int keep_alive(struct etcd_presence *presence, struct error *error)
{
    _cleanup_json_ cJSON *answer = NULL;
    uint64_t lease, seconds;
    int r =
        presence_ask(presence, "/v3/lease/keepalive", etcd_write_keepalive(presence->lease), &answer, error);

    if (r == 0 && (etcd_read_lease(answer, &lease, &seconds) < 0 || seconds == 0))
        presence->lease = 0;
    return r;
}

static int claim_driver(struct etcd_presence *presence, struct error *error)
{
    _cleanup_json_ cJSON *answer = NULL;

    return presence_ask(presence, "/v3/kv/txn",
                        etcd_write_claim(presence->driver_key, presence->settings.host, presence->lease),
                        &answer, error);
}

/* ---- the thread ---- */

static bool take_flag(struct etcd_presence *presence, bool *flag)
{
    bool was;

    (void)pthread_mutex_lock(&presence->mutex);
    was = *flag;
    *flag = false;
    (void)pthread_mutex_unlock(&presence->mutex);
    return was;
}

static void set_flag(struct etcd_presence *presence, bool *flag, bool value)
{
    (void)pthread_mutex_lock(&presence->mutex);
    *flag = value;
    (void)pthread_cond_broadcast(&presence->changed);
    (void)pthread_mutex_unlock(&presence->mutex);
}

/* Who may not write it is there all the same; a lease that has ended is found when it is kept alive next. */
static void put_told(struct etcd_presence *presence, const char *key, char *const *told, bool *is_new)
{
    _cleanup_json_ cJSON *answer = NULL;
    _cleanup_free_ char *text = NULL;
    struct error error = {0};
    int r;

    (void)pthread_mutex_lock(&presence->mutex);
    if (*is_new && *told)
        text = strdup(*told);
    *is_new = *is_new && !text;
    (void)pthread_mutex_unlock(&presence->mutex);
    if (!text)
        return;
    r = presence_ask(presence, "/v3/kv/put", etcd_write_leased(key, text, presence->lease), &answer, &error);
    if (r < 0 && r != -EACCES)
        set_flag(presence, is_new, true);
}

/* One lease with its key, as they are to be. */
static int be_present(struct etcd_presence *presence, struct error *error)
{
    bool is_missing = take_flag(presence, &presence->is_missing);
    bool is_contested = take_flag(presence, &presence->is_contested);
    int r = presence->lease ? keep_alive(presence, error) : 0;

    if (r == 0 && !presence->lease) {
        is_missing = true;
        r = grant(presence, error);
        set_flag(presence, &presence->is_report_new, true);
        set_flag(presence, &presence->are_tallies_new, true);
    }
    if (r == 0 && (is_missing || is_contested))
        r = put_key(presence, error);
    if (r < 0 && is_missing)
        set_flag(presence, &presence->is_missing, true);
    if (r == 0 && take_flag(presence, &presence->is_driver_free)) {
        r = claim_driver(presence, error);
        if (r < 0)
            set_flag(presence, &presence->is_driver_free, true);
    }
    if (r == 0 || r == -EACCES)
        set_flag(presence, &presence->is_allowed, r == 0);
    if (r == 0) {
        put_told(presence, presence->seen_key, &presence->report, &presence->is_report_new);
        put_told(presence, presence->tallies_key, &presence->tallies, &presence->are_tallies_new);
        etcd_presence_read_tallies(presence);
    }
    return r;
}

/* Until the time is over, or there is something to do; false: to stop. */
static bool presence_pause(struct etcd_presence *presence, uint32_t ms, bool is_urgent)
{
    struct timespec until;
    bool is_stopping;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&presence->mutex);
    while (!presence->is_stopping && !(is_urgent && (presence->is_missing || presence->is_driver_free)) &&
           pthread_cond_timedwait(&presence->changed, &presence->mutex, &until) == 0)
        ;
    is_stopping = presence->is_stopping;
    (void)pthread_mutex_unlock(&presence->mutex);
    return !is_stopping;
}

static void *stay_present(void *user)
{
    struct etcd_presence *presence = user;
    unsigned n_failures = 0;
    uint32_t pause_ms = keep_ms(presence);

    while (presence_pause(presence, pause_ms, n_failures == 0)) {
        struct error error = {0};
        int r = be_present(presence, &error);

        n_failures = r < 0 ? n_failures + 1 : 0;
        if (n_failures == 1 && r != -ENOTCONN)
            log_warning("registry %s: this host cannot say that it is there: %s", presence->settings.location,
                        error.message);
        /* Hosts that began together do not ask together for long. */
        pause_ms = r == 0 ? keep_ms(presence) - random_below(keep_ms(presence) / 8 + 1)
                          : etcd_pause_ms(n_failures, keep_ms(presence));
    }
    return NULL;
}

/* ---- begin and end ---- */

static char *write_presence(const char *writer)
{
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    char name[65] = "";

    (void)gethostname(name, sizeof(name) - 1);
    if (!json || !cJSON_AddStringToObject(json, "name", name) ||
        !cJSON_AddStringToObject(json, "writer", writer))
        return NULL;
    return cJSON_PrintUnformatted(json);
}

int etcd_presence_init(struct etcd_presence *presence, const struct etcd_settings *settings,
                       const char *writer)
{
    pthread_condattr_t attributes;

    *presence = (struct etcd_presence){.settings = *settings};
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&presence->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&presence->mutex, NULL);
    presence->has_mutex = true;
    presence->key = etcd_key_of_presence(settings->prefix, settings->host);
    presence->driver_key = etcd_key_of_driver(settings->prefix);
    presence->seen_key = etcd_key_of_seen(settings->prefix, settings->host);
    presence->tallies_key = etcd_key_of_tallies(settings->prefix, settings->host);
    presence->all_tallies = etcd_key_of_tallies(settings->prefix, "");
    presence->value = write_presence(writer);
    if (!presence->key || !presence->driver_key || !presence->seen_key || !presence->tallies_key ||
        !presence->all_tallies || !presence->value)
        return -ENOMEM;
    return etcd_client_init(&presence->client, &presence->settings);
}

int etcd_presence_start(struct etcd_presence *presence, struct error *error)
{
    sigset_t all, previous;
    int r;

    if (presence->settings.lease_s == 0)
        return 0;
    presence->is_driver_free = true; /* a claim that comes too late writes nothing */
    r = be_present(presence, error);
    if (r < 0 && r != -EACCES)
        return r;
    if (r == -EACCES)
        log_info("registry %s: the user may not say that this host is there: it only follows (%s)",
                 presence->settings.location, error->message);
    *error = (struct error){0};
    presence->settings.patience_ms =
        keep_ms(presence) < MOST_PATIENCE_MS ? keep_ms(presence) : MOST_PATIENCE_MS;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    r = pthread_create(&presence->thread, NULL, stay_present, presence);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    presence->has_thread = r == 0;
    return r ? error_errno(error, r, "no thread to keep the lease") : 0;
}

/* The lease is left to itself: a daemon that starts again within its life was never away. */
void etcd_presence_done(struct etcd_presence *presence)
{
    if (!presence->has_mutex)
        return;
    set_flag(presence, &presence->is_stopping, true);
    if (presence->has_thread)
        (void)pthread_join(presence->thread, NULL);
    etcd_client_done(&presence->client);
    free(presence->key);
    free(presence->value);
    free(presence->driver_key);
    free(presence->seen_key);
    free(presence->tallies_key);
    free(presence->all_tallies);
    free(presence->report);
    free(presence->tallies);
    cJSON_Delete(presence->sums);
    (void)pthread_cond_destroy(&presence->changed);
    (void)pthread_mutex_destroy(&presence->mutex);
    *presence = (struct etcd_presence){0};
}

/* ---- what others tell and ask ---- */

void etcd_presence_missing(struct etcd_presence *presence)
{
    (void)pthread_mutex_lock(&presence->mutex);
    presence->is_missing = true;
    presence->n_put_back++;
    (void)pthread_cond_broadcast(&presence->changed);
    (void)pthread_mutex_unlock(&presence->mutex);
}

void etcd_presence_contested(struct etcd_presence *presence)
{
    set_flag(presence, &presence->is_contested, true);
}

void etcd_presence_driver(struct etcd_presence *presence, const char *host)
{
    (void)pthread_mutex_lock(&presence->mutex);
    presence->is_driver_free = !*host;
    presence->is_driver = strcmp(host, presence->settings.host) == 0;
    (void)pthread_cond_broadcast(&presence->changed);
    (void)pthread_mutex_unlock(&presence->mutex);
}

struct etcd_presence_figures etcd_presence_figures(struct etcd_presence *presence)
{
    struct etcd_presence_figures figures;

    (void)pthread_mutex_lock(&presence->mutex);
    figures = (struct etcd_presence_figures){presence->is_allowed, presence->n_put_back};
    (void)pthread_mutex_unlock(&presence->mutex);
    return figures;
}
