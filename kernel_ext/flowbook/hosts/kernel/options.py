"""What a person may set for all cells: `%config FlowMagics.…`, `FLOWBOOK_…`, `[tool.flowbook]`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def preset(name: str, start: Path | None = None) -> Any:
    """An option from the environment, else from the nearest `pyproject.toml`; None if nobody set it."""
    if (found := os.environ.get(f"FLOWBOOK_{name.upper()}")) is not None:
        return found
    folder = (start or Path.cwd()).resolve()
    for candidate in (folder, *folder.parents):
        file = candidate / "pyproject.toml"
        if file.is_file():
            return _read(file).get(name.replace("_", "-"), _read(file).get(name))
    return None


def _read(file: Path) -> dict[str, Any]:
    import tomllib

    try:
        told = tomllib.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    found = told.get("tool", {}).get("flowbook", {})
    return found if isinstance(found, dict) else {}
