/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The file of key pairs, and what the control API does with them. Whoever may use the control socket may see
 * secrets: there is nothing he could not do without.
 *
 * Writing the file blocks the loop for as long as the disk takes to sync some kilobytes. That is left so: a
 * person makes a key pair a few times in the life of a host, and must not hear of one that a crash can take
 * away again.
 */
#include <errno.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "aws_api/aws_api.h"
#include "engine/engine.h"
#include "model/catalog_aws.h"

#define MAX_FILE (4u << 20)

static int save(const struct aws_api *api, const struct aws_credentials *credentials, struct error *error)
{
    _cleanup_free_ char *text = aws_credentials_print(credentials);
    int r = text ? file_replace(api->path, 0600, text, strlen(text)) : -ENOMEM;

    if (text)
        explicit_bzero(text, strlen(text));
    return r < 0 ? error_errno(error, r, "%s", api->path) : 0;
}

int aws_keys_load(struct aws_api *api, struct error *error)
{
    _cleanup_free_ char *text = NULL;
    size_t length = 0;
    int r;

    if (asprintf(&api->path, "%s/aws-credentials.json", api->settings.state_dir) < 0) {
        api->path = NULL;
        return error_errno(error, ENOMEM, "starting");
    }
    r = file_read(api->path, MAX_FILE, &text, &length);
    if (r == 0) {
        r = aws_credentials_parse(api->path, text, length, &api->credentials, error);
        explicit_bzero(text, length);
        return r;
    }
    if (r != -ENOENT)
        return error_errno(error, r, "%s", api->path);
    r = aws_credentials_add(&api->credentials, AWS_DEFAULT_CREDENTIAL, false, NULL, error);
    return r < 0 ? r : save(api, &api->credentials, error);
}

/* ---- requests ---- */

static cJSON *credential_object(const struct aws_credential *credential, bool with_secret)
{
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "name", credential->name);
    (void)cJSON_AddStringToObject(object, "accessKeyId", credential->access_key_id);
    if (with_secret)
        (void)cJSON_AddStringToObject(object, "secretAccessKey", credential->secret);
    (void)cJSON_AddBoolToObject(object, "readOnly", credential->is_read_only);
    (void)cJSON_AddStringToObject(object, "namespace", credential->namespace_name);
    return object;
}

/* "http://127.0.0.1:4599", or "" while nothing listens. */
static void keys_add_endpoint(const struct aws_api *api, cJSON *answer)
{
    const char *listen = api->settings.listen;
    char text[128] = "";

    if (api->server && strncmp(listen, "0.0.0.0:", 8) == 0)
        (void)snprintf(text, sizeof(text), "http://127.0.0.1:%s", listen + 8);
    else if (api->server && strncmp(listen, "[::]:", 5) == 0)
        (void)snprintf(text, sizeof(text), "http://[::1]:%s", listen + 5);
    else if (api->server)
        (void)snprintf(text, sizeof(text), "http://%.100s", listen);
    (void)cJSON_AddStringToObject(answer, "endpoint", text);
}

static int no_credential(struct error *error, const char *name)
{
    (void)error_refused(error, ENOENT, "name", name, "the name of a key pair (svcconnect credentials list)");
    return -ENOENT;
}

static int read_credentials(const struct control_call *call, cJSON **ret_answer, struct error *error,
                            void *user)
{
    struct aws_api *api = user;
    const struct aws_credentials *credentials = &api->credentials;
    const char *name = evhttp_find_header(call->query, "name");
    const struct aws_credential *one = name ? aws_credentials_by_name(credentials, name) : NULL;
    cJSON *answer;
    cJSON *list;

    if (name && !one)
        return no_credential(error, name);
    answer = one ? credential_object(one, true) : cJSON_CreateObject();
    keys_add_endpoint(api, answer);
    if (!one) {
        list = cJSON_AddArrayToObject(answer, "credentials");
        for (size_t i = 0; i < credentials->n; i++)
            (void)cJSON_AddItemToArray(list, credential_object(&credentials->items[i], false));
    }
    *ret_answer = answer;
    return 0;
}

static int add_credential(const struct control_call *call, cJSON **ret_answer, struct error *error,
                          void *user)
{
    static const char *const known[] = {"name", "readOnly", "namespace", NULL};
    struct aws_api *api = user;
    const char *name = NULL;
    const char *namespace_name = NULL;
    bool is_read_only = false;
    int r = json_check_members(call->body, known, error);

    if (r == 0)
        r = json_get_string(call->body, "name", true, &name, error);
    if (r == 0)
        r = json_get_bool(call->body, "readOnly", false, &is_read_only, error);
    if (r == 0)
        r = json_get_string(call->body, "namespace", false, &namespace_name, error);
    if (r == 0 && namespace_name) {
        const char *text = namespace_name;

        (void)catalog_find_namespace(engine_catalog(api->engine), text, &namespace_name);
        if (!namespace_name)
            r = error_input(error, "namespace", text,
                            "a name; of ids and ARNs those of namespaces that are here");
    }
    if (r == 0)
        r = aws_credentials_add(&api->credentials, name, is_read_only, namespace_name, error);
    if (r < 0)
        return r;
    r = save(api, &api->credentials, error);
    if (r < 0) {
        (void)aws_credentials_remove(&api->credentials, name, NULL);
        return r;
    }
    *ret_answer = credential_object(aws_credentials_by_name(&api->credentials, name), true);
    keys_add_endpoint(api, *ret_answer);
    log_info("AWS API: new key pair %s%s%s%s", name, is_read_only ? ", read-only" : "",
             namespace_name ? ", for namespace " : "", namespace_name ? namespace_name : "");
    return 0;
}

/* The file goes first: a key that is said to be gone does not come back. */
static int remove_credential(const struct control_call *call, cJSON **ret_answer, struct error *error,
                             void *user)
{
    static const char *const known[] = {"name", NULL};
    struct aws_api *api = user;
    _cleanup_(aws_credentials_done) struct aws_credentials left = {0};
    struct aws_credentials *now = &api->credentials;
    const char *name = NULL;
    int r = json_check_members(call->body, known, error);

    if (r == 0)
        r = json_get_string(call->body, "name", true, &name, error);
    if (r < 0)
        return r;
    left.items = calloc(now->n + 1, sizeof(*left.items));
    if (!left.items)
        return error_errno(error, ENOMEM, "removing a key pair");
    if (now->n)
        memcpy(left.items, now->items, now->n * sizeof(*left.items));
    left.n = now->n;
    r = aws_credentials_remove(&left, name, error);
    if (r == 0)
        r = save(api, &left, error);
    if (r < 0)
        return r;
    (void)aws_credentials_remove(now, name, error);
    log_info("AWS API: key pair %s is gone", name);
    *ret_answer = cJSON_CreateObject();
    (void)cJSON_AddArrayToObject(*ret_answer, "warnings");
    return 0;
}

/* All of them at once, as a backup has them. */
static int replace_credentials(const struct control_call *call, cJSON **ret_answer, struct error *error,
                               void *user)
{
    static const char *const known[] = {"credentials", NULL};
    struct aws_api *api = user;
    _cleanup_(aws_credentials_done) struct aws_credentials wanted = {0};
    _cleanup_free_ char *text = NULL;
    int r = json_check_members(call->body, known, error);

    if (r < 0)
        return r;
    text = cJSON_PrintUnformatted(call->body);
    r = text ? aws_credentials_parse("credentials", text, strlen(text), &wanted, error) : -ENOMEM;
    if (text)
        explicit_bzero(text, strlen(text));
    if (r == 0)
        r = save(api, &wanted, error);
    if (r < 0)
        return r;
    aws_credentials_done(&api->credentials);
    api->credentials = wanted;
    wanted = (struct aws_credentials){0};
    log_info("AWS API: %zu key pairs in the place of those that there were", api->credentials.n);
    *ret_answer = cJSON_CreateObject();
    (void)cJSON_AddArrayToObject(*ret_answer, "warnings");
    (void)cJSON_AddNumberToObject(*ret_answer, "count", (double)api->credentials.n);
    return 0;
}

const struct control_route aws_api_routes[] = {
    {EVHTTP_REQ_GET, "/v1/credentials", read_credentials, 0, false},
    {EVHTTP_REQ_POST, "/v1/credentials", add_credential, 0, false},
    {EVHTTP_REQ_PUT, "/v1/credentials", replace_credentials, MAX_FILE, false},
    {EVHTTP_REQ_DELETE, "/v1/credentials", remove_credential, 0, false},
    {0, NULL, NULL, 0, false},
};
