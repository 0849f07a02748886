/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_registry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "registry/etcd/etcd_pages.h"
#include "registry/etcd/etcd_registry_internal.h"

static struct etcd_registry *of(const struct registry *registry)
{
    return (struct etcd_registry *)registry;
}

static int etcd_refused(const struct etcd_registry *self, int r, const struct error *why, struct error *error)
{
    return error_set(error, -r, "registry %s: %.500s", self->settings->location, why->message);
}

/* ---- loading ---- */

static int compare_pairs(const void *a, const void *b)
{
    return strcmp(((const struct etcd_pair *)a)->key, ((const struct etcd_pair *)b)->key);
}

static int etcd_load(struct registry *registry, const char *prefix, registry_row_fn on_row, void *user,
                     struct error *error)
{
    struct etcd_registry *self = of(registry);
    struct etcd_pairs rows = {0};
    bool is_of_all = !*prefix && !self->is_following;
    struct error why = {0};
    int r = etcd_collect(self, &rows, is_of_all, &why);

    if (r < 0)
        r = etcd_refused(self, r, why.number ? &why : &(struct error){.message = "reading its rows"}, error);
    else if (is_of_all)
        self->has_all = true;
    if (r == 0 && is_of_all)
        etcd_watch_knows_all(&self->watch);
    if (rows.n)
        qsort(rows.items, rows.n, sizeof(*rows.items), compare_pairs);
    for (size_t i = 0; r == 0 && i < rows.n; i++)
        if (strncmp(rows.items[i].key, prefix, strlen(prefix)) == 0 &&
            etcd_watch_shows(&self->watch, rows.items[i].key))
            r = on_row(rows.items[i].key, rows.items[i].value, user);
    etcd_pairs_done(&rows);
    return r;
}

static uint64_t etcd_count_below(struct etcd_registry *self, const char *base)
{
    const struct etcd_range range = {.base = base, .is_count_only = true};
    _cleanup_free_ char *body = etcd_write_range(&range);
    _cleanup_json_ cJSON *answer = NULL;
    uint64_t n = 0;

    if (!body || etcd_client_call(&self->client, "/v3/kv/range", body, &answer, NULL) < 0)
        return 0;
    return etcd_read_number(answer, "count", &n) < 0 ? 0 : n;
}

static uint64_t etcd_count(const struct registry *registry)
{
    struct etcd_registry *self = of(registry);
    _cleanup_free_ char *common = NULL, *in = NULL;
    uint64_t n;

    if (asprintf(&common, "%scommon/", self->fleet) < 0)
        common = NULL;
    if (asprintf(&in, "%sin/", self->fleet) < 0)
        in = NULL;
    if (!common || !in)
        return 0;
    /* With the heads, of which the owner knows how many he has taken. */
    n = etcd_count_below(self, common) + etcd_count_below(self, in);
    n -= n < etcd_heads_count(&self->heads) ? n : etcd_heads_count(&self->heads);
    return n + etcd_count_below(self, self->own);
}

/* ---- a commit, for its owner ---- */

static int etcd_begin(struct registry *registry, const struct registry_commit *commit, struct error *error)
{
    struct etcd_registry *self = of(registry);
    int r;

    self->commit = commit;
    r = committer_hand_over(&self->committer);
    return r < 0 ? error_errno(error, r, "registry %s: no thread to commit", self->settings->location) : 0;
}

static int etcd_fd(const struct registry *registry)
{
    return of(registry)->committer.fd;
}

static void etcd_wait(struct registry *registry)
{
    committer_wait(&of(registry)->committer);
}

static int etcd_end(struct registry *registry, uint64_t *ret_revision, struct error *error)
{
    struct etcd_registry *self = of(registry);

    if (!committer_take_back(&self->committer))
        return -EINPROGRESS;
    self->commit = NULL;
    if (self->result < 0)
        return etcd_refused(self, self->result, &self->error, error);
    self->head = self->next;
    if (self->revision > self->at)
        self->at = self->revision;
    for (size_t i = 0; i < self->compared.n; i++)
        (void)etcd_heads_learn(&self->heads, self->compared.items[i].key, self->revision, true);
    *ret_revision = self->head.revision;
    return 0;
}

static uint64_t etcd_revision(const struct registry *registry)
{
    return of(registry)->head.revision;
}

static const char *etcd_location(const struct registry *registry)
{
    return of(registry)->settings->location;
}

/* ---- what others write ---- */

void etcd_raise_head(struct etcd_registry *self, const struct etcd_head *head, uint64_t revision)
{
    if (self->head.revision > revision)
        revision = self->head.revision;
    if (head->mod_revision > self->head.mod_revision)
        self->head = *head;
    if (self->head.revision < revision)
        self->head.revision = revision;
}

static int etcd_follow(struct registry *registry, struct error *error)
{
    struct etcd_registry *self = of(registry);
    int r;

    if (!self->has_all || self->is_following)
        return error_set(error, EINVAL, "registry %s: follow once, after a load of all rows",
                         self->settings->location);
    r = etcd_watch_start(&self->watch, self->at);
    if (r < 0)
        return error_errno(error, r, "registry %s: no thread to watch", self->settings->location);
    self->is_following = true;
    return 0;
}

static int etcd_batch_fd(const struct registry *registry)
{
    return of(registry)->watch.fd;
}

static int etcd_take(struct registry *registry, struct registry_batch *ret_batch)
{
    struct etcd_registry *self = of(registry);
    struct etcd_batch *taken = etcd_watch_take(&self->watch);

    if (!taken)
        return -EAGAIN;
    for (size_t i = 0; i < taken->heads.n; i++)
        (void)etcd_heads_learn(&self->heads, taken->heads.items[i].key, taken->heads.items[i].mod_revision,
                               taken->heads.items[i].value != NULL);
    etcd_raise_head(self, &taken->head, taken->revision);
    if (taken->at > self->at)
        self->at = taken->at;
    *ret_batch = taken->batch;
    ret_batch->revision = self->head.revision;
    taken->batch = (struct registry_batch){0};
    etcd_batch_free(taken);
    return 0;
}

static struct registry_link etcd_link(struct registry *registry)
{
    struct etcd_registry *self = of(registry);
    struct registry_link link = etcd_watch_link(&self->watch);

    (void)snprintf(link.host, sizeof(link.host), "%s", self->settings->host);
    /* Without leases nobody would take over: then all do. */
    link.is_driver |= self->settings->lease_s == 0;
    (void)snprintf(link.version, sizeof(link.version), "%s", self->version);
    link.is_lossy = etcd_may_lose_deletions(self->version);
    link.n_put_back = etcd_presence_figures(&self->presence).n_put_back;
    return link;
}

static int etcd_report(struct registry *registry, const char *text)
{
    return etcd_presence_report(&of(registry)->presence, text);
}

static int etcd_tell(struct registry *registry, const struct registry_tally *tallies, size_t n)
{
    return etcd_presence_tell(&of(registry)->presence, tallies, n);
}

static void etcd_others(struct registry *registry, const char *name,
                        uint64_t ret_counts[static REGISTRY_COUNTS])
{
    etcd_presence_others(&of(registry)->presence, name, ret_counts);
}

/* ---- begin and end ---- */

static void etcd_close(struct registry *registry)
{
    struct etcd_registry *self = of(registry);

    if (self->has_committer)
        committer_done(&self->committer);
    etcd_watch_done(&self->watch);
    etcd_presence_done(&self->presence);
    etcd_client_done(&self->client);
    etcd_heads_done(&self->heads);
    etcd_pairs_done(&self->compared);
    free(self->fleet);
    free(self->own);
    free(self->head_key);
    free(self);
}

static const struct registry_backend etcd_backend = {
    .name = "etcd",
    .load = etcd_load,
    .count = etcd_count,
    .begin = etcd_begin,
    .fd = etcd_fd,
    .wait = etcd_wait,
    .end = etcd_end,
    .revision = etcd_revision,
    .location = etcd_location,
    .close = etcd_close,
    .follow = etcd_follow,
    .batch_fd = etcd_batch_fd,
    .take = etcd_take,
    .link = etcd_link,
    .report = etcd_report,
    .tell = etcd_tell,
    .others = etcd_others,
};

static int make_writer(char ret_writer[static ETCD_WRITER_SIZE])
{
    uint64_t random[2];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return -EIO;
    (void)snprintf(ret_writer, ETCD_WRITER_SIZE, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
    return 0;
}

static int make_parts(struct etcd_registry *self)
{
    int r = make_writer(self->writer);

    self->fleet = etcd_key_of_fleet(self->settings->prefix);
    self->own = etcd_key_of_host(self->settings->prefix, self->settings->host);
    self->head_key = etcd_key_of_head(self->settings->prefix);
    if (!self->fleet || !self->own || !self->head_key)
        r = -ENOMEM;
    if (r == 0)
        r = committer_init(&self->committer, etcd_commit_on_thread, self);
    self->has_committer = r == 0;
    if (r == 0)
        r = etcd_client_init(&self->client, self->settings);
    if (r == 0)
        r = etcd_presence_init(&self->presence, self->settings, self->writer);
    if (r == 0)
        r = etcd_watch_init(&self->watch, self->settings, self->fleet, self->head_key, self->writer,
                            &self->presence);
    return r;
}

/* It is good to know, and no more. */
static void ask_version(struct etcd_registry *self)
{
    _cleanup_json_ cJSON *answer = NULL;
    const char *version = NULL;

    if (etcd_client_call(&self->client, "/v3/maintenance/status", "{}", &answer, NULL) == 0)
        version = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "version"));
    (void)snprintf(self->version, sizeof(self->version), "%s", version ? version : "");
    if (etcd_may_lose_deletions(self->version))
        log_warning("registry %s: etcd %s may lose deletions (etcd#19179, #18089), which an audit finds: "
                    "3.4.36, 3.5.18 and "
                    "3.6 do not",
                    self->settings->location, self->version);
}

int etcd_registry_open(const struct etcd_settings *settings, struct registry **ret_registry,
                       struct error *error)
{
    struct etcd_registry *self = calloc(1, sizeof(*self));
    struct error why = {0};
    int r;

    if (!self)
        return error_errno(error, ENOMEM, "registry %s", settings->location);
    self->registry.backend = &etcd_backend;
    self->settings = settings;
    r = make_parts(self);
    if (r < 0)
        (void)error_errno(&why, r, "opening");
    else
        r = etcd_ask_head(&self->client, self->head_key, &self->head, &why);
    if (r == 0)
        ask_version(self);
    if (r == 0)
        r = etcd_presence_start(&self->presence, &why);
    /* No member comes back from that. */
    if (r == -ENOTCONN && self->client.is_distrusted)
        r = -EACCES;
    if (r < 0) {
        r = etcd_refused(self, r, &why, error);
        etcd_close(&self->registry);
        return r;
    }
    *ret_registry = &self->registry;
    return 0;
}

static int set_true(const char *key, const char *value, void *user)
{
    (void)key;
    (void)value;
    *(bool *)user = true;
    return 0;
}

/* Hosts that begin together write one: who comes second finds it. */
int etcd_registry_identify(struct registry *registry, const char *key, const char *value, struct error *error)
{
    const struct registry_row row = {(char *)key, (char *)value};

    for (unsigned n = 0;; n++) {
        bool is_there = false;
        uint64_t revision;
        int r = registry_load(registry, "", set_true, &is_there, error);

        is_there = false;
        if (r == 0)
            r = registry_load(registry, key, set_true, &is_there, error);
        if (r < 0 || is_there)
            return r;
        r = registry_commit(registry, &row, 1, &revision, error);
        if (r != -EAGAIN || n == 8)
            return r;
    }
}
