/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "observe/otlp/otlp_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

void otlp_put_text(FILE *out, const char *text)
{
    size_t left = strlen(text);

    (void)fputc('"', out);
    while (left > 0) {
        size_t n = utf8_length(text, left);

        if (n == 0)
            (void)fputc('?', out);
        else if (*text == '"' || *text == '\\')
            (void)fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            (void)fprintf(out, "\\u%04x", (unsigned char)*text);
        else
            (void)fwrite(text, 1, n, out);
        n = n ? n : 1;
        text += n;
        left -= n;
    }
    (void)fputc('"', out);
}

static void otlp_put_key(FILE *out, bool *is_next, const char *key, const char *kind)
{
    (void)fputs(*is_next ? ",{\"key\":" : "{\"key\":", out);
    otlp_put_text(out, key);
    (void)fprintf(out, ",\"value\":{\"%s\":", kind);
    *is_next = true;
}

void otlp_put_attribute(FILE *out, bool *is_next, const char *key, const char *text)
{
    otlp_put_key(out, is_next, key, "stringValue");
    otlp_put_text(out, text);
    (void)fputs("}}", out);
}

void otlp_put_number(FILE *out, bool *is_next, const char *key, uint64_t number)
{
    otlp_put_key(out, is_next, key, "intValue");
    (void)fprintf(out, "\"%" PRIu64 "\"}}", number);
}

void otlp_put_resource(FILE *out, const struct otlp_source *source, const char *service,
                       const char *namespace_name, const char *scopes)
{
    bool is_next = false;

    (void)fputs("\"resource\":{\"attributes\":[", out);
    otlp_put_attribute(out, &is_next, "service.name", service);
    if (*namespace_name)
        otlp_put_attribute(out, &is_next, "service.namespace", namespace_name);
    otlp_put_attribute(out, &is_next, "host.name", source->host);
    (void)fprintf(out, "]},\"%s\":[{\"scope\":{\"name\":\"svcconnect\",\"version\":\"" SVC_VERSION "\"}",
                  scopes);
}
