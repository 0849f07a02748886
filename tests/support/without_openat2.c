/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Runs a command for which openat2() is not implemented, as service managers and container runtimes arrange
 * it. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {.len = sizeof(program) / sizeof(program[0]), .filter = program};

    if (argc < 2)
        return fputs("usage: without_openat2 COMMAND...\n", stderr), 2;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0)
        return fprintf(stderr, "without_openat2: %s\n", strerror(errno)), 1;
    (void)execvp(argv[1], argv + 1);
    return fprintf(stderr, "without_openat2: %s: %s\n", argv[1], strerror(errno)), 1;
}
