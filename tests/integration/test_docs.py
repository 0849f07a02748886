# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The commands of docs/*.md run as they stand there, in their order (pages.py says how); README's are test_readme's, those of docs/aws.md
test_aws_docs'."""
import functools
import itertools
import os
import re
import subprocess

import pages
from container_host import SERVER, Host, outcome
from docker_host import make_image
from testbed import BUILD, CLI, DAEMON, TOP, Skip, Testbed, need_plain_programs, need_program, note

NO_COMMANDS = {"api.md"}  # its blocks are shapes of answers, which test_openapi compares with the daemon's
ELSEWHERE = {"aws.md"}

# A Docker host is there: what systemctl starts runs already, and what is built here goes with the namespace.
DOCKER_HOST = r"""
set -eE
mount --make-rprivate /
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/bin"
mount -t overlay none "$2" -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" || exit 77
[ "$3" = "$2/build" ] || { mkdir -p "$2/build" "$1/programs" "$1/work2"
    mount -t overlay none "$2/build" -o "lowerdir=$3,upperdir=$1/programs,workdir=$1/work2" || exit 77; }
cd "$2"
printf '#!/bin/sh\nexec "%s" status\n' "$4" >"$1/bin/systemctl"
ln -s "$4" "$1/bin/svcconnect"
chmod +x "$1/bin/systemctl"
export PATH=$1/bin:$PATH
unset BUILD MAKEFLAGS SVCCONNECT_BUILD
trap 'echo "$at: $BASH_COMMAND: exit status $?" >&2' ERR
cat >"$1/script"
. "$1/script" </dev/null
"""


def run_page(page, programs=()):
    for program in ("bpftool", "script", *programs):
        need_program(program)
    with Testbed(start=False) as bed:
        place = os.path.join(bed.base, "page")
        os.mkdir(place)
        task = bed.bare_task("page")
        result = bed.run(["unshare", "--mount", "--net", "--cgroup", "--pid", "--fork", "--kill-child", "--mount-proc", "bash",
                          os.path.join(pages.HERE, "pages", "place.sh"), place, TOP, BUILD], input=pages.script_of(page), timeout=240, cgroup=task.directory)
        if result.rc == 77:
            raise Skip(f"no overlay of this host can be mounted: {result.out.strip()}")
        assert result.rc == 0 and result.out.endswith("all of it\n"), f"{result.err}\n{result.out[-3000:]}"
        return result.out


def test_containers():
    need_plain_programs("the page makes an image of what is there, without one")
    for program in ("iptables", "make", "busybox"):
        need_program(program)
    with Testbed(start=False) as bed:
        host = Host(bed, dockerd=["--dns", SERVER, "--default-ulimit", "nofile=1024:4096", "--default-ulimit", "nproc=4096:4096"])
        try:
            image = make_image(bed.base, name="page")
            for name, words in (("app", '["/bin/first", "serve", "8080", "app"]'), ("web", '["/bin/first", "call", "backend", "80", "100"]')):
                host.docker.ok("import", "--change", f"CMD {words}", image, name)
            place = os.path.join(bed.base, "page")
            os.mkdir(place)
            # The reader finds his container by its name, which Docker draws.
            script = pages.script_of("containers.md").replace("web_of_the_reader", "$(docker ps -aqf ancestor=web)")
            result = bed.run(["unshare", "--mount", "bash", "-c", DOCKER_HOST, "bash", place, TOP, BUILD, CLI], input=script, timeout=240,
                             env={**os.environ, "DOCKER_HOST": host.docker.socket, "SVCCONNECT_SOCKET": bed.socket_path})
            if result.rc == 77:
                raise Skip(f"no overlay of this host can be mounted: {result.err.strip()}")
            assert result.rc == 0, f"{result.err}\n{result.out}"
            assert outcome(result.out) == (0, 0, 100), "web has called backend from its first instruction"
            assert "shop" not in [item["service"] for item in bed.get("/v1/endpoints")["endpoints"]], "it was stopped"
        finally:
            host.close()


def test_operations():
    need_plain_programs("the page builds what is there, without one")
    run_page("operations.md", ["make", "curl"])


def test_start():
    need_plain_programs("the page builds what is there, without one")
    assert "\n200\n" in run_page("start.md", ["make", "curl", "python3"])


def test_policy():
    run_page("policy.md")


def test_zones():
    run_page("zones.md")


def test_page():
    run_page("page.md", ["openssl"])


def test_moving():
    run_page("moving.md")


def test_fleet():
    run_page("fleet.md", ["etcd", "etcdctl", "openssl"])


def test_every_page_is_run_or_says_why():
    """A block of a page that has no test here says by a comment why it is not run."""
    tested = {name[5:].replace("_", "-") + ".md" for name in globals() if name.startswith("test_")}
    names = sorted(name for name in os.listdir(os.path.join(TOP, "docs")) if name.endswith(".md"))
    assert {"operations.md", "fleet.md"} <= tested & set(names), tested
    reasons = 0
    for name in names:
        for block in pages.blocks_of(name):
            reasons += block.reason is not None
            assert block.reason or name in tested | NO_COMMANDS | ELSEWHERE, f"docs/{name}:{block.line}: is not run, and nobody says why"
    note(f"{reasons} blocks of the documents are not run, each for a reason that stands before it")


CODE = re.compile(r"(?<!`)`(svcconnectd? [^`]+)`(?!`)")


def faults_of(text, known, options_of):
    """What is wrong with the commands that a text names in its sentences."""
    for command in CODE.findall(text):
        words = command.split()
        names = [word for word in words[1:] if not word.startswith("-")][:2]
        name = "svcconnectd" if words[0] == "svcconnectd" else next((name for name in (" ".join(names), *names[:1]) if name in known), "")
        if not name and names and names[0].islower() and not any(one.startswith(names[0] + " ") for one in known):
            yield f"`{command}`: there is no command {names[0]}"
        elif name:
            taken = itertools.takewhile(lambda word: word != "--", words)
            missing = [option for option in (re.match(r"--[a-z0-9-]+", word) for word in taken) if option and option[0] not in options_of(name)]
            if missing:
                yield f"`{command}`: {name} has no option {missing[0][0]}"


def test_commands_in_sentences():
    """The commands and options that README and docs/*.md name in their sentences are there."""
    def ask(*words):
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    @functools.lru_cache(None)
    def options_of(name):
        return set(re.findall(r"--[a-z0-9-]+", ask(DAEMON, "--help") if name == "svcconnectd" else ask(CLI, "help", *name.split())))
    known = set(re.findall(r"(?m)^  ([a-z]+(?: [a-z]+)?)(?: {1,}|$)", ask(CLI, "help").split("\noptions ")[0]))
    wrong, number = [], 0
    for name in ["README.md", *(f"docs/{name}" for name in sorted(os.listdir(os.path.join(TOP, "docs"))) if name.endswith(".md"))]:
        with open(os.path.join(TOP, name), encoding="utf-8") as file:
            text = file.read()
        number += len(CODE.findall(text))
        wrong += [f"{name}: {fault}" for fault in faults_of(text, known, options_of)]
    assert number > 100, number
    assert not wrong, "\n".join(wrong)
    broken = "`svcconnect endpoint`, `svcconnect endpoints --sorted`, `svcconnectd --dnss`"
    assert len(list(faults_of(broken, known, options_of))) == 3, "what is wrong is found"


test_operations.timeout = test_start.timeout = test_containers.timeout = 300
