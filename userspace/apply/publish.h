/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One service or route of a document into a transaction, against what the namespace has.
 * Private to apply/. */
#pragma once

#include "documents/documents.h"
#include "engine/change/transaction.h"

/* What is wrong or worth saying goes to the findings; a negative errno is of the transaction or of memory. */
struct applying {
    struct transaction *transaction;
    struct findings *findings;
    struct error *error;
};

/* A service that stays gives up the aliases it does not have any more. */
int publish_fewer_aliases(struct applying *applying, const struct document *document,
                          const struct document_service *service);
int publish_service(struct applying *applying, const struct document *document,
                    const struct document_service *service);
int publish_route(struct applying *applying, const struct document *document,
                  const struct document_route *route);
