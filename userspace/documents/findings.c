/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The list of what is wrong or worth saying. It holds DOCUMENTS_MAX_FINDINGS at most; further ones are only
 * counted, and an error takes the place of a warning: whoever is refused must see why.
 */
#include "documents/documents.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* Gives up the last warning that is kept. */
static void make_room_for_error(struct findings *findings)
{
    for (size_t i = findings->n; i-- > 0;) {
        if (findings->items[i].severity != FINDING_WARNING)
            continue;
        memmove(&findings->items[i], &findings->items[i + 1],
                (findings->n - i - 1) * sizeof(findings->items[0]));
        findings->n--;
        return;
    }
}

int findings_add(struct findings *findings, enum finding_severity severity, const char *source,
                 const struct error *error)
{
    struct finding *item;

    if (findings->n == DOCUMENTS_MAX_FINDINGS && severity == FINDING_ERROR)
        make_room_for_error(findings);
    if (findings->n < DOCUMENTS_MAX_FINDINGS) {
        if (ARRAY_MAKE_ROOM(findings->items, findings->n) < 0)
            return -ENOMEM;
        item = &findings->items[findings->n++];
        *item = (struct finding){.severity = severity, .error = *error};
        (void)snprintf(item->source, sizeof(item->source), "%s", source);
    }
    if (severity == FINDING_ERROR)
        findings->n_errors++;
    else
        findings->n_warnings++;
    return 0;
}

void findings_done(struct findings *findings)
{
    free(findings->items);
    *findings = (struct findings){0};
}
