"""What the workspace's configuration says of notebooks: `flowbook.notebooks.*`."""

from __future__ import annotations

import os
import re

from flowbook.errors import TaskFailed
from flowbook.kernels.cells import MAX_OUTPUT
from flowbook.kinds.context import Context

UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
MAX_PARKED = 8
MEMORY_SHARE = 0.25
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) *%")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([KMG]i?B|)", re.IGNORECASE)


def max_parallel(context: Context) -> int:
    """How many notebooks of the workspace run side by side. Raises `TaskFailed`."""
    said = context.engine.config.get("flowbook.notebooks.max-parallel")
    if said is None:
        return os.cpu_count() or 1
    if isinstance(said, bool) or not isinstance(said, int) or said < 1:
        raise TaskFailed(
            f"flowbook.notebooks.max-parallel is {said!r}: give a whole number from 1, like 4"
        )
    return said


def max_output(context: Context) -> int:
    """Bytes kept of the outputs of one cell. Raises `TaskFailed`."""
    said = context.engine.config.get("flowbook.notebooks.max-output")
    if said is None:
        return MAX_OUTPUT
    size = _size(said)
    if size is None:
        raise TaskFailed(
            f"flowbook.notebooks.max-output is {said!r}: give bytes, or a size like 20MiB"
        )
    return size


def max_parked(context: Context) -> int:
    """How many kernels are parked at once. Raises `TaskFailed`."""
    said = context.engine.config.get("flowbook.kernels.max-parked")
    if said is None:
        return MAX_PARKED
    if isinstance(said, bool) or not isinstance(said, int) or said < 0:
        raise TaskFailed(
            f"flowbook.kernels.max-parked is {said!r}: give a whole number from 0, like 8"
        )
    return said


def max_memory(context: Context) -> int:
    """Bytes that parked kernels may take together. Raises `TaskFailed`."""
    said = context.engine.config.get("flowbook.kernels.max-memory")
    share = _SHARE.fullmatch(str(said).strip()) if said is not None else None
    if said is None or share is not None:
        part = float(share[1]) / 100 if share is not None else MEMORY_SHARE
        return int(part * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    size = _size(said)
    if size is None:
        raise TaskFailed(
            f"flowbook.kernels.max-memory is {said!r}: give a part of the machine's like 25%, or a size like 4GiB"
        )
    return size


def _size(said: object) -> int | None:
    found = None if isinstance(said, bool) else _SIZE.fullmatch(str(said).strip())
    return None if found is None else int(float(found[1]) * UNITS[found[2].upper()])
