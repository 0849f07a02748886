/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One sentence for the first thing that a host lacks; what it lacks is taken from a child process. */
#include "unit/datapath/datapath_lab.h"

#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

struct outcome {
    int result;
    struct error error;
};

static struct outcome *outcome; /* shared with the child */

/* What the child does without: called in it; negative: cannot be done here. */
typedef int (*lack_fn)(void *user);

static int check(const struct datapath_config *config, lack_fn lack, void *user)
{
    pid_t child;
    int status;

    *outcome = (struct outcome){0};
    child = fork();
    if (child == 0) {
        if (lack && lack(user) < 0)
            _exit(1);
        outcome->result = datapath_preflight(config, &outcome->error);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0)
        skip();
    return outcome->result;
}

static void expect(int result, int wanted, const char *text)
{
    if (result != wanted || !strstr(outcome->error.message, text))
        fail_msg("%d: %s; expected %d and \"%s\"", result, outcome->error.message, wanted, text);
}

static void test_a_host_that_has_it_all(void **state)
{
    struct lab *lab = lab_of(state);

    if (check(&lab->config, NULL, NULL) < 0)
        fail_msg("%s", outcome->error.message);
    assert_true(access(LAB_PINS, F_OK) < 0); /* nothing has been touched */
    lab->config.bpffs = LAB_PINS "/a/b/c";   /* made later, as far as it is missing */
    assert_int_equal(check(&lab->config, NULL, NULL), 0);
}

/* ---- directories ---- */

static void test_a_directory_on_no_bpffs(void **state)
{
    struct lab *lab = lab_of(state);
    char directory[] = "/tmp/svcconnect-unit-XXXXXX";
    char below[64];

    assert_non_null(mkdtemp(directory));
    lab->config.bpffs = directory;
    expect(check(&lab->config, NULL, NULL), -ENODEV, directory);
    assert_non_null(strstr(outcome->error.message, "mount -t bpf"));
    /* Not there: the nearest directory above tells. */
    (void)snprintf(below, sizeof(below), "%s/a/b", directory);
    lab->config.bpffs = below;
    expect(check(&lab->config, NULL, NULL), -ENODEV, below);
    lab->config.bpffs = "no-such-directory/below-the-working-directory";
    expect(check(&lab->config, NULL, NULL), -ENODEV, "no-such-directory");
    assert_int_equal(rmdir(directory), 0);
}

static void test_a_file_is_no_directory(void **state)
{
    struct lab *lab = lab_of(state);

    lab->config.bpffs = "/dev/null";
    expect(check(&lab->config, NULL, NULL), -ENOTDIR, "--bpffs /dev/null is not a directory");
}

static void test_no_cgroup2_mount(void **state)
{
    struct lab *lab = lab_of(state);

    lab->config.cgroup_root = "/tmp";
    expect(check(&lab->config, NULL, NULL), -ENODEV, "--cgroup-root /tmp is not a cgroup v2 mount");
    lab->config.cgroup_root = "/no/such/directory";
    expect(check(&lab->config, NULL, NULL), -ENODEV, "/no/such/directory");
}

/* ---- capabilities ---- */

static int keep_capabilities(void *user)
{
    const unsigned *kept = user; /* up to 0 */
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};

    for (; *kept; kept++) {
        data[*kept / 32].effective |= 1u << *kept % 32;
        data[*kept / 32].permitted |= 1u << *kept % 32;
    }
    return (int)syscall(SYS_capset, &header, data);
}

static void test_a_capability_that_is_missing(void **state)
{
    struct lab *lab = lab_of(state);
    unsigned sets[][4] = {
        {CAP_NET_ADMIN, CAP_PERFMON}, {CAP_BPF, CAP_PERFMON}, {CAP_BPF, CAP_NET_ADMIN}, {CAP_DAC_OVERRIDE}};

    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        expect(check(&lab->config, keep_capabilities, sets[i]), -EPERM, "capability missing");
        assert_non_null(strstr(outcome->error.message, "CAP_BPF"));
        assert_non_null(strstr(outcome->error.message, "root"));
    }
}

static void test_three_capabilities_or_one_will_do(void **state)
{
    struct lab *lab = lab_of(state);
    unsigned three[] = {CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, 0};
    unsigned one[] = {CAP_SYS_ADMIN, 0};

    /* What comes after is told, so this was passed. */
    lab->config.cgroup_root = "/tmp";
    expect(check(&lab->config, keep_capabilities, three), -ENODEV, "--cgroup-root");
    expect(check(&lab->config, keep_capabilities, one), -ENODEV, "--cgroup-root");
}

/* ---- the kernel and its policy ---- */

struct refusal {
    uint32_t call;
    uint32_t argument; /* which of its arguments must have this value; 6: none */
    uint32_t value;
    uint32_t number; /* errno */
};

static int refuse(void *user)
{
    const struct refusal *refusal = user;
    uint32_t offset =
        refusal->argument < 6
            ? (uint32_t)(offsetof(struct seccomp_data, args) + refusal->argument * sizeof(uint64_t))
            : (uint32_t)offsetof(struct seccomp_data, nr);
    uint32_t value = refusal->argument < 6 ? refusal->value : refusal->call;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refusal->call, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (refusal->number & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {ARRAY_SIZE(filter), filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

static void test_what_the_kernel_refuses(void **state)
{
    struct lab *lab = lab_of(state);
    static const struct {
        struct refusal refusal;
        int result;
        const char *text;
    } rows[] = {
        {{SYS_bpf, 6, 0, EPERM}, -EPERM, "the bpf() system call is refused"},
        {{SYS_bpf, 6, 0, ENOSYS}, -ENOTSUP, "kernel feature missing: mappable BPF arrays (Linux 5.5)"},
        {{SYS_bpf, 0, BPF_MAP_CREATE, EINVAL}, -ENOTSUP, "mappable BPF arrays (Linux 5.5)"},
        {{SYS_mmap, 3, MAP_SHARED, EINVAL}, -ENOTSUP, "mapping a BPF array (Linux 5.5)"},
        {{SYS_bpf, 0, BPF_PROG_LOAD, EINVAL}, -ENOTSUP, "BPF programs on connect() of a cgroup"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct refusal refusal = rows[i].refusal;

        expect(check(&lab->config, refuse, &refusal), rows[i].result, rows[i].text);
    }
}

/* Of several things that are missing the first is told, in an order that helps. */
static void test_the_first_that_is_missing_is_told(void **state)
{
    struct lab *lab = lab_of(state);
    unsigned none[] = {0};

    lab->config.cgroup_root = "/tmp";
    lab->config.bpffs = "/dev/null";
    expect(check(&lab->config, keep_capabilities, none), -EPERM, "capability missing");
    expect(check(&lab->config, NULL, NULL), -ENODEV, "--cgroup-root");
}

static int setup_all(void **state)
{
    outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return outcome == MAP_FAILED ? -1 : lab_begin(state);
}

static int teardown_all(void **state)
{
    (void)munmap(outcome, sizeof(*outcome));
    return lab_end(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KERNEL_CLOSED(test_a_host_that_has_it_all),
        KERNEL_CLOSED(test_a_directory_on_no_bpffs),
        KERNEL_CLOSED(test_a_file_is_no_directory),
        KERNEL_CLOSED(test_no_cgroup2_mount),
        KERNEL_CLOSED(test_a_capability_that_is_missing),
        KERNEL_CLOSED(test_three_capabilities_or_one_will_do),
        KERNEL_CLOSED(test_what_the_kernel_refuses),
        KERNEL_CLOSED(test_the_first_that_is_missing_is_told),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
