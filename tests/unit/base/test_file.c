/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* In a directory of its own that the group's teardown removes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/file.h"

static char directory[] = "test_file.XXXXXX";

static int enter_directory(void **state)
{
    const char *parent = getenv("TMPDIR");

    (void)state;
    if (chdir(parent ? parent : P_tmpdir) < 0 || !mkdtemp(directory) || chdir(directory) < 0)
        return -1;
    (void)umask(0);
    return 0;
}

static int leave_directory(void **state)
{
    (void)state;
    (void)unlink("file");
    (void)unlink("link");
    (void)rmdir("a/b/c");
    (void)rmdir("a/b");
    (void)rmdir("a");
    return chdir("..") < 0 ? -1 : rmdir(directory);
}

static void put(const char *path, const char *bytes, size_t length)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
}

static void check_content(const char *path, const char *wanted)
{
    _cleanup_free_ char *text = NULL;
    size_t length = 4711;

    assert_int_equal(file_read(path, 1 << 20, &text, &length), 0);
    assert_int_equal(length, strlen(wanted));
    assert_string_equal(text, wanted);
}

static struct stat status_of(const char *path)
{
    struct stat status;

    assert_int_equal(lstat(path, &status), 0);
    return status;
}

static void test_read(void **state)
{
    _cleanup_free_ char *text = NULL;
    size_t length = 4711;

    (void)state;
    assert_int_equal(file_read("missing", 100, &text, &length), -ENOENT);
    assert_int_equal(file_read(".", 100, &text, &length), -EISDIR);
    put("file", "hello\0world", 11);
    assert_int_equal(file_read("file", 10, &text, &length), -EFBIG);
    assert_null(text);
    assert_int_equal(length, 4711);
    assert_int_equal(file_read("file", 11, &text, &length), 0);
    assert_int_equal(length, 11);
    assert_memory_equal(text, "hello\0world", 12);
    free(TAKE_PTR(text));
    assert_int_equal(file_read("file", 11, &text, NULL), 0);
    assert_string_equal(text, "hello");
    put("file", "", 0);
    check_content("file", "");
}

/* Of what is handed on to another reader no more goes missing than it takes to see that there is too much. */
static void test_read_rest(void **state)
{
    _cleanup_close_ int fd = -1;
    char *text = NULL;
    size_t length = 4711;

    (void)state;
    put("file", "0123456789", 10);
    fd = open("file", O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
    assert_int_equal(file_read_rest(fd, 3, &text, &length), -EFBIG);
    assert_null(text);
    assert_int_equal(length, 4711);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 6);
    assert_int_equal(file_read_rest(fd, 4, &text, &length), 0);
    assert_int_equal(length, 4);
    assert_string_equal(text, "6789");
    free(text);
    assert_int_equal(file_read_rest(fd, 0, &text, &length), 0);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(file_read_rest(-1, 5, &text, &length), -EBADF);
}

/* Sizes around the buffer's growth. */
static void test_read_sizes(void **state)
{
    static const size_t sizes[] = {1, 4095, 4096, 4097, 8192, 100000};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char *wanted = calloc(1, sizes[i] + 1);

        assert_non_null(wanted);
        for (size_t c = 0; c < sizes[i]; c++)
            wanted[c] = (char)('a' + c % 23);
        put("file", wanted, sizes[i]);
        check_content("file", wanted);
        free(wanted);
    }
}

static void test_rewrite_creates(void **state)
{
    struct stat status;

    (void)state;
    (void)unlink("file");
    assert_int_equal(file_rewrite_in_place("file", 0640, "one\n"), 0);
    status = status_of("file");
    assert_int_equal(status.st_mode & 07777, 0640);
    check_content("file", "one\n");
    assert_int_equal(file_rewrite_in_place("missing/file", 0640, "x"), -ENOENT);
}

/* Who is to read a file reads it whatever the umask of the writer, and of the one before. */
static void test_modes_whatever_the_umask(void **state)
{
    mode_t before = umask(0077);

    (void)state;
    (void)unlink("open");
    assert_int_equal(file_rewrite_in_place("open", 0644, "one\n"), 0);
    assert_int_equal(status_of("open").st_mode & 07777, 0644);
    assert_int_equal(chmod("open", 0600), 0);
    assert_int_equal(file_rewrite_in_place("open", 0644, "one\n"), 0);
    assert_int_equal(status_of("open").st_mode & 07777, 0644);
    assert_int_equal(directory_make("way/to", 0755), 0);
    assert_int_equal(status_of("way").st_mode & 07777, 0755);
    assert_int_equal(status_of("way/to").st_mode & 07777, 0755);
    (void)umask(before);
    assert_true(unlink("open") == 0 && rmdir("way/to") == 0 && rmdir("way") == 0);
}

/* Longer, shorter, empty: the same inode (others have it bind-mounted). */
static void test_rewrite_keeps_inode(void **state)
{
    static const char *const texts[] = {"a longer text\n", "short\n", "", "x", "some more text than that\n"};
    struct stat before;

    (void)state;
    put("file", "first\n", 6);
    before = status_of("file");
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct stat after;

        assert_int_equal(file_rewrite_in_place("file", 0640, texts[i]), 0);
        check_content("file", texts[i]);
        after = status_of("file");
        assert_int_equal(after.st_ino, before.st_ino);
        assert_int_equal(after.st_mode & 07777, 0640);
    }
}

static void test_rewrite_same_text(void **state)
{
    static const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

    (void)state;
    put("file", "same\n", 5);
    assert_int_equal(utimensat(AT_FDCWD, "file", long_ago, 0), 0);
    assert_int_equal(file_rewrite_in_place("file", 0640, "same\n"), 0);
    assert_int_equal(status_of("file").st_mtim.tv_sec, 1000);
    assert_int_equal(file_rewrite_in_place("file", 0640, "samE\n"), 0);
    assert_int_not_equal(status_of("file").st_mtim.tv_sec, 1000);
}

/* A link in the place of the file is not followed: the daemon writes as root. */
static void test_rewrite_follows_no_link(void **state)
{
    (void)state;
    put("file", "target\n", 7);
    assert_int_equal(symlink("file", "link"), 0);
    assert_int_equal(file_rewrite_in_place("link", 0640, "new\n"), -ELOOP);
    check_content("file", "target\n");
}

/* What the reading process has seen; shared memory. */
struct sightings {
    volatile unsigned long reads, empty, headless;
};

static void read_for_ever(struct sightings *seen)
{
    for (;;) {
        _cleanup_free_ char *text = NULL;
        size_t length = 0;

        if (file_read("file", 1 << 20, &text, &length) < 0)
            continue;
        seen->empty += length == 0;
        seen->headless += length > 0 && strncmp(text, "127.0.0.1 localhost\n", 20) != 0;
        seen->reads++;
    }
}

/* A process reads while the text grows and shrinks: it never finds the file empty or without
 * its first line. */
static void test_rewrite_never_empty(void **state)
{
    struct sightings *seen = NULL;
    char large[6000] = "127.0.0.1 localhost\n";
    unsigned long rewrites = 0;
    pid_t reader;

    (void)state;
    /* cppcheck-suppress invalidFunctionArg ; -1 is what anonymous memory takes */
    seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(seen != MAP_FAILED);
    memset(large + 20, 'x', sizeof(large) - 21);
    put("file", large, strlen(large));
    reader = fork();
    assert_true(reader >= 0);
    if (reader == 0)
        read_for_ever(seen);
    for (; rewrites < 20000 || (seen->reads < 5000 && rewrites < 2000000); rewrites++)
        if (file_rewrite_in_place("file", 0644, rewrites % 2 ? large : "127.0.0.1 localhost\n") < 0)
            break;
    (void)kill(reader, SIGKILL);
    (void)waitpid(reader, NULL, 0);
    assert_true(rewrites >= 20000);
    assert_true(seen->reads >= 5000);
    assert_int_equal(seen->empty, 0);
    assert_int_equal(seen->headless, 0);
    (void)munmap(seen, sizeof(*seen));
}

static void test_directory_make(void **state)
{
    (void)state;
    assert_int_equal(directory_make("a/b/c", 0750), 0);
    assert_int_equal(status_of("a/b/c").st_mode & 07777, 0750);
    assert_int_equal(status_of("a").st_mode & 07777, 0750);
    assert_int_equal(chmod("a/b/c", 0700), 0);
    assert_int_equal(directory_make("a/b/c", 0755), 0);
    assert_int_equal(directory_make("a/b/c/", 0755), 0);
    assert_int_equal(status_of("a/b/c").st_mode & 07777, 0700);
    put("file", "x", 1);
    assert_int_equal(directory_make("file/b", 0755), -ENOTDIR);
    assert_int_equal(directory_make("/", 0755), 0);
}

/* Whoever has the old one open goes on with it. */
static void test_replace(void **state)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_close_ int old = -1;
    size_t length;
    char letter;

    (void)state;
    put("file", "x", 1);
    old = open("file", O_RDONLY | O_CLOEXEC);
    assert_int_equal(file_replace("file", 0640, "new text", 8), 0);
    assert_int_equal(file_read("file", 100, &text, &length), 0);
    assert_string_equal(text, "new text");
    assert_int_equal(status_of("file").st_mode & 07777, 0640);
    assert_int_equal(read(old, &letter, 1), 1);
    assert_int_equal(letter, 'x');
    assert_int_equal(file_replace("nowhere/file", 0600, "x", 1), -ENOENT);
    assert_int_equal(file_replace("a", 0600, "x", 1), -EISDIR); /* a directory: nothing is left beside it */
    assert_int_equal(rmdir("a/b/c") | rmdir("a/b") | rmdir("a"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_read_rest),
        cmocka_unit_test(test_read_sizes),
        cmocka_unit_test(test_rewrite_creates),
        cmocka_unit_test(test_modes_whatever_the_umask),
        cmocka_unit_test(test_rewrite_keeps_inode),
        cmocka_unit_test(test_rewrite_same_text),
        cmocka_unit_test(test_rewrite_follows_no_link),
        cmocka_unit_test(test_rewrite_never_empty),
        cmocka_unit_test(test_directory_make),
        cmocka_unit_test(test_replace),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
