"""`flowbook.jupyter.Call`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Any

from flowbook.calling import FILE, TABLE
from flowbook.errors import TaskFailed
from flowbook.kernels.pieces import Piece
from flowbook.kernels.translate import Table
from flowbook.kinds.context import Context
from flowbook.kinds.durations import iso
from flowbook.kinds.dynamic import Dynamic, Json, Template
from flowbook.kinds.part import Example
from flowbook.kinds.task import Output, RunnableTask

from .parameters import local
from .places import carried_out, is_here

CODE = """
from flowbook.calling import call as __flowbook
try:
    __flowbook(globals())
finally:
    del __flowbook
"""


class Call(RunnableTask):
    """Call a Python function and hand on what it returns; a coroutine is awaited.

    It runs where the cells of the execution run (see `Cell`).
    """

    function: Dynamic[str]
    """`module:name` of what can be imported (the environment, the flow's folder, namespace files), or
    the plain name of a function in the notebook that runs the flow."""
    args: Json = None
    """A list of positional arguments."""
    kwargs: Json = None
    """A map of arguments by name."""

    async def run(self, context: Context) -> Output:
        function = (await context.render(self.function)).strip()
        if ":" not in function and not is_here(context):
            raise TaskFailed(f"'{function}' lives in a kernel: use module:name")
        args = await _given(context, "args", self.args)
        kwargs = await _given(context, "kwargs", self.kwargs)
        if not isinstance(args, list | None):
            raise TaskFailed(f"'args' must be a list, but is '{str(args)[:200]}'")
        if not isinstance(kwargs, Mapping | None):
            raise TaskFailed(
                f"'kwargs' must be a map of names and values, but is '{str(kwargs)[:200]}'"
            )
        asked = {
            "function": function,
            "args": [_told(one) for one in args or ()],
            "kwargs": {name: _told(one) for name, one in (kwargs or {}).items()},
            "folders": _folders(context),
        }
        await asyncio.to_thread((context.run_folder / FILE).write_text, json.dumps(asked))
        piece = Piece(
            title=context.task_id,
            code=CODE,
            folder=context.run_folder,
            result=False,
            is_cell=False,
        )
        return await carried_out(context, piece)


async def _given(context: Context, name: str, written: Json) -> Any:
    """Arguments, rendered, as code on this machine gets them."""
    source = written.source if isinstance(written, Template) else written
    return await local(context, name, await context.render_json(source))


def _folders(context: Context) -> list[str]:
    """Where modules are looked for before the environment."""
    place = context.engine.place
    found = (context.flow_folder, place.flows, place.namespaces / context.namespace)
    return [str(folder) for folder in dict.fromkeys(found) if folder.is_dir()]


def _told(value: Any) -> Json:
    """An argument as `call.json` holds it."""
    match value:
        case Table():
            told = {"uri": value.uri, "rows": value.rows, "columns": list(value.columns)}
            return {TABLE: str(value.path), **told}
        case Mapping():
            return {str(name): _told(one) for name, one in value.items()}
        case list() | tuple():
            return [_told(one) for one in value]
        case None | bool() | int() | float() | str():
            return value
        case timedelta():
            return iso(value)
        case date() | time():
            return value.isoformat()
    return str(value)


ROOT = Example(
    title="Call a function of the standard library",
    outputs={"root": {"value": 12.0}},
    flow="""
id: call-a-function
namespace: demo
tasks:
  - {id: root, type: flowbook.jupyter.Call, function: "math:sqrt", args: [144]}
""",
)
