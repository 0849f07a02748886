/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "oci_runtime/started.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "runtimes/bundle_json.h"

static int started_text(const char *directory, const char *id, const char *name, char **ret_text,
                        size_t *ret_length)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int fd = -1;
    struct stat info;

    if (asprintf(&path, "%s/%s%s%s", directory, id, *id ? "/" : "", name) < 0)
        return -ENOMEM;
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0)
        return -errno;
    return S_ISREG(info.st_mode) ? file_read_rest(fd, BUNDLE_FILE_MAX, ret_text, ret_length) : -EINVAL;
}

static int read_runc(const char *root, const char *id, struct container *container)
{
    _cleanup_free_ char *text = NULL;
    uint64_t ticks;
    size_t length;
    int r = started_text(root, id, "state.json", &text, &length);

    return r < 0 ? r : bundle_read_state(text, length, container, &ticks, NULL);
}

static int read_crun(const char *root, const char *id, struct container *container)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_free_ char *config = NULL;
    _cleanup_json_ cJSON *json = NULL;
    const char *bundle = NULL;
    uint64_t pid = 0;
    size_t length;
    int r = started_text(root, id, "status", &text, &length);

    if (r == 0)
        r = json_parse("crun's status", text, length, &json, NULL);
    if (r == 0)
        r = json_get_integer(json, "pid", true, 1, 1 << 30, &pid, NULL);
    if (r == 0)
        r = json_get_string(json, "bundle", true, &bundle, NULL);
    if (r < 0)
        return r;
    container->pid = (pid_t)pid;
    if (started_text(bundle, "", "config.json", &config, &length) == 0)
        (void)bundle_read_config(config, length, container, NULL);
    return 0;
}

int started_read(const char *root, const char *id, struct container **ret_container)
{
    _cleanup_container_ struct container *container = container_new("oci", id, NULL);
    int r;

    if (!container)
        return -ENOMEM;
    if (strchr(id, '/') || *id == '.')
        return -EINVAL;
    r = read_runc(root ? root : "/run/runc", id, container);
    if (r == -ENOENT)
        r = read_crun(root ? root : "/run/crun", id, container);
    if (r < 0)
        return r;
    *ret_container = TAKE_PTR(container);
    return 0;
}
