"""Answers to what the machine asks: templates rendered at the place of a task run, or of the whole flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flowbook.executions import commands as c
from flowbook.executions import events as e
from flowbook.executions.model import ROOT, TaskRun
from flowbook.expressions.render import Scope
from flowbook.kinds.dynamic import Json
from flowbook.kinds.task import Level

from . import beside, rendering

if TYPE_CHECKING:
    from .drive import Driver


async def answer(driver: Driver, ask: c.Ask) -> None:
    """Post what a question was answered, or why it can't be."""
    run = driver.execution.task_runs.get(ask.task_run)
    scope = driver.scope(run, _round(run) if ask.question == "round" else None)
    now = driver.workspace.clock.now
    try:
        with driver.workspace.clock.working():
            if ask.question == "outputs":
                answers = await _flow_outputs(driver, ask.sources, scope)
            else:
                answers = await rendering.in_place(
                    ask.sources, scope, lambda: rendering.answer_all(ask.sources, scope)
                )
            if run is not None:
                answers = await beside.answered(driver, run, ask.question, answers)
    except Exception as error:
        failed = rendering.failure(error)
        failed["message"] = driver.closing.masked(str(failed["message"]))
        driver.post(
            e.AnswerFailed(at=now(), task_run=ask.task_run, question=ask.question, error=failed)
        )
        return
    driver.post(e.Answered(at=now(), task_run=ask.task_run, question=ask.question, answers=answers))


async def _flow_outputs(
    driver: Driver, sources: Mapping[str, Json], scope: Scope
) -> dict[str, Json]:
    """The flow's own outputs; one that is not required and can't be rendered is null."""
    declared = driver.execution.flow.outputs
    answers, missing = await rendering.in_place(
        sources, scope, lambda: rendering.optional_outputs(declared, sources, scope)
    )
    for message in missing:
        driver.note(ROOT, Level.WARN, message)
    answers = rendering.declared_outputs(declared, answers)
    driver.closing.learn(rendering.secret_outputs(declared, answers))
    return answers


def _round(run: TaskRun | None) -> Mapping[str, Json] | None:
    return None if run is None else {"iterationCount": (run.outputs or {}).get("iterationCount")}
