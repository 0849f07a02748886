# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""How fast clients may ask: DiscoverInstances of a service with a thousand instances, in answers per second of the
daemon's own processor time, which is what one core would give."""
import os

from aws_client import AwsBed
from testbed import BUILD, Skip, need_plain_programs, note


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_discover():
    need_plain_programs("they are slower")
    tool = os.path.join(BUILD, "tests", "bench", "discover_load")
    if not os.access(tool, os.X_OK):
        raise Skip("discover_load is not built (make tools)")
    with AwsBed() as bed:
        bed.batch([{"op": "register", "service": "web", "address": f"127.9.{i // 250}.{1 + i % 250}:80", "id": f"i{i}"}
                   for i in range(1000)])
        headers, data = bed.signed("DiscoverInstances", {"NamespaceName": "default", "ServiceName": "web"})
        head = "POST / HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in {
            "Host": f"127.0.0.1:{bed.port}", **headers, "Content-Length": str(len(data))}.items()) + "\r\n"
        file = os.path.join(bed.base, "request")
        with open(file, "wb") as out:
            out.write(head.encode() + data)
        before = processor_seconds(bed.daemon.pid)
        result = bed.run([tool, "127.0.0.1", str(bed.port), file, "3", "8"])
        used = processor_seconds(bed.daemon.pid) - before
        assert result.rc == 0, result
        answers, seconds, size = result.out.split()
        rate = int(answers) / used
        note(f"DiscoverInstances, 1,000 instances, answers of {size} bytes: {int(answers) / float(seconds):.0f}/s, "
             f"{rate:.0f} per second of the daemon's processor time")
        assert rate >= 2500, "half of the goal of 5,000: a busy machine is not to blame"


test_discover.alone = True  # it counts what is done in a time
