/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The list of what is wrong or worth saying. Of errors it holds DOCUMENTS_MAX_FINDINGS at most, and as many
 * warnings that differ; further ones are only counted. A warning that comes again with the same words, from a
 * thousand files perhaps, is one with a count.
 */
#include "documents/documents.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static void finding_done(struct finding *finding)
{
    for (size_t i = 0; i < finding->n_more_sources; i++)
        free(finding->more_sources[i]);
    free(finding->more_sources);
}

static struct finding *find_warning(const struct findings *findings, const struct error *error)
{
    for (size_t i = 0; i < findings->n; i++)
        if (findings->items[i].severity == FINDING_WARNING &&
            strcmp(findings->items[i].error.message, error->message) == 0)
            return &findings->items[i];
    return NULL;
}

static int finding_add_source(struct finding *finding, const char *source)
{
    char *copy;

    if (strncmp(finding->source, source, sizeof(finding->source) - 1) == 0 ||
        finding->n_more_sources == FINDING_MAX_SOURCES - 1)
        return 0;
    for (size_t i = 0; i < finding->n_more_sources; i++)
        if (strcmp(finding->more_sources[i], source) == 0)
            return 0;
    if (!finding->more_sources)
        finding->more_sources = calloc(FINDING_MAX_SOURCES - 1, sizeof(char *));
    copy = finding->more_sources ? strdup(source) : NULL;
    if (!copy)
        return -ENOMEM;
    finding->more_sources[finding->n_more_sources++] = copy;
    return 0;
}

static int findings_add_item(struct findings *findings, enum finding_severity severity, const char *source,
                             const struct error *error)
{
    struct finding *item;

    if (findings->n_kept[severity] == DOCUMENTS_MAX_FINDINGS)
        return 0;
    if (ARRAY_MAKE_ROOM(findings->items, findings->n) < 0)
        return -ENOMEM;
    item = &findings->items[findings->n++];
    *item = (struct finding){.severity = severity, .error = *error, .times = 1};
    (void)snprintf(item->source, sizeof(item->source), "%s", source);
    findings->n_kept[severity]++;
    return 0;
}

int findings_add(struct findings *findings, enum finding_severity severity, const char *source,
                 const struct error *error)
{
    struct finding *known = severity == FINDING_WARNING ? find_warning(findings, error) : NULL;
    int r = known ? finding_add_source(known, source) : findings_add_item(findings, severity, source, error);

    if (r < 0)
        return r;
    if (known)
        known->times++;
    if (severity == FINDING_ERROR)
        findings->n_errors++;
    else
        findings->n_warnings++;
    return 0;
}

int findings_copy(const struct findings *findings, struct findings *ret_copy)
{
    struct findings copy = {.n_errors = findings->n_errors, .n_warnings = findings->n_warnings};

    for (size_t i = 0; i < findings->n; i++) {
        const struct finding *from = &findings->items[i];
        int r = findings_add_item(&copy, from->severity, from->source, &from->error);

        for (size_t s = 0; s < from->n_more_sources && r == 0; s++)
            r = finding_add_source(&copy.items[copy.n - 1], from->more_sources[s]);
        if (r < 0) {
            findings_done(&copy);
            return r;
        }
        copy.items[copy.n - 1].times = from->times;
    }
    *ret_copy = copy;
    return 0;
}

void findings_done(struct findings *findings)
{
    for (size_t i = 0; i < findings->n; i++)
        finding_done(&findings->items[i]);
    free(findings->items);
    *findings = (struct findings){0};
}
