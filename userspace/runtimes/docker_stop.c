/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "runtimes/docker_stop.h"

#include <errno.h>
#include <stdio.h>

#include "http/fetch.h"
#include "runtimes/docker_json.h"

/* 304: it had ended already; 404: and was removed. */
static void docker_stop_on_answer(int result, long status, const char *reason, void *user)
{
    struct docker_stop *stop = user;
    char sentence[80];

    if (result == 0 && ((status >= 200 && status <= 299) || status == 304 || status == 404)) {
        stop->done(0, "", stop->user);
        return;
    }
    (void)snprintf(sentence, sizeof(sentence), "the runtime answers with status %ld", status);
    stop->done(result < 0 ? result : -EIO, result < 0 ? reason : sentence, stop->user);
}

int docker_stop(struct fetcher *fetcher, const char *socket, const char *id, uint32_t wait_s,
                struct docker_stop *stop, struct fetch **ret_fetch)
{
    char target[DOCKER_ID_MAX + 32];
    const struct fetch_request request = {.socket = socket,
                                          .target = target,
                                          .body = "{}",
                                          .timeout_ms =
                                              wait_s < UINT32_MAX / 1000 ? wait_s * 1000 : UINT32_MAX,
                                          .done = docker_stop_on_answer,
                                          .user = stop};

    (void)snprintf(target, sizeof(target), "/containers/%s/stop", id);
    return fetch_start(fetcher, &request, ret_fetch);
}
