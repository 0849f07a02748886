/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One line per event to standard error: "<level> text", coloured on a terminal. Under systemd (JOURNAL_STREAM
 * set) the level is the journal's <N> prefix. Only daemon/ and cli/ log above debug; everything below returns
 * errors.
 */
#pragma once

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "error", "warning", "info", "debug" to the level; -EINVAL for any other text. */
int log_parse_level(const char *text, enum log_level *ret_level);
const char *log_level_name(enum log_level level);

/*
 * One line. A place in the code that has a lot to say is cut short: LOG_BURST lines in LOG_WINDOW_S seconds, and then
 * a line that says how many were left out (with the next one of that place, or by log_sweep()). Debug lines
 * are never cut: who asks for them wants them.
 */
#define LOG_BURST    100
#define LOG_WINDOW_S 10
void log_message(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Every now and then: says how many lines were left out of places that have become quiet. */
void log_sweep(void);
