/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The parts of `bundle`: an archive that is one, and JSON without what must not leave the host. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "cli/bundle/redact.h"
#include "cli/bundle/tar.h"

/* ---- the archive ---- */

static size_t unpacked(int fd, char *ret_bytes, size_t size)
{
    int own = dup(fd);
    gzFile file;
    int n;

    assert_true(own >= 0 && lseek(own, 0, SEEK_SET) == 0);
    file = gzdopen(own, "rb");
    n = gzread(file, ret_bytes, (unsigned)size);
    assert_true(n >= 0);
    assert_int_equal(gzclose(file), Z_OK);
    return (size_t)n;
}

static unsigned sum_of_header(const char *header)
{
    unsigned sum = 0;

    for (size_t i = 0; i < 512; i++)
        sum += i >= 148 && i < 156 ? ' ' : (unsigned char)header[i];
    return sum;
}

static void test_archive(void **state)
{
    static char bytes[16384];
    _cleanup_close_ int fd = memfd_create("tar", MFD_CLOEXEC);
    char exact[512];
    struct tar *tar = NULL;
    size_t length;

    (void)state;
    memset(exact, 'x', sizeof(exact));
    assert_int_equal(tar_new(fd, 1700000000, &tar), 0);
    assert_int_equal(tar_add(tar, "a/b.txt", "hello", 5), 0);
    assert_int_equal(tar_add(tar, "empty", "", 0), 0);
    assert_int_equal(tar_add(tar, "block", exact, sizeof(exact)), 0);
    assert_int_equal(tar_finish(&tar), 0);
    assert_null(tar);
    length = unpacked(fd, bytes, sizeof(bytes));
    assert_int_equal(length, 512 * (2 + 1 + 2 + 2));
    assert_string_equal(bytes, "a/b.txt");
    assert_string_equal(bytes + 100, "0000600");
    assert_string_equal(bytes + 124, "00000000005");
    assert_int_equal(strtoul(bytes + 136, NULL, 8), 1700000000);
    assert_int_equal(strtoul(bytes + 148, NULL, 8), sum_of_header(bytes));
    assert_int_equal(bytes[156], '0');
    assert_string_equal(bytes + 257, "ustar");
    assert_memory_equal(bytes + 512, "hello\0", 6);
    assert_string_equal(bytes + 1024, "empty");
    assert_string_equal(bytes + 1536, "block");
    assert_int_equal(strtoul(bytes + 1536 + 148, NULL, 8), sum_of_header(bytes + 1536));
    assert_memory_equal(bytes + 2048, exact, sizeof(exact));
    for (size_t i = 2560; i < length; i++)
        assert_int_equal(bytes[i], 0);
}

static void test_names_that_are_too_long(void **state)
{
    _cleanup_close_ int fd = memfd_create("tar", MFD_CLOEXEC);
    struct tar *tar = NULL;
    char name[TAR_NAME_MAX + 2];

    (void)state;
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(tar_new(fd, 0, &tar), 0);
    assert_int_equal(tar_add(tar, name, "", 0), -ENAMETOOLONG);
    name[TAR_NAME_MAX] = '\0';
    assert_int_equal(tar_add(tar, name, "", 0), 0);
    assert_int_equal(tar_finish(&tar), 0);
    assert_int_equal(tar_finish(&tar), 0); /* of none */
}

static void test_a_full_disk(void **state)
{
    _cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct tar *tar = NULL;
    char *noise = malloc(1 << 20);
    unsigned random = 1;

    (void)state;
    assert_true(fd >= 0 && noise);
    for (size_t i = 0; i < 1 << 20; i++)
        noise[i] = (char)((random = random * 1103515245 + 12345) >> 16);
    assert_int_equal(tar_new(fd, 0, &tar), 0);
    (void)tar_add(tar, "noise", noise, 1 << 20);
    assert_true(tar_finish(&tar) < 0);
    free(noise);
}

/* ---- what is left out ---- */

static void expect(const char *before, const char *after)
{
    _cleanup_json_ cJSON *json = cJSON_Parse(before);
    _cleanup_free_ char *text = NULL;

    assert_non_null(json);
    redact(json);
    text = cJSON_PrintUnformatted(json);
    assert_string_equal(text, after);
}

static void test_what_is_left_out(void **state)
{
    (void)state;
    expect("{\"name\":\"web\",\"port\":80}", "{\"name\":\"web\",\"port\":80}");
    expect("{\"a\":[{\"command\":[\"sh\",\"-c\",\"x\"],\"b\":1}]}", "{\"a\":[{\"command\":null,\"b\":1}]}");
    expect("{\"attributes\":{\"x\":\"y\"},\"z\":true}", "{\"attributes\":null,\"z\":true}");
    expect("{\"SecretAccessKey\":\"s\",\"sessionToken\":1,\"dbPassword\":{}}",
           "{\"SecretAccessKey\":null,\"sessionToken\":null,\"dbPassword\":null}");
    expect("{\"before\":\"old\",\"after\":\"new\"}", "{\"before\":null,\"after\":null}");
    expect("[\"http://me:pw@host/\",\"http://host/a@b\",\"me@host\"]",
           "[null,\"http://host/a@b\",\"me@host\"]");
    expect("[]", "[]");
    redact(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_archive),
        cmocka_unit_test(test_names_that_are_too_long),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_what_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
