"""`core.flow.ForEachItem`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, ClassVar, Literal

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json, Template
from flowbook.kinds.part import Example, Written
from flowbook.kinds.plan import Plan, one_lane
from flowbook.kinds.task import (
    ExecutableTask,
    FlowableTask,
    NewExecution,
    RunnableTask,
    Task,
    TaskId,
)
from flowbook.plugin.core.storage.split import parted, rows_of, size_of
from flowbook.storage.uri import is_uri

from .label_list import label_list
from .subflow import RestartBehavior
from .turns import is_off


class Batches(Written):
    """How a file is split: by bytes, else into so many parts, else by rows."""

    rows: Dynamic[int | None] = 1
    """The most rows of a batch."""
    partitions: Dynamic[int | None] = None
    """How many batches; rows go to them in turn."""
    bytes: Dynamic[str | None] = None
    """A batch that has so many bytes is full: `10KB` are 10 × 1024."""
    regex_pattern: Dynamic[str | None] = None
    """One batch for each text that the first group of this pattern finds; other rows are left out."""
    separator: Dynamic[str] = "\n"
    """What stands between two rows."""


class Split(RunnableTask):
    """The first part of ForEachItem: the file becomes batches."""

    type: str = "flowbook.ForEachItemSplit"
    items: Dynamic[str]
    batch: Batches

    async def run(self, context: Context) -> dict[str, Json]:
        uri = (await context.render(self.items)).strip()
        if not is_uri(uri):
            raise TaskFailed(
                f"Unable to split the items from {uri}, this is not an internal storage URI!"
            )
        batch = self.batch
        pieces = rows_of(await context.fetch(uri), await context.render(batch.separator))
        size = size_of(await context.render(batch.bytes))
        pattern = await context.render(batch.regex_pattern)
        partitions, rows = await context.render(batch.partitions), await context.render(batch.rows)
        name = PurePosixPath(uri).name
        uris = [
            await context.put("".join(part).encode(), f"{number}-{name}")
            for number, part in enumerate(parted(pieces, size, partitions, rows, pattern))
            if part
        ]
        listed = "".join(f"{one}\n" for one in uris)
        return {"splits": await context.put(listed.encode(), "splits.txt")}


class Items(ExecutableTask):
    """The second part of ForEachItem: an execution for each batch."""

    many: ClassVar[bool] = True
    opens: ClassVar[bool] = True

    type: str = "flowbook.ForEachItemItems"
    whole: ForEachItem
    split: str

    def asks(self) -> Mapping[str, Json]:
        whole = self.whole
        return {
            "revision": whole.revision,
            "inheritLabels": whole.inherit_labels,
            "scheduleDate": whole.schedule_date,
        }

    async def opening(self, context: Context, answers: Mapping[str, Json]) -> Mapping[str, Json]:
        listed = await context.fetch(context.inside[self.split]["splits"])
        uris = listed.read_text("utf-8").splitlines()
        shown = dict(context.variables["taskrun"])
        batches: list[Json] = []
        for number, uri in enumerate(uris):
            extra: Json = {"taskrun": {**shown, "items": uri, "iteration": number}}
            inputs = await context.render_json(self.whole.inputs, extra=extra)
            labels = await context.render_json(self.whole.labels, extra=extra)
            names = [
                await context.render_text(_source(given), extra)
                for given in (self.whole.namespace, self.whole.flow_id)
            ]
            batches.append({"names": names, "inputs": inputs, "labels": labels})
        return {"batches": batches, "base": await context.base()}

    def begins(self, answers: Answers) -> Mapping[str, Json]:
        return {
            "numberOfBatches": len(answers["batches"]),
            "subflowOutputsBaseUri": answers["base"],
        }

    def executions(self, answers: Answers) -> Sequence[NewExecution]:
        revision, date = answers["revision"], answers["scheduleDate"]
        return [
            NewExecution(
                namespace=batch["names"][0],
                flow_id=batch["names"][1],
                revision=None if revision is None else answers.number("revision"),
                inputs=batch["inputs"] or {},
                labels=label_list(batch["labels"]),
                inherit_labels=answers.truth("inheritLabels"),
                schedule_date=None if date is None else str(date),
                value=str(number),
            )
            for number, batch in enumerate(answers["batches"])
        ]

    def waits(self) -> bool:
        return not is_off(self.whole.wait)

    def transmits(self) -> bool:
        return not is_off(self.whole.transmit_failed)

    def restarts_child(self) -> bool:
        return self.whole.restart_behavior is RestartBehavior.RETRY_FAILED


def _source(given: Json) -> str:
    return given.source if isinstance(given, Template) else str(given)


class Merge(RunnableTask):
    """The last part of ForEachItem: the outputs of all executions in one file."""

    type: str = "flowbook.ForEachItemMerge"
    items: str

    async def run(self, context: Context) -> dict[str, Json] | None:
        made = context.inside.get(self.items)
        if not made or "numberOfBatches" not in made:
            return None
        lines = []
        for number in range(made["numberOfBatches"]):
            uri = f"{made['subflowOutputsBaseUri']}/{number}/outputs.jsonl"
            if context.engine.storage.exists(uri):
                lines.append((await context.fetch(uri)).read_bytes())
        return {"subflowOutputs": await context.put(b"".join(lines), "outputs.jsonl")}


class ForEachItem(FlowableTask):
    """Split a file into batches and run another flow for each, all at once.

    In `inputs`, `labels`, `namespace` and `flowId`, `taskrun.items` is the batch's file and `taskrun.iteration` its number from 0.
    """

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.flows.ForEachItem",)
    keeps_outputs: ClassVar[Literal["", "copy", "own"]] = "copy"

    items: Dynamic[str]
    """The URI of the file."""
    batch: Batches = Batches()
    """How it is split: `{rows, partitions, bytes, separator}`; a row each if left out."""
    namespace: Dynamic[str]
    """The flow's namespace."""
    flow_id: Dynamic[str]
    """The flow's id."""
    revision: Dynamic[int | None] = None
    """One revision of it; without it the latest."""
    inputs: Json = None
    """Values for its inputs."""
    labels: Json = None
    """Labels of the executions, as a map or a list of `{key, value}`."""
    inherit_labels: Dynamic[bool] = False
    """Give them all labels of this execution."""
    wait: Json = True
    """Wait for their end; else the task is done when they exist."""
    transmit_failed: Json = True
    """Fail if one of them does; else SUCCESS, whatever comes out."""
    schedule_date: Dynamic[str | None] = None
    """Start them at this date."""
    restart_behavior: RestartBehavior = RestartBehavior.RETRY_FAILED
    """On a restart: try the failed ones again, or start all anew."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"errors": self.errors, "finally": self.finally_}

    def made(self) -> Sequence[Task]:
        return self._parts

    @cached_property
    def _parts(self) -> tuple[Task, ...]:
        split, items = f"{self.id}_split", f"{self.id}_items"
        more: dict[str, Any] = {"retry": self.retry}
        return (
            Split.model_construct(id=TaskId(split), items=self.items, batch=self.batch, **more),
            Items.model_construct(id=TaskId(items), whole=self, split=split, **more),
            Merge.model_construct(id=TaskId(f"{self.id}_merge"), items=items, **more),
        )

    def plan(self, answers: Answers) -> Plan:
        return one_lane(self._parts)


ROWS = Example(
    title="A flow for every two rows",
    flows=(
        """
id: rows
namespace: demo
inputs: [{id: file, type: FILE}]
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ read(inputs.file) }}"}
""",
    ),
    logs=("2 of 2",),
    flow="""
id: every-two-rows
namespace: demo
tasks:
  - {id: file, type: io.kestra.plugin.core.storage.Write, content: "1\\n2\\n3\\n"}
  - id: each
    type: io.kestra.plugin.core.flow.ForEachItem
    items: "{{ outputs.file.uri }}"
    batch: {rows: 2}
    namespace: demo
    flowId: rows
    inputs: {file: "{{ taskrun.items }}"}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.each_items.iterations.SUCCESS }} of {{ outputs.each_items.numberOfBatches }}"}
""",
)
