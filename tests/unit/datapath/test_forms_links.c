/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Links of tasks and the scope that comes with them, in both forms. */
#include "unit/datapath/datapath_lab.h"

static bool is_attached(struct lab *lab, const struct lab_cgroup *cgroup)
{
    return datapath_is_attached(lab->datapath, cgroup->link, cgroup->cgroup.id);
}

static int set_scope(struct lab *lab, const struct lab_cgroup *cgroup, uint32_t scope)
{
    return datapath_set_scope(lab->datapath, cgroup->cgroup.id, scope, scope + 100);
}

static void expect_scope(struct lab *lab, const struct lab_cgroup *cgroup, uint32_t wanted,
                         uint32_t wanted_namespace)
{
    uint32_t scope = 99, namespace_scope = 99;

    assert_int_equal(datapath_get_scope(lab->datapath, cgroup->cgroup.id, &scope, &namespace_scope), 0);
    assert_int_equal(scope, wanted);
    assert_int_equal(namespace_scope, wanted_namespace);
}

static void expect_no_scope(struct lab *lab, const struct lab_cgroup *cgroup)
{
    uint32_t scope = 9, namespace_scope = 9;

    assert_int_equal(datapath_get_scope(lab->datapath, cgroup->cgroup.id, &scope, &namespace_scope), -ENOENT);
    assert_int_equal(scope, 9); /* untouched */
    assert_int_equal(namespace_scope, 9);
}

static int count_link(const char *name, void *user)
{
    assert_int_not_equal(name[0], '.');
    (*(unsigned *)user)++;
    return 0;
}

static unsigned count_links(struct lab *lab)
{
    unsigned n = 0;

    assert_int_equal(datapath_each_link(lab->datapath, count_link, &n), 0);
    return n;
}

static void test_attaching_leaves_the_task_without_a_scope(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "one");
    uint64_t writes;

    assert_int_equal(count_links(lab), 0);
    assert_false(is_attached(lab, &cgroup));
    lab_attach(lab, &cgroup);
    assert_true(is_attached(lab, &cgroup));
    assert_int_equal(count_links(lab), 1);
    expect_no_scope(lab, &cgroup);
    writes = datapath_writes(lab->datapath);
    assert_true(writes > 0);
    lab_attach(lab, &cgroup); /* what is there stays, and costs nothing */
    assert_int_equal(datapath_writes(lab->datapath), writes);
}

static void test_a_scope_needs_a_link(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "one");

    assert_int_equal(set_scope(lab, &cgroup, 1), -ENOENT);
    assert_int_equal(datapath_set_resolver(lab->datapath, cgroup.cgroup.id, 1), -ENOENT);
    expect_no_scope(lab, &cgroup);
    assert_int_equal(datapath_writes(lab->datapath), 0);
}

static void test_scope_and_resolver_are_kept_apart(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup one = lab_make_cgroup(lab, "one");
    struct lab_cgroup two = lab_make_cgroup(lab, "two");
    uint64_t writes;

    lab_attach(lab, &one);
    lab_attach(lab, &two);
    writes = datapath_writes(lab->datapath);
    assert_int_equal(set_scope(lab, &one, 1), 0);
    assert_int_equal(set_scope(lab, &two, 2), 0);
    assert_int_equal(datapath_set_resolver(lab->datapath, one.cgroup.id, 3), 0);
    assert_int_equal(datapath_writes(lab->datapath), writes + 3);
    assert_int_equal(datapath_set_resolver(lab->datapath, one.cgroup.id, 3), 0); /* it has it already */
    assert_int_equal(datapath_writes(lab->datapath), writes + 3);
    expect_scope(lab, &one, 1, 101);
    expect_scope(lab, &two, 2, 102);
    assert_int_equal(set_scope(lab, &one, 4), 0); /* and keeps its resolver */
    assert_int_equal(datapath_set_resolver(lab->datapath, one.cgroup.id, 3), 0);
    assert_int_equal(datapath_writes(lab->datapath), writes + 4);
    expect_scope(lab, &one, 4, 104);
}

static void test_detaching_takes_all_links_of_one_task(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup one = lab_make_cgroup(lab, "one");
    struct lab_cgroup two = lab_make_cgroup(lab, "two");
    uint64_t writes;

    lab_attach(lab, &one);
    lab_attach(lab, &two);
    assert_int_equal(set_scope(lab, &two, 2), 0);
    writes = datapath_writes(lab->datapath);
    assert_int_equal(datapath_detach(lab->datapath, one.link), 0);
    assert_int_equal(datapath_writes(lab->datapath), writes + 1);
    assert_false(is_attached(lab, &one));
    assert_true(is_attached(lab, &two));
    expect_scope(lab, &two, 2, 102);
    assert_int_equal(count_links(lab), 1);
    assert_int_equal(datapath_detach(lab->datapath, one.link), 0); /* nothing is left to take off */
    assert_int_equal(datapath_writes(lab->datapath), writes + 1);
}

/* Its last scope is another task's by now. */
static void test_attached_again_it_sees_nothing_at_first(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "one");

    lab_attach(lab, &cgroup);
    assert_int_equal(set_scope(lab, &cgroup, 5), 0);
    assert_int_equal(datapath_detach(lab->datapath, cgroup.link), 0);
    expect_no_scope(lab, &cgroup);
    lab_attach(lab, &cgroup);
    expect_no_scope(lab, &cgroup);
    assert_int_equal(set_scope(lab, &cgroup, 6), 0);
    expect_scope(lab, &cgroup, 6, 106);
}

struct gone {
    struct lab *lab;
    struct lab_cgroup *cgroup;
};

static bool is_detached(void *user)
{
    struct gone *gone = user;

    return !is_attached(gone->lab, gone->cgroup);
}

static bool has_no_scope(void *user)
{
    struct gone *gone = user;
    uint32_t scope, namespace_scope;

    return datapath_get_scope(gone->lab->datapath, gone->cgroup->cgroup.id, &scope, &namespace_scope) ==
           -ENOENT;
}

static void test_a_cgroup_that_has_gone_leaves_dead_links(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "one");
    struct gone gone = {lab, &cgroup};

    lab_attach(lab, &cgroup);
    assert_int_equal(set_scope(lab, &cgroup, 5), 0);
    lab_lose_cgroup(lab, &cgroup);
    lab_until(is_detached, &gone, "the cgroup's links to end");
    lab_until(has_no_scope, &gone, "the cgroup's scope to end");
    assert_int_equal(set_scope(lab, &cgroup, 6), -ENOENT);
    assert_int_equal(count_links(lab), 1); /* pinned, for whoever collects them */
    assert_int_equal(datapath_detach(lab->datapath, cgroup.link), 0);
    assert_int_equal(count_links(lab), 0);
}

/* The same name with another number is another cgroup, whose links go into the places of the dead ones. */
static void test_dead_links_are_replaced(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup first = lab_make_cgroup(lab, "one");
    struct lab_cgroup second;
    struct gone gone = {lab, &first};

    lab_attach(lab, &first);
    lab_lose_cgroup(lab, &first);
    lab_until(is_detached, &gone, "the cgroup's links to end");
    second = lab_make_cgroup(lab, "one");
    strcpy(second.link, first.link);
    lab_attach(lab, &second);
    assert_true(is_attached(lab, &second));
    assert_false(is_attached(lab, &first));
    assert_int_equal(count_links(lab), 1);
}

static int stop_at_first(const char *name, void *user)
{
    (void)name;
    return (*(unsigned *)user)++ == 0 ? -ECANCELED : 0;
}

static int detach_it(const char *name, void *user)
{
    struct lab *lab = user;

    return datapath_detach(lab->datapath, name);
}

static void test_a_walk_over_links_ends_and_may_detach(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup one = lab_make_cgroup(lab, "one");
    struct lab_cgroup two = lab_make_cgroup(lab, "two");
    unsigned n = 0;

    lab_attach(lab, &one);
    lab_attach(lab, &two);
    assert_int_equal(datapath_each_link(lab->datapath, stop_at_first, &n), -ECANCELED);
    assert_int_equal(n, 1);
    assert_int_equal(datapath_each_link(lab->datapath, detach_it, lab), 0);
    assert_int_equal(count_links(lab), 0);
}

/* ---- over restarts ---- */

static void test_links_and_scopes_outlive_an_adoption(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "one");

    lab_attach(lab, &cgroup);
    assert_int_equal(set_scope(lab, &cgroup, 5), 0);
    assert_int_equal(lab_activate(lab), 0); /* the links are this run's */
    lab_restart(lab, DATAPATH_ADOPTED);
    assert_true(is_attached(lab, &cgroup));
    expect_scope(lab, &cgroup, 5, 105);
    lab_attach(lab, &cgroup);
    assert_int_equal(datapath_writes(lab->datapath), 0);
    assert_int_equal(lab_activate(lab), 0); /* the same programs on the same maps */
}

static void test_links_and_scopes_outlive_a_migration(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup one = lab_make_cgroup(lab, "one");
    struct lab_cgroup two = lab_make_cgroup(lab, "two");
    struct lab_cgroup dead = lab_make_cgroup(lab, "dead");
    struct gone gone = {lab, &dead};
    unsigned programs;

    lab_attach(lab, &one);
    programs = (unsigned)datapath_writes(lab->datapath);
    lab_attach(lab, &two);
    lab_attach(lab, &dead);
    assert_int_equal(set_scope(lab, &one, 5), 0);
    (void)lab_activate(lab);
    lab_lose_cgroup(lab, &dead);
    lab_until(is_detached, &gone, "the cgroup's links to end");
    lab_restart(lab, DATAPATH_MIGRATED);
    assert_true(is_attached(lab, &one));
    expect_scope(lab, &one, 5, 105);
    assert_int_equal(lab_activate(lab), 2 * programs); /* every link that is alive */
    assert_true(is_attached(lab, &one));
    expect_scope(lab, &one, 5, 105);
    assert_int_equal(lab_activate(lab), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_FORMS(test_attaching_leaves_the_task_without_a_scope),
        BOTH_FORMS(test_a_scope_needs_a_link),
        BOTH_FORMS(test_scope_and_resolver_are_kept_apart),
        BOTH_FORMS(test_detaching_takes_all_links_of_one_task),
        BOTH_FORMS(test_attached_again_it_sees_nothing_at_first),
        BOTH_FORMS(test_a_cgroup_that_has_gone_leaves_dead_links),
        BOTH_FORMS(test_dead_links_are_replaced),
        BOTH_FORMS(test_a_walk_over_links_ends_and_may_detach),
        BOTH_FORMS(test_links_and_scopes_outlive_an_adoption),
        BOTH_FORMS(test_links_and_scopes_outlive_a_migration),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
