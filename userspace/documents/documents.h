/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ECS Service Connect documents to the model's terms: parsing, validation, defaults. Pure: no I/O, no
 * catalog. What only the namespace as a whole can tell (is a name taken?) is the caller's; each item carries
 * its JSON path for that.
 *
 * Accepted, one value or a JSON array of them: a service (serviceName, serviceConnectConfiguration,
 * taskDefinition by name or inline), a task definition that carries serviceConnectConfiguration itself (a
 * service named after its family), and a routes document ({"namespace", "routes"}); also wrapped as AWS's
 * tools print them (elements.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/catalog.h"

#define DOCUMENTS_MAX_BYTES (16u << 20)
#define DOCUMENTS_MAX_FINDINGS                                                                               \
    100 /* of errors, and of warnings that differ; further ones are counted, not kept */
#define FINDING_MAX_SOURCES 16 /* of one warning that are named */
#define DOCUMENT_PATH_SIZE  192

enum finding_severity {
    FINDING_ERROR,
    FINDING_WARNING,
};

/* One thing wrong or worth saying: error_input()'s parts, the field being the JSON path from the document's
 * root. */
struct finding {
    enum finding_severity severity;
    char source[256]; /* file name as given: of a warning that came several times, of the first */
    struct error error;
    size_t times;        /* how often a warning came with these words; 1 for an error */
    char **more_sources; /* further files that it came from, each once, FINDING_MAX_SOURCES - 1 at most */
    size_t n_more_sources;
};

struct findings {
    struct finding *items;
    size_t n;
    size_t n_errors; /* counted beyond what is kept */
    size_t n_warnings;
    size_t n_kept[2]; /* by severity */
};

struct document_alias {
    struct client_alias alias;
    char path[DOCUMENT_PATH_SIZE];
    bool is_default; /* a name published for an alias without dnsName, not one that was written */
};

/* One element of serviceConnectConfiguration.services: what is discovered under one name. */
struct document_service {
    char *discovery_name;
    char *port_name;
    uint16_t container_port; /* 0: not known, the task definition is not in the source */
    enum svc_protocol protocol;
    char path[DOCUMENT_PATH_SIZE];
    struct document_alias *aliases;
    size_t n_aliases;
    struct service_settings settings;
};

struct document_target {
    char *service; /* discovery name */
    uint32_t weight;
    char path[DOCUMENT_PATH_SIZE];
};

struct document_route {
    struct client_alias alias; /* port 0: left out */
    bool is_unhealthy_on_empty;
    char path[DOCUMENT_PATH_SIZE];
    struct document_target *targets;
    size_t n_targets;
};

struct document {
    char *source;
    char path[DOCUMENT_PATH_SIZE]; /* "" or, of an element of an array, "[2]" */
    char *name;                    /* serviceName or family; of a routes document: NULL */
    char *namespace_name;
    bool is_enabled; /* serviceConnectConfiguration.enabled; false: publishes nothing */
    char *text;      /* the document itself, compact JSON, as it goes into the registry */
    struct document_service *services;
    size_t n_services;
    struct document_route *routes; /* a service's: for its tasks only; a routes document's: the namespace's */
    size_t n_routes;
};

#define DOCUMENTS_MAX_REFERENCES 256

/*
 * Namespaces that documents name by id or ARN, and their names, which only a catalog can tell: what is asked
 * for and not among them is added without a name, and is an error. Whoever has a catalog then fills the names
 * in ("": there is none) and parses again.
 */
struct document_namespaces {
    struct document_namespace {
        char *reference;
        char *name;
    } * items;
    size_t n;
};

void document_namespaces_done(struct document_namespaces *namespaces);

struct documents_options {
    const char *default_namespace; /* where a document names none */
    const char *const *
        suffixes; /* NULL-terminated: further names NAME.SUFFIX of an alias without dnsName; see DESIGN 3.1 */
    struct settings_rights rights;          /* of whoever brings the source; left out: none */
    struct document_namespaces *namespaces; /* NULL: every id and ARN is the default namespace's */
};

struct document_list {
    struct document *items;
    size_t n;
};

/*
 * Parses one source. Findings are appended, all errors of the source at once; with any error nothing is
 * appended to *list. Returns 0, -EINVAL (at least one error among the findings), -ENOMEM.
 */
int documents_parse(const char *source, const char *text, size_t length,
                    const struct documents_options *options, struct document_list *list,
                    struct findings *findings);

void document_list_done(struct document_list *list);
void findings_done(struct findings *findings);

/* -ENOMEM. *ret_copy held nothing. */
int findings_copy(const struct findings *findings, struct findings *ret_copy);

/* Appends a copy; for callers that find more. */
int findings_add(struct findings *findings, enum finding_severity severity, const char *source,
                 const struct error *error);
