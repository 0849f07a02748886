/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The backends of the registry, each with a way to be late and to refuse, for the suite that runs against all
 * of them. Included after cmocka.h.
 */
#pragma once

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fakes/fake_disk.h"
#include "fakes/fake_registry.h"
#include "registry/etcd/etcd_registry.h"
#include "registry/sqlite/sqlite_registry.h"
#include "unit/registry/real_etcd.h"

#define ROW(key, value)  ((struct registry_row){(char *)(key), (char *)(value)})
#define COMMIT_OF(array) ((struct registry_commit){.rows = (array), .n_rows = ARRAY_SIZE(array)})

/* So long that only what never comes fails. */
#define PATIENCE_MS 30000

struct bench {
    const struct backend_under_test *backend;
    struct registry *registry;
    char directory[64], path[96];
    struct fake_store *store;
    struct etcd_settings etcd;
    char prefix[32], url[64];
};

/* What the next commit meets is said before its begin. */
struct backend_under_test {
    const char *name;
    bool checks_compares;
    void (*make)(struct bench *bench);
    void (*open)(struct bench *bench); /* what was kept is there again */
    void (*hold)(struct bench *bench); /* it does not end before the release */
    void (*release)(struct bench *bench);
    void (*refuse)(struct bench *bench, int number); /* it ends with -ENOSPC or -EIO; 0: it works */
    void (*destroy)(struct bench *bench);
};

static inline int bench_ignore(const char *key, const char *value, void *user)
{
    (void)key;
    (void)value;
    (void)user;
    return 0;
}

static inline void sqlite_make(struct bench *bench)
{
    fake_disk_install();
    (void)snprintf(bench->directory, sizeof(bench->directory), "%s/svc-registry-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(bench->directory));
    (void)snprintf(bench->path, sizeof(bench->path), "%s/registry.db", bench->directory);
}

static inline void sqlite_open(struct bench *bench)
{
    struct error error = {0};

    if (sqlite_registry_open(bench->path, &bench->registry, &error) != 0)
        fail_msg("%s", error.message);
}

static inline void sqlite_hold(struct bench *bench)
{
    (void)bench;
    fake_disk_hold();
}

static inline void sqlite_release(struct bench *bench)
{
    (void)bench;
    fake_disk_release();
}

static inline void sqlite_refuse(struct bench *bench, int number)
{
    (void)bench;
    fake_disk_refuse(number);
}

static inline void sqlite_destroy(struct bench *bench)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char path[128];

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", bench->path, suffixes[i]);
        (void)unlink(path);
    }
    (void)rmdir(bench->directory);
}

static inline void fake_make(struct bench *bench)
{
    bench->store = fake_store_new();
}

static inline void fake_open(struct bench *bench)
{
    bench->registry = fake_registry_open(bench->store);
}

static inline void fake_hold(struct bench *bench)
{
    const struct fake_step late = {FAKE_WRITTEN, 3};

    fake_registry_plan(bench->registry, &late, 1);
}

static inline void fake_release(struct bench *bench)
{
    while (bench->registry->is_committing && !fake_registry_turn(bench->registry))
        ;
}

static inline void fake_refuse(struct bench *bench, int number)
{
    const struct fake_step step = {number == ENOSPC ? FAKE_DISK_FULL : FAKE_IO_ERROR, 2};

    fake_registry_plan(bench->registry, &step, number ? 1 : 0);
}

static inline void fake_destroy(struct bench *bench)
{
    fake_store_free(&bench->store);
}

/* One etcd for all cases, each with a prefix of its own. */
static inline void etcd_make(struct bench *bench)
{
    static unsigned n;

    (void)snprintf(bench->prefix, sizeof(bench->prefix), "case-%u", n++);
    (void)snprintf(bench->url, sizeof(bench->url), "etcd:%s", real_etcd_url());
    bench->etcd = (struct etcd_settings){.prefix = bench->prefix,
                                         .host = "host-1",
                                         .ca_file = "",
                                         .cert_file = "",
                                         .key_file = "",
                                         .user = "",
                                         .password_file = "",
                                         .max_txn_ops = ETCD_TXN_OPS_USUAL,
                                         .max_bytes = ETCD_BYTES_USUAL,
                                         .patience_ms = PATIENCE_MS};
    assert_int_equal(etcd_settings_read(bench->url, &bench->etcd, NULL), 0);
}

static inline void etcd_open(struct bench *bench)
{
    struct error error = {0};

    if (etcd_registry_open(&bench->etcd, &bench->registry, &error) != 0)
        fail_msg("%s", error.message);
    /* The revision is known from a load. */
    if (registry_load(bench->registry, "", bench_ignore, NULL, &error) != 0)
        fail_msg("%s", error.message);
}

static inline void etcd_hold(struct bench *bench)
{
    (void)bench;
    real_etcd_signal(SIGSTOP);
}

static inline void etcd_release(struct bench *bench)
{
    (void)bench;
    real_etcd_signal(SIGCONT);
}

static inline void etcd_refuse(struct bench *bench, int number)
{
    (void)bench;
    real_etcd_alarm("NOSPACE", number == ENOSPC);
    real_etcd_alarm("CORRUPT", number == EIO);
}

static inline void etcd_destroy(struct bench *bench)
{
    etcd_settings_done(&bench->etcd);
}

static const struct backend_under_test backends[] = {
    {"sqlite", false, sqlite_make, sqlite_open, sqlite_hold, sqlite_release, sqlite_refuse, sqlite_destroy},
    {"fake", true, fake_make, fake_open, fake_hold, fake_release, fake_refuse, fake_destroy},
    {"etcd", false, etcd_make, etcd_open, etcd_hold, etcd_release, etcd_refuse, etcd_destroy},
};

/* All but the one that needs a server, which stands last. */
#define N_LOCAL_BACKENDS (ARRAY_SIZE(backends) - 1)

/* Opened and empty. */
static inline void bench_make(struct bench *bench, const struct backend_under_test *backend)
{
    *bench = (struct bench){.backend = backend};
    backend->make(bench);
    backend->open(bench);
}

static inline void bench_destroy(struct bench *bench)
{
    /* A case that failed may have left a commit held, and the close waits for it. */
    if (bench->registry)
        bench->backend->release(bench);
    (void)registry_close(&bench->registry);
    bench->backend->destroy(bench);
}

static inline int bench_append(const char *key, const char *value, void *user)
{
    char *text = user;

    (void)snprintf(text + strlen(text), 4096 - strlen(text), "%s=%s;", key, value);
    return 0;
}

static inline void bench_expect_below(struct bench *bench, const char *prefix, const char *rows)
{
    char text[4096] = "";

    assert_int_equal(registry_load(bench->registry, prefix, bench_append, text, NULL), 0);
    assert_string_equal(text, rows);
}

/* All rows are these, in this order, as "key=value;", and the revision is that. */
static inline void bench_expect(struct bench *bench, uint64_t revision, const char *rows)
{
    bench_expect_below(bench, "", rows);
    assert_int_equal(registry_revision(bench->registry), revision);
}

static inline bool bench_is_readable(const struct bench *bench, int timeout_ms)
{
    struct pollfd pollfd = {.fd = registry_commit_fd(bench->registry), .events = POLLIN};

    return poll(&pollfd, 1, timeout_ms) == 1;
}
