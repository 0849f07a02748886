/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cgroups/root_file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"

#define STATUS_MAX 16384 /* bytes of /proc/PID/status: with as many groups as fit */
#define GROUPS_MAX 1024  /* a process with more of them is read for with fewer rights than it has */

#ifndef CONFIGFS_MAGIC
#define CONFIGFS_MAGIC 0x62656570
#endif
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

/*
 * Reading from these makes the kernel or a program of the task do something, or wait for it. All others are
 * read: a list of those that only store files would never be complete.
 */
static const uint32_t refused_file_systems[] = {
    FUSE_SUPER_MAGIC,   PROC_SUPER_MAGIC,    SYSFS_MAGIC,      DEBUGFS_MAGIC,  TRACEFS_MAGIC,
    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, SECURITYFS_MAGIC, CONFIGFS_MAGIC, BPF_FS_MAGIC,
    PSTOREFS_MAGIC,     EFIVARFS_MAGIC,      BINFMTFS_MAGIC,   SELINUX_MAGIC,  SMACK_MAGIC,
    NSFS_MAGIC,         DEVPTS_SUPER_MAGIC,  SOCKFS_MAGIC,     PIPEFS_MAGIC,
};

/* ---- whose rights ---- */

struct rights {
    uid_t uid;
    gid_t gid;
    size_t n_groups;
    gid_t groups[GROUPS_MAX];
};

/* The next number of the line. */
static bool next_number(const char **at, uint32_t *ret_number)
{
    uint64_t number = 0;
    const char *digit = *at;

    while (*digit == ' ' || *digit == '\t')
        digit++;
    if (*digit < '0' || *digit > '9')
        return false;
    for (; *digit >= '0' && *digit <= '9'; digit++)
        number = number * 10 + (uint64_t)(*digit - '0');
    *at = digit;
    *ret_number = (uint32_t)number;
    return number <= UINT32_MAX;
}

/* What follows the name; NULL: no such line. The kernel escapes a newline in the process's own name. */
static const char *find_line(const char *status, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = status; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0)
            return line + length;
    }
    return NULL;
}

/* The second of the four: the effective one, which files are opened with. */
static bool effective_id(const char *status, const char *name, uint32_t *ret_id)
{
    const char *line = find_line(status, name);

    return line && next_number(&line, ret_id) && next_number(&line, ret_id);
}

static int read_rights(int process_fd, struct rights *ret_rights)
{
    _cleanup_close_ int fd = openat(process_fd, "status", O_RDONLY | O_CLOEXEC);
    char status[STATUS_MAX + 1];
    const char *line;
    ssize_t size;

    if (fd < 0)
        return -errno;
    size = read(fd, status, STATUS_MAX);
    if (size < 0)
        return -errno;
    /* A number that was cut must not count as another group. */
    while (size == STATUS_MAX && size > 0 && status[size - 1] != ' ' && status[size - 1] != '\n')
        size--;
    status[size] = '\0';
    line = find_line(status, "Groups:");
    if (!line || !effective_id(status, "Uid:", &ret_rights->uid) ||
        !effective_id(status, "Gid:", &ret_rights->gid))
        return -EPROTO;
    ret_rights->n_groups = 0;
    while (ret_rights->n_groups < GROUPS_MAX && next_number(&line, &ret_rights->groups[ret_rights->n_groups]))
        ret_rights->n_groups++;
    return 0;
}

/* For uid 0 too: who is root in a container has neither this host's capabilities nor its devices. */
static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

/* Nobody traces it either, though it may have a stranger's uid: its memory was the daemon's. */
static int take_on(const struct rights *rights)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setgroups(rights->n_groups, rights->groups) < 0 ||
        setresgid(rights->gid, rights->gid, rights->gid) < 0 ||
        setresuid(rights->uid, rights->uid, rights->uid) < 0)
        return -errno;
    /* Other ids have undone both. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return -errno;
    return drop_capabilities();
}

static int enter_root(int process_fd)
{
    _cleanup_close_ int root = openat(process_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);

    return root < 0 || fchdir(root) < 0 || chroot(".") < 0 ? -errno : 0;
}

/* ---- the file ---- */

static int check_kind(int fd)
{
    struct statfs system;
    struct stat info;

    if (fstat(fd, &info) < 0 || fstatfs(fd, &system) < 0)
        return -errno;
    if (!S_ISREG(info.st_mode))
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_SIZE(refused_file_systems); i++)
        if ((uint32_t)system.f_type == refused_file_systems[i])
            return -ENOTSUP;
    return 0;
}

/* By the daemon's own /proc, and not by name again: what was looked at is what gets opened. */
static int reopen(int descriptors_fd, int fd)
{
    char name[16];
    size_t at = sizeof(name) - 1;
    unsigned number = (unsigned)fd;
    int opened;

    name[at] = '\0';
    do {
        name[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    opened = openat(descriptors_fd, &name[at], O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    return opened < 0 ? -errno : opened;
}

static int root_file_read_file(int fd, char *text, size_t *ret_size)
{
    size_t size = 0;

    while (size < ROOT_FILE_MAX) {
        ssize_t n = read(fd, text + size, ROOT_FILE_MAX - size);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            break;
        size += n > 0 ? (size_t)n : 0;
    }
    *ret_size = size;
    return 0;
}

static int root_file_get(const char *process, const char *path, struct root_file_head *head, char *text,
                         size_t *ret_size)
{
    _cleanup_close_ int descriptors_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    /* From here on it is this process, and no other that gets its number. */
    _cleanup_close_ int process_fd = open(process, O_PATH | O_DIRECTORY | O_CLOEXEC);
    _cleanup_close_ int found_fd = -1;
    _cleanup_close_ int fd = -1;
    struct rights rights;
    struct stat netns;
    int r;

    head->step = ROOT_FILE_PROCESS;
    if (process_fd < 0)
        return -errno;
    r = read_rights(process_fd, &rights);
    if (r < 0)
        return r;
    head->step = ROOT_FILE_RIGHTS;
    if (descriptors_fd < 0 || fstatat(process_fd, "ns/net", &netns, 0) < 0)
        return -errno;
    head->netns = netns.st_ino;
    r = enter_root(process_fd);
    if (r == 0)
        r = take_on(&rights);
    if (r < 0)
        return r;
    head->step = ROOT_FILE_OPEN;
    found_fd = open(path, O_PATH | O_CLOEXEC);
    if (found_fd < 0)
        return -errno;
    head->step = ROOT_FILE_KIND;
    r = check_kind(found_fd);
    if (r < 0)
        return r;
    head->step = ROOT_FILE_OPEN;
    fd = reopen(descriptors_fd, found_fd);
    return fd < 0 ? fd : root_file_read_file(fd, text, ret_size);
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        ssize_t n = write(fd, at, size);

        if (n < 0 && errno != EINTR)
            return false;
        at += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

void root_file_read(const char *process, const char *path, int output_fd)
{
    struct root_file_head head = {0};
    char text[ROOT_FILE_MAX];
    size_t size = 0;

    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    head.number = root_file_get(process, path, &head, text, &size);
    if (write_all(output_fd, &head, sizeof(head)) && head.number == 0)
        (void)write_all(output_fd, text, size);
}
