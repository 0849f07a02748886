/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Addresses are numeric, so that no resolver is involved and nothing blocks. All sockets are CLOEXEC but for
 * the pair that wakes a multi handle, which older libcurls make without; exec_child closes it for its
 * commands.
 */
#include "health/http_prober.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "http/fetch_loop.h"

struct http_probe {
    CURL *easy;
    struct curl_slist *headers;
    const struct probe_request *request;
    struct http_probe *next_idle;
    size_t header_length;
    size_t body_length;
    bool is_body_cut;
    bool is_header_cut;
    int socket_error; /* positive errno of making the socket */
    char error[CURL_ERROR_SIZE];
};

struct http_prober {
    probe_done_fn done;
    struct fetch_loop *loop;
    struct http_probe *idle;
};

/* ---- one transfer ---- */

static curl_socket_t http_prober_on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct linger reset = {.l_onoff = 1}; /* no TIME_WAIT stays */
    int fd = socket(address->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, address->protocol);

    (void)purpose;
    if (fd < 0) {
        ((struct http_probe *)user)->socket_error = errno;
        return CURL_SOCKET_BAD;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    return fd;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *user)
{
    struct http_probe *probe = user;

    (void)bytes;
    probe->header_length += size * count;
    probe->is_header_cut = probe->header_length > HTTP_PROBER_HEADER_LIMIT;
    return probe->is_header_cut ? 0 : size * count;
}

static size_t http_prober_on_body(char *bytes, size_t size, size_t count, void *user)
{
    struct http_probe *probe = user;

    (void)bytes;
    probe->body_length += size * count;
    probe->is_body_cut = probe->body_length > HTTP_PROBER_BODY_LIMIT;
    return probe->is_body_cut ? 0 : size * count;
}

static int format_url(const struct probe_request *request, char **ret_url)
{
    const struct health_check *check = request->check;
    bool is_v4 = ip_address_is_v4(&request->address);
    char address[IP_ADDRESS_TEXT_SIZE];

    if (asprintf(ret_url, "%s://%s%s%s:%u%s", check->type == HEALTH_CHECK_HTTPS ? "https" : "http",
                 is_v4 ? "" : "[", ip_address_format(&request->address, address), is_v4 ? "" : "]",
                 request->port, check->path ? check->path : "/") < 0)
        return -ENOMEM;
    return 0;
}

static int set_headers(struct http_probe *probe, const char *host)
{
    _cleanup_free_ char *header = NULL;

    if (!host)
        return 0;
    if (asprintf(&header, "Host: %s", host) < 0)
        return -ENOMEM;
    probe->headers = curl_slist_append(NULL, header);
    return probe->headers && curl_easy_setopt(probe->easy, CURLOPT_HTTPHEADER, probe->headers) == CURLE_OK
               ? 0
               : -ENOMEM;
}

static CURLcode set_limits(CURL *easy, uint32_t timeout_ms)
{
    CURLcode bad = CURLE_OK;

    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_NOPROXY, "*"); /* $http_proxy is not meant for endpoints */
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4096L);
    return bad;
}

/* Without a file of authorities none is parsed, which would take milliseconds of every probe. */
static CURLcode set_tls(CURL *easy)
{
    CURLcode bad = CURLE_OK;

    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    bad |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    return bad;
}

static int http_prober_set_options(struct http_probe *probe)
{
    const struct health_check *check = probe->request->check;
    _cleanup_free_ char *url = NULL;
    CURLcode bad = CURLE_OK;
    CURL *easy = probe->easy;
    int r = format_url(probe->request, &url);

    if (r == 0)
        r = set_headers(probe, check->host);
    if (r < 0)
        return r;
    bad |= curl_easy_setopt(easy, CURLOPT_URL, url);
    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "svcconnect-health/" SVC_VERSION);
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, probe);
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, probe->error);
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, http_prober_on_open);
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, probe);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, probe);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_prober_on_body);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, probe);
    bad |= set_limits(easy, check->timeout_ms);
    if (check->type == HEALTH_CHECK_HTTPS)
        bad |= set_tls(easy);
    return bad ? -ENOMEM : 0;
}

/* ---- outcomes ---- */

static enum probe_outcome judge_status(const struct http_probe *probe, char *reason, size_t size)
{
    const struct health_check *check = probe->request->check;
    long status = 0;

    (void)curl_easy_getinfo(probe->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= check->status_min && status <= check->status_max) {
        (void)snprintf(reason, size, "status %ld", status);
        return PROBE_PASSED;
    }
    (void)snprintf(reason, size, "status %ld, wanted %u-%u", status, check->status_min, check->status_max);
    return PROBE_FAILED;
}

/* libcurl also runs "out of memory" when one line of a header is too long for it: no excuse for
 * an endpoint. */
static bool has_answered(const struct http_probe *probe)
{
    curl_off_t first_byte_us = 0;

    (void)curl_easy_getinfo(probe->easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte_us);
    return first_byte_us > 0;
}

static enum probe_outcome http_prober_judge(const struct http_probe *probe, CURLcode code, char *reason,
                                            size_t size)
{
    long number = probe->socket_error;

    if (code == CURLE_OK || probe->is_body_cut)
        return judge_status(probe, reason, size);
    if (probe->is_header_cut) {
        (void)snprintf(reason, size, "headers of more than %u KiB", HTTP_PROBER_HEADER_LIMIT >> 10);
        return PROBE_FAILED;
    }
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        (void)snprintf(reason, size, "no complete answer within %u ms", probe->request->check->timeout_ms);
        return PROBE_FAILED;
    case CURLE_COULDNT_CONNECT:
        if (number == 0)
            (void)curl_easy_getinfo(probe->easy, CURLINFO_OS_ERRNO, &number);
        if (number > 0) {
            (void)snprintf(reason, size, "%s", probe_errno_text((int)number));
            return probe_judge_errno((int)number);
        }
        break;
    case CURLE_GOT_NOTHING:
        (void)snprintf(reason, size, "closed without an answer");
        return PROBE_FAILED;
    case CURLE_OUT_OF_MEMORY:
        (void)snprintf(reason, size, "out of memory, or a header too long to read");
        return has_answered(probe) ? PROBE_FAILED : PROBE_UNDECIDED;
    default:
        break;
    }
    (void)snprintf(reason, size, "%.140s", probe->error[0] ? probe->error : curl_easy_strerror(code));
    return PROBE_FAILED;
}

/* Options of this probe's are forgotten, the memory stays for the next. */
static void http_prober_retire(struct http_prober *prober, struct http_probe *probe)
{
    curl_easy_reset(probe->easy);
    curl_slist_free_all(probe->headers);
    *probe = (struct http_probe){.easy = probe->easy, .next_idle = prober->idle};
    prober->idle = probe;
}

static void http_prober_on_done(CURL *easy, CURLcode code, void *user)
{
    struct http_prober *prober = user;
    const struct probe_request *request;
    struct http_probe *probe = NULL;
    enum probe_outcome outcome;
    char reason[160];

    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&probe);
    outcome = http_prober_judge(probe, code, reason, sizeof(reason));
    request = probe->request;
    http_prober_retire(prober, probe);
    prober->done(request->user, outcome, reason);
}

/* ---- probes ---- */

static struct http_probe *http_prober_take_idle(struct http_prober *prober)
{
    struct http_probe *probe = prober->idle;

    if (probe) {
        prober->idle = probe->next_idle;
        return probe;
    }
    probe = calloc(1, sizeof(*probe));
    if (!probe)
        return NULL;
    probe->easy = curl_easy_init();
    if (!probe->easy) {
        free(probe);
        return NULL;
    }
    return probe;
}

int http_prober_start(struct http_prober *prober, const struct probe_request *request,
                      struct http_probe **ret_probe)
{
    struct http_probe *probe = http_prober_take_idle(prober);
    int r;

    if (!probe)
        return -ENOMEM;
    probe->request = request;
    r = http_prober_set_options(probe);
    if (r == 0)
        r = fetch_loop_add(prober->loop, probe->easy);
    if (r < 0) {
        http_prober_retire(prober, probe);
        return r;
    }
    *ret_probe = probe;
    return 0;
}

void http_prober_cancel(struct http_prober *prober, struct http_probe *probe)
{
    fetch_loop_remove(prober->loop, probe->easy);
    http_prober_retire(prober, probe);
}

/* ---- the prober ---- */

int http_prober_new(struct event_base *base, probe_done_fn done, struct http_prober **ret_prober)
{
    struct http_prober *prober = calloc(1, sizeof(*prober));
    int r;

    if (!prober)
        return -ENOMEM;
    prober->done = done;
    r = fetch_loop_new(base, http_prober_on_done, prober, &prober->loop);
    if (r < 0) {
        free(prober);
        return r;
    }
    *ret_prober = prober;
    return 0;
}

void http_prober_free(struct http_prober **prober)
{
    struct http_probe *next;

    if (!*prober)
        return;
    for (struct http_probe *probe = (*prober)->idle; probe; probe = next) {
        next = probe->next_idle;
        curl_easy_cleanup(probe->easy);
        free(probe);
    }
    fetch_loop_free(&(*prober)->loop);
    free(*prober);
    *prober = NULL;
}
