"""What the verbs of `%flow` do to executions: to one, or to all that their options find."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from flowbook.errors import NotFound
from flowbook.kinds.state import State

from . import arguments
from .cell import go_on
from .continuing import resumed_at_cell
from .main_thread import MainThread
from .named import run_of, wanted_id
from .tables import Table
from .waiting import leave

if TYPE_CHECKING:
    from .magics import FlowMagics


def kill(magics: FlowMagics, given: Namespace) -> Any:
    return _done(magics, given, "kill", lambda run: magics.ws.kill(run), "Asked {} to end.")


def pause(magics: FlowMagics, given: Namespace) -> Any:
    return _done(magics, given, "pause", lambda run: magics.ws.pause(run), "{} is paused.")


def labels(magics: FlowMagics, given: Namespace) -> Any:
    wanted = arguments.values(given.set)
    return _done(
        magics,
        given,
        "labels",
        lambda run: magics.ws.set_labels(run, wanted),
        "{} has its labels.",
        to=wanted,
    )


def delete(magics: FlowMagics, given: Namespace) -> Any:
    if not _filters(magics, given) and not given.yes:
        run_id = run_of(magics, given.run)
        print(f"{run_id[:6]} would be gone for ever: '%flow delete {run_id[:6]} --yes' does it.")
        return None
    act = magics.ws.delete_execution
    return _done(magics, given, "delete", act, "{} is deleted.")


def resume(magics: FlowMagics, given: Namespace) -> Any:
    if given.cell is not None:
        return _shown(magics, given, "resume", lambda run: resumed_at_cell(magics, run, given), {})
    inputs = arguments.inputs(given.input) or None
    options = {"inputs": inputs} if inputs else {}
    return _shown(magics, given, "resume", lambda run: magics.ws.resume(run, inputs), options)


def restart(magics: FlowMagics, given: Namespace) -> Any:
    options = {"revision": given.revision} if given.revision else {}
    return _shown(
        magics, given, "restart", lambda run: magics.ws.restart(run, given.revision), options
    )


def replay(magics: FlowMagics, given: Namespace) -> Any:
    options: dict[str, Any] = {
        "task_run": given.task,
        "inputs": arguments.inputs(given.input) or None,
        "revision": given.revision,
    }
    return _shown(magics, given, "replay", lambda run: magics.ws.replay(run, **options), options)


def force(magics: FlowMagics, given: Namespace) -> Any:
    return _shown(magics, given, "force-run", lambda run: magics.ws.force_run(run), {})


def unqueue(magics: FlowMagics, given: Namespace) -> Any:
    return _shown(magics, given, "unqueue", lambda run: magics.ws.unqueue(run), {})


def mark(magics: FlowMagics, given: Namespace) -> None:
    *before, state = given.words
    if len(before) > 2:
        raise UsageError("Write it as: %flow mark [RUN] [TASK] STATE")
    ws = magics.ws
    if len(before) == 1 and before[0] in {run.task_id for run in _last(magics).task_runs}:
        before = [None, *before]  # a task of the last run
    try:
        run_id = run_of(magics, before[0] if before else None)
    except NotFound:
        if len(before) == 1:
            tasks = ", ".join(dict.fromkeys(run.task_id for run in _last(magics).task_runs))
            raise NotFound(
                f"'{before[0]}' is neither an execution nor a task of the last run; that has {tasks}"
            ) from None
        raise
    task = before[1] if len(before) == 2 else None
    ws.change_status(run_id, task, state)
    print(f"{task or run_id[:6]} is {State(state.upper())}.")


def _last(magics: FlowMagics) -> Any:
    return magics.ws.execution(run_of(magics, None))


def _shown(
    magics: FlowMagics,
    given: Namespace,
    action: str,
    act: Callable[[str], Any],
    options: Mapping[str, Any],
) -> Any:
    """Do something that makes one run go on, and show it to its end; or do it to several."""
    if _filters(magics, given):
        return _several(magics, given, action, **options)
    run_id = run_of(magics, given.run)
    here = None if given.bg else MainThread(magics.shell)
    if here is None:
        return go_on(magics, act(run_id), given, None)
    magics.ws.engine.code_places[run_id, "python"] = here  # before it goes on: its cells run here
    try:
        return go_on(magics, act(run_id), given, here)
    finally:
        leave(magics.ws, run_id, here)


def _done(
    magics: FlowMagics,
    given: Namespace,
    action: str,
    act: Callable[[str], Any],
    said: str,
    **options: Any,
) -> Any:
    """Do something to one run and say so; or do it to several."""
    if _filters(magics, given):
        return _several(magics, given, action, **options)
    run_id = run_of(magics, given.run)
    act(run_id)
    print(said.format(run_id[:6]))
    return None


def _several(magics: FlowMagics, given: Namespace, action: str, **options: Any) -> Any:
    """Do something to all that the options find; without `--yes` they are only listed."""
    from flowbook.engine.bulk import ACTIONS

    filters = _filters(magics, given)
    if given.run is not None:
        raise UsageError(f"Either one execution or what several are like, not both: {given.run}")
    found = magics.ws.matching(action, **filters)
    rows = [{"run": run.id[:6], "flow": run.flow, "state": str(run.state).lower()} for run in found]
    if not found or not given.yes:
        if found:
            print(f"These {len(found)} would be {ACTIONS[action].done}; --yes does it.")
        return Table(rows, empty="No execution matches.")
    done = magics.ws.bulk(action, found, **options)
    print(f"{len(done.ids)} of {len(found)} {ACTIONS[action].done}.")
    for run_id, reason in done.refused.items():
        print(f"{run_id[:6]}: {reason}")
    return None


def _filters(magics: FlowMagics, given: Namespace) -> dict[str, Any]:
    """What the options say of the executions; nothing if they say nothing."""
    said = {
        "state": [state.upper() for state in given.state or ()],
        "flow": wanted_id(magics, given.flow) if given.flow else None,
        "namespace": given.namespace,
        "labels": arguments.values(given.label),
        "since": _moment(given.since),
        "until": _moment(given.until),
    }
    known = {state.value for state in State}
    if unknown := [state for state in said["state"] or () if state not in known]:
        raise UsageError(f"There is no state {', '.join(unknown)}: {', '.join(sorted(known))}")
    return {name: value for name, value in said.items() if value}


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise UsageError(
            f"'{text}' is no date: write it like 2026-11-21 or 2026-11-21T07:00"
        ) from None
