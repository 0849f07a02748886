/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Tasks by request. What needs a cgroup is skipped where there is no cgroup v2 hierarchy to make one in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "unit/api/api_lab.h"

#define ATTACH "POST /v1/tasks"
#define DETACH "DELETE /v1/tasks"

static char parent[64]; /* "/svcconnect-unit-api-4242" */

/* "{'cgroup':'PARENT/NAME'MORE}" */
static char *body_of(const char *name, const char *more)
{
    char *text = NULL;

    assert_true(asprintf(&text, "{'cgroup':'%s%s'%s}", parent, name, more) > 0);
    return text;
}

static void make_cgroup(const struct lab *lab, const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%.100s%s%s", lab->cgroup_root, parent, name);
    assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static bool can_make_cgroups(const struct lab *lab)
{
    return lab->cgroup_root && geteuid() == 0;
}

static int setup(void **state)
{
    struct lab *lab;
    int r = lab_setup(state);

    lab = *state;
    (void)snprintf(parent, sizeof(parent), "/svcconnect-unit-api-%d", (int)getpid());
    if (!can_make_cgroups(lab))
        return r;
    make_cgroup(lab, "");
    make_cgroup(lab, "/one");
    make_cgroup(lab, "/two");
    return r;
}

static int teardown(void **state)
{
    struct lab *lab = *state;
    int r = can_make_cgroups(lab) ? cgroup_remove(lab->cgroup_root, parent) : 0;

    task_detach_all(&lab->tasks);
    return lab_teardown(state) < 0 ? -1 : r;
}

static cJSON *attach(struct lab *lab, const char *name, const char *more)
{
    _cleanup_free_ char *body = body_of(name, more);

    return lab_get(lab, ATTACH, body, 200);
}

static void expect_tasks(struct lab *lab, int n, const char *path, const char *wanted)
{
    _cleanup_json_ cJSON *answer = lab_get(lab, "GET /v1/tasks", "", 200);

    assert_int_equal(cJSON_GetArraySize(json_at(answer, "tasks")), n);
    json_expect(answer, path, wanted);
}

/* ---- without a cgroup ---- */

static void test_what_is_refused(void **state)
{
    static const struct refusal all[] = {
        {ATTACH, "{}", 400, "cgroup", "(missing)"},
        {ATTACH, "{'cgroup':'/'}", 400, "cgroup", "a cgroup below the root"},
        {ATTACH, "{'cgroup':''}", 400, "cgroup", "a cgroup below the root"},
        {ATTACH, "{'cgroup':'/svcconnect/not/there'}", 404, "cgroup", "an existing cgroup directory"},
        {ATTACH, "{'cgroup':'/proc/self'}", 400, "cgroup", "a cgroup v2 directory"},
        {ATTACH, "{'cgroup':'/x','unit':'web'}", 400, "unit", "one of cgroup, container and unit"},
        {ATTACH, "{'container':'x','unit':'web'}", 400, "container", "one of cgroup, container and unit"},
        {ATTACH, "{'unit':'a/b'}", 400, "unit", "the name of a systemd unit"},
        {ATTACH, "{'unit':''}", 400, "unit", "the name of a systemd unit"},
        {ATTACH, "{'unit':'svcconnect-not-there'}", 404, "cgroup", "svcconnect-not-there.service"},
        {ATTACH, "{'container':'x'}", 404, NULL, "no container runtime is followed"},
        {ATTACH, "{'pid':2147483647}", 404, NULL, "there is no process"},
        {ATTACH, "{'cgroup':'/x','pid':0}", 400, "pid", "from 1 to 2147483647"},
        {ATTACH, "{'cgroup':'/x','service':'a b'}", 400, "service", "allowed"},
        {ATTACH, "{'cgroup':'/x','namespace':''}", 400, "namespace", "allowed"},
        {DETACH, "{}", 400, "cgroup", "(missing)"},
        {DETACH, "{'all':false}", 400, "cgroup", "(missing)"},
        {DETACH, "{'all':true,'cgroup':'/x'}", 400, "all", "cgroup or all, not both"},
        {DETACH, "{'cgroup':'/svcconnect/not/there'}", 404, NULL, "is not a task"},
    };
    struct lab *lab = *state;

    lab_refuse_all(lab, all, ARRAY_SIZE(all));
    assert_null(lab->tasks.all);
}

static void test_there_is_none(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = lab_get(lab, DETACH, "{'all':true}", 200);

    json_expect(answer, "warnings", "[]");
    json_expect(answer, "revision", ""); /* they are no part of the registry */
    expect_tasks(lab, 0, "tasks", "[]");
}

/* ---- with one ---- */

static void test_attached_moved_and_detached(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL, *moved = NULL;
    _cleanup_free_ char *body = body_of("/one", ""), *cgroup = NULL;

    if (!can_make_cgroups(lab))
        skip();
    assert_true(asprintf(&cgroup, "'%s/one'", parent) > 0);
    answer = attach(lab, "/one", "");
    json_expect(answer, "cgroup", cgroup);
    json_expect(answer, "namespace", "'default'");
    json_expect(answer, "service", "''");
    json_expect(answer, "state", "'attached'");
    json_expect(answer, "run", "false");
    json_expect(answer, "processes", "0");
    json_expect(answer, "hostsFile", "");
    assert_int_equal(json_at(answer, "cgroupId")->valuedouble, lab->tasks.all->cgroup.id);
    assert_true(
        datapath_is_attached(lab->house.datapath, lab->tasks.all->link_name, lab->tasks.all->cgroup.id));
    expect_tasks(lab, 1, "tasks.0.namespace", "'default'");
    /* The same one once more is another namespace and service for it. */
    moved = attach(lab, "/one", ",'namespace':'other','service':'shop'");
    json_expect(moved, "namespace", "'other'");
    json_expect(moved, "service", "'shop'");
    assert_int_not_equal(json_at(moved, "scope")->valueint, json_at(answer, "scope")->valueint);
    expect_tasks(lab, 1, "tasks.0.service", "'shop'");
    lab_do(lab, DETACH, body);
    expect_tasks(lab, 0, "tasks", "[]");
    lab_refuse(lab, DETACH, body, 404, NULL, "is not a task");
}

/* A process of the test's own, in the cgroup until the test kills it. */
static pid_t process_in(const struct lab *lab, const char *name)
{
    char path[300];
    pid_t pid = fork();
    FILE *out;

    if (pid == 0) {
        (void)pause();
        _exit(0);
    }
    (void)snprintf(path, sizeof(path), "%.100s%s%s/cgroup.procs", lab->cgroup_root, parent, name);
    out = fopen(path, "we");
    assert_non_null(out);
    assert_true(fprintf(out, "%d\n", (int)pid) > 0);
    assert_int_equal(fclose(out), 0);
    return pid;
}

static void test_by_one_of_its_processes(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;
    _cleanup_free_ char *body = NULL, *cgroup = NULL;
    pid_t pid;

    if (!can_make_cgroups(lab))
        skip();
    pid = process_in(lab, "/one");
    assert_true(asprintf(&body, "{'pid':%d}", (int)pid) > 0);
    assert_true(asprintf(&cgroup, "'%s/one'", parent) > 0);
    answer = lab_get(lab, ATTACH, body, 200);
    json_expect(answer, "cgroup", cgroup);
    assert_null(cJSON_GetObjectItem(answer, "container")); /* it is none's */
    expect_tasks(lab, 1, "tasks.0.cgroup", cgroup);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_neither_above_nor_below_another(void **state)
{
    struct lab *lab = *state;
    _cleanup_free_ char *above = body_of("", ""), *below = body_of("/one/below", "");

    if (!can_make_cgroups(lab))
        skip();
    make_cgroup(lab, "/one/below");
    cJSON_Delete(attach(lab, "/one", ""));
    cJSON_Delete(attach(lab, "/two", ""));
    lab_some_turns(lab); /* numbers that were given are on disk */
    lab_refuse(lab, ATTACH, above, 409, "cgroup", "neither above nor below another task");
    lab_refuse(lab, ATTACH, below, 409, "cgroup", "neither above nor below another task");
    expect_tasks(lab, 2, "tasks.2", "");
    lab_do(lab, DETACH, "{'all':true}");
    expect_tasks(lab, 0, "tasks", "[]");
    cJSON_Delete(attach(lab, "/one/below", ""));
}

static void test_of_run_with_its_hosts_file(void **state)
{
    struct lab *lab = *state;
    _cleanup_json_ cJSON *answer = NULL;
    _cleanup_free_ char *path = NULL;

    if (!can_make_cgroups(lab))
        skip();
    lab_two_services(lab);
    answer = attach(lab, "/one", ",'run':true,'service':'v1'");
    json_expect(answer, "run", "true");
    assert_non_null(json_at(answer, "hostsFile"));
    path = strdup(json_at(answer, "hostsFile")->valuestring);
    assert_memory_equal(path, lab->directory, strlen(lab->directory));
    assert_int_equal(access(path, R_OK), 0);
    lab_do(lab, DETACH, "{'all':true}");
    assert_int_not_equal(access(path, R_OK), 0);
}

/* Its links went with the cgroup: nobody is to mend what no sweep has met yet. */
static void test_one_whose_cgroup_has_gone_is_not_listed(void **state)
{
    struct lab *lab = *state;
    char path[256];

    if (!can_make_cgroups(lab))
        skip();
    cJSON_Delete(attach(lab, "/one", ""));
    cJSON_Delete(attach(lab, "/two", ""));
    (void)snprintf(path, sizeof(path), "%.100s%s/one", lab->cgroup_root, parent);
    assert_int_equal(rmdir(path), 0);
    assert_non_null(lab->tasks.all);
    expect_tasks(lab, 1, "tasks.0.state", "'attached'");
}

/* ---- answered when its processes have been looked at ---- */

static struct asker *attach_while_looking(struct lab *lab)
{
    _cleanup_free_ char *body = body_of("/one", ",'service':'again'");
    struct asker *client;

    cJSON_Delete(attach(lab, "/one", ""));
    lab_some_turns(lab);
    lab->dns.tasks->look.round.is_on = true; /* what a process in it would lead to */
    client = lab_send(lab, ATTACH, body);
    lab_some_turns(lab);
    return client;
}

static void test_the_answer_waits_for_the_look(void **state)
{
    struct lab *lab = *state;
    struct asker *client;
    _cleanup_json_ cJSON *answer = NULL;
    int status;

    if (!can_make_cgroups(lab))
        skip();
    client = attach_while_looking(lab);
    assert_false(asker_has_any(client));
    expect_tasks(lab, 1, "tasks.0.service", "'again'");
    lab_do(lab, DETACH, "{'all':true}"); /* which ends the look, too */
    answer = lab_hear(lab, client, &status);
    assert_int_equal(status, 200);
    json_expect(answer, "service", "'again'");
    asker_leave(client);
}

static void test_who_waits_for_the_look_leaves(void **state)
{
    struct lab *lab = *state;

    if (!can_make_cgroups(lab))
        skip();
    asker_leave(attach_while_looking(lab));
    lab_some_turns(lab);
    lab_do(lab, DETACH, "{'all':true}");
    expect_tasks(lab, 0, "tasks", "[]");
}

/* Where no more may wait it is answered at once: it is attached, after all. */
static void test_nobody_else_may_wait_for_the_look(void **state)
{
    const struct control_limits limits = {.replies = 1};
    struct lab *lab = *state;
    struct asker *other, *client;
    _cleanup_json_ cJSON *answer = NULL;
    int status;

    if (!can_make_cgroups(lab))
        skip();
    assert_int_equal(control_server_limit(lab->server, &limits), 0);
    other = lab_occupy(lab);
    client = attach_while_looking(lab);
    TURN_UNTIL(asker_has_answer(client));
    answer = asker_take(client, &status);
    assert_int_equal(status, 200);
    json_expect(answer, "service", "'again'");
    lab_do(lab, DETACH, "{'all':true}");
    lab_some_turns(lab);
    assert_false(asker_has_answer(client));
    asker_leave(client);
    asker_leave(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_there_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attached_moved_and_detached, setup, teardown),
        cmocka_unit_test_setup_teardown(test_by_one_of_its_processes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_neither_above_nor_below_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_run_with_its_hosts_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_whose_cgroup_has_gone_is_not_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_answer_waits_for_the_look, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_waits_for_the_look_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_else_may_wait_for_the_look, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
