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

#include "base/cleanup.h"
#include "canaries/canaries.h"
#include "daemon/daemon.h"
#include "api/read/reads.h"
#include "datapath/memory.h"

/* In an order that no sorting gives. */
static const char *const names[] = {"m", "z", "a", "q"};

#define N ARRAY_SIZE(names)

static void fill_namespace(struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < N; i++) {
        struct service *service = catalog_make_service(catalog, name, names[i]);
        struct route_target *targets = calloc(1, sizeof(*targets));
        struct client_alias alias = {.port = 80, .protocol = TCP};

        assert_true(service && targets);
        (void)snprintf(alias.dns_name, sizeof(alias.dns_name), "%s.example", names[i]);
        assert_int_equal(catalog_declare_service(catalog, service, &alias, 1, NULL), 0);
        targets[0] = (struct route_target){service, 1};
        assert_int_equal(catalog_set_route(service->parent, names[i], &alias, targets, 1), 0);
        assert_int_equal(catalog_set_document(catalog, service->parent, names[i], "", "{}"), 0);
    }
}

static void fill(struct daemon *daemon, struct task tasks[static N])
{
    daemon->catalog = catalog_new();
    assert_non_null(daemon->catalog);
    assert_int_equal(name_numbers_new(&daemon->addresses, 1, 100), 0);
    daemon->config.cgroup_root = (char *)"/nowhere";
    for (size_t i = 0; i < N; i++) {
        struct task *task = &tasks[i];

        fill_namespace(daemon->catalog, names[i]);
        task->cgroup.id = i + 1;
        (void)snprintf(task->cgroup.path, sizeof(task->cgroup.path), "/%s", names[i]);
        task->namespace_name = task->service = (char *)names[i];
        HASH_ADD(hh, daemon->tasks.all, cgroup.id, sizeof(task->cgroup.id), task);
    }
}

static void note(char text[static 4096], const char *name)
{
    assert_true(strlen(text) + strlen(name) + 2 < 4096);
    (void)strcat(strcat(text, name), " ");
}

/* The names of everything, in the order in which a change would walk it. */
static void walk(const struct daemon *daemon, char text[static 4096])
{
    text[0] = '\0';
    for (const struct model_namespace *parent = daemon->catalog->namespaces; parent;
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
    for (const struct task *task = daemon->tasks.all; task; task = task->hh.next)
        note(text, task->cgroup.path);
}

static const struct {
    int (*read)(const struct control_call *call, cJSON **ret_answer, struct error *error, void *user);
    const char *list;
    const char *member; /* the second by which the list is sorted, after the namespace; NULL: the first */
} reads[] = {
    {read_services, "services", "name"},
    {read_endpoints, "endpoints", "service"},
    {read_aliases, "aliases", "dnsName"},
    {read_routes, "routes", "client"},
    {read_tasks, "tasks", NULL},
    {read_hosts, "hosts", NULL},
    {read_documents, "documents", "name"},
    {read_settings, "services", "name"},
    {read_canaries, "canaries", "dnsName"},
};

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static int compare(const cJSON *a, const cJSON *b, const char *member)
{
    int order = strcmp(text_of(a, "namespace"), text_of(b, "namespace"));

    return order || !member ? order : strcmp(text_of(a, member), text_of(b, member));
}

static void test_a_read_sorts_what_it_shows_and_nothing_else(void **state)
{
    static const struct datapath_config config = {.aliases = 2, .slots = 1, .endpoints = 1, .tasks = N};
    struct daemon daemon = {0};
    struct task tasks[N] = {0};
    struct evkeyvalq query = TAILQ_HEAD_INITIALIZER(query);
    const struct control_call call = {.query = &query};
    char before[4096], after[4096];

    (void)state;
    assert_int_equal(datapath_new_in_memory(&config, &daemon.datapath), 0);
    fill(&daemon, tasks);
    walk(&daemon, before);
    for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
        _cleanup_json_ cJSON *answer = NULL;
        struct error error = {0};
        const cJSON *list, *item;

        assert_int_equal(reads[i].read(&call, &answer, &error, &daemon), 0);
        list = cJSON_GetObjectItemCaseSensitive(answer, reads[i].list);
        assert_non_null(list);
        cJSON_ArrayForEach (item, list)
            if (item->next)
                assert_true(compare(item, item->next, reads[i].member) <= 0);
        walk(&daemon, after);
        assert_string_equal(after, before);
    }
    HASH_CLEAR(hh, daemon.tasks.all);
    name_numbers_free(&daemon.addresses);
    catalog_free(&daemon.catalog);
    datapath_close(&daemon.datapath);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_read_sorts_what_it_shows_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
