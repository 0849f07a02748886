/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The file of key pairs, and what the control API does with them. Whoever may use the control socket may see
 * secrets: there is nothing he could not do without. */
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
#include "daemon/daemon.h"

#define MAX_FILE (4u << 20)

static int write_whole(int fd, const char *text)
{
    size_t length = strlen(text);

    while (length > 0) {
        ssize_t n = write(fd, text, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text += n;
        length -= (size_t)n;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

static int sync_directory(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* A new file in the place of the old one: at no moment is there half a file. */
static int save(const struct daemon *daemon, const struct aws_credentials *credentials, struct error *error)
{
    _cleanup_free_ char *text = aws_credentials_print(credentials);
    _cleanup_free_ char *temporary = NULL;
    _cleanup_close_ int fd = -1;
    int r = 0;

    if (!text || asprintf(&temporary, "%s.new", daemon->aws.path) < 0)
        return error_errno(error, ENOMEM, "%s", daemon->aws.path);
    (void)unlink(temporary);
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        r = -errno;
    if (r == 0)
        r = write_whole(fd, text);
    if (r == 0 && rename(temporary, daemon->aws.path) < 0)
        r = -errno;
    if (r == 0)
        r = sync_directory(daemon->config.state_dir);
    explicit_bzero(text, strlen(text));
    return r < 0 ? error_errno(error, r, "%s", daemon->aws.path) : 0;
}

int aws_keys_load(struct daemon *daemon, struct error *error)
{
    _cleanup_free_ char *text = NULL;
    size_t length = 0;
    int r;

    if (asprintf(&daemon->aws.path, "%s/aws-credentials.json", daemon->config.state_dir) < 0) {
        daemon->aws.path = NULL;
        return error_errno(error, ENOMEM, "starting");
    }
    r = file_read(daemon->aws.path, MAX_FILE, &text, &length);
    if (r == 0) {
        r = aws_credentials_parse(daemon->aws.path, text, length, &daemon->aws.credentials, error);
        explicit_bzero(text, length);
        return r;
    }
    if (r != -ENOENT)
        return error_errno(error, r, "%s", daemon->aws.path);
    r = aws_credentials_add(&daemon->aws.credentials, AWS_DEFAULT_CREDENTIAL, false, NULL, error);
    return r < 0 ? r : save(daemon, &daemon->aws.credentials, error);
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
static void add_endpoint(const struct daemon *daemon, cJSON *answer)
{
    const char *listen = daemon->config.aws_listen;
    char text[128] = "";

    if (daemon->aws.server && strncmp(listen, "0.0.0.0:", 8) == 0)
        (void)snprintf(text, sizeof(text), "http://127.0.0.1:%s", listen + 8);
    else if (daemon->aws.server && strncmp(listen, "[::]:", 5) == 0)
        (void)snprintf(text, sizeof(text), "http://[::1]:%s", listen + 5);
    else if (daemon->aws.server)
        (void)snprintf(text, sizeof(text), "http://%.100s", listen);
    (void)cJSON_AddStringToObject(answer, "endpoint", text);
}

static int no_credential(struct error *error, const char *name)
{
    (void)error_input(error, "name", name, "the name of a key pair (svcconnect credentials list)");
    error->number = ENOENT;
    return -ENOENT;
}

int read_credentials(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    struct daemon *daemon = user;
    const struct aws_credentials *credentials = &daemon->aws.credentials;
    const char *name = evhttp_find_header(call->query, "name");
    const struct aws_credential *one = name ? aws_credentials_by_name(credentials, name) : NULL;
    cJSON *answer;
    cJSON *list;

    if (name && !one)
        return no_credential(error, name);
    answer = one ? credential_object(one, true) : cJSON_CreateObject();
    add_endpoint(daemon, answer);
    if (!one) {
        list = cJSON_AddArrayToObject(answer, "credentials");
        for (size_t i = 0; i < credentials->n; i++)
            (void)cJSON_AddItemToArray(list, credential_object(&credentials->items[i], false));
    }
    *ret_answer = answer;
    return 0;
}

int handle_add_credential(const struct control_call *call, cJSON **ret_answer, struct error *error,
                          void *user)
{
    static const char *const known[] = {"name", "readOnly", "namespace", NULL};
    struct daemon *daemon = user;
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
    if (r == 0)
        r = aws_credentials_add(&daemon->aws.credentials, name, is_read_only, namespace_name, error);
    if (r < 0)
        return r;
    r = save(daemon, &daemon->aws.credentials, error);
    if (r < 0) {
        (void)aws_credentials_remove(&daemon->aws.credentials, name, NULL);
        return r;
    }
    *ret_answer = credential_object(aws_credentials_by_name(&daemon->aws.credentials, name), true);
    add_endpoint(daemon, *ret_answer);
    log_info("AWS API: new key pair %s%s%s%s", name, is_read_only ? ", read-only" : "",
             namespace_name ? ", for namespace " : "", namespace_name ? namespace_name : "");
    return 0;
}

/* The file goes first: a key that is said to be gone does not come back. */
int handle_remove_credential(const struct control_call *call, cJSON **ret_answer, struct error *error,
                             void *user)
{
    static const char *const known[] = {"name", NULL};
    struct daemon *daemon = user;
    _cleanup_(aws_credentials_done) struct aws_credentials left = {0};
    struct aws_credentials *now = &daemon->aws.credentials;
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
        r = save(daemon, &left, error);
    if (r < 0)
        return r;
    (void)aws_credentials_remove(now, name, error);
    log_info("AWS API: key pair %s is gone", name);
    *ret_answer = cJSON_CreateObject();
    (void)cJSON_AddArrayToObject(*ret_answer, "warnings");
    return 0;
}
