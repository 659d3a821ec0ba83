"""How the interpreter behaves while flows run in somebody's process."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from flowbook.engine.brisk import ALONE, SWITCH, YOUNG, Brisk


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)


def test_everything_is_put_back() -> None:
    sys.setswitchinterval(0.004)
    gc.set_threshold(701, 11, 12)
    brisk = Brisk(threads=True)
    brisk.on()
    assert sys.getswitchinterval() == pytest.approx(SWITCH)
    assert gc.get_threshold() == (YOUNG, 11, 12)
    seen = []
    with contextlib.suppress(RuntimeError), brisk.alone():
        seen.append(sys.getswitchinterval())
        raise RuntimeError
    assert seen == [pytest.approx(ALONE)]
    assert sys.getswitchinterval() == pytest.approx(SWITCH)
    brisk.off()
    assert sys.getswitchinterval() == pytest.approx(0.004)
    assert gc.get_threshold() == (701, 11, 12)


@pytest.mark.parametrize("threads", [True, False])
def test_nothing_is_changed_where_no_flow_runs_or_nobody_else_does(threads: bool) -> None:
    before = sys.getswitchinterval()
    brisk = Brisk(threads=threads)
    if not threads:
        brisk.on()
    with brisk.alone():
        assert sys.getswitchinterval() == before
    brisk.off()
    assert sys.getswitchinterval() == before


def test_who_computes_beside_gets_its_turn_again() -> None:
    brisk, over, turns = Brisk(threads=True), threading.Event(), [0]

    def spin() -> None:
        while not over.is_set():
            turns[0] += 1

    thread = threading.Thread(target=spin)
    thread.start()
    brisk.on()
    try:
        with brisk.alone():
            sum(range(100_000))
        begun = turns[0]
        end = time.monotonic() + 20
        while turns[0] < begun + 1000:
            assert time.monotonic() < end, "it never had its turn"
    finally:
        brisk.off()
        over.set()
        thread.join()
