/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "documents/parse_settings.h"

#include <errno.h>
#include <string.h>

#include "settings/settings_table.h"

void settings_warn_unknown(struct document_reader *reader, const cJSON *object, const char *const own[])
{
    const char *settings[SETTING_MEMBERS_MAX + 1];
    _cleanup_free_ const char **known = NULL;
    size_t n_own = 0;
    size_t n = 0;

    setting_names(service_setting_rows, settings);
    while (own[n_own])
        n_own++;
    while (settings[n])
        n++;
    known = document_allocate(reader, n_own + n + 1, sizeof(*known));
    if (!known)
        return;
    memcpy(known, own, n_own * sizeof(*known));
    memcpy(known + n_own, settings, n * sizeof(*known));
    document_warn_unknown(reader, object, known);
}

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
