/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The settings of "externalNames": how host names of instances are resolved. */
#pragma once

#include <cjson/cJSON.h>

#include "daemon/config.h"

#define EXTERNAL_MIN_TTL_S       1
#define EXTERNAL_MAX_TTL_S       3600
#define EXTERNAL_TTL_LIMIT_S     86400
#define EXTERNAL_MAX_SERVERS     8
#define EXTERNAL_SERVERS_OF_HOST "host"

/* "host", or IP[:PORT] joined by commas: *ret_servers is that list with ports, the caller's; NULL of "host".
 */
int config_external_servers(const char *field, const char *text, char **ret_servers, struct error *error);

/* The object of the file; what it leaves out stays. */
int config_read_external(struct config *config, const cJSON *object, struct error *error);
void config_print_external(const struct config *config, cJSON *json);

/* Adds the name servers as "nameServers", none for the host's. */
void config_add_external_servers(const struct config *config, cJSON *object);
