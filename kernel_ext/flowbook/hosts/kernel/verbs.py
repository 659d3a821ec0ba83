"""What each verb of `%flow` does."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from flowbook.errors import NotFound

from . import arguments, continuing, control, triggers
from .exporting import export
from .named import flow_of, run_of, wanted_id
from .tables import Table
from .triggers import standing, when
from .waiting import kill

if TYPE_CHECKING:
    from flowbook.engine.schedules import Fires
    from flowbook.flows.model import Flow

    from .magics import FlowMagics


def carry_out(magics: FlowMagics, line: str) -> Any:
    """Do what a `%flow` line says. Raises: UsageError, FlowbookError, RunEnded."""
    variable, rest = arguments.assigned(line)
    if rest.strip() in ("", "-h", "--help"):
        return overview(magics, Namespace(verb=None))
    verb, words = arguments.verb_of(rest)
    given = arguments.parse(verb, words)
    if given is None:
        print(arguments.usage(verb))
        return None
    if "out" in given:
        given.out = given.out or variable
        return VERBS[verb](magics, given)
    answer = VERBS[verb](magics, given)
    if variable is None:
        return answer
    magics.shell.user_ns[variable] = answer
    return None


def overview(magics: FlowMagics, given: Namespace) -> Any:
    """The verbs, one of them, or the page of a type."""
    if given.verb:
        if given.verb not in arguments.SUMMARIES and (found := page_of(given.verb)) is not None:
            return found
        if given.verb[:1].isupper() or "." in given.verb:
            from flowbook.kinds.describe import unknown

            raise UsageError(unknown(given.verb))
        cell = {"flow": "", "task": "%%task"}.get(given.verb.lstrip("%"))
        print(arguments.usage(arguments.verb_of(given.verb)[0] if cell is None else cell))
        return None
    print(
        "%%flow runs the flow that a cell's YAML says, %%task ID makes a task of a cell. %flow VERB:"
    )
    for verb, summary in arguments.SUMMARIES.items():
        print(f"  {verb:<9} {summary}")
    print(
        "%flow VERB --help says what a verb takes, %flow help %%flow or %%task what a cell takes, "
        "%flow help TYPE what a type does."
    )
    return None


def page_of(name: str) -> Any:
    """The page of a type, by its name or a short one; `None` if nobody has it."""
    from IPython.display import Markdown

    from flowbook.kinds.describe import describe
    from flowbook.views.pages import page

    found = describe(name)
    return None if found is None else Markdown(page(found))


def run(magics: FlowMagics, given: Namespace) -> Any:
    from .cell import start
    from .tasks import newest_cells, warn

    flow = flow_of(magics, given.flow)
    if given.revision is None:
        flow = newest_cells(magics, flow)
    elif not isinstance(flow, str):
        raise UsageError("A file has no revisions: name the deployed flow, as namespace.id")
    warn(magics, flow)
    return start(magics, flow, given)


def ls(magics: FlowMagics, given: Namespace) -> Table:
    from flowbook.engine.watching import flows_in

    fires: dict[str, list[str]] = {}
    for one in schedules(magics):
        if (said := standing(one)) is not None:
            fires.setdefault(one["flow"], []).append(said)
    rows = [
        {
            "flow": uid,
            "revision": row["revision"],
            "state": _standing(row),
            "next fire": "; ".join(fires.get(uid, ())),
            "description": row["description"],
        }
        for row in magics.ws.flows(given.namespace, given.q)
        if (uid := f"{row['namespace']}.{row['id']}")
    ]
    known = {row["flow"] for row in rows}
    rows += [
        {
            "flow": flow.uid,
            "revision": None,
            "state": "not deployed",
            "next fire": "",
            "description": flow.description,
        }
        for flow in flows_in(magics.ws.engine.place)
        if flow.uid not in known
        and (given.q or "").lower() in flow.uid.lower()
        and (given.namespace is None or f"{flow.namespace}.".startswith(f"{given.namespace}."))
    ]
    return Table(rows, empty="No flows here yet: run a %%flow cell, or put files into flows/.")


def _standing(row: Mapping[str, Any]) -> str:
    return "disabled" if row["disabled"] else "draft" if row["draft"] else "deployed"


def schedules(magics: FlowMagics) -> list[Fires]:
    """When the schedules of the workspace fire next."""
    from datetime import UTC, datetime

    from flowbook.engine.schedules import next_fires

    ws = magics.ws
    return ws.portal.call(next_fires(ws.engine.store, datetime.now(UTC)))


def runs(magics: FlowMagics, given: Namespace) -> Table:
    namespace = flow_id = None
    if given.flow:
        namespace, flow_id = _names(magics, given.flow)
    states = [state.upper() for state in given.state] if given.state else None
    found = magics.ws.executions(namespace=namespace, flow=flow_id, state=states, limit=given.limit)
    rows = [_row(one) for one in found]
    if not any(row["progress"] for row in rows):
        rows = [{name: row[name] for name in row if name != "progress"} for row in rows]
    return Table(rows, empty="No execution yet.")


def _row(run: Any) -> Mapping[str, Any]:
    from flowbook.views.words import clock

    started = run.start.astimezone().strftime("%d %b %Y, %H:%M:%S") if run.start else None
    took = clock(run.duration.total_seconds()) if run.duration is not None else None
    return {
        "run": run.id[:6],
        "flow": run.flow,
        "state": str(run.state).lower(),
        "started": started,
        "took": took,
        "progress": run.progress,
    }


def show(magics: FlowMagics, given: Namespace) -> None:
    from .display import RunDisplay
    from .waiting import INTERVAL

    workspace = magics.ws
    run_id = run_of(magics, given.run)
    display = RunDisplay(magics.shell, kill=lambda wanted: kill(workspace, wanted))
    view = workspace.view(run_id)
    display.show(view)
    if view.is_over:
        return
    run = workspace.execution(run_id)
    try:
        for view in run.watch(INTERVAL):
            display.show(view)
        display.show(workspace.view(run.last.id))
    except KeyboardInterrupt:
        print(f"The run goes on; '%flow kill {run_id[:6]}' ends it.")


def logs(magics: FlowMagics, given: Namespace) -> None:
    run = magics.ws.execution(run_of(magics, given.run))
    for line in run.logs(level=given.level, task=given.task):
        at = line["ts"].astimezone()
        print(f"{at:%H:%M:%S} {line['level']:<5} {line['task_id'] or '':<12} {line['message']}")


def out(magics: FlowMagics, given: Namespace) -> Any:
    words = [word for word in (given.run, given.task, given.name) if word is not None]
    try:
        run_id = run_of(magics, words[0] if words else None)
        words = words[1:]
    except NotFound:
        if len(words) > 2 or magics.last is None:
            raise
        run_id = magics.last  # `%flow out TASK`: a task of the last run
    run = magics.ws.execution(run_id)
    if len(words) == 2:
        return run[words[0]].outputs.named(words[1])
    if words:
        return run[words[0]].outputs
    return {one.task_id: one.outputs for one in run.task_runs if one.outputs} | (
        {"": run.outputs} if run.outputs else {}
    )


def why(magics: FlowMagics, given: Namespace) -> None:
    run, task = (given.run, given.task) if given.task is not None else (None, given.run)
    print(magics.ws.why(run_of(magics, run), task))


def validate(magics: FlowMagics, given: Namespace) -> Any:
    from flowbook.problems import Severity

    from .problems import Problems

    path = Path(given.flow)
    if path.is_dir():
        found = [file for pattern in ("*.yaml", "*.yml") for file in sorted(path.rglob(pattern))]
    elif path.is_file():
        found = [path]
    else:
        uid = wanted_id(magics, given.flow)
        source = magics.ws.flow(uid).source
        inside = uid.rpartition(".")[0]
        problems = magics.ws.validate(source, namespace=inside)
        return Problems(problems, name=uid, text=source)
    rows = []
    for file in found:
        problems = magics.ws.validate(file, namespace=magics.namespace)
        if len(found) == 1:
            return Problems(problems, name=str(file), text=file.read_text())
        errors = [one for one in problems if one.severity is Severity.ERROR]
        rows.append(
            {"file": str(file), "problems": "; ".join(one.message for one in errors) or "none"}
        )
    return Table(rows, empty=f"No YAML below {path}.")


def graph(magics: FlowMagics, given: Namespace) -> Any:
    return picture(_read(magics, flow_of(magics, given.flow)))


def picture(flow: Flow) -> Any:
    """A flow as it would run: nothing has happened yet."""
    from .pictures import FlowPicture

    return FlowPicture(flow)


def sql(magics: FlowMagics, given: Namespace) -> Any:
    return magics.ws.sql(given.query)


def revisions(magics: FlowMagics, given: Namespace) -> Any:
    from .revisions import revisions as carried_out

    return carried_out(magics, given)


def debugging(name: str) -> Callable[[FlowMagics, Namespace], Any]:
    """A verb that is imported when somebody uses it."""

    def carry_on(magics: FlowMagics, given: Namespace) -> Any:
        from . import debugging

        return getattr(debugging, name)(magics, given)

    return carry_on


def schedule(magics: FlowMagics, given: Namespace) -> None:
    from flowbook.api.inputs import json_or_text

    inputs = {key: json_or_text(value) for key, value in arguments.values(given.input).items()}
    flow = magics.ws.schedule(
        Path(given.notebook),
        given.cron,
        timezone=given.timezone,
        inputs=inputs,
        id=given.id,
        namespace=given.namespace or magics.namespace,
    )
    print(f"Wrote {flow.name} and deployed {flow.uid}.")
    for fire in schedules(magics):
        if fire["flow"] == flow.uid and fire["next"] is not None:
            print(f"Next: {when(fire)}.")
            print("It fires while a server runs: JupyterLab, or flowbook server.")


def deploy(magics: FlowMagics, given: Namespace) -> Table:
    wanted = given.flow or str(magics.ws.engine.place.flows)
    path = Path(wanted)
    if path.is_dir():
        files = sorted(file for pattern in ("*.yaml", "*.yml") for file in path.rglob(pattern))
        from flowbook.flows.parse import is_flow

        flows = [magics.ws.deploy(file) for file in files if is_flow(file.read_text())]
    elif path.is_file():
        flows = [magics.ws.deploy(path)]
    else:
        flows = [magics.ws.publish(wanted_id(magics, wanted))]
    numbers = {f"{row['namespace']}.{row['id']}": row["revision"] for row in magics.ws.flows()}
    rows = [{"flow": flow.uid, "revision": numbers.get(flow.uid)} for flow in flows]
    return Table(rows, empty=f"No flows below {path}.")


def kernels(magics: FlowMagics, given: Namespace) -> Table | None:
    from flowbook.elected import Seat
    from flowbook.kernels.environment import without_secrets
    from flowbook.kernels.warm import Warm

    ws = magics.ws
    warm = Warm(Seat(ws.engine.place.runtime, "kernels"))
    match given.what:
        case "warm":
            ready = ws.portal.call(warm.warm(without_secrets(os.environ)))
            print(f"{ready} ready" if ready else "None could be made ready here.")
        case "end" if given.all:
            print("Ended." if ws.portal.call(warm.end()) else "There was nothing to end.")
        case "end" if not given.ids:
            raise UsageError("Which kernel? '%flow kernels' shows them; --all ends all.")
        case "end":
            print(f"{ws.portal.call(warm.end_named(given.ids))} ended.")
        case _:
            held = ws.portal.call(warm.listed())
            if held is None:
                print("No kernels stand ready. Make some ready: %flow kernels warm")
                return None
            from flowbook.views.kernels import text

            print(text(held))
            if held["parked"]:
                return Table([_parked(one) for one in held["parked"]])
    return None


def _parked(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A parked kernel as it is listed."""
    from datetime import datetime

    until = datetime.fromisoformat(row["until"]).astimezone()
    return {
        "parked": row["id"][:6],
        "task": row["task"],
        "run": row["execution"][:6],
        "notebook": row["notebook"],
        "until": f"{until:%H:%M}",
        "memory": f"{row['memory'] / 2**20:.0f} MiB",
    }


def use(magics: FlowMagics, given: Namespace) -> None:
    if given.path:
        path = Path(given.path).expanduser()
        if not path.is_dir():
            raise NotFound(f"There is no folder '{path}'.")
        magics.use(str(path.resolve()))
    print(f"Workspace {magics.ws.root}; flows without a namespace are in '{magics.namespace}'.")


def doctor(magics: FlowMagics, given: Namespace) -> None:
    import subprocess
    import sys

    told = subprocess.run(
        [sys.executable, "-m", "flowbook", "doctor"], capture_output=True, text=True, check=False
    )
    print((told.stdout + told.stderr).rstrip())


def _names(magics: FlowMagics, name: str) -> tuple[str, str]:
    namespace, _, flow_id = wanted_id(magics, name).rpartition(".")
    return namespace, flow_id


def _read(magics: FlowMagics, flow: Flow | str) -> Flow:
    return magics.ws.flow(flow) if isinstance(flow, str) else flow


VERBS: Mapping[str, Callable[[FlowMagics, Namespace], Any]] = {
    "run": run,
    "ls": ls,
    "runs": runs,
    "show": show,
    "logs": logs,
    "out": out,
    "why": why,
    "eval": debugging("evaluate"),
    "diff": debugging("diff"),
    "rerun": debugging("rerun"),
    "validate": validate,
    "graph": graph,
    "sql": sql,
    "kill": control.kill,
    "pause": control.pause,
    "resume": control.resume,
    "attach": continuing.attach,
    "apply": continuing.apply,
    "restart": control.restart,
    "replay": control.replay,
    "force": control.force,
    "unqueue": control.unqueue,
    "mark": control.mark,
    "labels": control.labels,
    "delete": control.delete,
    "revisions": revisions,
    "schedule": schedule,
    "backfill": triggers.backfill,
    "triggers": triggers.triggers,
    "deploy": deploy,
    "export": export,
    "kernels": kernels,
    "use": use,
    "doctor": doctor,
    "help": overview,
}
