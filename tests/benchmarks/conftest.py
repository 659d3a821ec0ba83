"""Benchmarks are collected with `--benchmark-only` alone (`hatch run bench`); else this folder is empty.

They print one table more than pytest-benchmark: what was measured, a unit's time, how many times its
floor (the least a machine can do, measured in the same run), and the budget. Nothing is asserted of
times: the machine may be busy.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[2] / "kernel_ext"
collect_ignore_glob: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("benchmark_only", default=False):
        collect_ignore_glob.append("test_*.py")


Row = Callable[..., Any]


@pytest.fixture
def row(benchmark: Any) -> Row:
    """`row(group, name, per=…, budget=…)` names a benchmark; a name that begins with `floor` is one."""

    def named(group: str, name: str, *, per: int = 1, budget: str = "") -> Any:
        benchmark.group, benchmark.name = group, name
        benchmark.extra_info.update(per=per, budget=budget)
        return benchmark

    return named


@pytest.fixture(autouse=True)
def quick_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that writes no byte code makes every import several times slower."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    paths = [str(PACKAGE), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(dict.fromkeys(paths)))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    session = getattr(config, "_benchmarksession", None)
    benches = [one for one in getattr(session, "benchmarks", ()) if not one.has_error]
    if not benches:
        return
    terminalreporter.section("beside floors and budgets")
    line = "{:<52} {:>10} {:>10} {:>9}  {}"
    terminalreporter.write_line(line.format("", "least", "median", "× floor", "budget"))
    groups: dict[str, list[Any]] = {}
    for one in benches:
        groups.setdefault(one.group or one.name, []).append(one)
    for group, several in groups.items():
        terminalreporter.write_line(group)
        floor = next((_least(one) for one in several if "floor" in one.name), None)
        for one in several:
            median = one.stats.median / one.extra_info.get("per", 1)
            times = "" if floor is None or "floor" in one.name else f"{_least(one) / floor:.1f}"
            budget = one.extra_info.get("budget", "")
            cells = (f"  {one.name}", _shown(_least(one)), _shown(median), times, budget)
            terminalreporter.write_line(line.format(*cells).rstrip())


def _least(bench: Any) -> float:
    return float(bench.stats.min) / bench.extra_info.get("per", 1)


def _shown(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
