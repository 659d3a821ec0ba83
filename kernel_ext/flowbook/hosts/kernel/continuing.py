"""`%flow attach`, `%flow resume --cell`, `%flow apply`: fix the failed cell and go on."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from flowbook.errors import Conflict, FlowbookError, NotFound, Unconfirmed

from .named import run_of
from .tables import Table

if TYPE_CHECKING:
    from flowbook.api import Run
    from flowbook.engine.continuing import Opened

    from .magics import FlowMagics


def attach(magics: FlowMagics, given: Namespace) -> Table | None:
    """Open a failed notebook: its copy to edit, its kernel, and the variables in it."""
    run_id, task = _named(magics, given)
    ws = magics.ws
    found: Opened = ws.portal.call(ws.engine.continuing.open(run_id, task))
    copy = os.path.relpath(found.path)
    if found.cell is None:
        print(f"Its notebook: {copy}")
    else:
        print(f"Edit {copy}, then: %flow resume {run_id[:6]} --cell {found.cell}")
    if found.kernel is None:
        print(f"'{found.task}' has no parked kernel any more: its cells will be run again.")
        return None
    until = found.kernel.until.astimezone()
    print(
        f"Its kernel is parked until {until:%H:%M}: jupyter console --existing {found.kernel.file}"
    )
    print(f"Here: run['{found.task}'].kernel.execute(…), .value(…). It holds:")
    try:
        return Table(ws.portal.call(found.kernel.variables()), empty="No variable yet.")
    except FlowbookError as error:  # of another language, or busy
        print(error)
        return None


def resumed_at_cell(magics: FlowMagics, run_id: str, given: Namespace) -> Run:
    """Go on with a failed notebook at a cell. Raises: Conflict."""
    ws = magics.ws
    try:
        run = ws.restart(run_id, continue_from=given.cell, task=given.task, confirm=given.yes)
    except Unconfirmed as question:
        raise Conflict(
            f"{question}\n'%flow resume {run_id[:6]} --cell {given.cell} --yes' says yes to that."
        ) from None
    if edits := ws.portal.call(ws.engine.continuing.edits(run_id, given.task)):
        from flowbook.kernels.continued import diff

        print(diff(edits, "notebook"))
    return run


def apply(magics: FlowMagics, given: Namespace) -> None:
    """Write the fix of a continued notebook into its source."""
    run_id, task = _named(magics, given)
    applied = magics.ws.apply(run_id, task)
    print(f"{applied.diff}\nWritten to {os.path.relpath(applied.path)}")


def _named(magics: FlowMagics, given: Namespace) -> tuple[str, str | None]:
    """The execution and the task meant; a single name may be a task of the last run."""
    try:
        return run_of(magics, given.run), given.task
    except NotFound:
        if given.task is not None or magics.last is None:
            raise
        return magics.last, given.run
