/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/bundle/redact.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

/* Members by these names, whatever is in them; a value of the history's has a row, and so a document, in it. */
static const char *const names[] = {"command", "attributes", "before", "after", "labels", "environment"};

/* Parts of names. */
static const char *const parts[] = {"secret",     "password",   "passwd",       "token",
                                    "credential", "privatekey", "authorization"};

static bool redact_is_secret(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (strcasestr(name, parts[i]))
            return true;
    return false;
}

bool redact_has_login(const char *text)
{
    const char *host = strstr(text, "://");

    return host && host[3 + strcspn(host + 3, "/@")] == '@';
}

/* Emptied without memory, so that nothing can be left in for want of it. */
static void redact_empty(cJSON *item)
{
    cJSON_Delete(item->child);
    item->child = NULL;
    if (item->valuestring)
        cJSON_free(item->valuestring);
    item->valuestring = NULL;
    item->valuedouble = 0;
    item->valueint = 0;
    item->type = cJSON_NULL;
}

/* Depth is bounded by the parser. */
void redact(cJSON *json)
{
    for (cJSON *item = json ? json->child : NULL; item; item = item->next) {
        if ((item->string && redact_is_secret(item->string)) ||
            (item->valuestring && redact_has_login(item->valuestring)))
            redact_empty(item);
        else
            redact(item);
    }
}
