"""`core.cache.Decrement`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example

from .increment import Increment


class Decrement(Increment):
    """Count down a number in the cache, atomically."""

    sign: ClassVar[int] = -1


NOT_BELOW = Example(
    title="Not below zero",
    outputs={"free": {"value": 0}},
    flow="""
id: not-below-zero
namespace: demo
tasks:
  - {id: free, type: io.kestra.plugin.core.cache.Decrement, key: slots, min: 0}
""",
)
