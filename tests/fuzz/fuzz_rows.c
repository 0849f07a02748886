/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One row from outside (a key, a newline, a value; no newline: a deletion) applied to a small catalog and
 * undone. It must survive anything; and a row that was refused, or applied and undone, leaves the catalog as
 * it was.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/registry/catalog_text.h"
#include "registry/rows.h"

/* What is taken for a host name is one, spelt in the one way. */
static void check_host(const char *text)
{
    char host[MODEL_HOST_NAME_MAX + 1];
    char again[MODEL_HOST_NAME_MAX + 1];
    struct ip_address addresses[EXTERNAL_MAX_ADDRESSES];
    uint16_t port;
    size_t n = 0;

    if (model_parse_host_port(text, host, &port) == 0) {
        strcpy(again, host);
        if (model_check_host_name("", again, NULL) < 0 || strcmp(again, host) != 0 || port == 0)
            abort();
    }
    if (row_read_resolved(text, host, addresses, &n) == 0 && n > EXTERNAL_MAX_ADDRESSES)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct catalog *filled(void)
{
    static const char *const contents[][2] = {
        {"namespaces/ns", "{}"},
        {"services/ns/web", "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80}]}"},
        {"instances/ns/v1/a", "{\"address\":\"10.0.0.1\",\"port\":80}"},
        {"instances/ns/v1/a/b",
         "{\"address\":\"fd00::1\",\"port\":80,\"weight\":2,\"health\":\"UNHEALTHY\"}"},
        {"instances/ns/v1/h", "{\"host\":\"db.example.net\",\"port\":80,\"weight\":3}"},
        {"routes/ns//api:80/tcp",
         "{\"targets\":[{\"service\":\"v1\",\"weight\":1},{\"service\":\"v2\",\"weight\":2}]}"},
        {"routes/ns/shop/api:80/tcp", "{\"targets\":[{\"service\":\"v3\",\"weight\":1}]}"},
        {"services/ns/v1", "{\"clientAliases\":[],\"document\":\"td\"}"},
        {"services/ns/v3",
         "{\"clientAliases\":[],\"settings\":{\"healthCheck\":{\"type\":\"http\",\"interval\":7,\"path\":\"/"
         "r\",\"expectedStatus\":204},\"ejection\":{\"failures\":3,\"windowSeconds\":30,\"baseSeconds\":30,"
         "\"maxSeconds\":300},\"drainSeconds\":0}}"},
        {"settings/global", "{\"ejection\":{\"failures\":9,\"windowSeconds\":30,\"baseSeconds\":30,"
                            "\"maxSeconds\":300},\"connectTimeoutSeconds\":2}"},
        {"documents/ns/td", "{\"source\":\"td.json\",\"text\":\"{}\"}"},
    };
    struct catalog *catalog = catalog_new();

    for (size_t i = 0; i < ARRAY_SIZE(contents); i++)
        if (!catalog || row_apply(catalog, contents[i][0], contents[i][1], NULL) < 0)
            abort();
    return catalog;
}

static void expect_same(const char *what, const char *before, const struct catalog *catalog)
{
    _cleanup_free_ char *after = catalog_text(catalog);

    if (strcmp(before, after) == 0)
        return;
    (void)fprintf(stderr, "%s left a change behind:\n%s---\n%s", what, before, after);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *key = malloc(size + 1);
    _cleanup_(row_done) struct registry_row undo = {0};
    _cleanup_(catalog_free) struct catalog *catalog = filled();
    _cleanup_free_ char *before = catalog_text(catalog);
    struct error error = {0};
    char *value;

    if (!key)
        abort();
    if (size)
        memcpy(key, data, size);
    key[size] = '\0';
    check_host(key);
    value = strchr(key, '\n');
    if (value)
        *value++ = '\0';
    if (row_of_catalog(catalog, key, &undo) < 0) {
        /* No key at all; a transaction ends here, a load goes on to this. */
        if (row_apply(catalog, key, value, &error) == 0)
            abort();
        expect_same("a refused key", before, catalog);
        return 0;
    }
    if (row_apply(catalog, key, value, &error) < 0)
        expect_same("a refused row", before, catalog);
    if (row_apply(catalog, undo.key, undo.value, &error) < 0) {
        (void)fprintf(stderr, "undo %s %s: %s\n", undo.key, undo.value ? undo.value : "(deletion)",
                      error.message);
        abort();
    }
    expect_same("an undone row", before, catalog);
    return 0;
}
