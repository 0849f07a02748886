/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Changes and reads by the control socket, on a whole engine: when they are answered, and what they see. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"
#include "tasks/task_list.h"
#include "unit/house.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* Somebody at the other end, who never blocks. */
struct asker {
    int fd;
    char text[65536]; /* what came, ending in NUL */
    size_t length;
};

struct lab {
    struct house house;
    struct api api;
    struct control_server *server;
    struct sockaddr_un address;
    char directory[64];
    bool is_going_on;
};

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    const struct control_table table = {api_requests, &lab->api, &api_gate};
    struct error error = {0};

    assert_non_null(lab);
    *state = lab;
    (void)signal(SIGPIPE, SIG_IGN);
    house_make(&lab->house);
    house_begin(&lab->house);
    lab->api.engine = lab->house.engine;
    lab->api.datapath = lab->house.datapath;
    (void)snprintf(lab->directory, sizeof(lab->directory), "%s/svc-api-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(lab->directory));
    lab->address.sun_family = AF_UNIX;
    (void)snprintf(lab->address.sun_path, sizeof(lab->address.sun_path), "%s/api.sock", lab->directory);
    return control_server_new(lab->house.base, lab->address.sun_path, &table, 1, &lab->server, &error);
}

static int teardown(void **state)
{
    struct lab *lab = *state;
    int r;

    lab->is_going_on = false;
    house_stop(&lab->house);
    control_server_free(&lab->server);
    house_end(&lab->house);
    r = rmdir(lab->directory);
    free(lab);
    return r;
}

static struct asker *ask(struct lab *lab, const char *text)
{
    struct asker *asker = calloc(1, sizeof(*asker));

    assert_non_null(asker);
    asker->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(asker->fd, (const struct sockaddr *)&lab->address, sizeof(lab->address)), 0);
    assert_int_equal(fcntl(asker->fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(send(asker->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    return asker;
}

static void leave(struct asker *asker)
{
    (void)close(asker->fd);
    free(asker);
}

static bool has_answer(struct asker *asker)
{
    ssize_t n = recv(asker->fd, asker->text + asker->length, sizeof(asker->text) - 1 - asker->length, 0);

    if (n > 0)
        asker->length += (size_t)n;
    return asker->length > 0;
}

static bool hears(struct asker *asker, const char *part)
{
    (void)has_answer(asker);
    return strstr(asker->text, part);
}

static struct asker *post(struct lab *lab, const char *path, const char *body)
{
    char text[1024];

    (void)snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s", path,
                   strlen(body), body);
    return ask(lab, text);
}

static void turn(struct lab *lab)
{
    (void)event_base_loop(lab->house.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* The disk is slow: what is begun stays under way until the registry is turned. */
static void some_turns(struct lab *lab)
{
    for (unsigned i = 0; i < 50; i++)
        turn(lab);
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
#define REGISTRY_TURN_UNTIL(condition) TURN_UNTIL((fake_registry_turn(lab->house.registry), condition))

static void check_services(struct lab *lab, bool is_there)
{
    struct asker *client = ask(lab, GET("/v1/services"));

    TURN_UNTIL(hears(client, "\"services\":"));
    assert_int_equal(hears(client, "\"name\":\"web\""), is_there);
    leave(client);
}

static void test_a_change_is_answered_when_it_is_durable(void **state)
{
    struct lab *lab = *state;
    const struct fake_step step = {FAKE_WRITTEN, 1000};
    struct asker *client;

    fake_registry_plan(lab->house.registry, &step, 1);
    client = post(lab, "/v1/instances", "{\"service\":\"web\",\"address\":\"10.0.0.1:80\"}");
    some_turns(lab);
    assert_false(has_answer(client));
    check_services(lab, false); /* who reads does not wait for the disk, and sees what is on it */
    REGISTRY_TURN_UNTIL(hears(client, "\"revision\":1"));
    assert_true(hears(client, "200 OK"));
    check_services(lab, true);
    leave(client);
}

static int go_on(struct transaction *transaction, void *user, struct error *error)
{
    struct lab *lab = user;
    struct registry_row row = {
        .key = strdup("services/default/web"),
        .value = strdup("{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}]}")};

    (void)event_base_loopbreak(lab->house.base);
    if (transaction_is_new_run(transaction))
        assert_int_equal(transaction_put(transaction, row, error), 0);
    else
        row_done(&row);
    return lab->is_going_on ? JOB_GO_ON : JOB_TAKE_BACK;
}

static void test_reads_wait_while_rows_are_put(void **state)
{
    static const char *const paths[] = {GET("/v1/services"),  GET("/v1/aliases"),   GET("/v1/routes"),
                                        GET("/v1/documents"), GET("/v1/canaries"),  GET("/v1/hosts"),
                                        GET("/v1/settings"),  GET("/v1/endpoints"), GET("/v1/tasks")};
    struct lab *lab = *state;
    const struct job job = {.run = go_on, .user = lab};
    struct asker *clients[ARRAY_SIZE(paths)];
    struct tasks tasks = {0};

    lab->api.tasks = &tasks;
    lab->is_going_on = true;
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    TURN_UNTIL(!engine_is_steady(lab->house.engine));
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        clients[i] = ask(lab, paths[i]);
    some_turns(lab);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        if (has_answer(clients[i]))
            fail_msg("did not wait: %s", paths[i]);
    lab->is_going_on = false;
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        TURN_UNTIL(hears(clients[i], "200 OK"));
        assert_false(hears(clients[i], "\"web\""));
        leave(clients[i]);
    }
}

static void test_a_batch_is_refused_as_a_whole(void **state)
{
    struct lab *lab = *state;
    struct asker *client =
        post(lab, "/v1/batch",
             "{\"changes\":[{\"op\":\"register\",\"service\":\"web\",\"address\":\"10.0.0.1:80\"},"
             "{\"op\":\"register\",\"service\":\"web\",\"address\":\"nonsense\"}]}");
    uint64_t writes = datapath_writes(lab->house.datapath);

    TURN_UNTIL(hears(client, "400 Bad Request"));
    assert_true(hears(client, "\"field\":\"changes[1].address\""));
    check_services(lab, false);
    assert_int_equal(datapath_writes(lab->house.datapath), writes);
    leave(client);
}

static void test_the_disk_is_full(void **state)
{
    struct lab *lab = *state;
    const struct fake_step step = {FAKE_DISK_FULL, 1};
    struct asker *client;

    fake_registry_plan(lab->house.registry, &step, 1);
    client = post(lab, "/v1/instances", "{\"service\":\"web\",\"address\":\"10.0.0.1:80\"}");
    REGISTRY_TURN_UNTIL(hears(client, "507 Insufficient Storage"));
    check_services(lab, false);
    leave(client);
    client = post(lab, "/v1/instances", "{\"service\":\"web\",\"address\":\"10.0.0.1:80\"}");
    REGISTRY_TURN_UNTIL(hears(client, "200 OK"));
    check_services(lab, true);
    leave(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_change_is_answered_when_it_is_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads_wait_while_rows_are_put, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_batch_is_refused_as_a_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_disk_is_full, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
