"""One Flow trigger and one execution: what its conditions say, and the execution that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flowbook.errors import FlowbookError, NotFound, WorkspaceError
from flowbook.executions.model import Execution
from flowbook.expressions.render import Scope, render_deep
from flowbook.flows.conditions import Condition
from flowbook.kinds.dynamic import Json
from flowbook.kinds.task import Level
from flowbook.triggers import conditions

from . import rendering, upstream
from .closing import Closing
from .flow_triggers import Listed
from .trigger_labels import rendered_labels
from .triggered import CHAIN, Beginning, Due, begin, depth_after, fail, inherited, is_there

if TYPE_CHECKING:
    from .workspace import Workspace


class Asking:
    """One trigger, asked about one execution in the state it has come into."""

    def __init__(
        self, workspace: Workspace, listed: Listed, execution: Execution, closing: Closing
    ) -> None:
        self._workspace, self._listed = workspace, listed
        self._execution, self._closing = execution, closing
        self.errors: list[str] = []
        """Why conditions could not be decided."""
        self._seen = self._sight(upstream.variables(execution, execution.results))

    def _sight(self, trigger: Mapping[str, Json]) -> upstream.Sight:
        before = (self._execution.trigger or {}).get("variables", {})
        seen = {**before, **trigger}
        return upstream.sight(
            self._workspace, self._listed.flow, self._execution, self._closing, seen
        )

    async def met(self) -> dict[str, list[str]] | None:
        """Which of its conditions the execution meets, by gathering; `None` if it is nothing to the trigger."""
        facts, listed = upstream.facts(self._execution), self._listed
        plain = {f"condition {n}": each for n, each in enumerate(listed.plain, 1)}
        if len(await self._holding(plain, facts)) < len(plain):
            return None
        wanted = {
            f"{gathering.id}: {name}": (gathering.id, name, condition)
            for gathering, wants in listed.waits
            for name, condition in wants.items()
            if conditions.may_hold(condition, facts, listed.owner)
        }
        asked = {path: condition for path, (_, _, condition) in wanted.items()}
        found: dict[str, list[str]] = {}
        for path in await self._holding(asked, facts):
            gathering, name, _ = wanted[path]
            found.setdefault(gathering, []).append(name)
        return found if found or not listed.waits else None

    async def _holding(
        self, asked: Mapping[str, Condition], facts: conditions.Upstream
    ) -> list[str]:
        """The conditions that hold, by path."""
        questions = {
            path: question
            for place, condition in asked.items()
            for path, question in conditions.questions(condition, place)
        }
        answers = await upstream.answered(questions, self._seen, self.warn)
        owner = self._listed.owner
        return [
            path
            for path, condition in asked.items()
            if conditions.is_met(condition, path, facts, answers, owner, self.warn)
        ]

    async def start(
        self, due: Due, execution_id: str, of: Sequence[Mapping[str, str]], *, failed: bool
    ) -> None:
        """Start the execution that stands in the trigger's entry; one that can't have its inputs is FAILED,
        and so is one of a trigger that failed itself."""
        workspace, trigger = self._workspace, self._listed.trigger
        if await is_there(workspace, execution_id):
            return
        try:
            flow, row = await workspace.flows.load(*self._listed.owner)
        except NotFound:
            await workspace.store.transact("forget_fire", **due.names)
            return
        by_flow = len(trigger.depends_on or ())
        outputs = await upstream.outputs_for(
            workspace, self._execution, of, self._closing, by_flow=by_flow
        )
        variables = upstream.variables(self._execution, outputs)
        scope = self._sight(variables).scope
        labels, warnings = await rendering.in_place(
            trigger.labels, scope, lambda: rendered_labels(trigger.labels, scope)
        )
        beginning = Beginning(
            execution_id=execution_id,
            flow=flow,
            revision=int(row["revision"]),
            labels=[*labels, *inherited(self._execution)],
            trigger={
                "id": trigger.id,
                "type": trigger.type,
                "depth": depth_after(self._execution),
                "of": [each["execution"] for each in of],
                "variables": variables,
            },
            settles=due.row(execution_id, workspace.clock.now().isoformat(), None),
        )
        if (refusal := self._refusal(failed)) is not None:
            fail(workspace, beginning, refusal, self._closing.values)
        else:
            await self._begin(beginning, scope)
        if (driver := workspace.drivers.get(execution_id)) is not None:
            for warning in warnings:
                driver.note("", Level.WARN, self._closing.masked(warning))
        await workspace.begun(execution_id)

    def _refusal(self, failed: bool) -> str | None:
        """Why the execution has FAILED before it begins."""
        if depth_after(self._execution) > CHAIN:
            return f"More than {CHAIN} executions have started each other within moments"
        return self._closing.masked("; ".join(self.errors)) if failed else None

    async def _begin(self, beginning: Beginning, scope: Scope) -> None:
        given = self._listed.trigger.inputs or {}
        try:
            inputs = await rendering.in_place(
                given, scope, lambda: rendering.plain(render_deep(given, scope, typed=True))
            )
            await begin(self._workspace, beginning, inputs, self._closing)
        except WorkspaceError:  # the disk is full …: somebody goes on with it
            raise
        except FlowbookError as error:
            said = f"Failed to trigger flow {beginning.flow.uid}, invalid inputs: {error}"
            fail(self._workspace, beginning, self._closing.masked(said), self._closing.values)

    def warn(self, message: str) -> None:
        """A line in the trigger's log."""
        self.errors.append(message)
        flow, execution = self._listed.flow, self._execution
        about = f"{execution.flow.uid} {execution.id} {execution.state.value}"
        self._workspace.records.add(
            {
                "table": "logs",
                "execution_id": None,
                "namespace": flow.namespace,
                "flow_id": flow.id,
                "trigger_id": self._listed.trigger.id,
                "ts": self._workspace.clock.now().isoformat(),
                "level": Level.WARN.value,
                "message": self._closing.masked(f"A condition is false ({about}): {message}"),
            }
        )
