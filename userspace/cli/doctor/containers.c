/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Container runtimes: which are followed and how well, and which are there and are not. */
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cli/doctor/checks.h"
#include "cli/text.h"

/* "20.10.24, cgroupfs driver", or what of it is known. */
static void runtime_about(const cJSON *runtime, char *ret_text, size_t size)
{
    const char *version = text_member(runtime, "version");
    const char *driver = text_member(runtime, "cgroupDriver");

    (void)snprintf(ret_text, size, "%s%s%s%s%s%s", *version || *driver ? " (" : "",
                   *version ? "version " : "", version, *version && *driver ? ", " : "", driver,
                   *driver    ? " driver)"
                   : *version ? ")"
                              : "");
}

/* How its containers come by their names, and who does not in time that way. */
static void tell_way(struct doctor *doctor, const cJSON *runtime)
{
    uint64_t count = text_number(runtime, "containers");
    uint64_t tasks = text_number(runtime, "tasks");
    const char *gate = text_member(runtime, "gate");
    const char *more = tasks < count ? "svcconnect containers says why others are none" : NULL;
    char about[100];
    char found[400];

    runtime_about(runtime, about, sizeof(about));
    (void)snprintf(found, sizeof(found),
                   "%s at %s is followed, %" PRIu64 " of %" PRIu64 " containers are tasks",
                   text_member(runtime, "name"), text_member(runtime, "socket"), tasks, count);
    if (strcmp(gate, "exec") == 0)
        doctor_add(doctor, "runtime", DOCTOR_OK, more,
                   "%s, first programs wait for names at the exec gate; %" PRIu64 " unlabelled%s", found,
                   text_number(runtime, "unlabelled"), about);
    else if (strcmp(gate, "runtime") == 0)
        doctor_add(doctor, "runtime", DOCTOR_OK, more,
                   "%s, first programs wait for names where svcconnect-oci-runtime starts them, others begin "
                   "before; no exec gate: %s; %" PRIu64 " unlabelled%s",
                   found, text_member(runtime, "gateReason"), text_number(runtime, "unlabelled"), about);
    else
        doctor_add(
            doctor, "runtime", DOCTOR_WARNING,
            "take a kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS and give the daemon CAP_SYS_ADMIN, or "
            "start containers by svcconnect-oci-runtime",
            "%s, but they begin some milliseconds before their names are there; no exec gate: %s; %" PRIu64
            " unlabelled%s",
            found, text_member(runtime, "gateReason"), text_number(runtime, "unlabelled"), about);
}

static void check_runtime(struct doctor *doctor, const cJSON *runtime)
{
    const char *name = text_member(runtime, "name");
    const char *socket = text_member(runtime, "socket");

    if (!text_is_true(runtime, "connected")) {
        doctor_add(doctor, "runtime", DOCTOR_WARNING,
                   "start it, or name another socket (svcconnectd --container-runtime)",
                   "%s at %s is not connected: %s; what it told last holds", name, socket,
                   text_member(runtime, "reason"));
        return;
    }
    tell_way(doctor, runtime);
}

static void doctor_tell_host_address(struct doctor *doctor, const cJSON *host, int n_runtimes)
{
    if (n_runtimes == 0)
        return;
    if (*text_member(host, "address"))
        doctor_add(doctor, "host network", DOCTOR_OK, NULL, "containers on it are reached at %s (%s)",
                   text_member(host, "address"), text_member(host, "from"));
    else
        doctor_add(doctor, "host network", DOCTOR_WARNING,
                   "give this host an address, or name one (svcconnectd --host-address)",
                   "this host has no address at which others reach containers on its network");
}

/* Also by another name: podman's socket may be called as Docker's. */
static bool is_followed(const cJSON *runtimes, const char *socket, const struct stat *info)
{
    const cJSON *runtime;
    struct stat other;

    cJSON_ArrayForEach (runtime, runtimes) {
        const char *followed = text_member(runtime, "socket");

        if (strcmp(followed, socket) == 0 ||
            (stat(followed, &other) == 0 && other.st_dev == info->st_dev && other.st_ino == info->st_ino))
            return true;
    }
    return false;
}

/* With the setting that follows it as well as what is followed already. */
static void check_socket(struct doctor *doctor, const cJSON *document, const char *name, const char *socket)
{
    const char *setting = text_member(document, "follow");
    bool has_others = *setting && strcmp(setting, "none") != 0;
    char next[2300];
    struct stat info;

    if (stat(socket, &info) < 0 || !S_ISSOCK(info.st_mode) ||
        is_followed(text_child(document, "runtimes"), socket, &info))
        return;
    (void)snprintf(next, sizeof(next), "svcconnectd --container-runtime %s%s%s:%s%s%s",
                   has_others ? setting : "", has_others ? "," : "", name, socket,
                   info.st_uid ? ", if you trust that user with every service of this host" : "",
                   info.st_uid && strcmp(name, "podman") == 0
                       ? "; else auto,rootless:user-%u, for a namespace of the user's own"
                       : "");
    if (info.st_uid)
        doctor_add(doctor, "runtime", DOCTOR_OK, next, "%s at %s is a user's own (uid %u) and not followed",
                   name, socket, (unsigned)info.st_uid);
    else
        doctor_add(doctor, "runtime", DOCTOR_OK, next, "%s at %s is not followed: it is not named", name,
                   socket);
}

static void check_sockets(struct doctor *doctor, const cJSON *document)
{
    static const struct {
        const char *name;
        const char *pattern;
    } usual[] = {
        {"docker", "/run/docker.sock"},
        {"podman", "/run/podman/podman.sock"},
        {"containerd", "/run/containerd/containerd.sock"},
        {"docker", "/run/user/*/docker.sock"},
        {"podman", "/run/user/*/podman/podman.sock"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
        glob_t found;

        if (glob(usual[i].pattern, 0, NULL, &found) != 0)
            continue;
        for (size_t k = 0; k < found.gl_pathc; k++)
            check_socket(doctor, document, usual[i].name, found.gl_pathv[k]);
        globfree(&found);
    }
}

void doctor_check_containers(struct doctor *doctor, const cJSON *document)
{
    const cJSON *runtimes = text_child(document, "runtimes");
    const cJSON *runtime;

    cJSON_ArrayForEach (runtime, runtimes) {
        check_runtime(doctor, runtime);
    }
    doctor_tell_host_address(doctor, text_child(document, "hostAddress"), cJSON_GetArraySize(runtimes));
    check_sockets(doctor, document);
}
