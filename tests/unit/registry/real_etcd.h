/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A real etcd for tests, on the loopback of a network namespace of their own, with its files in a directory that goes
 * with it. Included after cmocka.h.
 */
#pragma once

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "registry/etcd/etcd_client.h"
#include "unit/own_network.h"

static struct {
    pid_t pid;
    char directory[64];
} real_etcd;

static inline const char *real_etcd_url(void)
{
    return "http://127.0.0.1:2379";
}

/* Asks it something; what does not answer within the patience fails the test. */
static inline cJSON *real_etcd_ask(const char *path, const char *body, uint32_t patience_ms)
{
    struct etcd_settings settings = {.ca_file = "",
                                     .cert_file = "",
                                     .key_file = "",
                                     .user = "",
                                     .password_file = "",
                                     .patience_ms = patience_ms};
    struct etcd_client client;
    struct error error = {0};
    cJSON *answer = NULL;

    if (etcd_settings_read("etcd:http://127.0.0.1:2379", &settings, NULL) == 0 &&
        etcd_client_init(&client, &settings) == 0) {
        if (etcd_client_call(&client, path, body, &answer, &error) < 0)
            (void)fprintf(stderr, "etcd: %s\n", error.message);
        etcd_client_done(&client);
    }
    etcd_settings_done(&settings);
    return answer;
}

static inline void real_etcd_signal(int number)
{
    (void)kill(real_etcd.pid, number);
    /* Its threads may go on for a moment, and answer. */
    if (number == SIGSTOP)
        (void)waitpid(real_etcd.pid, NULL, WUNTRACED);
}

static inline void real_etcd_alarm(const char *name, bool is_on)
{
    char body[128];

    /* A member that there is not: nobody stops at once for it, all refuse. */
    (void)snprintf(body, sizeof(body), "{\"action\":\"%s\",\"alarm\":\"%s\",\"memberID\":\"1\"}",
                   is_on ? "ACTIVATE" : "DEACTIVATE", name);
    cJSON_Delete(real_etcd_ask("/v3/maintenance/alarm", body, 30000));
}

static inline void real_etcd_run(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
        _exit(1);
    (void)execlp("etcd", "etcd", "--data-dir", real_etcd.directory, "--listen-client-urls",
                 "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
                 "--listen-peer-urls", "http://127.0.0.1:2380", "--initial-advertise-peer-urls",
                 "http://127.0.0.1:2380", "--initial-cluster", "default=http://127.0.0.1:2380", (char *)NULL);
    _exit(127);
}

/* The same files again, or new ones. */
static inline bool real_etcd_launch(void)
{
    cJSON *answer;

    real_etcd.pid = fork();
    if (real_etcd.pid == 0)
        real_etcd_run();
    answer = real_etcd.pid > 0 ? real_etcd_ask("/v3/kv/range", "{\"key\":\"AA==\"}", 30000) : NULL;
    cJSON_Delete(answer);
    return answer != NULL;
}

/* False, with the reason printed: there is none to be had. Before any thread is started. */
static inline bool real_etcd_start(void)
{
    if (system("command -v etcd >/dev/null 2>&1") != 0) {
        (void)puts("skipping what needs an etcd: it is not installed (Debian: etcd-server)");
        return false;
    }
    if (!own_network_enter(0)) {
        (void)puts("skipping what needs an etcd: no network namespace of its own is to be had");
        return false;
    }
    (void)snprintf(real_etcd.directory, sizeof(real_etcd.directory), "%s/svc-etcd-XXXXXX", P_tmpdir);
    if (!mkdtemp(real_etcd.directory) || !real_etcd_launch()) {
        (void)puts("skipping what needs an etcd: it does not start");
        return false;
    }
    return true;
}

static inline void real_etcd_kill(void)
{
    if (real_etcd.pid <= 0)
        return;
    (void)kill(real_etcd.pid, SIGCONT);
    (void)kill(real_etcd.pid, SIGKILL);
    (void)waitpid(real_etcd.pid, NULL, 0);
    real_etcd.pid = 0;
}

static inline void real_etcd_stop(void)
{
    char command[128];

    real_etcd_kill();
    if (!*real_etcd.directory)
        return;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", real_etcd.directory);
    (void)!system(command);
}
