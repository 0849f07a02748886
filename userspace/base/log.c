/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

static const struct {
    const char *name;
    const char *colour;
    int journal; /* syslog(3) priority */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", "\033[31m", 3},
    [LOG_LEVEL_WARNING] = {"warning", "\033[33m", 4},
    [LOG_LEVEL_INFO] = {"info", "", 6},
    [LOG_LEVEL_DEBUG] = {"debug", "\033[2m", 7},
};

static enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    threshold = level;
}

enum log_level log_get_level(void)
{
    return threshold;
}

int log_parse_level(const char *text, enum log_level *ret_level)
{
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
        if (strcmp(text, levels[i].name) == 0) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    return -EINVAL;
}

const char *log_level_name(enum log_level level)
{
    return levels[level].name;
}

static void log_write(enum log_level level, const char *text)
{
    char when[32] = "";

    if (getenv("JOURNAL_STREAM")) {
        (void)fprintf(stderr, "<%d>%s\n", levels[level].journal, text);
    } else {
        time_t now = time(NULL);
        struct tm parts;

        if (localtime_r(&now, &parts))
            (void)strftime(when, sizeof(when), "%F %T ", &parts);
        if (isatty(STDERR_FILENO))
            (void)fprintf(stderr, "%s%s%-7s\033[0m %s\n", when, levels[level].colour, levels[level].name,
                          text);
        else
            (void)fprintf(stderr, "%s%-7s %s\n", when, levels[level].name, text);
    }
}

/* ---- how much a place says ---- */

#define PLACES 256 /* of the code: some 200 have something to say */

/* Places share an entry where there are too many: they are cut short together then. Threads write lines too. */
static struct place {
    uint64_t since_ms; /* its window began; monotonic */
    unsigned n;
    unsigned left_out;
    char last[80]; /* beginning of the first line that was left out */
} places[PLACES];
static pthread_mutex_t places_mutex = PTHREAD_MUTEX_INITIALIZER;

static void tell_left_out(struct place *place)
{
    char text[192];

    if (place->left_out)
        (void)snprintf(text, sizeof(text), "%u more lines like \"%s...\" were left out", place->left_out,
                       place->last);
    if (place->left_out)
        log_write(LOG_LEVEL_WARNING, text);
    *place = (struct place){0};
}

static bool log_is_over(const struct place *place, uint64_t now_ms)
{
    return place->n > 0 && now_ms - place->since_ms >= LOG_WINDOW_S * 1000;
}

/* May a line of this place be written? */
static bool log_take_turn(const void *code, const char *text)
{
    struct place *place = &places[((uintptr_t)code >> 2) % PLACES];
    uint64_t now_ms = clock_monotonic_ms();
    bool may_be;

    (void)pthread_mutex_lock(&places_mutex);
    if (log_is_over(place, now_ms))
        tell_left_out(place);
    if (place->n++ == 0)
        place->since_ms = now_ms;
    may_be = place->n <= LOG_BURST;
    if (!may_be && place->left_out++ == 0)
        (void)snprintf(place->last, sizeof(place->last), "%.79s", text);
    (void)pthread_mutex_unlock(&places_mutex);
    return may_be;
}

void log_sweep(void)
{
    uint64_t now_ms = clock_monotonic_ms();

    (void)pthread_mutex_lock(&places_mutex);
    for (size_t i = 0; i < PLACES; i++)
        if (log_is_over(&places[i], now_ms))
            tell_left_out(&places[i]);
    (void)pthread_mutex_unlock(&places_mutex);
}

__attribute__((noinline)) void log_message(enum log_level level, const char *format, ...)
{
    const void *code = __builtin_return_address(0);
    int saved_errno = errno;
    char text[2048];
    va_list arguments;

    if (level > threshold)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (level == LOG_LEVEL_DEBUG || log_take_turn(code, text))
        log_write(level, text);
    errno = saved_errno;
}
