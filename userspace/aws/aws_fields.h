/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Members of a request, read with the constraints of the API's model, which its clients do not check. A
 * member that is null is one that is missing. All fail with the API's type for bad input, or, where the JSON
 * type is wrong, SerializationException; what is missing and not required leaves the output as it is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/aws_error.h"

#define AWS_REQUIRED true
#define AWS_OPTIONAL false

/* NULL for a member that is missing or null. */
const cJSON *aws_member(const cJSON *object, const char *name);

int aws_get_text(const cJSON *object, const char *name, bool is_required, size_t minimum, size_t maximum,
                 const char **ret_text, struct aws_error *error);
/* One of the NULL-terminated `allowed`. */
int aws_get_enum(const cJSON *object, const char *name, bool is_required, const char *const allowed[],
                 const char **ret_text, struct aws_error *error);
int aws_get_integer(const cJSON *object, const char *name, bool is_required, int64_t minimum, int64_t maximum,
                    int64_t *ret_number, struct aws_error *error);
int aws_get_bool(const cJSON *object, const char *name, bool *ret_value, struct aws_error *error);
int aws_get_object(const cJSON *object, const char *name, bool is_required, const cJSON **ret_object,
                   struct aws_error *error);
/* A list of at most `maximum` texts of 1 to `longest` bytes; `maximum` 0: of anything. */
int aws_get_list(const cJSON *object, const char *name, bool is_required, size_t maximum, size_t longest,
                 const cJSON **ret_list, struct aws_error *error);

/* A copy of the member under the same name, if it is there. */
void aws_copy_member(cJSON *to, const cJSON *from, const char *name);

/* Milliseconds since the epoch as AWS writes them: seconds with a fraction. */
double aws_time(int64_t milliseconds);
