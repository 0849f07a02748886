/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The name servers of "externalNames", which resolve host names of instances. */
#pragma once

#include <cjson/cJSON.h>

#include "daemon/config.h"

#define EXTERNAL_TTL_LIMIT_S     86400
#define EXTERNAL_MAX_SERVERS     8
#define EXTERNAL_SERVERS_OF_HOST "host"

/* "host", or IP[:PORT] joined by commas: *ret_servers is that list with ports, which the
 * caller frees; NULL of "host". */
int config_external_servers(const char *field, const char *text, char **ret_servers, struct error *error);

/* A list of the file joined by commas, as the flag has it, which the caller frees; an empty one means the
 * host's. */
int config_join_servers(const char *field, const cJSON *list, char **ret_text, struct error *error);

/* The name servers as a list of the file, none for the host's. */
cJSON *config_external_servers_json(const struct config *config);
