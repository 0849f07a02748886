/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The key pairs' file, and the control API's requests about it, through the table that the room exports. */
#include "aws_lab.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws_api/aws_api.h"

struct keys {
    struct aws_lab lab;
    struct aws_api api;
    struct aws_api_settings settings;
    char directory[64];
    char path[128];
    struct error error;
};

static int start(struct keys *keys)
{
    return aws_api_start(&keys->api, keys->lab.engine, keys->lab.base, &keys->settings, &keys->error);
}

static int setup(void **state)
{
    struct keys *keys = calloc(1, sizeof(*keys));

    *state = keys;
    aws_lab_new(&keys->lab, 8);
    (void)snprintf(keys->directory, sizeof(keys->directory), "%s/svc-keys-XXXXXX", P_tmpdir);
    if (!mkdtemp(keys->directory))
        return -1;
    (void)snprintf(keys->path, sizeof(keys->path), "%s/aws-credentials.json", keys->directory);
    keys->settings = (struct aws_api_settings){.listen = "off", .state_dir = keys->directory};
    return start(keys);
}

static int teardown(void **state)
{
    struct keys *keys = *state;

    aws_api_done(&keys->api);
    aws_lab_done(&keys->lab);
    (void)unlink(keys->path);
    if (rmdir(keys->directory) < 0)
        return -1; /* something was left behind */
    free(keys);
    return 0;
}

#define KEYS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int request(struct keys *keys, enum evhttp_cmd_type method, const char *query_text, const char *body,
                   cJSON **ret_answer)
{
    _cleanup_json_ cJSON *json = json_from(body);
    struct evkeyvalq query;
    const struct control_call call = {.body = json, .query = &query};
    const struct control_route *route = aws_api_routes;
    int r;

    while (route->path && (route->method != method || strcmp(route->path, "/v1/credentials") != 0))
        route++;
    assert_non_null(route->path);
    assert_int_equal(evhttp_parse_query_str(query_text, &query), 0);
    keys->error = (struct error){0};
    r = route->handle(&call, ret_answer, &keys->error, &keys->api);
    evhttp_clear_headers(&query);
    return r;
}

static void expect_refused(struct keys *keys, enum evhttp_cmd_type method, const char *query,
                           const char *body, int r, const char *part)
{
    cJSON *answer = NULL;

    assert_int_equal(request(keys, method, query, body, &answer), r);
    assert_null(answer);
    if (!strstr(keys->error.message, part))
        fail_msg("%s is not in: %s", part, keys->error.message);
}

static const char *text_of(const cJSON *answer, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, name));

    return text ? text : "(none)";
}

static int count_listed(struct keys *keys)
{
    cJSON *answer = NULL;
    int n;

    assert_int_equal(request(keys, EVHTTP_REQ_GET, "", "{}", &answer), 0);
    n = cJSON_GetArraySize(cJSON_GetObjectItem(answer, "credentials"));
    cJSON_Delete(answer);
    return n;
}

static void restart(struct keys *keys)
{
    aws_api_done(&keys->api);
    assert_int_equal(start(keys), 0);
}

static void test_first_start(void **state)
{
    struct keys *keys = *state;
    struct stat info;
    char secret[AWS_SECRET_SIZE];

    assert_int_equal(stat(keys->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(keys->api.credentials.n, 1);
    assert_string_equal(keys->api.credentials.items[0].name, "default");
    (void)snprintf(secret, sizeof(secret), "%s", keys->api.credentials.items[0].secret);
    restart(keys);
    assert_int_equal(keys->api.credentials.n, 1);
    assert_string_equal(keys->api.credentials.items[0].secret, secret);
}

static void test_list_has_no_secrets(void **state)
{
    struct keys *keys = *state;
    cJSON *answer = NULL;
    char *text;

    assert_int_equal(request(keys, EVHTTP_REQ_GET, "", "{}", &answer), 0);
    text = cJSON_PrintUnformatted(answer);
    assert_null(strstr(text, keys->api.credentials.items[0].secret));
    assert_non_null(strstr(text, keys->api.credentials.items[0].access_key_id));
    assert_string_equal(text_of(answer, "endpoint"), ""); /* nobody listens */
    cJSON_free(text);
    cJSON_Delete(answer);
}

static void test_one_with_its_secret(void **state)
{
    struct keys *keys = *state;
    cJSON *answer = NULL;

    assert_int_equal(request(keys, EVHTTP_REQ_GET, "name=default", "{}", &answer), 0);
    assert_string_equal(text_of(answer, "secretAccessKey"), keys->api.credentials.items[0].secret);
    cJSON_Delete(answer);
    expect_refused(keys, EVHTTP_REQ_GET, "name=nobody", "{}", -ENOENT, "nobody");
}

static void test_add(void **state)
{
    struct keys *keys = *state;
    const struct aws_credential *added;
    cJSON *answer = NULL;

    assert_int_equal(
        request(keys, EVHTTP_REQ_POST, "", "{'name':'ci','readOnly':true,'namespace':'shop'}", &answer), 0);
    assert_string_equal(text_of(answer, "namespace"), "shop");
    added = aws_credentials_by_key(&keys->api.credentials, text_of(answer, "accessKeyId"));
    assert_non_null(added);
    assert_true(added->is_read_only);
    assert_string_equal(text_of(answer, "secretAccessKey"), added->secret);
    cJSON_Delete(answer);
    restart(keys);
    assert_int_equal(count_listed(keys), 2);
    assert_string_equal(aws_credentials_by_name(&keys->api.credentials, "ci")->namespace_name, "shop");
}

static void test_add_refused(void **state)
{
    struct keys *keys = *state;

    expect_refused(keys, EVHTTP_REQ_POST, "", "{}", -EINVAL, "name");
    expect_refused(keys, EVHTTP_REQ_POST, "", "{'name':'default'}", -EEXIST, "default");
    expect_refused(keys, EVHTTP_REQ_POST, "", "{'name':'x','colour':'red'}", -EINVAL, "colour");
    expect_refused(keys, EVHTTP_REQ_POST, "", "{'name':'x','readOnly':'yes'}", -EINVAL, "readOnly");
    assert_int_equal(count_listed(keys), 1);
}

static void test_remove(void **state)
{
    struct keys *keys = *state;
    cJSON *answer = NULL;

    expect_refused(keys, EVHTTP_REQ_DELETE, "", "{'name':'nobody'}", -ENOENT, "nobody");
    expect_refused(keys, EVHTTP_REQ_DELETE, "", "{}", -EINVAL, "name");
    assert_int_equal(request(keys, EVHTTP_REQ_DELETE, "", "{'name':'default'}", &answer), 0);
    cJSON_Delete(answer);
    assert_int_equal(count_listed(keys), 0);
    restart(keys);
    assert_int_equal(count_listed(keys), 0); /* the file is there: no default is made again */
}

/* A file that cannot be written leaves things as they were: what was not there does not come to be by it. */
static void test_file_that_cannot_be_written(void **state)
{
    struct keys *keys = *state;
    assert_int_equal(unlink(keys->path), 0);
    assert_int_equal(mkdir(keys->path, 0700), 0); /* no file takes its place */
    expect_refused(keys, EVHTTP_REQ_POST, "", "{'name':'ci'}", -EISDIR, "aws-credentials.json");
    expect_refused(keys, EVHTTP_REQ_DELETE, "", "{'name':'default'}", -EISDIR, "aws-credentials.json");
    expect_refused(keys, EVHTTP_REQ_PUT, "", "{'credentials':[]}", -EISDIR, "aws-credentials.json");
    assert_int_equal(count_listed(keys), 1);
    assert_int_equal(rmdir(keys->path), 0);
    restart(keys);
    assert_int_equal(count_listed(keys), 1);
}

/* All at once, as a backup has them. */
static void test_replace(void **state)
{
    struct keys *keys = *state;
    cJSON *answer = NULL;

    expect_refused(keys, EVHTTP_REQ_PUT, "", "{}", -EINVAL, "credentials");
    expect_refused(keys, EVHTTP_REQ_PUT, "", "{'credentials':[{'name':'x'}]}", -EINVAL, "accessKeyId");
    assert_int_equal(count_listed(keys), 1);
    assert_int_equal(
        request(keys, EVHTTP_REQ_PUT, "",
                "{'credentials':[{'name':'a','accessKeyId':'A','secretAccessKey':'s','readOnly':true},"
                "{'name':'b','accessKeyId':'B','secretAccessKey':'t','namespace':'shop'}]}",
                &answer),
        0);
    cJSON_Delete(answer);
    assert_null(aws_credentials_by_name(&keys->api.credentials, "default"));
    restart(keys);
    assert_int_equal(count_listed(keys), 2);
    assert_string_equal(aws_credentials_by_key(&keys->api.credentials, "B")->namespace_name, "shop");
}

static void test_file_that_is_broken(void **state)
{
    struct keys *keys = *state;
    FILE *file;

    aws_api_done(&keys->api);
    file = fopen(keys->path, "w");
    assert_non_null(file);
    (void)fputs("{\"credentials\": [", file);
    (void)fclose(file);
    assert_int_equal(start(keys), -EINVAL);
    assert_non_null(strstr(keys->error.message, "aws-credentials.json"));
    assert_null(keys->api.server);
}

/* ---- where it listens ---- */

static void test_endpoint(void **state)
{
    struct keys *keys = *state;
    cJSON *answer = NULL;

    aws_api_done(&keys->api);
    keys->settings.listen = "127.0.0.1:0";
    assert_int_equal(start(keys), -EINVAL); /* a port is wanted */
    aws_api_done(&keys->api);
    keys->settings.listen = "127.0.0.1:45990";
    if (start(keys) < 0)
        return; /* somebody else has the port */
    assert_int_equal(request(keys, EVHTTP_REQ_GET, "", "{}", &answer), 0);
    assert_string_equal(text_of(answer, "endpoint"), "http://127.0.0.1:45990");
    cJSON_Delete(answer);
}

static void test_everybodys_address_needs_a_key(void **state)
{
    struct keys *keys = *state;
    cJSON *answer = NULL;

    assert_int_equal(request(keys, EVHTTP_REQ_DELETE, "", "{'name':'default'}", &answer), 0);
    cJSON_Delete(answer);
    aws_api_done(&keys->api);
    keys->settings.listen = "0.0.0.0:45991";
    keys->error = (struct error){0};
    assert_int_equal(start(keys), -EINVAL);
    assert_non_null(strstr(keys->error.message, "awsListen"));
    assert_null(keys->api.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEYS_TEST(test_first_start),
        KEYS_TEST(test_list_has_no_secrets),
        KEYS_TEST(test_one_with_its_secret),
        KEYS_TEST(test_add),
        KEYS_TEST(test_add_refused),
        KEYS_TEST(test_remove),
        KEYS_TEST(test_file_that_cannot_be_written),
        KEYS_TEST(test_replace),
        KEYS_TEST(test_file_that_is_broken),
        KEYS_TEST(test_endpoint),
        KEYS_TEST(test_everybodys_address_needs_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
