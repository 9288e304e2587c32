"""The figures as tables: for a terminal, and for docs/speed.md and README.md, which hold them
between two marks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import chart
from contenders import CONTENDERS
from rows import BARE, GROUPS, HITS, RELAXED, ROWS, STRICT, Group

NAME_WIDTH = 22
CELL_WIDTH = 17
DASH = "-"
BEGIN, END = "<!-- figures: {} -->", "<!-- end of figures -->"
IN_README = ("hit_ints", "first_hit", "miss", "result 80 MB", "argument 80 MB", "hit at 1000")


def in_units(value: float, unit: str = "ns") -> str:
    if unit == "bytes":
        return scaled(value, 1024, ("B", "KiB", "MiB", "GiB"))
    if unit == "per second":
        return scaled(value, 1000, ("", "k", "M"))
    if unit == "levels":
        return f"{value:,.0f}"
    return scaled(value, 1000, ("ns", "us", "ms", "s"))


def scaled(value: float, step: float, units: tuple[str, ...]) -> str:
    """Three digits, and the unit in which they are readable."""
    sign = "-" if value < 0 else ""
    value, at = abs(value), 0
    while value >= step - 0.5 and at < len(units) - 1:
        value, at = value / step, at + 1
    digits = (
        0 if value >= 99.95 or (at == 0 and value == int(value)) else 1 if value >= 9.995 else 2
    )
    return f"{sign}{value:.{digits}f} {units[at]}".rstrip()


def ratio_text(value: float) -> str:
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


class Tables:
    def __init__(self, data: dict):
        self.figures = data["figures"]

    def figure(self, row: str, name: str) -> dict:
        return self.figures.get(row, {}).get(name, {})

    def measured(self, group: Group) -> bool:
        return any(
            "median" in found
            for row in group.rows
            for found in self.figures.get(row.name, {}).values()
        )

    def shown(self, group: Group) -> list[str]:
        """Those who have at least one figure or a reason for none."""
        names = [BARE, *(one.name for one in CONTENDERS)]
        return [
            name
            for name in names
            if any(
                "median" in (found := self.figure(row.name, name)) or found.get("reason")
                for row in group.rows
            )
        ]

    def cell(self, row: str, name: str) -> str:
        found = self.figure(row, name)
        if "median" in found:
            return in_units(found["median"], ROWS[row].unit)
        return DASH if found.get("reason") else ""

    def spread(self, row: str, name: str) -> str:
        found = self.figure(row, name)
        if "median" not in found:
            return ""
        low, high = (in_units(found[key], ROWS[row].unit) for key in ("low", "high"))
        return f"{low}..{high}".replace(" ", "")

    def ratio(self, row: str, name: str) -> str:
        """How many times what locache takes (or gets done)."""
        own, found = self.figure(row, STRICT), self.figure(row, name)
        if (
            ROWS[row].unit == "bytes"
            or name == STRICT
            or "median" not in own
            or "median" not in found
        ):
            return ""
        return f"x{ratio_text(found['median'] / own['median'])}"

    def notes(self, group: Group) -> list[str]:
        """One line for each reason: who cannot do what, and why."""
        reasons: dict[str, dict[str, list[str]]] = {}
        for row in group.rows:
            for name in self.shown(group):
                if reason := self.figure(row.name, name).get("reason"):
                    reasons.setdefault(reason, {}).setdefault(name, []).append(row.title)
        lines = []
        for reason, names in reasons.items():
            rows = next(iter(names.values()))
            everywhere = all(len(titles) == len(group.rows) for titles in names.values())
            where = (
                ""
                if everywhere or any(titles != rows for titles in names.values())
                else f" ({', '.join(rows)})"
            )
            lines.append(f"{', '.join(names)}{where}: {reason}")
        return lines


# ----------------------------------------------------------------------------------- for a terminal


def terminal(data: dict) -> str:
    tables = Tables(data)
    lines = [
        machine_text(data),
        "Medians of several rounds, and how many times that of locache; below, the lowest and "
        "highest round.",
    ]
    for group in GROUPS:
        if tables.measured(group):
            lines += ["", *terminal_table(tables, group)]
    return "\n".join([*lines, "", *verdict_lines(data["targets"])])


def terminal_table(tables: Tables, group: Group) -> list[str]:
    lines = [
        group.title,
        " " * NAME_WIDTH + "".join(f"{row.title:>{CELL_WIDTH}}" for row in group.rows),
    ]
    for name in tables.shown(group):
        first, second = f"  {name:{NAME_WIDTH - 2}}", " " * NAME_WIDTH
        for row in group.rows:
            cell = f"{tables.cell(row.name, name)} {tables.ratio(row.name, name)}".rstrip()
            first += f"{cell:>{CELL_WIDTH}}"
            second += f"{tables.spread(row.name, name):>{CELL_WIDTH}}"
        lines += [first.rstrip(), second.rstrip()]
    return [line for line in lines if line] + [f"  {DASH} {note}" for note in tables.notes(group)]


def verdict_lines(targets: list[dict]) -> list[str]:
    words = {True: "met", False: "MISSED", None: "-"}
    return [
        "Targets",
        *(
            f"  {words[target['met']]:7} {target['title']}: {verdict_text(target)}"
            for target in targets
        ),
    ]


def verdict_text(target: dict) -> str:
    if target["met"] is None:
        return "not measured"
    aim = f", {said(target, 'aim')} aimed at" if target["aim"] else ""
    over = f" {target['over']}" if target["over"] else ""
    most = f"at most {said(target, 'most')}{aim}{floor_text(target)}"
    return f"{said(target, 'measured')}{over} ({most})"


def said(target: dict, what: str) -> str:
    if target[what] is None:
        return DASH
    return (
        f"{target[what]:.2f} x"
        if target["ratio"]
        else in_units(target[what], ROWS[target["row"]].unit)
    )


def floor_text(target: dict) -> str:
    """Where a target is missed, how much of it was not to be avoided."""
    return (
        ""
        if target["met"] or not target["floor"]
        else f"; {target['floor of']} alone: {said(target, 'floor')}"
    )


def machine_text(data: dict) -> str:
    machine = data["machine"]
    text = ", ".join(
        machine[key] for key in ("processor", "memory", "system", "file system", "Python")
    )
    quick = "; a quick run" if data["quick"] else ""
    return f"{text}; {machine['date']}, {data['minutes']} minutes{quick}"


# ------------------------------------------------------------------------------------ for the pages


def write_docs(kept: Path, top: Path) -> None:
    data = json.loads(kept.read_text())
    chart.draw(data, top / "docs" / "speed.svg")
    of_c = kept.with_name("bench-c.json")
    sections = {
        "machine": [
            machine_text(data),
            "",
            f"First calls, misses and a thousand functions: {data['machine']['stored on']}.",
            "",
            "Versions: " + ", ".join(versions(data)) + ".",
        ],
        "targets": markdown_targets(data["targets"]),
        "tables": markdown_tables(data),
        "way": markdown_way(data),
        "counts": markdown_counts(
            json.loads(Path(__file__).with_name("instructions.json").read_text())
        ),
        "c": markdown_c(json.loads(of_c.read_text())) if of_c.exists() else [],
    }
    replace_in(top / "docs" / "speed.md", sections)
    replace_in(top / "README.md", {"summary": markdown_summary(data)})


def versions(data: dict) -> list[str]:
    return [
        f"{name} {version}"
        for name, version in data["machine"]["versions"].items()
        if not name.startswith("locache")
    ]


def replace_in(path: Path, sections: dict[str, list[str]]) -> None:
    """What stands between a section's two marks becomes that section."""
    text = path.read_text()
    for name, lines in sections.items():
        begin = BEGIN.format(name)
        if not lines:
            continue
        if begin not in text:
            raise SystemExit(f"{path} has no {begin}")
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(END)
        section = re.sub(r"(\d ?)us\b", r"\1µs", "\n".join(lines))
        text = f"{before}{begin}\n{section}\n{END}{after}"
    path.write_text(text)


def markdown_row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def markdown_tables(data: dict) -> list[str]:
    tables = Tables(data)
    lines: list[str] = []
    for group in GROUPS:
        if not tables.measured(group):
            continue
        names = tables.shown(group)
        lines += [f"### {group.title}", "", markdown_row(["", *(row.title for row in group.rows)])]
        lines.append("|---|" + "--:|" * len(group.rows))
        for name in names:
            cells = [f"**{name}**" if name in (STRICT, RELAXED) else name]
            for row in group.rows:
                text, spread = tables.cell(row.name, name), tables.spread(row.name, name)
                cells.append(f"{text}<br><sub>{spread}</sub>" if spread else text)
            lines.append(markdown_row(cells))
        lines += ["", *(f"{DASH} {note}  " for note in tables.notes(group)), ""]
    return lines[:-1]


def markdown_targets(targets: list[dict]) -> list[str]:
    words = {True: "met", False: "**missed**", None: "not measured"}
    lines = ["| | measured | at most | |", "|---|--:|--:|---|"]
    for target in targets:
        over = f", over {target['over']}" if target["over"] else ""
        word = words[target["met"]] + floor_text(target)
        lines.append(
            markdown_row(
                [target["title"] + over, said(target, "measured"), said(target, "most"), word]
            )
        )
    return lines


def markdown_way(data: dict) -> list[str]:
    """Where the time of a hit goes: what asking for the file adds."""
    tables = Tables(data)
    lines = [markdown_row(["", *(ROWS[row].title for row in HITS)]), "|---|" + "--:|" * len(HITS)]
    for title, name in (
        ("`lru_cache`", "lru_cache"),
        ("without asking for the file", RELAXED),
        ("asking", STRICT),
    ):
        lines.append(markdown_row([title, *(tables.cell(row, name) for row in HITS)]))
    asked = []
    for row in HITS:
        pair = [tables.figure(row, name).get("median") for name in (STRICT, RELAXED)]
        asked.append(in_units(pair[0] - pair[1]) if None not in pair else "")
    lines.append(markdown_row(["so asking costs", *asked]))
    lines.append(markdown_row(["the bare `fstat`", *([tables.cell("fstat", BARE)] * len(HITS))]))
    return lines


def markdown_counts(record: dict) -> list[str]:
    """What bench/instructions.json records."""
    lines = ["| | instructions | system calls |", "|---|--:|--:|"]
    for language, kinds in record["counts"].items():
        for row, instructions in kinds["instructions"].items():
            cells = [
                f"{language}, {row}",
                f"{instructions:,.0f}",
                f"{kinds['system calls'][row]:g}",
            ]
            lines.append(markdown_row(cells))
    for row, functions in record["where"].items():
        spent = ", ".join(f"`{name}` {count:,.0f}" for name, count in functions.items())
        lines += ["", f"Most of the instructions of {row}: {spent}."]
    return [
        *lines,
        "",
        "Counted with "
        + ", ".join(f"{name} {what}" for name, what in record["built with"].items())
        + ".",
    ]


def markdown_c(data: dict) -> list[str]:
    rows = {
        "hit": "repeated hit",
        "first_hit": "first hit",
        "put": "put",
        "put_in_memory": "put on tmpfs",
    }
    lines = [markdown_row(["", *rows.values()]), "|---|" + "--:|" * len(rows)]
    for name, figures in data["figures"].items():
        cells = [in_units(figures[row]["median"]) if row in figures else "" for row in rows]
        lines.append(markdown_row([name, *cells]))
    lines.append("")
    for target in data["targets"]:
        word = "met" if target["met"] else "**missed**"
        lines.append(
            f"- {rows[target['row']]}, {target['of']}: {target['measured']:.2f} x the bare "
            f"{target['over']}, at most {target['target']:g} x: {word}"
        )
    return lines


def markdown_summary(data: dict) -> list[str]:
    tables = Tables(data)
    titles = (
        "hit again",
        "first hit",
        "miss",
        "80 MB result",
        "80 MB argument",
        "hit, 1,000 entries",
    )
    lines = [markdown_row(["", *titles]), "|---|" + "--:|" * len(titles)]
    for one in CONTENDERS:
        cells = [tables.cell(row, one.name) for row in IN_README]
        if sum(cell not in ("", DASH) for cell in cells) < 2 and one.name != RELAXED:
            continue
        lines.append(
            markdown_row([f"**{one.name}**" if one.name in (STRICT, RELAXED) else one.name, *cells])
        )
    machine = data["machine"]
    return [
        *lines,
        "",
        f"{machine['processor']}, {machine['system']}, {machine['file system']}, "
        f"{machine['Python']}.",
    ]
