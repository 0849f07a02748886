/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The programs' events in both forms, and those that real connects of a task make. */
#include "unit/datapath/datapath_lab.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* ---- a program that tells what a test wants told ---- */

#define INSN(...)                                                                                            \
    (struct bpf_insn)                                                                                        \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

/* A record of `size` bytes, which are those of the event, as often as wanted. */
static void tell_kernel(const struct svc_event *event, uint32_t size, uint32_t times)
{
    const char *directory = access(LAB_PINS "/maps_new", F_OK) == 0 ? "maps_new" : "maps";
    _cleanup_close_ int events = lab_pinned(directory, "events");
    _cleanup_close_ int program = -1;
    struct bpf_insn insns[32];
    char packet[64] = {0};
    int32_t words[6];
    size_t n = 0;
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet),
                .repeat = (int)times);

    memcpy(words, event, sizeof(words));
    for (int i = 0; i < 6; i++)
        insns[n++] = INSN(.code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = 10, .off = (short)(i * 4 - 24),
                          .imm = words[i]);
    insns[n++] =
        INSN(.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = events);
    insns[n++] = INSN(0);
    insns[n++] = INSN(.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 10);
    insns[n++] = INSN(.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -24);
    insns[n++] = INSN(.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = (int)size);
    insns[n++] = INSN(.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 4, .imm = 0);
    insns[n++] = INSN(.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ringbuf_output);
    insns[n++] = INSN(.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0);
    insns[n++] = INSN(.code = BPF_JMP | BPF_EXIT);
    program = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "svc_tell", "GPL", insns, n, NULL);
    if (program < 0 || bpf_prog_test_run_opts(program, &options) < 0)
        fail_msg("the telling program: %s", strerror(errno));
}

static void tell(struct lab *lab, uint32_t endpoint, uint32_t times)
{
    struct svc_event event = {.endpoint = endpoint, .kind = EJECTED, .value = 5};

    if (lab->is_kernel)
        tell_kernel(&event, sizeof(event), times);
    else
        for (uint32_t i = 0; i < times; i++)
            assert_int_equal(memory_datapath_tell(lab->datapath, &event), 0);
}

struct heard {
    unsigned n;
    struct svc_event events[8]; /* the first */
};

static void on_event(const struct svc_event *event, void *user)
{
    struct heard *heard = user;

    if (heard->n < ARRAY_SIZE(heard->events))
        heard->events[heard->n] = *event;
    heard->n++;
}

/* ---- both forms ---- */

static void test_events_come_in_their_order(void **state)
{
    struct lab *lab = lab_of(state);
    struct heard heard = {0};

    tell(lab, 1, 1); /* before anybody listens */
    assert_int_equal(datapath_listen(lab->datapath, on_event, &heard), 0);
    assert_true(lab_is_readable(datapath_events_fd(lab->datapath)));
    assert_int_equal(heard.n, 0); /* listening reads nothing yet */
    tell(lab, 2, 1);
    datapath_read_events(lab->datapath);
    assert_int_equal(heard.n, 2);
    assert_int_equal(heard.events[0].endpoint, 1);
    assert_int_equal(heard.events[1].endpoint, 2);
    assert_int_equal(heard.events[1].kind, EJECTED);
    assert_int_equal(heard.events[1].value, 5);
    assert_false(lab_is_readable(datapath_events_fd(lab->datapath)));
    datapath_read_events(lab->datapath); /* nothing is left */
    assert_int_equal(heard.n, 2);
}

static void test_a_storm_is_read_in_parts(void **state)
{
    struct lab *lab = lab_of(state);
    struct heard heard = {0};

    assert_int_equal(datapath_listen(lab->datapath, on_event, &heard), 0);
    tell(lab, 1, 2500);
    datapath_read_events(lab->datapath);
    assert_int_equal(heard.n, 1024); /* and the loop gets its turn */
    assert_true(lab_is_readable(datapath_events_fd(lab->datapath)));
    datapath_read_events(lab->datapath);
    datapath_read_events(lab->datapath);
    assert_int_equal(heard.n, 2500);
    assert_false(lab_is_readable(datapath_events_fd(lab->datapath)));
}

static void test_what_nobody_has_read_is_the_next_runs(void **state)
{
    struct lab *lab = lab_of(state);
    struct heard heard = {0};

    assert_int_equal(datapath_listen(lab->datapath, on_event, &heard), 0);
    tell(lab, 1, 1);
    datapath_read_events(lab->datapath);
    tell(lab, 2, 1);
    (void)lab_activate(lab);
    lab_restart(lab, DATAPATH_ADOPTED);
    assert_int_equal(datapath_listen(lab->datapath, on_event, &heard), 0);
    datapath_read_events(lab->datapath);
    assert_int_equal(heard.n, 2);
    assert_int_equal(heard.events[1].endpoint, 2);
}

/* ---- the kernel ---- */

static void test_a_record_that_is_too_short_is_passed_over(void **state)
{
    struct lab *lab = lab_of(state);
    struct svc_event event = {.endpoint = 1};
    struct heard heard = {0};

    assert_int_equal(datapath_listen(lab->datapath, on_event, &heard), 0);
    tell_kernel(&event, sizeof(event) - 1, 1);
    tell(lab, 2, 1);
    datapath_read_events(lab->datapath);
    assert_int_equal(heard.n, 1);
    assert_int_equal(heard.events[0].endpoint, 2);
}

/* A port of the loopback that nobody listens on: bound, so that nobody else will. */
static int make_closed_port(struct sockaddr_in *ret_address)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_address = address;
    return fd;
}

/* A process of the cgroup tries so many times; returns how often it was refused. */
static int connect_within(const struct lab_cgroup *cgroup, const struct sockaddr_in *address, int times)
{
    char path[sizeof(cgroup->directory) + 16];
    pid_t child = fork();
    int status;

    if (child == 0) {
        _cleanup_fclose_ FILE *procs = NULL;
        int refused = 0;

        (void)snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup->directory);
        procs = fopen(path, "we");
        if (!procs || fprintf(procs, "0\n") < 0 || fflush(procs) != 0)
            _exit(99);
        for (int i = 0; i < times; i++) {
            int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

            refused +=
                connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 && errno == ECONNREFUSED;
            (void)close(fd);
        }
        _exit(refused);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_refused_connects_eject_an_endpoint(void **state)
{
    struct lab *lab = lab_of(state);
    struct lab_cgroup cgroup = lab_make_cgroup(lab, "web");
    struct svc_endpoint endpoint = {.protocol = TCP};
    struct svc_peer_key peer = {.namespace_scope = 2, .protocol = TCP};
    struct svc_outlier *outlier = datapath_outlier(lab->datapath, 1);
    struct svc_endpoint_stats stats = {0};
    struct heard heard = {0};
    struct sockaddr_in address;
    _cleanup_close_ int port = make_closed_port(&address);

    peer.port_be = address.sin_port;
    memset(peer.address + 10, 0xff, 2);
    memcpy(peer.address + 12, &address.sin_addr, 4);
    assert_int_equal(datapath_put_endpoint(lab->datapath, 1, &endpoint), 0);
    assert_int_equal(datapath_put_peer(lab->datapath, &peer, 1), 0);
    outlier->failures = 3;
    outlier->window_ms = 3600000;
    outlier->base_ms = outlier->max_ms = 3600000;
    outlier->namespace_scope = peer.namespace_scope;
    outlier->protocol = peer.protocol;
    outlier->port_be = peer.port_be;
    memcpy(outlier->address, peer.address, sizeof(outlier->address));
    lab_attach(lab, &cgroup);
    /* Before it has a scope nothing of it is judged. */
    assert_int_equal(connect_within(&cgroup, &address, 1), 1);
    assert_int_equal(datapath_endpoint_stats(lab->datapath, 1, &stats), 0);
    assert_int_equal(stats.refused, 0);
    assert_int_equal(datapath_set_scope(lab->datapath, cgroup.cgroup.id, 1, 2), 0);
    assert_int_equal(connect_within(&cgroup, &address, 3), 3);
    assert_int_equal(datapath_endpoint_stats(lab->datapath, 1, &stats), 0);
    assert_int_equal(stats.refused, 3);
    assert_int_equal(stats.ejections, 1);
    assert_int_equal(datapath_listen(lab->datapath, on_event, &heard), 0);
    datapath_read_events(lab->datapath);
    assert_int_equal(heard.n, 3);
    assert_int_equal(heard.events[0].kind, CONNECT_FAILED);
    assert_int_equal(heard.events[0].endpoint, 1);
    assert_int_equal(heard.events[0].outcome, REFUSED);
    assert_int_equal(heard.events[2].kind, EJECTED);
    assert_int_equal(heard.events[2].value, 3600000);
    assert_true(outlier->ejected_until > 0);
    /* Detached, it is judged no more. */
    assert_int_equal(datapath_detach(lab->datapath, cgroup.link), 0);
    assert_int_equal(connect_within(&cgroup, &address, 1), 1);
    assert_int_equal(datapath_endpoint_stats(lab->datapath, 1, &stats), 0);
    assert_int_equal(stats.refused, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_FORMS(test_events_come_in_their_order),
        BOTH_FORMS(test_a_storm_is_read_in_parts),
        BOTH_FORMS(test_what_nobody_has_read_is_the_next_runs),
        IN_KERNEL(test_a_record_that_is_too_short_is_passed_over),
        IN_KERNEL(test_refused_connects_eject_an_endpoint),
    };

    lab_guard();
    return cmocka_run_group_tests(tests, lab_begin, lab_end);
}
