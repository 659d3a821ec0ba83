"""Going on with an execution that another host drove: what it still waits for is asked anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from flowbook.executions import commands as c
from flowbook.executions import events as e
from flowbook.executions import listeners, seeds, slas
from flowbook.executions.endings import CLOSING
from flowbook.executions.model import ROOT, Execution, TaskRun
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.kinds.task import ExecutableTask, FlowableTask, Task, UpdatingTask

if TYPE_CHECKING:
    from .drive import Driver


def take_up(driver: Driver, host: str, left: Mapping[str, Mapping[str, Json]]) -> None:
    """Go on from the durable events: ask again, set timers again.

    `left` are outputs that attempts of the lost host left, by task run.
    """
    at, execution = driver.workspace.clock.now(), driver.execution
    driver.post(e.HostLost(at=at, host=host, by=driver.owner.host, left=left))
    for command in of_execution(execution):
        driver.perform(command)
    if execution.state is State.CREATED or execution.state is State.QUEUED:
        driver.post(e.Started(at=at))


def of_execution(execution: Execution) -> Iterator[c.Command]:
    """The commands whose answers an execution still waits for."""
    for run_id in execution.open:
        run = execution.task_runs[run_id]
        yield from of_run(run, execution.task(run))
    if execution.asked == "outputs":
        sources = {output.id: output.value for output in execution.flow.outputs}
        yield c.Ask(ROOT, "outputs", sources)
    if execution.asked == "listeners":
        yield c.Ask(ROOT, "listeners", listeners.questions(execution.flow))
    if not execution.state.is_terminal:
        yield from slas.timers(execution.flow, execution.history[0][1])


def of_run(run: TaskRun, task: Task) -> Iterator[c.Command]:
    """Those of one task run."""
    if run.due is not None:
        usual = "retry" if run.state is State.RETRYING else "pause"
        purpose = (run.asked or usual).partition(":")[0]
        yield c.SetTimer(run.id, purpose, run.due)
    match run.asked:
        case "runIf":
            yield c.Ask(run.id, "runIf", seeds.questions(task))
        case "plan" if isinstance(task, FlowableTask):
            yield c.Ask(run.id, "plan", task.asks())
        case "round" if isinstance(task, FlowableTask) and run.due is None:
            yield c.Ask(run.id, "round", task.asks_round())
        case "update" if isinstance(task, UpdatingTask):
            yield c.Ask(run.id, "update", task.asks())
        case str() as question if question.startswith(CLOSING):
            yield c.Ask(run.id, question, {})
        case "children" if isinstance(task, ExecutableTask):
            yield c.Ask(run.id, "children", task.asks())
