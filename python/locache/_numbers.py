"""Numbers as people read them. Imported when something is shown."""


def count(number):
    return f"{number:,}"


def size(number):
    """Bytes, in powers of 1,000: "3.1 MB"."""
    units = ("B", "kB", "MB", "GB", "TB", "PB")
    at = 0
    while number >= 999.5 and at + 1 < len(units):
        number /= 1000
        at += 1
    return f"{number:.1f} {units[at]}" if at and number < 9.95 else f"{number:.0f} {units[at]}"


def span(seconds):
    """The two largest units: "12 min 4 s"."""
    if seconds == 0:
        return "0 s"
    if seconds < 0.9995:
        return f"{seconds * 1000:.1f} ms" if seconds < 0.00995 else f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    whole = int(seconds)
    at = next(n for n, (_, unit) in enumerate(units) if whole >= unit)
    name, unit = units[at]
    if at == 3:
        return f"{whole} s"
    smaller, part = units[at + 1]
    return f"{whole // unit} {name} {whole % unit // part} {smaller}"


def ratio(hits, misses):
    """The part of all look-ups that hit: what is not all is not shown as all."""
    if not hits + misses:
        return "-"
    part = hits / (hits + misses)
    return "100%" if not misses else f"{min(100 * part, 99.9):.1f}%"
