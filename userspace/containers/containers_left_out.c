/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Instances that somebody has deregistered while their container runs. A record of the registry says so
 * (engine/change/edits.h), and lasts until the instance is registered or its container has gone.
 */
#include <string.h>

#include "containers/containers_internal.h"
#include "engine/engine.h"
#include "engine/change/transaction.h"
#include "model/catalog_aws.h"
#include "registry/rows.h"

int containers_keep_left_out(struct transaction *transaction, const struct wanted_instance *wanted,
                             bool is_there, bool *ret_is_out, struct error *error)
{
    char name[CATALOG_LEFT_OUT_SIZE];
    struct registry_row row;
    int r;

    (void)catalog_left_out_name(wanted->namespace_name, wanted->instance.service, wanted->instance.id, name);
    *ret_is_out = catalog_aws_record(transaction_catalog(transaction), AWS_LEFT_OUT, name) != NULL;
    if (!*ret_is_out || !is_there)
        return 0;
    *ret_is_out = false;
    r = row_for_aws(AWS_LEFT_OUT, name, NULL, &row);
    return r < 0 ? error_errno(error, r, "registering a container")
                 : transaction_put(transaction, row, error);
}

bool containers_is_left_out(const struct containers *containers, const struct held *held)
{
    const struct catalog *catalog = engine_catalog(containers->settings.engine);
    const struct wanted_instance *wanted = containers->registered ? containers->registered->items : NULL;
    char name[CATALOG_LEFT_OUT_SIZE];

    if (!catalog->aws_records[AWS_LEFT_OUT])
        return false;
    for (; wanted; wanted = wanted->hh.next)
        if (strcmp(wanted->container_id, held->container->id) == 0 &&
            catalog_aws_record(catalog, AWS_LEFT_OUT,
                               catalog_left_out_name(wanted->namespace_name, wanted->instance.service,
                                                     wanted->instance.id, name)))
            return true;
    return false;
}
