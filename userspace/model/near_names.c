/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "model/near_names.h"

#include "base/near_miss.h"

const char *near_namespace(const struct catalog *catalog, const char *name)
{
    struct near_miss search;

    near_miss_begin(&search, name);
    for (const struct model_namespace *i = catalog->namespaces; i; i = i->hh.next)
        if (i->is_declared && !near_miss_try(&search, i->name))
            break;
    return search.best;
}

const char *near_service(const struct model_namespace *parent, const char *name)
{
    struct near_miss search;

    near_miss_begin(&search, name);
    for (const struct service *i = parent ? parent->services : NULL; i; i = i->hh.next)
        if (i->is_declared && !near_miss_try(&search, i->name))
            break;
    return search.best;
}

const char *near_instance(const struct service *service, const char *id)
{
    struct near_miss search;

    near_miss_begin(&search, id);
    for (const struct instance *i = service->instances; i; i = i->hh.next)
        if (!i->external && !near_miss_try(&search, i->id))
            break;
    for (const struct instance *i = service->records; i; i = i->hh.next)
        if (i->host && !near_miss_try(&search, i->id))
            break;
    return search.best;
}

const char *near_alias(const struct model_namespace *parent, const char *dns_name)
{
    struct near_miss search;

    near_miss_begin(&search, dns_name);
    for (const struct alias_owner *i = parent ? parent->owners : NULL; i; i = i->hh.next)
        if (!near_miss_try(&search, i->alias.dns_name))
            break;
    for (const struct route *i = parent ? parent->routes : NULL; i; i = i->hh.next)
        if (!near_miss_try(&search, i->alias.dns_name))
            break;
    return search.best;
}
