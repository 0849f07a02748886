/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Does a name resolve where it is needed? A child of doctor enters a task, its cgroup and its network namespace, and asks
 * the task's own name server for a client alias, as the task's resolver would.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/doctor/checks.h"
#include "cli/doctor/question.h"
#include "cli/text.h"

#define ANSWER_S 3

enum trying {
    TRY_RIGHT,
    TRY_WRONG,     /* answered, and not with the alias */
    TRY_NO_ANSWER, /* in time */
    TRY_NO_ENTRY,  /* the task could not be entered */
};

struct name_try {
    const struct doctor_place *place;
    const char *name;
    struct in_addr alias;
};

static int first_member(const char *directory)
{
    char path[600];
    FILE *file;
    int pid = 0;

    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
    file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%d", &pid) != 1)
        pid = 0;
    (void)fclose(file);
    return pid;
}

/* The caller's process ends in there. */
static int try_enter(const struct name_try *try)
{
    char path[600];
    _cleanup_close_ int cgroup = -1;
    _cleanup_close_ int netns = -1;

    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", try->place->directory);
    cgroup = open(path, O_WRONLY | O_CLOEXEC);
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", try->place->pid);
    netns = open(path, O_RDONLY | O_CLOEXEC);
    return cgroup >= 0 && netns >= 0 && write(cgroup, "0", 1) == 1 && setns(netns, CLONE_NEWNET) == 0
               ? 0
               : -errno;
}

static socklen_t server_address(const char *text, struct sockaddr_storage *ret_address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;

    *ret_address = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(53);
        return sizeof(*v4);
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
        return 0;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(53);
    return sizeof(*v6);
}

static enum trying try_ask(const struct name_try *try)
{
    const struct timeval patience = {.tv_sec = ANSWER_S};
    struct sockaddr_storage address;
    socklen_t length = server_address(try->place->server, &address);
    unsigned char question[QUESTION_MAX];
    unsigned char answer[4096];
    size_t n = question_make(try->name, (uint16_t)getpid(), question);
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ssize_t got;

    if (fd < 0 || n == 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        connect(fd, (struct sockaddr *)&address, length) < 0 || send(fd, question, n, 0) != (ssize_t)n)
        return TRY_NO_ANSWER;
    got = recv(fd, answer, sizeof(answer), 0);
    if (got < 0)
        return TRY_NO_ANSWER;
    return question_is_answered_by(question, n, answer, (size_t)got, &try->alias) ? TRY_RIGHT : TRY_WRONG;
}

/* Whoever enters a task that is frozen is frozen with it, and can only be killed. */
static enum trying try_in_child(const struct name_try *try)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    unsigned turns = (ANSWER_S + 2) * 50;
    int status = 0;
    pid_t pid = fork();
    pid_t ended = 0;

    if (pid == 0)
        _exit(try_enter(try) < 0 ? TRY_NO_ENTRY : (int)try_ask(try));
    if (pid < 0)
        return TRY_NO_ENTRY;
    while (ended == 0 && turns-- > 0) {
        ended = waitpid(pid, &status, WNOHANG);
        if (ended == 0)
            (void)nanosleep(&pause, NULL);
    }
    if (ended == 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
    }
    return ended == pid && WIFEXITED(status) ? (enum trying)WEXITSTATUS(status) : TRY_NO_ENTRY;
}

/* The first that a name server can be asked for. */
static const cJSON *choose_alias(const cJSON *aliases, struct in_addr *ret_address)
{
    const cJSON *alias;

    cJSON_ArrayForEach (alias, aliases) {
        unsigned char question[QUESTION_MAX];

        if (inet_pton(AF_INET, text_member(alias, "address"), ret_address) == 1 &&
            question_make(text_member(alias, "dnsName"), 0, question) > 0)
            return alias;
    }
    return NULL;
}

bool doctor_choose_task(const cJSON *status, const cJSON *document, struct doctor_place *ret_place)
{
    const char *root = text_member(text_child(status, "directories"), "cgroupRoot");
    const cJSON *task;

    cJSON_ArrayForEach (task, text_child(document, "tasks")) {
        const char *server = cJSON_GetStringValue(cJSON_GetArrayItem(text_child(task, "nameservers"), 0));

        (void)snprintf(ret_place->directory, sizeof(ret_place->directory), "%s%s", root,
                       text_member(task, "cgroup"));
        ret_place->pid = server ? first_member(ret_place->directory) : 0;
        ret_place->server = server;
        ret_place->cgroup = text_member(task, "cgroup");
        ret_place->container = text_member(task, "container");
        ret_place->namespace_name = text_member(task, "namespace");
        if (ret_place->pid > 0)
            return true;
    }
    return false;
}

void doctor_check_names(struct doctor *doctor, const struct doctor_place *place, const cJSON *document)
{
    struct name_try try = {.place = place};
    const cJSON *alias = choose_alias(text_child(document, "aliases"), &try.alias);
    const char *in = *place->container ? place->container : place->cgroup;

    if (!alias)
        return;
    try.name = text_member(alias, "dnsName");
    switch (try_in_child(&try)) {
    case TRY_RIGHT:
        doctor_add(doctor, "names", DOCTOR_OK, NULL, "%s is %s in %s, as its name server %s answers",
                   try.name, text_member(alias, "address"), in, place->server);
        break;
    case TRY_WRONG:
        doctor_add(doctor, "names", DOCTOR_PROBLEM,
                   "svcconnect tasks -o wide shows who answers names, the log why not",
                   "%s is not %s in %s: its name server %s answers otherwise", try.name,
                   text_member(alias, "address"), in, place->server);
        break;
    case TRY_NO_ANSWER:
        doctor_add(doctor, "names", DOCTOR_PROBLEM,
                   "svcconnect tasks -o wide shows who answers names, the log why not",
                   "nobody answers in %s, by its name server %s, what %s is", in, place->server, try.name);
        break;
    case TRY_NO_ENTRY:
        doctor_add(doctor, "names", DOCTOR_OK, geteuid() == 0 ? NULL : "use sudo to have one tried",
                   "no name was tried: %s could not be entered", in);
        break;
    }
}
