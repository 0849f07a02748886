/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sentences in, text or JSON on standard error out. */
#include "cli/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands/help.h"
#include "cli/text.h"

static void print_json_error(enum error_code code, const char *message, const char *member, const char *value)
{
    _cleanup_json_ cJSON *document = cJSON_CreateObject();
    cJSON *error = cJSON_AddObjectToObject(document, "error");
    char *text;

    (void)cJSON_AddStringToObject(error, "message", message);
    (void)cJSON_AddStringToObject(error, "code", error_code_name(code));
    if (member)
        (void)cJSON_AddStringToObject(error, member, value);
    text = cJSON_PrintUnformatted(document);
    (void)fprintf(stderr, "%s\n", text ? text : "{\"error\": {\"message\": \"out of memory\"}}");
    cJSON_free(text);
}

int report_error(const struct invocation *invocation, int status, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (invocation->is_json)
        print_json_error(ERROR_CODE_INTERNAL, text, NULL, NULL);
    else
        (void)fprintf(stderr, "svcconnect: %s\n", text);
    return status;
}

int report_usage(const struct invocation *invocation, const char *format, ...)
{
    const struct command *command = invocation->command;
    char usage[512] = "svcconnect [--socket PATH] [--json] COMMAND ...";
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (command)
        help_usage_line(command, usage, sizeof(usage));
    if (invocation->is_json)
        print_json_error(ERROR_CODE_USAGE, text, "usage", usage);
    else
        (void)fprintf(stderr, "svcconnect: %s\nusage: %s\n", text, usage);
    return CLI_USAGE;
}

int report_unreachable(const struct invocation *invocation, int number)
{
    char text[512];

    if (number == EACCES || number == EPERM)
        (void)snprintf(text, sizeof(text),
                       "permission denied on the daemon's socket %s: use sudo, or join the socket's group",
                       invocation->socket_path);
    else
        (void)snprintf(
            text, sizeof(text),
            "no daemon on %s (%s): start one (systemctl start svcconnectd, or svcconnectd as root), or "
            "name its socket with --socket PATH or $SVCCONNECT_SOCKET",
            invocation->socket_path, strerror(number));
    if (invocation->is_json)
        print_json_error(number == EACCES || number == EPERM ? ERROR_CODE_PERMISSION_DENIED
                                                             : ERROR_CODE_UNREACHABLE,
                         text, "socket", invocation->socket_path);
    else
        (void)fprintf(stderr, "svcconnect: %s\n", text);
    return CLI_UNREACHABLE;
}

/* Is it "`part`: ..."? */
static bool starts_with(const char *text, const char *part)
{
    size_t length = strlen(part);

    return strncmp(text, part, length) == 0 && text[length] == ':';
}

/* FILE: PATH: what is wrong. The message is a whole sentence of its own, which may begin with either. */
static void print_finding(const cJSON *finding)
{
    const char *source = text_member(finding, "source");
    const char *path = text_member(finding, "path");
    const char *message = text_member(finding, "message");
    bool has_source = !*source || starts_with(message, source);
    bool has_path = !*path || starts_with(message, path) || (*source && has_source);
    _cleanup_free_ char *line = NULL;
    _cleanup_free_ char *printable = NULL;
    int length;

    if (*message)
        length = asprintf(&line, "%s%s%s%s%s", has_source ? "" : source, has_source ? "" : ": ",
                          has_path ? "" : path, has_path ? "" : ": ", message);
    else
        length = asprintf(&line, "%s: %s: \"%s\" is not allowed; allowed: %s", source, path,
                          text_member(finding, "value"), text_member(finding, "allowed"));
    if (length < 0)
        line = NULL;
    printable = line ? text_printable(line) : NULL;
    (void)fprintf(stderr, "%s\n", printable ? printable : "svcconnect: out of memory");
}

/* Everything that is wrong with the documents of a request. */
static int print_findings(const cJSON *findings, uint64_t in_all)
{
    uint64_t count = (uint64_t)cJSON_GetArraySize(findings);
    const cJSON *finding;

    in_all = in_all > count ? in_all : count;

    cJSON_ArrayForEach (finding, findings) {
        print_finding(finding);
    }
    if (in_all > count)
        (void)fprintf(stderr, "and %" PRIu64 " more of them, which are told when these are mended\n",
                      in_all - count);
    (void)fprintf(stderr, "%" PRIu64 " error%s, nothing applied\n", in_all, in_all == 1 ? "" : "s");
    return CLI_FAILED;
}

int report_refusal(const struct invocation *invocation, long status, const cJSON *document)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(document, "error");
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message"));
    const cJSON *findings = text_child(document, "errors");
    char *text;

    if (!message)
        return report_error(invocation, CLI_FAILED,
                            "the daemon answered with HTTP status %ld and no explanation", status);
    if (!invocation->is_json && cJSON_GetArraySize(findings) > 0)
        return print_findings(findings, text_number(document, "errorCount"));
    if (!invocation->is_json)
        return report_error(invocation, CLI_FAILED, "%s", message);
    text = cJSON_PrintUnformatted(document);
    if (!text)
        return report_error(invocation, CLI_FAILED, "%s", message);
    (void)fprintf(stderr, "%s\n", text);
    cJSON_free(text);
    return CLI_FAILED;
}

static void report_print_line(const char *prefix, const char *format, va_list arguments)
{
    (void)fputs(prefix, stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
}

void report_warning(const struct invocation *invocation, const char *format, ...)
{
    va_list arguments;

    if (invocation->is_json)
        return;
    va_start(arguments, format);
    report_print_line("svcconnect: warning: ", format, arguments);
    va_end(arguments);
}

void report_hint(const struct invocation *invocation, const char *format, ...)
{
    va_list arguments;

    if (invocation->is_json)
        return;
    va_start(arguments, format);
    report_print_line("", format, arguments);
    va_end(arguments);
}
