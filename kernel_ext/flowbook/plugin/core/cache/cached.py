"""`core.cache.Cached`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from flowbook.kinds.answers import Answers
from flowbook.kinds.context import Context
from flowbook.kinds.durations import Duration
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Plan, enabled, one_lane
from flowbook.kinds.state import State
from flowbook.kinds.task import AnyTask, Done, FlowableTask, Task

from .entry import CacheScope, place


class Cached(FlowableTask):
    """Run tasks once; while the key is in the cache they end with the outputs of that run instead.

    A failure keeps nothing.
    """

    keeps_outputs: ClassVar[Literal["", "copy", "own"]] = "copy"

    key: Dynamic[str]
    """The key."""
    scope: Dynamic[CacheScope] = CacheScope.NAMESPACE
    """Who shares it: all flows of the `namespace`, this `flow`, or all (`global`)."""
    ttl: Dynamic[Duration | None] = None
    """How long the outputs are good for; for ever if left out."""
    tasks: tuple[AnyTask, ...]
    """The tasks, one after another."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": self.tasks, "errors": self.errors, "finally": self.finally_}

    @property
    def opens(self) -> bool:
        return True

    async def opening(self, context: Context, answers: Mapping[str, Json]) -> Mapping[str, Json]:
        where = await place(context, await context.render(self.key), self.scope)
        rows = await context.engine.store.transact("cache_get", key=where)
        served = await context.take_over(context.opened(rows[0]["value"])) if rows else None
        return {"where": where, "hit": served is not None, "served": served}

    def plan(self, answers: Answers) -> Plan:
        return one_lane(
            enabled(self.tasks),
            outputs={"hit": answers["hit"]},
            served=answers["served"] if answers["hit"] else None,
        )

    def closes(self, state: State, answers: Answers) -> bool:
        return state is State.SUCCESS and not answers["hit"]

    async def closing(self, context: Context, done: Done) -> Mapping[str, Json]:
        ttl = await context.render(self.ttl)
        await context.engine.store.transact(
            "cache_set",
            key=done.answers["where"],
            value=context.closed(done.inside),
            ttl=None if ttl is None else ttl.total_seconds(),
        )
        return {}


MEMO = Example(
    title="Work once an hour",
    outputs={"memo": {"hit": False}},
    flow="""
id: work-once-an-hour
namespace: demo
tasks:
  - id: memo
    type: io.kestra.plugin.core.cache.Cached
    key: "report:{{ execution.startDate | date('yyyy-MM-dd') }}"
    ttl: PT1H
    tasks: [{id: heavy, type: io.kestra.plugin.core.debug.Return, format: "{{ uuid() }}"}]
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.heavy.value }}"}
""",
)
