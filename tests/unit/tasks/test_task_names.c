/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Hosts files and scopes, which follow what is registered. */
#include "unit/tasks/task_lab.h"

#define ROUTE "{\"targets\":[{\"service\":\"b\",\"weight\":1}]}"

static void run_task(const char *name, const char *namespace_name, const char *service)
{
    struct error error;

    if (attach_as(name, namespace_name, service, true, &error) < 0)
        fail_msg("%s", error.message);
}

/* ---- hosts files ---- */

static void test_a_run_task_has_the_names_of_its_namespace(void **state)
{
    _cleanup_free_ char *base = NULL;
    _cleanup_free_ char *text = NULL;
    struct error error;

    (void)state;
    need_cgroups();
    run_task("/one", "shop", "");
    text = hosts_of(task_of("/one"));
    assert_non_null(text);
    if (file_read("/etc/hosts", 1 << 20, &base, NULL) == 0)
        assert_true(strncmp(text, base, strlen(base)) == 0); /* the host's own come first */
    assert_true(has_name(task_of("/one"), "a.shop"));
    assert_true(has_name(task_of("/one"), "b.shop"));
    assert_true(strstr(text, "a.shop") < strstr(text, "b.shop"));
    assert_non_null(strstr(text, "127.255.")); /* one line of each family */
    assert_non_null(strstr(text, "fd00:5ec::"));
    /* A task that nobody runs has its names by other ways. */
    assert_int_equal(attach("/two", "shop", "", &error), 0);
    assert_null(hosts_of(task_of("/two")));
}

static void test_another_namespace_has_none_of_them(void **state)
{
    (void)state;
    need_cgroups();
    run_task("/one", "empty", "");
    assert_false(has_name(task_of("/one"), "a.shop"));
    run_task("/one", "shop", ""); /* attached anew: another namespace's */
    assert_true(has_name(task_of("/one"), "a.shop"));
}

static void test_names_come_and_go(void **state)
{
    char path[PATH_MAX];
    struct stat before, after;

    (void)state;
    need_cgroups();
    run_task("/one", "shop", "");
    run_task("/two", "other", "");
    task_hosts_path(&tasks, task_of("/one"), path, sizeof(path));
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(before.st_mode & 0777, 0644);
    lab_add_service(&lab, "c", "c.shop");
    assert_true(has_name(task_of("/one"), "c.shop"));
    assert_false(has_name(task_of("/two"), "c.shop"));
    put_row("services/shop/a", NULL);
    assert_false(has_name(task_of("/one"), "a.shop"));
    assert_true(has_name(task_of("/one"), "c.shop"));
    /* In place: a task has it mounted over its own. */
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
}

static void test_detaching_removes_the_file(void **state)
{
    char path[PATH_MAX];

    (void)state;
    need_cgroups();
    run_task("/one", "shop", "");
    task_hosts_path(&tasks, task_of("/one"), path, sizeof(path));
    assert_int_equal(access(path, F_OK), 0);
    task_detach_all(&tasks);
    assert_true(access(path, F_OK) < 0);
    /* Nothing follows changes for it any more. */
    lab_add_service(&lab, "c", "c.shop");
    assert_true(access(path, F_OK) < 0);
}

static void test_a_file_that_cannot_be_written_is_told(void **state)
{
    char path[PATH_MAX];
    struct error error = {0};

    (void)state;
    need_cgroups();
    tasks.settings.hosts_dir = "/no/such/directory";
    assert_true(attach_as("/one", "shop", "", true, &error) < 0);
    assert_non_null(strstr(error.message, "hosts file /no/such/directory/"));
    assert_null(tasks.all); /* without its names it is not attached */
    assert_int_equal(n_put, 0);
    tasks.settings.hosts_dir = hosts_dir;
    /* A link in its place may lead anywhere. */
    run_task("/one", "shop", "");
    task_hosts_path(&tasks, task_of("/one"), path, sizeof(path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/no/such/directory/file", path), 0);
    assert_true(task_hosts_write(&tasks, task_of("/one"), &error) < 0);
    lab_add_service(&lab, "c", "c.shop"); /* a change goes on without */
    assert_non_null(task_of("/one"));
}

static const struct hosts_entry *only_entry(const struct hosts_entry *entries, size_t n, const char *name)
{
    const struct hosts_entry *found = NULL;

    for (size_t i = 0; i < n; i++)
        if (strcmp(entries[i].name, name) == 0) {
            assert_null(found);
            found = &entries[i];
        }
    assert_non_null(found);
    return found;
}

static void test_each_name_once_and_sorted(void **state)
{
    _cleanup_free_ struct hosts_entry *entries = NULL;
    const struct hosts_entry *a, *b;
    size_t n = 0;

    (void)state;
    put_row("services/shop/0", "{\"clientAliases\": [{\"dnsName\": \"b.shop\", \"port\": 81, \"protocol\": "
                               "\"tcp\"}, {\"dnsName\": \"a.shop\", \"port\": 53, \"protocol\": \"udp\"}]}");
    assert_int_equal(namespace_hosts_build(lab.engine, "shop", "", &entries, &n), 0);
    a = only_entry(entries, n, "a.shop");
    b = only_entry(entries, n, "b.shop");
    assert_true(a < b); /* and what leads to the first stands between */
    assert_false(ip_address_equal(&a->address, &b->address));
}

static void test_a_namespace_that_nobody_knows_has_no_names(void **state)
{
    _cleanup_free_ struct hosts_entry *entries = NULL;
    size_t n = 9;

    (void)state;
    assert_int_equal(namespace_hosts_build(lab.engine, "nobody", "", &entries, &n), 0);
    assert_int_equal(n, 0);
}

/* ---- scopes ---- */

static void test_a_route_of_its_own_moves_a_clients_tasks(void **state)
{
    struct error error;
    uint32_t shared, own;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "web", &error), 0);
    assert_int_equal(attach("/two", "shop", "other", &error), 0);
    shared = task_of("/one")->scope;
    assert_int_equal(task_of("/two")->scope, shared);
    put_row("routes/shop/web/a.shop:80/tcp", ROUTE);
    own = task_of("/one")->scope;
    assert_int_not_equal(own, shared);
    assert_int_equal(scope_in_kernel(task_of("/one")), own);
    assert_int_equal(scope_in_kernel(task_of("/two")), shared);
    assert_int_equal(task_of("/one")->namespace_scope, shared);
    put_row("routes/shop/web/a.shop:80/tcp", NULL);
    assert_int_equal(task_of("/one")->scope, shared);
    assert_int_equal(scope_in_kernel(task_of("/one")), shared);
}

static int find_entry(uint64_t id, const struct svc_task *entry, void *user)
{
    const struct task *task = task_of("/one");

    if (task && id == task->cgroup.id)
        *(uint32_t *)user = entry->scope;
    return 0;
}

/* What people read in the map, and a next start. */
static void test_the_entry_follows_the_scope(void **state)
{
    struct error error;
    uint32_t scope = 0;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "web", &error), 0);
    put_row("routes/shop/web/a.shop:80/tcp", ROUTE);
    assert_int_equal(datapath_each_task(lab.datapath, find_entry, &scope), 0);
    assert_int_equal(scope, task_of("/one")->scope);
}

static void test_nothing_is_written_for_a_scope_that_stays(void **state)
{
    struct error error;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "web", &error), 0);
    memory_datapath_forget_record(lab.datapath);
    task_list_rescope(&tasks, "shop");
    task_list_rescope_all(&tasks);
    assert_string_equal(memory_datapath_record(lab.datapath), "");
}

static void test_of_one_namespace_or_of_all(void **state)
{
    struct error error;
    uint32_t right;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "", &error), 0);
    assert_int_equal(attach("/two", "other", "", &error), 0);
    right = task_of("/two")->scope;
    task_of("/one")->scope = task_of("/two")->scope = 99;
    task_list_rescope(&tasks, "shop");
    assert_int_not_equal(task_of("/one")->scope, 99);
    assert_int_equal(task_of("/two")->scope, 99);
    tasks_follower.scopes_changed(&tasks, NULL);
    assert_int_equal(task_of("/two")->scope, right);
}

/* The kernel refuses: the list says what should be, and a next start puts it right. */
static void test_a_scope_that_cannot_be_set_harms_no_other(void **state)
{
    struct error error;
    uint32_t shared;

    (void)state;
    need_cgroups();
    assert_int_equal(attach("/one", "shop", "web", &error), 0);
    assert_int_equal(attach("/two", "shop", "web", &error), 0);
    shared = task_of("/one")->scope;
    memory_datapath_lose_cgroup(lab.datapath, task_of("/one")->cgroup.id);
    put_row("routes/shop/web/a.shop:80/tcp", ROUTE);
    assert_int_not_equal(task_of("/two")->scope, shared);
    assert_int_equal(scope_in_kernel(task_of("/two")), task_of("/two")->scope);
}

static void test_all_names_are_told_anew(void **state)
{
    (void)state;
    need_cgroups();
    run_task("/one", "shop", "");
    run_task("/two", "other", "");
    task_hosts_remove(&tasks, task_of("/one"));
    task_hosts_remove(&tasks, task_of("/two"));
    tasks_follower.names_changed(&tasks, "shop");
    assert_true(has_name(task_of("/one"), "a.shop"));
    assert_null(hosts_of(task_of("/two")));
    tasks_follower.scopes_changed(&tasks, NULL);
    assert_false(has_name(task_of("/two"), "a.shop"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TASK_TEST(test_a_run_task_has_the_names_of_its_namespace),
        TASK_TEST(test_another_namespace_has_none_of_them),
        TASK_TEST(test_names_come_and_go),
        TASK_TEST(test_detaching_removes_the_file),
        TASK_TEST(test_a_file_that_cannot_be_written_is_told),
        TASK_TEST(test_each_name_once_and_sorted),
        TASK_TEST(test_a_namespace_that_nobody_knows_has_no_names),
        TASK_TEST(test_a_route_of_its_own_moves_a_clients_tasks),
        TASK_TEST(test_the_entry_follows_the_scope),
        TASK_TEST(test_nothing_is_written_for_a_scope_that_stays),
        TASK_TEST(test_of_one_namespace_or_of_all),
        TASK_TEST(test_a_scope_that_cannot_be_set_harms_no_other),
        TASK_TEST(test_all_names_are_told_anew),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
