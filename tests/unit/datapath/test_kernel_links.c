/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Pinned links as the kernel has them: of an earlier process, incomplete, foreign, refused. */
#include "unit/datapath/datapath_lab.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>

#define PROGRAMS 9

static void link_path(const struct lab_cgroup *cgroup, const char *pin, char *path, size_t size)
{
    (void)snprintf(path, size, LAB_PINS "/links/%s%s%s", cgroup->link, *pin ? "/" : "", pin);
}

static unsigned count_pins(const struct lab_cgroup *cgroup)
{
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;
    char path[512];
    unsigned n = 0;

    link_path(cgroup, "", path, sizeof(path));
    dir = opendir(path);
    while (dir && (entry = readdir(dir)))
        n += entry->d_name[0] != '.';
    return n;
}

static bool is_attached(struct lab *lab, const struct lab_cgroup *cgroup)
{
    return datapath_is_attached(lab->datapath, cgroup->link, cgroup->cgroup.id);
}

static int try_attach(struct lab *lab, const struct lab_cgroup *cgroup, struct error *error)
{
    *error = (struct error){0};
    return datapath_attach(lab->datapath, cgroup->link, cgroup->directory, cgroup->cgroup.id, error);
}

static void test_each_program_has_a_pin(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "web");
    char path[512];

    lab_attach(lab, &cgroup);
    assert_int_equal(count_pins(&cgroup), PROGRAMS);
    assert_int_equal(datapath_writes(lab->datapath), PROGRAMS);
    link_path(&cgroup, "connect4", path, sizeof(path));
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(datapath_detach(lab->datapath, cgroup.link), 0);
    link_path(&cgroup, "", path, sizeof(path));
    assert_true(access(path, F_OK) < 0);
    assert_int_equal(datapath_detach(lab->datapath, cgroup.link), 0);
}

/* ---- of an earlier process ---- */

/* Opens, attaches and ends without a word, having activated or not. */
static void run_earlier(struct lab *lab, const struct lab_cgroup *cgroup, bool activates)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct error error = {0};
        unsigned swapped;

        if (datapath_open(&lab->config, &lab->datapath, &error) < 0 || try_attach(lab, cgroup, &error) < 0 ||
            datapath_set_scope(lab->datapath, cgroup->cgroup.id, 5, 6) < 0 ||
            (activates && datapath_activate(lab->datapath, &swapped, &error) < 0))
            _exit(1);
        _exit(0); /* closes nothing, as one that is killed */
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void expect_scope(struct lab *lab, const struct lab_cgroup *cgroup)
{
    uint32_t scope = 0, namespace_scope = 0;

    assert_int_equal(datapath_get_scope(lab->datapath, cgroup->cgroup.id, &scope, &namespace_scope), 0);
    assert_int_equal(scope, 5);
    assert_int_equal(namespace_scope, 6);
}

static int on_link(const char *name, void *user)
{
    const struct lab_cgroup *cgroup = user;

    assert_string_equal(name, cgroup->link);
    return 0;
}

static void test_links_of_an_earlier_process_are_adopted(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "web");

    run_earlier(lab, &cgroup, true);
    lab_open(lab);
    assert_int_equal(datapath_origin(lab->datapath), DATAPATH_ADOPTED);
    assert_true(is_attached(lab, &cgroup));
    assert_int_equal(datapath_each_link(lab->datapath, on_link, &cgroup), 0);
    expect_scope(lab, &cgroup);
    lab_attach(lab, &cgroup);
    assert_int_equal(lab_activate(lab), 0); /* the same programs on the same maps */
    assert_int_equal(datapath_writes(lab->datapath), 0);
}

/* Its maps have gone with it, so its programs must give way though they are the same. */
/* Constants are in no program's tag: all that have any are swapped, and then no more. */
static void test_other_alias_ranges_are_other_programs(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "web");

    lab->config.alias_ranges = (struct svc_alias_ranges){.address4 = 1, .mask4 = 1};
    run_earlier(lab, &cgroup, true);
    lab_open(lab);
    assert_int_equal(lab_activate(lab), 0);
    datapath_close(&lab->datapath);
    lab->config.alias_ranges.mask4 = 3;
    lab_open(lab);
    assert_int_equal(datapath_origin(lab->datapath), DATAPATH_ADOPTED);
    assert_in_range(lab_activate(lab), 4,
                    PROGRAMS); /* connect and sendmsg of both families have the ranges */
    assert_int_equal(lab_activate(lab), 0);
}

static void test_links_to_maps_that_were_never_in_charge_are_swapped(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "web");

    run_earlier(lab, &cgroup, false);
    lab_open(lab);
    assert_int_equal(datapath_origin(lab->datapath), DATAPATH_NEW);
    assert_true(is_attached(lab, &cgroup));
    assert_int_equal(lab_activate(lab), PROGRAMS);
    assert_int_equal(lab_activate(lab), 0);
    assert_true(is_attached(lab, &cgroup));
}

/* ---- incomplete and foreign ---- */

static void test_what_is_missing_is_completed(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "web");
    char path[512];

    run_earlier(lab, &cgroup, true);
    link_path(&cgroup, "sendmsg6", path, sizeof(path));
    assert_int_equal(unlink(path), 0);
    lab_open(lab);
    assert_false(is_attached(lab, &cgroup));
    lab_attach(lab, &cgroup);
    assert_true(is_attached(lab, &cgroup));
    assert_int_equal(datapath_writes(lab->datapath), 1);
    expect_scope(lab, &cgroup); /* which the running task keeps */
}

static void test_what_is_no_link_gives_way(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "web");
    _cleanup_close_ int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "svc_stranger", 4, 4, 1, NULL);
    char path[512];

    lab_attach(lab, &cgroup);
    link_path(&cgroup, "connect6", path, sizeof(path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(bpf_obj_pin(map, path), 0);
    assert_false(is_attached(lab, &cgroup));
    lab_attach(lab, &cgroup);
    assert_true(is_attached(lab, &cgroup));
    /* A stranger beside ours goes with them; a directory is nobody's to take. */
    link_path(&cgroup, "stranger", path, sizeof(path));
    assert_int_equal(bpf_obj_pin(map, path), 0);
    link_path(&cgroup, "directory", path, sizeof(path));
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(datapath_detach(lab->datapath, cgroup.link) < 0);
    assert_int_equal(count_pins(&cgroup), 1);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(datapath_detach(lab->datapath, cgroup.link), 0);
}

static void test_a_link_to_another_cgroup_is_not_this_tasks(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup one = lab_make_cgroup(lab, "one");
    struct lab_cgroup two = lab_make_cgroup(lab, "two");

    lab_attach(lab, &one);
    strcpy(two.link, one.link);
    assert_false(is_attached(lab, &two));
    lab_attach(lab, &two);
    assert_true(is_attached(lab, &two));
    assert_false(is_attached(lab, &one));
}

/* ---- refused ---- */

static void test_a_cgroup_that_is_not_there(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "web");
    struct lab_cgroup other = cgroup;
    struct error error;
    char link[] = "/tmp/svcconnect-unit-XXXXXX";

    other.cgroup.id++;
    assert_int_equal(try_attach(lab, &other, &error), -ENOENT);
    assert_non_null(strstr(error.message, "was replaced meanwhile"));
    assert_int_equal(cgroup_remove(lab->config.cgroup_root, cgroup.cgroup.path), 0);
    assert_int_equal(try_attach(lab, &cgroup, &error), -ENOENT);
    assert_non_null(strstr(error.message, cgroup.directory));
    /* A symbolic link may lead elsewhere by the time it is followed. */
    cgroup = lab_make_cgroup(lab, "web");
    assert_non_null(mkdtemp(link));
    assert_int_equal(rmdir(link), 0);
    assert_int_equal(symlink(cgroup.directory, link), 0);
    strcpy(cgroup.directory, link);
    assert_true(try_attach(lab, &cgroup, &error) < 0);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(count_pins(&cgroup), 0);
    assert_int_equal(datapath_writes(lab->datapath), 0);
}

static int load_stranger(void)
{
    const struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1},
                                     {.code = BPF_JMP | BPF_EXIT}};
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);

    return bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "svc_stranger", "GPL", insns, 2, &options);
}

static void test_a_program_above_that_allows_no_others(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "above");
    _cleanup_close_ int above = open(cgroup.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_close_ int program = load_stranger();
    struct error error;

    assert_true(program >= 0);
    assert_int_equal(bpf_prog_attach(program, above, BPF_CGROUP_INET4_CONNECT, 0), 0);
    cgroup = lab_make_cgroup(lab, "above/web");
    assert_int_equal(try_attach(lab, &cgroup, &error), -EPERM);
    assert_non_null(strstr(error.message, "allows no others"));
    assert_non_null(strstr(error.message, cgroup.directory));
    assert_int_equal(bpf_prog_detach2(program, above, BPF_CGROUP_INET4_CONNECT), 0);
    lab_attach(lab, &cgroup);
}

static void test_no_room_for_another_program(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "web");
    _cleanup_close_ int directory = open(cgroup.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int programs[64];
    struct error error;

    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        programs[i] = load_stranger();
        assert_true(programs[i] >= 0);
        assert_int_equal(bpf_prog_attach(programs[i], directory, BPF_CGROUP_INET4_CONNECT, BPF_F_ALLOW_MULTI),
                         0);
    }
    assert_int_equal(try_attach(lab, &cgroup, &error), -EBUSY);
    assert_non_null(strstr(error.message, "detach others"));
    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        assert_int_equal(bpf_prog_detach2(programs[i], directory, BPF_CGROUP_INET4_CONNECT), 0);
        (void)close(programs[i]);
    }
    lab_attach(lab, &cgroup);
    assert_true(is_attached(lab, &cgroup));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_KERNEL(test_each_program_has_a_pin),
        KERNEL_CLOSED(test_links_of_an_earlier_process_are_adopted),
        KERNEL_CLOSED(test_other_alias_ranges_are_other_programs),
        KERNEL_CLOSED(test_links_to_maps_that_were_never_in_charge_are_swapped),
        KERNEL_CLOSED(test_what_is_missing_is_completed),
        IN_KERNEL(test_what_is_no_link_gives_way),
        IN_KERNEL(test_a_link_to_another_cgroup_is_not_this_tasks),
        IN_KERNEL(test_a_cgroup_that_is_not_there),
        IN_KERNEL(test_a_program_above_that_allows_no_others),
        IN_KERNEL(test_no_room_for_another_program),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
