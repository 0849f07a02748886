/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A file of SQLite's own VFS begins with a pointer to its methods. Ours is a copy of that table in which
 * write and sync are replaced, and which remembers the table it was copied from.
 */
#include "fake_disk.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_TABLES 8

struct method_table {
    sqlite3_io_methods methods; /* what the files point to */
    const sqlite3_io_methods *original;
};

static struct {
    pthread_mutex_t mutex; /* over all that follows */
    pthread_cond_t changed;
    sqlite3_vfs vfs;
    sqlite3_vfs *original;
    struct method_table tables[MAX_TABLES];
    bool is_holding;
    unsigned n_held;
    int refused;
    uint64_t n_operations, n_syncs;
    uint64_t stop_at; /* 0: never */
    int stop_fd;
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static const sqlite3_io_methods *original_of(const sqlite3_file *file)
{
    return ((const struct method_table *)file->pMethods)->original;
}

static void stop_here(int fd)
{
    if (write(fd, "x", 1) != 1)
        _exit(1);
    for (;;)
        (void)pause();
}

/* Before each write and sync; returns the errno it is to fail with, or 0. */
static int pass(bool is_sync)
{
    int refused;
    bool is_stopped;

    (void)pthread_mutex_lock(&disk.mutex);
    disk.n_operations++;
    disk.n_syncs += is_sync;
    is_stopped = disk.stop_at == disk.n_operations;
    if (is_sync && disk.is_holding) {
        disk.n_held++;
        while (disk.is_holding)
            (void)pthread_cond_wait(&disk.changed, &disk.mutex);
        disk.n_held--;
    }
    refused = disk.refused;
    (void)pthread_mutex_unlock(&disk.mutex);
    if (is_stopped)
        stop_here(disk.stop_fd);
    return refused;
}

static int disk_write(sqlite3_file *file, const void *data, int length, sqlite3_int64 offset)
{
    int refused = pass(false);

    if (refused)
        return refused == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    return original_of(file)->xWrite(file, data, length, offset);
}

static int disk_sync(sqlite3_file *file, int flags)
{
    int refused = pass(true);

    if (refused)
        return refused == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_FSYNC;
    return original_of(file)->xSync(file, flags);
}

static const sqlite3_io_methods *table_for(const sqlite3_io_methods *original)
{
    struct method_table *table = disk.tables;

    (void)pthread_mutex_lock(&disk.mutex);
    while (table->original && table->original != original)
        if (++table == disk.tables + MAX_TABLES)
            abort();
    if (!table->original) {
        table->original = original;
        table->methods = *original;
        table->methods.xWrite = disk_write;
        table->methods.xSync = disk_sync;
    }
    (void)pthread_mutex_unlock(&disk.mutex);
    return &table->methods;
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    int code = disk.original->xOpen(vfs, name, file, flags, ret_flags);

    if (file->pMethods)
        file->pMethods = table_for(file->pMethods);
    return code;
}

void fake_disk_install(void)
{
    if (!disk.original) {
        disk.original = sqlite3_vfs_find(NULL);
        if (!disk.original)
            abort();
        disk.vfs = *disk.original;
        disk.vfs.zName = "fake-disk";
        disk.vfs.xOpen = disk_open;
        if (sqlite3_vfs_register(&disk.vfs, 1) != SQLITE_OK)
            abort();
    }
    fake_disk_release();
    fake_disk_refuse(0);
    fake_disk_stop_at(0, -1);
}

void fake_disk_hold(void)
{
    (void)pthread_mutex_lock(&disk.mutex);
    disk.is_holding = true;
    (void)pthread_mutex_unlock(&disk.mutex);
}

bool fake_disk_is_held(void)
{
    bool is_held;

    (void)pthread_mutex_lock(&disk.mutex);
    is_held = disk.n_held > 0;
    (void)pthread_mutex_unlock(&disk.mutex);
    return is_held;
}

void fake_disk_release(void)
{
    (void)pthread_mutex_lock(&disk.mutex);
    disk.is_holding = false;
    (void)pthread_cond_broadcast(&disk.changed);
    (void)pthread_mutex_unlock(&disk.mutex);
}

void fake_disk_refuse(int number)
{
    (void)pthread_mutex_lock(&disk.mutex);
    disk.refused = number;
    (void)pthread_mutex_unlock(&disk.mutex);
}

uint64_t fake_disk_syncs(void)
{
    uint64_t n;

    (void)pthread_mutex_lock(&disk.mutex);
    n = disk.n_syncs;
    (void)pthread_mutex_unlock(&disk.mutex);
    return n;
}

void fake_disk_stop_at(uint64_t n, int fd)
{
    (void)pthread_mutex_lock(&disk.mutex);
    disk.stop_at = n ? disk.n_operations + n : 0;
    disk.stop_fd = fd;
    (void)pthread_mutex_unlock(&disk.mutex);
}
