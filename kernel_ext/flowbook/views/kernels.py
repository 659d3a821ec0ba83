"""The kernels that a workspace's keeper holds, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .words import size


def text(held: Mapping[str, Any]) -> str:
    """`2 ready, 1 lent, by process 4711`, and a line for each kind of stock kernel that waits."""
    waiting = sum(row["ready"] for row in held["pool"])
    ready = held["standbys"] + waiting
    lines = [f"{ready} ready, {len(held['kernels'])} lent, by process {held['pid']}"]
    if held["standbys"]:
        lines.append(f"  {held['standbys']} × python3, forked")
    for row in held["pool"]:
        where = f" in {row['cwd']}" if row["cwd"] else ""
        lines.append(f"  {row['ready']} × {row['kernel']}{where}, {size(row['memory'])}")
    return "\n".join(lines)
