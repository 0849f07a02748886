# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The command line as it looks on a terminal of a given size."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from testbed import CLI

SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(bed, *words, columns=80, rows=24, until=None, keys="", environment=None, command=None):
    """What it writes to a terminal; ended as by Ctrl-C when `until` is in it. Returns the exit status and the text."""
    pid, fd = pty.fork()
    if pid == 0:
        try:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            own = {**bed.cli_environment(), "TERM": "xterm", **(environment or {})}
            own = {key: value for key, value in own.items() if key != "COLUMNS"}
            argv = command or [CLI, *words]
            os.execvpe(argv[0], argv, own)
        finally:
            os._exit(125)
    text, asked, deadline = "", False, time.monotonic() + 20
    if keys:
        os.write(fd, keys.encode())
    while time.monotonic() < deadline:
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        text += data.decode(errors="replace")
        if until and not asked and until(text):
            os.kill(pid, signal.SIGINT)
            asked = True
    else:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return os.waitstatus_to_exitcode(status), text.replace("\r\n", "\n")


def plain(text):
    return SEQUENCE.sub("", text)
