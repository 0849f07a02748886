/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who asks: uid, process and its name, by what the kernel says of the socket. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "live_server.h"

#define NOBODY 65534

static int say_who(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct actor actor = control_call_actor(call);

    (void)error;
    (void)user;
    assert_int_equal(actor.kind, ACTOR_SOCKET);
    *ret_answer = actor_json(&actor);
    return 0;
}

static const struct control_route routes[] = {
    {.method = EVHTTP_REQ_GET, .path = "/who", .handle = say_who},
    {0},
};

static int begin(void **state)
{
    (void)state;
    return server_start(routes);
}

static int end(void **state)
{
    (void)state;
    return server_end();
}

static void expect_number(const struct answer *answer, const char *name, double wanted)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(answer->json, name);

    assert_true(cJSON_IsNumber(item));
    assert_true(item->valuedouble == wanted);
}

static void test_this_process(void **state)
{
    struct answer answer;
    char name[17] = "";

    (void)state;
    assert_int_equal(prctl(PR_GET_NAME, name), 0);
    request("GET", "/who", "", 0, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(text_of(answer.json, "kind"), "socket");
    assert_string_equal(text_of(answer.json, "name"), name);
    expect_number(&answer, "pid", getpid());
    expect_number(&answer, "uid", geteuid());
    answer_done(&answer);
}

/* Asks as another process of that uid and name, and ends before the answer is looked at; -1: this uid. */
static pid_t ask_as(const char *name, uid_t uid, struct answer *ret_answer)
{
    _cleanup_close_ int fd = -1;
    int sockets[2];
    pid_t child;
    int status;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    child = fork();
    if (child == 0) {
        static const char text[] = "GET /who HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        char got[4096];
        ssize_t n;
        int asked;

        (void)prctl(PR_SET_NAME, name);
        if (uid != (uid_t)-1 && (setgid(uid) < 0 || setuid(uid) < 0))
            _exit(1);
        asked = connected();
        send_all(asked, text, strlen(text));
        while ((n = recv(asked, got, sizeof(got), 0)) > 0)
            send_all(sockets[1], got, (size_t)n);
        _exit(0);
    }
    (void)close(sockets[1]);
    fd = sockets[0];
    receive(fd, ret_answer);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return child;
}

static void test_another_process(void **state)
{
    struct answer answer;
    pid_t pid = ask_as("somebody", (uid_t)-1, &answer);

    (void)state;
    expect_number(&answer, "pid", pid);
    assert_string_equal(text_of(answer.json, "name"), "somebody");
    answer_done(&answer);
}

/* Names are whatever a process says: they are quoted, and cannot break out of the text. */
static void test_a_hostile_name(void **state)
{
    struct answer answer;

    (void)state;
    (void)ask_as("\",\"uid\":0,\"\n", (uid_t)-1, &answer);
    expect_number(&answer, "uid", geteuid());
    assert_non_null(strchr(text_of(answer.json, "name"), '"'));
    answer_done(&answer);
}

static void test_another_user(void **state)
{
    struct answer answer;

    (void)state;
    if (geteuid() != 0) {
        print_message("[  SKIP    ] another uid can be taken by root alone\n");
        skip();
    }
    assert_int_equal(chmod(directory, 0755), 0);
    assert_int_equal(chmod(path, 0666), 0);
    (void)ask_as("tenant", NOBODY, &answer);
    expect_number(&answer, "uid", NOBODY);
    assert_string_equal(text_of(answer.json, "name"), "tenant");
    answer_done(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_process),
        cmocka_unit_test(test_another_process),
        cmocka_unit_test(test_a_hostile_name),
        cmocka_unit_test(test_another_user),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
