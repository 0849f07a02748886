# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""make install and make uninstall: everything is there, works, and goes again; nothing else does."""
import os
import subprocess

from testbed import BUILD, TOP, Testbed, need_program


def tree(top):
    return {os.path.join(where, name) for where, directories, files in os.walk(top) for name in directories + files}


def run(word, destdir, prefix="/usr/local"):
    return subprocess.run([os.path.join(TOP, "scripts", "install-files"), word], capture_output=True, text=True,
                          env={**os.environ, "BUILD": BUILD, "DESTDIR": destdir, "PREFIX": prefix}, check=False)


def test_the_drop_in_for_units():
    """systemd reads it as it is meant. What it starts is tried by hand, with the words that systemd would make of the line."""
    analyze = need_program("systemd-analyze")
    with Testbed() as bed:
        destdir = os.path.join(bed.base, "root")
        assert run("install", destdir).returncode == 0
        units = os.path.join(bed.base, "units")
        os.makedirs(units + "/web.service.d")
        with open(units + "/web.service", "w", encoding="utf-8") as file:
            file.write("[Service]\nExecStart=/bin/true\n")
        for name in ("svcconnectd.service", "basic.target", "sysinit.target", "shutdown.target", "system.slice", "-.slice"):
            with open(f"{units}/{name}", "w", encoding="utf-8") as file:
                file.write("[Service]\nExecStart=/bin/true\n" if name.endswith("service") else "[Unit]\nDescription=x\n")
        with open(destdir + "/usr/local/share/svcconnect/task.conf", encoding="utf-8") as file:
            text = file.read().replace("/usr/local/bin/svcconnect", BUILD + "/svcconnect")
        with open(units + "/web.service.d/50-svcconnect.conf", "w", encoding="utf-8") as file:
            file.write(text)
        said = bed.run([analyze, "verify", units + "/web.service"], env={**os.environ, "SYSTEMD_UNIT_PATH": units, "LC_ALL": "C"})
        assert "web.service" not in said.err and "50-svcconnect" not in said.err, said
        line = next(line for line in text.splitlines() if line.startswith("ExecStartPre=+"))
        task = bed.bare_task()
        for options, namespace in (("", "default"), ("-n shop --service web", "shop")):
            # As for systemd: a variable without braces is as many words as it has.
            words = line.removeprefix("ExecStartPre=+").replace("$SVCCONNECT_OPTIONS", options)
            words = words.replace("--unit %n", f"--cgroup {task.path}").split()
            done = bed.run(words, env={**os.environ, "SVCCONNECT_SOCKET": bed.socket_path})
            assert done.rc == 0, done
            assert bed.tasks()[task.path]["namespace"] == namespace


def test_what_install_makes_uninstall_takes_away():
    with Testbed(start=False) as bed:
        destdir = os.path.join(bed.base, "root")
        assert run("uninstall", destdir).returncode == 1, "there is nothing to take away"
        for prefix in ("/usr", "/usr/local"):
            assert run("install", destdir, prefix).returncode == 0
        assert run("install", destdir).returncode == 0, "twice is as once"
        top = destdir + "/usr/local/"
        for place in ("sbin/svcconnectd", "bin/svcconnect", "bin/svcconnect-oci-runtime", "share/man/man1/svcconnect.1",
                      "share/bash-completion/completions/svcconnectd", "share/zsh/site-functions/_svcconnect",
                      "share/fish/vendor_completions.d/svcconnect.fish", "lib/systemd/system/svcconnectd.service",
                      "share/svcconnect/task.conf"):
            assert os.path.isfile(top + place), place
        with open(top + "lib/systemd/system/svcconnectd.service", encoding="utf-8") as file:
            assert "/usr/local/sbin/svcconnectd" in file.read()
        assert subprocess.run([top + "bin/svcconnect", "version"], capture_output=True, check=False).returncode == 0
        with open(top + "bin/other", "w", encoding="utf-8"):
            pass
        said = run("uninstall", destdir)
        assert said.returncode == 0 and "usr/local/bin/" in said.stdout, said
        left = {path[len(destdir):] for path in tree(destdir + "/usr/local")}
        assert left == {"/usr/local/bin", "/usr/local/bin/other"}, left
        os.unlink(top + "bin/other")
        os.rmdir(top + "bin")
        os.rmdir(destdir + "/usr/local")
        assert run("uninstall", destdir, "/usr").returncode == 0
        assert not tree(destdir), tree(destdir)
        assert run("uninstall", destdir).returncode == 1
