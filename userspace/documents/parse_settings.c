/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "documents/parse_settings.h"

#include <errno.h>

static void report(enum service_settings_finding finding, const struct error *error, void *user)
{
    struct document_reader *reader = user;

    if (finding == SERVICE_SETTINGS_UNKNOWN)
        document_warn(reader, error->field, "unknown member, ignored; known: %s", error->allowed);
    else
        document_error_found(reader, error->field, error);
}

void settings_parse(struct document_reader *reader, const cJSON *object, struct service_settings *settings)
{
    _cleanup_(service_settings_done) struct service_settings changed = SERVICE_SETTINGS_DEFAULT;
    int r = service_settings_copy(settings, &changed);

    if (r == 0 && document_member(object, "healthCheck"))
        health_check_done(&changed.check);
    if (r == 0 && document_member(object, "ejection")) {
        changed.has_ejection = false;
        changed.ejection = service_settings_default.ejection;
    }
    if (r == 0)
        r = service_settings_read_all(object, reader->options->rights, &changed, report, reader);
    if (r == -ENOMEM)
        reader->status = r;
    if (r < 0)
        return;
    service_settings_done(settings);
    *settings = changed;
    changed = service_settings_default;
}
