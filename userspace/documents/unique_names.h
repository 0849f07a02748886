/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What must be there once in a namespace, within one source; the namespace as a whole is the daemon's. */
#pragma once

#include "documents/document_reader.h"

/*
 * Reports documents of the same name, equal discovery names, and equal (dnsName, port, protocol). A default
 * name of ours that another service claims by writing it gives way with a warning; the default that ECS
 * publishes too does not.
 */
void unique_names_check(struct document_reader *reader, struct document_list *list);
