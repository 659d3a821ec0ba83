from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from flowbook.views import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (1.149, "1.1 s"),
        (9.949, "9.9 s"),
        (9.96, "0:09"),
        (42, "0:42"),
        (402, "6:42"),
        (4324, "1:12:04"),
    ],
)
def test_clock(seconds: float, said: str) -> None:
    assert words.clock(seconds) == said


@pytest.mark.parametrize(
    ("estimate", "elapsed", "said"),
    [(None, 5, ""), (100, 30, "1:10 left"), (100, 34, "1:10 left"), (40, 35, ""), (30, 60, "")],
)
def test_left(estimate: float | None, elapsed: float, said: str) -> None:
    assert words.left(estimate, elapsed) == said


@pytest.mark.parametrize(
    ("octets", "said"),
    [(0, "0 B"), (999, "999 B"), (86_000, "86 kB"), (2_400_000, "2.4 MB"), (12 * 10**12, "12 TB")],
)
def test_size(octets: int, said: str) -> None:
    assert words.size(octets) == said


def test_moments_of_any_kind_are_one() -> None:
    there = timezone(timedelta(hours=2))
    kinds = (
        datetime(2026, 1, 1, 12, tzinfo=UTC),
        datetime(2026, 1, 1, 14, tzinfo=there),
        "2026-01-01T12:00:00+00:00",
        "2026-01-01T14:00:00+02:00",
        "2026-01-01T12:00:00",
        1767268800,
    )
    assert {words.moment(kind) for kind in kinds} == {1767268800.0}


def test_cut_text_fits_its_room() -> None:
    name = "a-name-much-too-long-for-its-node"
    shown = words.cut(name, 13, 100)
    assert shown.endswith("…")
    assert words.width(shown, 13) <= 100 < words.width(name, 13)
    assert words.cut("short", 13, 100) == "short"
