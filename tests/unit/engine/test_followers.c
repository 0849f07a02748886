/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which hook of a follower is called for what, and in which order. */
#include "engine_lab.h"

struct trace {
    struct engine_lab *lab;
    char *text;
    size_t size;
    FILE *out;
    int guard; /* what the guard says */
};

static struct trace trace;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vfprintf(trace.out, format, arguments);
    va_end(arguments);
    (void)fputc('\n', trace.out);
}

static int on_guard(void *user, const char *key, struct error *error)
{
    (void)user;
    say("guard %s", key);
    return trace.guard < 0 ? error_set(error, -trace.guard, "guarded") : 0;
}

static int on_fill(void *user, const char *namespace_name, const char *service, const char *id)
{
    (void)user;
    say("fill %s/%s/%s%s", namespace_name, service, id,
        lab_instance(trace.lab, service, id) ? "" : ", which is not there");
    return 0;
}

static void on_plan(void *user, struct instance *instance)
{
    (void)user;
    say("plan %s %u", instance->id, instance->endpoint);
}

static void on_put(void *user, struct instance *instance)
{
    (void)user;
    say("put %s %u", instance->id, instance->endpoint);
}

static void on_removed(void *user, const char *namespace_name, uint32_t number)
{
    (void)user;
    say("removed %s %u", namespace_name, number);
}

static void on_settled(void *user, const char *namespace_name, const char *service, const char *id)
{
    (void)user;
    say("settled %s/%s/%s", namespace_name, service, id);
}

static void on_scopes_changed(void *user, const char *namespace_name)
{
    (void)user;
    say("scopes %s", namespace_name);
}

static void on_names_changed(void *user, const char *namespace_name)
{
    (void)user;
    say("names %s", namespace_name);
}

static void on_service_changed(void *user, const char *namespace_name, const char *service)
{
    const struct service *known = catalog_service(engine_catalog(trace.lab->engine), namespace_name, service);

    (void)user;
    say("service %s/%s%s", namespace_name, service,
        known && known->is_declared ? "" : ", which is not there");
}

static void on_lost(void *user, const char *namespace_name, const char *sentence, const struct actor *by)
{
    (void)user;
    (void)by;
    say("lost %s: %.30s", namespace_name, sentence);
}

static void on_settings_changed(void *user)
{
    (void)user;
    say("settings");
}

static int on_row(void *user, const char *key, const char *value)
{
    (void)user;
    (void)value;
    say("row %s", key);
    return 0;
}

static int on_loaded(void *user, struct error *error)
{
    (void)user;
    (void)error;
    say("loaded");
    return 0;
}

static void on_doubt(void *user, struct instance *instance)
{
    (void)user;
    say("doubt %s %u", instance->id, instance->endpoint);
}

static void on_found(void *user, struct instance *instance, uint32_t number, const struct svc_endpoint *entry)
{
    (void)user;
    assert_true(number > 0);
    say("found %s %s", instance->id, entry->address);
}

static int on_begin(void *user, struct error *error)
{
    (void)user;
    (void)error;
    say("begin");
    return 0;
}

static int on_moved(void *user, struct error *error)
{
    (void)user;
    (void)error;
    say("moved");
    return 0;
}

static const struct engine_follower follower = {
    .guard = on_guard,
    .fill = on_fill,
    .plan = on_plan,
    .put = on_put,
    .removed = on_removed,
    .settled = on_settled,
    .scopes_changed = on_scopes_changed,
    .names_changed = on_names_changed,
    .service_changed = on_service_changed,
    .settings_changed = on_settings_changed,
    .lost = on_lost,
    .row = on_row,
    .loaded = on_loaded,
    .doubt = on_doubt,
    .found = on_found,
    .begin = on_begin,
    .moved = on_moved,
};

static void forget(void)
{
    if (trace.out)
        (void)fclose(trace.out);
    free(trace.text);
    trace.text = NULL;
    trace.out = open_memstream(&trace.text, &trace.size);
    assert_non_null(trace.out);
}

static void expect(const char *wanted)
{
    (void)fflush(trace.out);
    assert_string_equal(trace.text, wanted);
    forget();
}

static int setup(void **state)
{
    struct engine_lab *lab = lab_new(128, 1024, LAB_ENDPOINTS, "127.255.0.0/26");

    trace = (struct trace){.lab = lab};
    forget();
    lab_start(lab, &follower, NULL);
    expect("loaded\nbegin\nmoved\n");
    *state = lab;
    return 0;
}

static int teardown(void **state)
{
    lab_free(*state);
    (void)fclose(trace.out);
    free(trace.text);
    return 0;
}

static void test_a_registration(void **state)
{
    struct engine_lab *lab = *state;

    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)}), 0);
    expect("guard services/ns/web\n"
           "guard instances/ns/web/a\n"
           "fill ns/web/a\n"
           "plan a 0\n"
           /* while the rows are on their way it is not there, and then it is */
           "fill ns/web/a, which is not there\n"
           "fill ns/web/a\n"
           "plan a 1\n"
           "put a 1\n"
           "settled ns/web/a\n"
           "names ns\nservice ns/web\n");
    /* Another weight: no name has come or gone. */
    assert_int_equal(DO(lab, {"instances/ns/web/a", WEIGHED(1, 9)}), 0);
    expect("guard instances/ns/web/a\nfill ns/web/a\nplan a 1\n"
           "fill ns/web/a\nplan a 1\nfill ns/web/a\nplan a 1\nput a 1\nsettled ns/web/a\n");
    assert_int_equal(DO(lab, {"instances/ns/web/a", NULL}), 0);
    expect("guard instances/ns/web/a\nfill ns/web/a, which is not there\n"
           "fill ns/web/a\nplan a 1\n"
           "lost ns: no endpoint of client alias we\n"
           "fill ns/web/a, which is not there\nremoved ns 1\nsettled ns/web/a\n");
}

static void test_a_guard_refuses(void **state)
{
    struct engine_lab *lab = *state;
    struct change privileged = {.rows = {{"services/ns/web", SERVICE("web")}}, .is_privileged = true};

    trace.guard = -EPERM;
    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}), -EPERM);
    assert_string_equal(lab->error.message, "guarded");
    expect("guard services/ns/web\n");
    assert_int_equal(lab_do(lab, privileged), 0);
    expect("names ns\nservice ns/web\n");
    /* The privilege ends with its job, also within a group. */
    {
        struct change first = {.rows = {{"services/ns/a", SERVICE("a")}}, .is_privileged = true};
        struct change second = {.rows = {{"services/ns/b", SERVICE("b")}}};

        lab_submit(lab, &first);
        lab_submit(lab, &second);
        lab_settle(lab);
        assert_int_equal(first.result, 0);
        assert_int_equal(second.result, -EPERM);
    }
    expect("guard services/ns/b\nnames ns\nservice ns/a\n");
}

static void test_namespaces_hear_once(void **state)
{
    struct engine_lab *lab = *state;

    assert_int_equal(DO(lab, {"services/one/a", SERVICE("a")}, {"services/two/a", SERVICE("a")},
                        {"services/one/b", SERVICE("b")}, {"services/two/b", SERVICE("b")},
                        {"routes/one/c/a:80/tcp", ROUTE("b")}, {"routes/one/d/a:80/tcp", ROUTE("a")},
                        {"settings/global", "{\"connectTimeoutSeconds\":3}"}),
                     0);
    expect("guard services/one/a\nguard services/two/a\nguard services/one/b\nguard services/two/b\n"
           "guard routes/one/c/a:80/tcp\nguard routes/one/d/a:80/tcp\nguard settings/global\n"
           "scopes one\nnames one\nnames two\nservice one/a\nservice two/a\nservice one/b\nservice "
           "two/b\nsettings\n");
}

static void test_what_is_refused_is_undone_and_filled(void **state)
{
    struct engine_lab *lab = *state;
    struct change refused = {.rows = {{"instances/ns/web/a", NULL}, {"instances/ns/web/b", INSTANCE(2)}},
                             .refuse = -EPERM};

    assert_int_equal(DO(lab, {"instances/ns/web/a", INSTANCE(1)}), 0);
    forget();
    assert_int_equal(lab_do(lab, refused), -EPERM);
    expect("guard instances/ns/web/a\nfill ns/web/a, which is not there\n"
           "guard instances/ns/web/b\nfill ns/web/b\n"
           "fill ns/web/b, which is not there\nfill ns/web/a\nplan a 1\n"); /* once; and nothing is put */
}

/* What earlier jobs of the group have touched is as they have left it. */
static void test_only_what_the_refused_job_touched_is_filled(void **state)
{
    struct engine_lab *lab = *state;
    struct change first = {.rows = {{"instances/ns/web/a", INSTANCE(1)}}};
    struct change refused = {.rows = {{"instances/ns/web/b", INSTANCE(2)}}, .refuse = -EPERM};

    lab_submit(lab, &first);
    lab_submit(lab, &refused);
    while (refused.runs == 0 || lab->engine->jobs->state == JOBS_DROPPING)
        jobs_step(lab->engine);
    expect("guard instances/ns/web/a\nfill ns/web/a\nguard instances/ns/web/b\nfill ns/web/b\n"
           "fill ns/web/b, which is not there\n");
    lab_settle(lab);
    assert_int_equal(first.result, 0);
    assert_int_equal(refused.result, -EPERM);
}

static void test_a_failed_commit_puts_nothing(void **state)
{
    const struct fake_step steps[] = {{FAKE_IO_ERROR, 1}};
    struct engine_lab *lab = *state;

    lab_plan(lab, steps, 1);
    assert_int_equal(DO(lab, {"instances/ns/web/a", INSTANCE(1)}), -EIO);
    expect("guard instances/ns/web/a\nfill ns/web/a\nplan a 0\n"
           "fill ns/web/a, which is not there\nfill ns/web/a, which is not there\n");
}

/* ---- the start ---- */

static void test_a_start_adopts_and_writes_differences(void **state)
{
    static const char *const stale = "instances/ns/web/b";
    struct engine_lab *lab = *state;
    struct registry_row gone = {.key = (char *)(uintptr_t)stale};
    uint64_t revision;
    uint32_t number;

    assert_int_equal(DO(lab, {"services/ns/web", SERVICE("web")}, {"instances/ns/web/a", INSTANCE(1)},
                        {"instances/ns/web/b", INSTANCE(2)}),
                     0);
    number = lab_instance(lab, "web", "a")->endpoint;
    lab_stop(lab);
    forget();
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    lab_start(lab, &follower, NULL);
    expect("row host/address/web\nrow host/scope/ns\nrow instances/ns/web/a\nrow instances/ns/web/b\n"
           "row services/ns/web\nloaded\ndoubt a 0\ndoubt b 0\nfound a 10.0.0.1\nfound b 10.0.0.2\nbegin\n"
           "moved\nput a 1\nput b 2\n");
    assert_int_equal(datapath_writes(lab->datapath), 0); /* all is as it should be */
    lab_check(lab);
    lab_expect_no_leak(lab);
    /* What went while nobody looked is taken away, and the rest keeps its number. */
    lab_stop(lab);
    assert_int_equal(registry_commit(lab->registry, &gone, 1, &revision, &lab->error), 0);
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    lab_start(lab, &follower, NULL);
    assert_int_equal(lab_instance(lab, "web", "a")->endpoint, number);
    assert_null(lab_instance(lab, "web", "b"));
    assert_int_equal(lab_table(lab, 1, "web:80/tcp"), UINT64_C(1) << number);
    lab_settle(lab);
    lab_check(lab);
    /* A new kernel state, as after a reboot: addresses and scopes come from the registry. */
    lab_stop(lab);
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_MIGRATED), 0);
    lab_start(lab, &follower, NULL);
    assert_int_equal(engine_address(lab->engine, "web", &number), 0);
    assert_int_equal(number, 1);
    lab_settle(lab);
    lab_check(lab);
}

static void test_there_are_only_so_many_followers(void **state)
{
    struct engine_lab *lab = *state;

    for (unsigned i = lab->engine->n_followers; i < ENGINE_MAX_FOLLOWERS; i++)
        assert_int_equal(engine_follow(lab->engine, &follower, NULL), 0);
    assert_int_equal(engine_follow(lab->engine, &follower, NULL), -ENOSPC);
}

#define FOLLOWER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLLOWER_TEST(test_a_registration),
        FOLLOWER_TEST(test_a_guard_refuses),
        FOLLOWER_TEST(test_namespaces_hear_once),
        FOLLOWER_TEST(test_what_is_refused_is_undone_and_filled),
        FOLLOWER_TEST(test_only_what_the_refused_job_touched_is_filled),
        FOLLOWER_TEST(test_a_failed_commit_puts_nothing),
        FOLLOWER_TEST(test_a_start_adopts_and_writes_differences),
        FOLLOWER_TEST(test_there_are_only_so_many_followers),
    };

    return cmocka_run_group_tests_name("followers", tests, NULL, NULL);
}
