/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Containers of containerd and of runc, by the files that those keep of them below a directory; no gRPC:
 *
 *   containerd   STATE/io.containerd.runtime.v2.task/NAMESPACE/ID   STATE is where its socket is
 *   runc         ROOT/ID
 *
 * A new directory is seen by inotify, and its file is read as soon as it is there: containerd's before the container has a
 * cgroup, runc's a moment before its program runs. Addresses are asked of the kernel, in the container's own network
 * namespace, when its program has begun. Every minute all of it is looked at once more: the files are the truth.
 *
 * Docker's own containers (namespace "moby") are Docker's to tell of. Ids are "NAMESPACE/ID", or runc's "ID".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/container.h"
#include "runtimes/bundle_files.h"

#define BUNDLES_MAX 2048 /* containers; those beyond are not told of */

struct bundles;
struct event_base;

struct bundles_settings {
    struct event_base *base;
    const char *runtime; /* "containerd", "runc" */
    enum bundle_kind kind;
    const char *directory; /* that of the namespaces, or ROOT */
    /* The receiver frees the container. */
    void (*put)(struct container *container, void *user);
    void (*gone)(const char *id, void *user);
    /* All that are there have been told. */
    void (*settled)(const struct bundles *bundles, void *user);
    /* `reason` is for people, "" while the directory is there. */
    void (*connection)(const struct bundles *bundles, bool is_connected, const char *reason, void *user);
    void *user;
};

/* Texts and pointers outlive it. -ENOMEM, -EMFILE. */
int bundles_new(const struct bundles_settings *settings, struct bundles **ret_bundles);
/* Tells at once what has come by now, also from within a word of somebody else's; not from within one of its own. */
void bundles_catch_up(struct bundles *bundles);
void bundles_free(struct bundles **bundles); /* NULL-safe; sets to NULL */
