/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/complete/daemon_options.h"

#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/complete/values.h"

extern char **environ;

bool daemon_options_is(const char *program)
{
    const char *slash = strrchr(program, '/');

    return strcmp(slash ? slash + 1 : program, "svcconnectd") == 0;
}

/* Its standard output; the caller waits for *ret_pid. NULL: it cannot be run. */
static FILE *run_help(const char *program, pid_t *ret_pid)
{
    char *argv[] = {(char *)program, (char *)"--help", NULL}; /* not written to */
    posix_spawn_file_actions_t actions;
    FILE *stream = NULL;
    int ends[2];

    if (pipe(ends) < 0)
        return NULL;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_addclose(&actions, ends[0]);
    if (posix_spawnp(ret_pid, program, &actions, NULL, argv, environ) == 0)
        stream = fdopen(ends[0], "r");
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    if (!stream)
        (void)close(ends[0]);
    return stream;
}

/* The value of an option, by the word that stands for it. */
static void offer_daemon_value(const struct place *place, const char *option, const char *metavar)
{
    if (strcmp(option, "--log-level") == 0)
        place_offer_words(place, "error|warning|info|debug");
    else if (strcmp(metavar, "on|off") == 0)
        place_offer_words(place, metavar);
    else if (strstr(metavar, "|auto"))
        place_offer_words(place, "auto");
    else if (strstr(metavar, "|off"))
        place_offer_words(place, "off");
    if (strncmp(metavar, "FILE", 4) == 0 || strncmp(metavar, "DIR", 3) == 0)
        (void)puts(":files");
}

/* "  --dns on|off   answer ...", or "  --help, --version". */
static void take_line(const struct place *place, const char *previous, char *line)
{
    char *save = NULL;
    char *option = strncmp(line, "  --", 4) == 0 ? strtok_r(line, " \n", &save) : NULL;
    char *metavar = option ? strtok_r(NULL, " \n", &save) : NULL;
    bool has_value = metavar && (strpbrk(metavar, "ABCDEFGHIJKLMNOPQRSTUVWXYZ|") != NULL ||
                                 strcmp(metavar, "sqlite") == 0);

    if (!option)
        return;
    if (save)
        save[strcspn(save, "\n")] = '\0';
    if (has_value && strcmp(option, previous) == 0) {
        offer_daemon_value(place, option, metavar);
        return;
    }
    option[strcspn(option, ",")] = '\0';
    if (place->typed[0] == '-')
        place_offer(place, option, has_value && save ? save + strspn(save, " ") : "");
    if (metavar && strcmp(metavar, "--version") == 0 && place->typed[0] == '-')
        place_offer(place, metavar, "");
}

void daemon_options_offer(const char *program, const char *previous, const char *typed)
{
    const struct place place = {.typed = typed};
    pid_t pid = 0;
    FILE *stream = run_help(program, &pid);
    _cleanup_free_ char *line = NULL;
    size_t size = 0;

    if (!stream)
        return;
    while (getline(&line, &size, stream) > 0)
        take_line(&place, previous, line);
    (void)fclose(stream);
    (void)waitpid(pid, NULL, 0);
}
