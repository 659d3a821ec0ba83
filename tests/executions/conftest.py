"""A workspace on a clock that jumps, and the task `Probe`."""

from __future__ import annotations

import pytest

import probe_part


@pytest.fixture(autouse=True)
def probes():
    from flowbook.kinds.find import find, index

    index()["types"]["task"]["Probe"] = "probe_part"
    find.cache_clear()
    probe_part.SCRIPT.clear()
    yield probe_part.SCRIPT
    del index()["types"]["task"]["Probe"]
    find.cache_clear()
