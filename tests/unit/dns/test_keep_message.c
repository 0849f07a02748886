/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a daemon, the keeper and the next daemon tell each other; and who has most of what there is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "dns/asker.h"
#include "dns/keep.h"

struct pair {
    int ends[2];
    struct keep_message sent, heard;
    int fds[KEEP_FDS];
    size_t n_fds;
};

static int setup(void **state)
{
    struct pair *pair = calloc(1, sizeof(*pair));

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair->ends), 0);
    pair->sent =
        (struct keep_message){.version = KEEP_VERSION, .kind = KEEP_PUT, .number = 7, .n_servers = 1};
    (void)strcpy(pair->sent.cgroup, "/sys/fs/cgroup/task");
    (void)strcpy(pair->sent.text, "nameserver 192.0.2.1\n");
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;

    (void)close(pair->ends[0]);
    (void)close(pair->ends[1]);
    free(pair);
    return 0;
}

static int hear(struct pair *pair)
{
    return keep_receive(pair->ends[1], &pair->heard, pair->fds, &pair->n_fds, MSG_DONTWAIT);
}

static unsigned open_files(void)
{
    _cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(dir))
        n++;
    return n;
}

static int pass(struct pair *pair, size_t n_fds)
{
    const int fds[KEEP_FDS] = {0, 1, 2, 0, 1, 2, 0};

    assert_int_equal(keep_send(pair->ends[0], &pair->sent, fds, n_fds, 0), 0);
    return hear(pair);
}

static void test_a_stub(void **state)
{
    struct pair *pair = *state;

    assert_int_equal(pass(pair, 3), 0);
    assert_int_equal(pair->n_fds, 3);
    assert_int_equal(pair->heard.number, 7);
    assert_string_equal(pair->heard.cgroup, pair->sent.cgroup);
    assert_string_equal(pair->heard.text, pair->sent.text);
    for (size_t i = 0; i < pair->n_fds; i++)
        assert_int_equal(close(pair->fds[i]), 0);
}

static void test_the_longest_text(void **state)
{
    struct pair *pair = *state;
    const int bytes = 1 << 20;

    (void)setsockopt(pair->ends[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    memset(pair->sent.text, 'x', sizeof(pair->sent.text) - 1);
    assert_int_equal(pass(pair, 3), 0);
    assert_int_equal(strlen(pair->heard.text), ROOT_FILE_MAX);
    for (size_t i = 0; i < pair->n_fds; i++)
        (void)close(pair->fds[i]);
}

/* Of another version, or not what it says it is: nothing of it stays open. */
static void test_what_is_not_understood(void **state)
{
    struct pair *pair = *state;
    unsigned before = open_files();

    pair->sent.version++;
    assert_int_equal(pass(pair, 3), -EBADMSG);
    pair->sent.version--;
    assert_int_equal(pass(pair, 2), -EBADMSG);
    assert_int_equal(pass(pair, 5), -EBADMSG);
    pair->sent.n_servers = SVC_NAMESERVERS + 1;
    assert_int_equal(pass(pair, 3), -EBADMSG);
    pair->sent.n_servers = 1;
    pair->sent.kind = KEEP_END;
    assert_int_equal(pass(pair, 3), -EBADMSG);
    pair->sent.kind = KEEP_PUT;
    memset(pair->sent.cgroup, 'x', sizeof(pair->sent.cgroup));
    assert_int_equal(pass(pair, 3), -EBADMSG);
    assert_true(send(pair->ends[0], "short", 5, 0) == 5);
    assert_int_equal(hear(pair), -EBADMSG);
    assert_int_equal(open_files(), before);
}

static void test_ends(void **state)
{
    struct pair *pair = *state;

    assert_int_equal(hear(pair), -EAGAIN);
    pair->sent.kind = KEEP_END;
    assert_int_equal(pass(pair, 0), 0);
    assert_int_equal(pair->n_fds, 0);
    (void)shutdown(pair->ends[0], SHUT_RDWR);
    assert_int_equal(hear(pair), -EPIPE);
}

static void test_a_cgroup_without_processes(void **state)
{
    (void)state;
    assert_true(keep_is_deserted("/nonexistent/cgroup"));
}

static void test_the_greediest(void **state)
{
    static struct dns_asker askers[1024];
    unsigned n;

    (void)state;
    assert_null(dns_asker_greediest(askers, 0, sizeof(askers[0]), &n));
    assert_int_equal(n, 0);
    /* Each has one but for the one in the middle, who has half of them. */
    for (size_t i = 0; i < ARRAY_SIZE(askers); i++)
        askers[i] = (struct dns_asker){.group = i % 2 ? 4711 : i, .user = i % 2 ? 1000 : i};
    assert_int_equal(dns_asker_greediest(askers, ARRAY_SIZE(askers), sizeof(askers[0]), &n)->group, 4711);
    assert_int_equal(n, 512);
    /* Users of one cgroup are several. */
    for (size_t i = 0; i < 100; i++)
        askers[i] = (struct dns_asker){.group = 1, .user = i % 3 ? 7 : i};
    assert_int_equal(dns_asker_greediest(askers, 100, sizeof(askers[0]), &n)->user, 7);
    assert_int_equal(n, 66);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_stub, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_longest_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_understood, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test(test_a_cgroup_without_processes),
        cmocka_unit_test(test_the_greediest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
