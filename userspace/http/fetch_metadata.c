/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "http/fetch_metadata.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"

#define TOKEN_SIZE 1024
#define URL_SIZE   512

/* What has come of an answer. */
struct metadata_body {
    char *text;
    size_t size;
    size_t used;
};

static size_t fetch_metadata_on_piece(char *bytes, size_t size, size_t n, void *user)
{
    struct metadata_body *body = user;

    n *= size;
    if (n >= body->size - body->used)
        return 0;
    memcpy(body->text + body->used, bytes, n);
    body->used += n;
    body->text[body->used] = '\0';
    return n;
}

/* "http://IP[:PORT]", with or without a slash behind it; to *ret_url without. */
static int fetch_metadata_check(const char *endpoint, char ret_url[static URL_SIZE], struct error *error)
{
    static const char scheme[] = "http://";
    struct ip_address address;
    const char *host = endpoint + sizeof(scheme) - 1;
    char where[128];
    uint16_t port;
    int length;

    if (strncmp(endpoint, scheme, sizeof(scheme) - 1) == 0 && strlen(endpoint) < sizeof(where) - 8) {
        length = (int)strcspn(host, "/");
        (void)snprintf(ret_url, URL_SIZE, "%s%.*s", scheme, length, host);
        (void)snprintf(where, sizeof(where), "%.*s", length, host);
        if (ip_endpoint_parse(where, &address, &port) == 0)
            return 0;
        (void)snprintf(where, sizeof(where), "%.*s:80", length, host);
        if (ip_endpoint_parse(where, &address, &port) == 0)
            return 0;
    }
    return error_input(error, "AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint, "http://IP or http://IP:PORT");
}

static int fetch_metadata_ask(CURL *easy, const char *url, const char *header, const char *method,
                              struct metadata_body *body)
{
    struct curl_slist *headers = curl_slist_append(NULL, header);
    long status = 0;
    CURLcode code;

    body->used = 0;
    body->text[0] = '\0';
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
    code = headers ? curl_easy_perform(easy) : CURLE_OUT_OF_MEMORY;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    if (code == CURLE_OUT_OF_MEMORY)
        return -ENOMEM;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return -ETIMEDOUT;
    return code == CURLE_OK && status == 200 && body->used > 0 ? 0 : -EIO;
}

static void fetch_metadata_prepare(CURL *easy, long timeout_ms)
{
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms / 2);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, fetch_metadata_on_piece);
}

int fetch_metadata(const char *endpoint, const char *path, long timeout_ms, char *ret_text, size_t size,
                   struct error *error)
{
    char url[URL_SIZE + 128], base[URL_SIZE], token[TOKEN_SIZE], text[TOKEN_SIZE];
    char header[TOKEN_SIZE + 64] = "X-aws-ec2-metadata-token-ttl-seconds: 60";
    struct metadata_body body = {.text = token, .size = sizeof(token)};
    CURL *easy;
    int r = fetch_metadata_check(endpoint, base, error);

    if (r < 0)
        return r;
    easy = curl_easy_init();
    if (!easy)
        return error_errno(error, ENOMEM, "asking EC2's metadata service");
    fetch_metadata_prepare(easy, timeout_ms);
    (void)snprintf(url, sizeof(url), "%s/latest/api/token", base);
    r = fetch_metadata_ask(easy, url, header, "PUT", &body);
    if (r == 0 && strpbrk(token, "\r\n"))
        r = -EIO;
    if (r == 0) {
        (void)snprintf(header, sizeof(header), "X-aws-ec2-metadata-token: %s", token);
        (void)snprintf(url, sizeof(url), "%s%s", base, path);
        body = (struct metadata_body){.text = text, .size = size < sizeof(text) ? size : sizeof(text)};
        r = fetch_metadata_ask(easy, url, header, "GET", &body);
    }
    curl_easy_cleanup(easy);
    if (r < 0)
        return error_errno(error, r, "asking EC2's metadata service at %s", base);
    memcpy(ret_text, text, body.used + 1);
    return 0;
}
