# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# Where a page's commands run: namespaces of their own, and copies of the directories that they write into. $1: an empty directory,
# $2: the sources, $3: the build directory; the page's script on standard input. 77: there is no overlay here.
set -e
place=$1 sources=$2 programs=$3
mount --make-rprivate /
ip link set lo up
mount -t tmpfs none "$place"
copy() { # copy FROM TO: what is written to TO goes with the namespace
    mkdir -p "$place/upper$2" "$place/work$2" "$2"
    mount -t overlay none "$2" -o "lowerdir=$1,upperdir=$place/upper$2,workdir=$place/work$2" 2>"$place/why" || { cat "$place/why" && exit 77; }
}
for directory in /etc /usr/local /var "$sources"; do copy "$directory" "$directory"; done
[ "$programs" = "$sources/build" ] || copy "$programs" "$sources/build"
rm -rf /etc/svcconnect
mount -t tmpfs none /run
mount -t cgroup2 none /sys/fs/cgroup
mount -t bpf none /sys/fs/bpf
cd "$sources"
mkdir "$place/bin"
export PATH=$place/bin:/usr/local/sbin:/usr/local/bin:$PATH place
unset BUILD SVCCONNECT_SOCKET SVCCONNECT_BUILD MAKEFLAGS

# systemd and its daemon: what systemctl is told of svcconnectd is done, other units are not this machine's.
cat >"$place/bin/systemctl" <<'END'
#!/bin/bash
is_up() { svcconnect status >/dev/null 2>&1; }
case $* in
*disable*svcconnectd* | *stop*svcconnectd*)
    kill "$(cat "$place/pid")"
    tail --pid="$(cat "$place/pid")" -f /dev/null
    ;;
*svcconnectd*)
    is_up || { svcconnectd $(cat "$place/options" 2>/dev/null) >>"$place/log" 2>&1 & echo $! >"$place/pid"; }
    for ((i = 0; i < 1200; i++)); do is_up && exit 0; kill -0 "$(cat "$place/pid")" && sleep 0.05 || break; done
    tail -n 30 "$place/log" >&2
    exit 1
    ;;
esac
END
chmod +x "$place/bin/systemctl"

have_programs() { # as installed, for pages that do not install
    ln -s "$sources"/build/svcconnect{,-oci-runtime} /usr/local/bin/
    ln -s "$sources/build/svcconnectd" /usr/local/sbin/
}

ends_with() { # ends_with STATUS COMMAND
    local status=0
    eval "$2" || status=$?
    [ "$status" = "$1" ] || { echo "$2: exit status $status" >&2 && return 1; }
}

goes_on() { # goes_on COMMAND: is seen to run, and ended
    local status=0 i
    case $1 in
    svcconnectd\ *)
        bash -c "exec $1" >"$place/goes_on" 2>&1 &
        for ((i = 0; i < 1200; i++)); do
            ! svcconnect status >/dev/null 2>&1 || break
            kill -0 $! && sleep 0.05 || { cat "$place/goes_on" >&2 && return 1; }
        done
        svcconnect status >/dev/null && kill $! && wait $! || { cat "$place/goes_on" >&2 && return 1; }
        ;;
    *)
        # It has a terminal, as somebody has who types it.
        timeout -s INT 2 script -qec "$1" "$place/goes_on" </dev/null || status=$?
        case $status in 0 | 124 | 130) ;; *) cat "$place/goes_on" >&2 && return 1 ;; esac
        ;;
    esac
}

takes_settings() { # takes_settings JSON: as a configuration
    echo "$1" >"$place/settings.json"
    svcconnectd --config "$place/settings.json" --print-config >"$place/printed"
}

takes_document() { # takes_document JSON
    echo "$1" >"$place/document.json"
    svcconnect apply --dry-run -f "$place/document.json"
}

at=
trap 'echo "$at: $BASH_COMMAND: exit status $?" >&2' ERR
set -E
cat >"$place/script"
. "$place/script" </dev/null
echo "all of it"
