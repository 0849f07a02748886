/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* doctor: host and daemon looked over, a check list out; exit status 1 if there is a problem. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/doctor/checks.h"
#include "cli/report.h"
#include "cli/text.h"

#define CHECK_MS 10000

static const struct {
    const char *word;
    const char *count_name;
    enum text_colour colour;
} states[DOCTOR_STATES] = {
    [DOCTOR_OK] = {"ok", "ok", TEXT_GREEN},
    [DOCTOR_WARNING] = {"warning", "warnings", TEXT_YELLOW},
    [DOCTOR_PROBLEM] = {"problem", "problems", TEXT_RED},
};

void doctor_add(struct doctor *doctor, const char *name, enum doctor_state state, const char *next,
                const char *format, ...)
{
    _cleanup_free_ char *raw = NULL;
    struct doctor_check check = {.name = name, .state = state};
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vasprintf(&raw, format, arguments);
    va_end(arguments);
    if (length < 0)
        raw = NULL;
    check.finding = raw ? text_printable(raw) : NULL;
    check.next = next ? text_printable(next) : NULL;
    if (!check.finding || (next && !check.next) || ARRAY_MAKE_ROOM(doctor->checks, doctor->count) < 0) {
        free(check.finding);
        free(check.next);
        doctor->lacked_memory = true;
        return;
    }
    doctor->checks[doctor->count++] = check;
}

void doctor_done(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->count; i++) {
        free(doctor->checks[i].finding);
        free(doctor->checks[i].next);
    }
    free(doctor->checks);
    *doctor = (struct doctor){0};
}

/* A document of the daemon; NULL, with a finding added, if there is none. The caller releases it. */
static cJSON *fetch(struct doctor *doctor, const struct invocation *invocation, const char *path)
{
    const struct control_request request = {
        .socket_path = invocation->socket_path,
        .method = "GET",
        .path = path,
        .timeout_ms = CHECK_MS,
    };
    _cleanup_control_response_ struct control_response response = {0};
    struct error error = {0};
    int r = control_client_request(&request, &response, &error);

    if (r == CONTROL_CLIENT_UNREACHABLE)
        doctor_add(doctor, "daemon", DOCTOR_PROBLEM,
                   error.number == EACCES ? "use sudo, or join the socket's group"
                                          : "systemctl start svcconnectd, or svcconnectd as root; or name "
                                            "its socket with --socket PATH",
                   "not reachable: %s", error.message);
    else if (r < 0)
        doctor_add(doctor, "daemon", DOCTOR_PROBLEM, "see the daemon's log", "%s", error.message);
    else if (response.status != 200 || !cJSON_IsObject(response.json))
        doctor_add(doctor, "daemon", DOCTOR_PROBLEM, "see the daemon's log", "%s: HTTP status %ld", path,
                   response.status);
    else
        return TAKE_PTR(response.json);
    return NULL;
}

static void try_name(struct doctor *doctor, const struct invocation *invocation, const cJSON *status,
                     const cJSON *tasks)
{
    _cleanup_json_ cJSON *aliases = NULL;
    struct invocation narrowed = *invocation;
    _cleanup_free_ char *path = NULL;
    struct doctor_place place;

    if (!doctor_choose_task(status, tasks, &place))
        return;
    narrowed.options[OPTION_NAMESPACE] = place.namespace_name;
    path = api_narrow(&narrowed, "/v1/aliases");
    aliases = path ? fetch(doctor, invocation, path) : NULL;
    if (aliases)
        doctor_check_names(doctor, &place, aliases);
}

static void check_all(struct doctor *doctor, const struct invocation *invocation)
{
    struct doctor from_daemon = {0};
    _cleanup_json_ cJSON *status = fetch(&from_daemon, invocation, "/v1/status");
    const char *bpffs = cJSON_GetStringValue(text_child(text_child(status, "directories"), "bpffs"));

    /* Asked first, because the host checks want to know its directories; told last. */
    doctor_check_host(doctor, bpffs);
    doctor_check_socket(doctor, invocation->socket_path);
    for (size_t i = 0; i < from_daemon.count; i++)
        doctor_add(doctor, from_daemon.checks[i].name, from_daemon.checks[i].state,
                   from_daemon.checks[i].next, "%s", from_daemon.checks[i].finding);
    doctor_done(&from_daemon);
    if (status) {
        _cleanup_json_ cJSON *tasks = NULL;
        _cleanup_json_ cJSON *services = NULL;
        _cleanup_json_ cJSON *containers = NULL;

        doctor_check_status(doctor, status);
        services = fetch(doctor, invocation, "/v1/services");
        if (services)
            doctor_check_services(doctor, services);
        tasks = fetch(doctor, invocation, "/v1/tasks");
        if (tasks)
            doctor_check_tasks(doctor, tasks);
        if (tasks)
            try_name(doctor, invocation, status, tasks);
        containers = fetch(doctor, invocation, "/v1/containers");
        if (containers)
            doctor_check_containers(doctor, containers);
    }
}

static void doctor_print_text(const struct doctor *doctor, const size_t counts[static DOCTOR_STATES])
{
    bool has_colour = text_wants_colour();

    for (size_t i = 0; i < doctor->count; i++) {
        const struct doctor_check *check = &doctor->checks[i];

        (void)printf("%s%-8s%s %-9s %s\n", has_colour ? text_colour_code(states[check->state].colour) : "",
                     states[check->state].word, has_colour ? text_colour_code(TEXT_PLAIN) : "", check->name,
                     check->finding);
        if (check->next)
            (void)printf("%-18s next: %s\n", "", check->next);
    }
    (void)printf("%zu ok, %zu warning%s, %zu problem%s\n", counts[DOCTOR_OK], counts[DOCTOR_WARNING],
                 counts[DOCTOR_WARNING] == 1 ? "" : "s", counts[DOCTOR_PROBLEM],
                 counts[DOCTOR_PROBLEM] == 1 ? "" : "s");
}

static int doctor_print_json(const struct invocation *invocation, const struct doctor *doctor,
                             const size_t counts[static DOCTOR_STATES])
{
    _cleanup_json_ cJSON *document = cJSON_CreateObject();
    cJSON *list = cJSON_CreateArray();

    for (size_t i = 0; i < DOCTOR_STATES; i++)
        api_add_number(&document, states[i].count_name, counts[i]);
    for (size_t i = 0; list && i < doctor->count; i++) {
        const struct doctor_check *check = &doctor->checks[i];
        cJSON *item = cJSON_CreateObject();

        api_add_string(&item, "name", check->name);
        api_add_string(&item, "state", states[check->state].word);
        api_add_string(&item, "finding", check->finding);
        api_add_string(&item, "next", check->next);
        if (!item || !cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
            cJSON_Delete(list);
            list = NULL;
        }
    }
    api_add_item(&document, "checks", list);
    if (!document)
        return report_error(invocation, CLI_FAILED, "out of memory");
    return api_print_json(invocation, document, NULL);
}

int command_doctor(const struct invocation *invocation)
{
    _cleanup_(doctor_done) struct doctor doctor = {0};
    size_t counts[DOCTOR_STATES] = {0};
    int status = CLI_DONE;

    check_all(&doctor, invocation);
    if (doctor.lacked_memory)
        return report_error(invocation, CLI_FAILED, "out of memory");
    for (size_t i = 0; i < doctor.count; i++)
        counts[doctor.checks[i].state]++;
    if (invocation->is_json)
        status = doctor_print_json(invocation, &doctor, counts);
    else
        doctor_print_text(&doctor, counts);
    return status == CLI_DONE && counts[DOCTOR_PROBLEM] ? CLI_FAILED : status;
}
