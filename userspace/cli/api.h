/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Requests of commands: sends them, reports what fails, and with --json prints the answer. Returns CLI_DONE
 * with the answer in *ret_response, or the exit status of a failure that has been reported.
 */
#pragma once

#include <stdio.h>

#include "control/control_client.h"
#include "cli/invocation.h"

/* The request as it is, `body` NULL for none; prints nothing but what fails. */
int api_exchange(const struct invocation *invocation, const char *method, const char *path, const cJSON *body,
                 struct control_response *ret_response);

/* The `warnings` of an answer, to standard error. */
void api_report_warnings(const struct invocation *invocation, const cJSON *document);

/* "?name=value" at the end of a path, or with another separator, escaped; nothing where `value` is NULL. */
void api_add_query(FILE *out, char separator, const char *name, const char *value);

/* `path` as narrowed to -n if that was given, escaped. The caller frees it. NULL: no memory. */
char *api_narrow(const struct invocation *invocation, const char *path);

/* GET `path`, narrowed to -n if that was given. Prints nothing. */
int api_get(const struct invocation *invocation, const char *path, struct control_response *ret_response);

/*
 * A read: GET, and with --json prints the document as it came (indented on a terminal). The caller prints the
 * rest only if it is not --json.
 */
int api_read(const struct invocation *invocation, const char *path, struct control_response *ret_response);

/*
 * A change. Takes `body` over, in every case. The answer's warnings go to standard error, or the whole answer
 * to standard output with --json; the caller then prints its line of success only if it is not --json.
 */
int api_change(const struct invocation *invocation, const char *method, const char *path, cJSON *body,
               struct control_response *ret_response);

/* A document to standard output, indented on a terminal; `text` as it came, or NULL to render `json`. */
int api_print_json(const struct invocation *invocation, const cJSON *json, const char *text);

/* A new object with the namespace in it if -n was given. NULL: no memory. */
cJSON *api_body_new(const struct invocation *invocation);

/*
 * Members of a body. Without memory they release it and leave *body NULL, which api_change() reports: a body
 * is sent whole or not at all. A NULL string adds nothing; an item is taken over in every case.
 */
void api_add_item(cJSON **body, const char *name, cJSON *item);
void api_add_string(cJSON **body, const char *name, const char *value);
void api_add_number(cJSON **body, const char *name, uint64_t value);
void api_add_true(cJSON **body, const char *name);
