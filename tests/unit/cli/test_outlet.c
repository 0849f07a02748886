/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Lines to a file that is rotated and to a journal, and what is wrong with either. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/arguments.h"
#include "cli/outlet.h"

struct place {
    char directory[32];
    char path[64];
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    strcpy(place->directory, "/tmp/outlet.XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    (void)snprintf(place->path, sizeof(place->path), "%s/log", place->directory);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    char path[80];

    (void)unlink(place->path);
    for (int i = 0; i <= 9; i++) {
        (void)snprintf(path, sizeof(path), "%s.%d", place->path, i);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(place->directory), 0);
    free(place);
    return 0;
}

/* Lines of the file, -1: there is none. */
static int lines_of(const struct place *place, const char *suffix)
{
    _cleanup_fclose_ FILE *file = NULL;
    char path[80];
    int n = 0, c;

    (void)snprintf(path, sizeof(path), "%s%s", place->path, suffix);
    file = fopen(path, "re");
    while (file && (c = fgetc(file)) != EOF)
        n += c == '\n';
    return file ? n : -1;
}

static struct invocation invocation_of(const char *file, const char *rotate, const char *keep)
{
    return (struct invocation){
        .options = {[OPTION_LOG_FILE] = file, [OPTION_ROTATE] = rotate, [OPTION_KEEP] = keep}};
}

static void put(struct outlet *outlet, int n)
{
    char line[100];

    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    for (int i = 0; i < n; i++)
        assert_int_equal(outlet_put(outlet, line, false), CLI_DONE);
}

static void test_is_rotated(void **state)
{
    const struct place *place = *state;
    const struct invocation invocation = invocation_of(place->path, "4096", "2");
    _cleanup_outlet_ struct outlet outlet = {0};

    assert_int_equal(outlet_open(&invocation, &outlet), CLI_DONE);
    put(&outlet, 40); /* of 100 bytes each, and there is room for 40 */
    assert_int_equal(lines_of(place, ""), 40);
    assert_int_equal(lines_of(place, ".1"), -1);
    put(&outlet, 1);
    assert_int_equal(lines_of(place, ""), 1);
    assert_int_equal(lines_of(place, ".1"), 40);
    put(&outlet, 90);
    assert_int_equal(lines_of(place, ""), 11);
    assert_int_equal(lines_of(place, ".1"), 40);
    assert_int_equal(lines_of(place, ".2"), 40);
    assert_int_equal(lines_of(place, ".3"), -1);
}

static void test_none_is_kept(void **state)
{
    const struct place *place = *state;
    const struct invocation invocation = invocation_of(place->path, "4K", "0");
    _cleanup_outlet_ struct outlet outlet = {0};

    assert_int_equal(outlet_open(&invocation, &outlet), CLI_DONE);
    put(&outlet, 45);
    assert_int_equal(lines_of(place, ""), 5);
    assert_int_equal(lines_of(place, ".1"), -1);
}

/* As logrotate does: the file is renamed while it is written to. A new outlet goes on where the last one ended. */
static void test_put_aside_by_others(void **state)
{
    const struct place *place = *state;
    const struct invocation invocation = invocation_of(place->path, NULL, NULL);
    char aside[80];

    for (int i = 0; i < 2; i++) {
        _cleanup_outlet_ struct outlet outlet = {0};

        assert_int_equal(outlet_open(&invocation, &outlet), CLI_DONE);
        put(&outlet, 3);
        assert_int_equal(lines_of(place, ""), 3 + 3 * i);
        if (i == 0)
            continue;
        (void)snprintf(aside, sizeof(aside), "%s.9", place->path);
        assert_int_equal(rename(place->path, aside), 0);
        put(&outlet, 2);
        assert_int_equal(lines_of(place, ""), 2);
        assert_int_equal(lines_of(place, ".9"), 6);
    }
}

static void test_journal(void **state)
{
    const struct place *place = *state;
    const struct invocation invocation = {0};
    _cleanup_outlet_ struct outlet outlet = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char text[256] = "";

    assert_int_equal(outlet_open_journal(&invocation, place->path, &outlet), CLI_FAILED); /* there is none */
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", place->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(outlet_open_journal(&invocation, place->path, &outlet), CLI_DONE);
    assert_int_equal(outlet_put(&outlet, "a=b", true), CLI_DONE);
    assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(text, "SYSLOG_IDENTIFIER=svcconnect\nPRIORITY=4\nMESSAGE=a=b\n");
}

static void test_what_is_wrong(void **state)
{
    const struct place *place = *state;
    const struct {
        struct invocation invocation;
        int status;
    } rows[] = {
        {invocation_of(place->path, "4095", NULL), CLI_USAGE},
        {invocation_of(place->path, "much", NULL), CLI_USAGE},
        {invocation_of(place->path, NULL, "1001"), CLI_USAGE},
        {invocation_of(NULL, "4K", NULL), CLI_USAGE},
        {invocation_of(NULL, NULL, "5"), CLI_USAGE},
        {invocation_of("/", NULL, NULL), CLI_FAILED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct outlet outlet = {.keep = 77};

        assert_int_equal(outlet_open(&rows[i].invocation, &outlet), rows[i].status);
        assert_int_equal(outlet.keep, 77);
    }
    assert_int_equal(lines_of(place, ""), -1);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes; /* 0: none */
    } rows[] = {{"4096", 4096},
                {"500K", 512000},
                {"10M", 10485760},
                {"2G", 2147483648},
                {"", 0},
                {"K", 0},
                {"1T", 0},
                {"-1", 0},
                {"1.5M", 0},
                {"10MB", 0},
                {"99999999999999999999", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint64_t bytes = 0;

        assert_int_equal(argument_size(rows[i].text, &bytes) == 0, rows[i].bytes > 0);
        assert_int_equal(bytes, rows[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_is_rotated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_none_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_put_aside_by_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_wrong, setup, teardown),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
