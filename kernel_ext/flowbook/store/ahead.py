"""Starting the storekeeper ahead of need: it opens the history while the rest is still being imported."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from flowbook.elected import Seat

_begun: dict[Path, float] = {}


class Place(Protocol):
    """What a storekeeper needs to know of a workspace."""

    @property
    def database(self) -> Path: ...
    @property
    def storage(self) -> Path: ...
    @property
    def runtime(self) -> Path: ...


def keeper(place: Place) -> tuple[str, ...]:
    """The module that is run as storekeeper, and its arguments."""
    return "flowbook.store", str(place.database), str(place.storage), str(place.runtime)


def begin(place: Place) -> None:
    """Start a storekeeper if nobody is one; who connects soon finds it."""
    seat = Seat(place.runtime, "store")
    if not seat.is_held():
        seat.start(*keeper(place))
        _begun[seat.socket] = time.monotonic()


def begun(seat: Seat) -> float:
    """When this process last began so, by its own clock; 0 if it never has."""
    return _begun.pop(seat.socket, 0.0)
