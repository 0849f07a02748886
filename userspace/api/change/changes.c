/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What changes of every kind share: their names in a batch, and members that most bodies have. */
#include "api/change/changes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "model/names.h"
#include "model/catalog_aws.h"

static const struct {
    const char *name;
    change_fn change;
} changes[] = {
    {"register", change_register},         {"update", change_update},
    {"deregister", change_deregister},     {"delete-service", change_delete_service},
    {"set-route", change_set_route},       {"clear-route", change_clear_route},
    {"set-settings", change_set_settings}, {"drain", change_drain},
    {"declare-service", change_declare},
};

change_fn change_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
        if (strcmp(changes[i].name, name) == 0)
            return changes[i].change;
    return NULL;
}

void change_list_names(char *ret_text, size_t size)
{
    size_t length = 0;

    ret_text[0] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(changes) && length < size; i++)
        length += (size_t)snprintf(ret_text + length, size - length, "%s%s", i ? ", " : "", changes[i].name);
}

/* A full queue may have room in a moment; it is at odds with nothing that exists. */
int change_not_taken(int r, struct error *error)
{
    if (r == -EBUSY)
        return error_set(error, EAGAIN, "too many changes wait for their turn; try again in a moment");
    return error_errno(error, r, "the change cannot be taken on");
}

int change_namespace(const struct engine *engine, const cJSON *body, const char **ret_namespace,
                     struct error *error)
{
    const char *text = "default";
    const char *name = NULL;
    int r = json_get_string(body, "namespace", false, &text, error);

    if (r < 0)
        return r;
    (void)catalog_find_namespace(engine_catalog(engine), text, &name);
    if (!name)
        return error_refused(error, ENOENT, "namespace", text,
                             "a name; of ids and ARNs those of namespaces that are here");
    r = model_check_namespace("namespace", name, error);
    if (r == 0)
        *ret_namespace = name;
    return r;
}

int change_protocol(const cJSON *body, enum svc_protocol *ret_protocol, struct error *error)
{
    const char *text = "tcp";
    int r = json_get_string(body, "protocol", false, &text, error);

    if (r == 0 && strcmp(text, "tcp") != 0 && strcmp(text, "udp") != 0)
        r = error_input(error, "protocol", text, "tcp, udp");
    if (r == 0)
        *ret_protocol = strcmp(text, "udp") == 0 ? UDP : TCP;
    return r;
}
