/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Long lists by the control socket: readers that are slow, that leave, and others meanwhile. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUSE_ENDPOINTS 6000

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lists_lab.h"
#include "tasks/task_list.h"

#define INSTANCES 5000
#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

struct socket_lab {
    struct lists_lab lists;
    struct tasks tasks;
    struct control_server *server;
    struct sockaddr_un address;
    char directory[64];
};

/* Somebody at the other end, who never blocks. */
struct asker {
    int fd;
    char *text; /* what came, ending in NUL */
    size_t length, room;
};

static int setup(void **state)
{
    struct socket_lab *lab = calloc(1, sizeof(*lab));
    const struct control_table table = {api_requests, &lab->lists.api, &api_gate};
    struct error error = {0};

    assert_non_null(lab);
    *state = lab;
    (void)signal(SIGPIPE, SIG_IGN);
    lab_begin(&lab->lists, INSTANCES);
    lab->lists.api.tasks = &lab->tasks;
    (void)snprintf(lab->directory, sizeof(lab->directory), "%s/svc-lists-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(lab->directory));
    lab->address.sun_family = AF_UNIX;
    (void)snprintf(lab->address.sun_path, sizeof(lab->address.sun_path), "%s/api.sock", lab->directory);
    return control_server_new(lab->lists.house.base, lab->address.sun_path, &table, 1, &lab->server, &error);
}

static int teardown(void **state)
{
    struct socket_lab *lab = *state;
    int r;

    house_stop(&lab->lists.house);
    control_server_free(&lab->server);
    lab_end(&lab->lists);
    r = rmdir(lab->directory);
    free(lab);
    return r;
}

static struct asker ask(const struct socket_lab *lab, const char *text)
{
    struct asker asker = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    assert_int_equal(connect(asker.fd, (const struct sockaddr *)&lab->address, sizeof(lab->address)), 0);
    assert_int_equal(fcntl(asker.fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(send(asker.fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    return asker;
}

static void leave(struct asker *asker)
{
    (void)close(asker->fd);
    free(asker->text);
}

/* Takes at most so many bytes of what is there. Returns whether anything has come so far. */
static bool take(struct asker *asker, size_t most)
{
    ssize_t n = 1;

    while (n > 0 && most > 0) {
        if (asker->room - asker->length < 65537) {
            asker->room = asker->room * 2 + 131072;
            asker->text = realloc(asker->text, asker->room);
            assert_non_null(asker->text);
        }
        n = recv(asker->fd, asker->text + asker->length, most < 65536 ? most : 65536, 0);
        asker->length += n > 0 ? (size_t)n : 0;
        most -= n > 0 ? (size_t)n : 0;
        asker->text[asker->length] = '\0';
    }
    return asker->length > 0;
}

static bool hears(struct asker *asker, const char *part)
{
    return take(asker, SIZE_MAX) && strstr(asker->text, part);
}

static bool ends_with(const struct asker *asker, const char *end)
{
    size_t length = strlen(end);

    return asker->length > length && memcmp(asker->text + asker->length - length, end, length) == 0;
}

static bool is_whole(struct asker *asker)
{
    return take(asker, SIZE_MAX) && ends_with(asker, "\r\n0\r\n\r\n");
}

/* The chunks as one, in their place. */
static cJSON *body_of(struct asker *asker)
{
    char *from = strstr(asker->text, "\r\n\r\n") + 4;
    char *to = from, *body = from;
    size_t n;

    while ((n = strtoul(from, &from, 16)) > 0) {
        (void)memmove(to, from + 2, n);
        to += n;
        from += n + 4;
    }
    return cJSON_ParseWithLength(body, (size_t)(to - body));
}

static void turn(struct socket_lab *lab)
{
    (void)event_base_loop(lab->lists.house.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* Turns until it is so; what takes this long does not come any more. */
#define TURN_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        uint64_t since_ms = clock_monotonic_ms();                                                            \
                                                                                                             \
        while (!(condition)) {                                                                               \
            turn(lab);                                                                                       \
            if (clock_monotonic_ms() - since_ms > HOUSE_PATIENCE_MS)                                         \
                fail_msg("never came true: %s", #condition);                                                 \
        }                                                                                                    \
    } while (0)

static void some_turns(struct socket_lab *lab)
{
    for (unsigned i = 0; i < 200; i++)
        turn(lab);
}

/* What it has not taken has not been read either: an instance that goes meanwhile is not in the rest. */
static void test_a_slow_reader(void **state)
{
    struct socket_lab *lab = *state;
    struct asker slow = ask(lab, GET("/v1/endpoints"));
    _cleanup_json_ cJSON *answer = NULL;

    TURN_UNTIL(take(&slow, 1000));
    some_turns(lab);
    for (unsigned i = 0; i < 5; i++) {
        struct asker other = ask(lab, GET("/v1/endpoints?namespace=none"));

        TURN_UNTIL(is_whole(&other));
        assert_true(hears(&other, "{\"endpoints\":[],"));
        leave(&other);
    }
    house_put(&lab->lists.house, "instances/ns/s9/i04999", NULL);
    TURN_UNTIL((take(&slow, 10000), ends_with(&slow, "0\r\n\r\n")));
    answer = body_of(&slow);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(answer, "endpoints")),
                     INSTANCES - 1);
    assert_false(lab_is_consistent(answer));
    leave(&slow);
}

/* Its stream ends with it: there is room for one, and another gets it. */
static void test_a_reader_that_leaves_in_the_middle(void **state)
{
    struct socket_lab *lab = *state;
    struct asker first, second;
    _cleanup_json_ cJSON *answer = NULL;

    assert_int_equal(control_server_limit(lab->server, &(struct control_limits){.streams = 1}), 0);
    first = ask(lab, GET("/v1/endpoints"));
    TURN_UNTIL(take(&first, 100000));
    second = ask(lab, GET("/metrics"));
    TURN_UNTIL(hears(&second, "HTTP/1.1 503 "));
    leave(&first);
    leave(&second);
    some_turns(lab);
    second = ask(lab, GET("/v1/endpoints?namespace=ns"));
    TURN_UNTIL(is_whole(&second));
    answer = body_of(&second);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(answer, "endpoints")), INSTANCES);
    assert_true(lab_is_consistent(answer));
    leave(&second);
}

/* The server, or all of it, ends while lists are being written, also ones that wait for the catalog. */
static void test_the_end_while_one_is_written(void **state)
{
    struct socket_lab *lab = *state;
    struct asker askers[3];

    askers[0] = ask(lab, GET("/v1/endpoints"));
    askers[1] = ask(lab, GET("/v1/aliases"));
    askers[2] = ask(lab, GET("/metrics"));
    for (unsigned i = 0; i < 3; i++)
        TURN_UNTIL(take(&askers[i], 1000));
    for (unsigned i = 0; i < 3; i++)
        leave(&askers[i]);
}

static void test_all_by_the_socket(void **state)
{
    static const char *const requests[] = {GET("/v1/services"), GET("/v1/endpoints"), GET("/v1/aliases"),
                                           GET("/v1/routes")};
    struct socket_lab *lab = *state;
    struct asker asker;

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        _cleanup_json_ cJSON *answer = NULL;

        asker = ask(lab, requests[i]);
        TURN_UNTIL(is_whole(&asker));
        answer = body_of(&asker);
        assert_true(lab_is_consistent(answer));
        assert_non_null(strstr(asker.text, "Content-Type: application/json\r\n"));
        leave(&asker);
    }
    asker = ask(lab, GET("/metrics"));
    TURN_UNTIL(is_whole(&asker));
    assert_non_null(strstr(asker.text, "Content-Type: " CONTROL_TEXT "\r\n"));
    leave(&asker);
}

/* ---- among changes ---- */

struct changes {
    struct house *house;
    unsigned begun;
    bool is_over;
};

static void submit_change(struct changes *changes);

static int run_change(struct transaction *transaction, void *user, struct error *error)
{
    struct changes *changes = user;
    char value[256];
    struct registry_row row = {.key = strdup("instances/ns/s0/busy")};

    (void)snprintf(value, sizeof(value), LAB_INSTANCE, 99u, changes->begun % 250 + 1);
    row.value = strdup(value);
    return transaction_put(transaction, row, error);
}

static void change_done(int result, uint64_t revision, const struct error *error, void *user)
{
    struct changes *changes = user;

    (void)revision;
    (void)error;
    assert_int_equal(result, 0);
    if (!changes->is_over)
        submit_change(changes);
}

static void submit_change(struct changes *changes)
{
    const struct job job = {.run = run_change, .done = change_done, .user = changes};

    changes->begun++;
    assert_int_equal(engine_submit(changes->house->engine, &job), 0);
}

/* One change after the other, for as long as it takes: a list does not wait until there is none. */
static void test_a_list_among_changes(void **state)
{
    struct socket_lab *lab = *state;
    struct changes changes = {.house = &lab->lists.house};
    struct asker asker;
    _cleanup_json_ cJSON *answer = NULL;

    submit_change(&changes);
    asker = ask(lab, GET("/v1/endpoints"));
    TURN_UNTIL(((void)fake_registry_turn(lab->lists.house.registry), is_whole(&asker)));
    assert_true(changes.begun > 10);
    answer = body_of(&asker);
    assert_in_range(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(answer, "endpoints")), INSTANCES,
                    INSTANCES + 1);
    assert_false(lab_is_consistent(answer));
    changes.is_over = true;
    engine_settle(lab->lists.house.engine);
    leave(&asker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reader_that_leaves_in_the_middle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end_while_one_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_by_the_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_list_among_changes, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
