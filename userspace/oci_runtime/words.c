/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "oci_runtime/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define OWN_NAME "svcconnect-"

/* The flag's name without dashes, if it is one; both runtimes take one dash as two. */
static const char *words_flag(const char *word)
{
    if (word[0] != '-' || !word[1])
        return NULL;
    return word + (word[1] == '-' ? 2 : 1);
}

/* "NAME=VALUE" of this flag: the value; else NULL. */
static const char *words_value(const char *flag, const char *name)
{
    size_t length = strlen(name);

    return strncmp(flag, name, length) == 0 && flag[length] == '=' ? flag + length + 1 : NULL;
}

/* Flags before the command that have their value in the next word. */
static bool takes_next(const char *flag)
{
    static const char *const names[] = {"root", "log", "log-format", "criu", "rootless", "cgroup-manager"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(flag, names[i]) == 0)
            return true;
    return false;
}

static bool take_own_flag(const char *flag, struct words *words)
{
    const char *runtime = words_value(flag, "svcconnect-runtime");
    const char *socket = words_value(flag, "svcconnect-socket");

    if (runtime)
        words->runtime = runtime;
    if (socket)
        words->socket = socket;
    return runtime || socket;
}

static void take_own_flags(char **argv, struct words *words)
{
    char **to = argv;

    for (char **from = argv; *from; from++) {
        const char *flag = from == argv ? NULL : words_flag(*from);

        if (!flag || !take_own_flag(flag, words))
            *to++ = *from;
    }
    *to = NULL;
}

void words_read(char **argv, struct words *ret_words)
{
    struct words words = {.runtime = getenv("SVCCONNECT_OCI_RUNTIME"), .socket = getenv("SVCCONNECT_SOCKET")};
    const char *command = NULL;
    const char *id = NULL;

    take_own_flags(argv, &words);
    for (char **at = argv[0] ? argv + 1 : argv; *at; at++) {
        const char *flag = words_flag(*at);

        if (!flag && command) {
            id = *at;
        } else if (!flag) {
            command = *at;
        } else if (!command) {
            const char *root = words_value(flag, "root");

            if (root)
                words.root = root;
            if (takes_next(flag) && at[1]) {
                at++;
                words.root = strcmp(flag, "root") == 0 ? *at : words.root;
            }
        }
    }
    if (command && strcmp(command, "start") == 0)
        words.id = id;
    *ret_words = words;
}

/* ---- the real runtime ---- */

static bool is_this_program(const char *path)
{
    struct stat its;
    struct stat ours;

    return stat(path, &its) == 0 && stat("/proc/self/exe", &ours) == 0 && its.st_dev == ours.st_dev &&
           its.st_ino == ours.st_ino;
}

static char *find_program(const char *name)
{
    static const char *const places[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                         "/usr/bin",        "/sbin",          "/bin"};
    char *path = NULL;

    if (strchr(name, '/'))
        return access(name, X_OK) == 0 && !is_this_program(name) ? strdup(name) : NULL;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        if (asprintf(&path, "%s/%s", places[i], name) < 0)
            return NULL;
        if (access(path, X_OK) == 0 && !is_this_program(path))
            return path;
        free(path);
    }
    return NULL;
}

char *words_find_runtime(const struct words *words, const char *own_name)
{
    const char *slash = strrchr(own_name, '/');
    const char *name = slash ? slash + 1 : own_name;
    char *path;

    if (words->runtime && *words->runtime)
        return find_program(words->runtime);
    if (strncmp(name, OWN_NAME, strlen(OWN_NAME)) == 0 && strcmp(name, OWN_NAME "oci-runtime") != 0 &&
        (path = find_program(name + strlen(OWN_NAME))))
        return path;
    path = find_program("runc");
    return path ? path : find_program("crun");
}
