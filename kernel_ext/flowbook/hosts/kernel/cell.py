"""`%%flow`: the YAML of a cell, read, shown and run."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowInvalid

from . import arguments
from .waiting import kill, refuse_failure, wait

if TYPE_CHECKING:
    from IPython.core.error import UsageError

    from flowbook.engine.workspace import Workspace as Engine
    from flowbook.flows.model import Flow

    from .magics import FlowMagics
    from .main_thread import MainThread

NAME = "<cell>"


def run_cell(magics: FlowMagics, line: str, text: str) -> Any:
    """Run what a cell says. Raises: FlowInvalid, UsageError, RunEnded."""
    variable, rest = arguments.assigned(line)
    given = arguments.parse("", rest)
    if given is None:
        print(arguments.usage(""))
        return None
    given.out = given.out or variable
    flows = read(text, magics.namespace)
    first = flows[0]
    if not _names_namespace(first):
        _say(given, f"The flow names no namespace: it is {first.namespace}.{first.id}.")
    if given.dry_run:
        from .verbs import picture

        return picture(first)
    for other in flows[1:]:
        _say(given, f"Kept {other.uid} as revision {kept(magics, other)}.")
    if given.no_run:
        _say(
            given,
            f"Kept {first.uid} as revision {kept(magics, first)}; %flow run {first.uid} runs it.",
        )
        return None
    return start(magics, first, given)


def read(text: str, namespace: str) -> list[Flow]:
    """The flows of a cell, with the lines of the cell in their problems. Raises: FlowInvalid."""
    from flowbook.flows.parse import parse_all

    found = parse_all(text, NAME, namespace=namespace, folder=Path.cwd())
    if found and all(flow is not None for flow, _ in found):
        return [flow for flow, _ in found if flow is not None]
    shifted = "\n" + text  # the magic itself is the cell's first line
    problems = [
        problem
        for _, several in parse_all(shifted, NAME, namespace=namespace, folder=Path.cwd())
        for problem in several
    ]
    raise FlowInvalid(problems, name=NAME, text=shifted)


def start(magics: FlowMagics, flow: Flow | str, given: Namespace) -> Any:
    """Start a run, show it, wait for it, and hand it out under its name."""
    from flowbook.api import Run

    from .main_thread import MainThread

    workspace = magics.ws
    if given.force:
        named = workspace.flow(flow) if isinstance(flow, str) else flow
        flow = named.model_copy(update={"disabled": False})
    here = None if given.bg else MainThread(magics.shell)
    work = _begin(
        workspace.engine,
        here,
        flow,
        inputs_of(magics, given),
        arguments.values(given.label) or None,
        folder=Path.cwd(),
        from_=given.from_,
        to=given.to,
        only=given.only,
        revision=getattr(given, "revision", None),
    )
    run = Run(workspace, workspace.portal.call(work))
    return go_on(magics, run, given, here)


def go_on(magics: FlowMagics, run: Any, given: Namespace, here: MainThread | None) -> Any:
    """Show a run, wait for it while its cells run `here`, and hand it out under its name; without a place
    nothing is waited for. Raises: RunEnded."""
    from flowbook.api import Run

    workspace = magics.ws
    _hold(magics, given, run)
    if here is not None:
        workspace.engine.code_places[run.id, "python"] = here
    display = None
    if not given.quiet:
        from .display import RunDisplay

        display = RunDisplay(
            magics.shell,
            variable=given.out or "",
            kill=lambda run_id: kill(workspace, run_id),
        )
    if here is None:
        from .background import follow

        follow(workspace, run, display)
        _say(given, f"Runs in this kernel, as {run.id[:6]}; %flow kill {run.id[:6]} ends it.")
        return None
    ended = wait(workspace, run, display, here)
    if ended.id != run.id:
        _hold(magics, given, Run(workspace, ended.id))
    refuse_failure(ended)
    return None


async def _begin(
    engine: Engine, here: MainThread | None, flow: Flow | str, *args: Any, **how: Any
) -> str:
    """Start an execution whose cells run here; its id."""
    run_id = await engine.run(flow, *args, **how)
    if here is not None:  # its driver takes its first step after this one
        engine.code_places[run_id, "python"] = here
    return await engine.begun(run_id)


def _hold(magics: FlowMagics, given: Namespace, run: Any) -> None:
    """Make a run the last one, under the name that `-o` gave it."""
    magics.last = run.id
    if given.out:
        magics.shell.user_ns[given.out] = run


def kept(magics: FlowMagics, flow: Flow) -> int:
    """Keep a flow's text as a draft; its revision, a new one only if the text changed."""
    ws = magics.ws
    return ws.portal.call(ws.engine.flows.save(flow, draft=True))


def inputs_of(magics: FlowMagics, given: Namespace) -> dict[str, Any] | None:
    """`--inputs`, `--inputs-file` and `-i`, of which the latter win. Raises: UsageError."""
    from IPython.core.error import UsageError

    found: dict[str, Any] = {}
    if given.inputs:
        try:
            whole = magics.shell.ev(given.inputs)
        except Exception as error:
            raise UsageError(f"--inputs {given.inputs}: {type(error).__name__}: {error}") from None
        if not isinstance(whole, Mapping):
            raise UsageError(
                f"--inputs takes a mapping, but {given.inputs} is a {type(whole).__name__}"
            )
        found.update(whole)
    found.update(arguments.inputs(given.input, given.inputs_file))
    return found or None


def invalid(error: FlowInvalid) -> UsageError:
    """Show all problems of a flow; the error that says the first of them."""
    from IPython.core.error import UsageError
    from IPython.display import display

    from .problems import Problems

    errors = [problem for problem in error.problems if problem.is_error] or list(error.problems)
    shown = Problems(error.problems, name=error.name, text=error.text)
    first = errors[0]
    place = f"{error.name}:{first.line}:{first.column}" if first.span else error.name
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    display(shown)
    return UsageError(f"{place}: {first.message}{more}")


def _names_namespace(flow: Flow) -> bool:
    import re

    return re.search(r"^[\"']?namespace[\"']?\s*:", flow.source, re.MULTILINE) is not None or (
        flow.source.lstrip().startswith("{") and "namespace" in flow.source
    )


def _say(given: Namespace, text: str) -> None:
    if not given.quiet:
        print(text)
