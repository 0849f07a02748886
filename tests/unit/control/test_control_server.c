/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is asked and what is answered, by a real server with routes of the test's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/keyvalq_struct.h>

#include "live_server.h"

/* Answers with what it was given: the body, the query's "q", the user pointer's text. */
static int echo(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    const char *q = evhttp_find_header(call->query, "q");

    (void)error;
    *ret_answer = cJSON_CreateObject();
    (void)cJSON_AddItemToObject(*ret_answer, "body", cJSON_Duplicate(call->body, true));
    (void)cJSON_AddStringToObject(*ret_answer, "user", user);
    if (q)
        (void)cJSON_AddStringToObject(*ret_answer, "q", q);
    return 0;
}

/* Fails as the body says: {"errno": N} with or without a "message", {"field": NAME}. */
static int refuse(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user)
{
    const char *message = NULL;
    const char *field = NULL;
    uint64_t number = 0;

    (void)ret_answer;
    (void)user;
    (void)json_get_integer(call->body, "errno", false, 0, 200, &number, NULL);
    (void)json_get_string(call->body, "message", false, &message, NULL);
    (void)json_get_string(call->body, "field", false, &field, NULL);
    if (field)
        return error_input(error, field, "70000", "a whole number from 0 to 65535");
    return message ? error_set(error, (int)number, "%s", message) : -(int)number;
}

static const struct control_route routes[] = {
    {EVHTTP_REQ_GET, "/v1/echo", echo, 0, false},      {EVHTTP_REQ_POST, "/v1/echo", echo, 0, false},
    {EVHTTP_REQ_PATCH, "/v1/echo", echo, 0, false},    {EVHTTP_REQ_DELETE, "/v1/echo", echo, 0, false},
    {EVHTTP_REQ_POST, "/v1/refuse", refuse, 0, false}, {0, NULL, NULL, 0, false},
};

/* Of another room: a path of its own, another method of one of the first, and one that it has too late. */
static const struct control_route more_routes[] = {
    {EVHTTP_REQ_GET, "/v1/more", echo, 0, false},
    {EVHTTP_REQ_PUT, "/v1/refuse", echo, 0, false},
    {EVHTTP_REQ_GET, "/v1/echo", refuse, 0, false},
    {0, NULL, NULL, 0, false},
};

static int setup(void **state)
{
    static const struct control_table tables[] = {{routes, (void *)"user", NULL},
                                                  {more_routes, (void *)"other", NULL}};

    (void)state;
    return server_start_tables(tables, ARRAY_SIZE(tables));
}

static int teardown(void **state)
{
    (void)state;
    return server_end();
}

static void expect_error(const char *method, const char *target, const char *body, int status,
                         const char *part)
{
    _cleanup_(answer_done) struct answer answer = {0};
    const cJSON *error;

    request(method, target, body, strlen(body), &answer);
    error = error_of(&answer, status);
    if (!strstr(text_of(error, "message"), part))
        fail_msg("%s is not in: %s", part, text_of(error, "message"));
}

static void test_ok(void **state)
{
    static const char *const methods[] = {"GET", "POST", "PATCH", "DELETE"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        _cleanup_(answer_done) struct answer answer = {0};

        request(methods[i], "/v1/echo?q=a%20b&r=1", "{\"a\":[1]}", 9, &answer);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.type, "application/json");
        assert_string_equal(answer.body, "{\"body\":{\"a\":[1]},\"user\":\"user\",\"q\":\"a b\"}");
    }
}

static void test_without_a_body(void **state)
{
    _cleanup_(answer_done) struct answer answer = {0};

    (void)state;
    request("GET", "/v1/echo", "", 0, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"body\":{},\"user\":\"user\"}");
}

static void test_bad_bodies(void **state)
{
    (void)state;
    expect_error("POST", "/v1/echo", "{", 400, "request body");
    expect_error("POST", "/v1/echo", "[]", 400, "object");
    expect_error("POST", "/v1/echo", "5", 400, "object");
    expect_error("POST", "/v1/echo", "{} {}", 400, "follows");
    expect_error("POST", "/v1/echo", "{\"a\":\"\\u0000\"}", 400, "NUL");
}

static void test_unknown_paths_and_methods(void **state)
{
    (void)state;
    expect_error("GET", "/v1/nothing", "", 404, "/v1/nothing");
    expect_error("GET", "/v1/echo/", "", 404, "/v1/echo/");
    expect_error("GET", "/", "", 404, "/");
    expect_error("POST", "/V1/echo", "{}", 404, "/V1/echo");
    expect_error("PUT", "/v1/echo", "{}", 405, "/v1/echo");
    expect_error("GET", "/v1/refuse", "", 405, "/v1/refuse");
}

static void expect_body(const char *method, const char *target, const char *wanted)
{
    _cleanup_(answer_done) struct answer answer = {0};

    request(method, target, "", 0, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, wanted);
}

/* Each with the user of its table; a path may have methods in several, and the first table goes before. */
static void test_tables_of_several_rooms(void **state)
{
    (void)state;
    expect_body("GET", "/v1/more", "{\"body\":{},\"user\":\"other\"}");
    expect_body("PUT", "/v1/refuse", "{\"body\":{},\"user\":\"other\"}");
    expect_body("GET", "/v1/echo", "{\"body\":{},\"user\":\"user\"}");
    expect_error("POST", "/v1/more", "{}", 405, "/v1/more");
}

static void test_too_many_tables(void **state)
{
    static const struct control_table tables[CONTROL_MAX_TABLES + 1];
    struct control_server *none = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(control_server_new(base, path, tables, ARRAY_SIZE(tables), &none, &error), -EINVAL);
    assert_null(none);
    assert_non_null(strstr(error.message, "9 tables"));
}

/* Methods that no request of the API has. */
static void test_foreign_methods(void **state)
{
    (void)state;
    expect_error("OPTIONS", "/v1/echo", "", 405, "");
    expect_error("OPTIONS", "*", "", 404, "");
    expect_error("TRACE", "/v1/echo", "", 405, "");
}

static void test_errors_become_statuses(void **state)
{
    static const struct {
        int number, status;
    } cases[] = {{EINVAL, 400}, {ENOENT, 404}, {EEXIST, 409}, {EBUSY, 409},
                 {ENOSPC, 507}, {E2BIG, 507},  {EIO, 500},    {ENOMEM, 500}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char body[64];

        (void)snprintf(body, sizeof(body), "{\"errno\":%d,\"message\":\"what went wrong\"}", cases[i].number);
        expect_error("POST", "/v1/refuse", body, cases[i].status, "what went wrong");
        /* A handler that filled nothing in: there is a sentence all the same. */
        (void)snprintf(body, sizeof(body), "{\"errno\":%d}", cases[i].number);
        expect_error("POST", "/v1/refuse", body, cases[i].status, strerror(cases[i].number));
    }
}

static void test_shape_of_an_input_error(void **state)
{
    _cleanup_(answer_done) struct answer answer = {0};
    const char body[] = "{\"field\":\"targets[0].weight\"}";
    const cJSON *error;

    (void)state;
    request("POST", "/v1/refuse", body, strlen(body), &answer);
    error = error_of(&answer, 400);
    assert_int_equal(cJSON_GetArraySize(error), 5);
    assert_string_equal(text_of(error, "code"), "InvalidValue");
    assert_string_equal(text_of(error, "field"), "targets[0].weight");
    assert_string_equal(text_of(error, "value"), "70000");
    assert_string_equal(text_of(error, "allowed"), "a whole number from 0 to 65535");
    assert_non_null(strstr(text_of(error, "message"), "targets[0].weight"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ok, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_a_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_bodies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_paths_and_methods, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tables_of_several_rooms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_methods, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_become_statuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shape_of_an_input_error, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
