"""Why a task ran, or didn't, in one paragraph."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.kinds.state import State

FLOW = """
id: why
namespace: tests
inputs: [{id: go, type: BOOL, defaults: false}, {id: n, type: INT, defaults: 1}]
tasks:
  - {id: off, type: Log, message: x, disabled: true}
  - {id: skipped, type: Log, message: x, runIf: "{{ inputs.go }}"}
  - {id: ran, type: Log, message: x, runIf: "{{ not inputs.go }}"}
  - {id: cached, type: Return, format: "{{ inputs.n }}", taskCache: {enabled: true}}
  - id: choose
    type: If
    condition: "{{ inputs.go }}"
    then: [{id: then_this, type: Log, message: x}]
    else: [{id: block, type: Sequential, tasks: [{id: deep, type: Log, message: x}], errors: [{id: unneeded, type: Log, message: x}]}]
  - id: route
    type: Switch
    value: "{{ inputs.n }}"
    cases: {"7": [{id: seven, type: Log, message: x}]}
    defaults: [{id: other, type: Log, message: x}]
  - {id: none, type: ForEach, values: [], tasks: [{id: never, type: Log, message: x}]}
  - {id: allowed, type: Fail, allowFailure: true, errorMessage: fine}
  - {id: fatal, type: Fail, fatalError: [so bad], allowFailure: true, errorMessage: so bad, runIf: "{{ inputs.n == 9 }}"}
  - {id: flaky, type: Fail, errorMessage: nope, retry: {type: constant, interval: PT0.05S, maxAttempts: 2}}
  - {id: later, type: Log, message: x}
  - {id: group, type: Sequential, tasks: [{id: inner, type: Log, message: x}]}
errors: [{id: told, type: Log, message: x}]
"""
PAUSING = """
id: pausing
namespace: tests
concurrency: {limit: 1}
tasks:
  - {id: hold, type: Pause}
  - {id: wide, type: Parallel, concurrent: 1, tasks: [{id: first, type: Sleep, duration: PT60S}, {id: second, type: Log, message: x}]}
  - {id: after, type: Log, message: x}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fb.Workspace]:
    with fb.open(tmp_path_factory.mktemp("why")) as opened:
        yield opened


@pytest.fixture(scope="module")
def run(workspace: fb.Workspace) -> fb.Run:
    return workspace.run(FLOW)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("off", "'off' is disabled, so it has no task run."),
        ("skipped", "'skipped' was skipped: its `runIf`, `{{ inputs.go }}`, was false."),
        ("ran", "Its `runIf`, `{{ not inputs.go }}`, was true. 'ran' ended SUCCESS after "),
        ("cached", "It was not served from the task cache: there is no earlier result. "),
        ("choose", "Its condition was false. Inside it: 1 SUCCESS. 'choose' ended SUCCESS"),
        (
            "then_this",
            "'then_this' is in a branch of 'choose' that wasn't taken: its condition was false.",
        ),
        ("seven", "'seven' is in a branch of 'route' that wasn't taken: its value was '1'."),
        ("route", "Its value was '1', for which it has its defaults. "),
        ("never", "'never' is inside 'none', which had nothing to go over."),
        ("unneeded", "'unneeded' stands among the errors of 'block', in which nothing has failed."),
        ("allowed", "'allowed' is WARNING, not FAILED, because of `allowFailure`: fine"),
        ("flaky", "There was no further retry: 2 attempts is the limit. 'flaky' ended FAILED"),
        (
            "later",
            "'later' never came to be run: 'flaky' before it ended FAILED: nope. After a failure",
        ),
        (
            "inner",
            "'inner' is inside 'group', which has no task run. 'group' never came to be run: ",
        ),
        ("told", "It belongs to the flow's errors, which run when a task has failed. "),
    ],
)
def test_each_task_has_its_reason(run: fb.Run, task: str, said: str) -> None:
    assert said in run.why(task)


def test_attempts_are_told_one_by_one(run: fb.Run) -> None:
    said = run["flaky"].why()
    assert said.startswith("Attempt 1 was FAILED after ")
    assert "(nope); attempt 2 was FAILED after " in said


def test_a_fatal_error_says_why_it_is_not_tried_again(workspace: fb.Workspace) -> None:
    said = workspace.run(FLOW, {"n": 9}).why("fatal")
    assert "There was no retry: its `fatalError` names this failure." in said


def test_the_cache_says_what_it_compared(workspace: fb.Workspace, run: fb.Run) -> None:
    again, changed = workspace.run(FLOW), workspace.run(FLOW, {"n": 2})
    served = again["cached"].why()
    assert "It was not run but served from the task cache: its properties are those of" in served
    assert f"execution {run.id}" in served
    assert "It was not served from the task cache: since execution " in changed["cached"].why()
    assert " `format` has changed. " in changed["cached"].why()


def test_what_waits_says_for_what(workspace: fb.Workspace) -> None:
    held = workspace.run(PAUSING, wait=False)
    until(held, "hold", State.PAUSED)
    assert "'hold' is PAUSED since " in held.why("hold")
    assert held.why("hold").endswith(", until somebody resumes it.")
    assert held.why("after") == "'after' hasn't had its turn: 'hold' is PAUSED."
    queued = workspace.run("tests.pausing", wait=False)
    while queued.state is not State.QUEUED:
        time.sleep(0.02)
    assert "QUEUED behind others of its flow, of which at most 1 run at once" in queued.why("hold")
    queued.kill()
    workspace.resume(held.id)
    until(held, "first", State.RUNNING)
    assert held.why("second") == (
        "'second' waits for its turn: at most 1 at once run there, and 'first' is RUNNING."
    )
    assert "inside it now: 'first'" in held.why("wide")
    held.kill().wait(30)
    assert "'first' is KILLED: the execution was killed." in held.why("first")


def until(run: fb.Run, task: str, state: State) -> None:
    deadline = time.monotonic() + 30
    while not any(one.task_id == task and one.state is state for one in run.task_runs):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_part_and_a_wrong_name(workspace: fb.Workspace, run: fb.Run) -> None:
    part = workspace.run(FLOW, only="ran")
    assert part.why("cached").startswith("'cached' was skipped: this run was of 'ran' alone")
    with pytest.raises(fb.NotFound, match=r"no task 'flakey': did you mean 'flaky'\?"):
        run.why("flakey")


def test_a_secret_is_not_in_the_reason(workspace: fb.Workspace, tmp_path: Path) -> None:
    run = workspace.run(
        """
        id: secret-why
        namespace: tests
        inputs: [{id: token, type: SECRET}]
        tasks: [{id: fail, type: Fail, errorMessage: "no {{ inputs.token }}"}]
        """,
        {"token": "hunter2"},
    )
    assert "no ********" in run.why("fail")


def test_what_waits_for_a_slot_of_its_host_says_so(
    workspace: fb.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    slots = workspace.engine.slots
    monkeypatch.setitem(slots._limits, "process", asyncio.Semaphore(1))
    monkeypatch.setitem(slots._sizes, "process", 1)
    run = workspace.run(
        """
        id: slots
        namespace: tests
        tasks:
          - id: wide
            type: Parallel
            tasks:
              - {id: one, type: io.kestra.plugin.scripts.shell.Commands, commands: [sleep 60]}
              - {id: two, type: io.kestra.plugin.scripts.shell.Commands, commands: [sleep 60]}
        """,
        wait=False,
    )
    until(run, "two", State.RUNNING)
    said = "It says: waits for its turn: this host runs 1 script at once."
    deadline = time.monotonic() + 30
    while said not in run.why("one") + run.why("two"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run.kill().wait(30)


def test_a_message_keeps_its_own_full_stop(tmp_path: Path) -> None:
    flow = """
id: stops
namespace: tests
tasks:
  - {id: check, type: Fail, errorMessage: "It broke!"}
  - {id: then, type: Log, message: x}
"""
    with fb.open(tmp_path / "ws", embedded=True) as ws:
        said = ws.run(flow).why("then")

    assert "It broke! After" in said
