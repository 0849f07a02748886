/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A connection to a store that follows a script, or the dice. Long because it answers each question of registry.h as a real one would. */
#include "fake_registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct fake_registry {
    struct registry registry;
    struct fake_store *store;
    int fd;
    bool is_connected;
    uint64_t revision; /* of the last commit that was consumed */
    struct fake_step *steps;
    size_t n_steps, next_step;
    uint64_t random;
    unsigned one_in, max_turns;
    const struct registry_commit *commit; /* under way */
    uint64_t fingerprint;                 /* of that commit when it was begun */
    struct fake_step step;
    bool has_ended;
    int outcome;
    uint64_t written_revision;
    struct error error;
    int others_fd; /* -1: nobody else writes */
    struct registry_batch *told;
    size_t n_told, next_told;
    char *reported;
    struct registry_link link;
    struct registry_tally told_tally, others_tally;
    char *told_name, *others_name;
};

static void *needed(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static uint64_t next_random(struct fake_registry *self)
{
    uint64_t x = self->random += 0x9e3779b97f4a7c15;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

static uint64_t add_text(uint64_t hash, const char *text)
{
    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return (hash ^ (text ? 1 : 2)) * 0x100000001b3;
}

static uint64_t fingerprint_of(const struct registry_commit *commit)
{
    uint64_t hash = 0xcbf29ce484222325 ^ commit->n_rows ^ (uint64_t)commit->n_compares << 32;

    for (size_t i = 0; i < commit->n_rows; i++)
        hash = add_text(add_text(hash, commit->rows[i].key), commit->rows[i].value);
    for (size_t i = 0; i < commit->n_compares; i++)
        hash = add_text(hash ^ commit->compares[i].revision, commit->compares[i].key);
    return hash;
}

static int fail(struct fake_registry *self, int number, const char *why)
{
    return error_set(&self->error, number, "registry fake: writing: %s", why);
}

static int take_effect(struct fake_registry *self)
{
    int r;

    if (!self->is_connected)
        return fail(self, ENOTCONN, "there is no connection");
    switch (self->step.fault) {
    case FAKE_CONFLICT:
        return fail(self, EAGAIN, "another host was first");
    case FAKE_TOO_LARGE:
        return fail(self, E2BIG, "too much at once: raise its limit");
    case FAKE_DISK_FULL:
        return fail(self, ENOSPC, "the disk is full");
    case FAKE_IO_ERROR:
        return fail(self, EIO, "the disk failed");
    case FAKE_LOST_BEFORE:
        return fail(self, ENOTCONN, "the connection was lost");
    case FAKE_LOST_AFTER:
        r = fake_store_write(self->store, self->commit, &self->error);
        return r < 0 ? r : fail(self, ENOTCONN, "the connection was lost");
    case FAKE_WRITTEN:
    case FAKE_N_FAULTS:
        break;
    }
    return fake_store_write(self->store, self->commit, &self->error);
}

static void end_commit(struct fake_registry *self)
{
    uint64_t before = fake_store_revision(self->store);

    if (fingerprint_of(self->commit) != self->fingerprint) {
        (void)fprintf(stderr, "fake registry: a commit was changed between its begin and its end\n");
        abort();
    }
    self->outcome = take_effect(self);
    self->written_revision = fake_store_revision(self->store);
    if (self->written_revision == before)
        fake_store_count_refused(self->store);
    self->has_ended = true;
    (void)eventfd_write(self->fd, 1);
}

static struct fake_step draw_step(struct fake_registry *self)
{
    struct fake_step step = {FAKE_WRITTEN, 0};

    if (self->next_step < self->n_steps)
        return self->steps[self->next_step++];
    if (self->one_in && next_random(self) % self->one_in == 0)
        step.fault = 1 + (enum fake_fault)(next_random(self) % (FAKE_N_FAULTS - 1));
    if (self->max_turns)
        step.turns = (unsigned)(next_random(self) % (self->max_turns + 1ULL));
    return step;
}

static int fake_load(struct registry *registry, const char *prefix, registry_row_fn on_row, void *user,
                     struct error *error)
{
    const struct fake_registry *self = (const struct fake_registry *)registry;
    int r;

    if (!self->is_connected)
        return error_set(error, ENOTCONN, "registry fake: reading: there is no connection");
    r = fake_store_load(self->store, prefix, on_row, user);
    return r == -EUCLEAN ? error_set(error, EUCLEAN, "registry fake: reading: it is damaged") : r;
}

static uint64_t fake_count(const struct registry *registry)
{
    const struct fake_registry *self = (const struct fake_registry *)registry;
    size_t n;

    (void)fake_store_rows(self->store, &n);
    return self->is_connected ? n : 0;
}

static int fake_begin(struct registry *registry, const struct registry_commit *commit, struct error *error)
{
    struct fake_registry *self = (struct fake_registry *)registry;

    (void)error;
    self->commit = commit;
    self->fingerprint = fingerprint_of(commit);
    self->has_ended = false;
    self->step = draw_step(self);
    fake_store_count_begun(self->store);
    if (self->step.turns == 0)
        end_commit(self);
    return 0;
}

static int fake_fd(const struct registry *registry)
{
    return ((const struct fake_registry *)registry)->fd;
}

static void fake_wait(struct registry *registry)
{
    while (!fake_registry_turn(registry))
        ;
}

static int fake_end(struct registry *registry, uint64_t *ret_revision, struct error *error)
{
    struct fake_registry *self = (struct fake_registry *)registry;
    eventfd_t count;

    if (!self->has_ended)
        return error_set(error, EINPROGRESS, "registry fake: the commit has not ended");
    (void)eventfd_read(self->fd, &count);
    self->commit = NULL;
    if (self->outcome == 0)
        *ret_revision = self->revision = self->written_revision;
    else if (error)
        *error = self->error;
    return self->outcome;
}

static uint64_t fake_revision(const struct registry *registry)
{
    return ((const struct fake_registry *)registry)->revision;
}

static const char *fake_location(const struct registry *registry)
{
    (void)registry;
    return "fake";
}

static void fake_close(struct registry *registry)
{
    struct fake_registry *self = (struct fake_registry *)registry;

    (void)close(self->fd);
    if (self->others_fd >= 0)
        (void)close(self->others_fd);
    while (self->next_told < self->n_told)
        registry_batch_done(&self->told[self->next_told++]);
    free(self->told);
    free(self->reported);
    free(self->told_name);
    free(self->others_name);
    free(self->steps);
    free(self);
}

static int fake_follow(struct registry *registry, struct error *error)
{
    (void)registry;
    (void)error;
    return 0;
}

static int fake_batch_fd(const struct registry *registry)
{
    return ((const struct fake_registry *)registry)->others_fd;
}

static int fake_take(struct registry *registry, struct registry_batch *ret_batch)
{
    struct fake_registry *self = (struct fake_registry *)registry;
    struct registry_batch *told;
    struct registry_commit commit;
    eventfd_t count;

    if (self->next_told == self->n_told)
        return -EAGAIN;
    told = &self->told[self->next_told++];
    commit = (struct registry_commit){.rows = told->rows, .n_rows = told->n_rows};
    if (fake_store_write(self->store, &commit, NULL) < 0)
        abort();
    self->revision = told->revision = fake_store_revision(self->store);
    if (self->next_told == self->n_told)
        (void)eventfd_read(self->others_fd, &count);
    *ret_batch = *told;
    return 0;
}

static struct registry_link fake_link(struct registry *registry)
{
    return ((struct fake_registry *)registry)->link;
}

static int fake_report(struct registry *registry, const char *text)
{
    struct fake_registry *self = (struct fake_registry *)registry;

    free(self->reported);
    self->reported = needed(strdup(text));
    return 0;
}

/* Of several the first is kept. */
static int fake_tell(struct registry *registry, const struct registry_tally *tallies, size_t n)
{
    struct fake_registry *self = (struct fake_registry *)registry;

    free(self->told_name);
    self->told_name = n ? needed(strdup(tallies[0].name)) : NULL;
    self->told_tally = n ? tallies[0] : (struct registry_tally){0};
    self->told_tally.name = self->told_name;
    return 0;
}

static void fake_others(struct registry *registry, const char *name,
                        uint64_t ret_counts[static REGISTRY_COUNTS])
{
    const struct fake_registry *self = (const struct fake_registry *)registry;

    if (self->others_name && strcmp(self->others_name, name) == 0)
        memcpy(ret_counts, self->others_tally.counts, sizeof(self->others_tally.counts));
}

struct registry_link *fake_registry_link(struct registry *registry)
{
    return &((struct fake_registry *)registry)->link;
}

const struct registry_tally *fake_registry_told(const struct registry *registry)
{
    return &((const struct fake_registry *)registry)->told_tally;
}

void fake_registry_others(struct registry *registry, const struct registry_tally *tally)
{
    struct fake_registry *self = (struct fake_registry *)registry;

    free(self->others_name);
    self->others_name = needed(strdup(tally->name));
    self->others_tally = *tally;
}

const char *fake_registry_reported(const struct registry *registry)
{
    const struct fake_registry *self = (const struct fake_registry *)registry;

    return self->reported ? self->reported : "";
}

static const struct registry_backend fake_backend = {
    .name = "fake",
    .load = fake_load,
    .count = fake_count,
    .begin = fake_begin,
    .fd = fake_fd,
    .wait = fake_wait,
    .end = fake_end,
    .revision = fake_revision,
    .location = fake_location,
    .close = fake_close,
    .follow = fake_follow,
    .batch_fd = fake_batch_fd,
    .take = fake_take,
    .link = fake_link,
    .report = fake_report,
    .tell = fake_tell,
    .others = fake_others,
};

struct registry *fake_registry_open(struct fake_store *store)
{
    struct fake_registry *self = needed(calloc(1, sizeof(*self)));

    self->registry.backend = &fake_backend;
    self->store = store;
    self->is_connected = true;
    self->revision = fake_store_revision(store);
    self->others_fd = -1;
    self->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->fd < 0)
        abort();
    return &self->registry;
}

void fake_registry_plan(struct registry *registry, const struct fake_step *steps, size_t n_steps)
{
    struct fake_registry *self = (struct fake_registry *)registry;

    free(self->steps);
    self->steps = needed(calloc(n_steps + 1, sizeof(*steps)));
    for (size_t i = 0; i < n_steps; i++)
        self->steps[i] = steps[i];
    self->n_steps = n_steps;
    self->next_step = 0;
}

void fake_registry_chance(struct registry *registry, uint64_t seed, unsigned one_in, unsigned max_turns)
{
    struct fake_registry *self = (struct fake_registry *)registry;

    self->random = seed;
    self->one_in = one_in;
    self->max_turns = max_turns;
}

void fake_registry_connect(struct registry *registry, bool is_connected)
{
    ((struct fake_registry *)registry)->is_connected = is_connected;
}

static char *fake_copy(const char *text)
{
    return text ? needed(strdup(text)) : NULL;
}

void fake_registry_tell(struct registry *registry, const struct registry_row *rows, size_t n_rows)
{
    struct fake_registry *self = (struct fake_registry *)registry;
    struct registry_batch *told;

    if (self->others_fd < 0)
        self->others_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (n_rows == 0)
        return;
    self->told = needed(realloc(self->told, (self->n_told + 1) * sizeof(*self->told)));
    told = &self->told[self->n_told++];
    *told = (struct registry_batch){.rows = needed(calloc(n_rows, sizeof(*rows))), .n_rows = n_rows};
    for (size_t i = 0; i < n_rows; i++)
        told->rows[i] = (struct registry_row){fake_copy(rows[i].key), fake_copy(rows[i].value)};
    (void)eventfd_write(self->others_fd, 1);
}

bool fake_registry_turn(struct registry *registry)
{
    struct fake_registry *self = (struct fake_registry *)registry;

    if (!self->commit)
        return false;
    if (!self->has_ended && --self->step.turns == 0)
        end_commit(self);
    return self->has_ended;
}
