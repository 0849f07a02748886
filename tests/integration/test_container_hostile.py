# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What a container may be labelled with, and have where its resolv.conf is: it harms nobody else, and nothing outside it is read."""
import os

from container_host import SERVER, docker_host
from testbed import note, tool, wait_until

PORT = "svcconnect.port=8080"
OUTSIDE, INSIDE = "198.51.100.99", "198.51.100.54"  # name servers that a file outside of the containers names, and one inside


def all_is_well(host, name):
    """Somebody else's container starts with its names, and the daemon has gone on without a pause worth telling."""
    host.check_caller(name, 30)
    assert host.bed.status()["state"] == "ok", host.bed.status()["degraded"]


def test_labels():
    with docker_host() as host:
        host.serve("well", "backend", PORT)
        host.wait_for_instances(1)
        files = {}
        for name, lines in (("many", [f"label.{number}={number}" for number in range(10000)]),
                            ("large", [f"label.{number}={'x' * 200}" for number in range(10000)]),
                            ("ports", [f"svcconnect.port.p{number}={1 + number}" for number in range(10000)])):
            files[name] = os.path.join(host.bed.base, f"{name}.labels")
            with open(files[name], "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            host.run(name, [f"svcconnect.service={name}", PORT], "/bin/first", "serve", "8080", name,
                     options=["--label-file", files[name]])
            all_is_well(host, f"after-{name}")
        wait_until(lambda: {"many", "large", "ports"} <= set(host.containers()), 10, "all are known")
        wait_until(lambda: len(host.instances("many")) == 1, 10, "labels that say nothing are none of our business")
        assert not host.containers()["ports"]["task"] and "at most 16 ports" in host.containers()["ports"]["note"]
        events = len(host.bed.get("/v1/events")["events"])
        host.docker.ok("kill", "large")
        wait_until(lambda: not host.instances("large"), 10, "its end is seen")
        all_is_well(host, "after-its-end")
        note(f"{events} events, large: {host.containers()['large']['note']!r}")


test_labels.timeout = 120


def test_control_characters():
    with docker_host() as host:
        host.serve("well", "backend", PORT)
        host.wait_for_instances(1)
        bad = {"name": ["svcconnect.service=back\x1b[31mend", PORT], "line": ["svcconnect.service=a\nlevel=error b", PORT],
               "port": ["svcconnect.service=x", "svcconnect.port=80\n90"],
               "space": ["svcconnect.service=x", PORT, "svcconnect.namespace=a/../b"],
               "zone": ["svcconnect.service=x", PORT, "svcconnect.zone=\x07\x1b]0;title\x07"],
               "alias": ["svcconnect.service=x", PORT, "svcconnect.alias=\x00".replace("\x00", "\x01")]}
        for name, labels in bad.items():
            host.run(name, labels, "/bin/sleep", "600")
        wait_until(lambda: len(host.containers()) == len(bad) + 1, 10, "all are known")
        all_is_well(host, "after")
        listed = host.containers()
        assert not any(listed[name]["task"] for name in ("name", "line", "port")), listed
        shown = [host.bed.cli(*words).out for words in (["containers"], ["containers", "-o", "wide"], ["tasks", "-o", "wide"],
                                                        ["events"], ["status"], ["doctor"], ["endpoints"], ["services"])]
        with open(host.bed.log_file, encoding="utf-8") as log:
            shown.append(log.read())
        for text in shown:
            assert not set(text) & {"\x1b", "\x07", "\x01"} and "\nlevel=error" not in text, text


test_control_characters.timeout = 120


KINDS = {
    # What the container does to itself before it becomes /bin/sleep; Docker's own file is mounted there.
    "symlink": "ln -s {outside} /etc/resolv.conf",
    "climbing": "ln -s ../../../../../../../../../../../../{outside} /etc/resolv.conf",
    "proc": "ln -s /proc/1/root/{outside} /etc/resolv.conf",
    "fifo": "mkfifo /etc/resolv.conf",
    "zero": "mknod /etc/resolv.conf c 1 5",
    "terminal": "ln -s /dev/ptmx /etc/resolv.conf",
    "directory": "mkdir /etc/resolv.conf",
    "sparse": "dd if=/dev/zero of=/etc/resolv.conf bs=1 count=0 seek=16G 2>/dev/null",
    "nothing": "true",
    "another": "echo nameserver {inside} > /etc/resolv.conf",
    "fuse": "mkdir /tmp/f; (silent_fuse /tmp/f >/dev/null &) ; sleep 1; ln -s /tmp/f/resolv.conf /etc/resolv.conf",
}


def test_resolv_conf():
    with docker_host(programs=[tool("silent_fuse")]) as host:
        host.serve("well", "backend", PORT)
        host.wait_for_instances(1)
        outside = os.path.join(host.bed.base, "outside.conf")
        with open(outside, "w", encoding="utf-8") as file:
            file.write(f"nameserver {OUTSIDE}\n")
        for kind, script in KINDS.items():
            host.run(kind, ["svcconnect.service=client"], "/bin/sh", "-c",
                     f"umount /etc/resolv.conf && rm -f /etc/resolv.conf; {script.format(outside=outside, inside=INSIDE)} && echo done; sleep 600",
                     options=["--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined", "--security-opt",
                              "seccomp=unconfined", "--device", "/dev/fuse"])
        for kind in KINDS:
            wait_until(lambda kind=kind: host.docker.ok("logs", kind) == "done\n", 10, f"{kind} is what it is to be")
            # Another process of it is a reason to look again, and the file is asked for then at the latest.
            host.docker.ok("exec", "-d", kind, "/bin/sleep", "600")
        all_is_well(host, "meanwhile")

        def described(kind):
            return host.bed.tasks()["/docker/" + host.docker.ok("inspect", "-f", "{{.Id}}", kind).strip()]

        # By then all have been looked at since their file is what it is.
        wait_until(lambda: described("another")["nameservers"] == [INSIDE], 30, "a file of its own is read")
        for kind in set(KINDS) - {"another"}:
            told = described(kind)
            assert told["nameservers"] in ([], [SERVER], ["127.0.0.1"]), (kind, told)  # no file: as resolvers take it
        all_is_well(host, "afterwards")
        host.docker.ok("kill", *KINDS)
        wait_until(lambda: not any(item["service"] == "client" for item in host.bed.tasks().values()), 20, "all are gone")


test_resolv_conf.timeout = 180
