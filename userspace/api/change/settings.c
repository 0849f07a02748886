/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Changes of settings: of one service, or of all that have none of their own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "api/change/changes.h"
#include "model/catalog_aws.h"
#include "model/names.h"
#include "registry/rows.h"

static int set_global(struct transaction *transaction, const cJSON *members, struct error *error)
{
    const struct catalog *catalog = transaction_catalog(transaction);
    struct ejection_policy ejection = catalog->ejection;
    uint32_t connect_timeout_ms = catalog->connect_timeout_ms;
    struct registry_row row;
    int r = service_settings_read_global(members, &ejection, &connect_timeout_ms, error);

    if (r == -EINVAL)
        error_prefix_field(error, "settings");
    if (r < 0)
        return r;
    r = row_for_global_settings(&ejection, connect_timeout_ms, &row);
    return r < 0 ? error_errno(error, r, "setting") : transaction_put(transaction, row, error);
}

/* A service whose settings are not in a document, which would put its own back when it is applied again. */
static int settings_find_service(const struct transaction *transaction, const char *namespace_name,
                                 const char *name, const struct service **ret_service, struct error *error)
{
    const struct service *service = catalog_service(transaction_catalog(transaction), namespace_name, name);

    if (!service || !service->is_declared)
        return change_no_service(transaction_engine(transaction), "service", namespace_name, name, error);
    if (service->document) {
        (void)error_refused(error, EBUSY, "service", name,
                            "a service made by a register; this one's settings stand in its document, %.128s",
                            service->document);
        return -EBUSY;
    }
    *ret_service = service;
    return 0;
}

/* What the AWS API keeps of the service: of a check made there that gets a type here, that it is the host's from now on.
 * Less than its type leaves it what it was: an interval must not open to it what awsCheckRanges keeps from it. The
 * caller frees *ret_text. */
static int keep_check(const struct service *service, const cJSON *members, char **ret_text)
{
    const cJSON *check = cJSON_GetObjectItemCaseSensitive(members, "healthCheck");
    _cleanup_json_ cJSON *kept = NULL;
    char *text;

    if (!catalog_is_check_of_aws(service) || !service->aws || service->document ||
        !cJSON_GetObjectItemCaseSensitive(check, "type")) {
        text = service->aws ? strdup(service->aws) : NULL;
        *ret_text = text;
        return service->aws && !text ? -ENOMEM : 0;
    }
    if (json_parse("service", service->aws, strlen(service->aws), &kept, NULL) < 0)
        return -EINVAL;
    (void)cJSON_AddTrueToObject(kept, CATALOG_CHECK_OF_HOST);
    text = json_print(kept);
    if (!text)
        return -ENOMEM;
    *ret_text = text;
    return 0;
}

static int set_service(struct transaction *transaction, const cJSON *body, const cJSON *members,
                       struct error *error)
{
    _cleanup_(service_settings_done) struct service_settings settings = SERVICE_SETTINGS_DEFAULT;
    _cleanup_free_ char *kept = NULL;
    const struct service *service = NULL;
    const char *namespace_name = NULL;
    const char *name = NULL;
    struct registry_row row;
    int r = change_namespace(transaction_engine(transaction), body, &namespace_name, error);

    if (r == 0)
        r = json_get_string(body, "service", true, &name, error);
    if (r == 0)
        r = model_check_service("service", name, error);
    if (r == 0)
        r = settings_find_service(transaction, namespace_name, name, &service, error);
    if (r < 0)
        return r;
    if (service_settings_copy(service_get_settings(service), &settings) < 0)
        return error_errno(error, ENOMEM, "setting");
    r = service_settings_read(members, engine_host_rights(transaction_engine(transaction)), &settings, error);
    if (r == -EINVAL)
        error_prefix_field(error, "settings");
    if (r < 0)
        return r;
    r = keep_check(service, members, &kept);
    if (r == 0)
        r = row_for_service(namespace_name, name, service->aliases, service->n_aliases, NULL, &settings, kept,
                            &row);
    return r < 0 ? error_errno(error, r, "setting") : transaction_put(transaction, row, error);
}

int change_set_settings(struct transaction *transaction, const cJSON *body, cJSON *answer,
                        struct error *error)
{
    static const char *const known[] = {"service", "namespace", "settings", NULL};
    const cJSON *members = cJSON_GetObjectItemCaseSensitive(body, "settings");
    int r = json_check_members(body, known, error);

    (void)answer;
    if (r < 0)
        return r;
    if (!cJSON_IsObject(members))
        return error_input(error, "settings", members ? "(no object)" : "(missing)",
                           "an object with the settings that change; null puts one back to its default");
    if (cJSON_GetObjectItemCaseSensitive(body, "service"))
        return set_service(transaction, body, members, error);
    if (cJSON_GetObjectItemCaseSensitive(body, "namespace"))
        return error_input(error, "service", "(missing)",
                           "a service of that namespace; without both, the settings of the whole daemon");
    return set_global(transaction, members, error);
}
