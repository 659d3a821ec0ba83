"""`core.flow.Loop`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from flowbook.errors import TaskFailed
from flowbook.flows.model import FlowOutput
from flowbook.kinds.answers import Answers
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json, Template
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Lanes, Plan, enabled, one_lane
from flowbook.kinds.state import State
from flowbook.kinds.task import AnyTask, Condition, Done, FlowableTask, LaneEnded, Task, TaskId
from flowbook.plugin.spelling import AnyCase
from flowbook.storage.uri import is_uri

from .turns import as_text, is_off, question, width

BREAKS = "breakWhen"


class FetchType(AnyCase):
    """Where the outputs of iterations are kept."""

    AUTO = "AUTO"
    FETCH = "FETCH"
    STORE = "STORE"


class Iteration(FlowableTask):
    """One iteration of a Loop: its tasks, with outputs that are seen inside only."""

    hands_on_value: ClassVar[bool] = True
    keeps_outputs: ClassVar[Literal["", "copy", "own"]] = "own"

    type: str = "flowbook.Iteration"
    tasks: tuple[AnyTask, ...]
    outputs: tuple[FlowOutput, ...] = ()
    break_when: Condition | None = None

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": self.tasks, "errors": self.errors, "finally": self.finally_}

    def plan(self, answers: Answers) -> Plan:
        return one_lane(enabled(self.tasks))

    def closes(self, state: State, answers: Answers) -> bool:
        return bool(self.outputs and _is_good(state)) or self.break_when is not None

    async def closing(self, context: Context, done: Done) -> Mapping[str, Json]:
        given: dict[str, Json] = {}
        if self.outputs and _is_good(done.state):
            given = dict(await context.render_outputs(self.outputs))
        if self.break_when is not None:
            about = {
                "executionId": context.execution_id,
                "state": done.state.value,
                "outputs": dict(given),
            }
            given[BREAKS] = await context.truth(self.break_when, {"iteration": about})
        return given

    def breaks(self, outputs: Mapping[str, Json]) -> bool:
        return self.break_when is not None and bool(outputs.get(BREAKS))


class Loop(FlowableTask):
    """Run the same tasks once for every value of a list, a map or a file.

    Inside, `item.value`, `item.index` and `item.key` say which it is, and `outputs` of the tasks inside are
    those of the same iteration. What an iteration hands out is declared under `outputs`.
    """

    values: Dynamic[Json]
    """A list, a map, the JSON text of either, or the URI of a file: each line is a value."""
    concurrency_limit: Dynamic[int] = 0
    """How many iterations run at once; 0 = all."""
    tasks: tuple[AnyTask, ...]
    """The tasks, one after another in each iteration."""
    outputs: tuple[FlowOutput, ...] = ()
    """What each iteration hands out, rendered at its end: `{id, type, value}`."""
    fetch_type: FetchType = FetchType.AUTO
    """Where those go: into the output `outputs` (FETCH), into a file (STORE); AUTO stores them if the values came from a file."""
    transmit_failed: Json = True
    """A failed iteration fails the task and lets no other start; else it ends SUCCESS."""
    break_when: Condition | None = None
    """Looked at after each iteration, with `item` and `iteration`; true lets no other start."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": self.tasks, "errors": self.errors, "finally": self.finally_}

    def made(self) -> Sequence[Task]:
        return (self._iteration,)

    @cached_property
    def _iteration(self) -> Iteration:
        return Iteration.model_construct(
            id=TaskId(f"{self.id}_iteration"),
            tasks=self.tasks,
            errors=self.errors,
            finally_=self.finally_,
            outputs=self.outputs,
            break_when=self.break_when,
        )

    def asks(self) -> Mapping[str, Json]:
        limit = self.concurrency_limit if self.max_parallel is None else question(self.max_parallel)
        return {"values": self.values, "concurrencyLimit": limit}

    @property
    def opens(self) -> bool:
        return isinstance(self.values, str | Template)

    async def opening(self, context: Context, answers: Mapping[str, Json]) -> Mapping[str, Json]:
        given = answers["values"]
        if not is_uri(given):
            return {}
        return {"values": list(_records(await context.fetch(given))), "stored": True}

    def plan(self, answers: Answers) -> Plan:
        values, keys = _items(answers["values"])
        return Plan(
            lanes=Lanes(values, (self._iteration,), keys),
            width=width(answers, "concurrencyLimit"),
            stops=not is_off(self.transmit_failed),
            gathers=True,
        )

    def errors_plan(self) -> Plan:
        return Plan()  # each iteration has them

    def finally_plan(self) -> Plan:
        return Plan()

    def settle(self, state: State) -> State:
        return State.SUCCESS if is_off(self.transmit_failed) else state

    def gathered(self, lanes: Sequence[LaneEnded], answers: Answers) -> Mapping[str, Json]:
        counts: dict[str, Json] = {
            "iterationCount": len(lanes),
            "runningIterations": 0,
            "terminatedIterations": dict(Counter(lane.state.value for lane in lanes)),
        }
        return counts if self._stores(answers) else {**counts, "outputs": self._handed_out(lanes)}

    def _handed_out(self, lanes: Sequence[LaneEnded]) -> list[Json]:
        if not self.outputs:
            return []
        return [{"item": _item(lane), "outputs": _declared(lane)} for lane in lanes]

    def _stores(self, answers: Mapping[str, Json]) -> bool:
        if self.fetch_type is FetchType.AUTO:
            return bool(answers.get("stored")) and bool(self.outputs)
        return self.fetch_type is FetchType.STORE

    def closes(self, state: State, answers: Answers) -> bool:
        return self._stores(answers)

    async def closing(self, context: Context, done: Done) -> Mapping[str, Json]:
        entries = self._handed_out(done.lanes)
        text = "".join(f"{json.dumps(entry, ensure_ascii=False)}\n" for entry in entries)
        return {"uri": await context.put(text.encode(), "outputs.jsonl")}


def _is_good(state: State) -> bool:
    return state in (State.SUCCESS, State.WARNING)


def _item(lane: LaneEnded) -> dict[str, Json]:
    item: dict[str, Json] = {"value": lane.value, "iteration": lane.iteration}
    return item if lane.key is None else {**item, "key": lane.key}


def _declared(lane: LaneEnded) -> dict[str, Json]:
    return {name: value for name, value in lane.outputs.items() if name != BREAKS}


def _items(given: Json) -> tuple[list[Any], list[str] | None]:
    """The values as text, repeated ones and nulls too, and the keys if they are a map's."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise TaskFailed(
                f"'values' must be a list, a map or a file's URI, but is '{given[:200]}'"
            ) from None
    if isinstance(given, Mapping):
        return [_text(item) for item in given.values()], [str(key) for key in given]
    if not isinstance(given, list | tuple):
        raise TaskFailed(f"'values' must be a list, a map or a file's URI, but is '{given}'")
    return [_text(item) for item in given], None


def _text(item: Json) -> str | None:
    return None if item is None else as_text(item)


def _records(path: Path) -> Iterator[Json]:
    """The records of a file: rows of a table, else its lines."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        yield from pq.read_table(path).to_pylist()
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.strip():
                yield line.rstrip("\r\n")


LETTERS = Example(
    title="Number letters",
    outputs={
        "show": {"value": '["0A","1B","2A"]'},
        "loop": {"iterationCount": 3, "terminatedIterations": {"SUCCESS": 3}},
    },
    flow="""
id: number-letters
namespace: demo
tasks:
  - id: loop
    type: io.kestra.plugin.core.flow.Loop
    values: ["a", "b", "a"]
    concurrencyLimit: 1
    tasks:
      - {id: up, type: io.kestra.plugin.core.debug.Return, format: "{{ item.index }}{{ item.value | upper }}"}
    outputs:
      - {id: text, type: STRING, value: "{{ outputs.up.value }}"}
  - {id: show, type: io.kestra.plugin.core.debug.Return, format: "{{ loopOutputs(outputs.loop.outputs, 'text') }}"}
""",
)
LINES = Example(
    title="The lines of a file",
    logs=("2 lines",),
    flow="""
id: lines-of-a-file
namespace: demo
tasks:
  - {id: file, type: io.kestra.plugin.core.storage.Write, content: "one\\ntwo\\n"}
  - id: loop
    type: io.kestra.plugin.core.flow.Loop
    values: "{{ outputs.file.uri }}"
    tasks:
      - {id: length, type: io.kestra.plugin.core.debug.Return, format: "{{ item.value | length }}"}
    outputs:
      - {id: letters, type: INT, value: "{{ outputs.length.value }}"}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.loop.iterationCount }} lines in {{ outputs.loop.uri }}"}
""",
)
