/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/mounts.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/file.h"

/* Decodes the \ooo escapes of mountinfo (space, tab, newline, backslash) in place. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

int mounts_parse_cgroup2(const char *mountinfo, char **ret_path)
{
    _cleanup_free_ char *copy = strdup(mountinfo);
    _cleanup_free_ char *found = NULL;
    bool found_is_root = false;
    char *line_state = NULL;

    if (!copy)
        return -ENOMEM;
    /* "36 35 98:0 /root /mount/point options [optional...] - type source super-options" */
    for (char *line = strtok_r(copy, "\n", &line_state); line; line = strtok_r(NULL, "\n", &line_state)) {
        char *separator = strstr(line, " - ");
        char *field_state = NULL;
        char *root = NULL;
        char *point = NULL;

        if (!separator || strncmp(separator + 3, "cgroup2 ", 8) != 0)
            continue;
        *separator = '\0';
        (void)strtok_r(line, " ", &field_state);
        (void)strtok_r(NULL, " ", &field_state);
        (void)strtok_r(NULL, " ", &field_state);
        root = strtok_r(NULL, " ", &field_state);
        point = strtok_r(NULL, " ", &field_state);
        if (!root || !point || found_is_root)
            continue;
        found_is_root = strcmp(root, "/") == 0;
        if (found && !found_is_root)
            continue;
        free(found);
        found = strdup(point);
        if (!found)
            return -ENOMEM;
        unescape(found);
    }
    if (!found)
        return -ENOENT;
    *ret_path = TAKE_PTR(found);
    return 0;
}

int mounts_find_cgroup2(char **ret_path)
{
    _cleanup_free_ char *text = NULL;
    int r = file_read("/proc/self/mountinfo", 1 << 22, &text, NULL);

    return r < 0 ? r : mounts_parse_cgroup2(text, ret_path);
}

static bool is_type(const char *path, unsigned type)
{
    struct statfs info;

    return statfs(path, &info) == 0 && (unsigned)info.f_type == type;
}

bool mounts_is_bpffs(const char *path)
{
    return is_type(path, BPF_FS_MAGIC);
}

bool mounts_is_cgroup2(const char *path)
{
    return is_type(path, CGROUP2_SUPER_MAGIC);
}
