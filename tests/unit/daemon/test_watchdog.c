/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Signs of life, heard at a socket as the service manager has one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/notify.h"
#include "daemon/watchdog.h"

static int manager = -1;
static struct event_base *base;

static void set(const char *name, const char *value)
{
    if (value)
        assert_int_equal(setenv(name, value, 1), 0);
    else
        (void)unsetenv(name);
}

static int begin(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[128];
    int n =
        snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "svcconnect-test-watchdog-%d", getpid());

    (void)state;
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)snprintf(text, sizeof(text), "@%s", address.sun_path + 1);
    set("NOTIFY_SOCKET", text);
    set("WATCHDOG_USEC", NULL);
    set("WATCHDOG_PID", NULL);
    base = event_base_new();
    if (!base || event_base_priority_init(base, 3) < 0)
        return -1;
    return bind(manager, (const struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n));
}

static int end(void **state)
{
    (void)state;
    event_base_free(base);
    return close(manager);
}

/* What the manager has heard next; "" for nothing. */
static const char *heard(void)
{
    static char text[64];
    ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static void test_interval(void **state)
{
    static const struct {
        const char *usec, *pid;
        uint64_t interval;
    } cases[] = {
        {NULL, NULL, 0},
        {"30000000", NULL, 30000000},
        {"0", NULL, 0},
        {"30 s", NULL, 0},
        {"-1", NULL, 0},
        {"", NULL, 0},
        {"30000000", "1", 0},
        {"30000000", "me", 0},
        {"99999999999999", NULL, 0},
        {"30000000", "self", 30000000},
    };
    char self[16];

    (void)state;
    (void)snprintf(self, sizeof(self), "%d", getpid());
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set("WATCHDOG_USEC", cases[i].usec);
        set("WATCHDOG_PID", cases[i].pid && strcmp(cases[i].pid, "self") == 0 ? self : cases[i].pid);
        assert_int_equal(watchdog_interval(), cases[i].interval);
    }
}

static void test_nobody_watches(void **state)
{
    struct event *event = (struct event *)&event;

    (void)state;
    assert_int_equal(watchdog_begin(base, &event), 0);
    assert_null(event);
}

static void test_signs_of_life(void **state)
{
    struct event *event = NULL;

    (void)state;
    set("WATCHDOG_USEC", "2000");
    assert_int_equal(watchdog_begin(base, &event), 0);
    assert_non_null(event);
    assert_string_equal(heard(), "");
    for (unsigned i = 0; i < 3; i++) {
        (void)event_base_loop(base, EVLOOP_ONCE);
        assert_string_equal(heard(), "WATCHDOG=1");
    }
    event_free(event);
}

/* A name without a leading slash or @ is no socket's, and nothing is sent anywhere. */
static void test_no_socket(void **state)
{
    (void)state;
    set("NOTIFY_SOCKET", "relative");
    notify_manager("READY=1");
    set("NOTIFY_SOCKET", "");
    notify_manager("READY=1");
    set("NOTIFY_SOCKET", NULL);
    notify_manager("READY=1");
    assert_string_equal(heard(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_interval, begin, end),
        cmocka_unit_test_setup_teardown(test_nobody_watches, begin, end),
        cmocka_unit_test_setup_teardown(test_signs_of_life, begin, end),
        cmocka_unit_test_setup_teardown(test_no_socket, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
