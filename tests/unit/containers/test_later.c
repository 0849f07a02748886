/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Runtimes that are found by themselves, also when they come later. Their sockets are links to a Docker of the test's. Root only,
 * as only root's sockets are followed by themselves. */
#include "unit/containers/containers_lab.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SKIP_UNLESS_ROOT()                                                                                   \
    if (geteuid() != 0) {                                                                                    \
        print_message("skipped: needs root\n");                                                              \
        skip();                                                                                              \
    }

struct place {
    char directory[64];
};

static void place_make(struct place *place)
{
    (void)snprintf(place->directory, sizeof(place->directory), "/tmp/test-later-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
}

static void place_link(const struct place *place, const struct lab *lab, const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", place->directory, name);
    assert_int_equal(symlink(lab->fake.path, path), 0);
}

static void place_directory(const struct place *place, const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", place->directory, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void place_done(const struct place *place)
{
    char command[128];

    (void)snprintf(command, sizeof(command), "rm -r %s", place->directory);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c)
}

static bool is_followed(void *user)
{
    const struct lab *lab = user;

    return lab->containers->n_runtimes == 1 && lab->containers->runtimes[0].is_connected;
}

static void test_a_docker_that_comes_later(void **state)
{
    struct lab *lab = *state;
    struct place place;

    SKIP_UNLESS_ROOT();
    place_make(&place);
    lab_begin(lab, NULL);
    lab_running(lab, 'a', "web");
    lab_follow_as(lab, "auto", place.directory);
    house_for(&lab->house, 20);
    assert_int_equal(lab->containers->n_runtimes, 0);
    assert_null(lab->containers->gate); /* no thread for nobody */
    place_link(&place, lab, "unrelated");
    house_for(&lab->house, 20);
    assert_int_equal(lab->containers->n_runtimes, 0);
    place_link(&place, lab, "docker.sock");
    (void)lab_await(lab, "web", "aaaaaaaaaaaa-10");
    assert_string_equal(lab->containers->runtimes[0].name, "docker");
    place_done(&place);
}

static bool is_told_what_it_is(void *user)
{
    return ((const struct lab *)user)->containers->runtimes[0].version[0] != '\0';
}

static void test_what_people_are_told_of_a_runtime(void **state)
{
    struct lab *lab = *state;
    cJSON *list;
    const cJSON *one;

    lab_begin(lab, NULL);
    lab->fake.info = "{\"ServerVersion\": \"1.2\", \"CgroupDriver\": \"systemd\"}";
    (void)fake_docker_put(&lab->fake, 'b',
                          "\"State\": {\"Status\": \"running\"}, \"Config\": {\"Labels\": "
                          "{\"com.docker.compose.project\": \"p\"}}");
    lab_running(lab, 'a', "web");
    lab_follow(lab);
    lab_settle(lab);
    house_until(&lab->house, is_told_what_it_is, lab, "its version");
    list = containers_describe_runtimes(lab->containers);
    one = cJSON_GetArrayItem(list, 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(one, "version")), "1.2");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(one, "cgroupDriver")), "systemd");
    assert_int_equal(cJSON_GetObjectItem(one, "containers")->valueint, 2);
    assert_int_equal(cJSON_GetObjectItem(one, "tasks")->valueint, 1);
    assert_int_equal(cJSON_GetObjectItem(one, "unlabelled")->valueint, 1);
    cJSON_Delete(list);
}

static void test_one_whose_directory_comes_later(void **state)
{
    struct lab *lab = *state;
    struct place place;

    SKIP_UNLESS_ROOT();
    place_make(&place);
    lab_begin(lab, NULL);
    lab_follow_as(lab, "auto", place.directory);
    house_for(&lab->house, 20);
    place_directory(&place, "podman");
    house_for(&lab->house, 20);
    place_link(&place, lab, "podman/podman.sock");
    house_until(&lab->house, is_followed, lab, "podman to be followed");
    assert_string_equal(lab->containers->runtimes[0].name, "podman");
    place_link(&place, lab, "docker.sock"); /* podman's, called as Docker's */
    house_for(&lab->house, 20);
    assert_int_equal(lab->containers->n_runtimes, 1);
    place_done(&place);
}

static void test_auto_and_one_that_is_named(void **state)
{
    struct lab *lab = *state;
    struct place place;
    char setting[128];

    SKIP_UNLESS_ROOT();
    place_make(&place);
    lab_begin(lab, NULL);
    (void)snprintf(setting, sizeof(setting), "auto,podman:%s", lab->fake.path);
    place_link(&place, lab, "docker.sock"); /* the same one */
    lab_follow_as(lab, setting, place.directory);
    house_until(&lab->house, is_followed, lab, "the one that is named to be followed");
    assert_string_equal(lab->containers->runtimes[0].name, "podman");
    assert_string_equal(containers_setting(lab->containers), setting);
    place_done(&place);
}

static void test_a_users_own_is_not_found(void **state)
{
    struct lab *lab = *state;
    struct place place;

    SKIP_UNLESS_ROOT();
    place_make(&place);
    lab_begin(lab, NULL);
    assert_int_equal(chown(lab->fake.path, 7, 7), 0);
    place_link(&place, lab, "docker.sock");
    lab_follow_as(lab, "auto", place.directory);
    house_for(&lab->house, 30);
    assert_int_equal(lab->containers->n_runtimes, 0);
    assert_string_equal(containers_setting(lab->containers), "auto");
    assert_string_equal(containers_setting(NULL), "none");
    place_done(&place);
}

static bool is_looked_up(void *user)
{
    return ((const struct lab *)user)->fake.n_lookups > 0;
}

/* Its first container, too: by where systemd puts it. */
static void test_a_users_own_that_is_named(void **state)
{
    static const char *const steps[] = {"/user.slice", "/user-7.slice", "/user@7.service", "/user.slice"};
    struct lab *lab = *state;
    char path[300];
    char command[128];

    SKIP_UNLESS_ROOT();
    lab_begin(lab, NULL);
    assert_int_equal(chown(lab->fake.path, 7, 7), 0);
    (void)snprintf(path, sizeof(path), "%s", lab->fake.directory); /* the cgroup root here */
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        (void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "%s", steps[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    (void)snprintf(command, sizeof(command), "podman:%s", lab->fake.path);
    lab_follow_as(lab, command, NULL);
    if (!lab->containers->gate) {
        print_message("skipped: the kernel has no exec gate\n");
        skip();
    }
    lab_settle(lab);
    (void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/libpod-%s.scope", fake_id('a').text);
    lab->fake.lookup = "";
    assert_int_equal(mkdir(path, 0755), 0);
    house_until(&lab->house, is_looked_up, lab, "it to be asked for");
    (void)snprintf(command, sizeof(command), "rm -r %s/user.slice", lab->fake.directory);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c)
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_set_up, lab_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_docker_that_comes_later),       TEST(test_what_people_are_told_of_a_runtime),
        TEST(test_one_whose_directory_comes_later), TEST(test_auto_and_one_that_is_named),
        TEST(test_a_users_own_is_not_found),        TEST(test_a_users_own_that_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
