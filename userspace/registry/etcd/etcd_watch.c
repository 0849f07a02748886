/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "registry/etcd/etcd_watch_internal.h"

#define CHECK_MS      5000
#define HASTY_MS      2000
#define MOST_PAUSE_MS 10000
#define MOST_LINE     (256u << 20)

/* ---- the stream ---- */

static int etcd_watch_take_message(struct etcd_watch *watch, const char *text, size_t n)
{
    _cleanup_json_ cJSON *message = cJSON_ParseWithLength(text, n);
    struct etcd_pairs events = {0};
    const char *refusal;
    long status = 0;
    int r;

    (void)curl_easy_getinfo(watch->stream.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        r = etcd_read_refusal(status, message, &refusal);
        return error_set(&watch->error, -r, "%.300s (status %ld)", refusal, status);
    }
    r = etcd_read_watch(message, &events, &watch->error);
    if (r == 0) {
        /* That it was created, at the least: what it asks is granted. */
        etcd_watch_found(watch);
        r = etcd_watch_take_events(watch, &events);
    }
    etcd_pairs_done(&events);
    if (r < 0 && !watch->error.number)
        (void)error_errno(&watch->error, r, "reading what etcd tells");
    return r;
}

/* Messages are lines. */
static size_t stream_piece(char *bytes, size_t size, size_t n, void *user)
{
    struct etcd_watch *watch = user;
    char *begin, *newline;

    n *= size;
    if (watch->end || n > MOST_LINE - watch->n_line)
        return 0;
    if (watch->n_line + n > watch->line_room) {
        size_t room = (watch->n_line + n) * 2;
        char *larger = realloc(watch->line, room);

        if (!larger)
            return 0;
        watch->line = larger;
        watch->line_room = room;
    }
    memcpy(watch->line + watch->n_line, bytes, n);
    watch->n_line += n;
    begin = watch->line;
    while ((newline = memchr(begin, '\n', watch->n_line - (size_t)(begin - watch->line)))) {
        watch->end = etcd_watch_take_message(watch, begin, (size_t)(newline - begin));
        if (watch->end < 0)
            return 0;
        begin = newline + 1;
    }
    watch->n_line -= (size_t)(begin - watch->line);
    memmove(watch->line, begin, watch->n_line);
    return n;
}

static bool etcd_watch_is_stopping(struct etcd_watch *watch)
{
    bool is_stopping;

    (void)pthread_mutex_lock(&watch->mutex);
    is_stopping = watch->is_stopping;
    (void)pthread_mutex_unlock(&watch->mutex);
    return is_stopping;
}

/*
 * A stream may be silent because nothing happens, or because its member is cut off from the others. One that has been
 * through a loss may stay silent for minutes after it, while its other end sends again more and more rarely:
 * -EAGAIN, it is opened anew from where it was.
 */
static int check_stream(struct etcd_watch *watch)
{
    bool was_lost = etcd_watch_link(watch).lost_since != 0;
    struct error error = {0};
    struct etcd_head head;
    int r = etcd_watch_ask_head(watch, &head, &error);

    if (r < 0) {
        etcd_watch_lost(watch, error.message);
        return 0;
    }
    /* Nobody believes that what was written has not been: the next start judges which registry this is. */
    if (head.mod_revision < watch->heard) {
        etcd_watch_lost(watch,
                        "it knows less than this host has heard from it, as after the restore of a backup: "
                        "restart svcconnectd, which keeps what is published until you accept it");
        return 0;
    }
    etcd_watch_found(watch);
    if (was_lost)
        return -EAGAIN;
    if (head.mod_revision < watch->next) {
        watch->ahead = 0;
        return 0;
    }
    if (watch->ahead && watch->ahead >= watch->next)
        return error_set(&watch->error, ETIMEDOUT, "a member does not tell what the others know");
    watch->ahead = head.mod_revision;
    return 0;
}

/* In milliseconds: what is overdue waits for etcd to be found again, which a message or the next check tells. */
static int until_next(const struct etcd_watch *watch, uint64_t now)
{
    uint64_t next = watch->check_ms < watch->audit_ms ? watch->check_ms : watch->audit_ms;

    if (watch->look_ms > now && watch->look_ms < next)
        next = watch->look_ms;
    return next > now ? (int)(next - now) : 0;
}

/* 0: the transfer is over. */
static int follow_stream(struct etcd_watch *watch)
{
    int n_running = 1;

    for (;;) {
        uint64_t now;
        int r;

        if (curl_multi_perform(watch->multi, &n_running) != CURLM_OK)
            return -EIO;
        now = clock_monotonic_ms();
        if (n_running == 0 || etcd_watch_is_stopping(watch))
            return 0;
        if (now >= watch->look_ms && etcd_watch_link(watch).lost_since == 0) {
            r = etcd_watch_look_at_hosts(watch);
            if (r < 0)
                return r;
        }
        if (now >= watch->audit_ms) {
            r = etcd_watch_audit(watch);
            if (r < 0)
                return r;
        }
        if (now >= watch->check_ms) {
            r = check_stream(watch);
            watch->check_ms = clock_monotonic_ms() + CHECK_MS;
            if (r < 0)
                return r;
            continue;
        }
        (void)curl_multi_poll(watch->multi, NULL, 0, until_next(watch, now), NULL);
    }
}

static CURLcode code_of_end(struct etcd_watch *watch)
{
    CURLcode code = CURLE_OK;
    const CURLMsg *message;
    int n;

    while ((message = curl_multi_info_read(watch->multi, &n)))
        code = message->data.result;
    return code;
}

static int run_stream(struct etcd_watch *watch)
{
    _cleanup_free_ char *body = etcd_write_watch(watch->fleet, watch->next);
    CURL *easy = watch->stream.easy;
    CURLcode code;
    int r = body ? etcd_client_prepare(&watch->stream, "/v3/watch", body, &watch->error) : -ENOMEM;

    watch->n_line = 0;
    watch->end = 0;
    watch->ahead = 0;
    watch->check_ms = clock_monotonic_ms() + CHECK_MS;
    if (r < 0)
        return r;
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, stream_piece);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, watch);
    if (curl_multi_add_handle(watch->multi, easy) != CURLM_OK)
        return -ENOMEM;
    r = follow_stream(watch);
    code = code_of_end(watch);
    /* What refuses the request may not end with a line. */
    if (r == 0 && watch->end == 0 && watch->n_line > 0 && !etcd_watch_is_stopping(watch))
        watch->end = etcd_watch_take_message(watch, watch->line, watch->n_line);
    (void)curl_multi_remove_handle(watch->multi, easy);
    if (r == 0 && watch->end == 0 && !etcd_watch_is_stopping(watch))
        r = error_set(&watch->error, ENOTCONN, "etcd member %s: %s",
                      watch->settings->members[watch->stream.member],
                      code == CURLE_OK ? "it has ended the watch" : curl_easy_strerror(code));
    return r < 0 ? r : watch->end;
}

static void pause_thread(struct etcd_watch *watch, uint32_t ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&watch->mutex);
    while (!watch->is_stopping && pthread_cond_timedwait(&watch->changed, &watch->mutex, &until) == 0)
        ;
    (void)pthread_mutex_unlock(&watch->mutex);
}

static void *watch_until_stopped(void *user)
{
    struct etcd_watch *watch = user;
    unsigned n_failures = 0;
    size_t n_rows;

    while (!etcd_watch_is_stopping(watch)) {
        uint64_t before = watch->next;
        int r;

        watch->error = (struct error){0};
        r = run_stream(watch);
        if (r == -ESTALE)
            r = etcd_watch_resync(watch, &n_rows, &watch->error);
        if (r == 0 || r == -EAGAIN)
            continue;
        if (r == -EKEYREJECTED)
            etcd_client_forget_token(&watch->stream);
        n_failures = watch->next > before ? 1 : n_failures + 1;
        etcd_client_next_member(&watch->stream);
        /* One member that is gone is no loss: the next one is asked first. */
        if (n_failures > watch->settings->n_members || watch->settings->n_members == 1)
            etcd_watch_lost(watch, watch->error.message);
        pause_thread(watch, etcd_pause_ms(n_failures, MOST_PAUSE_MS));
    }
    return NULL;
}

/* ---- begin and end ---- */

int etcd_watch_init(struct etcd_watch *watch, const struct etcd_settings *settings, const char *fleet,
                    const char *head_key, const char *writer, struct etcd_presence *presence)
{
    pthread_condattr_t attributes;
    int r;

    *watch = (struct etcd_watch){.settings = settings,
                                 .hasty = *settings,
                                 .fleet = fleet,
                                 .head_key = head_key,
                                 .writer = writer,
                                 .presence = presence,
                                 .fd = -1};
    etcd_known_init(&watch->known, fleet, settings);
    watch->driver_key = etcd_key_of_driver(settings->prefix);
    watch->hasty.patience_ms = HASTY_MS;
    watch->last = &watch->first;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&watch->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&watch->mutex, NULL);
    watch->has_mutex = true;
    watch->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watch->fd < 0)
        return -errno;
    if (!watch->driver_key)
        return -ENOMEM;
    r = etcd_client_init(&watch->stream, settings);
    if (r == 0)
        r = etcd_client_init(&watch->asking, &watch->hasty);
    watch->multi = r == 0 ? curl_multi_init() : NULL;
    return r < 0 ? r : watch->multi ? 0 : -ENOMEM;
}

int etcd_watch_start(struct etcd_watch *watch, uint64_t revision)
{
    sigset_t all, previous;
    int r;

    watch->next = revision + 1;
    watch->seen = watch->audited = revision;
    etcd_watch_audit_later(watch);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &previous);
    r = pthread_create(&watch->thread, NULL, watch_until_stopped, watch);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    watch->has_thread = r == 0;
    return -r;
}

void etcd_watch_done(struct etcd_watch *watch)
{
    struct etcd_batch *batch;

    if (!watch->has_mutex)
        return;
    (void)pthread_mutex_lock(&watch->mutex);
    watch->is_stopping = true;
    (void)pthread_cond_broadcast(&watch->changed);
    (void)pthread_mutex_unlock(&watch->mutex);
    if (watch->has_thread) {
        (void)curl_multi_wakeup(watch->multi);
        (void)pthread_join(watch->thread, NULL);
    }
    while ((batch = watch->first)) {
        watch->first = batch->next;
        etcd_batch_free(batch);
    }
    etcd_known_done(&watch->known);
    free(watch->driver_key);
    etcd_client_done(&watch->stream);
    etcd_client_done(&watch->asking);
    (void)curl_multi_cleanup(watch->multi);
    free(watch->line);
    free(watch->unknown);
    if (watch->fd >= 0)
        (void)close(watch->fd);
    (void)pthread_cond_destroy(&watch->changed);
    (void)pthread_mutex_destroy(&watch->mutex);
}
