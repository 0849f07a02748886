/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The whole API as the daemon serves it: an engine on a registry that can be told to misbehave, every room
 * that a request may ask, and a control server on a real socket with clients who never block. Bodies are
 * written with ' for ". Included after cmocka.h.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"
#include "apply/services_dir.h"
#include "apply/worker.h"
#include "base/json.h"
#include "base/mounts.h"
#include "canaries/canaries.h"
#include "dns/dns.h"
#include "externals/externals.h"
#include "tasks/task_list.h"
#include "unit/house.h"
#include "unit/registry/catalog_text.h"
#include "upkeep/drains.h"
#include "upkeep/outliers.h"
#include "upkeep/probes.h"

#define NOBODY "127.0.0.1:1" /* answers no question for a host name */

struct lab {
    struct house house;
    struct canaries canaries;
    struct externals externals;
    struct probes probes;
    struct outliers outliers;
    struct drains drains;
    struct tasks tasks;
    struct dns dns;
    struct services_dir services_dir;
    struct worker *worker;
    struct api api;
    struct control_server *server;
    struct sockaddr_un address;
    struct event *grace;
    char directory[64];
    char *cgroup_root; /* NULL: no cgroup v2 hierarchy is mounted here */
    bool is_going_on;  /* of lab_hold() */
};

/* ---- made and ended as daemon/rooms.c does ---- */

static inline void lab_make_rooms(struct lab *lab)
{
    static const struct exec_policy no_commands;
    static const struct external_settings external = {.servers = NOBODY, .min_ttl_s = 1, .max_ttl_s = 60};
    struct house *house = &lab->house;
    const struct socket_looks looks = {
        .base = house->base, .directories = tasks_directories, .user = &lab->tasks};
    const struct {
        const struct engine_follower *functions;
        void *user;
    } followers[] = {
        {&canaries_follower, &lab->canaries}, {&externals_follower, &lab->externals},
        {&probes_follower, &lab->probes},     {&outliers_follower, &lab->outliers},
        {&drains_follower, &lab->drains},     {&tasks_follower, &lab->tasks},
        {&dns_follower, &lab->dns},
    };
    struct error error = {0};

    canaries_init(&lab->canaries, house->engine, &house->events);
    externals_init(&lab->externals, house->engine, &house->events, &external);
    drains_init(&lab->drains, house->engine, &house->events, &looks, externals_drop_address, &lab->externals);
    assert_int_equal(probes_init(&lab->probes, house->base, house->engine, &lab->outliers, &no_commands,
                                 &house->events, &error),
                     0);
    assert_int_equal(outliers_init(&lab->outliers, house->engine, HOUSE_ENDPOINTS), 0);
    lab->outliers.datapath = house->datapath;
    for (size_t i = 0; i < ARRAY_SIZE(followers); i++)
        assert_int_equal(engine_follow(house->engine, followers[i].functions, followers[i].user), 0);
    tasks_init(&lab->tasks, &(struct tasks_settings){.engine = house->engine,
                                                     .datapath = house->datapath,
                                                     .events = &house->events,
                                                     .cgroup_root = lab->api.settings.cgroup_root,
                                                     .hosts_dir = lab->directory,
                                                     .max_tasks = 4});
    dns_init(&lab->dns, &(struct dns_settings){.base = house->base,
                                               .engine = house->engine,
                                               .datapath = house->datapath,
                                               .cgroup_root = lab->api.settings.cgroup_root,
                                               .max_tasks = 4});
    tasks_observe(&lab->tasks, &dns_observer, &lab->dns);
    lab->services_dir.engine = house->engine;
    lab->api.engine = house->engine;
    lab->api.datapath = house->datapath;
}

static inline void lab_end_rooms(struct lab *lab)
{
    event_free(lab->grace);
    dns_done(&lab->dns);
    externals_done(&lab->externals);
    drains_done(&lab->drains);
    probes_done(&lab->probes);
    canaries_done(&lab->canaries);
    outliers_done(&lab->outliers);
    tasks_done(&lab->tasks);
}

/* Everything but the start of the engine and the socket. */
static inline struct lab *lab_make(void)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_non_null(lab);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(lab->directory, sizeof(lab->directory), "%s/svc-api-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(lab->directory));
    (void)mounts_find_cgroup2(&lab->cgroup_root);
    house_make(&lab->house);
    lab->api = (struct api){
        .settings = {.registry = "fake",
                     .state_dir = "/state",
                     .run_dir = "/run",
                     .bpffs = "/bpf",
                     .cgroup_root = lab->cgroup_root ? lab->cgroup_root : lab->directory,
                     .alias_range_text = "127.255.0.0/16",
                     .alias_range6_text = "fd7f:ff53:7663::/112",
                     .alias_range = house_alias_range(),
                     .max_aliases = 512,
                     .max_slots = 1024,
                     .max_endpoints = HOUSE_ENDPOINTS,
                     .max_tasks = 4},
        .outliers = &lab->outliers,
        .probes = &lab->probes,
        .drains = &lab->drains,
        .externals = &lab->externals,
        .dns = &lab->dns,
        .tasks = &lab->tasks,
        .events = &lab->house.events,
        .services_dir = &lab->services_dir,
    };
    assert_int_equal(worker_new(lab->house.base, &lab->worker), 0);
    lab->api.documents_worker = lab->services_dir.worker = lab->worker;
    lab_make_rooms(lab);
    return lab;
}

static inline void lab_listen(struct lab *lab)
{
    const struct control_table table = {api_requests, &lab->api, &api_gate};
    struct error error = {0};

    lab->address.sun_family = AF_UNIX;
    (void)snprintf(lab->address.sun_path, sizeof(lab->address.sun_path), "%s/api.sock", lab->directory);
    assert_int_equal(
        control_server_new(lab->house.base, lab->address.sun_path, &table, 1, &lab->server, &error), 0);
}

static inline void lab_on_grace(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    engine_end_grace(((struct lab *)user)->house.engine);
}

/* What follows the engine's start in the daemon. */
static inline void lab_begin_rooms(struct lab *lab)
{
    struct error error = {0};

    lab->grace = event_new(lab->house.base, datapath_grace_fd(lab->house.datapath), EV_READ | EV_PERSIST,
                           lab_on_grace, lab);
    assert_non_null(lab->grace);
    assert_int_equal(event_add(lab->grace, NULL), 0);
    assert_int_equal(externals_begin(&lab->externals, lab->house.base, &error), 0);
}

static inline int lab_setup(void **state)
{
    struct lab *lab = lab_make();

    *state = lab;
    house_begin(&lab->house);
    lab_begin_rooms(lab);
    lab_listen(lab);
    return 0;
}

static inline int lab_teardown(void **state)
{
    struct lab *lab = *state;
    int r;

    lab->is_going_on = false;
    worker_stop(lab->worker);
    house_stop(&lab->house);
    control_server_free(&lab->server);
    services_dir_done(&lab->services_dir);
    lab_end_rooms(lab);
    worker_free(&lab->worker);
    house_end(&lab->house);
    r = rmdir(lab->directory);
    free(lab->cgroup_root);
    free(lab);
    return r;
}

#define LAB_TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

/* ---- the loop ---- */

static inline void lab_turn(struct lab *lab)
{
    (void)event_base_loop(lab->house.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* The disk is slow: what is begun stays under way until the registry is turned. */
static inline void lab_some_turns(struct lab *lab)
{
    for (unsigned i = 0; i < 50; i++)
        lab_turn(lab);
}

/* Turns until it is so; what takes this long does not come any more. */
#define TURN_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        uint64_t since_ms = clock_monotonic_ms();                                                            \
                                                                                                             \
        while (!(condition)) {                                                                               \
            lab_turn(lab);                                                                                   \
            if (clock_monotonic_ms() - since_ms > HOUSE_PATIENCE_MS)                                         \
                fail_msg("never came true: %s", #condition);                                                 \
        }                                                                                                    \
    } while (0)
#define REGISTRY_TURN_UNTIL(condition) TURN_UNTIL((fake_registry_turn(lab->house.registry), condition))

/* So many turns of the registry pass before the next commit ends, and then as the fault says. */
static inline void lab_plan(struct lab *lab, enum fake_fault fault, unsigned turns)
{
    const struct fake_step step = {fault, turns};

    fake_registry_plan(lab->house.registry, &step, 1);
}

/* ---- clients ---- */

/* Somebody at the other end, who never blocks. */
struct asker {
    int fd;
    char text[65536]; /* what came and was not taken yet, ending in NUL */
    size_t length;
};

static inline struct asker *lab_connect(struct lab *lab)
{
    struct asker *asker = calloc(1, sizeof(*asker));

    assert_non_null(asker);
    asker->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(asker->fd, (const struct sockaddr *)&lab->address, sizeof(lab->address)), 0);
    assert_int_equal(fcntl(asker->fd, F_SETFL, O_NONBLOCK), 0);
    return asker;
}

static inline void asker_leave(struct asker *asker)
{
    (void)close(asker->fd);
    free(asker);
}

/* `what`: "POST /v1/instances"; `body`: with ' for ", "" for none. */
static inline void asker_send(struct asker *asker, const char *what, const char *body)
{
    char *text = NULL;
    int length =
        asprintf(&text, "%s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s", what, strlen(body), body);

    assert_true(length > 0);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    assert_int_equal(send(asker->fd, text, (size_t)length, MSG_NOSIGNAL), length);
    free(text);
}

static inline struct asker *lab_send(struct lab *lab, const char *what, const char *body)
{
    struct asker *asker = lab_connect(lab);

    asker_send(asker, what, body);
    return asker;
}

static inline void asker_receive(struct asker *asker)
{
    size_t room = sizeof(asker->text) - 1 - asker->length;
    ssize_t n = recv(asker->fd, asker->text + asker->length, room, 0);

    assert_true(room > 0);
    if (n > 0)
        asker->length += (size_t)n;
    asker->text[asker->length] = '\0';
}

static inline bool asker_has_any(struct asker *asker)
{
    asker_receive(asker);
    return asker->length > 0;
}

static inline bool asker_hears(struct asker *asker, const char *part)
{
    asker_receive(asker);
    return strstr(asker->text, part);
}

/* Of a body in chunks: its end, with the text put together at its beginning; NULL: not all of it is there. */
static inline char *join_chunks(char *body, const char *end, bool is_kept, size_t *ret_length)
{
    char *at = body;

    *ret_length = 0;
    for (;;) {
        char *line = strstr(at, "\r\n");
        size_t length = line ? strtoul(at, NULL, 16) : 0;

        if (!line || (size_t)(end - line) < length + 4)
            return NULL;
        if (is_kept)
            memmove(body + *ret_length, line + 2, length);
        *ret_length += length;
        at = line + 2 + length + 2;
        if (length == 0)
            return at;
    }
}

/* Where the body of the first answer ends; NULL: it is not there yet. */
static inline char *body_end(struct asker *asker, char *body, bool is_kept, size_t *ret_length)
{
    const char *length = strcasestr(asker->text, "\r\nContent-Length:");

    if (length && length < body) {
        *ret_length = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
        return body + *ret_length <= asker->text + asker->length ? body + *ret_length : NULL;
    }
    return join_chunks(body, asker->text + asker->length, is_kept, ret_length);
}

static inline bool asker_has_answer(struct asker *asker)
{
    char *body;
    size_t length;

    asker_receive(asker);
    body = strstr(asker->text, "\r\n\r\n");
    return body && body_end(asker, body + 4, false, &length);
}

/* The first answer, which is there: its status, and its body where it is JSON; the caller's. */
static inline cJSON *asker_take(struct asker *asker, int *ret_status)
{
    char *body = strstr(asker->text, "\r\n\r\n") + 4;
    size_t length = 0;
    char *end = body_end(asker, body, true, &length);
    cJSON *json = cJSON_ParseWithLength(body, length);

    assert_int_equal(sscanf(asker->text, "HTTP/1.1 %d", ret_status), 1);
    asker->length -= (size_t)(end - asker->text);
    memmove(asker->text, end, asker->length + 1);
    return json;
}

/* The answer in full, with as many turns of loop and registry as it takes. */
static inline cJSON *lab_hear(struct lab *lab, struct asker *asker, int *ret_status)
{
    REGISTRY_TURN_UNTIL(asker_has_answer(asker));
    return asker_take(asker, ret_status);
}

static inline cJSON *lab_ask(struct lab *lab, const char *what, const char *body, int *ret_status)
{
    struct asker *asker = lab_send(lab, what, body);
    cJSON *answer = lab_hear(lab, asker, ret_status);

    asker_leave(asker);
    return answer;
}

/* The answer, which must have this status; the caller's. */
static inline cJSON *lab_get(struct lab *lab, const char *what, const char *body, int wanted)
{
    int status;
    cJSON *answer = lab_ask(lab, what, body, &status);

    if (status != wanted) {
        char *text = cJSON_Print(answer);

        fail_msg("%s %s: status %d: %s", what, body, status, text ? text : "");
    }
    return answer;
}

static inline void lab_do(struct lab *lab, const char *what, const char *body)
{
    cJSON_Delete(lab_get(lab, what, body, 200));
}

/* ---- looking into answers ---- */

/* "targets.0.service"; NULL. */
static inline const cJSON *json_at(const cJSON *json, const char *path)
{
    char parts[128];
    char *rest = NULL;

    (void)snprintf(parts, sizeof(parts), "%s", path);
    for (char *part = strtok_r(parts, ".", &rest); part && json; part = strtok_r(NULL, ".", &rest))
        json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(part))
                                   : cJSON_GetObjectItemCaseSensitive(json, part);
    return json;
}

/* Of a list, the first item of which `member` is the text; NULL. */
static inline const cJSON *json_item(const cJSON *list, const char *member, const char *text)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, list) {
        const char *found = cJSON_GetStringValue(json_at(item, member));

        if (found && strcmp(found, text) == 0)
            return item;
    }
    return NULL;
}

/* `wanted`: JSON with ' for "; "" for nothing there. */
static inline void json_expect(const cJSON *json, const char *path, const char *wanted)
{
    const cJSON *item = json_at(json, path);
    char *found = item ? cJSON_PrintUnformatted(item) : strdup("");

    for (char *c = found; *c; c++)
        if (*c == '"')
            *c = '\'';
    if (strcmp(found, wanted) != 0)
        fail_msg("%s is %s, not %s", path, found, wanted);
    free(found);
}

/* The refusal names this member, and its sentence has this part. */
static inline void json_expect_error(const char *what, const cJSON *answer, const char *field,
                                     const char *part)
{
    const char *found = cJSON_GetStringValue(json_at(answer, "error.field"));
    const char *message = cJSON_GetStringValue(json_at(answer, "error.message"));

    if (!message || (field && (!found || strcmp(found, field) != 0)) || (!field && found) ||
        !strstr(message, part))
        fail_msg("%s: field \"%s\", not \"%s\": %s (wanted: %s)", what, found ? found : "(none)",
                 field ? field : "(none)", message ? message : "(no error)", part);
}

/* ---- what is registered ---- */

/* All that a change could have touched: rows and their number, and the catalog. */
static inline char *lab_state(const struct lab *lab)
{
    size_t n;
    const struct fake_row *rows = fake_store_rows(lab->house.store, &n);
    _cleanup_free_ char *catalog = catalog_text(engine_catalog(lab->house.engine));
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(out, "%s %s\n", rows[i].key, rows[i].value);
    (void)fprintf(out, "%s%llu rows written\n", catalog,
                  (unsigned long long)fake_store_counts(lab->house.store).rows);
    (void)fclose(out);
    return text;
}

static inline void lab_expect_state(const struct lab *lab, const char *wanted, const char *what)
{
    _cleanup_free_ char *found = lab_state(lab);

    if (strcmp(found, wanted) != 0)
        fail_msg("%s changed something:\n%s\nbefore:\n%s", what, found, wanted);
}

/* Refused with this status and for this member (NULL: none is to blame), and nothing is another than before. */
static inline void lab_refuse(struct lab *lab, const char *what, const char *body, int status,
                              const char *field, const char *part)
{
    _cleanup_free_ char *before = lab_state(lab);
    _cleanup_json_ cJSON *answer = lab_get(lab, what, body, status);

    json_expect_error(body, answer, field, part);
    lab_expect_state(lab, before, body);
}

/* One request of a table of such. */
struct refusal {
    const char *what;
    const char *body;
    int status;
    const char *field; /* NULL: no member is to blame */
    const char *part;  /* of the message */
};

/* None of them comes as far as the registry or the data path. */
static inline void lab_refuse_all(struct lab *lab, const struct refusal *all, size_t n)
{
    uint64_t writes = datapath_writes(lab->house.datapath);
    uint64_t commits = house_commits_begun(&lab->house);

    for (size_t i = 0; i < n; i++) {
        lab_refuse(lab, all[i].what, all[i].body, all[i].status, all[i].field, all[i].part);
        if (datapath_writes(lab->house.datapath) != writes || house_commits_begun(&lab->house) != commits)
            fail_msg("%s %s was tried", all[i].what, all[i].body);
    }
}

/* The endpoint of this id, as GET /v1/endpoints has it; the caller's. NULL: there is none. */
static inline cJSON *lab_endpoint(struct lab *lab, const char *id)
{
    _cleanup_json_ cJSON *answer = lab_get(lab, "GET /v1/endpoints", "", 200);
    const cJSON *item = json_item(json_at(answer, "endpoints"), "id", id);

    return item ? cJSON_Duplicate(item, true) : NULL;
}

static inline struct instance *lab_instance(const struct lab *lab, const char *service, const char *id)
{
    const struct service *found = catalog_service(engine_catalog(lab->house.engine), "default", service);

    return found ? catalog_instance(found, id) : NULL;
}

/* Two services with an instance each, "v1/a" and "v2/b", on ports that clash with nothing. */
static inline void lab_two_services(struct lab *lab)
{
    lab_do(lab, "POST /v1/instances", "{'service':'v1','id':'a','address':'10.0.0.1:80'}");
    lab_do(lab, "POST /v1/instances", "{'service':'v2','id':'b','address':'10.0.0.2:80'}");
}
