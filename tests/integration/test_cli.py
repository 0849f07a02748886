# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The command line: every command for real, --json, exit codes 0/1/2/3, and `run`."""
import contextlib
import json
import os
import re
import signal
import subprocess
import sys

from testbed import CLI, DAEMON, PATIENCE, Testbed, is_socket, need_program, wait_until


def test_the_way_through_all_commands():
    """What an operator types, in order; each step is checked by what the daemon then says."""
    with Testbed() as bed:
        ok = bed.cli_ok
        first, second = bed.address(), bed.address()
        bed.announce({first: "v1/a", second: "v2/b"})
        ok("register", "v1", "--address", first, "--id", "a")
        ok("register", "v2", "--address", second, "--id", "b", "--weight", "3", "--health", "UNHEALTHY",
           "--protocol", "tcp", "-n", "default")
        assert bed.endpoints()["v2", "b"]["weight"] == 3 and bed.endpoints()["v2", "b"]["health"] == "UNHEALTHY"
        ok("health", "v2", "b", "healthy")
        assert bed.endpoints()["v2", "b"]["health"] == "HEALTHY"
        ok("health", "v2", "b", "unhealthy")
        ok("health", "v2", "b", "healthy")
        ok("weight", "v2", "b", "7")
        assert bed.endpoints()["v2", "b"]["weight"] == 7
        ok("route", "set", "backend:80", "v1=90", "v2=10")
        targets = {item["service"]: item["weight"] for item in bed.alias("backend")["targets"]}
        assert targets == {"v1": 90, "v2": 10}
        task = bed.bare_task()
        ok("attach", "--cgroup", task.path, "--service", "web")
        assert bed.tasks()[task.path]["service"] == "web"
        agent, address = task.agent(), bed.address_of("backend")
        ok("route", "set", "backend", "v2=1")
        assert agent.name(address, 80) == "v2/b"
        for word in ("status", "services", "endpoints", "aliases", "routes", "tasks", "hosts", "doctor"):
            assert ok(word).out.strip(), word
        assert "backend" in ok("route", "show").out and "v2" in ok("route", "show", "backend").out
        ok("route", "clear", "backend:80")
        assert bed.get("/v1/routes")["routes"] == []
        ok("deregister", "v1", "a")
        ok("delete", "service", "v1")
        ok("delete", "service", "v2")
        assert bed.get("/v1/services")["services"] == []
        ok("detach", "--cgroup", task.path)
        assert not bed.tasks()
        ok("attach", "--cgroup", task.directory)
        ok("detach", "--all")
        assert not bed.tasks()
        process = task.popen(["sleep", "60"])
        wait_until(lambda: bed.cli("attach", "--pid", str(process.pid)).rc == 0 and task.path in bed.tasks(), 5, "by a process")
        assert f"attached {task.path} in" in ok("attach", "--pid", str(process.pid), "--service", "web").out
        ok("detach", "--all")


def test_attach_by_unit():
    """A unit's cgroup is where systemd has it, whether systemd runs here or not."""
    with Testbed() as bed:
        name = f"svctest-{os.getpid()}"
        slice_directory = os.path.join(bed.cgroup_root, "system.slice")
        had_slice = os.path.isdir(slice_directory)
        os.makedirs(f"{slice_directory}/{name}.service")
        try:
            assert f"attached /system.slice/{name}.service in" in bed.cli_ok("attach", "--unit", name, "--service", "web").out
            assert bed.tasks()[f"/system.slice/{name}.service"]["service"] == "web"
            bed.cli_ok("attach", "--unit", f"{name}.service", "--service", "other")
            assert bed.tasks()[f"/system.slice/{name}.service"]["service"] == "other"
            bed.cli_ok("detach", "--all")
        finally:
            os.rmdir(f"{slice_directory}/{name}.service")
            if not had_slice:
                os.rmdir(slice_directory)


def test_what_doctor_says_to_type_can_be_pasted():
    with Testbed() as bed:
        bed.cli_ok("register", "v1", "--address", "127.0.0.1:80", "--weight", "0", "-n", "$(false)'\"")
        assert """svcconnect endpoints -n '$(false)'\\''"' shows""" in " ".join(bed.cli("doctor").out.split())


def test_another_namespace_by_n():
    with Testbed() as bed:
        where = bed.address()
        bed.cli_ok("register", "v1", "--address", where, "--id", "a", "-n", "red")
        assert ("v1", "a") in bed.endpoints("red") and not bed.endpoints("default")
        bed.cli_ok("weight", "v1", "a", "9", "--namespace", "red")
        bed.cli_ok("route", "set", "backend", "v1=1", "-nred")
        assert bed.endpoints("red")["v1", "a"]["weight"] == 9
        assert "v1" in bed.cli_ok("services", "-n", "red").out and "v1" not in bed.cli_ok("services", "-n", "blue").out
        bed.cli_ok("route", "clear", "backend", "-n", "red")
        bed.cli_ok("delete", "service", "v1", "-n", "red")


def test_reads_as_json_equal_the_api():
    with Testbed() as bed:
        bed.service("v1", weights=(1, 2))
        bed.route("backend", {"v1": 1})
        bed.task()
        for words, path in ((("services",), "services"), (("endpoints",), "endpoints"), (("aliases",), "aliases"),
                            (("routes",), "routes"), (("route", "show"), "routes"), (("tasks",), "tasks"),
                            (("hosts",), "hosts")):
            for line in ((*words, "--json"), ("--json", *words)):
                assert bed.cli_ok(*line).json()[path] == bed.get(f"/v1/{path}")[path], line
        status = bed.cli_ok("status", "--json").json()
        assert status["pid"] == bed.daemon.pid and status["registry"] == bed.status()["registry"]
        assert isinstance(bed.cli("doctor", "--json").json(), dict)


def test_readable_output_holds_what_matters():
    with Testbed() as bed:
        where = bed.service("v1", weights=(5,))[0]
        bed.route("backend", {"v1": 1})
        task = bed.task(service="web")
        alias = bed.alias("backend")
        for word, wanted in (("services", ["v1"]), ("endpoints", ["v1", where.split(":")[0], "HEALTHY", "5"]),
                             ("aliases", ["backend", alias["address"], "v1", "100"]), ("routes", ["backend", "v1"]),
                             ("tasks", [task.path, "web", "default"]), ("hosts", [alias["address"], "backend"]),
                             ("status", [str(bed.daemon.pid)])):
            out = bed.cli_ok(word).out
            assert all(text in out for text in wanted), (word, wanted, out)
            assert "\033" not in out, "no colours into a pipe"


def test_hosts_lines_fit_etc_hosts():
    with Testbed() as bed:
        bed.service("v1")
        bed.route("backend", {"v1": 1})
        lines = [line.split("#")[0].split() for line in bed.cli_ok("hosts").out.splitlines()]
        pairs = {(words[0], name) for words in lines if words for name in words[1:]}
        for item in bed.get("/v1/hosts")["hosts"]:
            assert (item["address"], item["name"]) in pairs and (item["address6"], item["name"]) in pairs, (item, pairs)


# words, allowed exit codes, text that stderr holds
REFUSED = [
    (["frobnicate"], {2}, "frobnicate"),
    ([], {2}, ""),
    (["--frobnicate"], {2}, "frobnicate"),
    (["register"], {2}, ""),
    (["register", "v1"], {2}, "address"),
    (["register", "v1", "--address"], {2}, "address"),
    (["register", "v1", "more", "--address", "127.0.0.1:80"], {2}, "more"),
    (["register", "v1", "--address", "127.0.0.1"], {1, 2}, "127.0.0.1"),
    (["register", "v1", "--address", "127.0.0.1:80", "--weight", "70000"], {1, 2}, "70000"),
    (["register", "v1", "--address", "127.0.0.1:80", "--weight", "-1"], {1, 2}, "-1"),
    (["register", "v1", "--address", "127.0.0.1:80", "--weight", "x"], {1, 2}, "x"),
    (["register", "v1", "--address", "127.0.0.1:80", "--health", "SICK"], {1, 2}, "SICK"),
    (["register", "v1", "--address", "127.0.0.1:80", "--protocol", "sctp"], {1, 2}, "sctp"),
    (["register", "v1", "--address", "127.0.0.1:80", "--id", "a b"], {1, 2}, "a b"),
    (["register", "a b", "--address", "127.0.0.1:80"], {1, 2}, "a b"),
    (["register", "v1", "--address", "127.0.0.1:80", "-n", "a b"], {1, 2}, "a b"),
    (["register", "v1", "--address", "127.0.0.1:80", "--frobnicate"], {2}, "frobnicate"),
    (["deregister"], {2}, ""),
    (["deregister", "v1"], {2}, ""),
    (["deregister", "v1", "nobody"], {1}, "nobody"),
    (["deregister", "nobody", "a"], {1}, "nobody"),
    (["health", "v1", "0"], {2}, ""),
    (["health", "v1", "0", "maybe"], {1, 2}, "maybe"),
    (["health", "v1", "nobody", "healthy"], {1}, "nobody"),
    (["weight", "v1", "0"], {2}, ""),
    (["weight", "v1", "0", "65536"], {1, 2}, "65536"),
    (["weight", "v1", "0", "many"], {1, 2}, "many"),
    (["weight", "nobody", "0", "1"], {1}, "nobody"),
    (["route"], {2}, ""),
    (["route", "sideways"], {2}, "sideways"),
    (["route", "set"], {2}, ""),
    (["route", "set", "backend"], {2}, ""),
    (["route", "set", "backend", "v1"], {2}, "v1"),
    (["route", "set", "backend", "v1="], {2}, "v1="),
    (["route", "set", "backend", "v1=x"], {2}, "v1=x"),
    (["route", "set", "backend", "=5"], {2}, "=5"),
    (["route", "set", "backend", "v1=65536"], {1, 2}, "65536"),
    (["route", "set", "backend:0", "v1=1"], {1, 2}, "0"),
    (["route", "set", "backend:http", "v1=1"], {2}, "http"),
    (["route", "set", "a..b", "v1=1"], {1}, "a..b"),
    (["route", "clear"], {2}, ""),
    (["route", "clear", "nobody"], {1}, "nobody"),
    (["delete", "service"], {2}, ""),
    (["delete", "everything"], {2}, "everything"),
    (["delete", "service", "nobody"], {1}, "nobody"),
    (["delete", "service", "v1"], {1}, "v1"),
    (["attach"], {2}, "cgroup"),
    (["attach", "--cgroup", "/"], {1, 2}, "cgroup"),
    (["attach", "--cgroup", "/x", "--unit", "web"], {2}, "--unit"),
    (["attach", "--pid", "none"], {2}, "--pid"),
    (["attach", "--unit", "svctest-nowhere"], {1}, "/system.slice/svctest-nowhere.service"),
    (["attach", "--container", "svctest-nowhere"], {1}, "container"),
    (["attach", "--cgroup", ""], {1, 2}, "cgroup"),
    (["attach", "--cgroup", "/svctest-nowhere"], {1}, "/svctest-nowhere"),
    (["detach"], {2}, ""),
    (["detach", "--all", "--cgroup", "/svctest-nowhere"], {2}, ""),
    (["detach", "--cgroup", "/svctest-nowhere"], {1}, "/svctest-nowhere"),
    (["run"], {2}, ""),
    (["run", "true"], {2}, ""),
    (["run", "--"], {2}, ""),
    (["status", "more"], {2}, "more"),
    (["services", "--address", "x"], {2}, "address"),
]


def test_refusals_change_nothing():
    with Testbed() as bed:
        bed.service("v1")
        bed.route("backend", {"v1": 1})
        before, wrong = bed.wanted_state(), []
        for words, codes, text in REFUSED:
            result = bed.cli(*words)
            if result.rc not in codes or text not in result.err or not result.err.strip() or result.out.strip():
                wrong.append(f"svcconnect {words}: wanted exit {codes} and {text!r} on stderr: {result}")
        assert not wrong, "\n".join(wrong)
        bed.check_state(before)


def test_refusals_as_json():
    with Testbed() as bed:
        result = bed.cli("--json", "register", "v1", "--address", "nonsense")
        assert result.rc == 1 and not result.out.strip(), result
        assert json.loads(result.err)["error"]["field"] == "address", result


def test_help_and_version():
    with Testbed(start=False) as bed:
        for words in (["help"], ["--help"], ["-h"], ["help", "register"], ["register", "--help"], ["route", "--help"],
                      ["version"], ["--version"]):
            result = bed.cli(*words)
            assert result.rc == 0 and result.out and not result.err, (words, result)
        commit = r"\(commit ([0-9a-f]{12}(-dirty)?|unknown)"
        assert re.fullmatch(rf"svcconnect \d+\.\d+\.\d+ {commit}\)\n", bed.cli("version").out)
        daemon = bed.run([DAEMON, "--version"]).out
        assert re.fullmatch(rf"svcconnectd \d+\.\d+\.\d+ {commit}, layout of pinned maps \d+\)\n", daemon), daemon
        out = bed.cli("help").out
        for word in ("register", "deregister", "weight", "health", "route", "attach", "detach", "run", "status",
                     "services", "endpoints", "aliases", "tasks", "hosts", "doctor", "delete"):
            assert re.search(rf"^\s*{word}\b", out, re.M), word


def test_usage_and_options_of_a_command_agree():
    """A command's help names in its usage line what it takes, takes what it names, and refuses what it does not."""
    with Testbed(start=False) as bed:
        texts = [bed.cli("help", *words.split()).out for words in
                 re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", bed.cli("help").out, re.M)]
        rows, values = {}, {}
        for text in "\n".join(texts).split("usage: svcconnect ")[1:]:
            words = re.match(r"[a-z]+(?: [a-z]+)?", text)[0]
            usage, options = text.split("\n\n", 1)[0], text.split("\noptions:\n", 1)[1]
            listed = re.findall(r"^  (?:-(.), )?(--[a-z-]+)( [A-Za-z]\S*)?", options, re.M)
            rows[words] = {long for _, long, _ in listed} - {"--socket", "--json", "--help"}
            values.update({long: value for _, long, value in listed})
            shorts = {f"-{letter}": long for letter, long, _ in listed if letter}
            named = re.findall(r"(?<![\w-])-(?:-[a-z-]+|[a-z])\b", usage)
            assert {shorts.get(word, word) for word in named} == rows[words], (words, named, rows[words])
        assert len(rows) > 30 and len(values) > 25, (rows, values)
        for words, taken in rows.items():
            for option in sorted(taken | {"--kill", "--cgroup", "--read-only"}):
                # The last word is refused in any case: nothing is done.
                result = bed.cli(*words.split(), option, *(["1"] if values[option] else []), "--bogus")
                assert result.rc == 2, (words, option, result)
                refused = f"{option} is no option" in result.err
                assert refused == (option not in taken), (words, option, result)


def test_help_and_completion_know_every_setting():
    """Both from the table by which the daemon reads them: what it shows of a service must be in both."""
    completion = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "completion",
                              "svcconnect.bash")
    script = """source "$0"; COMP_LINE="svcconnect set web "; COMP_POINT=${#COMP_LINE}; COMP_WORDS=(svcconnect set web "")
        COMP_CWORD=3; _svcconnect; printf '%s\\n' "${COMPREPLY[@]}\""""
    with Testbed() as bed:
        bed.register("web", bed.address())
        bed.change("PUT", "/v1/settings", service="web", settings={"healthCheck": {"type": "http", "host": "h", "port": 1}})
        [shown] = bed.get("/v1/settings")["services"]
        names = {f"{group}.{name}" if isinstance(value, dict) else group
                 for group, value in shown["settings"].items() for name in (value if isinstance(value, dict) else [""])}
        assert len(names) > 15, names
        help = bed.cli_ok("help", "set").out
        path = os.pathsep.join([os.path.dirname(CLI), os.environ["PATH"]])
        offered = bed.run(["bash", "-c", script, completion], env={**os.environ, "PATH": path}).out.split()
        for name in sorted(names | {"healthCheck.command"}):
            assert re.search(rf"^  {re.escape(name)}=", help, re.M), (name, help)
            assert f"{name}=" in offered, (name, offered)


def test_the_daemons_own_options():
    with Testbed(start=False) as bed:
        bed.write_config()
        for flag in ("--help", "--version"):
            result = bed.run(bed.command_line([flag]))
            assert result.rc == 0 and result.out, (flag, result)
        printed = bed.run(bed.command_line(["--print-config", "--log-level", "warning"])).json()
        assert printed["stateDir"] == bed.state_dir and printed["logLevel"] == "warning", printed
        assert printed["maps"]["slots"] == 262144, printed
        for words in (["--frobnicate"], ["more"], ["--log-level", "loud"], ["--alias-range", "10.0.0.0"],
                      ["--alias-range", "10.0.0.1/16"], ["--registry", "csv"]):
            result = bed.run(bed.command_line(words), timeout=5)
            assert result.rc in (1, 2) and words[-1] in result.err, (words, result)
        assert not os.path.exists(bed.state_dir) and not os.path.exists(bed.run_dir)


def test_a_bad_configuration_file():
    with Testbed(start=False) as bed:
        for text, wanted in (("{", bed.config_file), ('{"stateDirectory": "/x"}', "stateDirectory"), ("[]", ""),
                             ('{"maps": {"slots": "many"}}', "maps.slots"), ('{"maps": {"slots": 0}}', "maps.slots"),
                             ('{"maps": {"pages": 1}}', "maps.pages"), ('{"logLevel": "loud"}', "logLevel"),
                             ('{"maps": 5}', "maps"), ("", "")):
            with open(bed.config_file, "w", encoding="utf-8") as file:
                file.write(text)
            result = bed.run(bed.command_line(), timeout=5)
            assert result.rc in (1, 2) and wanted in result.err, (text, result)
        os.unlink(bed.config_file)
        result = bed.run(bed.command_line(), timeout=5)
        assert result.rc in (1, 2) and bed.config_file in result.err, result
        assert not os.path.exists(bed.state_dir) and not os.path.exists(bed.run_dir)


def test_no_daemon_is_exit_3():
    with Testbed(start=False) as bed:
        for words in (["status"], ["register", "v1", "--address", "127.0.0.1:80"], ["services", "--json"],
                      ["run", "--", "true"], ["detach", "--all"]):
            result = bed.cli(*words)
            assert result.rc == 3 and bed.socket_path in result.err, (words, result)
        result = bed.run([CLI, "--socket", bed.base + "/other.sock", "status"], env=bed.cli_environment())
        assert result.rc == 3 and "other.sock" in result.err, "the option counts more than the environment"
        with open(bed.base + "/file", "w", encoding="utf-8"):
            pass
        assert bed.run([CLI, "--socket", bed.base + "/file", "status"]).rc == 3


def test_socket_by_option():
    with Testbed() as bed:
        environment = {key: value for key, value in os.environ.items() if key != "SVCCONNECT_SOCKET"}
        for words in (["--socket", bed.socket_path, "status"], ["status", "--socket", bed.socket_path],
                      [f"--socket={bed.socket_path}", "status"]):
            assert bed.run([CLI, *words], env=environment).rc == 0, words


def test_doctor():
    with Testbed() as bed:
        good = bed.cli("doctor")
        assert good.rc == 0 and good.out.strip(), good
        words = ("mount -t tmpfs none /run && mkdir -p /run/user/7/podman && "
                 "python3 -c 'import socket as s; s.socket(s.AF_UNIX).bind(\"/run/user/7/podman/podman.sock\")' && "
                 "chown 7 /run/user/7/podman/podman.sock && exec \"$@\"")
        told = bed.run(["unshare", "-m", "sh", "-c", words, "-", CLI, "--socket", bed.socket_path, "doctor"])
        assert told.rc == 0 and "podman at /run/user/7/podman/podman.sock is a user's own (uid 7) and not followed" in told.out, told
        assert "--container-runtime auto,podman:/run/user/7/podman/podman.sock," in told.out, told
        bed.kill()
        bad = bed.cli("doctor")
        assert bad.rc in (1, 3), bad
        assert bed.socket_path in bad.out + bad.err, bad


# --- run

def run_words(*command, options=()):
    return ["run", *options, "--", *command]


def start_run(bed, script, before=":", **options):
    """`svcconnect run` of a shell script; returns when it has done `before`."""
    process = bed.popen([CLI, *run_words("sh", "-c", f"{before}; echo started; {script}")], env=bed.cli_environment(),
                        stdout=subprocess.PIPE, **options)
    assert process.stdout.readline() == "started\n"
    return process


def with_web(bed):
    """backend:80 leads to an HTTP server; returns its answer."""
    where = bed.address()
    bed.announce({where: "web/0"}, "--http")
    bed.register("web", where, id="0")
    bed.route("backend", {"web": 1})
    return "web/0\n"


def run_cgroups_of(bed, process):
    parent = os.path.join(bed.cgroup_root, "svcconnect")
    names = os.listdir(parent) if os.path.isdir(parent) else []
    return [name for name in names if f"{name}-".startswith(f"run-{process.pid}-")]


def test_run_reaches_a_service_by_name():
    with Testbed() as bed:
        answer = with_web(bed)
        result = bed.cli(*run_words(need_program("curl"), "-sS", "-m", "5", "http://backend/"))
        assert (result.rc, result.out) == (0, answer), result
        getent = bed.cli(*run_words("getent", "hosts", "backend"))
        alias = bed.alias("backend")
        assert getent.rc == 0 and getent.out.split()[0] in (alias["address"], alias["address6"]), getent
        assert bed.cli(*run_words("getent", "hosts", "nobody.invalid")).rc == 2
        assert bed.run(["getent", "hosts", "backend"]).rc != 0, "the host's own names are left alone"


def test_run_keeps_the_hosts_own_names():
    with Testbed() as bed:
        with open("/etc/hosts", encoding="utf-8") as file:
            own = [line.split() for line in file if line.strip() and not line.startswith("#")]
        seen = bed.cli(*run_words("cat", "/etc/hosts")).out
        for words in own:
            assert any(words == line.split() for line in seen.splitlines()), (words, seen)


def test_run_in_a_namespace_and_as_a_service():
    with Testbed() as bed:
        bed.service("v1", namespace="red")
        script = f"{CLI} tasks --json; getent hosts v1"
        result = bed.cli(*run_words("sh", "-c", script, options=["-n", "red", "--service", "web"]))
        assert result.rc == 0, result
        tasks = json.JSONDecoder().raw_decode(result.out)[0]["tasks"]
        assert len(tasks) == 1 and tasks[0]["run"] and tasks[0]["namespace"] == "red", tasks
        assert tasks[0]["service"] == "web" and tasks[0]["processes"] >= 1, tasks
        assert bed.cli(*run_words("getent", "hosts", "v1")).rc == 2, "not in the default namespace"


def test_a_name_registered_while_it_runs_resolves():
    with Testbed() as bed:
        script = "until getent hosts late; do sleep 0.02; done; getent hosts late | wc -l"
        process = start_run(bed, script)
        bed.service("late")
        out, _ = process.communicate(timeout=10 * PATIENCE)
        alias = bed.alias("late", 8080)
        assert process.returncode == 0 and out.split()[0] in (alias["address"], alias["address6"]), out
        gone = "while getent hosts late >/dev/null; do sleep 0.02; done"
        process = start_run(bed, gone)
        bed.change("DELETE", "/v1/services", service="late")
        assert process.wait(10) == 0


def test_names_go_on_resolving_when_the_daemon_dies():
    with Testbed() as bed:
        answer = with_web(bed)
        script = f"read line; {need_program('curl')} -sS -m 5 http://backend/"
        process = start_run(bed, script, stdin=subprocess.PIPE)
        bed.kill()
        out, _ = process.communicate("go on\n", timeout=10 * PATIENCE)
        assert (process.returncode, out) == (0, answer)
        wait_until(lambda: not run_cgroups_of(bed, process), 3, "the cgroup is gone without the daemon")
        bed.start()
        wait_until(lambda: not bed.tasks(), 3, "what was pinned for it is collected")


def test_run_through_a_restart_of_the_daemon():
    """The hosts file is updated in place, by a daemon that did not make it too."""
    with Testbed() as bed:
        script = "until getent hosts late; do sleep 0.02; done"
        process = start_run(bed, script)
        bed.restart()
        bed.service("late")
        assert process.wait(10) == 0
        process.stdout.close()


def test_run_passes_the_exit_status_on():
    with Testbed() as bed:
        for script, wanted in (("exit 0", 0), ("exit 7", 7), ("exit 255", 255)):
            assert bed.cli(*run_words("sh", "-c", script)).rc == wanted, script
        missing = bed.cli(*run_words("/nowhere/at-all"))
        assert missing.rc == 127 and "/nowhere/at-all" in missing.err, missing
        assert bed.cli(*run_words("no-such-program-anywhere")).rc == 127
        assert bed.cli(*run_words("/etc/passwd")).rc == 126


def test_run_dies_as_its_command_did():
    """Killed by a signal: the caller sees that, by the signal itself or by 128 + its number as a shell shows it."""
    with Testbed() as bed:
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGABRT):
            rc = bed.cli(*run_words("sh", "-c", f"kill -{int(number)} $$")).rc
            assert rc in (-number, 128 + number), (number, rc)


def test_run_passes_signals_on():
    with Testbed() as bed:
        for number, name in ((signal.SIGTERM, "TERM"), (signal.SIGINT, "INT"), (signal.SIGHUP, "HUP"),
                             (signal.SIGUSR1, "USR1")):
            process = start_run(bed, "while :; do sleep 0.02; done", f"trap 'echo got {name}; exit 42' {name}")
            process.send_signal(number)
            out, _ = process.communicate(timeout=10 * PATIENCE)
            assert (process.returncode, out) == (42, f"got {name}\n"), (name, process.returncode, out)
            assert not run_cgroups_of(bed, process)


def test_run_removes_its_cgroup():
    with Testbed() as bed:
        script = f"sed -n 's/^0:://p' /proc/self/cgroup; {CLI} tasks --json"
        result = bed.cli(*run_words("sh", "-c", script))
        path, rest = result.out.split("\n", 1)
        assert path.strip("/") and json.loads(rest)["tasks"][0]["cgroup"] == path, result
        assert not os.path.exists(bed.cgroup_root + path)
        wait_until(lambda: not bed.tasks(), 3, "the task is gone")
        assert os.listdir(os.path.join(bed.bpffs, "links")) == []


def test_run_ends_what_its_command_left_behind():
    with Testbed() as bed:
        stubborn = "trap '' TERM HUP; echo $$; exec >/dev/null 2>&1; while :; do sleep 1; done"
        script = 'sleep 600 >/dev/null 2>&1 & echo $!; setsid sh -c "$0" & sleep 0.3'
        result = bed.cli(*run_words("sh", "-c", script, stubborn))
        pids = [int(word) for word in result.out.split()]
        assert result.rc == 0 and len(pids) == 2, result
        for pid in pids:
            wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}"), 2, f"process {pid} is gone")


def test_a_run_whose_cli_is_killed_is_collected():
    with Testbed() as bed:
        process = start_run(bed, "exec sleep 3")
        task = next(iter(bed.tasks()))
        process.kill()
        process.wait()
        assert task in bed.tasks(), "it runs on as a task while its processes live"
        for pid in subprocess.run(["cat", f"{bed.cgroup_root}{task}/cgroup.procs"], capture_output=True, text=True,
                                  check=True).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        wait_until(lambda: not bed.tasks(), 20, "the daemon removes the empty cgroup")
        assert not os.path.exists(bed.cgroup_root + task)


def test_run_passes_standard_streams_and_arguments():
    with Testbed() as bed:
        code = "import sys; print(sys.argv[1:], sys.stdin.read()); print('to stderr', file=sys.stderr)"
        result = bed.cli(*run_words(sys.executable, "-c", code, "a b", "--json", "", "-n"), input="from stdin")
        assert result.rc == 0 and result.out == "['a b', '--json', '', '-n'] from stdin\n", result
        assert result.err == "to stderr\n", result


def test_20_runs_at_once():
    with Testbed() as bed:
        answer = with_web(bed)
        runs = [bed.popen([CLI, *run_words(need_program("curl"), "-sS", "-m", "10", "http://backend/")],
                          env=bed.cli_environment(), stdout=subprocess.PIPE) for _ in range(20)]
        for process in runs:
            out, _ = process.communicate(timeout=20 * PATIENCE)
            assert (process.returncode, out) == (0, answer), (process.returncode, out)
        wait_until(lambda: not bed.tasks(), 3, "all tasks are gone")
        assert is_socket(bed.socket_path)


test_a_run_whose_cli_is_killed_is_collected.timeout = 45
