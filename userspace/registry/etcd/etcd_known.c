/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_known.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

void etcd_known_init(struct etcd_known *known, const char *fleet, const struct etcd_settings *settings)
{
    *known = (struct etcd_known){
        .fleet = fleet,
        .hosts = {.own = settings->host,
                  .lease_ms = settings->lease_s * 1000,
                  .most_percent = settings->mass_percent},
    };
    (void)pthread_mutex_init(&known->mutex, NULL);
}

void etcd_known_done(struct etcd_known *known)
{
    etcd_known_forget_all(known);
    etcd_hosts_done(&known->hosts);
    (void)pthread_mutex_destroy(&known->mutex);
}

struct etcd_known_key *etcd_known_find(const struct etcd_known *known, const char *key)
{
    struct etcd_known_key *found;

    HASH_FIND_STR(known->keys, key, found);
    return found;
}

static void drop_key(struct etcd_known *known, struct etcd_known_key *key)
{
    HASH_DEL(known->keys, key);
    if (key->owner)
        key->owner->n_rows--;
    free(key->value);
    free(key->key);
    free(key);
}

void etcd_known_forget(struct etcd_known *known, const char *key)
{
    struct etcd_known_key *found;

    (void)pthread_mutex_lock(&known->mutex);
    found = etcd_known_find(known, key);
    if (found)
        drop_key(known, found);
    (void)pthread_mutex_unlock(&known->mutex);
}

void etcd_known_forget_all(struct etcd_known *known)
{
    struct etcd_known_key *key, *next;

    HASH_ITER (hh, known->keys, key, next)
        drop_key(known, key);
}

static struct etcd_known_key *known_make_key(struct etcd_known *known, const char *key)
{
    struct etcd_known_key *found = etcd_known_find(known, key);

    if (found)
        return found;
    found = calloc(1, sizeof(*found));
    if (!found || !(found->key = strdup(key))) {
        free(found);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, known->keys, found->key, strlen(found->key), found);
    return found;
}

/* The value of the key, and whose it is. */
static int set_owner(struct etcd_known *known, struct etcd_known_key *key, const char *owner,
                     const char *value)
{
    struct etcd_host *host = *owner ? etcd_hosts_get(&known->hosts, owner) : NULL;
    char *copy = host && strcmp(owner, known->hosts.own) != 0 ? strdup(value) : NULL;

    if (*owner && (!host || (!copy && strcmp(owner, known->hosts.own) != 0)))
        return -ENOMEM;
    if (key->owner)
        key->owner->n_rows--;
    if (host)
        host->n_rows++;
    key->owner = host;
    free(key->value);
    key->value = copy;
    return 0;
}

int etcd_known_learn(struct etcd_known *known, struct etcd_pair *pair)
{
    char owner[ETCD_HOST_SIZE] = "", row[ETCD_ROW_SIZE];
    struct etcd_known_key *key;
    int r;

    if (etcd_row_in_fleet(known->fleet, pair->key, row))
        etcd_take_owner(pair->value, owner);
    (void)pthread_mutex_lock(&known->mutex);
    key = known_make_key(known, pair->key);
    r = key ? set_owner(known, key, owner, pair->value) : -ENOMEM;
    if (r == 0) {
        key->mod_revision = pair->mod_revision;
        key->is_there = true;
    }
    (void)pthread_mutex_unlock(&known->mutex);
    return r;
}

bool etcd_known_is_shown(const struct etcd_known *known, const char *key)
{
    const struct etcd_known_key *found = etcd_known_find(known, key);

    return !found || etcd_host_is_shown(found->owner);
}

/* Does it say the same place? Then it is a change of what its host has registered, else a registration. */
static bool is_same_place(const char *before, const char *after)
{
    _cleanup_json_ cJSON *old = cJSON_Parse(before), *new = cJSON_Parse(after);
    static const char *const members[] = {"address", "port", "protocol"};

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const cJSON *a = cJSON_GetObjectItemCaseSensitive(old, members[i]);
        const cJSON *b = cJSON_GetObjectItemCaseSensitive(new, members[i]);

        if ((a || b) && !cJSON_Compare(a, b, true))
            return false;
    }
    return true;
}

char *etcd_known_own(struct etcd_known *known, const char *key, const char *value)
{
    char owner[ETCD_HOST_SIZE] = "", row[ETCD_ROW_SIZE];
    const struct etcd_known_key *found;

    if (!etcd_row_in_fleet(known->fleet, key, row) || !etcd_can_have_owner(row, value))
        return strdup(value);
    (void)pthread_mutex_lock(&known->mutex);
    found = etcd_known_find(known, key);
    if (found && found->owner && found->value && etcd_host_is_shown(found->owner) &&
        is_same_place(found->value, value))
        (void)snprintf(owner, sizeof(owner), "%s", found->owner->id);
    else if (known->hosts.lease_ms > 0)
        (void)snprintf(owner, sizeof(owner), "%s", known->hosts.own);
    (void)pthread_mutex_unlock(&known->mutex);
    return *owner ? etcd_put_owner(value, owner) : strdup(value);
}
