# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The plots, by gnuplot, each as SVG and PNG beside its data."""
import os
import re
import shutil
import subprocess

SETTINGS = """set terminal {terminal} size 900,480
set output "{path}"
set title "{title}"
set grid ytics
set key outside top center horizontal
"""
BARS = """set style data histograms
set style fill solid 0.7 border -1
set boxwidth 0.9
set yrange [0:*]
set xtics rotate by -20
set ylabel "{label}"
set bars front
set style histogram errorbars gap 1 lw 1
"""
LINES = """set logscale x
set yrange [0:*]
set xlabel "{x}"
set ylabel "{label}"
set style data yerrorlines
"""


def bars(names, series):
    """Rows NAME MEDIAN MIN MAX ..., and the words that plot them."""
    rows = [[f'"{name}"', *(f"{item[key]:.6g}" for item in items for key in ("median", "min", "max"))]
            for name, items in names]
    words = ", ".join(f'"{{data}}" using {2 + 3 * i}:{3 + 3 * i}:{4 + 3 * i}:xtic(1) title "{title}"'
                      for i, title in enumerate(series))
    return rows, words


def lines(points, series):
    rows = [[str(x), *(f"{item[key]:.6g}" for item in items for key in ("median", "min", "max"))] for x, items in points]
    words = ", ".join(f'"{{data}}" using 1:{2 + 3 * i}:{3 + 3 * i}:{4 + 3 * i} title "{title}"'
                      for i, title in enumerate(series))
    return rows, words


def draw(directory, name, title, style, rows, words):
    data = os.path.join(directory, f"{name}.dat")
    with open(data, "w", encoding="utf-8") as file:
        file.write(f"# {title}: median, least, greatest of each series\n")
        file.writelines("\t".join(row) + "\n" for row in rows)
    for terminal, ending in (("svg", "svg"), ("pngcairo", "png")):
        script = SETTINGS.format(terminal=terminal, path=os.path.join(directory, f"{name}.{ending}"), title=title)
        result = subprocess.run(["gnuplot"], input=f"{script}{style}plot {words.format(data=data)}\n", text=True,
                                capture_output=True, check=False)
        if result.returncode:
            print(f"plot {name}.{ending} failed: {result.stderr.strip()}")


def draw_connections(part, directory):
    figures = part["figures"]
    peers = [what.rsplit(", ", 1)[0] for what in figures if what.endswith(", connect")]

    def draw_modes(name, title, label, figure, modes):
        """Bars for each peer that has been measured in these modes: {mode: what the key calls it}"""
        measured = [what.removesuffix(f", {next(iter(modes))}") for what in figures
                    if what.endswith(f", {next(iter(modes))}")]
        rows, words = bars([(peer, [figures[f"{peer}, {mode}"][figure] for mode in modes]) for peer in measured],
                           list(modes.values()))
        draw(directory, name, title, BARS.format(label=label), rows, words)

    for figure, label in (("rate", "connections per second"), ("p99_us", "p99, us"),
                          ("cpu_s_per_million", "processor time, s per million")):
        name = figure.replace("_", "-")
        draw_modes(f"connect-{name}", "TCP connections, one after the other on one processor", label, figure,
                   {"connect": "connect and close", "first byte": "with the server's first byte"})
        draw_modes(f"concurrent-{name}", "TCP connections with first byte, 16 clients on two processors", label, figure,
                   {"concurrent": "16 clients"})
        draw_modes(f"udp-{name}", "UDP request and response on one processor",
                   label.replace("connections", "requests"), figure,
                   {"udp unconnected": "one socket", "udp connected": "connected socket",
                    "udp new socket": "new socket each time"})
    rows, words = bars([(peer, [figures[f"{peer}, keep-alive"]["rate"]]) for peer in peers
                        if f"{peer}, keep-alive" in figures], ["keep-alive requests"])
    draw(directory, "keep-alive", "Keep-alive requests, 16 connections", BARS.format(label="requests per second"), rows,
         words)


def draw_programs(part, directory):
    figures = part["figures"]
    cases = ["miss", "hit 1", "hit 10", "hit 1000", "hit spread", "warm miss", "warm hit 1", "warm hit 10",
             "warm hit 1000"]
    sizes = sorted({int(size) for size in re.findall(r", (\d+) services, ", "\n".join(figures))})
    if not sizes:
        return  # those of two builds beside each other
    points = [(size, [figures[f"{case}, {size} services, connect4"]["net_ns"] for case in cases]) for size in sizes]
    rows, words = lines(points, cases)
    draw(directory, "program-cost", "connect4, net of an empty program",
         LINES.format(x="services", label="ns per connect"), rows, words)
    cases = ["datagram miss", *(f"datagram {flow} hit {n}" for flow in ("standing flow", "new flow") for n in (1, 10, 1000))]
    points = [(size, [figures[f"{case}, {size} services, sendmsg4"]["net_ns"] for case in cases]) for size in sizes]
    rows, words = lines(points, cases)
    draw(directory, "program-cost-udp", "sendmsg4, net of an empty program",
         LINES.format(x="services", label="ns per datagram"), rows, words)


def draw_changes(part, directory):
    figures = part["figures"]
    series = [("acknowledged_p50_us", "request to acknowledgement, p50"), ("daemon_cpu_us", "the daemon's CPU time"),
              ("effective_p50_us", "acknowledgement to effect, p50 (one connect)")]
    points = [(size, [figures[f"weight change, {size} services"][name] for name, _ in series]) for size in part["sizes"]]
    rows, words = lines(points, [title for _, title in series])
    draw(directory, "change-cost", "One weight change", LINES.format(x="services, 10 instances each", label="us"), rows,
         words)


def draw_all(content, directory):
    if not shutil.which("gnuplot"):
        print("no plots: gnuplot is not installed")
        return
    for name, function in (("connect", draw_connections), ("program", draw_programs), ("control", draw_changes)):
        if name in content:
            function(content[name], directory)
    print(f"plots: {directory}/*.svg, *.png, with their data in *.dat")
