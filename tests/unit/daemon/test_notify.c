/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the service manager hears, on a socket of the file system and on an abstract one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "daemon/notify.h"

/* A manager's socket at `path`; '@' begins an abstract one. */
static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    size_t length = strlen(path);

    assert_true(fd >= 0 && length < sizeof(address.sun_path));
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    return fd;
}

static void expect_heard(int fd, const char *text)
{
    char heard[128];
    ssize_t n = recv(fd, heard, sizeof(heard), 0);

    if (!text) {
        assert_int_equal(n, -1);
        return;
    }
    assert_int_equal(n, strlen(text));
    assert_memory_equal(heard, text, strlen(text));
}

static void both_kinds_of_sockets_are_told(void **state)
{
    char directory[] = "/tmp/notify-XXXXXX";
    char path[64], abstract[64];

    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/socket", directory);
    (void)snprintf(abstract, sizeof(abstract), "@svcconnect-notify-%d", (int)getpid());
    {
        _cleanup_close_ int named = listen_at(path);
        _cleanup_close_ int unnamed = listen_at(abstract);

        assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
        notify_manager("READY=1");
        assert_int_equal(setenv("NOTIFY_SOCKET", abstract, 1), 0);
        notify_manager("RELOADING=1\nMONOTONIC_USEC=5");
        expect_heard(named, "READY=1");
        expect_heard(named, NULL);
        expect_heard(unnamed, "RELOADING=1\nMONOTONIC_USEC=5");
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

/* None of them may end the daemon, and none is told anything. */
static void what_is_no_socket_is_left_alone(void **state)
{
    char long_path[256];
    const char *const paths[] = {"", "relative/socket", "/nowhere/at/all", "vsock:2:1234", long_path};

    (void)state;
    memset(long_path, 'a', sizeof(long_path) - 1);
    long_path[0] = '/';
    long_path[sizeof(long_path) - 1] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", paths[i], 1), 0);
        notify_manager("READY=1");
    }
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    notify_manager("READY=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds_of_sockets_are_told),
        cmocka_unit_test(what_is_no_socket_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
