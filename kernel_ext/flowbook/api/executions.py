"""What a workspace says and does about executions: one by its id, or many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.errors import InputInvalid
from flowbook.kinds.dynamic import Json

from .face import Face
from .run import Run

if TYPE_CHECKING:
    from flowbook.engine.bulk import Done
    from flowbook.engine.continuing import Applied
    from flowbook.flows.model import Flow
    from flowbook.views.difference import Difference
    from flowbook.views.run import RunView


class Executions(Face):
    """Executions by their id, the beginning of it, or as a `Run`."""

    def run(
        self,
        flow: str | Path | Mapping[str, Json] | Flow,
        inputs: Mapping[str, Json | Path] | None = None,
        labels: Mapping[str, str] | None = None,
        *,
        wait: bool = True,
        timeout: float | None = None,
        revision: int | None = None,
        namespace: str | None = None,
        from_: str | None = None,
        to: str | None = None,
        only: str | Sequence[str] | None = None,
    ) -> Run:
        """Run a flow (`namespace.id`, a `Flow`, or YAML) and wait for its end.

        A `Path` among the inputs is a file: stored for an input of type FILE, read for others.
        A failed execution raises nothing: see `run.state` and `run.error`. Raises `fb.FlowInvalid`,
        `InputInvalid`, `NotFound`, `TimeoutError`.
        """
        wanted = _wanted(only)
        work = self.engine.run(
            flow,
            inputs,
            labels,
            folder=Path.cwd(),
            revision=revision,
            namespace=namespace,
            only=wanted,
            from_=from_,
            to=to,
        )
        run = Run(self, self.portal.call(work))
        self.portal.call(self.engine.begun(run.id))
        return run.wait(timeout) if wait else run

    def execution(self, id: str) -> Run:
        """An execution by its id, or the beginning of it. Raises `NotFound`."""
        return Run(self, self.portal.call(self.engine.history.find(id)))

    def executions(
        self,
        namespace: str | None = None,
        flow: str | None = None,
        state: str | Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> list[Run]:
        """Executions, newest first. `flow` is an id, or `namespace.id`."""
        namespace, flow = _split(namespace, flow)
        rows = self.portal.call(
            self.engine.history.executions(
                namespace=namespace,
                flow_id=flow,
                states=_states(state),
                labels=labels,
                since=since,
                until=until,
                limit=limit,
            )
        )
        return [Run(self, row["id"], row) for row in rows]

    def kill(self, id: str, cascade: bool = True) -> None:
        """End an execution, and those it has started. Raises `NotFound`, `Conflict`."""
        self.portal.call(self.engine.kill(self._id(id), cascade=cascade))

    def pause(self, id: str) -> None:
        """Let what runs finish and start nothing new. Raises `Conflict`."""
        self.portal.call(self.engine.pause(self._id(id)))

    def resume(self, id: str, inputs: Mapping[str, Json | Path] | None = None) -> Run:
        """Go on with a paused execution. Raises `Conflict` if it isn't paused, `InputInvalid`."""
        self.portal.call(self.engine.resume(self._id(id), inputs, folder=Path.cwd()))
        return Run(self, self._id(id))

    def force_run(self, id: str) -> Run:
        """Run an execution that waits for its date, for a slot or to be resumed. Raises `Conflict`."""
        self.portal.call(self.engine.control.force_run(self._id(id)))
        return Run(self, self._id(id))

    def unqueue(self, id: str) -> Run:
        """Run an execution that waits for a slot, above its flow's limit. Raises `Conflict`."""
        self.portal.call(self.engine.control.unqueue(self._id(id)))
        return Run(self, self._id(id))

    def why(self, id: str, task: str) -> str:
        """Why a task of an execution ran, or didn't: its conditions, its attempts, the task cache, what stood
        before it. Raises `NotFound`."""
        from flowbook.engine.explaining import explained

        return self.portal.call(explained(self.engine, self._id(id), task))

    def diff(self, id: str, other: str | None = None) -> Difference:
        """How an execution differs from another one, by default from its flow's last good one before it: flow
        text, inputs, states, times, outputs. Raises `NotFound`."""
        from flowbook.engine.comparing import compared

        old = None if other is None else self._id(other)
        return self.portal.call(compared(self.engine, self._id(id), old))

    def rerun(self, id: str, task: str, **properties: Json) -> Run:
        """Run one task of an execution again, as a new execution on the same inputs and recorded outputs.

        `properties` are set for this run only; `None` takes one out. Raises `NotFound`, `FlowInvalid`,
        `Conflict` when the task reads what the execution doesn't have.
        """
        from flowbook.engine.rerunning import rerun

        run_id = self.portal.call(rerun(self.engine, self._id(id), task, properties))
        return Run(self, self.portal.call(self.engine.begun(run_id)))

    def restart(
        self,
        id: str,
        revision: int | None = None,
        continue_from: int | None = None,
        task: str | None = None,
        confirm: bool = False,
    ) -> Run:
        """Run again what failed, in the same execution; what ended well stays.

        `continue_from` goes on with the failed notebook at a cell, in its parked kernel. `confirm` says
        yes to that where `errors` or `finally` tasks have run already. Raises `Conflict`.
        """
        return Run(
            self,
            self.portal.call(
                self.engine.restart(
                    self._id(id),
                    revision=revision,
                    continue_from=continue_from,
                    task=task,
                    confirm=confirm,
                )
            ),
        )

    def apply(self, id: str, task: str | None = None) -> Applied:
        """Write what was edited in a notebook that was continued into its source: `path edits diff`.

        Raises `Conflict` with both texts if the source was changed meanwhile.
        """
        return self.portal.call(self.engine.continuing.apply(self._id(id), task))

    def kernels(self) -> list[dict[str, Any]]:
        """The parked kernels: id, execution, task, notebook, since, until, memory …"""
        listed = self.portal.call(self.engine.continuing.warm.listed())
        return list((listed or {}).get("parked", ()))

    def replay(
        self,
        id: str,
        task_run: str | None = None,
        inputs: Mapping[str, Json | Path] | None = None,
        revision: int | None = None,
    ) -> Run:
        """Run again as a new execution: from the start, or from a task run (its id, or a task's id).

        Inputs that aren't named are those of the old one.
        """
        return Run(
            self,
            self.portal.call(
                self.engine.replay(
                    self._id(id),
                    task_run=task_run,
                    inputs=inputs,
                    revision=revision,
                    folder=Path.cwd(),
                )
            ),
        )

    def change_status(self, id: str, task_run: str | None, state: str) -> None:
        """Give a task run another end state (the flow goes on after it), or the execution if `None`."""
        self.portal.call(self.engine.change_status(self._id(id), task_run, state))

    def set_labels(self, id: str, labels: Mapping[str, str]) -> None:
        """Replace the labels that are no system labels."""
        self.portal.call(self.engine.set_labels(self._id(id), labels))

    def delete_execution(self, id: str) -> None:
        """Remove an execution that has ended, for ever: its history, logs and files. Raises `Conflict`."""
        self.bulk("delete", [self._id(id)])

    def bulk(
        self,
        action: str,
        ids: Sequence[str | Run] | None = None,
        *,
        namespace: str | None = None,
        flow: str | None = None,
        state: str | Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        **options: Any,
    ) -> Done:
        """Do something to many executions: `kill`, `pause`, `resume`, `restart`, `replay`, `delete`,
        `labels`, `change-status`, `force-run`, `unqueue`; to those with these ids, or to all that the rest
        says (without `state`: all in a state that the action is for).

        `options` are the action's own: `ws.bulk("kill", namespace="shop", cascade=False)`,
        `ws.bulk("labels", flow="shop.orders", to={"seen": "yes"})`. Raises `BulkRefused`, with nothing
        done, if one isn't there or in no state for it.
        """
        from flowbook.engine.bulk import carry_out

        if ids is not None and any((namespace, flow, state, labels, since, until)):
            raise InputInvalid(["Either ids or what the executions are like, not both"])
        if ids is None:
            ids = self.matching(
                action,
                namespace=namespace,
                flow=flow,
                state=state,
                labels=labels,
                since=since,
                until=until,
            )
        wanted = [one.id if isinstance(one, Run) else one for one in ids]
        return self.portal.call(carry_out(self.engine, action, wanted, **options))

    def matching(
        self,
        action: str,
        *,
        namespace: str | None = None,
        flow: str | None = None,
        state: str | Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Run]:
        """The executions that `bulk` would do something to, oldest first."""
        from flowbook.engine.bulk import Query
        from flowbook.engine.bulk import matching as found

        namespace, flow = _split(namespace, flow)
        query = Query(
            namespace=namespace,
            flow_id=flow,
            states=_states(state),
            labels=labels or {},
            since=since,
            until=until,
        )
        rows = self.portal.call(found(self.engine, action, query))
        return [Run(self, row["id"], row) for row in rows]

    def view(self, id: str | Run, variable: str = "") -> RunView:
        """An execution as it is shown; `.bundle()` is its display data."""
        return self.portal.call(self.engine.history.view(self._id(id), variable=variable))

    def _id(self, id: str | Run) -> str:
        return id.id if isinstance(id, Run) else self.portal.call(self.engine.history.find(id))


def _wanted(only: str | Sequence[str] | None) -> list[str] | None:
    return [only] if isinstance(only, str) else None if only is None else list(only)


def _states(state: str | Sequence[str] | None) -> list[str] | None:
    if state is None:
        return None
    return [str(one).upper() for one in ([state] if isinstance(state, str) else state)]


def _split(namespace: str | None, flow: str | None) -> tuple[str | None, str | None]:
    """Namespace and id of a flow that may be written as `namespace.id`."""
    if flow is not None and namespace is None and "." in flow:
        namespace, _, flow = flow.rpartition(".")
    return namespace, flow
