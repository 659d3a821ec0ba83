from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowbook.views.run import RunView, run_view


@pytest.fixture(scope="session")
def rows() -> dict[str, Any]:
    """The sample run's rows: `running()`, `failed()`, `success()`, `TREE` …"""
    return runpy.run_path(str(Path(__file__).with_name("weather.py")))


@pytest.fixture(scope="session")
def view(rows: dict[str, Any]) -> Callable[..., RunView]:
    """The sample run as a view at one moment."""

    def made(moment: str, **more: Any) -> RunView:
        return run_view(**{**rows[moment](), **more})

    return made
