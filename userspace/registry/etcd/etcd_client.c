/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/etcd/etcd_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "registry/etcd/etcd_text.h"

#define ATTEMPT_MS        2000
#define CONNECT_MS        1000
#define MOST_ANSWER_BYTES (256u << 20)
#define FIRST_PAUSE_MS    50
#define MOST_PAUSE_MS     1000
#define UNANSWERED_MS     10000 /* then a connection with something unacknowledged is given up */

struct answer {
    char *text;
    size_t n, room;
};

static size_t take_piece(char *bytes, size_t size, size_t n, void *user)
{
    struct answer *answer = user;

    n *= size;
    if (n > MOST_ANSWER_BYTES - answer->n)
        return 0;
    if (answer->n + n > answer->room) {
        size_t room = (answer->n + n) * 2;
        char *larger = realloc(answer->text, room);

        if (!larger)
            return 0;
        answer->text = larger;
        answer->room = room;
    }
    memcpy(answer->text + answer->n, bytes, n);
    answer->n += n;
    return n;
}

/* A member that is cut off without a word is noticed. */
static int etcd_client_on_socket(void *user, curl_socket_t fd, curlsocktype purpose)
{
    const unsigned unanswered_ms = UNANSWERED_MS;
    const int on = 1, idle_s = 5, interval_s = 2, count = 3;

    (void)user;
    (void)purpose;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof(unanswered_ms));
    return CURL_SOCKOPT_OK;
}

int etcd_client_init(struct etcd_client *client, const struct etcd_settings *settings)
{
    *client = (struct etcd_client){.settings = settings};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return -ENOMEM;
    client->easy = curl_easy_init();
    client->member = random_below((uint32_t)settings->n_members);
    return client->easy ? 0 : -ENOMEM;
}

void etcd_client_done(struct etcd_client *client)
{
    curl_easy_cleanup(client->easy);
    curl_slist_free_all(client->headers);
    etcd_client_forget_token(client);
    *client = (struct etcd_client){0};
}

void etcd_client_next_member(struct etcd_client *client)
{
    client->member = (client->member + 1) % client->settings->n_members;
}

void etcd_client_forget_token(struct etcd_client *client)
{
    free(client->token);
    client->token = NULL;
}

uint32_t etcd_pause_ms(unsigned n, uint32_t most_ms)
{
    uint32_t below = n < 16 ? (uint32_t)FIRST_PAUSE_MS << n : most_ms;

    if (n == 0)
        return 0;
    return 1 + random_below(below < most_ms ? below : most_ms);
}

/* ---- one attempt ---- */

static bool etcd_client_add_header(struct etcd_client *client, const char *text)
{
    struct curl_slist *list = curl_slist_append(client->headers, text);

    if (list)
        client->headers = list;
    return list != NULL;
}

static int etcd_client_set_headers(struct etcd_client *client, bool has_token)
{
    _cleanup_free_ char *authorization = NULL;

    curl_slist_free_all(client->headers);
    client->headers = NULL;
    if (!etcd_client_add_header(client, "Content-Type: application/json") ||
        !etcd_client_add_header(client, "Expect:"))
        return -ENOMEM;
    if (!has_token)
        return 0;
    if (asprintf(&authorization, "Authorization: %s", client->token) < 0) {
        authorization = NULL;
        return -ENOMEM;
    }
    return etcd_client_add_header(client, authorization) ? 0 : -ENOMEM;
}

static void etcd_client_set_tls(struct etcd_client *client)
{
    const struct etcd_settings *settings = client->settings;

    if (*settings->ca_file)
        (void)curl_easy_setopt(client->easy, CURLOPT_CAINFO, settings->ca_file);
    if (*settings->cert_file) {
        (void)curl_easy_setopt(client->easy, CURLOPT_SSLCERT, settings->cert_file);
        (void)curl_easy_setopt(client->easy, CURLOPT_SSLKEY,
                               *settings->key_file ? settings->key_file : settings->cert_file);
    }
}

/* The handle keeps its connections; all else is set anew. */
static int etcd_client_set(struct etcd_client *client, const char *path, const char *body, bool has_token)
{
    _cleanup_free_ char *url = NULL;
    int r = etcd_client_set_headers(client, has_token);

    if (r < 0)
        return r;
    if (asprintf(&url, "%s%s", client->settings->members[client->member], path) < 0) {
        url = NULL;
        return -ENOMEM;
    }
    curl_easy_reset(client->easy);
    etcd_client_set_tls(client);
    (void)curl_easy_setopt(client->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(client->easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(client->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(client->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    (void)curl_easy_setopt(client->easy, CURLOPT_SOCKOPTFUNCTION, etcd_client_on_socket);
    (void)curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, client->headers);
    return curl_easy_setopt(client->easy, CURLOPT_URL, url) == CURLE_OK &&
                   curl_easy_setopt(client->easy, CURLOPT_COPYPOSTFIELDS, body) == CURLE_OK
               ? 0
               : -ENOMEM;
}

static const char *asked_member(const struct etcd_client *client)
{
    return client->settings->members[client->member];
}

static int judge_answer(const struct etcd_client *client, long status, const struct answer *answer,
                        cJSON **ret_answer, struct error *error)
{
    _cleanup_json_ cJSON *json = answer->text ? cJSON_ParseWithLength(answer->text, answer->n) : NULL;
    const char *text;
    int r;

    if (status == 200 && cJSON_IsObject(json)) {
        *ret_answer = TAKE_PTR(json);
        return 0;
    }
    if (status == 200)
        return error_set(error, EPROTO, "etcd member %s: the answer is no JSON object", asked_member(client));
    r = etcd_read_refusal(status, json, &text);
    return error_set(error, -r, "etcd member %s: %.300s (status %ld)", asked_member(client), text, status);
}

/* Or the other one's, which comes as an alert. */
static bool is_about_certificates(CURLcode code, const char *reason)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM ||
           code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR ||
           strstr(reason, "alert") != NULL;
}

static int attempt(struct etcd_client *client, const char *path, const char *body, bool has_token,
                   uint64_t patience_ms, cJSON **ret_answer, struct error *error)
{
    char reason[CURL_ERROR_SIZE] = "";
    struct answer answer = {0};
    long status = 0;
    CURLcode code;
    bool is_told_already = client->is_distrusted; /* which says more than that a later attempt was cut off */
    int r = etcd_client_set(client, path, body, has_token);

    if (r < 0)
        return error_errno(error, r, "asking etcd");
    (void)curl_easy_setopt(client->easy, CURLOPT_TIMEOUT_MS, (long)patience_ms);
    (void)curl_easy_setopt(client->easy, CURLOPT_ERRORBUFFER, reason);
    (void)curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, take_piece);
    (void)curl_easy_setopt(client->easy, CURLOPT_WRITEDATA, &answer);
    code = curl_easy_perform(client->easy);
    (void)curl_easy_setopt(client->easy, CURLOPT_ERRORBUFFER, NULL);
    (void)curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
    client->is_distrusted |= code != CURLE_OK && is_about_certificates(code, reason);
    if (code != CURLE_OK)
        r = error_set(is_told_already ? NULL : error, ENOTCONN, "etcd member %s: %s", asked_member(client),
                      *reason ? reason : curl_easy_strerror(code));
    else
        r = judge_answer(client, status, &answer, ret_answer, error);
    free(answer.text);
    return r;
}

/* ---- who asks ---- */

static char *write_login(const struct etcd_settings *settings, struct error *error)
{
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    _cleanup_free_ char *password = NULL;
    int r = file_read(settings->password_file, 4096, &password, NULL);
    char *text;

    if (r < 0) {
        (void)error_errno(error, r, "etcd.passwordFile %s", settings->password_file);
        return NULL;
    }
    password[strcspn(password, "\r\n")] = '\0';
    text = json && cJSON_AddStringToObject(json, "name", settings->user) &&
                   cJSON_AddStringToObject(json, "password", password)
               ? cJSON_PrintUnformatted(json)
               : NULL;
    explicit_bzero(password, strlen(password));
    if (!text)
        (void)error_errno(error, ENOMEM, "asking etcd");
    return text;
}

/* Tokens end, after 300 s where etcd's settings say nothing else. */
static int fetch_token(struct etcd_client *client, uint64_t patience_ms, struct error *error)
{
    _cleanup_json_ cJSON *answer = NULL;
    _cleanup_free_ char *body = NULL;
    const char *token;
    int r;

    if (client->token || !*client->settings->user)
        return 0;
    body = write_login(client->settings, error);
    if (!body)
        return -error->number;
    r = attempt(client, "/v3/auth/authenticate", body, false, patience_ms, &answer, error);
    explicit_bzero(body, strlen(body));
    if (r < 0)
        return r;
    token = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "token"));
    if (!token || strpbrk(token, "\r\n"))
        return error_set(error, EPROTO, "etcd member %s: no token in the answer", asked_member(client));
    client->token = strdup(token);
    return client->token ? 0 : error_errno(error, ENOMEM, "asking etcd");
}

int etcd_client_prepare(struct etcd_client *client, const char *path, const char *body, struct error *error)
{
    int r = fetch_token(client, ATTEMPT_MS, error);

    if (r == 0 && (r = etcd_client_set(client, path, body, client->token != NULL)) < 0)
        r = error_errno(error, r, "asking etcd");
    return r;
}

int etcd_client_call(struct etcd_client *client, const char *path, const char *body, cJSON **ret_answer,
                     struct error *error)
{
    uint64_t end = clock_monotonic_ms() + client->settings->patience_ms, now;
    bool had_token = false;
    unsigned n = 0;

    client->is_distrusted = false;
    for (;;) {
        uint64_t left, most;
        int r;

        now = clock_monotonic_ms();
        left = end > now ? end - now : 1;
        most = left < ATTEMPT_MS ? left : ATTEMPT_MS;
        r = fetch_token(client, most, error);
        if (r == 0)
            r = attempt(client, path, body, client->token != NULL, most, ret_answer, error);
        if (r == -EKEYREJECTED && *client->settings->user && !had_token) {
            had_token = true;
            etcd_client_forget_token(client);
            continue;
        }
        if (r == -EKEYREJECTED)
            r = -EACCES;
        if (r != -ENOTCONN)
            return r;
        etcd_client_next_member(client);
        n++;
        left = n % client->settings->n_members
                   ? 0
                   : etcd_pause_ms((unsigned)(n / client->settings->n_members), MOST_PAUSE_MS);
        if (clock_monotonic_ms() + left >= end)
            return r;
        (void)usleep((useconds_t)left * 1000);
    }
}
