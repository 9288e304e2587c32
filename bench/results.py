"""What was measured, gathered round by round, and whether it is what it should be."""

from __future__ import annotations

import statistics

from rows import BARE, ROWS, STRICT, TARGETS, Target


class Results:
    def __init__(self) -> None:
        self._values: dict[str, dict[str, list[float]]] = {}
        self._reasons: dict[str, dict[str, str]] = {}

    def add(self, figures: dict[str, float], contender: str) -> None:
        """One round's figures."""
        for row, value in figures.items():
            self._values.setdefault(row, {}).setdefault(contender, []).append(value)

    def refuse(self, row: str, contender: str, reason: str) -> None:
        """Why there is no such figure. One that was measured before counts no more."""
        self._values.get(row, {}).pop(contender, None)
        self._reasons.setdefault(row, {}).setdefault(contender, reason)

    def refused(self, row: str, contender: str) -> bool:
        return contender in self._reasons.get(row, {})

    def summary(self) -> dict:
        """{row: {contender: {median, low, high} or {reason}}}"""
        figures: dict = {}
        for row, found in self._values.items():
            for contender, values in found.items():
                middle = {
                    "median": statistics.median(values),
                    "low": min(values),
                    "high": max(values),
                }
                figures.setdefault(row, {})[contender] = middle
        for row, found in self._reasons.items():
            for contender, reason in found.items():
                figures.setdefault(row, {}).setdefault(contender, {"reason": reason})
        return figures

    def _of(self, contender: str, row: str) -> list[float]:
        return self._values.get(row, {}).get(contender, [])

    def _measured(self, own: list[float], over: tuple[str, str] | None) -> float | None:
        """The figure, or the ratio: each round's own where both were measured in it, near to each
        other in time."""
        if not own or over is None:
            return statistics.median(own) if own else None
        other = self._of(*over)
        if not other:
            return None
        if len(own) == len(other):
            return statistics.median(a / b for a, b in zip(own, other, strict=True))
        return statistics.median(own) / statistics.median(other)

    def _verdict(self, target: Target) -> dict:
        measured = self._measured(self._of(target.contender, target.row), target.over)
        return {
            "title": target.title,
            "row": target.row,
            "ratio": target.over is not None,
            "over": over_text(target),
            "measured": measured,
            "most": target.most,
            "aim": target.aim,
            "floor": self._measured(self._of(*target.floor), target.over) if target.floor else None,
            "floor of": f"the bare {ROWS[target.floor[1]].title}" if target.floor else "",
            "met": None if measured is None else measured <= target.most,
        }

    def verdicts(self) -> list[dict]:
        return [self._verdict(target) for target in TARGETS]


def over_text(target: Target) -> str:
    """What a ratio is over; where it is locache itself, the title says it."""
    if target.over is None or target.over[0] == STRICT:
        return ""
    contender, row = target.over
    return f"the bare {ROWS[row].title}" if contender == BARE else contender
