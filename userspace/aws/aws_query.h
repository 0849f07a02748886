/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* AWS's query protocol, which STS speaks: a form asks, XML answers. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "aws/aws_error.h"
#include "http/request.h"

#define AWS_QUERY_TYPE "text/xml"

/* Is it a form, by its head? */
bool aws_query_is(const struct http_request *http);

/* The form as an object of texts, which the caller frees. MalformedQueryString: too long, or no form. */
int aws_query_parse(const void *body, size_t length, cJSON **ret_form, struct aws_error *error);

/* The body of an answer, whose members are texts, and of an error. The caller frees both; NULL: no memory. */
char *aws_query_print(const char *operation, const cJSON *answer);
char *aws_query_error(const struct aws_error *error);
