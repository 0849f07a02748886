/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cgroups/cgroup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mounts.h"
#include "base/number.h"

#define HANDLE_OF_ID 0xfe /* FILEID_KERNFS: the id is the handle */
#define MAX_DEPTH    32   /* of descendants followed; the kernel allows more, nobody uses it */

static int root_refused(const char *text, struct error *error)
{
    return error_input(error, "cgroup", text,
                       "a cgroup below the root: attaching there would redirect every process of this host");
}

void cgroup_directory(const char *root, const char *path, char *ret_text, size_t size)
{
    (void)snprintf(ret_text, size, "%s%s", strcmp(root, "/") == 0 ? "" : root, path);
}

int cgroup_resolve(const char *root, const char *text, struct cgroup *ret_cgroup, struct error *error)
{
    _cleanup_free_ char *real_root = realpath(root, NULL);
    _cleanup_free_ char *real = NULL;
    _cleanup_free_ char *joined = NULL;
    struct cgroup cgroup = {0};
    struct stat info;
    size_t length;
    bool is_full;

    if (!real_root)
        return error_errno(error, errno, "cgroup root %s", root);
    if (strspn(text, "/") == strlen(text))
        return root_refused(text, error);
    length = strlen(real_root);
    is_full = strncmp(text, real_root, length) == 0 && (text[length] == '/' || text[length] == '\0');
    if (asprintf(&joined, "%s%s%s", is_full ? "" : real_root, is_full ? "" : "/", text) < 0)
        return error_errno(error, ENOMEM, "cgroup %.200s", text);
    real = realpath(joined, NULL);
    /* A path through another mount point or a link to the hierarchy is fine too, as long as it
     * ends inside. */
    if (!real && text[0] == '/')
        real = realpath(text, NULL);
    if (!real) {
        (void)error_refused(error, ENOENT, "cgroup", text, "an existing cgroup directory below %s",
                            real_root);
        return -ENOENT;
    }
    if (strcmp(real, real_root) == 0)
        return root_refused(text, error);
    if (strncmp(real, real_root, length) != 0 || real[length] != '/' || stat(real, &info) < 0 ||
        !S_ISDIR(info.st_mode) || !mounts_is_cgroup2(real))
        return error_input(error, "cgroup", text, "a cgroup v2 directory below %s", real_root);
    if (strlen(real + length) >= sizeof(cgroup.path))
        return error_input(error, "cgroup", text, "a path of at most %zu characters below %s",
                           sizeof(cgroup.path) - 1, real_root);
    strcpy(cgroup.path, real + length);
    cgroup.id = info.st_ino;
    *ret_cgroup = cgroup;
    return 0;
}

bool cgroup_is_alive(const char *root, const struct cgroup *cgroup)
{
    char path[PATH_MAX];
    struct stat info;

    cgroup_directory(root, cgroup->path, path, sizeof(path));
    return stat(path, &info) == 0 && info.st_ino == cgroup->id;
}

bool cgroup_overlaps(const char *a, const char *b)
{
    size_t length_a = strlen(a);
    size_t length_b = strlen(b);
    size_t shorter = length_a < length_b ? length_a : length_b;

    if (strncmp(a, b, shorter) != 0)
        return false;
    return length_a == length_b || (length_a > length_b ? a : b)[shorter] == '/';
}

static FILE *open_list(int directory_fd, const char *name, int *ret_error)
{
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

    if (file)
        return file;
    *ret_error = -errno;
    if (fd >= 0)
        (void)close(fd);
    return NULL;
}

FILE *cgroup_open_members(int directory_fd, int *ret_error)
{
    FILE *file = open_list(directory_fd, "cgroup.procs", ret_error);
    char byte;

    if (file && pread(fileno(file), &byte, 1, 0) < 0 && errno == EOPNOTSUPP) {
        (void)fclose(file);
        file = open_list(directory_fd, "cgroup.threads", ret_error);
    }
    return file;
}

bool cgroup_is_threaded(const char *root, const char *path)
{
    _cleanup_free_ char *type = NULL;
    char file[PATH_MAX];

    cgroup_directory(root, path, file, sizeof(file));
    if (strlen(file) + sizeof("/cgroup.type") > sizeof(file))
        return false;
    (void)strcat(file, "/cgroup.type");
    return file_read(file, 64, &type, NULL) == 0 && strcmp(type, "threaded\n") == 0;
}

/* Calls itself for sub-directories; directories only, so links and files of cgroupfs are skipped. */
static int count_below(int parent_fd, const char *name, int depth, unsigned *count)
{
    _cleanup_close_ int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    _cleanup_closedir_ DIR *dir = NULL;
    _cleanup_fclose_ FILE *file = NULL;
    const struct dirent *entry;
    int r = 0;
    int c;

    if (fd < 0)
        return -errno;
    file = cgroup_open_members(fd, &r);
    if (!file)
        return r;
    while ((c = getc(file)) != EOF)
        *count += c == '\n';
    dir = fdopendir(dup(fd));
    if (!dir || depth == 0)
        return 0;
    while ((entry = readdir(dir)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            (void)count_below(fd, entry->d_name, depth - 1, count);
    return 0;
}

int cgroup_count_processes(const char *root, const char *path, unsigned *ret_count)
{
    char directory[PATH_MAX];
    unsigned count = 0;
    int r;

    cgroup_directory(root, path, directory, sizeof(directory));
    r = count_below(AT_FDCWD, directory, MAX_DEPTH, &count);
    if (r < 0)
        return r;
    *ret_count = count;
    return 0;
}

static int remove_below(int parent_fd, const char *name, int depth)
{
    _cleanup_close_ int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    dir = fdopendir(dup(fd));
    while (dir && depth > 0 && (entry = readdir(dir)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            (void)remove_below(fd, entry->d_name, depth - 1);
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return -errno;
    return 0;
}

int cgroup_remove(const char *root, const char *path)
{
    char directory[PATH_MAX];

    cgroup_directory(root, path, directory, sizeof(directory));
    return remove_below(AT_FDCWD, directory, MAX_DEPTH);
}

/* As the kernel shows it to this process. */
static int path_of(int fd, char *path, size_t size)
{
    char link[64];
    ssize_t length;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, path, size - 1);
    if (length < 0)
        return -errno;
    path[length] = '\0';
    return 0;
}

int cgroup_is_within(const char *root, const char *path, uint64_t id, bool *ret_is_within)
{
    char room[sizeof(struct file_handle) + sizeof(id)]
        __attribute__((aligned(__alignof__(struct file_handle))));
    struct file_handle *handle = (struct file_handle *)(void *)room;
    _cleanup_close_ int mount_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_close_ int above_fd = -1, fd = -1;
    char directory[PATH_MAX], above[PATH_MAX], found[PATH_MAX];
    int r;

    handle->handle_bytes = sizeof(id);
    handle->handle_type = HANDLE_OF_ID;
    memcpy(handle->f_handle, &id, sizeof(id));
    cgroup_directory(root, path, directory, sizeof(directory));
    above_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (mount_fd < 0 || above_fd < 0)
        return -errno;
    fd = open_by_handle_at(mount_fd, handle, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ESTALE ? -ENOENT : -errno;
    r = path_of(above_fd, above, sizeof(above));
    if (r == 0)
        r = path_of(fd, found, sizeof(found));
    if (r < 0)
        return r;
    *ret_is_within = strlen(found) >= strlen(above) && cgroup_overlaps(above, found);
    return 0;
}

void cgroup_link_name(const struct cgroup *cgroup, char *ret_name, size_t size)
{
    const char *last = strrchr(cgroup->path, '/') + 1;
    char safe[160];
    size_t n = 0;

    for (; *last && n < sizeof(safe) - 1; last++)
        safe[n++] = isalnum((unsigned char)*last) || *last == '_' || *last == '-' ? *last : '_';
    safe[n] = '\0';
    (void)snprintf(ret_name, size, "%s-%" PRIu64, safe, cgroup->id);
}

int cgroup_link_name_id(const char *name, uint64_t *ret_id)
{
    const char *dash = strrchr(name, '-');

    return dash ? parse_number(dash + 1, 1, UINT64_MAX, ret_id) : -EINVAL;
}
