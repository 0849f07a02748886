/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Values in, text for people out. */
#include "cli/text.h"

#include <string.h>

#include "cli/width.h"

bool text_wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) &&
           !(terminal && strcmp(terminal, "dumb") == 0);
}

const char *text_colour_code(enum text_colour colour)
{
    static const char *const codes[] = {
        [TEXT_PLAIN] = "\033[0m",  [TEXT_BOLD] = "\033[1m",    [TEXT_DIM] = "\033[2m",
        [TEXT_GREEN] = "\033[32m", [TEXT_YELLOW] = "\033[33m", [TEXT_RED] = "\033[31m",
    };

    return codes[colour];
}

const char *text_share(double percent, char text[static TEXT_PERCENT_SIZE])
{
    /* Sums of shares are off by a rounding error; that is neither something nor less than everything. */
    bool is_nothing = percent < 1e-9;
    bool is_all = percent > 100 - 1e-9;

    if (!is_nothing && percent < 0.01)
        (void)snprintf(text, TEXT_PERCENT_SIZE, "<0.01 %%");
    else if (!is_all && percent > 99.99)
        (void)snprintf(text, TEXT_PERCENT_SIZE, ">99.99 %%");
    else
        (void)snprintf(text, TEXT_PERCENT_SIZE, "%.*f %%",
                       !is_nothing && !is_all && (percent < 0.1 || percent > 99.9) ? 2 : 1, percent);
    return text;
}

const char *text_percent(const cJSON *number, char text[static TEXT_PERCENT_SIZE])
{
    if (cJSON_IsNumber(number))
        return text_share(number->valuedouble, text);
    (void)snprintf(text, TEXT_PERCENT_SIZE, "-");
    return text;
}

const char *text_endpoint(const cJSON *object, char text[static TEXT_ENDPOINT_SIZE])
{
    const char *address = text_member(object, "address");
    bool is_v6 = strchr(address, ':') != NULL;

    (void)snprintf(text, TEXT_ENDPOINT_SIZE, "%s%.46s%s:%u", is_v6 ? "[" : "", address, is_v6 ? "]" : "",
                   (unsigned)text_number(object, "port"));
    return text;
}

const char *text_bytes(uint64_t bytes, char text[static TEXT_BYTES_SIZE])
{
    static const char units[] = "KMGTPE";
    double rest = (double)bytes;
    int unit = -1;

    for (; rest >= 1024 && unit < (int)sizeof(units) - 2; unit++)
        rest /= 1024;
    if (unit < 0)
        (void)snprintf(text, TEXT_BYTES_SIZE, "%.0f", rest);
    else
        (void)snprintf(text, TEXT_BYTES_SIZE, "%.1f%c", rest, units[unit]);
    return text;
}

uint64_t text_failures(const cJSON *object)
{
    const cJSON *outcomes = text_child(object, "outcomes");

    return text_number(outcomes, "refused") + text_number(outcomes, "retransmitted") +
           text_number(outcomes, "resetEarly") + text_number(outcomes, "unreachable");
}

char *text_printable(const char *text)
{
    char *copy = malloc(strlen(text) + 1);
    char *end = copy;

    while (copy && *text) {
        size_t columns;
        bool is_safe;
        size_t length = width_step(text, &columns, &is_safe);

        if (is_safe)
            end = mempcpy(end, text, length);
        else
            *end++ = '?';
        text += length;
    }
    if (copy)
        *end = '\0';
    return copy;
}

const cJSON *text_child(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *text_member(const cJSON *object, const char *name)
{
    const char *value = cJSON_GetStringValue(text_child(object, name));

    return value ? value : "";
}

uint64_t text_number(const cJSON *object, const char *name)
{
    const cJSON *item = text_child(object, name);

    return cJSON_IsNumber(item) && item->valuedouble > 0 ? (uint64_t)item->valuedouble : 0;
}

bool text_is_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(text_child(object, name));
}

void text_write_word(FILE *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@%+=,-";

    if (*word && !word[strspn(word, plain)]) {
        (void)fputs(word, out);
        return;
    }
    (void)fputc('\'', out);
    for (; *word; word++) {
        if (*word == '\'')
            (void)fputs("'\\''", out);
        else
            (void)fputc(*word, out);
    }
    (void)fputc('\'', out);
}
