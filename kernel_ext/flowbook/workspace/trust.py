"""Whether a workspace may deploy, import and fire on this machine: remembered outside its tree."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .place import Place


def is_trusted(place: Place) -> bool:
    """Whether somebody on this machine has trusted the workspace, by its id and path."""
    return place.exists and _key(place) in _remembered()


def trust(place: Place) -> None:
    """Remember an act of trust: `flowbook init`, a deploy, a *yes* to the panel's question."""
    place.create()
    _write(_remembered() | {_key(place)})


def distrust(place: Place) -> None:
    """Take the trust back."""
    _write(_remembered() - {_key(place)})


def _key(place: Place) -> str:
    return f"{place.id} {place.root.resolve()}"


def _file() -> Path:
    from jupyter_core.paths import jupyter_config_dir

    return Path(jupyter_config_dir()) / "flowbook" / "trusted.json"


def _remembered() -> frozenset[str]:
    try:
        known = json.loads(_file().read_text())
    except (OSError, ValueError):
        return frozenset()
    return (
        frozenset(entry for entry in known if isinstance(entry, str))
        if isinstance(known, list)
        else frozenset()
    )


def _write(known: frozenset[str]) -> None:
    path = _file()
    if known == _remembered():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    draft.write_text(json.dumps(sorted(known), indent=1))
    os.replace(draft, path)
