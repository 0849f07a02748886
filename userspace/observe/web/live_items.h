/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The items of the live stream, as JSON text. Private to web/. */
#pragma once

#include "api/read/list_stream.h"

struct api;
struct live_settings;

/* The text of an item; the caller frees it. NULL with 0: there is none (any more); a negative errno. */
int live_service_text(const struct live_settings *settings, const struct list_key *key, char **ret_text);
int live_alias_text(const struct api *api, const struct list_key *key, char **ret_text);

/* The endpoints of a service, one after the other. Begins as all 0. */
struct live_endpoints {
    void *part;
    struct json_stream json;
    bool has_begun;
};

/* 1: there may be more; 0: that was the last; a negative errno. *ret_text is NULL where a step has none. */
int live_endpoint_text(struct api *api, const struct list_key *service, struct live_endpoints *endpoints,
                       char **ret_text);
void live_endpoints_done(struct live_endpoints *endpoints);
