/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * HTTP over the unix socket with libcurl: a request in, the whole answer or the reason for none out. libcurl
 * connects without blocking, which on a unix socket fails with EAGAIN while the daemon's backlog is full, and
 * takes that for a connection in progress. So the connection is looked at before anything is sent, and made
 * again if there is none.
 */
#include "control/control_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"

#define CONNECT_PAUSE_MS 10

struct transfer {
    int fd;           /* libcurl's, to look at */
    int socket_error; /* errno of making it */
    bool is_connected;
    int body_error; /* errno of taking the body in */
    char *text;
    size_t length;
    size_t capacity;
};

static void cleanup_easy(CURL **curl)
{
    curl_easy_cleanup(*curl);
}

static void cleanup_slist(struct curl_slist **list)
{
    curl_slist_free_all(*list);
}

static curl_socket_t control_client_on_open(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = data;

    (void)purpose;
    transfer->fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    transfer->socket_error = transfer->fd < 0 ? errno : 0;
    return transfer->fd < 0 ? CURL_SOCKET_BAD : transfer->fd;
}

static int on_connected(void *data, char *peer, char *local, int peer_port, int local_port)
{
    struct transfer *transfer = data;
    struct sockaddr_un name;
    socklen_t length = sizeof(name);

    (void)peer;
    (void)local;
    (void)peer_port;
    (void)local_port;
    transfer->is_connected = getpeername(transfer->fd, (struct sockaddr *)&name, &length) == 0;
    return transfer->is_connected ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t control_client_on_body(char *bytes, size_t size, size_t count, void *data)
{
    struct transfer *transfer = data;
    size_t added = size * count;

    if (added > CONTROL_CLIENT_RESPONSE_LIMIT - transfer->length) {
        transfer->body_error = EFBIG;
        return 0;
    }
    if (transfer->length + added + 1 > transfer->capacity) {
        size_t capacity = (transfer->length + added + 1) * 2;
        char *larger = realloc(transfer->text, capacity);

        if (!larger) {
            transfer->body_error = ENOMEM;
            return 0;
        }
        transfer->text = larger;
        transfer->capacity = capacity;
    }
    memcpy(transfer->text + transfer->length, bytes, added);
    transfer->length += added;
    transfer->text[transfer->length] = '\0';
    return added;
}

static int control_client_set_options(CURL *curl, const struct control_request *request, const char *url,
                                      struct transfer *transfer)
{
    long timeout_ms = request->timeout_ms ? request->timeout_ms : CONTROL_CLIENT_TIMEOUT_MS;
    CURLcode bad = CURLE_OK;

    bad |= curl_easy_setopt(curl, CURLOPT_URL, url);
    bad |= curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->socket_path);
    bad |= curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, control_client_on_open);
    bad |= curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, transfer);
    bad |= curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_connected);
    bad |= curl_easy_setopt(curl, CURLOPT_PREREQDATA, transfer);
    bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, control_client_on_body);
    bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    bad |= curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L); /* signals are the caller's */
    bad |= curl_easy_setopt(curl, CURLOPT_PROXY, "");    /* $http_proxy is not meant for this socket */
    bad |= curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    return bad ? -EIO : 0;
}

static int set_body(CURL *curl, const char *body, struct curl_slist **headers)
{
    struct curl_slist *longer = NULL;

    longer = curl_slist_append(*headers, "Content-Type: application/json");
    if (!longer)
        return -ENOMEM;
    *headers = longer;
    /* No round trip of "100 Continue" before a large body. */
    longer = curl_slist_append(*headers, "Expect:");
    if (!longer)
        return -ENOMEM;
    *headers = longer;
    if (curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers) ||
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body)) ||
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body))
        return -EIO;
    return 0;
}

/* Why there was no answer, in words. */
static int explain(const struct control_request *request, const struct transfer *transfer, CURL *curl,
                   CURLcode code, struct error *error)
{
    long number = 0;

    if (transfer->socket_error)
        return error_errno(error, transfer->socket_error, "cannot make a socket");
    if (!transfer->is_connected) {
        (void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
        (void)error_errno(error, number > 0 ? (int)number : EAGAIN, "%s", request->socket_path);
        return CONTROL_CLIENT_UNREACHABLE;
    }
    if (transfer->body_error == EFBIG)
        return error_set(error, EFBIG, "the daemon's answer is larger than %zu MiB; narrow it with -n",
                         CONTROL_CLIENT_RESPONSE_LIMIT >> 20);
    if (transfer->body_error)
        return error_errno(error, transfer->body_error, "cannot hold the daemon's answer");
    if (code == CURLE_OPERATION_TIMEDOUT)
        return error_set(error, ETIMEDOUT, "the daemon on %s took too long to answer", request->socket_path);
    return error_set(error, EIO, "the daemon on %s hung up before it had answered (%s)", request->socket_path,
                     curl_easy_strerror(code));
}

static bool is_backlog_full(CURL *curl, const struct transfer *transfer, CURLcode code)
{
    long number = 0;

    if (transfer->is_connected || (code != CURLE_ABORTED_BY_CALLBACK && code != CURLE_COULDNT_CONNECT))
        return false;
    /* 0: it polled a socket that never began to connect, and found no error on it. */
    (void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
    return number == 0 || number == EAGAIN;
}

static CURLcode perform(CURL *curl, const struct transfer *transfer)
{
    const struct timespec pause = {.tv_nsec = CONNECT_PAUSE_MS * 1000000L};
    CURLcode code = CURLE_OK;

    for (int i = 0; i < CONTROL_CLIENT_CONNECT_MS / CONNECT_PAUSE_MS; i++) {
        code = curl_easy_perform(curl);
        if (!is_backlog_full(curl, transfer, code))
            break;
        (void)nanosleep(&pause, NULL);
    }
    return code;
}

int control_client_request(const struct control_request *request, struct control_response *ret_response,
                           struct error *error)
{
    struct transfer transfer = {.fd = -1};
    _cleanup_(cleanup_slist) struct curl_slist *headers = NULL;
    _cleanup_(cleanup_easy) CURL *curl = curl_easy_init();
    _cleanup_free_ char *url = NULL;
    _cleanup_free_ char *body = NULL;
    struct control_response response = {0};
    CURLcode code;
    int r;

    if (strlen(request->socket_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        (void)error_errno(error, ENAMETOOLONG, "%s", request->socket_path);
        return CONTROL_CLIENT_UNREACHABLE;
    }
    if (!curl || asprintf(&url, "http://svcconnect%s", request->path) < 0)
        return error_errno(error, ENOMEM, "cannot prepare a request");
    r = control_client_set_options(curl, request, url, &transfer);
    if (r == 0 && request->body) {
        body = cJSON_PrintUnformatted(request->body);
        r = body ? set_body(curl, body, &headers) : -ENOMEM;
    }
    if (r < 0)
        return error_errno(error, r, "cannot prepare a request");
    code = perform(curl, &transfer);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response.status);
    if (code == CURLE_OK && !transfer.text)
        transfer.text = strdup("");
    if (code != CURLE_OK || !transfer.text) {
        free(transfer.text);
        return explain(request, &transfer, curl, code, error);
    }
    response.text = transfer.text;
    response.length = transfer.length;
    (void)json_parse("answer", response.text, response.length, &response.json, NULL);
    *ret_response = response;
    return CONTROL_CLIENT_ANSWERED;
}

void control_response_done(struct control_response *response)
{
    free(response->text);
    cJSON_Delete(response->json);
    *response = (struct control_response){0};
}
