/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Host checks: /proc, mounts and the socket's mode in, findings out. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mounts.h"
#include "cli/doctor/checks.h"

#define BPFFS "/sys/fs/bpf"

/* Numbers from linux/capability.h; CAP_BPF is newer than some distributions' headers. */
#define CAPABILITY_NET_ADMIN 12
#define CAPABILITY_SYS_ADMIN 21
#define CAPABILITY_PERFMON   38
#define CAPABILITY_BPF       39

static bool read_capabilities(uint64_t *ret_set)
{
    _cleanup_free_ char *text = NULL;
    const char *line;
    unsigned long long set;

    if (file_read("/proc/self/status", 1 << 16, &text, NULL) < 0)
        return false;
    line = strstr(text, "\nCapEff:");
    if (!line || sscanf(line + strlen("\nCapEff:"), "%llx", &set) != 1)
        return false;
    *ret_set = set;
    return true;
}

static void check_rights(struct doctor *doctor)
{
    uint64_t set = 0;
    bool is_known = read_capabilities(&set);
    bool has_admin = set >> CAPABILITY_SYS_ADMIN & 1;
    bool has_bpf = has_admin || (set >> CAPABILITY_BPF & set >> CAPABILITY_PERFMON & 1);
    bool has_net = has_admin || set >> CAPABILITY_NET_ADMIN & 1;

    if (!is_known)
        doctor_add(doctor, "rights", DOCTOR_WARNING, "mount /proc",
                   "cannot read the capabilities of this process");
    else if (has_bpf && has_net && geteuid() == 0)
        doctor_add(doctor, "rights", DOCTOR_OK, NULL, "root with %s: can load programs and attach them",
                   has_admin ? "CAP_SYS_ADMIN" : "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
    else if (geteuid() == 0)
        doctor_add(doctor, "rights", DOCTOR_WARNING,
                   "start the container with CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN",
                   "root, but without %s%s%s: a daemon started from here could not attach programs",
                   has_bpf ? "" : "CAP_BPF with CAP_PERFMON", has_bpf || has_net ? "" : " and ",
                   has_net ? "" : "CAP_NET_ADMIN");
    else
        doctor_add(doctor, "rights", DOCTOR_WARNING, "use sudo for svcconnectd and svcconnect run",
                   "not root: the daemon and `run` cannot be started from here");
}

static void check_mounts(struct doctor *doctor, const char *bpffs)
{
    _cleanup_free_ char *cgroup = NULL;

    if (mounts_find_cgroup2(&cgroup) < 0)
        doctor_add(doctor, "cgroup", DOCTOR_PROBLEM,
                   "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified",
                   "cgroup v2 is not mounted");
    else
        doctor_add(doctor, "cgroup", DOCTOR_OK, NULL, "cgroup v2 is mounted on %s", cgroup);
    if (mounts_is_bpffs(BPFFS))
        doctor_add(doctor, "bpffs", DOCTOR_OK, NULL, "bpffs is mounted on " BPFFS);
    else if (bpffs && mounts_is_bpffs(bpffs))
        doctor_add(doctor, "bpffs", DOCTOR_OK, NULL, "the daemon's directory %s is on a bpffs", bpffs);
    else if (access(BPFFS, F_OK) < 0 && errno == EACCES)
        doctor_add(doctor, "bpffs", DOCTOR_WARNING, "use sudo", "cannot look at " BPFFS);
    else
        doctor_add(doctor, "bpffs", DOCTOR_PROBLEM, "mount -t bpf bpf " BPFFS,
                   "no bpffs is mounted on " BPFFS);
}

void doctor_check_host(struct doctor *doctor, const char *bpffs)
{
    struct utsname kernel;

    check_rights(doctor);
    check_mounts(doctor, bpffs);
    if (uname(&kernel) == 0)
        doctor_add(doctor, "kernel", DOCTOR_OK, NULL, "Linux %s (%s)", kernel.release, kernel.machine);
}

void doctor_check_socket(struct doctor *doctor, const char *path)
{
    const struct passwd *user;
    const struct group *group;
    struct stat info;

    /* One that is missing is told by the daemon check. */
    if (stat(path, &info) < 0)
        return;
    if (!S_ISSOCK(info.st_mode)) {
        doctor_add(doctor, "socket", DOCTOR_PROBLEM, "name the daemon's socket with --socket PATH",
                   "%s is no socket", path);
        return;
    }
    user = getpwuid(info.st_uid);
    group = getgrgid(info.st_gid);
    doctor_add(doctor, "socket", info.st_mode & 0002 ? DOCTOR_WARNING : DOCTOR_OK,
               info.st_mode & 0002 ? "chmod o-rwx the socket" : NULL, "%s is %s:%s with mode %04o%s", path,
               user ? user->pw_name : "?", group ? group->gr_name : "?", (unsigned)info.st_mode & 07777,
               info.st_mode & 0002 ? ": every user of this host can change routes" : "");
}
