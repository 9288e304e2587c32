"""Numbers in a notebook: HTML that needs nothing else, in the notebook's own colours. Imported when
it is shown."""

from html import escape

from locache import _numbers, _stats

# Lines and letters are of the colour of text, so that it can be read on any ground and without
# colour; a bar is told by its length and by its number.
TABLE = 'cellpadding="4" style="border-collapse:collapse;text-align:right;font-size:90%"'
LEFT = 'style="text-align:left"'
BAR_WIDTH, BAR_HEIGHT = 160, 12


def text(value):
    """Of a name that may be anything: what is not printable is shown as its escape."""
    shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in value)
    return escape(shown.encode("utf-8", "backslashreplace").decode())


def bar(hits, misses):
    """The part of the look-ups that hit."""
    said = (
        f"{_numbers.count(hits)} of {_numbers.count(hits + misses)} look-ups hit"
        if hits + misses
        else "not used yet"
    )
    filled = BAR_WIDTH * hits / (hits + misses) if hits + misses else 0
    return (
        f'<svg width="{BAR_WIDTH}" height="{BAR_HEIGHT}" role="img" aria-label="{said}" '
        f'style="vertical-align:middle"><title>{said}</title>'
        f'<rect x="0.5" y="0.5" width="{BAR_WIDTH - 1}" height="{BAR_HEIGHT - 1}" fill="none" '
        'stroke="currentColor"/>'
        f'<rect x="0" y="0" width="{filled:.1f}" height="{BAR_HEIGHT}" fill="currentColor" '
        'fill-opacity="0.65"/></svg>'
    )


def head(cells):
    return "".join(f'<th scope="col">{cell}</th>' for cell in cells)


def line(title, cells, more=""):
    rest = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row" {LEFT}>{title}</th>{rest}{more}</tr>'


def function(persisted):
    """Of one function: its name, what is stored, what this process did and what all did."""
    row = _stats.row_of(persisted)
    own, of_all = _stats.cells_of(row)
    _, hits, misses, ratio, entries, size, saved = own
    stored = f"{entries} result{'' if row.entries == 1 else 's'} stored, {size}"
    return (
        f"<div><strong><code>{text(row.function)}</code></strong> {stored}"
        f"<table {TABLE}><thead><tr><td></td>"
        + head(("hits", "misses", "hit ratio", "time saved"))
        + '<td aria-hidden="true"></td></tr></thead><tbody>'
        + line("this process", (hits, misses, ratio, saved, bar(row.hits, row.misses)))
        + line("all processes", (*of_all, bar(row.total_hits, row.total_misses)))
        + "</tbody></table></div>"
    )


def table(stats):
    """Of all functions: a row for each, and their sum."""
    if not stats:
        return "<div>no persisted functions</div>"
    lines = []
    for row in stats._shown():
        (name, *own), of_all = _stats.cells_of(row)
        picture = bar(row.total_hits, row.total_misses)
        lines.append(line(f"<code>{text(name)}</code>", (*own, *of_all, picture)))
    return (
        f"<div><table {TABLE}><thead><tr><td></td>"
        '<th scope="colgroup" colspan="6" style="text-align:center">this process</th>'
        '<th scope="colgroup" colspan="5" style="text-align:center">all processes</th></tr>'
        f'<tr><th scope="col" {LEFT}>function</th>'
        + head(("hits", "misses", "hit ratio", "entries", "bytes", "time saved"))
        + head(("hits", "misses", "hit ratio", "time saved"))
        + '<td aria-hidden="true"></td></tr></thead><tbody>'
        + "".join(lines)
        + "</tbody></table></div>"
    )
