# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The benchmark (scripts/bench): prints tables, writes them as JSON and as Markdown, and plots.

Every figure is the median of interleaved rounds; ratios are taken within a round."""
import argparse
import contextlib
import os
import platform
import signal
import subprocess
import sys
import time

import beside
import callers
import connection
import control
import lab
import loop
import figures as figures_module
import fleets
import guard
import health
import plots
import program
import testbed
import worker
from leftovers import Watch

PARTS = {"connect": connection, "program": program, "callers": callers, "control": control, "health": health, "loop": loop, "fleet": fleets}
OUTPUT = os.path.join(lab.BUILD, "bench")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="about a minute: fewer and shorter rounds, smaller sizes")
    parser.add_argument("--guard", action="store_true", help="only judge what must not grow (seconds; .ci/run does it)")
    parser.add_argument("--only", action="append", choices=sorted(PARTS), help="only this part; may be repeated")
    parser.add_argument("--build", metavar="DIR", help="the daemon of that build directory, an earlier one's for instance")
    parser.add_argument("--beside", metavar="DIR", help="with the part program: the programs of that build directory, "
                        "an earlier commit's, in the same rounds; nothing else of the part is measured then")
    parser.add_argument("--rounds", type=int, help="rounds of each measurement (default: 5, --quick: 2)")
    parser.add_argument("--json", metavar="FILE", default=os.path.join(OUTPUT, "results.json"),
                        help="where the results go, as Markdown beside it (default: %(default)s)")
    return parser.parse_args()


def host():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {"kernel": platform.release(), "processors": os.cpu_count(), "model": models[0] if models else "unknown",
            "load": lab.load_average(), "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def run_parts(arguments):
    targets, content = figures_module.Targets(), {"host": host(), "quick": arguments.quick}
    rounds = arguments.rounds or (2 if arguments.quick else 5)
    for name, part in PARTS.items():
        if arguments.only and name not in arguments.only:
            continue
        began = time.monotonic()
        if name == "program" and arguments.beside:
            part = beside
            result = part.measure(arguments.beside, rounds)
        else:
            result = part.measure(rounds, arguments.quick)
        part.show(result)
        part.judge(result, targets)
        content[name] = part.told(result)
        content[name]["seconds"] = round(time.monotonic() - began, 1)
    targets.print()
    content["targets"] = targets.items
    content["host"]["load_at_the_end"] = lab.load_average()
    return content


def enter_namespaces():
    """Starts this program again in mount and network namespaces of its own: others' ports and pins are out of the way."""
    if os.environ.get("SVCTEST_INSIDE") != str(os.getpid()):
        os.environ["SVCTEST_INSIDE"] = str(os.getpid())
        # unshare replaces itself by us: the process id stays.
        os.execvp("unshare", ["unshare", "-m", "-n", "--propagation", "private", sys.executable, *sys.argv])
    subprocess.run([lab.need_program("ip"), "link", "set", "lo", "up"], check=True)


def stop(_number, _frame):
    raise KeyboardInterrupt


def main():
    arguments = parse_arguments()
    sys.dont_write_bytecode = True
    if os.geteuid() != 0:
        sys.exit("bench: needs root")
    enter_namespaces()
    worker.adopt_orphans()
    # All that is started from here on, peers included, has the same precedence over what else runs on this host.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    # Also where an interrupt is ignored, as by a shell for what it runs in the background.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    os.makedirs(OUTPUT, exist_ok=True)
    if arguments.build:
        testbed.DAEMON, testbed.CLI = (os.path.abspath(os.path.join(arguments.build, name))
                                       for name in ("svcconnectd", "svcconnect"))
    began = time.monotonic()
    with worker.directories(use_host_bpffs=False):
        watch = Watch()
        try:
            if arguments.guard:
                return guard.main()
            content = run_parts(arguments)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        finally:
            for item in watch.take():
                print(f"left behind, and taken away: {item}", file=sys.stderr)
    figures_module.write_json(arguments.json, content)
    figures_module.write_markdown(os.path.splitext(arguments.json)[0] + ".md")
    plots.draw_all(content, OUTPUT)
    print(f"\nresults: {arguments.json}; {time.monotonic() - began:.0f} s on {content['host']['processors']} processors, "
          f"load {content['host']['load']:.1f} at the start")
    return 0


if __name__ == "__main__":
    sys.exit(main())
