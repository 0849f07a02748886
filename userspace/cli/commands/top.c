/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* top: a live view of services, endpoints, callers, aliases and tasks. Reads of the control API, once a second. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/top/cost.h"
#include "cli/top/model.h"
#include "cli/top/screen.h"
#include "cli/width.h"

#define TOP_INTERVAL_MS 1000
#define TOP_ONCE_WIDTH  250 /* where there is no terminal */

/* ---- reading ---- */

struct reading {
    struct control_response endpoints, list, callers; /* `list`: services, callers, aliases or tasks */
};

static void reading_done(struct reading *reading)
{
    control_response_done(&reading->endpoints);
    control_response_done(&reading->list);
    control_response_done(&reading->callers);
}

#define _cleanup_reading_ _cleanup_(reading_done)

static int read_path(const struct invocation *invocation, const char *path,
                     struct control_response *ret_response, char *trouble, size_t size)
{
    _cleanup_free_ char *narrowed = api_narrow(invocation, path);
    const struct control_request request = {
        .socket_path = invocation->socket_path, .method = "GET", .path = narrowed, .timeout_ms = 30000};
    struct error error = {0};
    int r = narrowed ? control_client_request(&request, ret_response, &error) : -ENOMEM;

    if (r != CONTROL_CLIENT_ANSWERED) {
        (void)snprintf(trouble, size, "%s", narrowed ? error.message : "out of memory");
        return r == CONTROL_CLIENT_UNREACHABLE ? CLI_UNREACHABLE : CLI_FAILED;
    }
    if (ret_response->status == 200 && ret_response->json)
        return CLI_DONE;
    (void)snprintf(trouble, size, "%s: the daemon answers %ld: %s", path, ret_response->status,
                   text_member(text_child(ret_response->json, "error"), "message"));
    return CLI_FAILED;
}

/* Reads what the view needs and feeds it. Returns the exit status, with a sentence where it is a failure. */
static int read_view(const struct invocation *invocation, struct top *top, char *trouble, size_t size)
{
    static const char *const paths[TOP_VIEWS] = {[TOP_SERVICES] = "/v1/services",
                                                 [TOP_CALLERS] = "/v1/callers?limit=1000",
                                                 [TOP_ALIASES] = "/v1/aliases",
                                                 [TOP_TASKS] = "/v1/tasks"};
    _cleanup_reading_ struct reading reading = {0};
    struct top_answers answers = {0};
    int r = CLI_DONE;

    if (top->view != TOP_TASKS && top->view != TOP_CALLERS)
        r = read_path(invocation, "/v1/endpoints", &reading.endpoints, trouble, size);
    if (r == CLI_DONE && paths[top->view])
        r = read_path(invocation, paths[top->view], &reading.list, trouble, size);
    if (r == CLI_DONE && top->view == TOP_SERVICES) /* for their round trips */
        r = read_path(invocation, paths[TOP_CALLERS], &reading.callers, trouble, size);
    if (r != CLI_DONE)
        return r;
    answers.endpoints = text_child(reading.endpoints.json, "endpoints");
    answers.services = text_child(reading.list.json, "services");
    answers.callers =
        text_child(top->view == TOP_SERVICES ? reading.callers.json : reading.list.json, "callers");
    answers.aliases = text_child(reading.list.json, "aliases");
    answers.tasks = text_child(reading.list.json, "tasks");
    if (top_feed(top, &answers, clock_monotonic_ms()) == 0)
        return CLI_DONE;
    (void)snprintf(trouble, size, "out of memory");
    return CLI_FAILED;
}

/* ---- once ---- */

static int print_lines(const struct top *top)
{
    size_t width = width_of_terminal();
    _cleanup_free_ char *header = NULL;

    width = width ? width : TOP_ONCE_WIDTH;
    header = top_header_line(top, width);
    if (!header)
        return CLI_FAILED;
    (void)printf("%s\n", header);
    for (size_t i = 0; i < top->n_shown; i++) {
        _cleanup_free_ char *line = top_row_line(top, i, width);

        if (!line)
            return CLI_FAILED;
        (void)printf("%s\n", line);
    }
    return CLI_DONE;
}

/* Rates need two looks. */
static int top_print_once(const struct invocation *invocation, struct top *top)
{
    static const struct timespec interval = {.tv_sec = TOP_INTERVAL_MS / 1000};
    char trouble[700];
    int r = read_view(invocation, top, trouble, sizeof(trouble));

    if (r == CLI_DONE) {
        (void)nanosleep(&interval, NULL);
        r = read_view(invocation, top, trouble, sizeof(trouble));
    }
    if (r != CLI_DONE)
        return report_error(invocation, r, "%s", trouble);
    if (invocation->is_json) {
        _cleanup_json_ cJSON *json = top_json(top);

        return api_print_json(invocation, json, NULL);
    }
    return print_lines(top);
}

/* ---- live ---- */

/* Begins, goes on or ends to measure what the programs cost. */
static void watch_cost(const struct invocation *invocation, struct top *top, struct cost *cost)
{
    int r = 0;

    if (!top->is_costing) {
        cost_end(cost);
        return;
    }
    if (cost->statistics < 0) {
        _cleanup_(control_response_done) struct control_response status = {0};
        char trouble[700];

        if (read_path(invocation, "/v1/status", &status, trouble, sizeof(trouble)) != CLI_DONE)
            return;
        r = cost_begin(cost, text_member(text_child(status.json, "directories"), "bpffs"));
    }
    if (r < 0) {
        (void)snprintf(top->cost, sizeof(top->cost), "programs: their cost cannot be measured: %s",
                       strerror(-r));
        return;
    }
    cost_look(cost, clock_monotonic_ms());
    (void)snprintf(top->cost, sizeof(top->cost), "%s",
                   *cost->text ? cost->text : "programs: measured from now on");
}

static int top_watch(const struct invocation *invocation, struct top *top, struct screen *screen)
{
    _cleanup_(cost_end) struct cost cost = COST_OFF;
    char trouble[700] = "";
    uint64_t next_ms = 0;

    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        enum top_action action = TOP_NOTHING;
        int key;

        if (now_ms >= next_ms && !top->is_paused) {
            if (read_view(invocation, top, trouble, sizeof(trouble)) == CLI_DONE)
                *trouble = '\0';
            watch_cost(invocation, top, &cost);
            now_ms = clock_monotonic_ms();
            next_ms = now_ms + TOP_INTERVAL_MS;
        }
        top_fit(top, screen_lines(screen));
        screen_draw(screen, top, *trouble ? trouble : NULL);
        key = screen_key(screen,
                         top->is_paused || next_ms <= now_ms ? TOP_INTERVAL_MS : (int)(next_ms - now_ms));
        if (key)
            action = top_press(top, key, screen_lines(screen));
        if (action == TOP_QUIT)
            return CLI_DONE;
        if (action == TOP_READ) {
            top->is_paused = false;
            next_ms = 0;
        }
    }
}

int command_top(const struct invocation *invocation)
{
    const char *name = invocation->argument_count ? invocation->arguments[0] : "services";
    struct screen *screen = NULL;
    enum top_view view;
    struct top top;
    int r;

    if (top_view_parse(name, &view) < 0)
        return report_usage(invocation, "%s is no view; services, endpoints, callers, aliases or tasks",
                            name);
    top_begin(&top, view);
    if (invocation->options[OPTION_ONCE] || invocation->is_json) {
        r = top_print_once(invocation, &top);
    } else if (screen_open(&screen) < 0) {
        r = report_error(invocation, CLI_FAILED, "this is no terminal; --once prints what it would show");
    } else {
        r = top_watch(invocation, &top, screen);
        screen_close(&screen);
    }
    top_done(&top);
    return r;
}
