/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Two runtimes of one name, as root's podman and a user's: each speaks of its own containers. */
#include "unit/containers/containers_lab.h"

#define GONE                                                                                                 \
    "instances/ns/web/old", "{\"address\":\"192.0.2.8\",\"port\":80,\"creatorRequestId\":"                   \
                            "\"container:podman:cccccccccccccccccccccccccccccccccccccccc\"}"
#define WEB "services/ns/web", "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}]}"

static struct fake_docker other;

static bool has_listed_again(void *user)
{
    return other.n_lists > *(const unsigned *)user && other.stream;
}

static void put_other(char digit, const char *service)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "\"Name\": \"/%c\", \"State\": {\"Status\": \"running\", " STARTED "}, \"Config\": "
                   "{\"Image\": \"i\", \"Labels\": {\"svcconnect.namespace\": \"ns\", "
                   "\"svcconnect.service\": \"%s\", \"svcconnect.port\": \"8080\"}}, "
                   "\"NetworkSettings\": {\"Networks\": {\"n\": {\"IPAddress\": \"192.0.2.200\"}}}",
                   digit, service);
    (void)fake_docker_put(&other, digit, text);
}

/* Each has one that serves "web": the first 'a', the other 'b'. */
static void begin_two(struct lab *lab, const char *const rows[])
{
    char setting[256];

    lab_begin(lab, rows);
    fake_docker_begin(&other, lab->house.base);
    lab_running(lab, 'a', "web");
    put_other('b', "web");
    (void)snprintf(setting, sizeof(setting), "podman:%s,podman:%s", lab->fake.path, other.path);
    lab_follow_as(lab, setting, NULL);
}

static int tear_down_two(void **state)
{
    struct lab *lab = *state;

    containers_end(&lab->containers);
    house_for(&lab->house, 20); /* it is seen that nobody listens any more */
    fake_docker_end(&other);
    return lab_tear_down(state);
}

static void list_other_again(struct lab *lab)
{
    unsigned before = other.n_lists;

    fake_docker_end_stream(&other);
    house_until(&lab->house, has_listed_again, &before, "the other to be listed again");
    house_for(&lab->house, 60);
}

static void test_the_list_of_one_ends_nothing_of_the_other(void **state)
{
    struct lab *lab = *state;

    begin_two(lab, NULL);
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    (void)lab_await(lab, "web", "bbbbbbbbbbbb-10");
    list_other_again(lab);
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    (void)lab_await(lab, "web", "bbbbbbbbbbbb-10");
    assert_ptr_equal(lab_held(lab, 'a')->from, &lab->containers->runtimes[0]);
    assert_ptr_equal(lab_held(lab, 'b')->from, &lab->containers->runtimes[1]);
    fake_docker_remove(&other, 'b');
    list_other_again(lab);
    lab_await_gone(lab, "web", "bbbbbbbbbbbb-10");
    assert_non_null(house_instance(&lab->house, "web", "aaaaaaaaaaaa-10"));
}

static void test_a_word_on_anothers_container_is_not_heard(void **state)
{
    struct lab *lab = *state;

    begin_two(lab, NULL);
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    (void)lab_await(lab, "web", "bbbbbbbbbbbb-10");
    put_other('a', "other");
    fake_docker_event(&other, 'a', "kill", "\"signal\": \"15\"");
    fake_docker_event(&other, 'a', "destroy", "");
    fake_docker_event(&other, 'a', "create", "\"name\": \"x\", \"svcconnect.service\": \"other\"");
    list_other_again(lab);
    assert_non_null(house_instance(&lab->house, "web", "aaaaaaaaaaaa-10"));
    assert_int_equal(house_instance(&lab->house, "web", "aaaaaaaaaaaa-10")->health, HEALTHY);
    assert_null(house_instance(&lab->house, "other", "aaaaaaaaaaaa-10"));
    assert_string_equal(lab_held(lab, 'a')->service, "web");
}

/* Whose it was nobody can tell: one of them has not said what it has. */
static void test_what_has_gone_is_removed_when_both_have_told(void **state)
{
    static const char *const rows[] = {WEB, GONE, NULL};
    struct lab *lab = *state;

    begin_two(lab, rows);
    other.list_status = 500;
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    house_for(&lab->house, 60);
    assert_true(lab->containers->runtimes[0].is_listed);
    assert_non_null(house_instance(&lab->house, "web", "old"));
    other.list_status = 200;
    lab_await_gone(lab, "web", "old");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_list_of_one_ends_nothing_of_the_other, lab_set_up,
                                        tear_down_two),
        cmocka_unit_test_setup_teardown(test_a_word_on_anothers_container_is_not_heard, lab_set_up,
                                        tear_down_two),
        cmocka_unit_test_setup_teardown(test_what_has_gone_is_removed_when_both_have_told, lab_set_up,
                                        tear_down_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
