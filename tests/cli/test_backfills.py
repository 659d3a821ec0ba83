"""`flowbook triggers`: switches, and dates of the past, typed into a terminal without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from .conftest import Terminal

FLOW = """
id: daily
namespace: demo
inputs: [{id: n, type: INT, defaults: 1}]
tasks: [{id: say, type: core.debug.Return, format: hi}]
triggers:
  - {id: noon, type: core.trigger.Schedule, cron: "0 12 * * *", timezone: UTC}
"""
OFTEN = FLOW.replace("daily", "often").replace("0 12 * * *", "* * * * *")
TODAY = datetime.now(UTC).date()
FIRST, LAST = str(TODAY - timedelta(days=9)), str(TODAY - timedelta(days=3))


@pytest.fixture(scope="module", autouse=True)
def deployed(flowbook: Terminal) -> None:
    for name, text in (("daily", FLOW), ("often", OFTEN)):
        done = flowbook("flows", "deploy", str(flowbook.write(f"{name}.yaml", text)))
        assert done.returncode == 0, done.stderr


def backfill(flowbook: Terminal, *words: str) -> tuple[int, str, str]:
    done = flowbook("triggers", "backfill", *words)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_a_backfill_is_looked_at_begun_paused_and_dropped(flowbook: Terminal) -> None:
    of_week = ("demo.daily", "--start", FIRST, "--end", LAST)
    code, shown, _ = backfill(flowbook, *of_week, "--dry-run")
    assert (code, f"  {FIRST} 12:00\n" in shown) == (0, True)
    assert shown.endswith(f"7 dates of demo.daily.noon, {FIRST} 12:00 to {LAST} 12:00 (UTC) would run.\n")  # fmt: skip
    assert backfill(flowbook, "demo.daily")[1] == "No backfill of demo.daily.\n"

    code, begun, _ = backfill(flowbook, *of_week, "-i", "n=7", "--labels", "why=fix")
    assert (code, begun.splitlines()[0]) == (
        0,
        f"Backfill: 7 dates of demo.daily.noon, {FIRST} 12:00 to {LAST} 12:00 (UTC).",
    )
    assert "No server runs now: they run while one does" in begun
    [told] = flowbook.json("triggers", "backfill", "demo.daily")
    assert (told["state"], told["done"], told["total"]) == ("RUNNING", 0, 7)
    assert (told["inputs"], told["labels"]) == ({"n": "7"}, {"why": "fix"})
    assert "waits for a server   0 of 7" in backfill(flowbook)[1]
    assert f"0 of 7, at {FIRST} 12:00" in flowbook("triggers", "list").stdout

    code, _, refused = backfill(flowbook, *of_week)
    assert (code, "goes on, at" in refused) == (1, True)
    assert "is paused" in backfill(flowbook, "demo.daily", "--pause")[1]
    assert "goes on" in backfill(flowbook, "demo.daily", "--resume")[1]
    assert flowbook("triggers", "disable", "demo.daily").stdout == "demo.daily.noon is disabled.\n"
    assert flowbook.json("triggers", "backfill", "demo.daily")[0]["state"] == "STOPPED"
    assert backfill(flowbook, "demo.daily", "--delete")[2] == "No backfill of demo.daily goes on\n"
    assert flowbook("triggers", "enable", "demo.daily").stdout == "demo.daily.noon is enabled.\n"
    waits = flowbook("triggers", "unlock", "demo.daily")
    assert (waits.returncode, "waits for no execution" in waits.stderr) == (1, True)


@pytest.mark.slow
def test_very_many_dates_and_wrong_words_are_answered(flowbook: Terminal) -> None:
    code, _, many = backfill(flowbook, "demo.often", "--start", FIRST)
    assert (code, "Nobody answered, so nothing was done; --yes answers." in many) == (2, True)
    code, begun, _ = backfill(flowbook, "demo.often", "--start", FIRST, "--yes")
    assert (code, begun.startswith("Backfill: 1")) == (0, True)
    for words, said in (
        (("demo.daily", "--start", "soon"), "'soon' is no date: write it like 2026-01-31"),
        (("demo.daily", "--start", LAST, "--end", FIRST), "lies behind the end"),
        (("demo.daily", "--start", FIRST, "-i", "n=x"), "Invalid input for `n`"),
        (("demo.daily", "--end", LAST), "--end says more about --start DATE"),
        (("--start", FIRST), "Which flow? Write it as NAMESPACE.ID"),
        (("demo.daily", "--start", FIRST, "--pause"), "Either --start or --pause"),
    ):
        code, out, wrong = backfill(flowbook, *words)
        assert (code, said in wrong, out) == (2, True, ""), wrong
