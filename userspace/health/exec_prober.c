/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A command is killed only while it is not yet waited for: until then its number, and its group's, is its
 * own. */
#include "health/exec_prober.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "health/exec_child.h"

#define TAIL_SIZE    128
#define FREE_WAIT_MS 1000

struct exec_probe {
    TAILQ_ENTRY(exec_probe) link;
    struct exec_prober *prober;
    const struct probe_request *request; /* NULL: its outcome is told, or nobody waits for it */
    void *user;                          /* for `gone`; NULL: cancelled */
    struct exec_child child;
    struct event end_event;    /* of the pidfd, with the timeout */
    struct event output_event; /* of the pipe */
    size_t output_length;
    size_t tail_length;
    char tail[TAIL_SIZE];
};

TAILQ_HEAD(exec_probe_list, exec_probe);

struct exec_prober {
    struct event_base *base;
    const struct exec_policy *policy;
    probe_done_fn done;
    exec_prober_gone_fn gone;
    void *user;
    struct exec_probe_list probes;
    size_t count;
};

/* ---- output ---- */

static void keep_tail(struct exec_probe *probe, const char *bytes, size_t length)
{
    if (length >= TAIL_SIZE) {
        memcpy(probe->tail, bytes + length - TAIL_SIZE, TAIL_SIZE);
        probe->tail_length = TAIL_SIZE;
        return;
    }
    if (probe->tail_length + length > TAIL_SIZE) {
        size_t excess = probe->tail_length + length - TAIL_SIZE;

        probe->tail_length -= excess;
        memmove(probe->tail, probe->tail + excess, probe->tail_length);
    }
    memcpy(probe->tail + probe->tail_length, bytes, length);
    probe->tail_length += length;
}

/* -EAGAIN: no more for now; 0: the end, or too much to go on reading; 1: there may be more. */
static int read_output(struct exec_probe *probe)
{
    char bytes[16384];
    ssize_t n = read(probe->child.output_fd, bytes, sizeof(bytes));

    if (n < 0)
        return errno == EINTR ? 1 : -errno;
    keep_tail(probe, bytes, (size_t)n);
    probe->output_length += (size_t)n;
    return n > 0 && probe->output_length <= EXEC_PROBER_OUTPUT_LIMIT;
}

/* The last line that says anything, in plain ASCII: it ends up in JSON and on terminals. */
static void format_last_line(const struct exec_probe *probe, char line[static TAIL_SIZE + 1])
{
    size_t end = probe->tail_length;
    size_t start;

    while (end > 0 && (unsigned char)probe->tail[end - 1] <= ' ')
        end--;
    for (start = end; start > 0 && probe->tail[start - 1] != '\n';)
        start--;
    for (size_t i = start; i < end; i++)
        line[i - start] = probe->tail[i] >= ' ' && probe->tail[i] <= '~' ? probe->tail[i] : '?';
    line[end - start] = '\0';
}

/* ---- outcome and end ---- */

static void exec_prober_tell(struct exec_probe *probe, enum probe_outcome outcome, const char *reason)
{
    const struct probe_request *request = probe->request;

    probe->request = NULL;
    probe->prober->done(request->user, outcome, reason);
}

static enum probe_outcome exec_prober_judge(const struct exec_probe *probe, const siginfo_t *info,
                                            char *reason, size_t size)
{
    char line[TAIL_SIZE + 1];
    const char *separator;

    format_last_line(probe, line);
    separator = line[0] ? ": " : "";
    if (info->si_code == CLD_EXITED) {
        (void)snprintf(reason, size, "exit status %d%s%s", info->si_status, separator, line);
        return info->si_status == 0 ? PROBE_PASSED : PROBE_FAILED;
    }
    (void)snprintf(reason, size, "ended by signal %d%s%s", info->si_status, separator, line);
    return PROBE_FAILED;
}

static void release(struct exec_probe *probe)
{
    struct exec_prober *prober = probe->prober;

    (void)event_del(&probe->end_event);
    (void)event_del(&probe->output_event);
    exec_child_close(&probe->child);
    TAILQ_REMOVE(&prober->probes, probe, link);
    prober->count--;
    free(probe);
}

static void exec_prober_on_end(struct exec_probe *probe)
{
    struct exec_prober *prober = probe->prober;
    siginfo_t info = {0};
    char reason[160];
    enum probe_outcome outcome = PROBE_UNDECIDED;
    int more = 1;
    int r;

    exec_child_kill(&probe->child); /* what it left behind */
    r = exec_child_wait(&probe->child, &info);
    if (r == -EAGAIN) {
        (void)event_add(&probe->end_event, NULL);
        return;
    }
    if (probe->request) {
        while (more > 0)
            more = read_output(probe);
        if (r < 0)
            (void)snprintf(reason, sizeof(reason), "how it ended is not known: %s", probe_errno_text(-r));
        else
            outcome = exec_prober_judge(probe, &info, reason, sizeof(reason));
        exec_prober_tell(probe, outcome, reason);
    }
    /* The callback may have cancelled it: `user` is read now. */
    void *user = probe->user;

    release(probe);
    prober->gone(prober->user, user);
}

/* From now on the end of the command is waited for without limit, but nobody else waits. */
static void kill_and_tell(struct exec_probe *probe, const char *reason)
{
    exec_child_kill(&probe->child);
    (void)event_del(&probe->output_event);
    (void)event_del(&probe->end_event);
    (void)event_add(&probe->end_event, NULL);
    exec_prober_tell(probe, PROBE_FAILED, reason);
}

static void on_end_event(evutil_socket_t fd, short what, void *user)
{
    struct exec_probe *probe = user;
    char reason[64];

    (void)fd;
    if (what & EV_READ) {
        exec_prober_on_end(probe);
    } else if (probe->request) {
        (void)snprintf(reason, sizeof(reason), "not done within %u ms", probe->request->check->timeout_ms);
        kill_and_tell(probe, reason);
    }
}

static void on_output_event(evutil_socket_t fd, short what, void *user)
{
    struct exec_probe *probe = user;
    char reason[64];
    int r = read_output(probe);

    (void)fd;
    (void)what;
    if (r != 0)
        return;
    (void)event_del(&probe->output_event);
    if (probe->output_length > EXEC_PROBER_OUTPUT_LIMIT && probe->request) {
        (void)snprintf(reason, sizeof(reason), "more than %u KiB of output", EXEC_PROBER_OUTPUT_LIMIT >> 10);
        kill_and_tell(probe, reason);
    }
}

/* ---- probes ---- */

/* With a child that has started: it ends with the probe if this fails. */
static int watch(struct exec_probe *probe, uint32_t timeout_ms)
{
    const struct timeval timeout = probe_time(timeout_ms);
    struct event_base *base = probe->prober->base;

    if (event_assign(&probe->end_event, base, probe->child.pidfd, EV_READ, on_end_event, probe) < 0 ||
        event_assign(&probe->output_event, base, probe->child.output_fd, EV_READ | EV_PERSIST,
                     on_output_event, probe) < 0 ||
        event_add(&probe->end_event, &timeout) < 0 || event_add(&probe->output_event, NULL) < 0)
        return -ENOMEM;
    return 0;
}

bool exec_prober_allows(const struct exec_prober *prober, const struct health_check *check)
{
    return exec_policy_allows(prober->policy, check->command[0]);
}

int exec_prober_start(struct exec_prober *prober, const struct probe_request *request,
                      struct exec_probe **ret_probe)
{
    struct exec_probe *probe;
    int r;

    if (!exec_prober_allows(prober, request->check))
        return -EPERM;
    probe = calloc(1, sizeof(*probe));
    if (!probe)
        return -ENOMEM;
    r = exec_child_start(request, &probe->child);
    if (r < 0) {
        free(probe);
        return r;
    }
    probe->prober = prober;
    probe->request = request;
    probe->user = request->user;
    TAILQ_INSERT_TAIL(&prober->probes, probe, link);
    prober->count++;
    r = watch(probe, request->check->timeout_ms);
    if (r < 0) {
        exec_child_kill(&probe->child);
        exec_child_wait_briefly(&probe->child, FREE_WAIT_MS);
        release(probe);
        return r;
    }
    *ret_probe = probe;
    return 0;
}

void exec_prober_cancel(struct exec_prober *prober, struct exec_probe *probe)
{
    (void)prober;
    probe->user = NULL;
    probe->request = NULL;
    exec_child_kill(&probe->child);
    (void)event_del(&probe->output_event);
    (void)event_del(&probe->end_event);
    (void)event_add(&probe->end_event, NULL);
}

size_t exec_prober_count(const struct exec_prober *prober)
{
    return prober->count;
}

int exec_prober_new(struct event_base *base, const struct exec_policy *policy, probe_done_fn done,
                    exec_prober_gone_fn gone, void *prober_user, struct exec_prober **ret_prober)
{
    struct exec_prober *prober = calloc(1, sizeof(*prober));

    if (!prober)
        return -ENOMEM;
    *prober =
        (struct exec_prober){.base = base, .policy = policy, .done = done, .gone = gone, .user = prober_user};
    TAILQ_INIT(&prober->probes);
    *ret_prober = prober;
    return 0;
}

void exec_prober_free(struct exec_prober **prober)
{
    struct exec_probe *probe;
    int patience_ms = FREE_WAIT_MS;

    if (!*prober)
        return;
    for (probe = TAILQ_FIRST(&(*prober)->probes); probe; probe = TAILQ_NEXT(probe, link))
        exec_child_kill(&probe->child);
    while ((probe = TAILQ_FIRST(&(*prober)->probes))) {
        patience_ms = exec_child_wait_briefly(&probe->child, patience_ms);
        release(probe);
    }
    free(*prober);
    *prober = NULL;
}
