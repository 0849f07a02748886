/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Pins that are removed under a running daemon: nothing is detached, and they come back. */
#include "unit/datapath/datapath_lab.h"

#include <linux/bpf.h>

#define PROGRAMS 9
#define ALL      100 /* more tasks than there are */

static void path_of(char path[512], const char *directory, const char *pin)
{
    (void)snprintf(path, 512, LAB_PINS "/%s/%s", directory, pin);
}

static void link_directory(char path[256], const struct lab_cgroup *cgroup)
{
    (void)snprintf(path, 256, "links/%s", cgroup->link);
}

static void remove_pin(const char *directory, const char *pin)
{
    char path[512];

    path_of(path, directory, pin);
    assert_int_equal(unlink(path), 0);
}

static bool has_pin(const char *directory, const char *pin)
{
    char path[512];

    path_of(path, directory, pin);
    return access(path, F_OK) == 0;
}

static struct datapath_mended mend(struct lab *lab)
{
    struct datapath_mended mended;
    struct error error = {0};

    if (datapath_mend_directory(lab->datapath, &error) < 0 ||
        datapath_mend(lab->datapath, ALL, &mended, &error) < 0)
        fail_msg("%s", error.message);
    return mended;
}

/* How many programs of this kind the cgroup has, whoever pinned them. */
static unsigned programs_of(const struct lab_cgroup *cgroup, enum bpf_attach_type type)
{
    _cleanup_close_ int fd = open(cgroup->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint32_t ids[64];
    uint32_t n = 64;

    assert_int_equal(bpf_prog_query(fd, type, 0, NULL, ids, &n), 0);
    return n;
}

/* With the cgroup `web` attached and activated. */
static struct lab_cgroup begin(struct lab *lab)
{
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "web");

    lab_attach(lab, &cgroup);
    (void)lab_activate(lab);
    return cgroup;
}

static void test_nothing_gone_is_nothing_mended(void **state)
{
    struct lab *lab = lab_of(state);
    struct datapath_mended mended;

    (void)begin(lab);
    mended = mend(lab);
    assert_int_equal(mended.maps + mended.links + mended.n_lost, 0);
}

static void test_single_pins_come_back(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = begin(lab);
    struct datapath_mended mended;
    char links[256];

    link_directory(links, &cgroup);
    remove_pin("maps", "slots");
    remove_pin("maps", "tasks");
    remove_pin(links, "connect4");
    mended = mend(lab);
    assert_int_equal(mended.maps, 2);
    assert_int_equal(mended.links, 1);
    assert_true(has_pin("maps", "slots") && has_pin("maps", "tasks") && has_pin(links, "connect4"));
    mended = mend(lab);
    assert_int_equal(mended.maps + mended.links, 0);
}

/* Another map under the name of one: the next start would take it for ours. */
static void test_a_foreign_map_gives_way(void **state)
{
    struct lab *lab = lab_of(state);
    _cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "foreign", 4, 4, 1, NULL);
    char path[512];

    (void)begin(lab);
    remove_pin("maps", "counters");
    path_of(path, "maps", "counters");
    assert_int_equal(bpf_obj_pin(fd, path), 0);
    assert_int_equal(mend(lab).maps, 1);
    lab_restart(lab, DATAPATH_ADOPTED);
}

/* The program stays on the cgroup from the removal to the mending, and is there once afterwards. */
static void test_nobody_is_detached_meanwhile(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = begin(lab);

    lab_remove_pins();
    (void)usleep(100000); /* a link that nobody holds goes a little later */
    assert_int_equal(programs_of(&cgroup, BPF_CGROUP_INET4_CONNECT), 1);
    assert_int_equal(mend(lab).links, PROGRAMS);
    assert_int_equal(programs_of(&cgroup, BPF_CGROUP_INET4_CONNECT), 1);
    assert_true(datapath_is_attached(lab->datapath, cgroup.link, cgroup.cgroup.id));
}

static void test_attaching_before_the_mending_does_not_attach_twice(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = begin(lab);

    lab_remove_pins();
    lab_attach(lab, &cgroup);
    assert_int_equal(programs_of(&cgroup, BPF_CGROUP_INET4_CONNECT), 1);
    assert_true(datapath_is_attached(lab->datapath, cgroup.link, cgroup.cgroup.id));
}

static void test_detaching_without_pins_detaches(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = begin(lab);

    lab_remove_pins();
    assert_int_equal(datapath_detach(lab->datapath, cgroup.link), 0);
    assert_int_equal(programs_of(&cgroup, BPF_CGROUP_INET4_CONNECT), 0);
    assert_int_equal(mend(lab).links, 0);
}

static void test_links_of_a_dead_cgroup_stay_away(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = begin(lab);

    lab_lose_cgroup(lab, &cgroup);
    lab_remove_pins();
    (void)mend(lab);
    (void)usleep(100000);
    lab_remove_pins();
    assert_int_equal(mend(lab).links, 0);
}

/* Pins go, come back, and then the process ends without a word: also links that were adopted are held. */
static void run_earlier(struct lab *lab, const struct lab_cgroup *cgroup)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct error error = {0};
        struct datapath_mended mended;
        unsigned swapped;

        if (datapath_open(&lab->config, &lab->datapath, &error) < 0 ||
            datapath_attach(lab->datapath, cgroup->link, cgroup->directory, cgroup->cgroup.id, &error) < 0 ||
            datapath_activate(lab->datapath, &swapped, &error) < 0)
            _exit(1);
        lab_remove_pins();
        if (datapath_mend_directory(lab->datapath, &error) < 0 ||
            datapath_mend(lab->datapath, ALL, &mended, &error) < 0)
            _exit(2);
        _exit(mended.links == PROGRAMS ? 0 : 3);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_what_came_back_is_adopted(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "web");

    for (int run = 0; run < 2; run++) { /* the second one adopts */
        run_earlier(lab, &cgroup);
        assert_int_equal(programs_of(&cgroup, BPF_CGROUP_INET4_CONNECT), 1);
    }
    lab_open(lab);
    assert_int_equal(datapath_origin(lab->datapath), DATAPATH_ADOPTED);
    assert_true(datapath_is_attached(lab->datapath, cgroup.link, cgroup.cgroup.id));
    assert_int_equal(lab_activate(lab), 0);
}

static void test_links_of_many_tasks_are_looked_at_in_turn(void **state)
{
    struct lab *lab = lab_of(state);
    static const char *const names[] = {"a", "b", "c"};
    struct datapath_mended mended;
    struct error error = {0};
    unsigned links = 0;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct lab_cgroup cgroup = lab_make_cgroup(lab, names[i]);

        lab_attach(lab, &cgroup);
    }
    (void)lab_activate(lab);
    lab_remove_pins();
    assert_int_equal(datapath_mend_directory(lab->datapath, &error), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(datapath_mend(lab->datapath, 2, &mended, &error), 0);
        links += mended.links;
        assert_int_equal(mended.links, i == 0 ? 2 * PROGRAMS : PROGRAMS);
    }
    assert_int_equal(links, 3 * PROGRAMS);
}

/* Nothing is made where the next mount would hide it. */
static void test_without_a_bpffs_nothing_is_made(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = begin(lab);
    struct error error = {0};

    assert_int_equal(umount2(LAB_BPFFS, MNT_DETACH), 0);
    assert_int_equal(mount("none", LAB_BPFFS, "tmpfs", 0, NULL), 0);
    assert_int_equal(datapath_mend_directory(lab->datapath, &error), -ENODEV);
    assert_non_null(strstr(error.message, "mount -t bpf bpf " LAB_BPFFS));
    assert_true(access(LAB_PINS, F_OK) < 0);
    assert_int_equal(umount(LAB_BPFFS), 0);
    assert_int_equal(mount("bpf", LAB_BPFFS, "bpf", 0, NULL), 0);
    assert_int_equal(mend(lab).links, PROGRAMS);
    assert_int_equal(programs_of(&cgroup, BPF_CGROUP_INET4_CONNECT), 1);
    lab_restart(lab, DATAPATH_ADOPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_KERNEL(test_nothing_gone_is_nothing_mended),
        IN_KERNEL(test_single_pins_come_back),
        IN_KERNEL(test_a_foreign_map_gives_way),
        IN_KERNEL(test_nobody_is_detached_meanwhile),
        IN_KERNEL(test_attaching_before_the_mending_does_not_attach_twice),
        IN_KERNEL(test_detaching_without_pins_detaches),
        IN_KERNEL(test_links_of_a_dead_cgroup_stay_away),
        KERNEL_CLOSED(test_what_came_back_is_adopted),
        IN_KERNEL(test_links_of_many_tasks_are_looked_at_in_turn),
        IN_KERNEL(test_without_a_bpffs_nothing_is_made),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
