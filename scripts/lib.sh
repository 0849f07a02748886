# shellcheck shell=bash
# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# What the scripts beside this file share; it is sourced, not run. It changes to the top of the source tree.

top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd -- "$top" || exit 1
# cron, su and minimal containers leave out the directories that hold bpftool, mount and ip.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' blue=$'\e[34m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' yellow='' blue='' plain=''
fi
# Not every script uses every colour.
: "$bold$dim$red$green$yellow$blue$plain"

heading() {
    printf '\n%s== %s ==%s\n' "$bold$blue" "$*" "$plain"
}

note() {
    printf '%s\n' "$*"
}

die() {
    printf '%s%s: %s%s\n' "$red" "${0##*/}" "$*" "$plain" >&2
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || die "$1 needs root; run: sudo ${0}"
}

# --- cleanup stack: the last thing set up is the first one undone; a failing step does not stop the others.
cleanup_steps=()

# on_exit COMMAND ARGUMENTS...
on_exit() {
    local step
    printf -v step '%q ' "$@"
    cleanup_steps+=("$step")
}

run_cleanups() {
    local i status=$?
    trap '' INT TERM HUP
    set +e
    for ((i = ${#cleanup_steps[@]} - 1; i >= 0; i--)); do
        eval "${cleanup_steps[i]}"
    done
    cleanup_steps=()
    exit "$status"
}

# Call once, before the first on_exit.
use_cleanups() {
    trap run_cleanups EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# scratch_dir VARIABLE: a private directory that goes at exit
scratch_dir() {
    local made
    made=$(mktemp -d "${TMPDIR:-/tmp}/svcconnect-${0##*/}.XXXXXX")
    on_exit rm -rf -- "$made"
    printf -v "$1" '%s' "$made"
}

# --- what the kernel has mounted
# The mount point of cgroup v2: /sys/fs/cgroup on unified hosts, elsewhere on hybrid ones. One that shows the
# hierarchy's root is preferred. Prints nothing when there is none.
find_cgroup2() {
    local found
    found=$(awk '{
        dash = 0
        for (i = 7; i <= NF; i++) if ($i == "-") { dash = i; break }
        if (dash && $(dash + 1) == "cgroup2") {
            if ($4 == "/") { print $5; done = 1; exit }
            if (other == "") other = $5
        }
    }
    END { if (!done && other != "") print other }' /proc/self/mountinfo)
    # mountinfo writes a space as \040
    printf '%b' "${found//\\/\\0}"
}

bpffs_is_empty() {
    local entry
    for entry in /sys/fs/bpf/* /sys/fs/bpf/.[!.]*; do
        case $entry in
        */maps.debug | */progs.debug) ;; # the kernel's own
        *) [ ! -e "$entry" ] || return 1 ;;
        esac
    done
}

unmount_bpffs() {
    # Somebody else may have pinned something meanwhile; unmounting would take it away.
    ! bpffs_is_empty || umount /sys/fs/bpf
}

# Mounts bpffs at /sys/fs/bpf unless it is there; what was mounted here is unmounted at exit.
mount_bpffs() {
    [ "$(stat -f -c %T /sys/fs/bpf 2>/dev/null)" != bpf_fs ] || return 0
    [ -d /sys/fs/bpf ] || die "/sys/fs/bpf does not exist: this kernel has no BPF file system, or /sys is not mounted"
    mount -t bpf bpf /sys/fs/bpf || die "cannot mount bpffs at /sys/fs/bpf (in a container: it needs CAP_SYS_ADMIN)"
    on_exit unmount_bpffs
    note "mounted bpffs at /sys/fs/bpf for this run"
}

# Under sudo, what was built belongs to the caller, so that a later plain `make` can go on with it.
give_back() {
    if [ -n "${SUDO_UID:-}" ] && [ -n "${SUDO_GID:-}" ] && [ -e "$1" ]; then
        chown -hR "$SUDO_UID:$SUDO_GID" "$1"
    fi
}

processors() {
    nproc 2>/dev/null || echo 2
}
