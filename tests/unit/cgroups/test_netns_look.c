/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Network namespaces of cgroups, and their numbers for each other: two of the test's own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "unit/own_network.h"

#include "cgroups/netns_look.h"

/* A process in a network namespace of its own; 0: there is none to be had. */
static pid_t start_process(void)
{
    int told[2];
    char is_there = 0;
    pid_t pid;

    assert_int_equal(pipe(told), 0);
    pid = fork();
    if (pid == 0) {
        is_there = own_network_enter(0);
        (void)!write(told[1], &is_there, 1);
        (void)pause();
        _exit(0);
    }
    assert_int_equal(read(told[0], &is_there, 1), 1);
    (void)close(told[0]);
    (void)close(told[1]);
    if (is_there)
        return pid;
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    return 0;
}

static void end_process(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static void test_the_callers_own_comes_first(void **state)
{
    static const char *const cgroups[] = {"/sys/fs/cgroup/there-is-no-such-directory"};
    struct netns_look look = {0};
    int r = netns_look(cgroups, 1, &look);

    (void)state;
    if (r == -ENOTSUP) {
        print_message("skipped: this kernel does not tell network namespaces apart\n");
        skip();
    }
    assert_int_equal(r, 0);
    assert_int_equal(look.n, 1);
    assert_int_equal(look.all[0].pid, 0);
    assert_true(look.all[0].cookie != 0 && look.all[0].inode != 0);
    assert_true(look.all[0].is_asked);
    for (size_t i = 0; i < look.all[0].n_addresses; i++)
        assert_false(ip_address_is_loopback(&look.all[0].addresses[i]));
    netns_look_done(&look);
    netns_look_done(&look);
}

static ino_t inode_of(pid_t pid)
{
    char path[64];
    struct stat info;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    assert_int_equal(stat(path, &info), 0);
    return info.st_ino;
}

static void test_numbers_stay_and_differ(void **state)
{
    pid_t one = start_process();
    pid_t other = one ? start_process() : 0;
    struct netns_seen own = {0}, first, second;
    int to_first, to_second;

    (void)state;
    if (!other) {
        print_message("skipped: no network namespace to be had\n");
        skip();
    }
    first = (struct netns_seen){.pid = one, .inode = inode_of(one)};
    second = (struct netns_seen){.pid = other, .inode = inode_of(other)};
    own.inode = inode_of(getpid());
    to_first = netns_number(&own, &first);
    if (to_first == -EPERM) {
        end_process(one);
        end_process(other);
        print_message("skipped: numbers take CAP_NET_ADMIN\n");
        skip();
    }
    to_second = netns_number(&own, &second);
    assert_true(to_first >= 0 && to_second >= 0 && to_first != to_second);
    assert_int_equal(netns_number(&own, &first), to_first);
    assert_true(netns_number(&first, &second) >= 0); /* neither is ours */
    assert_true(netns_number(&second, &own) >= 0);
    second.inode++; /* another one than was seen */
    assert_int_equal(netns_number(&own, &second), -ESRCH);
    assert_int_equal(netns_number(&second, &own), -ESRCH);
    end_process(one);
    assert_int_equal(netns_number(&own, &first), -ESRCH);
    end_process(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_callers_own_comes_first),
        cmocka_unit_test(test_numbers_stay_and_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
