/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Requests that read: what they show is sorted, and what they read stays in the order it was in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/keyvalq_struct.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "api/api.h"
#include "canaries/canaries.h"
#include "dns/dns.h"
#include "externals/externals.h"
#include "api/read/list_stream.h"
#include "api/read/reads.h"
#include "api/read/canaries.h"
#include "unit/house.h"

/* In an order that no sorting gives. */
static const char *const names[] = {"m", "z", "a", "q"};

#define N ARRAY_SIZE(names)

static void put(struct house *house, const char *key, const char *value)
{
    const char *const row[] = {key, value, NULL};

    house_fill(house, row);
}

static void fill(struct house *house)
{
    char key[128], value[256];

    for (size_t i = 0; i < N * N; i++) {
        const char *namespace_name = names[i / N];
        const char *name = names[i % N];

        (void)snprintf(value, sizeof(value),
                       "{\"clientAliases\":[{\"dnsName\":\"%s.example\",\"port\":80,\"protocol\":\"tcp\"}]}",
                       name);
        (void)snprintf(key, sizeof(key), "services/%s/%s", namespace_name, name);
        put(house, key, value);
        (void)snprintf(value, sizeof(value), "{\"targets\":[{\"service\":\"%s\",\"weight\":1}]}", name);
        (void)snprintf(key, sizeof(key), "routes/%s/%s/%s.example:80/tcp", namespace_name, name, name);
        put(house, key, value);
        (void)snprintf(key, sizeof(key), "documents/%s/%s", namespace_name, name);
        put(house, key, "{\"text\":\"{}\"}");
    }
}

/* Tasks that only the list knows; a directory stands for each one's cgroup. */
static void add_tasks(struct tasks *tasks, const char *root, struct task some[static N])
{
    for (size_t i = 0; i < N; i++) {
        struct task *task = &some[i];
        char path[64];
        struct stat info;

        (void)snprintf(path, sizeof(path), "%s/%s", root, names[i]);
        assert_true(mkdir(path, 0700) == 0 && stat(path, &info) == 0);
        task->cgroup.id = info.st_ino;
        (void)snprintf(task->cgroup.path, sizeof(task->cgroup.path), "/%s", names[i]);
        task->namespace_name = task->service = (char *)names[i];
        HASH_ADD(hh, tasks->all, cgroup.id, sizeof(task->cgroup.id), task);
    }
}

static void remove_directories(const char *root)
{
    char path[64];

    for (size_t i = 0; i < N; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", root, names[i]);
        assert_int_equal(rmdir(path), 0);
    }
    assert_int_equal(rmdir(root), 0);
}

static void note(char text[static 4096], const char *name)
{
    assert_true(strlen(text) + strlen(name) + 2 < 4096);
    (void)strcat(strcat(text, name), " ");
}

/* The names of everything, in the order in which a change would walk it. */
static void walk(const struct api *api, char text[static 4096])
{
    text[0] = '\0';
    for (const struct model_namespace *parent = engine_catalog(api->engine)->namespaces; parent;
         parent = parent->hh.next) {
        note(text, parent->name);
        for (const struct service *service = parent->services; service; service = service->hh.next)
            note(text, service->name);
        for (const struct client *client = parent->clients; client; client = client->hh.next)
            note(text, client->name);
        for (const struct stored_document *document = parent->documents; document;
             document = document->hh.next)
            note(text, document->name);
        for (const struct alias_owner *owner = parent->owners; owner; owner = owner->hh.next)
            note(text, owner->identity);
    }
    for (const struct task *task = api->tasks->all; task; task = task->hh.next)
        note(text, task->cgroup.path);
}

static const struct {
    int (*read)(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
    const struct list_kind *kind; /* instead, of a list that is written slice by slice */
    const char *list;
    const char *member; /* the second by which the list is sorted, after the namespace; NULL: the first */
    size_t n_least;
} reads[] = {
    {NULL, &service_list, "services", "name", N *N},
    {NULL, &endpoint_list, "endpoints", "service", 0},
    {NULL, &alias_list, "aliases", "dnsName", N *N},
    {NULL, &route_list, "routes", "client", N *N},
    {read_tasks, NULL, "tasks", NULL, N},
    {read_hosts, NULL, "hosts", NULL, N},
    {read_documents, NULL, "documents", "name", N *N},
    {read_settings, NULL, "services", "name", 0},
    {read_canaries, NULL, "canaries", "dnsName", 0},
};

static cJSON *read_slices(struct api *api, const struct list_kind *kind)
{
    struct evbuffer *out = evbuffer_new();
    struct http_writer writer;
    cJSON *answer;

    assert_non_null(out);
    assert_int_equal(list_writer(api, kind, NULL, &writer), 0);
    while (writer.write(writer.user, out, evbuffer_get_length(out) + 1) > 0)
        ;
    writer.done(writer.user);
    assert_int_equal(evbuffer_add(out, "", 1), 0);
    answer = cJSON_Parse((const char *)evbuffer_pullup(out, -1));
    evbuffer_free(out);
    return answer;
}

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static int compare(const cJSON *a, const cJSON *b, const char *member)
{
    int order = strcmp(text_of(a, "namespace"), text_of(b, "namespace"));

    return order || !member ? order : strcmp(text_of(a, member), text_of(b, member));
}

static void check(struct api *api, const struct control_call *call)
{
    char before[4096], after[4096];

    walk(api, before);
    for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
        _cleanup_json_ cJSON *answer = NULL;
        struct error error = {0};
        const cJSON *list, *item;

        if (reads[i].kind)
            answer = read_slices(api, reads[i].kind);
        else
            assert_int_equal(reads[i].read(call, &answer, &error, api), 0);
        list = cJSON_GetObjectItemCaseSensitive(answer, reads[i].list);
        assert_non_null(list);
        assert_true(reads[i].n_least <= (size_t)cJSON_GetArraySize(list));
        cJSON_ArrayForEach (item, list)
            if (item->next)
                assert_true(compare(item, item->next, reads[i].member) <= 0);
        walk(api, after);
        assert_string_equal(after, before);
    }
}

static void test_a_read_sorts_what_it_shows_and_nothing_else(void **state)
{
    struct evkeyvalq query = TAILQ_HEAD_INITIALIZER(query);
    const struct control_call call = {.query = &query};
    struct house house;
    char root[] = P_tmpdir "/svcconnect-reads-XXXXXX";
    struct task some[N] = {0};
    struct tasks tasks = {.settings.cgroup_root = root};
    struct canaries canaries;
    struct externals externals = {0};
    struct dns dns = {0};
    struct api api = {.tasks = &tasks, .dns = &dns, .externals = &externals, .settings.cgroup_root = root};

    (void)state;
    assert_non_null(mkdtemp(root));
    house_make(&house);
    canaries_init(&canaries, house.engine, &house.events);
    fill(&house);
    house_begin(&house);
    api.engine = house.engine;
    api.datapath = house.datapath;
    api.settings.alias_range = house_alias_range();
    tasks.settings.engine = house.engine;
    tasks.settings.datapath = house.datapath;
    add_tasks(&tasks, root, some);
    check(&api, &call);
    remove_directories(root);
    HASH_CLEAR(hh, tasks.all);
    house_stop(&house);
    canaries_done(&canaries);
    house_end(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_read_sorts_what_it_shows_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
