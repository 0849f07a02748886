/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "metrics/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), n_end = strlen(end);

    return n > n_end && strcmp(name + n - n_end, end) == 0;
}

void metrics_text_family(const struct metrics_text *text, const char *name, const char *type,
                         const char *help)
{
    int n = (int)strlen(name);

    if (text->is_openmetrics && ends_with(name, "_total"))
        n -= (int)strlen("_total");
    (void)fprintf(text->file, "# HELP %.*s %s\n# TYPE %.*s %s\n", n, name, help, n, name, type);
    if (text->is_openmetrics && ends_with(name, "_seconds"))
        (void)fprintf(text->file, "# UNIT %s seconds\n", name);
}

static void write_label(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\' || *text == '\n')
            (void)fputc('\\', out);
        (void)fputc(*text == '\n' ? 'n' : *text, out);
    }
}

static void begin_sample(const struct metrics_text *text, const char *name,
                         const struct metrics_label *labels, size_t n_labels)
{
    (void)fputs(name, text->file);
    for (size_t i = 0; i < n_labels; i++) {
        (void)fprintf(text->file, "%c%s=\"", i ? ',' : '{', labels[i].name);
        write_label(text->file, labels[i].value);
        (void)fputc('"', text->file);
    }
    if (n_labels)
        (void)fputc('}', text->file);
}

void metrics_text_count(const struct metrics_text *text, const char *name, const struct metrics_label *labels,
                        size_t n_labels, uint64_t value)
{
    begin_sample(text, name, labels, n_labels);
    (void)fprintf(text->file, " %" PRIu64 "\n", value);
}

void metrics_text_number(const struct metrics_text *text, const char *name,
                         const struct metrics_label *labels, size_t n_labels, double value)
{
    begin_sample(text, name, labels, n_labels);
    (void)fprintf(text->file, " %.17g\n", value);
}

void metrics_text_counter(const struct metrics_text *text, const char *name, const char *help, uint64_t value)
{
    metrics_text_family(text, name, "counter", help);
    metrics_text_count(text, name, NULL, 0, value);
}

void metrics_text_gauge(const struct metrics_text *text, const char *name, const char *help, double value)
{
    metrics_text_family(text, name, "gauge", help);
    metrics_text_number(text, name, NULL, 0, value);
}

/* OpenMetrics has bounds as numbers with a point, so that 1 is the same label for everybody. */
static void write_bound(const struct metrics_text *text, double bound, char ret_bound[static 32])
{
    if (isinf(bound))
        (void)strcpy(ret_bound, "+Inf");
    else
        (void)snprintf(ret_bound, 32, text->is_openmetrics && bound == floor(bound) ? "%.1f" : "%g", bound);
}

void metrics_text_histogram(const struct metrics_text *text, const char *name, const char *help,
                            const struct histogram *values)
{
    uint64_t seen = 0;
    char bound[32];

    metrics_text_family(text, name, "histogram", help);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += values->buckets[i]; /* of this format hold those below them, too */
        write_bound(text, histogram_bound(i), bound);
        (void)fprintf(text->file, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, bound, seen);
    }
    (void)fprintf(text->file, "%s_sum %.17g\n%s_count %" PRIu64 "\n", name, values->sum, name, values->count);
}

void metrics_text_end(const struct metrics_text *text)
{
    if (text->is_openmetrics)
        (void)fputs("# EOF\n", text->file);
}
