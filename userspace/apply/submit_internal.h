/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Between the texts of a submission and its documents. Private to apply/. */
#pragma once

#include <stddef.h>

#include "documents/documents.h"

struct document_record;
struct worker;

/* A large list takes longer to free than others should wait: the worker does it, if there is one. */
void submit_dispose_documents(struct document_list *list, struct worker *worker);

/* On the loop, which alone counts who has them. */
void submit_drop_records(struct document_record ***records, size_t n);
