"""Whether a workspace may deploy, import and fire on this machine: remembered outside its tree."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Callable
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
    if not is_trusted(place):
        _change(lambda known: known | {_key(place)})


def distrust(place: Place) -> None:
    """Take the trust back."""
    if is_trusted(place):
        _change(lambda known: known - {_key(place)})


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


def _change(changed: Callable[[frozenset[str]], frozenset[str]]) -> None:
    """Write what is remembered anew, one process at a time."""
    path = _file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        draft.write_text(json.dumps(sorted(changed(_remembered())), indent=1))
        os.replace(draft, path)
