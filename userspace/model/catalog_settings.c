/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Settings of services in the catalog, and what holds for those that have none. */
#include <errno.h>
#include <stdlib.h>

#include "model/catalog.h"

const struct service_settings *service_get_settings(const struct service *service)
{
    return service->settings ? service->settings : &service_settings_default;
}

const struct ejection_policy *service_ejection(const struct catalog *catalog, const struct service *service)
{
    const struct service_settings *settings = service_get_settings(service);

    return settings->has_ejection ? &settings->ejection : &catalog->ejection;
}

uint32_t service_connect_timeout_ms(const struct catalog *catalog, const struct service *service)
{
    const struct service_settings *settings = service_get_settings(service);

    return settings->has_connect_timeout ? settings->connect_timeout_ms : catalog->connect_timeout_ms;
}

void catalog_forget_settings(struct service *service)
{
    if (service->settings)
        service_settings_done(service->settings);
    free(service->settings);
    service->settings = NULL;
}

int catalog_set_settings(struct service *service, const struct service_settings *settings)
{
    struct service_settings *copy = NULL;
    int r = 0;

    if (!service_settings_equal(settings, &service_settings_default)) {
        copy = calloc(1, sizeof(*copy));
        r = copy ? service_settings_copy(settings, copy) : -ENOMEM;
    }
    if (r < 0) {
        free(copy);
        return r;
    }
    catalog_forget_settings(service);
    service->settings = copy;
    return 0;
}

bool catalog_has_global_settings(const struct catalog *catalog)
{
    return catalog->connect_timeout_ms ||
           !ejection_policy_equal(&catalog->ejection, &service_settings_default.ejection);
}

void catalog_reset_global_settings(struct catalog *catalog)
{
    catalog->ejection = (struct ejection_policy)EJECTION_DEFAULT;
    catalog->connect_timeout_ms = 0;
}
