/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A source parsed for a test, and what the tests ask of it. Included after cmocka.h. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "documents/documents.h"

struct parsed {
    int r;
    struct document_list list;
    struct findings findings;
};

static inline void parsed_done(struct parsed *parsed)
{
    document_list_done(&parsed->list);
    findings_done(&parsed->findings);
}
#define _cleanup_parsed_ _cleanup_(parsed_done)

/* What is known of ids and ARNs; NULL: they are all the default namespace's. */
static struct document_namespaces *namespaces_of_test;

/* With the rights of whoever brings it. */
static inline struct parsed parse_as(const char *text, size_t length, struct settings_rights rights)
{
    static const char *const suffixes[] = {"default.svc.cluster.local", NULL};
    const struct documents_options options = {"shop", suffixes, rights, namespaces_of_test};
    struct parsed parsed = {0};

    parsed.r = documents_parse("test.json", text, length, &options, &parsed.list, &parsed.findings);
    /* The contract, whatever the input. */
    assert_int_equal(parsed.r, parsed.findings.n_errors > 0 ? -EINVAL : 0);
    if (parsed.r < 0)
        assert_int_equal(parsed.list.n, 0);
    for (size_t i = 0; i < parsed.findings.n; i++) {
        const struct finding *finding = &parsed.findings.items[i];

        assert_string_equal(finding->source, "test.json");
        assert_true(finding->error.message[0] != '\0');
        assert_int_equal(finding->severity == FINDING_ERROR, finding->error.allowed[0] != '\0');
    }
    return parsed;
}

static inline struct parsed parse_length(const char *text, size_t length)
{
    return parse_as(text, length, SETTINGS_RIGHTS_STORED);
}

static inline struct parsed parse(const char *text)
{
    return parse_length(text, strlen(text));
}

static inline const struct error *find(const struct findings *findings, enum finding_severity severity,
                                       const char *path, const char *part)
{
    for (size_t i = 0; i < findings->n; i++)
        if (findings->items[i].severity == severity && strcmp(findings->items[i].error.field, path) == 0 &&
            strstr(findings->items[i].error.message, part))
            return &findings->items[i].error;
    return NULL;
}

static inline void dump(const struct findings *findings)
{
    for (size_t i = 0; i < findings->n; i++)
        print_message("  %s: %s\n", findings->items[i].severity == FINDING_ERROR ? "error" : "warning",
                      findings->items[i].error.message);
}

static inline void expect_finding(const struct parsed *parsed, enum finding_severity severity,
                                  const char *path, const char *part)
{
    if (find(&parsed->findings, severity, path, part))
        return;
    dump(&parsed->findings);
    fail_msg("no %s at \"%s\" with \"%s\"", severity == FINDING_ERROR ? "error" : "warning", path, part);
}

static inline void expect_counts(const struct parsed *parsed, size_t n_errors, size_t n_warnings)
{
    if (parsed->findings.n_errors == n_errors && parsed->findings.n_warnings == n_warnings)
        return;
    dump(&parsed->findings);
    fail_msg("%zu errors and %zu warnings, expected %zu and %zu", parsed->findings.n_errors,
             parsed->findings.n_warnings, n_errors, n_warnings);
}

/* A text with ' for ", which C would want escaped. */
static inline char *quoted(const char *text)
{
    char *copy = strdup(text);

    assert_non_null(copy);
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

static inline struct parsed parse_quoted(const char *text)
{
    _cleanup_free_ char *copy = quoted(text);

    return parse(copy);
}

/* Exactly one error, there. */
static inline void expect_bad(const char *text, const char *path)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(text);

    expect_finding(&parsed, FINDING_ERROR, path, "");
    if (parsed.findings.n_errors != 1) {
        dump(&parsed.findings);
        fail_msg("%zu errors", parsed.findings.n_errors);
    }
}

static inline void expect_good(const char *text)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(text);

    if (parsed.r == 0)
        return;
    dump(&parsed.findings);
    fail_msg("refused");
}

static inline void expect_warning(const char *text, const char *path, const char *part)
{
    _cleanup_parsed_ struct parsed parsed = parse_quoted(text);

    expect_finding(&parsed, FINDING_WARNING, path, part);
    assert_int_equal(parsed.r, 0);
}

/* A service whose one element of services is `element` (quotes as '), over the mapping http -> 8080. */
#define SERVICE_WITH_MAPPINGS(element, mappings)                                                             \
    "{'serviceName':'web','taskDefinition':{'containerDefinitions':[{'portMappings':[" mappings "]}]},"      \
    "'serviceConnectConfiguration':{'enabled':true,'namespace':'shop','services':[" element "]}}"
#define SERVICE(element)                                                                                     \
    SERVICE_WITH_MAPPINGS(element, "{'name':'http','containerPort':8080,'appProtocol':'http'}")
#define BLOCK(members) "{'serviceName':'web','serviceConnectConfiguration':{'enabled':true," members "}}"
#define AT_SERVICE     "serviceConnectConfiguration.services[0]"
#define AT_BLOCK       "serviceConnectConfiguration"

/* "name:port/proto" of all aliases of all services, in order, joined by spaces; * marks defaults. */
static inline const char *published(const struct parsed *parsed)
{
    static char text[4096];

    text[0] = '\0';
    for (size_t d = 0; d < parsed->list.n; d++)
        for (size_t s = 0; s < parsed->list.items[d].n_services; s++) {
            const struct document_service *service = &parsed->list.items[d].services[s];

            for (size_t a = 0; a < service->n_aliases; a++)
                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s:%u/%s%s",
                               text[0] ? " " : "", service->aliases[a].alias.dns_name,
                               service->aliases[a].alias.port,
                               service->aliases[a].alias.protocol == UDP ? "udp" : "tcp",
                               service->aliases[a].is_default ? "*" : "");
        }
    return text;
}
