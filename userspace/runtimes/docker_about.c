/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "runtimes/docker_about.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>

#include "base/json.h"
#include "http/fetch.h"

#define INFO_MS  15000u
#define INFO_MAX (1u << 20)

struct docker_about {
    struct docker_about_request request;
    struct fetch *fetch;
    struct evbuffer *answer;
};

static void about_free(struct docker_about *about)
{
    if (about->answer)
        evbuffer_free(about->answer);
    free(about);
}

static int about_on_piece(const char *bytes, size_t n, void *user)
{
    return evbuffer_add(((struct docker_about *)user)->answer, bytes, n) < 0 ? -ENOMEM : 0;
}

static const char *about_text(const cJSON *json, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));

    return text ? text : "";
}

static void about_on_done(int result, long status, const char *reason, void *user)
{
    struct docker_about *about = user;
    struct docker_about_request request = about->request;
    size_t length = evbuffer_get_length(about->answer);
    const char *text = (const char *)evbuffer_pullup(about->answer, -1);
    _cleanup_json_ cJSON *json = NULL;

    (void)reason;
    if (result == 0 && status == 200 &&
        json_parse("what a runtime is", text ? text : "", length, &json, NULL) == 0)
        request.done(about_text(json, "ServerVersion"), about_text(json, "CgroupDriver"), request.user);
    else
        request.failed(request.user);
    about_free(about);
}

int docker_about_start(const struct docker_about_request *request, struct docker_about **ret_about)
{
    struct docker_about *about = calloc(1, sizeof(*about));
    struct fetch_request fetch = {.socket = request->socket,
                                  .target = "/info",
                                  .timeout_ms = INFO_MS,
                                  .max_bytes = INFO_MAX,
                                  .body_piece = about_on_piece,
                                  .done = about_on_done,
                                  .user = about};
    int r = -ENOMEM;

    if (!about)
        return -ENOMEM;
    about->request = *request;
    about->answer = evbuffer_new();
    if (about->answer)
        r = fetch_start(request->fetcher, &fetch, &about->fetch);
    if (r < 0) {
        about_free(about);
        return r;
    }
    *ret_about = about;
    return 0;
}

void docker_about_cancel(struct docker_about **about)
{
    if (!*about)
        return;
    fetch_cancel(&(*about)->fetch);
    about_free(*about);
    *about = NULL;
}
