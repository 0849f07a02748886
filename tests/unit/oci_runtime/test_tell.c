/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The container that is told of, and a daemon that answers well, badly, late or not at all. It is a child of the test. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "oci_runtime/started.h"
#include "oci_runtime/tell.h"

struct lab {
    char directory[64];
    char socket[100];
    pid_t child;
};

static int set_up(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_non_null(lab);
    (void)snprintf(lab->directory, sizeof(lab->directory), "/tmp/test-tell-XXXXXX");
    assert_non_null(mkdtemp(lab->directory));
    (void)snprintf(lab->socket, sizeof(lab->socket), "%s/socket", lab->directory);
    *state = lab;
    return 0;
}

static int tear_down(void **state)
{
    struct lab *lab = *state;
    char command[100];

    if (lab->child > 0) {
        (void)kill(lab->child, SIGKILL);
        (void)waitpid(lab->child, NULL, 0);
    }
    (void)snprintf(command, sizeof(command), "rm -rf %s", lab->directory);
    (void)!system(command); // NOLINT(cert-env33-c)
    free(lab);
    return 0;
}

static void write_file(const struct lab *lab, const char *name, const char *text)
{
    char path[200];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", lab->directory, name);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_directory(const struct lab *lab, const char *name)
{
    char path[200];

    (void)snprintf(path, sizeof(path), "%s/%s", lab->directory, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* ---- which container ---- */

static void test_runcs_state(void **state)
{
    struct lab *lab = *state;
    _cleanup_container_ struct container *container = NULL;

    make_directory(lab, "c");
    write_file(lab, "c/state.json",
               "{\"init_process_pid\": 77, \"config\": {\"labels\": [\"svcconnect.service=web\"]}}");
    assert_int_equal(started_read(lab->directory, "c", &container), 0);
    assert_int_equal(container->pid, 77);
    assert_string_equal(container->id, "c");
    assert_string_equal(container_label(container, "svcconnect.service"), "web");
}

static void test_cruns_status(void **state)
{
    struct lab *lab = *state;
    _cleanup_container_ struct container *container = NULL;
    char text[200];

    make_directory(lab, "c");
    (void)snprintf(text, sizeof(text), "{\"pid\": 78, \"bundle\": \"%s/b\", \"cgroup-path\": \"/x\"}",
                   lab->directory);
    write_file(lab, "c/status", text);
    make_directory(lab, "b");
    write_file(lab, "b/config.json", "{\"annotations\": {\"svcconnect.service\": \"web\"}}");
    assert_int_equal(started_read(lab->directory, "c", &container), 0);
    assert_int_equal(container->pid, 78);
    assert_string_equal(container_label(container, "svcconnect.service"), "web");
}

static void test_no_container(void **state)
{
    struct lab *lab = *state;
    struct container *container = NULL;
    char path[100];

    assert_int_equal(started_read(lab->directory, "c", &container), -ENOENT);
    assert_int_equal(started_read(lab->directory, "../c", &container), -EINVAL);
    assert_int_equal(started_read(lab->directory, "..", &container), -EINVAL);
    make_directory(lab, "c");
    write_file(lab, "c/state.json", "{");
    assert_int_equal(started_read(lab->directory, "c", &container), -EINVAL);
    make_directory(lab, "d");
    (void)snprintf(path, sizeof(path), "%s/d/state.json", lab->directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(started_read(lab->directory, "d", &container), -EINVAL);
    assert_null(container);
}

/* ---- the daemon ---- */

/* Answers one client: the pieces one after the other. It ends with 0 if the request was as it is to be. */
static void serve(struct lab *lab, const char *const pieces[])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, lab->socket, strlen(lab->socket) + 1);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    lab->child = fork();
    assert_true(lab->child >= 0);
    if (lab->child == 0) {
        char text[1000] = "";
        int fd = accept(listener, NULL, NULL);
        ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
        bool is_good = n > 0 && strncmp(text, "POST /v1/starts HTTP/1.1\r\n", 26) == 0 &&
                       strstr(text, "\"id\":\"c\"") && strstr(text, "\"pid\":77") &&
                       strstr(text, "\"svcconnect.service\":\"web\"");

        for (size_t i = 0; pieces[i]; i++) {
            (void)!send(fd, pieces[i], strlen(pieces[i]), MSG_NOSIGNAL);
            (void)usleep(2000);
        }
        if (!pieces[0])
            (void)pause();
        _exit(is_good ? 0 : 1);
    }
    (void)close(listener);
}

static int tell(const struct lab *lab, unsigned ms)
{
    _cleanup_container_ struct container *container = container_new("oci", "c", NULL);

    assert_non_null(container);
    container->pid = 77;
    assert_int_equal(container_add_label(container, "svcconnect.service", "web"), 0);
    return tell_start(lab->socket, container, clock_monotonic_ns() + (uint64_t)ms * 1000000u);
}

static void expect_good_request(struct lab *lab)
{
    int status = -1;

    assert_int_equal(waitpid(lab->child, &status, 0), lab->child);
    lab->child = 0;
    assert_int_equal(status, 0);
}

static void test_it_is_done(void **state)
{
    struct lab *lab = *state;

    serve(lab, (const char *[]){"HTTP/1.1 2", "00", " OK\r\n\r\n{}", NULL});
    assert_int_equal(tell(lab, 20000), 0);
    expect_good_request(lab);
}

static void test_it_is_refused(void **state)
{
    struct lab *lab = *state;

    serve(lab, (const char *[]){"HTTP/1.1 404 No\r\n\r\n{}", NULL});
    assert_int_equal(tell(lab, 20000), -EPROTO);
    expect_good_request(lab);
}

static void test_it_goes_away(void **state)
{
    struct lab *lab = *state;

    serve(lab, (const char *[]){"HTT", NULL});
    assert_int_equal(tell(lab, 20000), -EPROTO);
    expect_good_request(lab);
}

static void test_it_does_not_answer(void **state)
{
    struct lab *lab = *state;

    serve(lab, (const char *[]){NULL});
    assert_int_equal(tell(lab, 30), -ETIMEDOUT);
}

static void test_nobody_is_there(void **state)
{
    struct lab *lab = *state;

    assert_int_equal(tell(lab, 20000), -ENOENT);
    write_file(lab, "socket", "");
    assert_int_equal(tell(lab, 20000), -ECONNREFUSED);
    memset(lab->socket, 'x', sizeof(lab->socket) - 1);
    lab->socket[0] = '/';
    assert_int_equal(tell(lab, 20000), -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_runcs_state),        TEST(test_cruns_status),    TEST(test_no_container),
        TEST(test_it_is_done),         TEST(test_it_is_refused),   TEST(test_it_goes_away),
        TEST(test_it_does_not_answer), TEST(test_nobody_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
