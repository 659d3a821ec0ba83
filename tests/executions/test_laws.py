"""The machine has laws; hypothesis looks for the flow and the order of events that breaks one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from flowbook.executions import commands as c
from flowbook.executions import events as e
from flowbook.executions import pauses, restarts
from flowbook.executions.model import ROOT, Execution
from flowbook.executions.step import born, fold, replay
from flowbook.flows.model import Flow
from flowbook.kinds.state import State

START = datetime(2025, 1, 1, tzinfo=UTC)
NEW_EXECUTION = "CREATE_NEW_EXECUTION"
FLOW = "io.kestra.plugin.core.flow."
RETRY = {"type": "constant", "interval": "PT1S", "maxAttempts": 2}


def numbered(tree: Any, counter: list[int]) -> Any:
    """The tasks with ids of their own, wherever they stand."""
    if isinstance(tree, dict) and str(tree.get("type")).startswith(("Probe", "io.")):
        counter[0] += 1
        tree = {"id": f"t{counter[0]}", **tree}
    if isinstance(tree, dict):
        return {key: numbered(value, counter) for key, value in tree.items()}
    if isinstance(tree, list):
        return [numbered(item, counter) for item in tree]
    return tree


def leaves() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.just("Probe")},
        optional={
            "allowFailure": st.booleans(),
            "allowWarning": st.booleans(),
            "disabled": st.booleans(),
            "runIf": st.just("{{ yes }}"),
            "retry": st.sampled_from([RETRY, {**RETRY, "behavior": "CREATE_NEW_EXECUTION"}]),
        },
    )


def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(inner, min_size=1, max_size=3)
    ends = {"errors": st.lists(leaves(), max_size=1), "finally": st.lists(leaves(), max_size=1)}
    more = {"allowFailure": st.booleans(), "wait": st.booleans(), **ends}

    def of(name: str, **properties: Any) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries({"type": st.just(FLOW + name), **properties}, optional=more)

    values = st.lists(st.integers(0, 3), max_size=3)
    return st.one_of(
        of("Sequential", tasks=some),
        of("AllowFailure", tasks=some),
        of("Parallel", tasks=some, concurrent=st.integers(0, 2)),
        of("ForEach", tasks=some, values=values, concurrencyLimit=st.integers(0, 2)),
        of("EachParallel", tasks=some, value=values),
        of("If", condition=st.just("{{ yes }}"), then=some, **{"else": some}),
        of("Pause", onResume=st.just([])),
        of("Pause", onResume=st.just([]), onPause=leaves()),
        of(
            "Loop",
            tasks=some,
            values=values,
            concurrencyLimit=st.integers(0, 2),
            transmitFailed=st.booleans(),
            outputs=st.sampled_from([[], [{"id": "v", "value": "{{ item.value }}"}]]),
        ),
        of("WorkingDirectory", tasks=st.lists(leaves(), max_size=2), outputFiles=st.just(["*"])),
    )


FLOWS = st.lists(st.recursive(leaves(), around, max_leaves=8), min_size=1, max_size=4)


class AnyOrder(RuleBasedStateMachine):
    """Attempts finish, fail, arrive late or are killed, in any order; people pause, restart and kill."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.events: list[e.Event] = []
        self.attempts: list[c.RunAttempt] = []
        self.questions: list[c.Ask] = []
        self.timers: list[c.SetTimer] = []
        self.to_kill: list[c.KillAttempt] = []
        self.late: list[e.Event] = []
        self.restarts = 0

    @initialize(
        tasks=FLOWS,
        errors=st.lists(leaves(), max_size=1),
        lasts=st.lists(leaves(), max_size=1),
        after=st.lists(leaves(), max_size=1),
    )
    def begin(self, tasks: Any, errors: Any, lasts: Any, after: Any) -> None:
        tree = {"tasks": tasks, "errors": errors, "finally": lasts, "afterExecution": after}
        self.flow = Flow.model_validate({"id": "law", "namespace": "tests", **numbered(tree, [0])})
        note(str(tree))
        created = e.Created(at=START, namespace="tests", flow_id="law", revision=1)
        self.execution: Execution = born("X", self.flow, created)
        self.events.append(created)
        self.happens(e.Started(at=START))

    def happens(self, event: e.Event) -> None:
        self.now += timedelta(seconds=1)
        self.events.append(event)
        folded = fold(self.execution, (event,))
        self.execution = folded.execution
        for command in folded.commands:
            match command:
                case c.RunAttempt():
                    self.attempts.append(command)
                case c.Ask():
                    self.questions.append(command)
                case c.SetTimer():
                    self.timers.append(command)
                case c.KillAttempt():
                    self.to_kill.append(command)

    def take(self, things: list[Any], data: Any) -> Any:
        return things.pop(data.draw(st.integers(0, len(things) - 1)))

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), outcome=st.sampled_from(["good", "bad", "warn", "final"]))
    def attempt_ends(self, data: Any, outcome: str) -> None:
        attempt = self.take(self.attempts, data)
        ids: dict[str, Any] = {
            "at": self.now,
            "task_run": attempt.task_run,
            "attempt": attempt.attempt,
        }
        if outcome in ("bad", "final"):
            event: e.Event = e.AttemptFailed(
                error={"message": "no"}, final=outcome == "final", **ids
            )
        else:
            state = State.WARNING if outcome == "warn" else State.SUCCESS
            event = e.AttemptSucceeded(outputs={"n": 1}, state=state, **ids)
        self.late.append(event)
        self.happens(event)

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def late_news_changes_nothing(self, data: Any) -> None:
        before = self.execution
        event = data.draw(st.sampled_from(self.late))
        after = fold(before, (event,)).execution
        assert after.task_runs == before.task_runs
        assert after.state is before.state

    @precondition(lambda self: self.to_kill)
    @rule(data=st.data())
    def attempt_is_killed(self, data: Any) -> None:
        command = self.take(self.to_kill, data)
        self.happens(
            e.AttemptKilled(at=self.now, task_run=command.task_run, attempt=command.attempt)
        )

    @precondition(lambda self: self.questions)
    @rule(data=st.data(), answer=st.sampled_from([True, False, None]))
    def question_is_answered(self, data: Any, answer: bool | None) -> None:
        ask = self.take(self.questions, data)
        ids: dict[str, Any] = {"at": self.now, "task_run": ask.task_run, "question": ask.question}
        if answer is None:
            self.happens(e.AnswerFailed(error={"message": "unknown"}, **ids))
        else:
            self.happens(e.Answered(answers=dict.fromkeys(ask.sources, answer), **ids))

    @precondition(lambda self: self.timers)
    @rule(data=st.data())
    def timer_fires(self, data: Any) -> None:
        timer = self.take(self.timers, data)
        self.happens(e.TimerFired(at=self.now, task_run=timer.task_run, purpose=timer.purpose))

    @rule()
    def somebody_kills(self) -> None:
        self.happens(e.KillRequested(at=self.now))

    @rule()
    def somebody_pauses(self) -> None:
        self.happens(e.PauseRequested(at=self.now))

    @precondition(lambda self: self.execution.state is State.PAUSED)
    @rule()
    def somebody_resumes(self) -> None:
        pauses.check_resume(self.execution)
        self.happens(e.ResumeRequested(at=self.now))

    @precondition(lambda self: self.execution.is_over and self.restarts < 3)
    @rule()
    def somebody_restarts(self) -> None:
        if restarts.restartable(self.execution):
            self.restarts += 1
            self.happens(e.RestartRequested(at=self.now))
            assert not self.execution.is_over

    @rule()
    def host_is_lost(self) -> None:
        if self.execution.is_over:
            return
        before = {(a.task_run, a.attempt) for a in self.attempts}
        self.happens(e.HostLost(at=self.now, host="A"))
        fresh = [a for a in self.attempts if (a.task_run, a.attempt) not in before]
        self.attempts, self.to_kill = fresh, []

    @invariant()
    def something_is_left_to_happen(self) -> None:
        execution = self.execution
        left = bool(
            self.attempts
            or self.questions
            or self.timers
            or self.to_kill
            or execution.paused
            or execution.held
        )
        assert execution.is_over or left, f"stuck in {execution.state}"

    @invariant()
    def counters_are_true(self) -> None:
        runs = self.execution.task_runs.values()
        assert set(self.execution.open) == {run.id for run in runs if not run.state.is_terminal}
        if not self.execution.state.is_terminal:
            assert self.execution.paused == sum(run.state is State.PAUSED for run in runs)
            assert self.execution.retrying == sum(run.state is State.RETRYING for run in runs)

    def teardown(self) -> None:
        if not self.events:
            return
        again = [e.from_json(e.to_json(event)) for event in self.events]
        assert replay(self.flow, "X", again) == self.execution
        self.kill_always_ends_it()

    def kill_always_ends_it(self) -> None:
        if not self.execution.state.is_terminal:
            self.happens(e.KillRequested(at=self.now))
        for _ in range(1000):
            if self.execution.is_over:
                return
            if self.to_kill:
                command = self.to_kill.pop()
                self.happens(
                    e.AttemptKilled(at=self.now, task_run=command.task_run, attempt=command.attempt)
                )
            elif self.attempts:
                attempt = self.attempts.pop()
                self.happens(
                    e.AttemptSucceeded(
                        at=self.now, task_run=attempt.task_run, attempt=attempt.attempt
                    )
                )
            elif self.questions:
                ask = self.questions.pop()
                self.happens(
                    e.Answered(
                        at=self.now,
                        task_run=ask.task_run,
                        question=ask.question,
                        answers=dict.fromkeys(ask.sources, True),
                    )
                )
            elif self.timers:  # a retry of what runs after the execution
                timer = self.timers.pop()
                self.happens(
                    e.TimerFired(at=self.now, task_run=timer.task_run, purpose=timer.purpose)
                )
            else:
                raise AssertionError(f"a kill didn't end it: {self.execution.state}, root {ROOT!r}")


def test_a_new_execution_in_place_of_a_paused_one_ends_it() -> None:
    again = {"type": "constant", "interval": "PT1S", "maxAttempts": 2}
    twice = {
        "type": FLOW + "Loop",
        "values": [0, 0],
        "concurrencyLimit": 0,
        "tasks": [
            {"type": "Probe", "runIf": "{{ yes }}", "retry": {**again, "behavior": NEW_EXECUTION}}
        ],
    }
    tree = {"tasks": [twice, {"type": "Probe"}]}
    flow = Flow.model_validate({"id": "law", "namespace": "tests", **numbered(tree, [0])})
    execution = born("X", flow, e.Created(at=START, namespace="tests", flow_id="law", revision=1))
    asked: list[c.Ask] = []
    happened: list[e.Event] = [e.Started(at=START)]
    while happened:
        folded = fold(execution, (happened.pop(),))
        execution = folded.execution
        asked += [command for command in folded.commands if isinstance(command, c.Ask)]
        if asked and asked[0].question == "plan":
            ask = asked.pop(0)
            happened.append(answer(ask, True))
    execution = fold(execution, (e.PauseRequested(at=START),)).execution
    execution = fold(execution, (answer(asked[0], True),)).execution
    folded = fold(execution, (e.HostLost(at=START, host="A"),))
    (timer,) = [command for command in folded.commands if isinstance(command, c.SetTimer)]
    fired = e.TimerFired(at=START, task_run=timer.task_run, purpose=timer.purpose)
    execution = fold(folded.execution, (fired,)).execution
    assert execution.state is State.RETRIED
    assert execution.is_over


def answer(ask: c.Ask, value: bool) -> e.Answered:
    answers = dict.fromkeys(ask.sources, value)
    return e.Answered(at=START, task_run=ask.task_run, question=ask.question, answers=answers)


def try_laws(examples: int) -> None:
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_laws_hold_for_any_order_of_events() -> None:
    try_laws(60)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_laws_hold_at_a_thousand_examples() -> None:
    try_laws(1000)
