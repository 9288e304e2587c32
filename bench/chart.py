"""The chart of the README: what a call takes, as bars on a logarithmic axis, one panel for each
kind of call."""

from __future__ import annotations

from pathlib import Path

from contenders import CONTENDERS
from rows import BARE, RELAXED, STRICT

# (row, title, the bare system calls that stand beside it)
PANELS = (
    ("hit_ints", "A hit, again and again: f(1, 2)", "fstat"),
    ("first_hit", "The first hit of a key in a process", "read"),
    ("miss", "A miss: compute and store", "write"),
    ("result 80 MB", "A hit on an 80 MB array result", None),
    ("argument 80 MB", "A hit with an 80 MB array argument", None),
    ("hit at 1000", "A hit, with 1,000 entries in the function", None),
)
BARE_TITLES = {"fstat": "fstat", "read": "open, fstat, read, close", "write": "write, rename"}
OURS, THEIRS, IN_MEMORY, SYSTEM = "#d1495b", "#8190a8", "#c3cddb", "#e8d9b5"
LEGEND = {
    OURS: "locache",
    THEIRS: "kept on disk",
    IN_MEMORY: "in memory only",
    SYSTEM: "the bare system calls",
}
INK, FAINT = "#22303c", "#d8dde3"
LOWEST, HIGHEST = 2e1, 5e9  # nanoseconds: the axis, the same in all panels
TICKS = {1e2: "100 ns", 1e4: "10 µs", 1e6: "1 ms", 1e8: "100 ms"}
DOTS_PER_INCH = 160


def bars_of(data: dict, row: str, bare: str | None) -> list[tuple[str, float, str]]:
    """(label, nanoseconds, colour), the quickest first."""
    kept = {one.name for one in CONTENDERS if one.keeps}
    bars = []
    for name, found in data["figures"].get(row, {}).items():
        if "median" in found:
            colour = OURS if name in (STRICT, RELAXED) else THEIRS if name in kept else IN_MEMORY
            bars.append((name, found["median"], colour))
    found = data["figures"].get(bare or "", {}).get(BARE)
    if found and bare:
        bars.append((BARE_TITLES[bare], found["median"], SYSTEM))
    return sorted(bars, key=lambda bar: bar[1])


def draw_panel(
    axes, bars: list[tuple[str, float, str]], title: str, places_in_row: int, in_units
) -> None:
    places = range(len(bars))
    axes.barh(
        places,
        [value - LOWEST for _, value, _ in bars],
        left=LOWEST,
        color=[c for *_, c in bars],
        height=0.72,
    )
    for place, (name, value, colour) in zip(places, bars, strict=True):
        weight = "bold" if colour == OURS else "normal"
        axes.text(
            value * 1.25,
            place,
            in_units(value).replace("us", "µs"),
            va="center",
            fontsize=8,
            color=INK,
            fontweight=weight,
        )
        axes.text(
            LOWEST * 0.75,
            place,
            name,
            va="center",
            ha="right",
            fontsize=8,
            color=INK,
            fontweight=weight,
        )
    axes.set_xscale("log")
    axes.set_xlim(LOWEST, HIGHEST)
    axes.set_ylim(places_in_row - 0.4, -0.6)
    axes.set_yticks([])
    axes.set_xticks(list(TICKS), list(TICKS.values()), fontsize=7.5, color=INK)
    axes.tick_params(axis="x", which="both", length=0)
    axes.minorticks_off()
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=9.5, color=INK, fontweight="bold", loc="left", pad=6)


def draw(data: dict, path: Path) -> None:
    """The SVG, and a PNG of the same name beside it."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch
    from report import in_units

    # Text as outlines looks the same everywhere; a fixed salt and no date make equal figures equal
    # files.
    matplotlib.rcParams["svg.fonttype"] = "path"
    matplotlib.rcParams["svg.hashsalt"] = "locache"
    panels = [(bars_of(data, row, bare), title) for row, title, bare in PANELS]
    panels = [(bars, title) for bars, title in panels if bars]
    rows = [panels[at : at + 2] for at in range(0, len(panels), 2)]
    heights = [max(len(bars) for bars, _ in row) + 2 for row in rows]
    figure, all_axes = plt.subplots(
        len(rows), 2, figsize=(9, 0.21 * sum(heights) + 1.1), height_ratios=heights, squeeze=False
    )
    for axes in all_axes.flat:
        axes.set_visible(False)
    for row, axes_row in zip(rows, all_axes, strict=True):
        for (bars, title), axes in zip(row, axes_row, strict=False):
            axes.set_visible(True)
            draw_panel(axes, bars, title, max(len(bars) for bars, _ in row), in_units)
    place = {"x": 0.015, "ha": "left", "color": INK}
    figure.suptitle(
        "Time per call: shorter is better, and each line is a hundred times the one before",
        y=0.985,
        fontsize=12,
        fontweight="bold",
        **place,
    )
    figure.legend(
        [Patch(color=colour) for colour in LEGEND],
        list(LEGEND.values()),
        loc="upper left",
        bbox_to_anchor=(0.008, 0.968),
        ncols=len(LEGEND),
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
        handlelength=1.2,
    )
    machine = data["machine"]
    said = ", ".join(machine[key] for key in ("processor", "system", "file system", "Python"))
    figure.text(
        y=0.008,
        s=f"Medians of one run of make bench: {said}; {machine['date']}.",
        fontsize=7.5,
        **place,
    )
    figure.subplots_adjust(
        left=0.175, right=0.985, top=0.895, bottom=0.06, wspace=0.53, hspace=0.32
    )
    figure.savefig(path, metadata={"Date": None, "Title": "Time per call of locache and its peers"})
    figure.savefig(path.with_suffix(".png"), dpi=DOTS_PER_INCH, metadata={"Software": None})
    plt.close(figure)
