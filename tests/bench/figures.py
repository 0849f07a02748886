# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What was measured: a value per round, told as median with least and greatest."""
import json
import statistics


class Figures:
    """Values by (what, name of the figure), in the order of the rounds."""

    def __init__(self):
        self.values = {}

    def add(self, what, figure, value):
        if value is not None:
            self.values.setdefault(what, {}).setdefault(figure, []).append(value)

    def add_all(self, what, **figures):
        for figure, value in figures.items():
            self.add(what, figure, value)

    def median(self, what, figure):
        values = self.values.get(what, {}).get(figure)
        return statistics.median(values) if values else None

    def ratio(self, what, other, figure):
        """[median, least, greatest] of what / other, each taken within its round; None if one was not measured."""
        ours, theirs = (self.values.get(name, {}).get(figure) for name in (what, other))
        if not ours or not theirs:
            return None
        ratios = [a / b for a, b in zip(ours, theirs) if b]
        return spread(ratios) if ratios else None

    def told(self):
        return {what: {figure: dict(zip(("median", "min", "max"), spread(values)), rounds=values)
                       for figure, values in figures.items()} for what, figures in self.values.items()}


def spread(values):
    return [statistics.median(values), min(values), max(values)]


def short(value):
    """Three digits that matter."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cell(values):
    """MEDIAN (LEAST..GREATEST)"""
    if not values:
        return "-"
    middle, least, greatest = spread(values)
    return short(middle) if least == greatest else f"{short(middle)} ({short(least)}..{short(greatest)})"


printed = []  # the same tables as Markdown, in their order


def print_table(title, heads, rows):
    rows = [[short(item) for item in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows]]
    printed.append("\n".join([f"## {title}", "", *lines, ""]))
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    print(f"\n{title}")
    for row in [heads, *rows]:
        first, *others = (text.ljust(width) if i == 0 else text.rjust(width)
                          for i, (text, width) in enumerate(zip(row, widths)))
        print("  ".join([first, *others]).rstrip(), flush=True)


class Targets:
    """What is to be reached, with what was measured."""

    def __init__(self):
        self.items = []

    def at_least(self, what, limit, measured, unit=""):
        self.add(what, f">= {short(limit)}{unit}", measured, unit, measured is not None and measured >= limit)

    def at_most(self, what, limit, measured, unit=""):
        self.add(what, f"<= {short(limit)}{unit}", measured, unit, measured is not None and measured <= limit)

    def add(self, what, target, measured, unit, is_met):
        verdict = "not measured" if measured is None else "met" if is_met else "MISSED"
        self.items.append({"what": what, "target": target, "measured": measured, "unit": unit, "verdict": verdict})

    def print(self):
        rows = [[item["what"], item["target"], short(item["measured"]) + (item["unit"] if item["measured"] is not None
                                                                           else ""), item["verdict"]]
                for item in self.items if item["measured"] is not None]
        if rows:
            print_table("Targets", ["what", "target", "measured", ""], rows)


def write_markdown(path):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(printed))


def write_json(path, content):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")
