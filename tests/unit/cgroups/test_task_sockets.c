/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Connections of real processes in cgroups and network namespaces made for them; skipped with the reason
 * where that cannot be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/syscall.h>

#include "socket_clients.h"

static struct task_sockets_result count(const struct task_sockets_request *request)
{
    struct task_sockets_result result = {0};
    struct error error = {0};
    int r = task_sockets_count(request, &result, &error);

    if (r < 0)
        fail_msg("%d: %s", r, error.message);
    return result;
}

static uint64_t count_in(const char *cgroup, bool is_v6)
{
    struct task_sockets_request request = request_for(&cgroup, 1, is_v6);
    struct task_sockets_result result = count(&request);

    assert_int_equal(result.incomplete, 0);
    assert_int_equal(result.destroyed, 0);
    return result.open;
}

/* ---- counting ---- */

static void test_inside_is_counted_outside_is_not(void **state)
{
    struct client inside = {.cgroup = task_cgroup(), .family = AF_INET};
    struct client outside = {.family = AF_INET};

    (void)state;
    assert_int_equal(count_in(task, false), 0);
    start(&outside);
    assert_int_equal(count_in(task, false), 0);
    start(&inside);
    assert_int_equal(count_in(task, false), 1);
}

static void test_descendants_and_several_tasks(void **state)
{
    char below[PATH_MAX + 8], other[PATH_MAX + 8], missing[PATH_MAX + 8];
    struct client first = {.cgroup = below, .family = AF_INET};
    struct client second = {.cgroup = other, .family = AF_INET, .connections = 2};
    const char *const cgroups[] = {task_cgroup(), other, missing};
    struct task_sockets_request request = request_for(cgroups, 3, false);

    (void)state;
    (void)snprintf(below, sizeof(below), "%s/below", task);
    (void)snprintf(other, sizeof(other), "%.*s/other", (int)(strrchr(task, '/') - task), task);
    (void)snprintf(missing, sizeof(missing), "%s/none", task);
    assert_int_equal(mkdir(below, 0755), 0);
    assert_int_equal(mkdir(other, 0755), 0);
    start(&first);
    start(&second);
    assert_int_equal(count_in(task, false), 1);
    assert_int_equal(count_in(other, false), 2);
    assert_int_equal(count_in(missing, false), 0);
    assert_int_equal(count(&request).open, 3);
    assert_int_equal(count(&request).namespaces, 1);
    request.n_cgroups = 0;
    assert_int_equal(count(&request).open, 0);
}

static void test_other_destinations_are_not_counted(void **state)
{
    const char *cgroup = task_cgroup();
    struct client inside = {.cgroup = cgroup, .family = AF_INET};
    struct task_sockets_request request = request_for(&cgroup, 1, false);

    (void)state;
    start(&inside);
    assert_int_equal(ip_address_parse("127.0.0.2", &request.address), 0);
    assert_int_equal(count(&request).open, 0);
    assert_int_equal(ip_address_parse("127.0.0.1", &request.address), 0);
    request.port ^= 1;
    assert_int_equal(count(&request).open, 0);
    request.port ^= 1;
    assert_int_equal(count(&request).open, 1);
}

static void test_mapped(void **state)
{
    struct client inside = {.cgroup = task_cgroup(), .family = AF_INET6};

    (void)state;
    if (listeners[1] < 0) {
        print_message("no IPv6 here: skipped\n");
        skip();
    }
    start(&inside);
    assert_int_equal(count_in(task, false), 1);
}

static void test_ipv6(void **state)
{
    struct client inside = {.cgroup = task_cgroup(), .family = AF_INET6, .is_to_v6 = true};

    (void)state;
    if (listeners[1] < 0) {
        print_message("no IPv6 here: skipped\n");
        skip();
    }
    start(&inside);
    assert_int_equal(count_in(task, true), 1);
    assert_int_equal(count_in(task, false), 0);
}

static void test_closed_is_not_counted(void **state)
{
    struct client inside = {.cgroup = task_cgroup(), .family = AF_INET, .closes_one = true};
    unsigned patience = 100;

    (void)state;
    start(&inside);
    while (count_in(task, false) > 1 && patience-- > 0)
        (void)usleep(10000);
    assert_int_equal(count_in(task, false), 1);
}

static void test_another_network_namespace(void **state)
{
    const char *cgroup = task_cgroup();
    struct client here = {.cgroup = cgroup, .family = AF_INET};
    struct client there = {.cgroup = cgroup, .family = AF_INET, .has_own_network = true, .connections = 2};
    struct task_sockets_request request = request_for(&cgroup, 1, false);
    struct stat before, after;

    (void)state;
    assert_int_equal(stat("/proc/thread-self/ns/net", &before), 0);
    start(&there);
    assert_int_equal(count_in(task, false), 2);
    start(&here);
    assert_int_equal(count(&request).open, 3);
    assert_int_equal(count(&request).namespaces, 2);
    assert_int_equal(stat("/proc/thread-self/ns/net", &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

/* ---- closing ---- */

static void test_kill_closes_these_alone(void **state)
{
    const char *cgroup = task_cgroup();
    struct client here = {.cgroup = cgroup, .family = AF_INET};
    struct client mapped = {.cgroup = cgroup, .family = listeners[1] < 0 ? AF_INET : AF_INET6};
    struct client there = {.cgroup = cgroup, .family = AF_INET, .has_own_network = true};
    struct client outside = {.family = AF_INET};
    struct task_sockets_request request = request_for(&cgroup, 1, false);
    struct task_sockets_result result;

    (void)state;
    start(&here);
    start(&mapped);
    start(&there);
    start(&outside);
    request.kill = true;
    result = count(&request);
    assert_int_equal(result.open, 3);
    assert_int_equal(result.destroyed, 3);
    assert_int_equal(result.incomplete, 0);
    assert_int_equal(end_status(&here), ECONNABORTED);
    assert_int_equal(end_status(&mapped), ECONNABORTED);
    assert_int_equal(end_status(&there), ECONNABORTED);
    (void)usleep(50000);
    assert_true(is_running(&outside));
    assert_int_equal(count(&request).open, 0);
}

static void test_many(void **state)
{
    const char *cgroup = task_cgroup();
    struct client inside = {.cgroup = cgroup, .family = AF_INET, .connections = MANY};
    struct task_sockets_request request = request_for(&cgroup, 1, false);
    struct task_sockets_result result;

    (void)state;
    start(&inside);
    assert_int_equal(count(&request).open, MANY);
    request.kill = true;
    result = count(&request);
    assert_int_equal(result.open, MANY);
    assert_int_equal(result.destroyed, MANY);
    assert_int_equal(end_status(&inside), ECONNABORTED);
}

/* A kernel without CONFIG_INET_DIAG_DESTROY, played by a filter that answers as it would to a request of that
 * size. */
static void refuse_destroying(void)
{
    const unsigned size =
        72; /* struct nlmsghdr and struct inet_diag_req_v2; a dump's has a filter behind it */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, size, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        _exit(10);
}

static void test_a_kernel_that_cannot_close(void **state)
{
    const char *cgroup = task_cgroup();
    struct client inside = {.cgroup = cgroup, .family = AF_INET};
    struct client judge = {0};
    struct task_sockets_request request = request_for(&cgroup, 1, false);

    (void)state;
    start(&inside);
    judge.pid = fork();
    assert_true(judge.pid >= 0);
    if (judge.pid == 0) {
        struct task_sockets_result result = {.open = 99};
        struct error error = {0};

        refuse_destroying();
        if (task_sockets_count(&request, &result, NULL) != 0 || result.open != 1)
            _exit(11);
        request.kill = true;
        result.open = 99;
        if (task_sockets_count(&request, &result, &error) != -EOPNOTSUPP)
            _exit(12);
        _exit(strstr(error.message, "CONFIG_INET_DIAG_DESTROY") && result.open == 99 ? 0 : 13);
    }
    assert_int_equal(end_status(&judge), 0);
    assert_true(is_running(&inside));
}

/* ---- jobs ---- */

static void test_a_job_tells_when_it_has_ended(void **state)
{
    const char *cgroup = task_cgroup();
    struct client inside = {.cgroup = cgroup, .family = AF_INET};
    struct task_sockets_request request = request_for(&cgroup, 1, false);
    struct task_sockets *job = NULL;
    struct task_sockets_result result = {0};
    struct pollfd ended;

    (void)state;
    start(&inside);
    assert_int_equal(task_sockets_begin(&request, &job, NULL), 0);
    ended = (struct pollfd){.fd = task_sockets_fd(job), .events = POLLIN};
    assert_int_equal(poll(&ended, 1, 5000), 1);
    assert_int_equal(task_sockets_end(&job, &result, NULL), 0);
    assert_null(job);
    assert_int_equal(result.open, 1);
}

/* A leak or a use after free here is for the sanitizers to see. */
static void test_cancelled_at_any_time(void **state)
{
    const char *cgroup = task_cgroup();
    struct client inside = {.cgroup = cgroup, .family = AF_INET, .connections = MANY};
    struct task_sockets_request request = request_for(&cgroup, 1, false);

    (void)state;
    start(&inside);
    for (unsigned i = 0; i < 50; i++) {
        _cleanup_task_sockets_ struct task_sockets *job = NULL;

        assert_int_equal(task_sockets_begin(&request, &job, NULL), 0);
        (void)usleep(i * 50);
    }
    assert_int_equal(count(&request).open, MANY);
}

static void test_no_port(void **state)
{
    struct task_sockets_request request = {0};
    struct task_sockets *job = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(task_sockets_begin(&request, &job, &error), -EINVAL);
    assert_null(job);
    assert_non_null(strstr(error.message, "port"));
    task_sockets_cancel(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_inside_is_counted_outside_is_not, end_clients),
        cmocka_unit_test_teardown(test_descendants_and_several_tasks, end_clients),
        cmocka_unit_test_teardown(test_other_destinations_are_not_counted, end_clients),
        cmocka_unit_test_teardown(test_mapped, end_clients),
        cmocka_unit_test_teardown(test_ipv6, end_clients),
        cmocka_unit_test_teardown(test_closed_is_not_counted, end_clients),
        cmocka_unit_test_teardown(test_another_network_namespace, end_clients),
        cmocka_unit_test_teardown(test_kill_closes_these_alone, end_clients),
        cmocka_unit_test_teardown(test_many, end_clients),
        cmocka_unit_test_teardown(test_a_kernel_that_cannot_close, end_clients),
        cmocka_unit_test_teardown(test_a_job_tells_when_it_has_ended, end_clients),
        cmocka_unit_test_teardown(test_cancelled_at_any_time, end_clients),
        cmocka_unit_test(test_no_port),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
