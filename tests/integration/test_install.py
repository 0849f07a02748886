# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""make install and make uninstall: everything is there, works, and goes again; nothing else does."""
import os
import subprocess

from testbed import BUILD, TOP, Testbed


def tree(top):
    return {os.path.join(where, name) for where, directories, files in os.walk(top) for name in directories + files}


def run(word, destdir, prefix="/usr/local"):
    return subprocess.run([os.path.join(TOP, "scripts", "install-files"), word], capture_output=True, text=True,
                          env={**os.environ, "BUILD": BUILD, "DESTDIR": destdir, "PREFIX": prefix}, check=False)


def test_what_install_makes_uninstall_takes_away():
    with Testbed(start=False) as bed:
        destdir = os.path.join(bed.base, "root")
        assert run("uninstall", destdir).returncode == 1, "there is nothing to take away"
        for prefix in ("/usr", "/usr/local"):
            assert run("install", destdir, prefix).returncode == 0
        assert run("install", destdir).returncode == 0, "twice is as once"
        top = destdir + "/usr/local/"
        for place in ("sbin/svcconnectd", "bin/svcconnect", "share/man/man1/svcconnect.1",
                      "share/bash-completion/completions/svcconnectd", "share/zsh/site-functions/_svcconnect",
                      "share/fish/vendor_completions.d/svcconnect.fish", "lib/systemd/system/svcconnectd.service"):
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
