# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Lines of README.md and docs/moving.md paste as they are, in their order; README's dump of the kernel has the members that there are."""
import json
import os
import re
import shutil

from testbed import BUILD, TOP, Skip, Testbed, need_program

# Pasted where the daemon's usual places, addresses and cgroups are nobody else's.
ALONE = r"""
set -e
mount --make-rprivate /
ip link set lo up
for directory in /run /var/lib /etc/svcconnect "$1"; do
    [ ! -d "$directory" ] || mount -t tmpfs none "$directory"
done
mount -t cgroup2 none /sys/fs/cgroup
mount -t bpf none /sys/fs/bpf
cd "$1"
ln -s "$2" build
cat > script
bash -e script </dev/null
bpftool -j map dump pinned /sys/fs/bpf/svcconnect/maps/endpoints > endpoints.json
bpftool -j map dump pinned /sys/fs/bpf/svcconnect/maps/endpoint_stats > stats.json
tail -n 100 endpoints.json stats.json
"""


def blocks(heading, name="README.md"):
    """The indented lines below a heading, as one pastes them."""
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        text = file.read()
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)[1]
    return "".join(line[4:] if line.startswith("    ") else "\n" for line in section.splitlines(keepends=True)
                   if line.startswith("    ") or not line.strip())


def members(value, path=""):
    """Every name in a JSON value, with the names above it."""
    if isinstance(value, list):
        return set().union(*(members(item, path) for item in value)) if value else set()
    if isinstance(value, dict):
        return set().union(*({f"{path}.{name}"} | members(item, f"{path}.{name}") for name, item in value.items()))
    return set()


def paste(bed, text):
    """Runs it in namespaces and a cgroup of its own. Returns what it printed."""
    place = os.path.join(bed.base, "paste")
    os.mkdir(place)
    task = bed.bare_task("readme")
    return bed.run(["unshare", "--mount", "--net", "--cgroup", "--pid", "--fork", "--kill-child", "--mount-proc", "bash",
                    "-c", ALONE, "bash", place, BUILD], input=text, timeout=60, cgroup=task.directory)


def test_first_steps():
    for program in ("curl", "python3", "bpftool"):
        need_program(program)
    with Testbed(start=False) as bed:
        text = blocks("First steps by hand")
        assert "service.json" in text and "--follow" not in text, text
        result = paste(bed, text + "\nsvcconnect endpoints --json\n")
        assert result.rc == 0, result
        assert re.search(r"^200$", result.out, re.M), "the command of run was answered"
        assert re.search(r"^1 service created; 1 document created$", result.out, re.M), result.out
        with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
            printed = file.read()
        dumped = result.out.split("==> ")
        for name in ("endpoints.json", "stats.json"):
            [dump] = [part for part in dumped if part.startswith(name)]
            real = members(json.loads(dump.split("\n", 1)[1].strip())[0]["formatted"])
            name = {"endpoints.json": "endpoints", "stats.json": "endpoint_stats"}[name]
            shown = re.search(rf"maps/{name}\n(.*?)\n        \.\.\. ", printed, re.S)[1]
            for word in re.findall(r'"([a-z_]+)":', shown):
                assert any(path.endswith("." + word) for path in real), f"{name}: README has {word}, the map has {real}"


START = """build/svcconnectd & export PATH=$PWD/build:$PATH
    until svcconnect status >/dev/null 2>&1; do sleep 0.1; done
"""


def commands_of(table):
    """The commands and settings in the last column of a table, one a line."""
    for line in table.splitlines():
        for words in re.findall(r"`([^`]+)`", line.rpartition("| ")[2] if line.startswith("| `") else ""):
            if words.startswith("register web --id"):
                yield f"svcconnect {words}"
            elif "=" in words and " --" not in words:
                yield f"svcconnect set web {words}"


def test_moving_from_a_proxy():
    with Testbed(start=False) as bed:
        text = blocks("From an nginx or HAProxy sidecar", os.path.join("docs", "moving.md"))
        with open(os.path.join(TOP, "docs", "moving.md"), encoding="utf-8") as file:
            more = list(commands_of(file.read().partition("| in HAProxy |")[2]))
        assert len(more) >= 6, more
        result = paste(bed, START + text + "\n".join(more) + "\nsvcconnect settings web\n")
        assert result.rc == 0, result
        assert re.search(r"web:80 .*127\.0\.0\.2:8081|83\.3", result.out), result.out


def test_the_aws_command_line():
    if not shutil.which("aws"):
        raise Skip("aws is not installed")
    with Testbed(start=False) as bed:
        before = START + """python3 -m http.server 8081 --bind 127.0.0.2 >/dev/null 2>&1 &
            export AWS_PAGER= AWS_EC2_METADATA_DISABLED=true\n"""
        result = paste(bed, before + blocks("The AWS command line"))
        assert result.rc == 0, result
        assert re.search(r"^200$", result.out, re.M) and "backend-task-1" in result.out, result
