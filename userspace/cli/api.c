/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The one place where commands meet control_client: requests in, answers or reported failures out. */
#include "cli/api.h"

#include <stdio.h>
#include <string.h>

#include "cli/report.h"
#include "cli/text.h"

int api_exchange(const struct invocation *invocation, const char *method, const char *path, const cJSON *body,
                 struct control_response *ret_response)
{
    const struct control_request request = {
        .socket_path = invocation->socket_path,
        .method = method,
        .path = path,
        .body = body,
    };
    _cleanup_control_response_ struct control_response response = {0};
    struct error error = {0};
    int r = control_client_request(&request, &response, &error);

    if (r == CONTROL_CLIENT_UNREACHABLE)
        return report_unreachable(invocation, error.number);
    if (r < 0)
        return report_error(invocation, CLI_FAILED, "%s", error.message);
    if (response.status >= 400)
        return report_refusal(invocation, response.status, response.json);
    if (response.status < 200 || response.status >= 300 || !cJSON_IsObject(response.json))
        return report_error(invocation, CLI_FAILED,
                            "what answers on %s is no svcconnect daemon of this version (HTTP status %ld)",
                            invocation->socket_path, response.status);
    *ret_response = control_response_take(&response);
    return CLI_DONE;
}

void api_add_query(FILE *out, char separator, const char *name, const char *value)
{
    if (!value)
        return;
    (void)fprintf(out, "%c%s=", separator, name);
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;

        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr("-._~", c)))
            (void)fputc(c, out);
        else
            (void)fprintf(out, "%%%02X", c);
    }
}

char *api_narrow(const struct invocation *invocation, const char *path)
{
    const char *name = invocation->options[OPTION_NAMESPACE];
    char *text = NULL;
    size_t length = 0;
    FILE *out;

    if (!name)
        return strdup(path);
    out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    (void)fputs(path, out);
    api_add_query(out, strchr(path, '?') ? '&' : '?', "namespace", name);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

int api_get(const struct invocation *invocation, const char *path, struct control_response *ret_response)
{
    _cleanup_free_ char *narrowed = api_narrow(invocation, path);

    if (!narrowed)
        return report_error(invocation, CLI_FAILED, "out of memory");
    return api_exchange(invocation, "GET", narrowed, NULL, ret_response);
}

int api_print_json(const struct invocation *invocation, const cJSON *json, const char *text)
{
    char *rendered = NULL;

    if (isatty(STDOUT_FILENO))
        rendered = cJSON_Print(json);
    else if (!text)
        rendered = cJSON_PrintUnformatted(json);
    if (!rendered && !text)
        return report_error(invocation, CLI_FAILED, "out of memory");
    if (!rendered) {
        size_t length = strlen(text);

        (void)fputs(text, stdout);
        if (length == 0 || text[length - 1] != '\n')
            (void)putchar('\n');
        return CLI_DONE;
    }
    (void)puts(rendered);
    cJSON_free(rendered);
    return CLI_DONE;
}

int api_read(const struct invocation *invocation, const char *path, struct control_response *ret_response)
{
    _cleanup_control_response_ struct control_response response = {0};
    int status = api_get(invocation, path, &response);

    if (status == CLI_DONE && invocation->is_json)
        status = api_print_json(invocation, response.json, response.text);
    if (status != CLI_DONE)
        return status;
    *ret_response = control_response_take(&response);
    return CLI_DONE;
}

/* "a.json, b.json and 1998 more", or "" of one that is not about a file. */
static void list_sources(const cJSON *group, char *text, size_t size)
{
    const cJSON *sources = text_child(group, "sources");
    uint64_t left = text_number(group, "count");
    const cJSON *source;
    size_t used = 0;

    cJSON_ArrayForEach (source, sources) {
        int n = used < size ? snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                                       cJSON_GetStringValue(source))
                            : 0;

        used += n > 0 ? (size_t)n : 0;
    }
    left -= left < (uint64_t)cJSON_GetArraySize(sources) ? left : (uint64_t)cJSON_GetArraySize(sources);
    if (left > 0 && used < size)
        (void)snprintf(text + used, size - used, " and %llu more", (unsigned long long)left);
}

/* Those of files, each once with what it came from. */
static void report_groups(const struct invocation *invocation, const cJSON *document, const cJSON *groups)
{
    uint64_t left = text_number(document, "warningCount");
    const cJSON *group;

    cJSON_ArrayForEach (group, groups) {
        uint64_t count = text_number(group, "count");
        char sources[4096] = "";
        _cleanup_free_ char *message = text_printable(text_member(group, "message"));
        _cleanup_free_ char *printable = NULL;

        list_sources(group, sources, sizeof(sources));
        printable = text_printable(sources);
        left -= left < count ? left : count;
        if (message && printable && count == 1)
            report_warning(invocation, "%s: %s", printable, message);
        else if (message && printable)
            report_warning(invocation, "%s (%llu times: %s)", message, (unsigned long long)count, printable);
    }
    if (left > 0)
        report_warning(invocation, "and %llu more, of other kinds than these", (unsigned long long)left);
}

void api_report_warnings(const struct invocation *invocation, const cJSON *document)
{
    const cJSON *groups = text_child(document, "warningGroups");
    const cJSON *warning;

    if (groups) {
        report_groups(invocation, document, groups);
        return;
    }
    cJSON_ArrayForEach (warning, cJSON_GetObjectItemCaseSensitive(document, "warnings")) {
        const char *text = cJSON_GetStringValue(warning);
        /* It may quote a document. */
        _cleanup_free_ char *printable = text ? text_printable(text) : NULL;

        if (printable)
            report_warning(invocation, "%s", printable);
    }
}

int api_change(const struct invocation *invocation, const char *method, const char *path, cJSON *body,
               struct control_response *ret_response)
{
    _cleanup_json_ cJSON *owned = body;
    _cleanup_control_response_ struct control_response response = {0};
    int status;

    if (!owned)
        return report_error(invocation, CLI_FAILED, "out of memory");
    status = api_exchange(invocation, method, path, owned, &response);
    if (status == CLI_DONE && invocation->is_json)
        status = api_print_json(invocation, response.json, response.text);
    if (status != CLI_DONE)
        return status;
    api_report_warnings(invocation, response.json);
    *ret_response = control_response_take(&response);
    return CLI_DONE;
}

cJSON *api_body_new(const struct invocation *invocation)
{
    const char *namespace_name = invocation->options[OPTION_NAMESPACE];
    _cleanup_json_ cJSON *body = cJSON_CreateObject();

    if (body && namespace_name && !cJSON_AddStringToObject(body, "namespace", namespace_name))
        return NULL;
    return TAKE_PTR(body);
}

void api_add_item(cJSON **body, const char *name, cJSON *item)
{
    if (*body && item && cJSON_AddItemToObject(*body, name, item))
        return;
    cJSON_Delete(item);
    cJSON_Delete(*body);
    *body = NULL;
}

void api_add_string(cJSON **body, const char *name, const char *value)
{
    if (value)
        api_add_item(body, name, cJSON_CreateString(value));
}

void api_add_number(cJSON **body, const char *name, uint64_t value)
{
    api_add_item(body, name, cJSON_CreateNumber((double)value));
}

void api_add_true(cJSON **body, const char *name)
{
    api_add_item(body, name, cJSON_CreateTrue());
}
