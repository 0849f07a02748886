/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bytes as a source of ECS documents. It must survive anything, keep the contract between result, findings
 * and list, say the same twice, and store a text that is a fixed point of parsing and printing.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "documents/documents.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int claim)
{
    if (!claim)
        abort();
}

static int parse(const char *text, size_t size, struct settings_rights rights, struct document_list *list,
                 struct findings *findings)
{
    static const char *const suffixes[] = {"default.svc.cluster.local", NULL};
    struct document_namespaces namespaces = {0};
    const struct documents_options options = {"shop", suffixes, rights, &namespaces};

    int r = documents_parse("fuzz", text, size, &options, list, findings);

    document_namespaces_done(&namespaces);
    return r;
}

/* What is stored of them is all there is. */
static void check_settings(const struct service_settings *settings)
{
    _cleanup_(service_settings_done) struct service_settings again = SERVICE_SETTINGS_DEFAULT;
    _cleanup_json_ cJSON *json = service_settings_write(settings);
    struct error error = {0};

    require(service_settings_read(json, SETTINGS_RIGHTS_STORED, &again, &error) == 0);
    require(service_settings_equal(settings, &again));
}

static void check_document(const struct document *document)
{
    _cleanup_json_ cJSON *json = NULL;
    struct error error = {0};
    char *again;

    require(document->source && document->namespace_name && document->text);
    require(json_parse("text", document->text, strlen(document->text), &json, &error) == 0);
    again = cJSON_PrintUnformatted(json);
    require(again && strcmp(again, document->text) == 0);
    cJSON_free(again);
    require(document->is_enabled || (document->n_services == 0 && document->n_routes == 0));
    for (size_t s = 0; s < document->n_services; s++) {
        const struct document_service *service = &document->services[s];

        require(service->discovery_name && service->port_name && service->path[0]);
        check_settings(&service->settings);
        for (size_t a = 0; a < service->n_aliases; a++)
            require(service->aliases[a].alias.port > 0 && service->aliases[a].alias.dns_name[0] &&
                    service->aliases[a].path[0]);
    }
    for (size_t r = 0; r < document->n_routes; r++) {
        require(document->routes[r].alias.dns_name[0] && document->routes[r].n_targets > 0);
        for (size_t t = 0; t < document->routes[r].n_targets; t++)
            require(document->routes[r].targets[t].service && document->routes[r].targets[t].weight <= 65535);
    }
}

/* Whoever has no right to them gets no command past the parser. */
static void check_stranger(const char *text, size_t size)
{
    struct document_list list = {0};
    struct findings findings = {0};

    (void)parse(text, size, SETTINGS_RIGHTS_NONE, &list, &findings);
    for (size_t d = 0; d < list.n; d++)
        for (size_t s = 0; s < list.items[d].n_services; s++)
            require(list.items[d].services[s].settings.check.type != HEALTH_CHECK_EXEC &&
                    !list.items[d].services[s].settings.check.command);
    document_list_done(&list);
    findings_done(&findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of just that size, so that a read beyond its end is seen. */
    _cleanup_free_ char *text = malloc(size ? size : 1);
    struct document_list list = {0};
    struct document_list second = {0};
    struct findings findings = {0};
    struct findings repeated = {0};
    int r;

    require(text != NULL);
    if (size)
        memcpy(text, data, size);
    check_stranger(text, size);
    r = parse(text, size, SETTINGS_RIGHTS_STORED, &list, &findings);
    require(r == (findings.n_errors > 0 ? -EINVAL : 0) && (r == 0 || list.n == 0));
    require(findings.n <= 2 * DOCUMENTS_MAX_FINDINGS &&
            findings.n <= findings.n_errors + findings.n_warnings);
    for (size_t d = 0; d < list.n; d++)
        check_document(&list.items[d]);
    require(parse(text, size, SETTINGS_RIGHTS_STORED, &second, &repeated) == r && second.n == list.n &&
            repeated.n == findings.n);
    for (size_t i = 0; i < findings.n; i++)
        require(memcmp(&findings.items[i].error, &repeated.items[i].error, sizeof(struct error)) == 0);
    document_list_done(&list);
    document_list_done(&second);
    findings_done(&findings);
    findings_done(&repeated);
    return 0;
}
