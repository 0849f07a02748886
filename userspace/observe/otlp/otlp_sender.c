/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/otlp/otlp_sender.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/number.h"
#include "base/random.h"
#include "http/fetch.h"

#define REQUEST_MS   10000
#define ANSWER_BYTES (1u << 20)

/* ---- judging ---- */

uint32_t otlp_pause_ms(uint32_t first_ms, unsigned failures)
{
    uint64_t pause = failures ? (uint64_t)first_ms << (failures > 16 ? 16 : failures - 1) : 0;

    return pause < OTLP_PAUSE_MOST_MS ? (uint32_t)pause : OTLP_PAUSE_MOST_MS;
}

enum otlp_end otlp_judge(long status)
{
    if (status >= 200 && status <= 299)
        return OTLP_TAKEN;
    return status == 429 || (status >= 502 && status <= 504) ? OTLP_LATER : OTLP_REFUSED;
}

/* 64-bit numbers are texts there, and some collectors write them as numbers. */
static uint64_t rejected_of(const cJSON *partial)
{
    static const char *const names[] = {"rejectedSpans", "rejectedDataPoints"};
    uint64_t number = 0;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(partial, names[i]);

        if (cJSON_IsString(item))
            (void)parse_number(item->valuestring, 0, UINT32_MAX, &number);
        else if (cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= UINT32_MAX)
            number = (uint64_t)item->valuedouble;
    }
    return number;
}

uint64_t otlp_rejected(const char *answer, size_t length)
{
    _cleanup_json_ cJSON *json = NULL;
    struct error unheard = {0};

    if (json_parse("the answer", answer, length, &json, &unheard) < 0)
        return 0;
    return rejected_of(cJSON_GetObjectItemCaseSensitive(json, "partialSuccess"));
}

/* ---- requests ---- */

static int otlp_on_piece(const char *bytes, size_t n, void *user)
{
    struct otlp_sender *sender = user;
    size_t room = sizeof(sender->answer) - sender->n_answer;

    memcpy(sender->answer + sender->n_answer, bytes, n < room ? n : room);
    sender->n_answer += n < room ? n : room;
    return 0;
}

static void note_failure(struct otlp_sender *sender, enum otlp_end end, const char *reason)
{
    (void)snprintf(sender->reason, sizeof(sender->reason), "%s", reason);
    if (sender->failures++ == 0)
        log_warning("otlp: %s takes nothing: %s%s", sender->settings.endpoint, reason,
                    end == OTLP_LATER ? "; it is tried again" : "");
    if (end == OTLP_LATER) {
        uint32_t pause = otlp_pause_ms(sender->settings.pause_ms, sender->failures);

        sender->not_before = clock_monotonic_ms() + pause + random_below(pause / 4 + 1);
    }
}

static void otlp_on_done(int result, long status, const char *reason, void *user)
{
    struct otlp_sender *sender = user;
    enum otlp_end end = result < 0 ? OTLP_LATER : otlp_judge(status);
    char text[64];

    sender->fetch = NULL;
    (void)snprintf(text, sizeof(text), "it answers %ld", status);
    if (end != OTLP_TAKEN) {
        note_failure(sender, end, result < 0 ? reason : text);
    } else if (sender->failures > 0) {
        log_info("otlp: %s takes what is sent again", sender->settings.endpoint);
        sender->failures = 0;
    }
    sender->settings.ended(sender->settings.user, end,
                           end == OTLP_TAKEN ? otlp_rejected(sender->answer, sender->n_answer) : 0);
    otlp_sender_look(sender);
}

void otlp_sender_look(struct otlp_sender *sender)
{
    const struct otlp_sender_settings *settings = &sender->settings;
    size_t length = strlen(settings->endpoint);
    _cleanup_free_ char *body = NULL, *url = NULL;
    struct fetch_request request = {.headers = settings->headers->lines,
                                    .n_headers = settings->headers->n,
                                    .timeout_ms = REQUEST_MS,
                                    .max_bytes = ANSWER_BYTES,
                                    .body_piece = otlp_on_piece,
                                    .done = otlp_on_done,
                                    .user = sender};
    const char *path;
    int r = -ENOMEM;

    if (sender->fetch || clock_monotonic_ms() < sender->not_before)
        return;
    path = settings->next(settings->user, &body);
    if (!path)
        return;
    while (length > 0 && settings->endpoint[length - 1] == '/')
        length--;
    sender->n_answer = 0;
    if (asprintf(&url, "%.*s%s", (int)length, settings->endpoint, path) >= 0) {
        request.target = url;
        request.body = body;
        r = fetch_start(sender->fetcher, &request, &sender->fetch);
    }
    if (r < 0) {
        note_failure(sender, OTLP_LATER, strerror(-r));
        settings->ended(settings->user, OTLP_LATER, 0);
    }
}

int otlp_sender_begin(struct otlp_sender *sender, const struct otlp_sender_settings *settings)
{
    *sender = (struct otlp_sender){.settings = *settings};
    if (sender->settings.pause_ms == 0)
        sender->settings.pause_ms = OTLP_PAUSE_MS;
    return fetcher_new(settings->base, &sender->fetcher);
}

void otlp_sender_done(struct otlp_sender *sender)
{
    if (sender->fetcher)
        fetcher_free(&sender->fetcher);
    sender->fetch = NULL;
}
