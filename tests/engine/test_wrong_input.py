"""What can't work says so: one clear message, and the history stays as it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

import flowbook as fb
from flowbook.kinds.state import State

PAUSING = """
id: pausing
namespace: tests
concurrency: {limit: 1}
tasks:
  - {id: hold, type: io.kestra.plugin.core.flow.Pause}
  - {id: after, type: io.kestra.plugin.core.debug.Return, format: done}
"""
CALLS_ITSELF = """
id: %s
namespace: tests
tasks: [{id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: tests, flowId: %s}]
"""
IMPOSSIBLE = """
id: impossible
namespace: tests
sla: [{id: at-once, type: MAX_DURATION, duration: %s, behavior: %s}]
tasks: [{id: wait, type: io.kestra.plugin.core.flow.Sleep, duration: PT20S}]
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fb.Workspace]:
    with fb.open(tmp_path_factory.mktemp("wrong"), embedded=True) as opened:
        yield opened


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for the world, which has no event to await."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def paused(workspace: fb.Workspace) -> Iterator[fb.Run]:
    run = workspace.run(PAUSING, wait=False)
    eventually(lambda: run.state is State.PAUSED)
    yield run
    if not run.state.is_terminal:
        run.kill().wait(20)


def test_what_is_not_paused_is_not_resumed(workspace: fb.Workspace, paused: fb.Run) -> None:
    workspace.resume(paused.id).wait(20)
    before = workspace.executions()
    with pytest.raises(fb.Conflict) as refused:
        workspace.resume(paused.id)
    assert str(refused.value) == f"Execution '{paused.id}' is not paused, can't resume it"
    assert [run.id for run in workspace.executions()] == [run.id for run in before]
    assert paused.state is State.SUCCESS


def test_a_task_run_that_is_not_there_is_not_replayed(
    workspace: fb.Workspace, paused: fb.Run
) -> None:
    before = len(workspace.executions())
    with pytest.raises(fb.NotFound) as refused:
        workspace.replay(paused.id, "after")
    assert str(refused.value) == f"Execution '{paused.id}' has no task run 'after'; it has hold"
    assert len(workspace.executions()) == before


def test_a_flow_that_calls_itself_is_refused(workspace: fb.Workspace) -> None:
    with pytest.raises(fb.FlowInvalid, match=r"Recursive call to flow \[tests.again\]"):
        workspace.deploy(CALLS_ITSELF % ("again", "again"))


def test_flows_that_call_each_other_without_end_fail(workspace: fb.Workspace) -> None:
    workspace.deploy(CALLS_ITSELF % ("there", "back"))
    workspace.deploy(CALLS_ITSELF % ("back", "there"))
    run = workspace.run("tests.there", timeout=100)
    assert run.state is State.FAILED
    below = workspace.executions(flow="tests.there") + workspace.executions(flow="tests.back")
    assert len(below) == 51
    said = {line["message"] for each in below for line in each.logs("ERROR")}
    (reason,) = [message for message in said if "More than" in message]
    assert reason.startswith("More than 50 subflows below each other: 'tests.")
    assert run.error is not None
    assert "failed" in str(run.error["message"])


@pytest.mark.parametrize(
    ("duration", "behavior", "state"),
    [("PT0S", "FAIL", State.FAILED), ("PT0.001S", "CANCEL", State.CANCELLED)],
)
def test_a_promise_nobody_can_keep_ends_the_run_at_once(
    workspace: fb.Workspace, duration: str, behavior: str, state: State
) -> None:
    began = time.monotonic()
    run = workspace.run(IMPOSSIBLE % (duration, behavior))
    assert run.state is state
    assert time.monotonic() - began < 15
    assert run.error is not None
    message = str(run.error["message"])
    assert message.startswith("Execution failed due to SLA 'at-once' violated: execution duration")
    assert message.endswith(f"exceed the maximum duration of {duration}.")


def test_a_flow_deleted_while_it_runs_runs_to_its_end(
    workspace: fb.Workspace, paused: fb.Run
) -> None:
    workspace.deploy(PAUSING)
    assert workspace.delete("tests.pausing")
    with pytest.raises(fb.NotFound) as refused:
        workspace.run("tests.pausing")
    assert str(refused.value) == "Unable to find flow 'tests'.'pausing'"
    assert workspace.resume(paused.id).wait(20).state is State.SUCCESS
    assert paused["after"].outputs == {"value": "done"}
    again = workspace.replay(paused.id, "after").wait(20)
    assert again.state is State.SUCCESS


def test_a_flow_deleted_before_it_is_called_fails_its_task(workspace: fb.Workspace) -> None:
    workspace.deploy(
        "id: child\nnamespace: tests\ntasks: [{id: a, type: core.log.Log, message: a}]"
    )
    calls = CALLS_ITSELF % ("parent", "child")
    workspace.deploy(calls)
    workspace.delete("tests.child")
    run = workspace.run("tests.parent")
    assert run.state is State.FAILED
    assert run.error is not None
    assert str(run.error["message"]).startswith("Unable to find flow 'tests'.'child'")
