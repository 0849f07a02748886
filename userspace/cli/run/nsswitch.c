/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/run/nsswitch.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define BLANKS " \t"

/* They look themselves, and where a task is they look as a part of it. */
static const char *const insiders[] = {"files", "dns", "myhostname", "db", "compat", "altfiles"};

/* They ask DNS by another process; `dns` is what they stand for. */
static const char *const deputies[] = {"resolve", "resolved"};

struct word {
    const char *text;
    size_t length;
};

static bool is(const struct word *word, const char *text)
{
    return word->length == strlen(text) && strncasecmp(word->text, text, word->length) == 0;
}

static bool is_one_of(const struct word *word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is(word, list[i]))
            return true;
    return false;
}

/* For names below .local alone. */
static bool is_multicast(const struct word *word)
{
    return word->length >= 4 && strncasecmp(word->text, "mdns", 4) == 0;
}

/* A service or, in brackets, what follows from the answer of the one before. */
static bool nsswitch_next_word(const char **at, const char *end, struct word *ret_word)
{
    const char *from = *at;
    const char *to;

    while (from < end && strchr(BLANKS, *from))
        from++;
    if (from == end)
        return false;
    to = from;
    if (*from == '[') {
        while (to < end && *to != ']')
            to++;
        to += to < end;
    } else {
        while (to < end && !strchr(BLANKS "[", *to))
            to++;
    }
    *ret_word = (struct word){from, (size_t)(to - from)};
    *at = to;
    return true;
}

static bool has_outsider(const char *at, const char *end)
{
    struct word word;

    while (nsswitch_next_word(&at, end, &word))
        if (*word.text != '[' && !is_multicast(&word) && !is_one_of(&word, insiders, ARRAY_SIZE(insiders)))
            return true;
    return false;
}

static bool has_dns(const char *at, const char *end)
{
    struct word word;

    while (nsswitch_next_word(&at, end, &word))
        if (is(&word, "dns"))
            return true;
    return false;
}

static char *nsswitch_append(char *to, const struct word *word)
{
    *to++ = ' ';
    memcpy(to, word->text, word->length);
    return to + word->length;
}

/* The services from `at` to `end` as a task has them. */
static char *write_services(char *to, const char *at, const char *end)
{
    const struct word files = {"files", 5}, dns = {"dns", 3};
    bool is_dns_there = has_dns(at, end);
    bool is_dns_asked = false;
    bool keeps_action = false;
    struct word word;

    to = nsswitch_append(to, &files);
    while (nsswitch_next_word(&at, end, &word)) {
        if (*word.text == '[') {
            if (keeps_action)
                to = nsswitch_append(to, &word);
            continue;
        }
        keeps_action = false;
        if (is(&word, "files"))
            continue;
        if (is_one_of(&word, deputies, ARRAY_SIZE(deputies))) {
            if (!is_dns_there)
                to = nsswitch_append(to, &dns);
            is_dns_there = is_dns_asked = true;
            continue;
        }
        is_dns_asked |= is(&word, "dns");
        keeps_action = is_multicast(&word) || is_dns_asked;
        to = nsswitch_append(to, &word);
    }
    return is_dns_there ? to : nsswitch_append(to, &dns);
}

/* The end of what counts in a line. */
static const char *end_of(const char *line)
{
    return line + strcspn(line, "#\n");
}

/* Where the services of the line `hosts:` begin; NULL: there is no such line. The last one holds. */
static const char *find_hosts(const char *text)
{
    const char *found = NULL;

    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *at = line + strspn(line, BLANKS);

        if (strncasecmp(at, "hosts", 5) != 0)
            continue;
        at += 5 + strspn(at + 5, BLANKS);
        if (*at == ':')
            found = at + 1;
    }
    return found;
}

int nsswitch_for_task(const char *text, char **ret_text)
{
    const char *services = find_hosts(text);
    const char *end = services ? end_of(services) : NULL;
    char *made;
    char *to;

    *ret_text = NULL;
    if (!services || !has_outsider(services, end))
        return 0;
    /* At most a blank for each letter and two services are added. */
    made = malloc(2 * strlen(text) + 16);
    if (!made)
        return -ENOMEM;
    memcpy(made, text, (size_t)(services - text));
    to = write_services(made + (services - text), services, end);
    strcpy(to, end);
    *ret_text = made;
    return 0;
}
