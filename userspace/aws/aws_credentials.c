/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws/aws_credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/json.h"

#define KEY_ID_LETTERS 17
#define SECRET_LETTERS 40

void aws_credentials_done(struct aws_credentials *credentials)
{
    if (credentials->items)
        explicit_bzero(credentials->items, credentials->n * sizeof(*credentials->items));
    free(credentials->items);
    *credentials = (struct aws_credentials){0};
}

const struct aws_credential *aws_credentials_by_name(const struct aws_credentials *credentials,
                                                     const char *name)
{
    for (size_t i = 0; i < credentials->n; i++)
        if (strcmp(credentials->items[i].name, name) == 0)
            return &credentials->items[i];
    return NULL;
}

const struct aws_credential *aws_credentials_by_key(const struct aws_credentials *credentials,
                                                    const char *access_key_id)
{
    for (size_t i = 0; i < credentials->n; i++)
        if (strcmp(credentials->items[i].access_key_id, access_key_id) == 0)
            return &credentials->items[i];
    return NULL;
}

static int aws_credentials_append(struct aws_credentials *credentials,
                                  const struct aws_credential *credential)
{
    struct aws_credential *larger =
        realloc(credentials->items, (credentials->n + 1) * sizeof(*credentials->items));

    if (!larger)
        return -ENOMEM;
    credentials->items = larger;
    larger[credentials->n++] = *credential;
    return 0;
}

static int check_name(const char *name, struct error *error)
{
    size_t n = strlen(name);

    if (n < 1 || n >= AWS_CREDENTIAL_NAME_SIZE ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")])
        return error_input(error, "name", name, "1 to %d letters, digits, _ - and .",
                           AWS_CREDENTIAL_NAME_SIZE - 1);
    return 0;
}

/* ---- the file ---- */

static int copy_member(const cJSON *json, const char *name, char *to, size_t size, struct error *error)
{
    const char *text = NULL;
    int r = json_get_string(json, name, true, &text, error);

    if (r == 0 && (!*text || strlen(text) >= size))
        r = error_input(error, name, "(not shown)", "1 to %zu characters", size - 1);
    if (r == 0)
        strcpy(to, text);
    return r;
}

static int parse_one(const cJSON *json, struct aws_credential *ret, struct error *error)
{
    const char *namespace_name = "";
    int r = copy_member(json, "name", ret->name, sizeof(ret->name), error);

    if (r == 0)
        r = check_name(ret->name, error);
    if (r == 0)
        r = copy_member(json, "accessKeyId", ret->access_key_id, sizeof(ret->access_key_id), error);
    if (r == 0)
        r = copy_member(json, "secretAccessKey", ret->secret, sizeof(ret->secret), error);
    if (r == 0)
        r = json_get_bool(json, "readOnly", false, &ret->is_read_only, error);
    if (r == 0)
        r = json_get_string(json, "namespace", false, &namespace_name, error);
    if (r == 0 && *namespace_name)
        r = model_check_namespace("namespace", namespace_name, error);
    if (r == 0)
        strcpy(ret->namespace_name, namespace_name);
    return r;
}

int aws_credentials_parse(const char *what, const char *text, size_t length, struct aws_credentials *ret,
                          struct error *error)
{
    _cleanup_(aws_credentials_done) struct aws_credentials credentials = {0};
    _cleanup_json_ cJSON *json = NULL;
    const cJSON *list;
    const cJSON *item;
    int r = json_parse(what, text, length, &json, error);

    if (r < 0)
        return r;
    list = cJSON_GetObjectItemCaseSensitive(json, "credentials");
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > AWS_CREDENTIALS_MAX)
        return error_input(error, "credentials", "(no such list)", "a list of at most %d key pairs",
                           AWS_CREDENTIALS_MAX);
    cJSON_ArrayForEach (item, list) {
        struct aws_credential credential = {0};

        r = parse_one(item, &credential, error);
        if (r == 0 && (aws_credentials_by_name(&credentials, credential.name) ||
                       aws_credentials_by_key(&credentials, credential.access_key_id)))
            r = error_input(error, "name", credential.name, "each name and key once");
        if (r == 0)
            r = aws_credentials_append(&credentials, &credential);
        explicit_bzero(&credential, sizeof(credential));
        if (r < 0)
            return r;
    }
    *ret = credentials;
    credentials = (struct aws_credentials){0};
    return 0;
}

char *aws_credentials_print(const struct aws_credentials *credentials)
{
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(json, "credentials");

    for (size_t i = 0; i < credentials->n; i++) {
        const struct aws_credential *credential = &credentials->items[i];
        cJSON *item = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(item, "name", credential->name);
        (void)cJSON_AddStringToObject(item, "accessKeyId", credential->access_key_id);
        (void)cJSON_AddStringToObject(item, "secretAccessKey", credential->secret);
        (void)cJSON_AddBoolToObject(item, "readOnly", credential->is_read_only);
        if (credential->namespace_name[0])
            (void)cJSON_AddStringToObject(item, "namespace", credential->namespace_name);
        (void)cJSON_AddItemToArray(list, item);
    }
    return cJSON_Print(json);
}

/* ---- new ones ---- */

/* `n` letters of the alphabet, whose length divides 256 or is near to it: the rest is drawn again. */
static int aws_credentials_draw(const char *alphabet, size_t n, char *to)
{
    size_t letters = strlen(alphabet);

    for (size_t i = 0; i < n;) {
        unsigned char byte;

        if (getrandom(&byte, 1, 0) != 1)
            return -EIO;
        if (byte < 256 / letters * letters)
            to[i++] = alphabet[byte % letters];
    }
    to[n] = '\0';
    return 0;
}

int aws_credentials_add(struct aws_credentials *credentials, const char *name, bool is_read_only,
                        const char *namespace_name, struct error *error)
{
    struct aws_credential credential = {.is_read_only = is_read_only};
    int r = check_name(name, error);

    if (r == 0 && namespace_name)
        r = model_check_namespace("namespace", namespace_name, error);
    if (r < 0)
        return r;
    if (aws_credentials_by_name(credentials, name)) {
        (void)error_refused(error, EEXIST, "name", name, "a name that no key pair has yet");
        return -EEXIST;
    }
    if (credentials->n >= AWS_CREDENTIALS_MAX)
        return error_set(error, ENOSPC, "at most %d key pairs", AWS_CREDENTIALS_MAX);
    strcpy(credential.name, name);
    strcpy(credential.namespace_name, namespace_name ? namespace_name : "");
    strcpy(credential.access_key_id, "SVC");
    r = aws_credentials_draw("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", KEY_ID_LETTERS,
                             credential.access_key_id + 3);
    if (r == 0)
        r = aws_credentials_draw("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
                                 SECRET_LETTERS, credential.secret);
    if (r == 0)
        r = aws_credentials_append(credentials, &credential);
    explicit_bzero(&credential, sizeof(credential));
    return r < 0 ? error_errno(error, r, "making a key pair") : 0;
}

int aws_credentials_remove(struct aws_credentials *credentials, const char *name, struct error *error)
{
    const struct aws_credential *found = aws_credentials_by_name(credentials, name);
    size_t i;

    if (!found) {
        (void)error_refused(error, ENOENT, "name", name,
                            "the name of a key pair (svcconnect credentials list)");
        return -ENOENT;
    }
    i = (size_t)(found - credentials->items);
    memmove(&credentials->items[i], &credentials->items[i + 1],
            (credentials->n - i - 1) * sizeof(*credentials->items));
    credentials->n--;
    explicit_bzero(&credentials->items[credentials->n], sizeof(*credentials->items));
    return 0;
}
