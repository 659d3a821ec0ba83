"""The channel of `fb.outputs`, `fb.inputs`, `fb.progress` and `fb.metric` for a script."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from flowbook.kernels.handed_out import NewsReader, collect, prepare
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.task import Level

RESERVED = ("exitCode", "vars", "outputFiles")
EVERY = 0.25
"""Seconds between two looks at what is new."""


@contextmanager
def opened(context: Context, reserved: Sequence[str] = RESERVED) -> Iterator[None]:
    """The channel while the code runs: inputs lie ready, progress and metrics are passed on."""
    labels = context.variables.get("labels")
    prepare(
        context.run_folder,
        dict(context.variables.get("inputs") or {}),
        {
            "id": context.execution_id,
            "flow": context.flow_id,
            "namespace": context.namespace,
            "task": context.task_id,
            "attempt": context.attempt,
            "labels": dict(labels) if isinstance(labels, Mapping) else {},
        },
        reserved=list(reserved),
    )
    news = NewsReader(context.run_folder, lambda entry: _hear(context, entry))
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []

    def look() -> None:
        news.look()
        timers[:] = [loop.call_later(EVERY, look)]

    look()
    try:
        yield
    finally:
        timers[0].cancel()
        news.look()


async def handed_out(context: Context) -> dict[str, Json]:
    """What `fb.outputs` handed out; tables and files are stored."""
    results: dict[str, Json] = {}
    found = await asyncio.to_thread(collect, context.run_folder)
    for name, one in found.items():
        if one.warning:
            context.log(Level.WARN, one.warning)
        if one.path is None:
            results[name] = one.value
        elif one.kind == "table":
            results[name] = await context.put_table(one.path, name, as_list=one.is_list)
        else:
            results[name] = await context.put(one.path, one.name)
    return results


def _hear(context: Context, entry: Mapping[str, Any]) -> None:
    if "progress" in entry:
        context.progress(entry["progress"], str(entry.get("text") or ""))
    elif "metric" in entry:
        context.metric(str(entry["metric"]), float(entry["value"]), "counter", **entry["tags"])
