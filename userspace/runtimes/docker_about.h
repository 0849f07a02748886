/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a runtime is: its version and who makes its cgroups, for people (GET /info). */
#pragma once

struct docker_about;
struct fetcher;

struct docker_about_request {
    struct fetcher *fetcher;
    const char *socket;
    /* Once, unless cancelled, and only if it answers; the texts are the caller's, "" what it does not say. */
    void (*done)(const char *version, const char *cgroup_driver, void *user);
    void (*failed)(void *user); /* else this */
    void *user;
};

/* The request is gone when it has ended. -ENOMEM, -ENAMETOOLONG: nobody will be told. */
int docker_about_start(const struct docker_about_request *request, struct docker_about **ret_about);
void docker_about_cancel(struct docker_about **about); /* NULL-safe; sets to NULL */
