"""One attempt of one task run: its timeout, and how it ended as an event."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flowbook.errors import FlowbookError, TaskFailed
from flowbook.executions.events import AttemptFailed, AttemptKilled, AttemptSucceeded
from flowbook.kinds.durations import iso
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.kinds.task import Level, Output, RunnableTask

from . import caching, rendering
from .context import AttemptContext

MAX_OUTPUTS = 10 * 2**20

Ended = AttemptSucceeded | AttemptFailed | AttemptKilled


async def run_attempt(context: AttemptContext, task: RunnableTask) -> Ended:
    """Run the task's code to its end, whatever that is."""
    ids = {"task_run": context.task_run_id, "attempt": context.attempt}
    short = task.type.rpartition(".")[2]
    why: Mapping[str, Json] | None = None
    try:
        looked = await caching.look(context, task)
        if looked is not None:
            why = looked.why
            if looked.outputs is not None:
                context.log(Level.INFO, "cache hit")
                return AttemptSucceeded(at=context.now(), outputs=looked.outputs, cache=why, **ids)  # type: ignore[arg-type]
        limit = await context.render(task.timeout)
        if limit is None:
            output = await task.run(context)
        else:
            try:
                async with _timeout(context, limit):
                    output = await task.run(context)
            except TimeoutError:
                raise TaskFailed(f"Timeout after {iso(limit)}", kind="Timeout") from None
        values, state = _output(output)
        values = _bounded(context, values)
        if looked is not None and state is State.SUCCESS:
            await caching.keep(context, looked, values)
        return AttemptSucceeded(
            at=context.now(),
            outputs=values,
            state=state,
            cache=why,
            **ids,  # type: ignore[arg-type]
        )
    except asyncio.CancelledError:
        raise
    except Exception as error:
        described = rendering.failure(error)
        described["message"] = context.masked(str(described["message"]))
        if "traceback" in described:
            described["traceback"] = context.masked(str(described["traceback"]))
        context.log(Level.ERROR, described["message"])
        if not isinstance(error, FlowbookError):
            context.log(Level.DEBUG, described.get("traceback", ""))
        outputs = getattr(error, "outputs", None)
        kept = rendering.plain(outputs) if isinstance(outputs, Mapping) else None
        described.setdefault("task", short)
        return AttemptFailed(
            at=context.now(),
            error=described,
            outputs=kept,
            cache=why,
            **ids,  # type: ignore[arg-type]
        )
    finally:
        context.close()


def _timeout(context: AttemptContext, limit: timedelta) -> Any:
    clock = context._workspace.clock
    if type(clock).__name__ == "SystemClock":
        return asyncio.timeout(limit.total_seconds())
    return _ClockTimeout(context, limit)


class _ClockTimeout:
    """`asyncio.timeout` on the workspace's own clock."""

    def __init__(self, context: AttemptContext, limit: timedelta) -> None:
        self._context, self._limit, self._over = context, limit, False

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task

        def over() -> None:
            self._over = True
            task.cancel()

        self._alarm = asyncio.ensure_future(self._wait(over))

    async def _wait(self, over: Any) -> None:
        clock = self._context._workspace.clock
        await clock.until(clock.now() + self._limit)  # beside the attempt's work, not inside it
        over()

    async def __aexit__(self, kind: Any, *_: object) -> None:
        self._alarm.cancel()
        if self._over and kind is asyncio.CancelledError:
            self._task.uncancel()
            raise TimeoutError


def _output(output: Output | Mapping[str, Json] | None) -> tuple[dict[str, Json] | None, State]:
    if output is None:
        return None, State.SUCCESS
    if isinstance(output, Output):
        values = rendering.plain(output.values)
        return values, output.state or State.SUCCESS
    return rendering.plain(output), State.SUCCESS


def _bounded(context: AttemptContext, values: dict[str, Json] | None) -> dict[str, Json] | None:
    """Outputs that are small enough to be kept. Raises `TaskFailed` beyond 10 MiB."""
    if not values or not _may_be_large(values):
        return values
    import json

    size = len(json.dumps(values))
    if size > MAX_OUTPUTS:
        raise TaskFailed(
            f"Outputs too large: {size:,} bytes of JSON, at most {MAX_OUTPUTS:,}. "
            "Store a file or hand on a table instead."
        )
    return values


def _may_be_large(value: Json, budget: int = 2000) -> bool:
    """A quick look that spares small outputs the serialisation."""
    queue, seen = [value], 0
    while queue:
        item = queue.pop()
        seen += 1
        if seen > budget:
            return True
        match item:
            case str() if len(item) > 100_000:
                return True
            case Mapping():
                queue += item.values()
            case list():
                queue += item
    return False
