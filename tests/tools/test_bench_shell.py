"""bench/shell.py: what it makes of the times that it took."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import shell

BARE = [0.001, 0.002, 0.001]
FAST = {
    shell.BARE: BARE,
    ("hit", shell.OWN): [0.0012, 0.0024, 0.0012],
    ("hit", "bkt"): [0.002, 0.004, 0.002],
    ("miss", shell.OWN): [0.003, 0.003, 0.003],
    ("miss", "bkt"): [0.003, 0.003, 0.003],
    ("8 at once", shell.OWN): [0.11],
    ("8 at once", "bkt"): [0.12],
}


def met(figures):
    return [target["met"] for target in shell.verdicts(figures)]


def test_shell__all_targets_are_judged():
    assert met(FAST) == [True] * 5
    lines = shell.verdict_lines(shell.verdicts(FAST))
    assert lines[0] == "Targets"
    assert lines[1:3] == [
        "  met     hit: 1.20 ms (at most 1.50 ms)",
        "  met     hit: 1.20 x /bin/true (at most 1.30 x)",
    ]
    assert lines[5] == "  met     8 at once: 0.92 x bkt (at most 1.00 x)"


@pytest.mark.parametrize(
    ("row", "times", "missed"),
    [
        (("hit", shell.OWN), [0.0016, 0.0024, 0.0016], [0, 1]),
        (("hit", "bkt"), [0.001, 0.001, 0.002], [2]),
        (("miss", "bkt"), [0.001, 0.002, 0.004], [3]),
        (("8 at once", "bkt"), [0.1], [4]),
    ],
)
def test_shell__what_is_above_is_missed(row, times, missed):
    """By the median of the rounds: one that was disturbed says nothing."""
    figures = {**FAST, row: times}
    assert [n for n, one in enumerate(met(figures)) if one is False] == missed
    said = "\n".join(shell.verdict_lines(shell.verdicts(figures)))
    assert said.count("MISSED") == len(missed)


def test_shell__without_bkt_nothing_is_held_against_it():
    figures = {row: times for row, times in FAST.items() if row[1] != "bkt"}
    assert met(figures) == [True, True, None, None, None]
    assert "  -       miss: not measured over bkt" in shell.verdict_lines(shell.verdicts(figures))


def test_shell__prints_and_writes_what_it_judged(monkeypatch, tmp_path, capsys):
    kept = tmp_path / "build" / "bench-shell.json"
    monkeypatch.setattr(shell, "measure", lambda locache, rounds: FAST)
    monkeypatch.setattr(sys, "argv", ["shell.py", "locache", "--quick", "--json", str(kept)])
    shell.main()
    assert capsys.readouterr().out.count("  met     ") == 5
    told = json.loads(kept.read_text())
    assert told["quick"] is True and [one["met"] for one in told["targets"]] == [True] * 5
    assert told["seconds"]["hit"]["bkt"]["median"] == 0.002
    assert told["seconds"]["8 at once"]["bkt"]["over true"] is None
