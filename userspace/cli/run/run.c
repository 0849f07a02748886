/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * `svcconnect run`: a cgroup, attached by the daemon, around one command that has the names in its
 * /etc/hosts. In: the program after `--`. Out: its exit status. The cgroup goes at the end, with what the
 * command left in it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/run/cgroup.h"
#include "cli/run/child.h"
#include "cli/run/nsswitch.h"
#include "cli/run/signals.h"
#include "cli/text.h"

#define GRACE_MS     2000
#define DETACH_MS    10000
#define MAX_NSSWITCH (1u << 20)

/* The cgroup v2 mount that the daemon attaches in. */
static int run_find_cgroup_root(const struct invocation *invocation, char **ret_root)
{
    _cleanup_control_response_ struct control_response response = {0};
    const char *root;
    int status;

    status = api_exchange(invocation, "GET", "/v1/status", NULL, &response);
    if (status != CLI_DONE)
        return status;
    root = text_member(text_child(response.json, "directories"), "cgroupRoot");
    if (!*root)
        return report_error(invocation, CLI_FAILED, "the daemon does not say where cgroup v2 is mounted");
    *ret_root = strdup(root);
    return *ret_root ? CLI_DONE : report_error(invocation, CLI_FAILED, "out of memory");
}

static int attach(const struct invocation *invocation, const struct run_cgroup *cgroup, char **ret_hosts_path)
{
    _cleanup_control_response_ struct control_response response = {0};
    _cleanup_json_ cJSON *body = api_body_new(invocation);
    const char *hosts_path;
    int status;

    api_add_string(&body, "cgroup", cgroup->below);
    api_add_string(&body, "service", invocation->options[OPTION_SERVICE]);
    api_add_true(&body, "run");
    api_add_number(&body, "pid", (uint64_t)getpid());
    if (!body)
        return report_error(invocation, CLI_FAILED, "out of memory");
    /* Not api_change(): with --json it prints the answer, and standard output is the command's here. */
    status = api_exchange(invocation, "POST", "/v1/tasks", body, &response);
    if (status != CLI_DONE)
        return status;
    api_report_warnings(invocation, response.json);
    hosts_path = text_member(response.json, "hostsFile");
    if (!*hosts_path)
        return report_error(invocation, CLI_FAILED, "the daemon attached the task but gave it no hosts file");
    *ret_hosts_path = strdup(hosts_path);
    return *ret_hosts_path ? CLI_DONE : report_error(invocation, CLI_FAILED, "out of memory");
}

/* Says nothing if the daemon is not there: it collects what has gone when it is back. */
static void detach(const struct invocation *invocation, const struct run_cgroup *cgroup)
{
    _cleanup_json_ cJSON *body = cJSON_CreateObject();
    const struct control_request request = {
        .socket_path = invocation->socket_path,
        .method = "DELETE",
        .path = "/v1/tasks",
        .body = body,
        .timeout_ms = DETACH_MS,
    };
    _cleanup_control_response_ struct control_response response = {0};

    api_add_string(&body, "cgroup", cgroup->below);
    if (body)
        (void)control_client_request(&request, &response, NULL);
}

/* NULL: what is there will do, or nothing is. */
static int read_nsswitch(char **ret_text, struct error *error)
{
    _cleanup_free_ char *text = NULL;
    int r = file_read("/etc/nsswitch.conf", MAX_NSSWITCH, &text, NULL);

    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    if (r == 0)
        r = nsswitch_for_task(text, ret_text);
    return r < 0 ? error_errno(error, r, "/etc/nsswitch.conf") : 0;
}

/* Starts the command and waits for its end: its exit status, or 128 + signal in *ret_signal. */
static int run_program(const struct invocation *invocation, const struct run_signals *signals, int cgroup_fd,
                       const char *hosts_path, int *ret_signal)
{
    _cleanup_free_ char *nsswitch = NULL;
    struct error error = {0};
    int unread = read_nsswitch(&nsswitch, &error);
    const struct run_plan plan = {
        .program = invocation->program,
        .cgroup_fd = cgroup_fd,
        .mounts = {.hosts_path = hosts_path, .nsswitch = nsswitch},
        .signal_mask = &signals->previous_mask,
        .child_action = &signals->child_action,
    };
    struct run_child child;
    int failed;
    int status = 0;
    int r;

    if (unread < 0)
        return report_error(invocation, CLI_FAILED, "%s", error.message);
    if (run_child_fork(&plan, &child, &error) < 0)
        return report_error(invocation, CLI_FAILED, "%s", error.message);
    run_signals_pass_pending(signals, child.pid);
    failed = run_child_go(&child, &plan, &error);
    r = run_signals_wait(signals, child.pid, &status);
    if (failed)
        return report_error(invocation, failed, "%s", error.message);
    if (r < 0)
        return report_error(invocation, CLI_FAILED, "cannot wait for %s: %s", plan.program[0], strerror(-r));
    if (WIFSIGNALED(status)) {
        *ret_signal = WTERMSIG(status);
        return 128 + WTERMSIG(status);
    }
    return WEXITSTATUS(status);
}

static void clean_up(const struct invocation *invocation, const struct run_cgroup *cgroup)
{
    int r = run_cgroup_empty(cgroup, GRACE_MS);

    detach(invocation, cgroup); /* even if attaching failed: an answer that was lost may have been a yes */
    if (r == 0)
        r = run_cgroup_remove(cgroup);
    if (r < 0)
        report_warning(invocation, "%s stays behind: %s", cgroup->path, strerror(-r));
}

/* The part with signals held back: whatever comes, the cgroup is cleaned up. */
static int run_as_task(const struct invocation *invocation, const char *root,
                       const struct run_signals *signals, int *ret_signal)
{
    _cleanup_(run_cgroup_done) struct run_cgroup cgroup = RUN_CGROUP_NONE;
    _cleanup_free_ char *hosts_path = NULL;
    struct error error = {0};
    int status;

    if (run_cgroup_make(root, (long)getpid(), &cgroup, &error) < 0)
        return report_error(invocation, CLI_FAILED, "%s", error.message);
    status = attach(invocation, &cgroup, &hosts_path);
    if (status == CLI_DONE && access("/etc/hosts", F_OK) < 0 && errno == ENOENT) {
        report_warning(invocation, "there is no /etc/hosts here: the command finds names by DNS alone");
        free(TAKE_PTR(hosts_path));
    }
    if (status == CLI_DONE)
        status = run_program(invocation, signals, cgroup.fd, hosts_path, ret_signal);
    clean_up(invocation, &cgroup);
    return status;
}

int command_run(const struct invocation *invocation)
{
    _cleanup_free_ char *root = NULL;
    struct run_signals signals;
    int signal_number = 0;
    int status;

    if (geteuid() != 0)
        return report_error(invocation, CLI_FAILED,
                            "run needs root: it makes a cgroup and a mount namespace; use sudo");
    status = run_find_cgroup_root(invocation, &root);
    if (status != CLI_DONE)
        return status;
    if (run_signals_begin(&signals) < 0)
        return report_error(invocation, CLI_FAILED, "cannot hold signals back: %s", strerror(errno));
    status = run_as_task(invocation, root, &signals, &signal_number);
    if (signal_number)
        run_signals_die(signal_number);
    run_signals_end(&signals);
    return status;
}
