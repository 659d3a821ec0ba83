"""Why a task ran, or didn't, in words: one paragraph from an execution as its events tell it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flowbook.executions.model import Attempt, Execution, Section, TaskRun
from flowbook.executions.seeds import conditions_of
from flowbook.flows.conditions import as_template, kind_of
from flowbook.kinds.durations import iso
from flowbook.kinds.retry import Retry
from flowbook.kinds.state import State
from flowbook.kinds.task import FlowableTask, Task

from .why_absent import absent
from .words import clock, plural

ENDED_TWICE = re.compile(r"(?<!\.)([.!?])\.(?=\s|$)")
"""A message with a full stop of its own, and the sentence's."""
GOOD = frozenset({State.SUCCESS, State.WARNING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the events say beside the execution itself."""

    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Task run → what `runIf` and the conditions were answered."""
    says: str = ""
    """How far a running task run says it is, or what it waits for."""
    killed_by: str | None = None
    """Who asked for a kill; empty if it isn't known."""
    masked: Callable[[str], str] = str


def why(execution: Execution, task: Task, run: TaskRun | None, told: Told) -> str:
    """The paragraph about one task run, or about a task that has none."""
    sentences = absent(execution, task) if run is None else _of_run(execution, task, run, told)
    return told.masked(" ".join(ENDED_TWICE.sub(r"\1", sentence) for sentence in sentences))


def _of_run(execution: Execution, task: Task, run: TaskRun, told: Told) -> Iterator[str]:
    name = named(run)
    if run.state is State.SKIPPED:
        yield f"{name} was skipped: {_why_skipped(execution, task, run, told)}."
        return
    if (asked := told.answers.get(run.id)) and task.run_if is not None and "runIf" in asked:
        yield f"Its `runIf`, `{task.run_if}`, was true."
    if run.parent in execution.task_runs and run.section is not Section.TASKS:
        above = execution.task_runs[run.parent]
        yield f"It belongs to the {run.section.value} of {named(above)}, which is {above.state}."
    elif run.section is Section.ERRORS:
        yield "It belongs to the flow's errors, which run when a task has failed."
    if run.attempts:
        yield from _of_attempts(execution, task, run)
    elif run.served is not None and run.state is State.SUCCESS:
        around = execution.task_runs[run.served]
        yield f"{name} was not run: what {named(around)} has kept of an earlier run was served instead."
    elif isinstance(task, FlowableTask):
        yield from _of_flowable(execution, run)
    else:
        yield f"{name} changed the execution itself, without an attempt."
    yield _how_it_stands(execution, task, run, told)


# -- skipped -------------------------------------------------------------------------------------


def _why_skipped(execution: Execution, task: Task, run: TaskRun, told: Told) -> str:
    if execution.only is not None and run.id not in told.answers:
        ids = ", ".join(f"'{each}'" for each in sorted(execution.only))
        kept = run.task_id in execution.recorded
        stands = f"; its outputs are those of {execution.recorded_from}" if kept else ""
        return f"this run was of {ids} alone{stands}"
    asked = told.answers.get(run.id, {})
    if asked.get("runIf") is False:
        return f"its `runIf`, `{task.run_if}`, was false"
    conditions = conditions_of(task)
    for number, condition in enumerate(conditions):
        if asked.get(f"condition{number}") is False:
            return f"its condition `{as_template(condition)}` was false"
    for other in task.depends_on if isinstance(task.depends_on, list | tuple) else ():
        before = execution.run_of(str(other), run.value) or execution.run_of(str(other))
        if before is not None and before.state not in GOOD:
            return f"'{other}', which it depends on, is {before.state}"
    for condition in conditions:
        if kind_of(condition) == "Execution":
            states = ", ".join(map(str, condition.get("states") or ()))
            return f"it only runs when the tasks beside it come out as {states}"
    return "its conditions did not hold"


# -- attempts ------------------------------------------------------------------------------------


def _of_attempts(execution: Execution, task: Task, run: TaskRun) -> Iterator[str]:
    last = run.attempts[-1]
    if last.cache is not None:
        yield _of_cache(last.cache)
    if last.cache is not None and last.cache.get("served"):
        return
    failed = [each for each in run.attempts if each.state in (State.FAILED, State.KILLED)]
    if len(run.attempts) == 1 and (not failed or run.state is State.WARNING):
        return
    ended = [each for each in run.attempts if each.end is not None]
    if ended:
        said = "; ".join(_of_attempt(each) for each in ended)
        yield f"{said[0].upper()}{said[1:]}."
    if run.state is State.FAILED and failed:
        yield _no_more(execution, task, run)


def _of_attempt(attempt: Attempt) -> str:
    assert attempt.end is not None
    took = clock((attempt.end - attempt.start).total_seconds())
    message = str((attempt.error or {}).get("message") or "").partition("\n")[0]
    return f"attempt {attempt.number} was {attempt.state} after {took}" + (
        f" ({message})" if message else ""
    )


def _of_cache(cache: Mapping[str, Any]) -> str:
    if cache.get("served"):
        return (
            "It was not run but served from the task cache: its properties are those of execution "
            f"{cache.get('from')}, which ran it at {cache.get('at')}."
        )
    changed = cache.get("changed")
    if changed:
        names = ", ".join(f"`{name}`" for name in changed)
        return (
            f"It was not served from the task cache: since execution {cache.get('last')} "
            f"{names} {'has' if len(changed) == 1 else 'have'} changed."
        )
    return f"It was not served from the task cache: {cache.get('reason')}."


def _no_more(execution: Execution, task: Task, run: TaskRun) -> str:
    retry = _effective_retry(execution, task, run)
    error = run.error or {}
    names = task.fatal_error if isinstance(task.fatal_error, list | tuple) else ()
    text = f"{error.get('type', '')} {error.get('message', '')}"
    if any(str(each) in text for each in names):
        return "There was no retry: its `fatalError` names this failure."
    if retry is None:
        return "It has no retry."
    if retry.max_attempts is not None and len(run.attempts) >= retry.max_attempts:
        return f"There was no further retry: {plural(retry.max_attempts, 'attempt')} is the limit."
    if retry.max_duration is not None:
        return f"There was no further retry: the next would be later than {iso(retry.max_duration)} after the first."
    return "There was no further retry."


def _effective_retry(execution: Execution, task: Task, run: TaskRun) -> Retry | None:
    around = (execution.task(one).retry for one in execution.ancestors(run))
    return task.retry or next((one for one in around if one), None) or execution.flow.retry


# -- flowables -----------------------------------------------------------------------------------


def _of_flowable(execution: Execution, run: TaskRun) -> Iterator[str]:
    outputs = run.outputs or {}
    if "evaluationResult" in outputs:
        yield f"Its condition was {str(outputs['evaluationResult']).lower()}."
    elif {"value", "defaults"} <= set(outputs):
        branch = "its defaults" if outputs["defaults"] else "a case"
        yield f"Its value was '{outputs['value']}', for which it has {branch}."
    if "iterationCount" in outputs:
        yield f"It went {plural(int(outputs['iterationCount']), 'round')}."
    inside = [one for one in execution.in_order() if one.parent == run.id]
    counts: dict[str, int] = {}
    for one in inside:
        counts[str(one.state)] = counts.get(str(one.state), 0) + 1
    if counts:
        said = ", ".join(f"{number} {state}" for state, number in counts.items())
        yield f"Inside it: {said}."


# -- how it stands -------------------------------------------------------------------------------


def _how_it_stands(execution: Execution, task: Task, run: TaskRun, told: Told) -> str:
    name, since = named(run), _ago(run.history)
    match run.state:
        case State.SUCCESS | State.WARNING | State.FAILED:
            return _ended(task, run)
        case State.KILLED | State.KILLING:
            return _killed(execution, run, told)
        case State.RETRYING:
            assert run.due is not None
            return f"{name} waits since {since} for its next attempt, at {_time(run.due)}."
        case State.PAUSED:
            until = "somebody resumes it" if run.due is None else _time(run.due)
            return f"{name} is PAUSED since {since}, until {until}."
        case State.CREATED | State.RESTARTED if run.asked == "runIf":
            return f"{name} waits since {since} for the answer to its `runIf`."
        case State.CREATED if not run.attempts:
            return f"{name} exists since {since} and hasn't started."
        case State.RUNNING | State.CREATED | State.RESTARTED:
            says = f" It says: {told.says}." if told.says else ""
            return f"{name} runs since {since}{_waits_inside(execution, run)}.{says}"
        case _:
            return f"{name} is {run.state} since {since}."


def _ended(task: Task, run: TaskRun) -> str:
    name, state = named(run), run.state
    last = run.attempts[-1].state if run.attempts else None
    message = str((run.error or {}).get("message") or "").partition("\n")[0]
    if state is State.WARNING and last is State.FAILED and task.allow_failure:
        return f"{name} is WARNING, not FAILED, because of `allowFailure`: {message}"
    if state is State.SUCCESS and last in (State.FAILED, State.WARNING) and task.allow_warning:
        return f"{name} is SUCCESS because of `allowWarning`."
    if state is State.WARNING and len(run.attempts) > 1:
        return f"{name} is WARNING because it took more than one attempt."
    if state is State.FAILED and message and len(run.attempts) < 2:
        return f"{name} is FAILED: {message}"
    took = clock((run.history[-1][1] - run.history[0][1]).total_seconds())
    return f"{name} ended {state} after {took}."


def _killed(execution: Execution, run: TaskRun, told: Told) -> str:
    name = named(run)
    reason = (run.error or {}).get("message")
    if reason:
        return f"{name} is {run.state}: {reason}."
    if told.killed_by is not None:
        by = f" by {told.killed_by}" if told.killed_by else ""
        return f"{name} is {run.state}: the execution was killed{by}."
    said = (execution.error or {}).get("message")
    return f"{name} is {run.state}: the execution ended {execution.state}" + (
        f" ({said})." if said else "."
    )


def _waits_inside(execution: Execution, run: TaskRun) -> str:
    if run.children:
        return f", waiting for {plural(len(run.children), 'execution')} that it has started"
    inside = [
        named(one)
        for one in execution.in_order()
        if one.parent == run.id and one.id in execution.open
    ]
    return f"; inside it now: {', '.join(inside[:5])}" if inside else ""


def named(run: TaskRun) -> str:
    """`'load'`, or `'load' (b)` in an iteration."""
    return f"'{run.task_id}'" + (f" ({run.value})" if run.value is not None else "")


def _ago(history: Sequence[tuple[State, datetime]]) -> str:
    return _time(history[-1][1])


def _time(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def runs_of(execution: Execution, which: str) -> tuple[Task | None, TaskRun | None]:
    """The task and the newest task run that an id of either names."""
    if which in execution.task_runs:
        run = execution.task_runs[which]
        return execution.task(run), run
    found = [run for run in execution.in_order() if run.task_id == which]
    task = execution.flow.by_id().get(which)
    return task, found[-1] if found else None
