"""The actor runtime against the same by hand, and beside two other runtimes.

Each measure runs in a process of its own, ours and the one by hand in turn, so that what else the
machine does meets both. Rule: a figure that misses what it must reach is called missed.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TypeAlias

ROOT = Path(__file__).parents[1]
LOOPS = ("asyncio", "uvloop")
RIVALS = {"pykka": "on_pykka", "tapio": "on_tapio"}
"""Packages, and the contestants that need them."""
ONCE = ("idle", "cap")
"""Measures that count bytes, which do not vary."""
RATIO, RATIO_AIM = 0.5, 0.8
"""The part of the rate by hand that ours must reach, and shall."""

Figures: TypeAlias = dict[str, float]


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure of a measure. A rate must reach `must` and the ratio; a cost must not pass it."""

    title: str
    measure: str
    figure: str
    must: float | None = None
    aim: float | None = None

    @property
    def rate(self) -> bool:
        return self.figure == "per_s"

    def verdict(self, value: float, ratio: float | None) -> str:
        """What to say of a value, and of its ratio to the bound by hand."""
        if ratio is not None:
            reached = _grade(self.must is not None and value >= self.must)
            return f"{reached}; {RATIO:g}x {_grade(ratio >= RATIO, aim=ratio >= RATIO_AIM)}"
        if self.must is None:
            return ""
        return _grade(value <= self.must, aim=self.aim is not None and value <= self.aim)


GOALS = (
    Goal("tell to one actor, /s", "tell", "per_s", 1e6),
    Goal("ask, one after the other, /s", "ask", "per_s", 60e3),
    Goal("ask, 1,000 askers, /s", "ask_crowd", "per_s", 130e3),
    Goal("fan-out, 10,000 actors x 20, /s", "fan_out", "per_s", 0.9e6),
    Goal("spawn, us", "spawn", "us", 5, 3),
    Goal("idle: the cell, B", "idle", "cell_bytes", 400, 200),
    Goal("idle: all of a virtual actor, B", "idle", "bytes"),
    Goal("flood: p99 gap, other actor, ms", "flood", "actor_ms", 1, 0.6),
    Goal("flood: p99 gap, other task, ms", "flood", "task_ms", 1, 0.6),
    Goal("cap: growth of live blocks", "cap", "growth", 1.02, 1.01),
    Goal("cap: resident at the cap, MB", "cap", "at_cap_mb"),
    Goal("cap: resident at the end, MB", "cap", "end_mb"),
    Goal("cap: an activation, us", "cap", "us"),
)


@dataclass(frozen=True, slots=True)
class Result:
    """A measure on one loop: ours and by hand round by round, the rivals once."""

    ours: Sequence[Figures]
    by_hand: Sequence[Figures]
    rivals: dict[str, Figures]

    def ratio(self) -> float | None:
        """The median over the rounds of our rate to the one by hand; None without a bound."""
        pairs = [a["per_s"] / b["per_s"] for a, b in zip(self.ours, self.by_hand, strict=True) if b]
        return median(pairs) if pairs else None


def compare(*, rounds: int = 5, fewer: int = 1) -> dict[tuple[str, str], Result]:
    """All measures on both loops; prints medians, ratios, and what was missed. `fewer` divides
    the number of messages and actors: then the figures are too small to be judged."""
    rivals = {package: name for package, name in RIVALS.items() if find_spec(package) is not None}
    for package in RIVALS.keys() - rivals.keys():
        print(f"{package} is left out: it is not installed here")
    results: dict[tuple[str, str], Result] = {}
    for loop in LOOPS:
        for measure in dict.fromkeys(goal.measure for goal in GOALS):
            times = 1 if measure in ONCE else rounds
            results[loop, measure] = _take(measure, loop, times, fewer, rivals)
        _show(loop, f"medians of {rounds}, CPU time", rivals, results, judged=fewer == 1)
    return results


def _take(measure: str, loop: str, rounds: int, fewer: int, rivals: dict[str, str]) -> Result:
    ours, by_hand = [], []
    for _ in range(rounds):
        ours.append(_run("ours", measure, loop, fewer))
        by_hand.append(_run("by_hand", measure, loop, fewer))
    return Result(
        ours,
        by_hand,
        {package: _run(name, measure, loop, fewer) for package, name in rivals.items()},
    )


def _run(contestant: str, measure: str, loop: str, fewer: int) -> Figures:
    """A measure in a process of its own; empty where the contestant does not take it."""
    command = [sys.executable, "-m", "benchmarks.contest", contestant, measure, loop, str(fewer)]
    output = subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=300
    ).stdout
    figures: Figures = json.loads(output)
    return figures


def _show(
    loop: str,
    how: str,
    rivals: dict[str, str],
    results: dict[tuple[str, str], Result],
    *,
    judged: bool,
) -> None:
    print(f"\nactors on {loop}: {how}")
    names = "".join(f"{package:>11}" for package in rivals)
    print(f"{'':34}{'ours':>11}{'by hand':>11}{'ratio':>7}{names}{'must':>11}")
    for goal in GOALS:
        result = results[loop, goal.measure]
        value = median(figures[goal.figure] for figures in result.ours)
        ratio = result.ratio() if goal.rate else None
        by_hand = [figures[goal.figure] for figures in result.by_hand if goal.figure in figures]
        others = "".join(_number(result.rivals[package].get(goal.figure)) for package in rivals)
        print(
            f"{goal.title:34}{_number(value)}{_number(median(by_hand) if by_hand else None)}"
            f"{'' if ratio is None else f'{ratio:.2f}':>7}{others}{_number(goal.must)}"
            f"  {goal.verdict(value, ratio) if judged else ''}".rstrip()
        )


def _grade(reached: bool, *, aim: bool = False) -> str:
    return "aim reached" if aim else "reached" if reached else "MISSED"


def _number(value: float | None) -> str:
    if value is None:
        return f"{'':>11}"
    return f"{value:>11,.0f}" if value >= 100 else f"{value:>11.2f}"
