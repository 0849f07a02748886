/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "api/change/starts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/json.h"
#include "containers/containers.h"
#include "model/container.h"

struct starting {
    struct control_reply *reply;
};

static void on_may_begin(const char *container, bool is_task, bool is_attached, void *user)
{
    struct starting *starting = user;
    struct error error = {0};
    cJSON *answer = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(answer, "container", container);
    (void)cJSON_AddBoolToObject(answer, "task", is_task);
    (void)cJSON_AddBoolToObject(answer, "attached", is_attached);
    control_reply_send(starting->reply, 0, answer, &error);
    free(starting);
}

/* Values that are no texts are not labels. */
static int read_start_labels(const cJSON *labels, struct container *container, struct error *error)
{
    const cJSON *label;

    if (labels && !cJSON_IsObject(labels))
        return error_input(error, "labels", "(no object)", "an object of texts");
    cJSON_ArrayForEach (label, labels) {
        if (cJSON_IsString(label) && container_add_label(container, label->string, label->valuestring) < 0)
            return error_errno(error, -ENOMEM, "labels");
    }
    return 0;
}

static int read_start(const cJSON *body, struct container **ret_container, struct error *error)
{
    static const char *const known[] = {"id", "pid", "labels", NULL};
    _cleanup_container_ struct container *container = NULL;
    const char *id = NULL;
    uint64_t pid = 0;
    int r = json_check_members(body, known, error);

    if (r == 0)
        r = json_get_string(body, "id", true, &id, error);
    if (r == 0)
        r = json_get_integer(body, "pid", true, 1, INT32_MAX, &pid, error);
    if (r < 0)
        return r;
    if (!*id || strlen(id) > 128)
        return error_input(error, "id", id, "1 to 128 characters");
    container = container_new("oci", id, NULL);
    if (!container)
        return error_errno(error, -ENOMEM, "a start");
    container->pid = (pid_t)pid;
    r = read_start_labels(cJSON_GetObjectItemCaseSensitive(body, "labels"), container, error);
    if (r == 0)
        *ret_container = TAKE_PTR(container);
    return r;
}

int handle_start(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct api *api = user;
    _cleanup_container_ struct container *container = NULL;
    struct starting *starting;
    struct error refused = {0};
    int r = read_start(call->body, &container, error);

    (void)ret_answer;
    if (r < 0)
        return r;
    starting = calloc(1, sizeof(*starting));
    if (!starting)
        return error_errno(error, -ENOMEM, "a start");
    r = control_call_defer(call, &starting->reply, error);
    if (r < 0) {
        free(starting);
        return r;
    }
    r = containers_start(api->containers ? *api->containers : NULL, TAKE_PTR(container), on_may_begin,
                         starting, &refused);
    if (r < 0) {
        control_reply_send(starting->reply, r, NULL, &refused);
        free(starting);
    }
    return CONTROL_LATER;
}
