/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a host tells the others with its lease, and reads of it: none of it is a row. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/etcd/etcd_pages.h"
#include "registry/etcd/etcd_presence.h"
#include "registry/etcd/etcd_tallies.h"

/* ---- the thread ---- */

struct summing {
    const char *own_key;
    cJSON *sums;
};

static int sum_up(struct etcd_pair *pair, void *user)
{
    const struct summing *summing = user;

    return strcmp(pair->key, summing->own_key) == 0 ? 0 : etcd_tallies_add(summing->sums, pair->value);
}

/* What cannot be read now stays what it was. */
void etcd_presence_read_tallies(struct etcd_presence *presence)
{
    struct summing summing = {.own_key = presence->tallies_key};
    cJSON *before = NULL;
    struct error error = {0};
    size_t n_strange = 0;
    uint64_t at = 0;
    bool is_wanted;

    (void)pthread_mutex_lock(&presence->mutex);
    is_wanted = presence->is_driver && presence->tallies && strcmp(presence->tallies, "{}") != 0;
    (void)pthread_mutex_unlock(&presence->mutex);
    if (is_wanted)
        summing.sums = cJSON_CreateObject();
    if (summing.sums &&
        etcd_pages(&presence->client, presence->all_tallies, &at, sum_up, &summing, &n_strange, &error) < 0) {
        cJSON_Delete(summing.sums);
        return;
    }
    (void)pthread_mutex_lock(&presence->mutex);
    before = presence->sums;
    presence->sums = summing.sums;
    (void)pthread_mutex_unlock(&presence->mutex);
    cJSON_Delete(before);
}

/* ---- what others tell and ask ---- */

/* Takes the text over. */
static int keep_told(struct etcd_presence *presence, char *text, char **told, bool *is_new)
{
    if (!text)
        return -ENOMEM;
    (void)pthread_mutex_lock(&presence->mutex);
    if (!*told || strcmp(*told, text) != 0) {
        free(*told);
        *told = TAKE_PTR(text);
        *is_new = true;
    }
    (void)pthread_mutex_unlock(&presence->mutex);
    free(text);
    return 0;
}

int etcd_presence_report(struct etcd_presence *presence, const char *text)
{
    return keep_told(presence, strdup(text), &presence->report, &presence->is_report_new);
}

int etcd_presence_tell(struct etcd_presence *presence, const struct registry_tally *tallies, size_t n)
{
    bool was_told;

    (void)pthread_mutex_lock(&presence->mutex);
    was_told = presence->tallies != NULL;
    (void)pthread_mutex_unlock(&presence->mutex);
    /* Most hosts never have anything to tell. */
    if (n == 0 && !was_told)
        return 0;
    return keep_told(presence, etcd_tallies_write(tallies, n), &presence->tallies,
                     &presence->are_tallies_new);
}

void etcd_presence_others(struct etcd_presence *presence, const char *name,
                          uint64_t ret_counts[static REGISTRY_COUNTS])
{
    (void)pthread_mutex_lock(&presence->mutex);
    etcd_tallies_read(presence->is_driver ? presence->sums : NULL, name, ret_counts);
    (void)pthread_mutex_unlock(&presence->mutex);
}
