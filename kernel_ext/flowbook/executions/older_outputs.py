"""`outputs` as older documents see it: beside what a task handed out, its state and what is inside it.

What a task handed out always wins. The additions are looked up, never listed, so that printing or
looping over outputs shows what was handed out. Nothing is copied and nothing is counted before it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from immutables import Map

from flowbook.errors import ExpressionError
from flowbook.expressions.render import Scope, render
from flowbook.expressions.values import StateText
from flowbook.kinds.state import State

from .model import Execution, History, TaskRun

UNSEEN = frozenset({State.CREATED, State.SKIPPED})
"""Task runs in these states are as good as absent."""


class OlderOutputs(Mapping[str, Any]):
    """Task id → what it handed out, with `state`, `outputs` and `results`."""

    __slots__ = ("_execution", "_named")

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._named: dict[str, TaskRun] | None = None

    def __getitem__(self, task_id: str) -> Any:
        run = self._execution.run_of(task_id)
        if run is not None and run.state not in UNSEEN:
            tree = self._execution.outputs.get(task_id)
            nested = isinstance(tree, Map) and tree is not run.outputs
            return OfRun(self._execution, run, tree if nested else {})
        if task_id not in self._execution.outputs and (run := self._by_name(task_id)) is not None:
            return OfRun(self._execution, run)
        return Iterated(self._execution, task_id, self._execution.outputs[task_id])

    def __contains__(self, task_id: object) -> bool:
        run = self._execution.run_of(str(task_id))
        seen = run is not None and run.state not in UNSEEN
        named = self._by_name(str(task_id)) is not None
        return seen or task_id in self._execution.outputs or named

    def _by_name(self, name: str) -> TaskRun | None:
        """The task run whose templated id reads so, in its iteration."""
        if self._named is None:
            flow, self._named = self._execution.flow, {}
            if any("{{" in task.id for task in flow.all_tasks()):
                for run in self._execution.in_order():
                    if (own := rendered_id(self._execution, run)) and run.state not in UNSEEN:
                        self._named[own] = run
        return self._named.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._execution.outputs)

    def __len__(self) -> int:
        return len(self._execution.outputs)


class Iterated(Mapping[str, Any]):
    """Value of an iteration → what the task handed out there."""

    __slots__ = ("_execution", "_task_id", "_tree")

    def __init__(self, execution: Execution, task_id: str, tree: Mapping[str, Any]) -> None:
        self._execution, self._task_id, self._tree = execution, task_id, tree

    def __getitem__(self, value: str) -> Any:
        found = self._tree[value]
        run = self._execution.run_of(self._task_id, value)
        if run is not None and found is run.outputs:
            return OfRun(self._execution, run)
        nested = isinstance(found, Map)
        return Iterated(self._execution, self._task_id, found) if nested else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._tree)

    def __len__(self) -> int:
        return len(self._tree)


class OfRun(Mapping[str, Any]):
    """What one task run handed out, and what is known of it; `tree` is what its task handed out in the
    iterations around it."""

    __slots__ = ("_execution", "_own", "_run", "_tree")

    def __init__(
        self, execution: Execution, run: TaskRun, tree: Mapping[str, Any] | None = None
    ) -> None:
        self._execution, self._run, self._tree = execution, run, tree or {}
        self._own: Mapping[str, Any] = run.outputs or {}

    def __getitem__(self, name: str) -> Any:
        if name in self._own:
            own = self._own[name]
            return self._state() if name == "state" and own in State.__members__ else own
        match name:
            case "state":
                return self._state()
            case "outputs" if self._run.stand is not None:
                return self._inside()
            case "results" if self._run.stand is not None:
                return [
                    run.outputs
                    for run in self._execution.in_order()
                    if run.parent == self._run.id and run.outputs is not None
                ]
        return Iterated(self._execution, self._run.task_id, self._tree)[name]

    def __contains__(self, name: object) -> bool:
        inner = name in ("outputs", "results") and self._run.stand is not None
        return name in self._own or name == "state" or inner or name in self._tree

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def _state(self) -> StateText:
        """Its state; a failure that was allowed is still FAILED here."""
        run, state = self._run, self._run.state
        failed = run.attempt is not None and run.attempt.state is State.FAILED
        if state is State.WARNING and failed:
            state = State.FAILED
        return state_text(state, run.history)

    def _inside(self) -> dict[str, Any]:
        """What the tasks inside a flowable handed out, at any depth."""
        inside = {self._run.id}
        found: dict[str, Any] = {}
        for run in self._execution.in_order():
            if run.parent in inside:
                inside.add(run.id)
                if run.state not in UNSEEN:
                    name = rendered_id(self._execution, run) or run.task_id
                    found[name] = OfRun(self._execution, run)
        return found


def rendered_id(execution: Execution, run: TaskRun) -> str | None:
    """A templated id as it reads in the task run's iteration; `None` for all other ids."""
    if "{{" not in run.task_id:
        return None
    around = (run, *execution.ancestors(run))
    each = next((one for one in around if one.iteration is not None), None)
    if each is None:
        return None
    value, index = native(each.value), each.iteration
    names = {
        "task": {"value": value},
        "taskrun": {"value": each.value, "iteration": index},
        "taskloop": {"value": value, "index": index, "index1": (index or 0) + 1, "key": each.key},
    }
    try:
        return render(run.task_id, Scope(names, dialect="seed"))
    except ExpressionError:
        return None


def native(value: str | None) -> Any:
    """A value of an iteration as it was before it became text."""
    import json

    try:
        return json.loads(value) if value and value[0] in '[{0123456789-tfn"' else value
    except ValueError:
        return value


def sent_pairs(send: Any) -> dict[str, Any]:
    """The entries `{key, value}` of a task's `send`."""
    given = send if isinstance(send, list | tuple) else ()
    return {
        str(one["key"]): one.get("value")
        for one in given
        if isinstance(one, Mapping) and "key" in one
    }


def sent(execution: Execution, names: Sequence[Any], value: str | None) -> Any:
    """What a task is handed by `send`: the outputs of one task, or of several by their ids."""
    given = {str(name): _handed(execution, str(name), value) for name in names}
    return next(iter(given.values())) if len(given) == 1 else given


def _handed(execution: Execution, task_id: str, value: str | None) -> Any:
    run = execution.run_of(task_id, value) or execution.run_of(task_id)
    if run is None or run.outputs is None:
        return None
    only = set(run.outputs) == {"value"}
    return run.outputs["value"] if only else run.outputs


def state_text(state: State, history: History) -> StateText:
    """A state as expressions see it: its name, with dates and history at hand."""
    from flowbook.kinds.durations import iso

    start, end = history[0][1], history[-1][1]
    return StateText(
        state.value,
        start=start,
        end=end if state.is_terminal else None,
        duration=iso(end - start),
        histories=[
            {"state": s.value, "date": d.isoformat().replace("+00:00", "Z")} for s, d in history
        ],
    )
