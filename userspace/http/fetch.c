/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One transfer of libcurl's per request, each on a connection of its own. */
#include "http/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "http/fetch_loop.h"

struct fetch {
    struct fetcher *fetcher;
    struct fetch *previous;
    struct fetch *next;
    struct fetch_request request; /* its texts are libcurl's copies */
    CURL *easy;
    struct curl_slist *headers;
    size_t n_bytes;
    int refused; /* why the body was not taken on; 0: it was */
    char error[CURL_ERROR_SIZE];
};

struct fetcher {
    struct fetch_loop *loop;
    struct fetch *all;
};

static void fetch_free(struct fetch *fetch)
{
    if (fetch->previous)
        fetch->previous->next = fetch->next;
    else if (fetch->fetcher->all == fetch)
        fetch->fetcher->all = fetch->next;
    if (fetch->next)
        fetch->next->previous = fetch->previous;
    curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(fetch->headers);
    free(fetch);
}

static size_t fetch_on_body(char *bytes, size_t size, size_t count, void *user)
{
    struct fetch *fetch = user;
    size_t n = size * count;
    long status = 0;

    fetch->n_bytes += n;
    if (fetch->request.max_bytes > 0 && fetch->n_bytes > fetch->request.max_bytes)
        fetch->refused = -EMSGSIZE;
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    if (!fetch->refused && status >= 200 && status <= 299 && fetch->request.body_piece)
        fetch->refused = fetch->request.body_piece(bytes, n, fetch->request.user);
    return fetch->refused ? 0 : n;
}

static int fetch_judge(const struct fetch *fetch, CURLcode code, char *reason, size_t size)
{
    reason[0] = '\0';
    if (code == CURLE_OK)
        return 0;
    if (fetch->refused == -EMSGSIZE) {
        (void)snprintf(reason, size, "an answer of more than %zu bytes", fetch->request.max_bytes);
        return -EMSGSIZE;
    }
    if (fetch->refused) {
        (void)snprintf(reason, size, "%s", strerror(-fetch->refused));
        return fetch->refused;
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        (void)snprintf(reason, size, "no complete answer within %u ms", fetch->request.timeout_ms);
        return -ETIMEDOUT;
    }
    (void)snprintf(reason, size, "%.200s", fetch->error[0] ? fetch->error : curl_easy_strerror(code));
    return code == CURLE_COULDNT_CONNECT ? -ECONNREFUSED : -EPROTO;
}

static void fetch_on_done(CURL *easy, CURLcode code, void *user)
{
    struct fetch_request request;
    struct fetch *fetch = NULL;
    char reason[256];
    long status = 0;
    int result;

    (void)user;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&fetch);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    result = fetch_judge(fetch, code, reason, sizeof(reason));
    request = fetch->request;
    fetch_free(fetch);
    request.done(result, status, reason, request.user);
}

static int fetch_add_header(struct fetch *fetch, const char *line)
{
    struct curl_slist *longer = curl_slist_append(fetch->headers, line);

    if (longer)
        fetch->headers = longer;
    return longer ? 0 : -ENOMEM;
}

/* "Expect" asks before a large body is sent, and some servers never answer that. */
static int fetch_set_headers(struct fetch *fetch)
{
    const struct fetch_request *request = &fetch->request;
    int r = request->body ? fetch_add_header(fetch, "Content-Type: application/json") : 0;

    if (r == 0 && request->body)
        r = fetch_add_header(fetch, "Expect:");
    for (size_t i = 0; r == 0 && i < request->n_headers; i++)
        r = fetch_add_header(fetch, request->headers[i]);
    if (r == 0 && fetch->headers &&
        curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers) != CURLE_OK)
        r = -ENOMEM;
    return r;
}

/* Beside a directory of authorities libcurl does not keep those of the file, and parsing them takes milliseconds of every
 * request. */
static CURLcode fetch_set_authorities(CURL *easy)
{
    const curl_version_info_data *about = curl_version_info(CURLVERSION_NOW);

    return about->age >= CURLVERSION_SEVENTH && about->cainfo ? curl_easy_setopt(easy, CURLOPT_CAPATH, NULL)
                                                              : CURLE_OK;
}

static CURLcode fetch_set_place(CURL *easy, const struct fetch_request *request)
{
    _cleanup_free_ char *url = NULL;
    CURLcode bad = CURLE_OK;

    if (!request->socket) {
        bad |= curl_easy_setopt(easy, CURLOPT_URL, request->target);
        bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        bad |= fetch_set_authorities(easy);
        return bad;
    }
    /* The host's name goes into the head only: where to connect is the socket's path. */
    if (asprintf(&url, "http://localhost%s", request->target) < 0)
        return CURLE_OUT_OF_MEMORY;
    bad |= curl_easy_setopt(easy, CURLOPT_URL, url);
    bad |= curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->socket);
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    return bad;
}

static int fetch_set_options(struct fetch *fetch)
{
    const struct fetch_request *request = &fetch->request;
    CURL *easy = fetch->easy;
    CURLcode bad = fetch_set_place(easy, request);

    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "svcconnect/" SVC_VERSION);
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->error);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, fetch_on_body);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    if (request->body)
        bad |= curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body);
    return bad ? -ENOMEM : fetch_set_headers(fetch);
}

int fetch_start(struct fetcher *fetcher, const struct fetch_request *request, struct fetch **ret_fetch)
{
    struct fetch *fetch;
    int r;

    if (request->socket && strlen(request->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return -ENAMETOOLONG;
    fetch = calloc(1, sizeof(*fetch));
    if (!fetch)
        return -ENOMEM;
    fetch->fetcher = fetcher;
    fetch->request = *request;
    fetch->easy = curl_easy_init();
    r = fetch->easy ? fetch_set_options(fetch) : -ENOMEM;
    if (r == 0)
        r = fetch_loop_add(fetcher->loop, fetch->easy);
    fetch->request.socket = fetch->request.target = fetch->request.body = NULL;
    fetch->request.headers = NULL;
    if (r < 0) {
        fetch_free(fetch);
        return r;
    }
    fetch->next = fetcher->all;
    if (fetch->next)
        fetch->next->previous = fetch;
    fetcher->all = fetch;
    *ret_fetch = fetch;
    return 0;
}

void fetch_cancel(struct fetch **fetch)
{
    if (!*fetch)
        return;
    fetch_loop_remove((*fetch)->fetcher->loop, (*fetch)->easy);
    fetch_free(*fetch);
    *fetch = NULL;
}

int fetcher_new(struct event_base *base, struct fetcher **ret_fetcher)
{
    struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
    int r;

    if (!fetcher)
        return -ENOMEM;
    r = fetch_loop_new(base, fetch_on_done, fetcher, &fetcher->loop);
    if (r < 0) {
        free(fetcher);
        return r;
    }
    *ret_fetcher = fetcher;
    return 0;
}

void fetcher_free(struct fetcher **fetcher)
{
    struct fetch *next;

    if (!*fetcher)
        return;
    for (struct fetch *fetch = (*fetcher)->all; fetch; fetch = next) {
        next = fetch->next;
        fetch_cancel(&fetch);
    }
    fetch_loop_free(&(*fetcher)->loop);
    free(*fetcher);
    *fetcher = NULL;
}
