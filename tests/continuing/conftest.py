"""The flow that fails, in a workspace of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from weekly import fill


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path)
    return tmp_path
