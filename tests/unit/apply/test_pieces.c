/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Documents in pieces: the same comes out wherever one ends, also after a conflict. */
#include "apply_lab.h"

#include "base/clock.h"

#define MANY 2000 /* services: their texts are longer than what is parsed again */

struct text {
    char *bytes;
    size_t length;
    FILE *stream;
};

static void add_service(struct text *text, unsigned number, bool is_first)
{
    (void)fprintf(text->stream,
                  "%s{\"portName\":\"http\",\"discoveryName\":\"s%u\",\"clientAliases\":[{\"port\":80,"
                  "\"dnsName\":\"s%u.example\"}]}",
                  is_first ? "" : ",", number, number);
}

/* A document of the services from `first` to before `end`. */
static void begin_document(struct text *text, const char *name, unsigned first, unsigned end)
{
    (void)fprintf(text->stream,
                  "{\"serviceName\":\"%s\"," TASK ",\"serviceConnectConfiguration\":{\"enabled\":true,"
                  "\"namespace\":\"shop\",\"services\":[",
                  name);
    for (unsigned i = first; i < end; i++)
        add_service(text, i, i == first);
    (void)fprintf(text->stream, "]}}");
}

static char *document_of(const char *name, unsigned first, unsigned end)
{
    struct text text = {0};

    text.stream = open_memstream(&text.bytes, &text.length);
    begin_document(&text, name, first, end);
    (void)fclose(text.stream);
    return text.bytes;
}

static void parse(const char *text, struct document_list *list)
{
    const struct documents_options options = apply_options("shop", SETTINGS_RIGHTS_NONE);
    struct findings findings = {0};

    assert_int_equal(documents_parse("test", text, strlen(text), &options, list, &findings), 0);
    findings_done(&findings);
}

/* ---- pieces far smaller than those of a job ---- */

struct crumbs {
    struct apply_pieces *pieces;
    struct findings findings;
    unsigned n_runs;
    unsigned n_calls;
    unsigned n_ended; /* runs that came to their end */
    int result;
    bool is_done;
};

/* Each piece is over after a hundredth of what a job takes. */
static int run_crumbs(struct transaction *transaction, void *user, struct error *error)
{
    struct crumbs *crumbs = user;
    int r;

    if (transaction_is_new_run(transaction)) {
        crumbs->n_runs++;
        findings_done(&crumbs->findings);
    }
    crumbs->n_calls++;
    r = apply_pieces_go_on(crumbs->pieces, transaction, clock_monotonic_ns() + 20000, &crumbs->findings,
                           error);
    crumbs->n_ended += r != JOB_GO_ON;
    return r;
}

static void on_crumbs_done(int r, uint64_t revision, const struct error *error, void *user)
{
    struct crumbs *crumbs = user;

    (void)revision;
    (void)error;
    crumbs->result = r;
    crumbs->is_done = true;
}

static void apply_in_crumbs(struct lab *lab, const char *text, const char *owned_source,
                            struct crumbs *crumbs)
{
    struct document_list list = {0};
    const struct apply_request request = {.documents = &list, .owned_source = owned_source};
    const struct job job = {.run = run_crumbs, .done = on_crumbs_done, .user = crumbs};

    *crumbs = (struct crumbs){0};
    parse(text, &list);
    assert_int_equal(apply_pieces_new(&request, &crumbs->pieces), 0);
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    engine_settle(lab->house.engine);
    assert_true(crumbs->is_done);
    apply_pieces_free(&crumbs->pieces);
    findings_done(&crumbs->findings);
    document_list_done(&list);
}

static unsigned count_services(const struct lab *lab, unsigned end)
{
    unsigned n = 0;

    for (unsigned i = 0; i < end; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "s%u", i);
        n += lab_service(lab, name) != NULL;
    }
    return n;
}

static void test_a_long_document_goes_in_pieces(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *whole = document_of("one", 0, MANY);
    _cleanup_free_ char *half = document_of("one", 0, MANY / 2);
    struct crumbs crumbs;
    uint64_t n_rows;

    apply_in_crumbs(lab, whole, NULL, &crumbs);
    assert_int_equal(crumbs.result, 0);
    assert_int_equal(crumbs.n_runs, 1);
    assert_true(crumbs.n_calls > 10);
    assert_int_equal(crumbs.n_ended, 1);
    assert_int_equal(count_services(lab, MANY), MANY);
    /* Found by what they say of their document: the text is long. */
    assert_true(strlen(lab_document(lab, "one")->text) > 64 << 10);
    n_rows = fake_store_counts(lab->house.store).rows;
    apply_in_crumbs(lab, half, NULL, &crumbs);
    assert_int_equal(crumbs.result, 0);
    assert_true(crumbs.n_calls > 10);
    assert_int_equal(count_services(lab, MANY), MANY / 2);
    /* The document and half of the services: the other half has not gone in between, with its instances. */
    assert_int_equal(fake_store_counts(lab->house.store).rows - n_rows, MANY / 2 + 1);
    assert_null(lab_service(lab, "s1000"));
    assert_non_null(lab_service(lab, "s999"));
}

static void test_names_move_between_long_documents(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *one = document_of("one", 0, MANY);
    _cleanup_free_ char *two = document_of("two", 1, MANY);
    _cleanup_free_ char *rest = document_of("one", 0, 1);
    _cleanup_free_ char *both = NULL;
    struct crumbs crumbs;

    apply_in_crumbs(lab, one, NULL, &crumbs);
    assert_true(asprintf(&both, "[%s,%s]", two, rest) > 0);
    apply_in_crumbs(lab, both, NULL, &crumbs);
    assert_int_equal(crumbs.result, 0);
    assert_int_equal(count_services(lab, MANY), MANY);
    assert_string_equal(lab_service(lab, "s0")->document, "one");
    assert_string_equal(lab_service(lab, "s1")->document, "two");
}

static void test_a_conflict_between_pieces_begins_anew(void **state)
{
    struct lab *lab = *state;
    const struct fake_step step = {.fault = FAKE_CONFLICT};
    _cleanup_free_ char *one = document_of("one", 0, MANY);
    struct crumbs crumbs;

    fake_registry_plan(lab->house.registry, &step, 1);
    apply_in_crumbs(lab, one, "test", &crumbs);
    assert_int_equal(crumbs.result, 0);
    assert_int_equal(crumbs.n_runs, 2);
    assert_int_equal(crumbs.n_ended, 2);
    assert_int_equal(count_services(lab, MANY), MANY);
}

static void test_a_source_with_long_documents_goes(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *one = document_of("one", 0, MANY);
    _cleanup_free_ char *two = document_of("two", MANY, MANY + 1);
    struct crumbs crumbs;

    apply_in_crumbs(lab, one, "test", &crumbs);
    apply_in_crumbs(lab, two, "test", &crumbs);
    assert_int_equal(crumbs.result, 0);
    assert_null(lab_document(lab, "one"));
    assert_int_equal(count_services(lab, MANY + 1), 1);
}

/* What is looked through for the others of a source is all that is stored, of every source and namespace. */
static void test_others_are_found_in_pieces(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *one = document_of("one", 0, 1);
    struct crumbs crumbs;
    struct text text = {0};

    text.stream = open_memstream(&text.bytes, &text.length);
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "d%u", i);
        (void)fputc(i ? ',' : '[', text.stream);
        begin_document(&text, name, i, i + 1);
    }
    (void)fprintf(text.stream, "]");
    (void)fclose(text.stream);
    apply_in_crumbs(lab, text.bytes, "test", &crumbs);
    assert_int_equal(count_services(lab, MANY), MANY);
    apply_in_crumbs(lab, one, "test", &crumbs);
    assert_int_equal(crumbs.result, 0);
    assert_true(crumbs.n_calls > MANY / 256);
    assert_int_equal(count_services(lab, MANY), 1);
    assert_null(lab_document(lab, "d7"));
    assert_non_null(lab_document(lab, "one"));
    free(text.bytes);
}

/* ---- within a change of somebody else's ---- */

struct within {
    const char *text;
    struct findings findings;
    bool removes;
    int result;
};

static int run_within(struct transaction *transaction, void *user, struct error *error)
{
    struct within *within = user;
    struct document_list list = {0};
    const struct apply_request request = {.documents = &list};
    const struct model_namespace *parent = catalog_namespace(transaction_catalog(transaction), "shop");
    int r;

    if (within->removes)
        return apply_removal(transaction, parent, catalog_document(parent, "one"), error);
    findings_done(&within->findings);
    parse(within->text, &list);
    r = apply_in(transaction, &request, &within->findings, error);
    document_list_done(&list);
    return r;
}

static void on_within_done(int r, uint64_t revision, const struct error *error, void *user)
{
    (void)revision;
    (void)error;
    ((struct within *)user)->result = r;
}

static void test_within_a_change_findings_are_those_of_the_last_run(void **state)
{
    struct lab *lab = *state;
    const struct fake_step step = {.fault = FAKE_CONFLICT};
    struct within within = {.text =
                                "{\"namespace\":\"shop\",\"routes\":[{\"dnsName\":\"web.example\","
                                "\"port\":80,\"targets\":[{\"discoveryName\":\"nobody\",\"weight\":1}]}]}",
                            .result = 1};
    const struct job job = {.run = run_within, .done = on_within_done, .user = &within};

    fake_registry_plan(lab->house.registry, &step, 1);
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    engine_settle(lab->house.engine);
    assert_int_equal(within.result, 0);
    assert_int_equal(within.findings.n_warnings, 1);
    assert_non_null(lab_route(lab, "", "web.example"));
    findings_done(&within.findings);
}

static void test_within_a_change_a_document_goes(void **state)
{
    struct lab *lab = *state;
    struct within within = {.removes = true, .result = 1};
    const struct job job = {.run = run_within, .done = on_within_done, .user = &within};

    assert_int_equal(
        lab_try(lab, DOCUMENT_WITH("one", PUBLISHED("web", "web.example"),
                                   ",\"routes\":[{\"dnsName\":\"web.example\",\"port\":80,\"targets\":[{"
                                   "\"discoveryName\":\"web\",\"weight\":1}]}]")),
        0);
    assert_non_null(lab_route(lab, "one", "web.example"));
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    engine_settle(lab->house.engine);
    assert_int_equal(within.result, 0);
    assert_null(lab_service(lab, "web"));
    assert_null(lab_route(lab, "one", "web.example"));
    assert_null(lab_document(lab, "one"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_a_long_document_goes_in_pieces),
        LAB_TEST(test_names_move_between_long_documents),
        LAB_TEST(test_a_conflict_between_pieces_begins_anew),
        LAB_TEST(test_a_source_with_long_documents_goes),
        LAB_TEST(test_others_are_found_in_pieces),
        LAB_TEST(test_within_a_change_findings_are_those_of_the_last_run),
        LAB_TEST(test_within_a_change_a_document_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
