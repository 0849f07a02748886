/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Earlier versions that are long and have routes: a job asks for them to be parsed, and what goes is the same. */
#include "apply_lab.h"

#include "apply/earlier.h"
#include "base/clock.h"

#define MANY 1500 /* routes: more than 64 KiB of text */

static char *routes_of(unsigned first, unsigned end)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);

    (void)fprintf(stream, "{\"namespace\":\"shop\",\"routes\":[");
    for (unsigned i = first; i < end; i++)
        (void)fprintf(stream,
                      "%s{\"dnsName\":\"r%u\",\"port\":80,\"targets\":[{\"service\":\"t\",\"weight\":1}]}",
                      i == first ? "" : ",", i);
    (void)fprintf(stream, "]}");
    (void)fclose(stream);
    return text;
}

static unsigned count_routes(const struct lab *lab)
{
    return HASH_COUNT(catalog_namespace(engine_catalog(lab->house.engine), "shop")->routes);
}

/* ---- one run of a job at a time ---- */

struct run {
    struct apply_pieces *pieces;
    struct findings findings;
    int result;
    bool is_done;
};

static int run_pieces(struct transaction *transaction, void *user, struct error *error)
{
    struct run *run = user;

    if (transaction_is_new_run(transaction))
        findings_done(&run->findings);
    return apply_pieces_go_on(run->pieces, transaction, clock_monotonic_ns() + 2000000, &run->findings,
                              error);
}

static void on_run(int r, uint64_t revision, const struct error *error, void *user)
{
    struct run *run = user;

    (void)revision;
    (void)error;
    run->result = r;
    run->is_done = true;
}

static int run_once(struct lab *lab, struct run *run)
{
    const struct job job = {.run = run_pieces, .done = on_run, .user = run};

    run->is_done = false;
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    engine_settle(lab->house.engine);
    assert_true(run->is_done);
    return run->result;
}

static void free_list(struct document_list *list, struct worker *worker)
{
    (void)worker;
    document_list_done(list);
}

static void test_a_job_asks_for_what_is_long(void **state)
{
    struct lab *lab = *state;
    const struct documents_options options = apply_options("shop", SETTINGS_RIGHTS_NONE);
    _cleanup_free_ char *all = routes_of(0, MANY);
    _cleanup_free_ char *others = routes_of(10, MANY + 10);
    _cleanup_free_ char *few = routes_of(0, 3);
    struct document_list list = {0};
    struct earlier earlier = {0};
    const struct apply_request request = {.documents = &list, .earlier = &earlier};
    struct run run = {0};

    assert_int_equal(lab_try(lab, all), 0);
    assert_true(strlen(lab_document(lab, ".routes")->text) > 64 << 10);
    assert_int_equal(documents_parse("test", few, strlen(few), &options, &list, &run.findings), 0);
    assert_int_equal(apply_pieces_new(&request, &run.pieces), 0);
    assert_int_equal(run_once(lab, &run), -ESTALE);
    assert_true(earlier.must_parse);
    assert_int_equal(count_routes(lab), MANY);
    assert_int_equal(earlier_parse(&earlier), 0);
    /* Another version has come meanwhile: that one is asked for as well. */
    assert_int_equal(lab_try(lab, others), 0);
    assert_int_equal(count_routes(lab), MANY);
    assert_int_equal(run_once(lab, &run), -ESTALE);
    assert_int_equal(HASH_COUNT(earlier.all), 2);
    assert_int_equal(earlier_parse(&earlier), 0);
    assert_int_equal(run_once(lab, &run), 0);
    assert_int_equal(count_routes(lab), 3);
    /* That is short, and needs nobody. */
    assert_int_equal(run_once(lab, &run), 0);
    apply_pieces_free(&run.pieces);
    earlier_done(&earlier, free_list, NULL);
    findings_done(&run.findings);
    document_list_done(&list);
}

static void test_the_worker_parses_and_the_job_runs_again(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *all = routes_of(0, MANY);
    _cleanup_free_ char *half = routes_of(0, MANY / 2);
    struct applied applied;

    lab_apply(lab, "file", all, "file", false, &applied);
    assert_int_equal(applied.result, 0);
    applied_done(&applied);
    lab_apply(lab, "file", half, "file", false, &applied);
    assert_int_equal(applied.result, 0);
    assert_int_equal(cJSON_GetArraySize(applied.changes), MANY / 2 + 1);
    applied_done(&applied);
    assert_int_equal(count_routes(lab), MANY / 2);
    /* And as one of a source that is not there any more. */
    lab_apply(lab, "file", "[]", "file", false, &applied);
    assert_int_equal(applied.result, 0);
    applied_done(&applied);
    assert_int_equal(count_routes(lab), 0);
    assert_null(lab_document(lab, ".routes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_a_job_asks_for_what_is_long),
        LAB_TEST(test_the_worker_parses_and_the_job_runs_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
