"""What older documents add to a task: `conditions`, `dependsOn` in any list, siblings that know of a failure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from flowbook.flows.conditions import as_template, kind_of
from flowbook.kinds.around import SUFFIX
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.kinds.task import Task

from .model import ROOT, Stand, TaskRun
from .partial import passes
from .turn import Turn

UNMET = frozenset({State.SKIPPED, State.FAILED, State.KILLED})
ALWAYS = re.compile(r"^\s*(true|\{\{\s*true\s*\}\})\s*$", re.IGNORECASE)


def conditions_of(task: Task) -> Sequence[Mapping[str, Json]]:
    given = task.conditions if isinstance(task.conditions, list | tuple) else ()
    return [each for each in given if isinstance(each, Mapping)]


def questions(task: Task) -> dict[str, Json]:
    """What has to be rendered before the task may start, by name."""
    asked: dict[str, Json] = {}
    if task.run_if is not None:
        asked["runIf"] = task.run_if
    for number, condition in enumerate(conditions_of(task)):
        if (text := as_template(condition)) is not None:
            asked[f"condition{number}"] = text
    return asked


def scope_condition_holds(turn: Turn, run: TaskRun, task: Task) -> bool:
    """Whether conditions about how the scope stands hold (`condition.Execution`)."""
    for condition in conditions_of(task):
        if kind_of(condition) != "Execution" and "states" not in condition:
            continue
        states = [str(state).upper() for state in condition.get("states") or ()]
        if states and turn.stand(run.parent).worst.value not in states:
            return False
    return True


def unmet_dependency(turn: Turn, run: TaskRun, task: Task) -> str | None:
    """The id of a task that this one depends on and that did not come out well enough."""
    wanted = task.depends_on if isinstance(task.depends_on, list | tuple) else ()
    for name in wanted:
        found = _newest(turn, str(name), run) or _newest(turn, f"{name}{SUFFIX}", run)
        if found is None or turn.runs[found].state not in UNMET:
            continue
        passed_over = not passes(turn, turn.runs[found], turn.task(turn.runs[found]))
        if not passed_over and not is_aware(turn, run, task):
            return str(name)
    return None


def _newest(turn: Turn, task_id: str, run: TaskRun) -> str | None:
    found = turn.latest.get((task_id, run.value)) or turn.latest.get((task_id, None))
    return None if found is None else str(found)


def is_aware(turn: Turn, run: TaskRun, task: Task) -> bool:
    """Whether the task's conditions say that it knows of a failure beside it."""
    return turn.seed and any(knows(task, name) for name in _failed_names(turn, run.parent, task))


def next_aware(turn: Turn, stand: Stand, run: TaskRun) -> int | None:
    """After a failure: the step of the next sibling in the lane that knows of it (`seed` only)."""
    if not turn.seed:
        return None
    tasks = stand.plan.lanes[run.lane].tasks
    names = _failed_names(turn, run.parent, tasks[run.step])
    for step in range(run.step + 1, len(tasks)):
        if any(knows(tasks[step], name) for name in names):
            return step
    return None


def knows(task: Task, failed: str) -> bool:
    """Whether a task asks for the state of another, of its scope, or is always to run."""
    texts = [task.run_if or ""]
    for condition in conditions_of(task):
        if kind_of(condition) == "Execution":
            return True
        texts.append(str(condition.get("expression", "")))
    return any(
        ALWAYS.match(text) or re.search(rf"\b{re.escape(failed)}(\.state\b|'\]\.state\b)", text)
        for text in texts
        if text
    )


def _failed_names(turn: Turn, parent: str, task: Task) -> list[str]:
    """The failed tasks a sibling may speak of: they, what is around them and what is in them."""
    names = []
    for other_id in (turn.last_failed,):
        other = turn.runs.get(other_id) if other_id else None
        while other is not None:
            names.append(other.task_id)
            other = turn.runs.get(other.parent) if other.parent != ROOT else None
    if str(task.id) not in names:
        names.append(str(task.id))
    return names
