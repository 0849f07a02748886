/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "apply/submit.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "apply/apply.h"
#include "apply/worker.h"
#include "base/clock.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json_stream.h"
#include "engine/change/job.h"
#include "model/document_record.h"
#include "registry/rows.h"

/* From here on a text is escaped by the worker, and its record is made there. */
#define LONG_TEXT 4096

/* How long documents put rows before they give the loop to others. */
#define APPLY_PIECE_NS 2000000

/* ---- a job ---- */

struct apply_job {
    struct document_list documents;
    struct document_record **records; /* one for each that is long; or NULL */
    struct findings parsed;           /* with these every run begins */
    char *owned_source;
    bool is_dry_run;
    bool wants_changes;
    struct worker *worker;
    struct apply_pieces *pieces;
    bool is_put; /* and changes are told */
    struct json_stream told;
    size_t n_told; /* rows */
    struct apply_end end;
    apply_done_fn done;
    void *user;
};

static void free_documents(void *user)
{
    struct document_list *list = user;

    document_list_done(list);
    free(list);
}

static void on_freed(int result, void *user)
{
    if (result < 0)
        free_documents(user);
}

/* A large list takes longer to free than others should wait. */
static void dispose_documents(struct document_list *list, struct worker *worker)
{
    struct document_list *copy = worker && list->n > 0 ? malloc(sizeof(*copy)) : NULL;
    const struct work work = {.run = free_documents, .done = on_freed, .user = copy};

    if (copy) {
        *copy = *list;
        *list = (struct document_list){0};
        if (worker_submit(worker, &work) < 0)
            free_documents(copy);
    }
    document_list_done(list);
}

/* On the loop, which alone counts who has them. */
static void drop_records(struct document_record ***records, size_t n)
{
    for (size_t i = 0; *records && i < n; i++) {
        if ((*records)[i])
            document_record_leave_row((*records)[i]);
        document_record_drop(&(*records)[i]);
    }
    free(*records);
    *records = NULL;
}

static void drop_changes(struct apply_job *job)
{
    if (job->end.changes)
        evbuffer_free(job->end.changes);
    job->end.changes = NULL;
}

static void free_job(struct apply_job *job)
{
    drop_records(&job->records, job->documents.n);
    dispose_documents(&job->documents, job->worker);
    apply_pieces_free(&job->pieces);
    findings_done(&job->parsed);
    findings_done(&job->end.findings);
    drop_changes(job);
    free(job->owned_source);
    free(job);
}

static int begin_findings(struct apply_job *job)
{
    struct findings *findings = &job->end.findings;
    int r = 0;

    findings_done(findings);
    drop_changes(job);
    job->is_put = false;
    for (size_t i = 0; i < job->parsed.n && r == 0; i++)
        r = findings_add(findings, job->parsed.items[i].severity, job->parsed.items[i].source,
                         &job->parsed.items[i].error);
    findings->n_errors = job->parsed.n_errors;
    findings->n_warnings = job->parsed.n_warnings;
    return r;
}

static int put_text(void *user, const char *text, size_t length)
{
    return evbuffer_add(user, text, length) < 0 ? -ENOMEM : 0;
}

/* After all rows are put; JOB_GO_ON: some of it. */
static int tell_changes(struct apply_job *job, const struct transaction *transaction, uint64_t until_ns)
{
    if (!job->end.changes) {
        job->end.changes = evbuffer_new();
        if (!job->end.changes)
            return -ENOMEM;
        job->n_told = 0;
        json_stream_begin(&job->told, put_text, job->end.changes);
        (void)json_stream_open_array(&job->told, NULL);
    }
    while (transaction_describe_some(transaction, &job->told, &job->n_told))
        if (clock_monotonic_ns() >= until_ns)
            return JOB_GO_ON;
    return json_stream_close(&job->told);
}

static int run_apply(struct transaction *transaction, void *user, struct error *error)
{
    struct apply_job *job = user;
    uint64_t until = clock_monotonic_ns() + APPLY_PIECE_NS;
    int r = transaction_is_new_run(transaction) ? begin_findings(job) : 0;

    if (r < 0)
        return error_errno(error, r, "applying documents");
    if (!job->is_put)
        r = apply_pieces_go_on(job->pieces, transaction, until, &job->end.findings, error);
    if (r != 0)
        return r;
    job->is_put = true;
    if (job->wants_changes)
        r = tell_changes(job, transaction, until);
    if (r < 0)
        return error_errno(error, r, "telling what changes");
    if (r > 0)
        return r;
    return job->is_dry_run ? JOB_TAKE_BACK : 0;
}

static void on_applied(int r, uint64_t revision, const struct error *error, void *user)
{
    struct apply_job *job = user;

    job->end.result = r;
    job->end.revision = revision;
    if (r < 0 && error)
        job->end.error = *error;
    if (r < 0)
        drop_changes(job);
    job->done(&job->end, job->user);
    free_job(job);
}

int apply_submit(struct engine *engine, struct apply_submission *submission, apply_done_fn done, void *user)
{
    struct apply_job *job = calloc(1, sizeof(*job));
    const struct job submitted = {.run = run_apply, .done = on_applied, .user = job};
    struct apply_request request = {.is_dry_run = submission->is_dry_run};
    int r = -ENOMEM;

    if (!job) {
        drop_records(&submission->records, submission->documents.n);
        dispose_documents(&submission->documents, submission->worker);
        findings_done(&submission->findings);
        return r;
    }
    *job = (struct apply_job){
        .documents = submission->documents,
        .records = submission->records,
        .parsed = submission->findings,
        .owned_source = submission->owned_source ? strdup(submission->owned_source) : NULL,
        .is_dry_run = submission->is_dry_run,
        .wants_changes = submission->wants_changes,
        .worker = submission->worker,
        .done = done,
        .user = user,
    };
    submission->documents = (struct document_list){0};
    submission->records = NULL;
    submission->findings = (struct findings){0};
    request.documents = &job->documents;
    request.records = job->records;
    request.owned_source = job->owned_source;
    if (!submission->owned_source || job->owned_source)
        r = apply_pieces_new(&request, &job->pieces);
    if (r == 0)
        r = engine_submit(engine, &submitted);
    if (r < 0)
        free_job(job);
    return r;
}

/* ---- texts ---- */

struct parsing {
    struct engine *engine;
    struct worker *worker;
    struct apply_texts texts;
    struct settings_rights rights;
    struct document_list documents;
    struct document_record **records; /* one for each that is long */
    struct apply_end end;             /* of parsing */
    apply_done_fn done;
    void *user;
};

/* On the worker. */
static int parse_text(struct parsing *parsing, const struct apply_text *item)
{
    const struct documents_options options = apply_options(parsing->texts.default_namespace, parsing->rights);
    _cleanup_free_ char *read = NULL;
    const char *text = item->text;
    size_t length = text ? strlen(text) : 0;
    int r = text ? 0 : file_read(item->source, DOCUMENTS_MAX_BYTES, &read, &length);

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
    drop_records(&parsing->records, parsing->documents.n);
    dispose_documents(&parsing->documents, parsing->worker);
    findings_done(&parsing->end.findings);
    free(parsing);
}

static void on_parsed(int result, void *user)
{
    struct parsing *parsing = user;
    struct apply_submission submission = {
        .owned_source = parsing->texts.owned_source,
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
    free(parsing);
}

int apply_submit_texts(struct engine *engine, struct worker *worker, const struct apply_texts *texts,
                       apply_done_fn done, void *user)
{
    struct parsing *parsing = calloc(1, sizeof(*parsing));
    const struct work work = {.run = parse_texts, .done = on_parsed, .user = parsing};
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
    r = worker_submit(worker, &work);
    if (r < 0)
        free(parsing);
    return r;
}
