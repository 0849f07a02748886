/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From texts to documents, on the worker. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply/apply.h"
#include "apply/submit.h"
#include "apply/submit_internal.h"
#include "base/worker.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "engine/engine.h"
#include "model/catalog_aws.h"
#include "model/document_record.h"
#include "registry/rows.h"

/* From here on a text is escaped by the worker, and its record is made there. */
#define LONG_TEXT 4096

struct parsing {
    struct engine *engine;
    struct worker *worker;
    struct apply_texts texts;
    struct settings_rights rights;
    struct document_list documents;
    struct document_namespaces namespaces;
    struct document_record **records; /* one for each that is long */
    struct apply_end end;             /* of parsing */
    apply_done_fn done;
    void *user;
};

/* On the worker. */
static int parse_text(struct parsing *parsing, const struct apply_text *item)
{
    struct documents_options options = apply_options(parsing->texts.default_namespace, parsing->rights);
    _cleanup_free_ char *read = NULL;
    const char *text = item->text;
    size_t length = text ? strlen(text) : 0;
    int r = text ? 0 : file_read(item->source, DOCUMENTS_MAX_BYTES, &read, &length);

    options.namespaces = &parsing->namespaces;
    if (r < 0)
        return error_errno(&parsing->end.error, r, "reading it");
    return documents_parse(item->source, text ? text : read, length, &options, &parsing->documents,
                           &parsing->end.findings);
}

/* As they will be stored: a long text is copied and escaped here and not on the loop. */
static int make_records(struct parsing *parsing)
{
    const struct document_list *list = &parsing->documents;
    int r = 0;

    parsing->records = calloc(list->n + 1, sizeof(struct document_record *));
    if (!parsing->records)
        return -ENOMEM;
    for (size_t i = 0; i < list->n && r == 0; i++) {
        if (strlen(list->items[i].text) < LONG_TEXT)
            continue;
        r = document_record_new(list->items[i].source, list->items[i].text, &parsing->records[i]);
        if (r == 0) {
            document_record_use_row(parsing->records[i]);
            r = row_write_document(parsing->records[i]);
        }
    }
    return r;
}

static void parse_texts(void *user)
{
    struct parsing *parsing = user;

    for (size_t i = 0; i < parsing->texts.n; i++) {
        int r = parse_text(parsing, &parsing->texts.items[i]);

        if (r < 0)
            parsing->end.result = r;
        if (r == -ENOMEM) {
            (void)error_errno(&parsing->end.error, r, "applying documents");
            return;
        }
    }
    if (parsing->end.result == 0 && make_records(parsing) < 0)
        parsing->end.result = error_errno(&parsing->end.error, -ENOMEM, "applying documents");
}

static void end_parsing(struct parsing *parsing)
{
    parsing->done(&parsing->end, parsing->user);
    submit_drop_records(&parsing->records, parsing->documents.n);
    submit_dispose_documents(&parsing->documents, parsing->worker);
    findings_done(&parsing->end.findings);
    document_namespaces_done(&parsing->namespaces);
    free(parsing);
}

/* Were namespaces named by id or ARN that the catalog knows? Then the texts can be parsed again with them. */
static bool find_namespaces(struct parsing *parsing)
{
    bool has_found = false;

    for (size_t i = 0; i < parsing->namespaces.n; i++) {
        struct document_namespace *item = &parsing->namespaces.items[i];
        const char *name = NULL;

        if (item->name)
            continue;
        (void)catalog_find_namespace(engine_catalog(parsing->engine), item->reference, &name);
        item->name = strdup(name ? name : "");
        has_found |= name && item->name;
    }
    return has_found;
}

static int submit_parsing(struct parsing *parsing);

static void submit_texts_on_parsed(int result, void *user)
{
    struct parsing *parsing = user;
    struct apply_submission submission = {
        .owned_source = parsing->texts.owned_source,
        .by = parsing->texts.by,
        .is_dry_run = parsing->texts.is_dry_run,
        .wants_changes = parsing->texts.wants_changes,
        .worker = parsing->worker,
    };

    if (result < 0) {
        parsing->end.result =
            error_set(&parsing->end.error, -result, "svcconnectd is ending; nothing was changed");
        end_parsing(parsing);
        return;
    }
    if (parsing->end.result == -EINVAL && find_namespaces(parsing)) {
        findings_done(&parsing->end.findings);
        submit_dispose_documents(&parsing->documents, parsing->worker);
        parsing->end = (struct apply_end){0};
        result = submit_parsing(parsing);
        if (result == 0)
            return;
        parsing->end.result = error_errno(&parsing->end.error, result, "the change cannot be taken on");
    }
    if (parsing->end.result < 0) {
        end_parsing(parsing);
        return;
    }
    submission.documents = parsing->documents;
    submission.records = parsing->records;
    submission.findings = parsing->end.findings;
    parsing->documents = (struct document_list){0};
    parsing->records = NULL;
    parsing->end.findings = (struct findings){0};
    result = apply_submit(parsing->engine, &submission, parsing->done, parsing->user);
    if (result < 0) {
        parsing->end.result = error_errno(&parsing->end.error, result, "the change cannot be taken on");
        end_parsing(parsing);
        return;
    }
    document_namespaces_done(&parsing->namespaces);
    free(parsing);
}

static int submit_parsing(struct parsing *parsing)
{
    const struct work work = {.run = parse_texts, .done = submit_texts_on_parsed, .user = parsing};

    return worker_submit(parsing->worker, &work);
}

int apply_submit_texts(struct engine *engine, struct worker *worker, const struct apply_texts *texts,
                       apply_done_fn done, void *user)
{
    struct parsing *parsing = calloc(1, sizeof(*parsing));
    int r;

    if (!parsing)
        return -ENOMEM;
    *parsing = (struct parsing){
        .engine = engine,
        .worker = worker,
        .texts = *texts,
        .rights = engine_host_rights(engine),
        .done = done,
        .user = user,
    };
    r = submit_parsing(parsing);
    if (r < 0)
        free(parsing);
    return r;
}
