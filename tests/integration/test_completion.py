# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Completion in the shells themselves: commands, options, and what the daemon has."""
import contextlib
import os
import re
import shutil
import subprocess

from testbed import BUILD, CLI, TOP, Skip, Testbed

SCRIPTS = os.path.join(TOP, "scripts", "completion")

# What is typed, and words of which each has to be offered, or of which none may be.
CASES = [
    ("svcconnect ", ["register", "route", "endpoints"], ["complete", "set-route"]),
    ("svcconnect rout", ["route", "routes"], ["register"]),
    ("svcconnect route ", ["set", "show", "clear"], ["register"]),
    ("svcconnect canary ", ["start", "promote"], []),
    ("svcconnect help cana", ["canary"], []),
    ("svcconnect register --", ["--address", "--weight", "--file", "--dry-run", "--json"], ["--kill"]),
    ("svcconnect services --sort ", ["eligible", "aliases"], ["health"]),
    ("svcconnect services -o ", ["wide", "json", "name"], []),
    ("svcconnect run -n ", ["default", "red"], ["v1"]),
    ("svcconnect endpoints ", ["v1", "v2"], ["redone"]),
    ("svcconnect -n", [], ["v1"]),
    ("svcconnect endpoints -n red ", ["redone"], ["v1"]),
    ("svcconnect drain v1 ", ["alpha"], ["beta", "v1"]),
    ("svcconnect weight -n red redone ", ["gamma"], ["alpha"]),
    ("svcconnect health v1 alpha ", ["healthy", "unhealthy"], []),
    ("svcconnect route set b", ["backend:80"], ["v1:8080"]),
    ("svcconnect route set backend:80 v1=1 v", ["v2="], []),
    ("svcconnect canary start backend:80 --from ", ["v1", "v2"], ["redone"]),
    ("svcconnect set v1 healthCheck.t", ["healthCheck.type=", "healthCheck.timeout="], []),
    ("svcconnect set v1 peerName=", ["peerName=alias", "peerName=endpoint"], []),
    ("svcconnect set v1 healthCheck.type=h", ["healthCheck.type=http", "healthCheck.type=https"], ["healthCheck.type=tcp"]),
    ("svcconnect credentials --name ", ["default"], []),
    ("svcconnect apply -f uniq", ["unique-file.json"], []),
    ("svcconnect detach --cgroup /svct", ["TASK"], []),
    ("svcconnectd --log-l", ["--log-level"], []),
    ("svcconnectd --log-level ", ["warning"], []),
    ("svcconnectd --dns ", ["on", "off"], []),
]


@contextlib.contextmanager
def lab():
    with Testbed() as bed:
        bed.register("v1", "10.0.0.1:8080", id="alpha")
        bed.register("v1", "[::1]:8081")
        bed.register("v2", "10.0.0.2:8080", id="beta")
        bed.register("redone", "10.0.0.3:8080", id="gamma", namespace="red")
        bed.route("backend", {"v1": 1})
        task = bed.bare_task()
        bed.attach(task)
        with open(os.path.join(bed.base, "unique-file.json"), "w", encoding="utf-8"):
            pass
        yield bed, task.path


def environment(bed):
    return {**bed.cli_environment(), "PATH": BUILD + os.pathsep + os.environ["PATH"], "HOME": bed.base, "TERM": "dumb"}


def check(bed, task, complete, cases=CASES):
    wrong = []
    for line, wanted, unwanted in cases:
        offered = complete(bed, line)
        wanted = [task if word == "TASK" else word for word in wanted]
        if not set(wanted) <= set(offered) or set(unwanted) & set(offered):
            wrong.append(f"{line!r}: {sorted(offered)[:40]}, wanted {wanted}, not {unwanted}")
    assert not wrong, "\n".join(wrong)


def in_bash(bed, line):
    """Readline's words are given to the function as it would; what it answers is put behind the part that stays."""
    parts = [part for part in re.findall(r"[:=]+|[^\s:=]+", line)] + ([""] if line[-1] in " :=" else [])
    words = " ".join("'" + part.replace("'", "'\\''") + "'" for part in parts)
    script = f"""source "$1"; COMP_LINE="$2"; COMP_POINT=${{#2}}; COMP_WORDS=({words}); COMP_CWORD={len(parts) - 1}
        _svcconnect; printf '%s\\n' "${{COMPREPLY[@]}}\""""
    result = bed.run(["bash", "-c", script, "bash", os.path.join(SCRIPTS, "svcconnect.bash"), line],
                     env=environment(bed), cwd=bed.base)
    assert result.rc == 0, (line, result)
    typed = "" if line.endswith(" ") else line.split()[-1]
    stays = typed[:len(typed) - len(parts[-1])]
    return [stays + word for word in result.out.split()]


def in_fish(bed, line):
    script = f"source {SCRIPTS}/svcconnect.fish; complete -C $argv[1]"
    result = bed.run(["fish", "--no-config", "-c", script, line], env=environment(bed), cwd=bed.base)
    assert result.rc == 0, (line, result)
    return [word.split("\t")[0] for word in result.out.splitlines()]


def test_bash():
    with lab() as (bed, task):
        check(bed, task, in_bash)
        assert in_bash(bed, "svcconnect drain v1 ::1:8") == ["::1:8081"]
        assert in_bash(bed, "svcconnect drain v1 [::1]:8") == ["[::1]:8081"]
        assert in_bash(bed, "svcconnect route set backend:8") == ["backend:80"]
        assert "-x" not in in_bash(bed, "svcconnect run -- ls -")
        bed.kill()
        assert in_bash(bed, "svcconnect endpoints ") == [] and "register" in in_bash(bed, "svcconnect reg")


def test_fish():
    if not shutil.which("fish"):
        raise Skip("fish is not installed")
    with lab() as (bed, task):
        check(bed, task, in_fish)
        assert in_fish(bed, "svcconnect services --sort=el") == ["--sort=eligible"]


# Gives every candidate to a file instead of the screen, in the place of the builtin that takes them.
ZSH = r"""
autoload -Uz compinit; compinit -u -D -d "$HOME/dump"
source "$1/svcconnect.zsh"
compadd() { builtin compadd -O found "$@" 2>/dev/null; print -rl -- "${found[@]}" >>"$HOME/found"; builtin compadd "$@" }
zle -C offer complete-word _offer
_offer() { _main_complete; print done >>"$HOME/found"; exit }
"""


def in_zsh(bed, line):
    """A zsh on a terminal, in which the key for completion is pressed."""
    import pty
    import select
    import time
    found = os.path.join(bed.base, "found")
    rc = os.path.join(bed.base, ".zshrc")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(found)
    with open(rc, "w", encoding="utf-8") as file:
        file.write(ZSH.replace("$1", SCRIPTS) + "bindkey '^I' offer\n")
    pid, fd = pty.fork()
    if pid == 0:
        try:
            os.chdir(bed.base)
            os.execvpe("zsh", ["zsh", "-d", "-i"], {**environment(bed), "ZDOTDIR": bed.base})
        finally:
            os._exit(125)
    os.write(fd, (line + "\t").encode())
    end = time.monotonic() + 15
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.05)[0]:
            try:
                if not os.read(fd, 65536):
                    break
            except OSError:
                break
    os.close(fd)
    os.waitpid(pid, 0)
    with open(found, encoding="utf-8") as file:
        return file.read().splitlines()


def test_zsh():
    if not shutil.which("zsh"):
        raise Skip("zsh is not installed")
    with lab() as (bed, task):
        check(bed, task, in_zsh, CASES[1::4])  # a shell is started for each


def test_every_option_is_offered():
    """Completion, help and man page know the same options of the same commands."""
    with open(os.path.join(TOP, "docs", "man", "svcconnect.1"), encoding="utf-8") as file:
        man = file.read().replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "")
    with open(os.path.join(TOP, "docs", "man", "svcconnectd.8"), encoding="utf-8") as file:
        daemon_man = file.read().replace("\\-", "-").replace("\\fB", "")
    commands = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", subprocess.run([CLI, "help"], capture_output=True, text=True,
                                                                     check=True).stdout, re.M)
    assert len(commands) > 40, commands
    for words in commands:
        text = subprocess.run([CLI, *words.split(), "--help"], capture_output=True, text=True, check=True).stdout
        listed = set(re.findall(r"^  (?:-., )?(--[a-z-]+)", text, re.M))
        offered = subprocess.run([CLI, "complete", "--", "svcconnect", *words.split(), "--"], capture_output=True,
                                 text=True, check=True).stdout
        assert {line.split("\t")[0] for line in offered.splitlines()} - {"--"} == listed, words
        assert not [option for option in listed if option not in man], (words, listed)
        assert all(re.search(rf"\b{word}\b", man) for word in words.split()), words
    text = subprocess.run([os.path.join(BUILD, "svcconnectd"), "--help"], capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"--[a-z0-9-]+", "\n".join(line[:26] for line in text.splitlines())))
    offered = subprocess.run([CLI, "complete", "--", os.path.join(BUILD, "svcconnectd"), "--"], capture_output=True,
                             text=True, check=True).stdout
    assert {line.split("\t")[0] for line in offered.splitlines()} == listed and len(listed) > 15, (offered, listed)
    assert not [option for option in listed if option not in daemon_man], listed
