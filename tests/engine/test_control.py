"""What people do to executions from Python: run parts of a flow, restart, replay, pause, mark, ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.kinds.state import State

THREE = """
id: three
namespace: tests
inputs: [{id: word, type: STRING, defaults: a}]
tasks:
  - {id: first, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs.word }}"}
  - {id: second, type: io.kestra.plugin.core.execution.Fail,
     condition: "{{ kv('fine', errorOnMissing=false) != true }}"}
  - {id: third, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.first.value }}{{ outputs.first.value }}"}
outputs: [{id: said, type: STRING, value: "{{ outputs.third.value }}"}]
errors: [{id: alarm, type: io.kestra.plugin.core.log.Log, message: "{{ error.taskId }}: {{ error.message }}"}]
"""
WAITING = """
id: waiting
namespace: tests
tasks:
  - {id: ask, type: io.kestra.plugin.core.flow.Pause, onResume: [{id: name, type: STRING}]}
  - {id: greet, type: io.kestra.plugin.core.log.Log, message: "Hello {{ outputs.ask.onResume.name }}"}
"""
SLEEPING = """
id: sleeping
namespace: tests
tasks: [{id: ask, type: io.kestra.plugin.core.flow.Sleep, duration: PT60S}]
"""
AGAIN = """
id: again
namespace: tests
tasks:
  - {id: only-once, type: io.kestra.plugin.core.execution.Fail, condition: "{{ execution.id == execution.originalId }}",
     retry: {type: constant, interval: PT0.1S, maxAttempts: 2, behavior: CREATE_NEW_EXECUTION}}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[fb.Workspace]:
    with fb.open(tmp_path, embedded=True) as opened:
        yield opened


def states(run: fb.Run) -> dict[str, str]:
    return {task_run.task_id: task_run.state.value for task_run in run.task_runs}


def test_a_failed_run_is_restarted_where_it_failed(workspace: fb.Workspace) -> None:
    run = workspace.run(THREE, {"word": "o"})
    assert states(run) == {"first": "SUCCESS", "second": "FAILED", "alarm": "SUCCESS"}
    assert run.error is not None
    assert run.error["taskId"] == "second"
    assert "second: Fail on a condition" in [line["message"] for line in run.logs()]
    workspace.kv("tests")["fine"] = True
    run.restart().wait(20)
    assert states(run) == {"first": "SUCCESS", "second": "SUCCESS", "third": "SUCCESS"}
    assert run.outputs == {"said": "oo"}
    assert [attempt["state"] for attempt in run["second"].attempts] == ["FAILED", "SUCCESS"]
    assert len(run["first"].attempts) == 1


def test_a_replay_from_a_task_keeps_what_came_before(workspace: fb.Workspace) -> None:
    run = workspace.run(THREE, {"word": "o"})
    workspace.kv("tests")["fine"] = True
    again = run.replay("second").wait(20)
    assert again.id != run.id
    assert again.parent_id == run.id
    assert again.outputs == {"said": "oo"}
    assert again["first"].start == run["first"].start
    fresh = run.replay(inputs={"word": "u"}).wait(20)
    assert fresh.outputs == {"said": "uu"}


CHAIN = """
id: chain
namespace: tests
inputs: [{id: word, type: STRING, defaults: a}]
tasks:
  - {id: first, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs.word }}"}
  - {id: each, type: io.kestra.plugin.core.flow.ForEach, values: [1, 2],
     tasks: [{id: one, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.first.value }}{{ taskrun.value }}"}]}
  - {id: last, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.one['2'].value }}!"}
outputs: [{id: said, type: STRING, value: "{{ outputs.last.value }}"}]
"""


def test_only_some_tasks_run(workspace: fb.Workspace) -> None:
    run = workspace.run(THREE, only="first")
    assert states(run) == {"first": "SUCCESS", "second": "SKIPPED", "third": "SKIPPED"}
    assert run.state is State.SUCCESS
    run = workspace.run(THREE, to="first")
    assert states(run)["second"] == "SKIPPED"


def test_recorded_outputs_stand_for_tasks_passed_over(workspace: fb.Workspace) -> None:
    whole = workspace.run(CHAIN, {"word": "o"})
    part = workspace.run(CHAIN, {"word": "u"}, only="last")
    assert states(part) == {"first": "SKIPPED", "each": "SKIPPED", "last": "SUCCESS"}
    assert part.outputs == {"said": "o2!"}
    told = [line["message"] for line in part.logs() if whole.id in line["message"]]
    assert told == [f"Not run here: outputs of 'first', 'one' are those of {whole.id}"]
    assert workspace.run(CHAIN, {"word": "i"}, from_="each").outputs == {"said": "o2!"}
    assert workspace.run(CHAIN, {"word": "i"}, only=["first", "each"]).outputs == {"said": "o2!"}
    assert workspace.run(CHAIN, only="last").outputs == {"said": "i2!"}  # parts are good runs too
    assert part.replay().wait(20).outputs == {"said": "o2!"}


def test_a_failed_run_lends_what_came_before_its_failure(workspace: fb.Workspace) -> None:
    failed = workspace.run(THREE, {"word": "o"})
    workspace.kv("tests")["fine"] = True
    part = workspace.run(THREE, from_="second")
    assert part.outputs == {"said": "oo"}
    assert any(failed.id in line["message"] for line in part.logs())


def test_a_pause_is_resumed_with_its_inputs(workspace: fb.Workspace) -> None:
    run = workspace.run(WAITING, wait=False)
    for view in run.watch():
        if view.state == "paused":
            break
    with pytest.raises(fb.InputInvalid, match="name"):
        workspace.resume(run.id)
    assert run.state is State.PAUSED
    workspace.resume(run.id, {"name": "Ada"}).wait(20)
    assert "Hello Ada" in [line["message"] for line in run.logs()]
    with pytest.raises(fb.Conflict, match="is not paused"):
        workspace.resume(run.id)


def test_who_waits_gets_the_execution_that_retries_end_with(workspace: fb.Workspace) -> None:
    run = workspace.run(AGAIN, wait=False)
    last = run.wait(20)
    assert (run.state, last.state) == (State.RETRIED, State.SUCCESS)
    assert (last.parent_id, run.last.id) == (run.id, last.id)
    assert [view.state for view in run.watch()][-1] == "success"
    assert workspace.run(AGAIN).state is State.SUCCESS


def test_a_kill_that_comes_with_the_start_ends_it(workspace: fb.Workspace) -> None:
    engine = workspace.engine

    async def killed_at_once() -> str:
        run_id = await engine.run(SLEEPING)
        await engine.kill(run_id)
        return await engine.wait(run_id, 20)

    run = workspace.execution(workspace.portal.call(killed_at_once()))
    assert states(run) == {"ask": "KILLED"}


def test_a_marked_task_run_lets_the_flow_go_on(workspace: fb.Workspace) -> None:
    run = workspace.run(THREE)
    workspace.change_status(run.id, "second", "success")
    run.wait(20)
    assert run.state is State.SUCCESS
    assert run.outputs == {"said": "aa"}


def test_an_expression_is_evaluated_in_an_execution(workspace: fb.Workspace) -> None:
    run = workspace.run(THREE, {"word": "o"})
    assert run.eval("outputs.first.value ~ '!'") == "o!"
    assert run.eval("{{ task.id }}", task="first") == "first"
    with pytest.raises(fb.ExpressionError, match="nothing"):
        run.eval("{{ outputs.nothing }}")


def near(workspace: fb.Workspace, name: str, revision: int | None = None) -> fb.Run:
    workspace.deploy(THREE.replace("id: three", "id: misspelt", 1))
    return workspace.run(name, revision=revision)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda ws: ws.run("tests.nowhere"), "Unable to find flow 'tests'.'nowhere'"),
        (lambda ws: ws.run("nodots"), "write it as namespace.id"),
        (lambda ws: ws.run(THREE, {"wrd": "x"}), "has no input 'wrd'\n    Did you mean 'word'"),
        (lambda ws: ws.run(THREE, only="frist"), "did you mean 'first'"),
        (lambda ws: ws.run(THREE, from_="third", to="first"), "'first' comes first"),
        (
            lambda ws: ws.run(THREE, only="third"),
            "'third' reads outputs of 'first', which would not run, and nothing is recorded",
        ),
        (lambda ws: ws.run(THREE, labels={"system.x": "1"}), "offending label: system.x"),
        (lambda ws: ws.execution("0000"), "There is no execution '0000'"),
        (lambda ws: ws.run(THREE).replay("fourth"), "has no task run 'fourth'"),
        (lambda ws: ws.run(THREE, only="first").restart(), "No task found to restart"),
        (lambda ws: near(ws, "tests.misspeld"), "'misspeld'\n    Did you mean 'tests.misspelt'?"),
        (lambda ws: near(ws, "tests.misspelt", 9), "with revision '9'\n    It has 1."),
        (lambda ws: ws.kill(ws.run(THREE).id), "already finished"),
        (lambda ws: ws.run(Path("no/such.yaml")), "can't be read"),
    ],
)
def test_wrong_input_is_one_clear_message(workspace: fb.Workspace, wrong, message: str) -> None:
    with pytest.raises(fb.FlowbookError, match=message.replace("(", r"\(")):
        wrong(workspace)


def test_no_module_hides_a_public_name() -> None:
    from flowbook import _PUBLIC, _RUNNING

    folder = Path(fb.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} | {
        path.name for path in folder.iterdir() if path.is_dir()
    }
    assert not modules & {*_PUBLIC, *_RUNNING}


def test_an_execution_that_is_over_may_be_claimed_and_waited_for(workspace: fb.Workspace) -> None:
    run = workspace.run(THREE)
    engine = workspace.engine

    workspace.portal.call(engine.adoption.take_over(run.id))

    assert run.wait(30).state is State.FAILED
    assert run.id not in engine.drivers
