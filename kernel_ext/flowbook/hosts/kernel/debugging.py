"""`%flow eval`, `diff`, `rerun`: looking into an execution, and trying one of its tasks again."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from . import arguments
from .cell import go_on
from .main_thread import MainThread
from .named import run_of

if TYPE_CHECKING:
    from flowbook.views.difference import Difference

    from .magics import FlowMagics


def evaluate(magics: FlowMagics, given: Namespace) -> Any:
    """What an expression gives, as a value."""
    run = magics.ws.execution(run_of(magics, given.run))
    return run.eval(given.expression, task=given.task)


def diff(magics: FlowMagics, given: Namespace) -> Difference:
    """How an execution differs from another one."""
    run_id = run_of(magics, given.run)
    other = None if given.other is None else run_of(magics, given.other)
    return magics.ws.diff(run_id, other)


def rerun(magics: FlowMagics, given: Namespace) -> Any:
    """Run one task again, shown as any run."""
    from flowbook.api import Run
    from flowbook.api.inputs import json_or_text
    from flowbook.engine.rerunning import rerun as begin

    ws = magics.ws
    wanted = {name: json_or_text(text) for name, text in arguments.values(given.property).items()}
    old = run_of(magics, given.run)
    here = None if given.bg else MainThread(magics.shell)

    async def begun() -> str:
        run_id = await begin(ws.engine, old, given.task, wanted)
        if here is not None:  # its driver takes its first step after this one
            ws.engine.code_places[run_id, "python"] = here
        return await ws.engine.begun(run_id)

    return go_on(magics, Run(ws, ws.portal.call(begun())), given, here)
