/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

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

void log_message(enum log_level level, const char *format, ...)
{
    int saved_errno = errno;
    char text[2048];
    char when[32] = "";
    va_list arguments;

    if (level > threshold)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
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
    errno = saved_errno;
}
