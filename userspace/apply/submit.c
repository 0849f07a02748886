/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "apply/submit.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "apply/apply.h"
#include "apply/earlier.h"
#include "apply/submit_internal.h"
#include "base/worker.h"
#include "base/clock.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json_stream.h"
#include "engine/change/job.h"
#include "engine/change/losses.h"
#include "model/document_record.h"
#include "registry/rows.h"

/* So often a job waits for earlier versions to be parsed, which somebody may change meanwhile. */
#define MOST_ROUNDS 4

/* How long documents put rows before they give the loop to others. */
#define APPLY_PIECE_NS 2000000

/* ---- a job ---- */

struct apply_job {
    struct document_list documents;
    struct document_record **records; /* one for each that is long; or NULL */
    struct findings parsed;           /* with these every run begins */
    char *owned_source;
    struct actor by;
    bool is_dry_run;
    bool wants_changes;
    struct worker *worker;
    struct engine *engine;
    struct apply_pieces *pieces;
    struct earlier earlier;
    unsigned n_rounds;
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

void submit_dispose_documents(struct document_list *list, struct worker *worker)
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

void submit_drop_records(struct document_record ***records, size_t n)
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

static void submit_free_job(struct apply_job *job)
{
    submit_drop_records(&job->records, job->documents.n);
    submit_dispose_documents(&job->documents, job->worker);
    apply_pieces_free(&job->pieces);
    earlier_done(&job->earlier, submit_dispose_documents, job->worker);
    findings_done(&job->parsed);
    findings_done(&job->end.findings);
    drop_changes(job);
    free(job->owned_source);
    free(job);
}

static int begin_findings(struct apply_job *job)
{
    struct findings *findings = &job->end.findings;

    findings_done(findings);
    drop_changes(job);
    job->is_put = false;
    return findings_copy(&job->parsed, findings);
}

static int put_text(void *user, const char *text, size_t length)
{
    return evbuffer_add(user, text, length) < 0 ? -ENOMEM : 0;
}

/* After all rows are put; JOB_GO_ON: some of it. */
static int submit_tell_changes(struct apply_job *job, const struct transaction *transaction,
                               uint64_t until_ns)
{
    if (!job->end.changes) {
        job->end.changes = evbuffer_new();
        if (!job->end.changes)
            return -ENOMEM;
        job->n_told = 0;
        job->end.counts = (struct change_counts){0};
        json_stream_begin(&job->told, put_text, job->end.changes);
        (void)json_stream_open_array(&job->told, NULL);
    }
    while (transaction_describe_some(transaction, &job->told, &job->n_told, &job->end.counts))
        if (clock_monotonic_ns() >= until_ns)
            return JOB_GO_ON;
    return json_stream_close(&job->told);
}

static void submit_add_loss(const struct alias_loss *loss, void *user)
{
    struct apply_job *job = user;
    char text[ALIAS_LOSS_TEXT_SIZE];
    struct error finding = {0};

    (void)error_set(&finding, ENOENT, "%s", alias_loss_text(loss, text));
    (void)findings_add(&job->end.findings, FINDING_WARNING,
                       job->documents.n == 1 ? job->documents.items[0].source : "the documents together",
                       &finding);
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
    /* Where nobody reads the findings it is told as any other change's. */
    if (!job->is_put && job->wants_changes)
        transaction_tell_losses(transaction, submit_add_loss, job);
    job->is_put = true;
    if (job->wants_changes)
        r = submit_tell_changes(job, transaction, until);
    if (r < 0)
        return error_errno(error, r, "telling what changes");
    if (r > 0)
        return r;
    return job->is_dry_run ? JOB_TAKE_BACK : 0;
}

static void end_job(struct apply_job *job, int r, uint64_t revision, const struct error *error)
{
    job->end.result = r;
    job->end.revision = revision;
    job->end.n_documents = job->documents.n;
    for (size_t i = 0; i < job->documents.n; i++)
        job->end.n_services += job->documents.items[i].is_enabled ? job->documents.items[i].n_services : 0;
    if (r < 0 && error)
        job->end.error = *error;
    if (r < 0)
        drop_changes(job);
    job->done(&job->end, job->user);
    submit_free_job(job);
}

/* On the worker; what it could not do is met again. */
static void parse_earlier(void *user)
{
    struct apply_job *job = user;

    (void)earlier_parse(&job->earlier);
}

static int submit_job(struct apply_job *job);

static void on_earlier_parsed(int result, void *user)
{
    struct apply_job *job = user;
    struct error error = {0};

    if (result < 0)
        (void)error_set(&error, -result, "svcconnectd is ending; nothing was changed");
    else if ((result = submit_job(job)) < 0)
        (void)error_errno(&error, result, "the change cannot be taken on");
    if (result < 0)
        end_job(job, result, 0, &error);
}

/* It has met earlier versions that are long. They may be others again by the time it runs, so it does not try
 * for ever. */
static bool is_parsed_first(struct apply_job *job)
{
    const struct work work = {.run = parse_earlier, .done = on_earlier_parsed, .user = job};

    if (job->n_rounds++ == MOST_ROUNDS - 1)
        apply_pieces_parse_here(job->pieces);
    return worker_submit(job->worker, &work) == 0;
}

static void submit_on_applied(int r, uint64_t revision, const struct error *error, void *user)
{
    struct apply_job *job = user;

    if (r != -ESTALE || !job->earlier.must_parse || !is_parsed_first(job))
        end_job(job, r, revision, error);
}

static int submit_job(struct apply_job *job)
{
    const struct job submitted = {
        .run = run_apply, .done = submit_on_applied, .user = job, .by = job->by, .operation = "apply"};

    return engine_submit(job->engine, &submitted);
}

int apply_submit(struct engine *engine, struct apply_submission *submission, apply_done_fn done, void *user)
{
    struct apply_job *job = calloc(1, sizeof(*job));
    struct apply_request request = {.is_dry_run = submission->is_dry_run};
    int r = -ENOMEM;

    if (!job) {
        submit_drop_records(&submission->records, submission->documents.n);
        submit_dispose_documents(&submission->documents, submission->worker);
        findings_done(&submission->findings);
        return r;
    }
    *job = (struct apply_job){
        .documents = submission->documents,
        .records = submission->records,
        .parsed = submission->findings,
        .owned_source = submission->owned_source ? strdup(submission->owned_source) : NULL,
        .by = submission->by,
        .is_dry_run = submission->is_dry_run,
        .wants_changes = submission->wants_changes,
        .worker = submission->worker,
        .engine = engine,
        .done = done,
        .user = user,
    };
    submission->documents = (struct document_list){0};
    submission->records = NULL;
    submission->findings = (struct findings){0};
    request.documents = &job->documents;
    request.records = job->records;
    request.earlier = job->worker ? &job->earlier : NULL;
    request.owned_source = job->owned_source;
    if (!submission->owned_source || job->owned_source)
        r = apply_pieces_new(&request, &job->pieces);
    if (r == 0)
        r = submit_job(job);
    if (r < 0)
        submit_free_job(job);
    return r;
}
