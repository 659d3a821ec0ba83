"""The names an expression sees, made from an execution. Nothing is copied: what is large is looked up lazily."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .model import ROOT, UNSET, Execution, TaskRun
from .older_outputs import OlderOutputs, native, sent, state_text


class Lazy(Mapping[str, Any]):
    """A mapping whose values are made when they are looked up, once."""

    __slots__ = ("_made", "_makers")

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers = makers
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, name: object) -> bool:
        return name in self._makers


class TaskStates(Mapping[str, Any]):
    """`tasks.<id>.state`, or `tasks.<id>.<value>.state` inside an iteration."""

    __slots__ = ("_execution", "_values")

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._values: dict[str, dict[str, Any]] | None = None

    def __getitem__(self, task_id: str) -> Any:
        if (run := self._execution.run_of(task_id)) is not None:
            return {"state": state_text(run.state, run.history)}
        return self._iterations()[task_id]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(task_id for task_id, _ in self._execution.latest))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _iterations(self) -> dict[str, dict[str, Any]]:
        if self._values is None:
            self._values = {}
            for (task_id, value), run_id in self._execution.latest.items():
                if value is not None:
                    run = self._execution.task_runs[run_id]
                    by_value = self._values.setdefault(task_id, {})
                    by_value[value] = {"state": state_text(run.state, run.history)}
        return self._values


def variables(
    execution: Execution, run: TaskRun | None = None
) -> dict[str, Callable[[], Any] | Any]:
    """Name → value, or a function that makes it, for a task run or (without one) the execution.

    What comes from configuration and host (`envs`, `globals`, `kestra`, `namespace`) is added by the
    engine.
    """
    flow = execution.flow
    names: dict[str, Callable[[], Any]] = {
        "flow": lambda: {
            "id": flow.id,
            "namespace": flow.namespace,
            "revision": execution.revision,
            "tenantId": "main",
        },
        "execution": lambda: execution_variable(execution),
        "outputs": lambda: outputs_of(execution, run),
        "tasks": lambda: TaskStates(execution),
        "vars": lambda: _deep_merged(flow.variables, execution.variables),
        "labels": lambda: nested_labels(execution),
    }
    if execution.inputs or flow.inputs:
        names["inputs"] = lambda: execution.inputs
    if execution.trigger is not None:
        trigger = execution.trigger
        names["trigger"] = lambda: {**trigger.get("variables", {})}
        if str(trigger.get("type", "")).endswith(".Schedule"):
            names["schedule"] = names["trigger"]
    if execution.last_failed is not None and execution.last_failed in execution.task_runs:
        failed = execution.task_runs[execution.last_failed]
        names["error"] = lambda: {
            "taskId": failed.task_id,
            "message": (failed.error or {}).get("message"),
            "stackTrace": (failed.error or {}).get("traceback"),
            **({"cell": failed.error["cell"]} if failed.error and "cell" in failed.error else {}),
        }
    if run is not None:
        _add_task_names(names, execution, run)
    return names


def _add_task_names(
    names: dict[str, Callable[[], Any]], execution: Execution, run: TaskRun
) -> None:
    above = execution.ancestors(run)
    iterations = [one for one in (run, *above) if one.iteration is not None]
    names["task"] = lambda: {
        "id": run.task_id,
        "type": run.type,
        **({"value": native(iterations[0].value)} if iterations else {}),
    }
    names["taskrun"] = lambda: _taskrun(run)
    if above and getattr(execution.task(above[0]), "shares_directory", False):
        names["workerTaskrun"] = lambda: _taskrun(above[0])
    send = execution.task(run).send
    if isinstance(send, list | tuple) and all(isinstance(name, str) for name in send):
        names["taskrun"] = lambda: {**_taskrun(run), "value": sent(execution, send, run.value)}

    def parents() -> list[dict[str, Any]]:
        return [
            {
                "task": {"id": one.task_id},
                **({"taskrun": {"value": one.value}} if one.value is not None else {}),
                **({"outputs": one.outputs} if one.outputs is not None else {}),
            }
            for one in above
            if one.value is not None or one.outputs is not None
        ]

    if above:
        names["parents"] = parents
        first = next(
            (one for one in above if one.value is not None or one.outputs is not None), None
        )
        if first is not None:
            names["parent"] = lambda: parents()[0]
    if iterations:
        names["item"] = lambda: _item(iterations)
        names["taskloop"] = lambda: _taskloop(execution, iterations[0])


def _taskrun(run: TaskRun) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": run.id,
        "startDate": run.start,
        "attemptsCount": sum(attempt.end is not None for attempt in run.attempts),
    }
    if run.parent != ROOT:
        shown["parentId"] = run.parent
    if run.value is not None:
        shown["value"] = run.value
    if run.iteration is not None:
        shown["iteration"] = run.iteration
    if run.key is not None:
        shown["key"] = run.key
    return shown


def _item(iterations: list[TaskRun]) -> dict[str, Any]:
    items: list[dict[str, Any]] = [
        {
            "value": one.value,
            "index": one.iteration,
            **({"key": one.key} if one.key is not None else {}),
        }
        for one in iterations
    ]
    for index, item in enumerate(items):
        if items[index + 1 :]:
            item["parent"] = items[index + 1]
            item["parents"] = items[index + 1 :]
    return items[0]


def _taskloop(execution: Execution, run: TaskRun) -> dict[str, Any]:
    stand = execution.task_runs[run.parent].stand if run.parent != ROOT else execution.root
    total = len(stand.plan.lanes) if stand is not None else 0
    index = run.iteration or 0
    return {
        "index": index,
        "index1": index + 1,
        "value": native(run.value),
        "first": index == 0,
        "last": index == total - 1,
        "length": total,
        "key": run.key,
    }


def execution_variable(execution: Execution) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": execution.id,
        "startDate": execution.start,
        "originalId": execution.original_id,
        "state": state_text(execution.state, execution.history),
    }
    if execution.end is not None:
        shown["endDate"] = execution.end
        shown["outputs"] = execution.results
    if execution.flow.dialect == "seed":
        shown |= {
            "date": execution.start,
            "namespace": execution.flow.namespace,
            "flowId": execution.flow.id,
            "labels": dict(execution.labels),
            "user": dict(execution.labels).get("system.username"),
        }
    return shown


def nested_labels(execution: Execution) -> dict[str, Any]:
    """Labels as a map, dots nested: `labels.system.correlationId`. Of several with one key the first
    counts (`seed`: the last)."""
    pairs = execution.labels
    if execution.flow.dialect == "seed":
        pairs = tuple(reversed(pairs))
    tree: dict[str, Any] = {}
    for key, value in pairs:
        place = tree
        *path, last = key.split(".")
        for part in path:
            below = place.setdefault(part, {})
            place = below if isinstance(below, dict) else place
        place.setdefault(last, value)
    return tree


def outputs_of(execution: Execution, run: TaskRun | None = None) -> Mapping[str, Any]:
    """What expressions see as `outputs`; inside an iteration that has its own those come first."""
    seen = OlderOutputs(execution) if execution.flow.dialect == "seed" else execution.outputs
    if run is None or not execution.kept:
        return seen
    own = [
        execution.kept[one.id]
        for one in (run, *execution.ancestors(run))
        if one.id in execution.kept and getattr(execution.task(one), "keeps_outputs", "") == "own"
    ]
    return ChainMap(*own, seen) if own else seen  # type: ignore[arg-type]  # it is only read


def _deep_merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Mapping[str, Any]:
    if not above:
        return below
    merged = dict(below)
    for name, value in above.items():
        if value == UNSET:
            merged.pop(name, None)
            continue
        before = merged.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            value = _deep_merged(before, value)
        merged[name] = value
    return merged
