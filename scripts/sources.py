# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What scripts ask of the sources and of programs that were built: version, time, libraries."""
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def output(*words):
    """What a command printed, whatever its end: ldd fails for a program without libraries."""
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def found_in(name, pattern):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return re.search(pattern, file.read(), re.MULTILINE)[1]


def version():
    return found_in("Makefile", r"^VERSION *:= *(\S+)")


def made_at():
    """When the version was made, by the changelog of the package, in seconds since 1970: as `make deb` has it."""
    return int(output("date", "-u", "-d", found_in("debian/changelog", r"^ -- .*>  (.*)"), "+%s"))


def as_time(seconds):
    return output("date", "-u", "-d", f"@{seconds}", "+%Y-%m-%dT%H:%M:%SZ").strip()


def libraries_of(program):
    """Paths as the program's loader will ask for them, sorted."""
    return sorted(set(re.findall(r"(/\S+) \(0x", output("ldd", program))))
