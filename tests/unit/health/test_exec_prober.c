/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Commands that pass, fail, hang, talk too much, leave children behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "health/exec_prober.h"
#include "live_probe.h"

static struct exec_prober *prober;
static unsigned n_gone;
static void *last_gone;
static char *allowed[] = {(char *)"/bin/sh", (char *)"/nonexistent/", (char *)"/etc/passwd"};
static const struct exec_policy policy = {allowed, ARRAY_SIZE(allowed)};
static char self[] = "the prober's user";

static void on_gone(void *prober_user, void *user)
{
    assert_ptr_equal(prober_user, self);
    n_gone++;
    last_gone = user;
}

static int prober_begin(void **unused)
{
    n_gone = 0;
    return loop_begin(unused) < 0 ? -1 : exec_prober_new(base, &policy, on_done, on_gone, self, &prober);
}

static int prober_end(void **unused)
{
    exec_prober_free(&prober);
    return loop_end(unused);
}

static bool is_one_gone(void *unused)
{
    (void)unused;
    return n_gone > 0;
}

static struct exec_probe *start(const char *script, uint32_t timeout_ms, struct outcome *told)
{
    static char *command[4];
    static struct health_check check;
    static struct probe_request request;
    struct exec_probe *probe = NULL;

    *told = (struct outcome){0};
    command[0] = (char *)"/bin/sh";
    command[1] = (char *)"-c";
    command[2] = (char *)script;
    check = (struct health_check){.type = HEALTH_CHECK_EXEC, .timeout_ms = timeout_ms, .command = command};
    request = (struct probe_request){.check = &check,
                                     .name = "default/backend/i-1",
                                     .address = loopback(AF_INET6),
                                     .port = 8080,
                                     .user = told};
    assert_int_equal(exec_prober_start(prober, &request, &probe), 0);
    assert_int_equal(told->count, 0);
    return probe;
}

static void run_and_expect(const char *script, uint32_t timeout_ms, enum probe_outcome outcome,
                           const char *reason)
{
    struct outcome told;

    n_gone = 0;
    (void)start(script, timeout_ms, &told);
    assert_int_equal(exec_prober_count(prober), 1);
    loop_until(is_told, &told, script);
    expect(&told, outcome, reason);
    loop_until(is_one_gone, NULL, "the command is gone");
    assert_ptr_equal(last_gone, &told);
    assert_int_equal(exec_prober_count(prober), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie */
    assert_int_equal(errno, ECHILD);
}

static void test_outcomes(void **unused)
{
    (void)unused;
    run_and_expect("exit 0", 5000, PROBE_PASSED, "exit status 0");
    run_and_expect("exit 3", 5000, PROBE_FAILED, "exit status 3");
    run_and_expect("kill -TERM $$", 5000, PROBE_FAILED, "ended by signal 15");
    run_and_expect("no-such-command-at-all 2>/dev/null", 5000, PROBE_FAILED, "exit status 127");
}

static void test_last_line(void **unused)
{
    (void)unused;
    run_and_expect("echo first; echo 'cannot reach it' >&2; echo; exit 1", 5000, PROBE_FAILED,
                   "exit status 1: cannot reach it");
    run_and_expect("printf 'a\\033[1mb\\303\\251'; exit 1", 5000, PROBE_FAILED, "exit status 1: a?[1mb??");
    run_and_expect("head -c 300000 /dev/zero; echo; echo end; exit 1", 5000, PROBE_FAILED,
                   "exit status 1: end");
    run_and_expect("cat; exit 1", 5000, PROBE_FAILED, "exit status 1"); /* nothing comes in */
}

static void test_too_much_output(void **unused)
{
    (void)unused;
    run_and_expect("yes", 10000, PROBE_FAILED, "more than 1024 KiB of output");
    run_and_expect("head -c 1000000 /dev/zero", 10000, PROBE_PASSED, "exit status 0");
}

static void test_timeout(void **unused)
{
    int64_t begun_ms = clock_ms();

    (void)unused;
    run_and_expect("trap '' TERM INT HUP; sleep 60", 200, PROBE_FAILED, "not done within 200 ms");
    run_and_expect("exec >&- 2>&-; sleep 60", 200, PROBE_FAILED, "not done within 200 ms");
    assert_true(clock_ms() - begun_ms < 30000);
}

static bool is_group_empty(void *user)
{
    return kill(-*(const pid_t *)user, 0) < 0 && errno == ESRCH;
}

/* Whether the command was killed or has ended by itself, its group goes with it. */
static void test_children_are_killed(void **unused)
{
    static const char *const scripts[] = {
        "sleep 60 & sleep 60 & echo $$ >$SVC_TEST_FILE; wait",
        "sleep 60 & sleep 60 & echo $$ >$SVC_TEST_FILE; exit 0",
    };
    char path[] = "/tmp/svc-health-XXXXXX";
    _cleanup_close_ int fd = mkstemp(path);

    (void)unused;
    assert_true(fd >= 0);
    assert_int_equal(setenv("SVC_TEST_FILE", path, 1), 0);
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        struct outcome told;
        char text[32] = "";
        pid_t group;

        (void)start(scripts[i], 1500, &told);
        loop_until(is_told, &told, scripts[i]);
        assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
        group = (pid_t)strtol(text, NULL, 10);
        assert_true(group > 1);
        loop_until(is_group_empty, &group, "nobody is left of the group");
    }
    (void)unsetenv("SVC_TEST_FILE");
    (void)unlink(path);
}

static void test_environment(void **unused)
{
    (void)unused;
    assert_int_equal(setenv("SVCCONNECT_PORT", "of ours", 1), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", "/nowhere", 1), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", "30000000", 1), 0);
    run_and_expect("echo \"$SVCCONNECT_NAME $SVCCONNECT_ADDRESS $SVCCONNECT_PORT ${NOTIFY_SOCKET-none}"
                   " ${WATCHDOG_USEC-none}\"",
                   5000, PROBE_PASSED, ": default/backend/i-1 ::1 8080 none none");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("SVCCONNECT_PORT");
    (void)unsetenv("NOTIFY_SOCKET");
}

/* No descriptor but the three, not even one without CLOEXEC; nothing ignored or blocked; a
 * group of its own. */
static void test_what_is_inherited(void **unused)
{
    _cleanup_close_ int careless = dup(STDERR_FILENO);
    sigset_t blocked;
    sigset_t before;

    (void)unused;
    assert_true(careless > 2);
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &blocked, &before);
    run_and_expect(
        "for n in 3 4 5 6 7 8 9 11 12 13 14 15 16; do [ ! -e /proc/$$/fd/$n ] || exit 1; done; echo none",
        5000, PROBE_PASSED, "exit status 0: none");
    run_and_expect("grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -s '\\n\\t' '  ' | sed s/18/00/", 5000,
                   PROBE_PASSED, "SigBlk: 0000000000000000 SigIgn: 0000000000000000");
    run_and_expect("set -- $(cat /proc/$$/stat); [ $5 = $$ ]", 5000, PROBE_PASSED, "exit status 0");
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

static void test_not_a_command(void **unused)
{
    char *command[] = {(char *)"/nonexistent/command", NULL};
    const struct health_check check = {.type = HEALTH_CHECK_EXEC, .timeout_ms = 100, .command = command};
    const struct probe_request request = {.check = &check, .address = loopback(AF_INET)};
    struct exec_probe *probe = NULL;

    (void)unused;
    assert_int_equal(exec_prober_start(prober, &request, &probe), -ENOENT);
    command[0] = (char *)"/etc/passwd";
    assert_int_equal(exec_prober_start(prober, &request, &probe), -EACCES);
    assert_int_equal(exec_prober_count(prober), 0);
    assert_null(probe);
}

/* By another policy, by none, and by a name that is looked for nowhere: nothing is started. */
static void test_not_allowed(void **unused)
{
    char directory[] = P_tmpdir "/svc-exec-XXXXXX";
    char mark[128];
    char script[160];
    char *command[] = {(char *)"/bin/sh", (char *)"-c", script, NULL};
    char *other[] = {(char *)"/bin/true"};
    const struct exec_policy other_policy = {other, 1};
    const struct exec_policy *const policies[] = {NULL, &(const struct exec_policy){0}, &other_policy,
                                                  &policy};
    const struct health_check check = {.type = HEALTH_CHECK_EXEC, .timeout_ms = 100, .command = command};
    const struct probe_request request = {.check = &check, .address = loopback(AF_INET)};
    struct exec_probe *probe = NULL;

    (void)unused;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(mark, sizeof(mark), "%s/ran", directory);
    (void)snprintf(script, sizeof(script), "touch %s", mark);
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
        exec_prober_free(&prober);
        assert_int_equal(exec_prober_new(base, policies[i], on_done, on_gone, self, &prober), 0);
        if (policies[i] == &policy)
            command[0] = (char *)"sh";
        assert_false(exec_prober_allows(prober, &check));
        assert_int_equal(exec_prober_start(prober, &request, &probe), -EPERM);
        assert_int_equal(exec_prober_count(prober), 0);
    }
    assert_null(probe);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child at all */
    assert_int_equal(access(mark, F_OK), -1);
    assert_int_equal(rmdir(directory), 0);
}

/* What has no format of its own is not given to a shell, which nobody has named. */
static void test_no_shell_steps_in(void **unused)
{
    char path[] = P_tmpdir "/svc-exec-XXXXXX";
    char *command[] = {path, NULL};
    char *only[] = {path};
    const struct exec_policy only_it = {only, 1};
    const struct health_check check = {.type = HEALTH_CHECK_EXEC, .timeout_ms = 100, .command = command};
    const struct probe_request request = {.check = &check, .address = loopback(AF_INET)};
    struct exec_probe *probe = NULL;
    int fd = mkstemp(path);

    (void)unused;
    assert_true(fd >= 0 && write(fd, "exit 0\n", 7) == 7 && fchmod(fd, 0700) == 0 && close(fd) == 0);
    exec_prober_free(&prober);
    assert_int_equal(exec_prober_new(base, &only_it, on_done, on_gone, self, &prober), 0);
    assert_int_equal(exec_prober_start(prober, &request, &probe), -ENOEXEC);
    assert_int_equal(unlink(path), 0);
}

static void test_cancel(void **unused)
{
    struct outcome told;

    (void)unused;
    exec_prober_cancel(prober, start("sleep 60", 100, &told));
    assert_int_equal(exec_prober_count(prober), 1);
    loop_until(is_one_gone, NULL, "the command is gone");
    assert_null(last_gone);
    assert_int_equal(told.count, 0);
    assert_int_equal(exec_prober_count(prober), 0);
}

static void test_free_while_under_way(void **unused)
{
    struct outcome told[3];
    int64_t begun_ms = clock_ms();

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(told); i++)
        (void)start("sleep 60", 60000, &told[i]);
    exec_prober_free(&prober);
    assert_null(prober);
    assert_true(clock_ms() - begun_ms < 10000);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* A child of the process that is not the prober's is left to whoever waits for it. */
static void test_other_children(void **unused)
{
    struct outcome told;
    pid_t other = fork();
    int status;

    (void)unused;
    if (other == 0)
        _exit(7);
    (void)start("exit 0", 5000, &told);
    loop_until(is_told, &told, "the outcome");
    loop_until(is_one_gone, NULL, "the command is gone");
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_int_equal(WEXITSTATUS(status), 7);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, prober_begin, prober_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(test_outcomes),
        LIVE(test_last_line),
        LIVE(test_too_much_output),
        LIVE(test_timeout),
        LIVE(test_children_are_killed),
        LIVE(test_environment),
        LIVE(test_what_is_inherited),
        LIVE(test_not_a_command),
        LIVE(test_not_allowed),
        LIVE(test_no_shell_steps_in),
        LIVE(test_cancel),
        LIVE(test_free_while_under_way),
        LIVE(test_other_children),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
