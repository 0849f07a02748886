/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is told of the containers of a Docker that answers late, badly, not at all, or goes away. One fake Docker and one
 * test for each fault, which makes it long. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "http/fetch.h"
#include "runtimes/docker.h"
#include "unit/runtimes/fake_docker.h"

struct lab {
    struct event_base *base;
    struct fake_docker fake;
    struct fetcher *fetcher;
    struct docker *docker;
    char told[4096]; /* one line for each word */
    unsigned n_settled;
    unsigned n_listing;
    unsigned n_connected;
    unsigned n_lost;
    unsigned n_put;
    unsigned n_gone;
    unsigned n_unread;
};

static void tell(struct lab *lab, const char *word, const char *what)
{
    size_t length = strlen(lab->told);

    (void)snprintf(lab->told + length, sizeof(lab->told) - length, "%s %s\n", word, what);
}

static void on_put(struct container *container, void *user)
{
    static const char *const states[] = {"created", "running", "paused", "ending", "ended"};
    struct lab *lab = user;
    const char *service = container_label(container, "svcconnect.service");
    char text[200];

    (void)snprintf(text, sizeof(text), "%s %s%s%s", container->name, states[container->state],
                   service ? " as " : "", service ? service : "");
    tell(lab, "put", text);
    assert_string_equal(container->runtime, "docker");
    container_free(&container);
    lab->n_put++;
}

static void tell_id(struct lab *lab, const char *word, const char *id)
{
    char text[2] = {id[0]};

    assert_int_equal(strlen(id), 64);
    tell(lab, word, text);
}

static void on_ending(const char *id, void *user)
{
    tell_id(user, "ending", id);
}

static void on_gone(const char *id, void *user)
{
    tell_id(user, "gone", id);
    ((struct lab *)user)->n_gone++;
}

static void on_unread(const struct docker *docker, const char *id, void *user)
{
    assert_string_equal(docker_runtime(docker), "docker");
    tell_id(user, "unread", id);
    ((struct lab *)user)->n_unread++;
}

static void on_listing(const struct docker *docker, void *user)
{
    assert_string_equal(docker_runtime(docker), "docker");
    ((struct lab *)user)->n_listing++;
}

static void on_listed(const struct docker *docker, char (*ids)[DOCKER_ID_MAX + 1], size_t n, void *user)
{
    char text[FAKE_CONTAINERS + 1] = "";

    (void)docker;
    for (size_t i = 0; i < n; i++)
        text[i] = ids[i][0];
    tell(user, "listed", text);
}

static void on_settled(const struct docker *docker, void *user)
{
    struct lab *lab = user;

    (void)docker;
    tell(lab, "settled", "");
    lab->n_settled++;
}

static void on_connection(const struct docker *docker, bool is_connected, const char *reason, void *user)
{
    struct lab *lab = user;

    (void)docker;
    tell(lab, is_connected ? "connected" : "lost:", reason);
    lab->n_connected += is_connected;
    lab->n_lost += !is_connected;
}

static int set_up(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_non_null(lab);
    log_set_level(LOG_LEVEL_ERROR);
    lab->base = event_base_new();
    fake_docker_begin(&lab->fake, lab->base);
    assert_int_equal(fetcher_new(lab->base, &lab->fetcher), 0);
    *state = lab;
    return 0;
}

static int tear_down(void **state)
{
    struct lab *lab = *state;

    docker_free(&lab->docker);
    docker_free(&lab->docker);
    fetcher_free(&lab->fetcher);
    fake_docker_end(&lab->fake);
    event_base_free(lab->base);
    free(lab);
    return 0;
}

/* Turns the loop until something is as wanted; the tests' time limit ends what never comes. */
#define turn_until(lab, condition)                                                                           \
    while (!(condition))                                                                                     \
    assert_true(event_base_loop((lab)->base, EVLOOP_ONCE) >= 0)

static void expect_told(struct lab *lab, const char *wanted)
{
    assert_string_equal(lab->told, wanted);
    lab->told[0] = '\0';
}

static void follow_with(struct lab *lab, uint32_t resync_ms)
{
    const struct docker_settings settings = {.base = lab->base,
                                             .fetcher = lab->fetcher,
                                             .runtime = "docker",
                                             .socket = lab->fake.path,
                                             .resync_ms = resync_ms,
                                             .put = on_put,
                                             .ending = on_ending,
                                             .gone = on_gone,
                                             .unread = on_unread,
                                             .listing = on_listing,
                                             .listed = on_listed,
                                             .settled = on_settled,
                                             .connection = on_connection,
                                             .user = lab};

    assert_int_equal(docker_new(&settings, &lab->docker), 0);
}

static void follow(struct lab *lab)
{
    follow_with(lab, 0);
}

/* Connected, with all of that forgotten. */
static void begin(struct lab *lab)
{
    follow(lab);
    turn_until(lab, lab->n_settled && lab->fake.stream);
    lab->told[0] = '\0';
    lab->n_put = 0;
}

static void put_running(struct lab *lab, char digit, const char *name)
{
    char text[256];

    (void)snprintf(text, sizeof(text),
                   "\"Name\": \"/%s\", \"State\": {\"Status\": \"running\", \"Pid\": 7}, "
                   "\"Config\": {\"Labels\": {\"svcconnect.service\": \"web\"}}",
                   name);
    (void)fake_docker_put(&lab->fake, digit, text);
}

/* ---- all of them ---- */

static void test_none(void **state)
{
    struct lab *lab = *state;

    follow(lab);
    turn_until(lab, lab->n_settled);
    expect_told(lab, "connected \nlisted \nsettled \n");
}

static void test_all_are_put_before_it_is_settled(void **state)
{
    static const char digits[] = "abcdef"; /* more than are asked for at once */
    struct lab *lab = *state;

    for (size_t i = 0; digits[i]; i++)
        put_running(lab, digits[i], (char[]){'c', digits[i], '\0'});
    follow(lab);
    turn_until(lab, lab->n_settled);
    assert_int_equal(lab->n_put, 6);
    assert_int_equal(lab->n_settled, 1);
    assert_int_equal(lab->fake.n_streams, 1);
    expect_told(lab, "connected \nlisted abcdef\nput ca running as web\nput cb running as web\n"
                     "put cc running as web\nput cd running as web\nput ce running as web\n"
                     "put cf running as web\nsettled \n");
}

static void test_one_that_went_meanwhile(void **state)
{
    struct lab *lab = *state;

    put_running(lab, 'a', "one");
    fake_docker_find(&lab->fake, 'a')->status = 404;
    follow(lab);
    turn_until(lab, lab->n_settled);
    expect_told(lab, "connected \nlisted a\ngone a\nsettled \n");
}

static void test_one_that_cannot_be_read_is_there_all_the_same(void **state)
{
    struct lab *lab = *state;

    put_running(lab, 'a', "one");
    fake_docker_find(&lab->fake, 'a')->status = 500;
    (void)fake_docker_put(&lab->fake, 'b', "no JSON");
    follow(lab);
    turn_until(lab, lab->n_settled);
    assert_int_equal(lab->n_unread, 2);
    expect_told(lab, "connected \nlisted ab\nunread a\nunread b\nsettled \n");
}

static void test_a_list_that_is_none_is_asked_for_again(void **state)
{
    struct lab *lab = *state;

    lab->fake.list = "[{";
    follow(lab);
    turn_until(lab, lab->n_lost == 1);
    assert_int_equal(lab->n_connected, 0);
    lab->fake.list = NULL;
    lab->fake.list_status = 503;
    turn_until(lab, lab->n_lost == 2);
    assert_non_null(strstr(lab->told, "lost: status 503"));
    lab->fake.list_status = 200;
    turn_until(lab, lab->n_settled);
    assert_int_equal(lab->n_connected, 1);
    assert_int_equal(lab->fake.n_lists, 3);
}

static void test_nobody_there(void **state)
{
    struct lab *lab = *state;

    (void)unlink(lab->fake.path);
    follow(lab);
    turn_until(lab, lab->n_lost == 2);
    assert_int_equal(lab->n_connected, 0);
    assert_true(strlen(lab->told) > strlen("lost: \nlost: \n")); /* it says why */
}

/* ---- events ---- */

static void test_created_is_told_at_once_with_labels(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    fake_docker_event(&lab->fake, 'a', "create",
                      "\"name\": \"one\", \"image\": \"i\", \"svcconnect.service\": \"web\"");
    turn_until(lab, lab->n_put);
    expect_told(lab, "put one created as web\n");
    assert_int_equal(lab->n_unread, 0);
}

static void test_a_change_asks(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    put_running(lab, 'a', "one");
    fake_docker_event(&lab->fake, 'a', "start", "");
    turn_until(lab, lab->n_put == 1);
    (void)fake_docker_put(&lab->fake, 'a', "\"Name\": \"/one\", \"State\": {\"Status\": \"exited\"}");
    fake_docker_event(&lab->fake, 'a', "die", "");
    turn_until(lab, lab->n_put == 2);
    expect_told(lab, "put one running as web\nput one ended\n");
}

static void test_a_change_while_the_answer_is_under_way_asks_once_more(void **state)
{
    struct lab *lab = *state;
    struct fake_container *container;

    begin(lab);
    put_running(lab, 'a', "one");
    container = fake_docker_find(&lab->fake, 'a');
    container->is_slow = true;
    fake_docker_event(&lab->fake, 'a', "start", "");
    turn_until(lab, container->open);
    fake_docker_event(&lab->fake, 'a', "die", "");
    fake_docker_event(&lab->fake, 'a', "stop", "");
    fake_docker_event(&lab->fake, 'b', "kill", "\"signal\": \"15\""); /* told when those before have been */
    turn_until(lab, *lab->told);
    expect_told(lab, "ending b\n");
    fake_docker_answer(container); /* too old to be told */
    (void)fake_docker_put(&lab->fake, 'a', "\"Name\": \"/one\", \"State\": {\"Status\": \"exited\"}");
    turn_until(lab, container->open);
    fake_docker_answer(container);
    turn_until(lab, lab->n_put);
    expect_told(lab, "put one ended\n");
    assert_int_equal(container->n_asked, 2);
}

static void test_what_ends_and_goes(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    fake_docker_event(&lab->fake, 'a', "kill", "\"signal\": \"1\"");
    fake_docker_event(&lab->fake, 'a', "kill", "\"signal\": \"9\"");
    fake_docker_event(&lab->fake, 'a', "exec_start: sh", "");
    fake_docker_send(&lab->fake, "nonsense\n");
    fake_docker_event(&lab->fake, 'a', "destroy", "");
    turn_until(lab, lab->n_gone);
    expect_told(lab, "ending a\ngone a\n");
}

static void test_a_change_of_one_that_is_gone(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    fake_docker_event(&lab->fake, 'a', "die", "");
    turn_until(lab, lab->n_gone);
    expect_told(lab, "gone a\n");
}

static void test_an_event_comes_in_pieces(void **state)
{
    struct lab *lab = *state;

    begin(lab);
    fake_docker_send(&lab->fake, "{\"Type\": \"container\", \"Action\": \"destroy\", \"Act");
    for (int i = 0; i < 20; i++)
        assert_true(event_base_loop(lab->base, EVLOOP_NONBLOCK) >= 0);
    fake_docker_send(&lab->fake, "or\": {\"ID\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                 "aaaaaaaa\"}}\n");
    turn_until(lab, lab->n_gone);
    expect_told(lab, "gone a\n");
}

/* Whose it is has been lost, so all are listed; the stream goes on, and the next event is taken at once. */
static void test_an_event_that_is_too_long(void **state)
{
    struct lab *lab = *state;
    size_t size = 3 * DOCKER_EVENT_MAX;
    char *text = malloc(size + 1);

    assert_non_null(text);
    memset(text, 'x', size);
    text[size] = '\0';
    begin(lab);
    put_running(lab, 'a', "one");
    fake_docker_send(&lab->fake, text);
    turn_until(lab, lab->n_settled == 2);
    expect_told(lab, "listed a\nput one running as web\nsettled \n");
    assert_int_equal(lab->n_listing, lab->fake.n_lists);
    assert_int_equal(lab->n_listing, 2);
    fake_docker_send(&lab->fake, "yet more of it\n");
    put_running(lab, 'b', "two");
    fake_docker_event(&lab->fake, 'b', "start", "");
    turn_until(lab, lab->n_put == 2);
    expect_told(lab, "put two running as web\n");
    assert_int_equal(lab->n_lost, 0);
    assert_int_equal(lab->fake.n_streams, 1);
    free(text);
}

static void test_a_stream_that_ends(void **state)
{
    struct lab *lab = *state;
    struct fake_container *container;

    begin(lab);
    put_running(lab, 'a', "one");
    container = fake_docker_find(&lab->fake, 'a');
    container->is_slow = true;
    fake_docker_event(&lab->fake, 'a', "start", "");
    turn_until(lab, container->open);
    container->is_slow = false;
    fake_docker_end_stream(&lab->fake);
    turn_until(lab, lab->n_settled == 2);
    expect_told(lab, "lost: it has ended\nconnected \nlisted a\nput one running as web\nsettled \n");
    assert_int_equal(lab->fake.n_streams, 2);
    assert_int_equal(container->n_asked, 2);
}

/* Nobody says that one has gone and another one has come: no ghosts, and none is missed for ever. */
static void test_what_no_event_has_told_of(void **state)
{
    struct lab *lab = *state;

    put_running(lab, 'a', "one");
    follow_with(lab, 50);
    turn_until(lab, lab->n_settled);
    fake_docker_remove(&lab->fake, 'a');
    put_running(lab, 'b', "two");
    lab->told[0] = '\0';
    turn_until(lab, strstr(lab->told, "listed b\nput two running as web\nsettled "));
    assert_int_equal(lab->fake.n_streams, 1);
    assert_int_equal(lab->n_lost, 0);
}

static void test_freed_while_much_is_under_way(void **state)
{
    struct lab *lab = *state;

    put_running(lab, 'a', "one");
    put_running(lab, 'b', "two");
    fake_docker_find(&lab->fake, 'a')->is_slow = true;
    follow(lab);
    turn_until(lab, lab->n_put && fake_docker_find(&lab->fake, 'a')->open);
    docker_free(&lab->docker);
    assert_null(lab->docker);
    assert_int_equal(lab->n_settled, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_none),
        TEST(test_all_are_put_before_it_is_settled),
        TEST(test_one_that_went_meanwhile),
        TEST(test_one_that_cannot_be_read_is_there_all_the_same),
        TEST(test_a_list_that_is_none_is_asked_for_again),
        TEST(test_nobody_there),
        TEST(test_created_is_told_at_once_with_labels),
        TEST(test_a_change_asks),
        TEST(test_a_change_while_the_answer_is_under_way_asks_once_more),
        TEST(test_what_ends_and_goes),
        TEST(test_a_change_of_one_that_is_gone),
        TEST(test_an_event_comes_in_pieces),
        TEST(test_an_event_that_is_too_long),
        TEST(test_a_stream_that_ends),
        TEST(test_what_no_event_has_told_of),
        TEST(test_freed_while_much_is_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
