"""Tasks that change the execution itself: labels, variables, its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers
from flowbook.kinds.state import State
from flowbook.kinds.task import UpdatingTask

from . import endings, starts
from .model import UNSET, TaskRun
from .turn import Turn


def update(turn: Turn, run: TaskRun, task: UpdatingTask, answers: Answers) -> None:
    """Do what the task says; a refusal fails its task run."""
    try:
        change = task.update(answers, turn.variables)
    except (TaskFailed, ValueError) as error:
        turn.finish(run, State.FAILED, error=starts.failure(error))
        return
    if change.labels:
        kept = tuple(pair for pair in turn.labels if pair[0] not in change.labels)
        turn.set(labels=(*kept, *change.labels.items()))
    if change.variables is not None:
        turn.set(variables=change.variables)
    for name in change.unset:
        turn.set(variables=_without(turn.variables, name.split("."), turn.flow.variables))
    run = turn.put(run.to(State.RUNNING, turn.at))
    turn.finish(run, change.exit or State.SUCCESS, outputs=change.outputs)
    if change.exit is not None:
        endings.exit_with(turn, run, change.exit)


def _without(values: Mapping[str, Any], path: list[str], below: object) -> dict[str, Any]:
    """Variables without one of them; what `below`, the flow's own, has of it is covered up."""
    name, *rest = path
    left, under = dict(values), below.get(name) if isinstance(below, Mapping) else None
    if rest:
        above = left.get(name)
        left[name] = _without(above if isinstance(above, Mapping) else {}, rest, under)
    elif isinstance(below, Mapping) and name in below:
        left[name] = UNSET
    else:
        left.pop(name, None)
    return left
