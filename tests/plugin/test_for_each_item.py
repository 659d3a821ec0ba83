"""A flow for every batch of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import flowbook as fb

CORE = "io.kestra.plugin.core"
CHILD = f"""
id: rows
namespace: tests
inputs:
  - {{id: file, type: STRING}}
  - {{id: number, type: INT}}
  - {{id: bad, type: INT, defaults: -1}}
tasks:
  - {{id: text, type: {CORE}.debug.Return, format: "{{{{ read(inputs.file) | trim }}}}"}}
  - id: check
    type: {CORE}.execution.Fail
    condition: "{{{{ inputs.number == inputs.bad and kv('fail', errorOnMissing=false) == 'yes' }}}}"
outputs:
  - {{id: text, type: STRING, value: "{{{{ outputs.text.value }}}}"}}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with fb.open(tmp_path_factory.mktemp("items"), embedded=True) as workspace:
        workspace.deploy(CHILD)
        yield workspace


def flow(name: str, content: str = "a\nb\nc\n", bad: int = -1, **more: Any) -> dict[str, Any]:
    file = {"id": "file", "type": f"{CORE}.storage.Write", "content": content}
    each = {
        "id": "each",
        "type": f"{CORE}.flow.ForEachItem",
        "items": "{{ outputs.file.uri }}",
        "namespace": "tests",
        "flowId": "rows",
        "inputs": {
            "file": "{{ taskrun.items }}",
            "number": "{{ taskrun.iteration }}",
            "bad": bad,
        },
    }
    return {"id": name, "namespace": "tests", "tasks": [file, {**each, **more}]}


def states(run: Any) -> list[tuple[str, str, int]]:
    return [(one.task_id, str(one.state), len(one.attempts)) for one in run.task_runs][1:]


def test_each_row_has_its_execution_and_outputs_are_merged(workspace: Any) -> None:
    wanted = flow("each-row")
    read = "{{ read(outputs.each_merge.subflowOutputs) }}"
    wanted["tasks"].append({"id": "read", "type": f"{CORE}.debug.Return", "format": read})
    run = workspace.run(wanted)
    assert run.state == "SUCCESS", run.error
    assert states(run)[:4] == [
        ("each", "SUCCESS", 0),
        ("each_split", "SUCCESS", 1),
        ("each_items", "SUCCESS", 1),
        ("each_merge", "SUCCESS", 1),
    ]
    items = run["each_items"].outputs
    assert items["numberOfBatches"] == 3
    assert items["iterations"] == {"CREATED": 0, "RUNNING": 0, "SUCCESS": 3}
    lines = run["read"].outputs["value"].splitlines()
    assert [json.loads(line) for line in lines] == [{"text": one} for one in "abc"]


def test_batches_of_two(workspace: Any) -> None:
    run = workspace.run(flow("by-two", batch={"rows": 2}))
    assert run["each_items"].outputs["numberOfBatches"] == 2


def test_an_empty_file_starts_nothing(workspace: Any) -> None:
    run = workspace.run(flow("empty", content=""))
    assert run.state == "SUCCESS", run.error
    assert not run["each_items"].outputs


def test_all_run_though_one_fails_and_a_restart_tries_that_one(workspace: Any) -> None:
    kv = workspace.kv("tests")
    kv.set("fail", "yes")
    run = workspace.run(flow("one-bad", bad=1))
    assert run.state == "FAILED"
    assert [one[:2] for one in states(run)] == [
        ("each", "FAILED"),
        ("each_split", "SUCCESS"),
        ("each_items", "FAILED"),
    ]
    assert run["each_items"].outputs["iterations"] == {
        "CREATED": 0,
        "RUNNING": 0,
        "SUCCESS": 2,
        "FAILED": 1,
    }
    before = len(workspace.executions(flow="rows"))
    kv.set("fail", "no")
    run = workspace.restart(run.id)
    run.wait(60)
    assert run.state == "SUCCESS", run.error
    assert states(run)[2:] == [("each_items", "SUCCESS", 2), ("each_merge", "SUCCESS", 1)]
    assert run["each_items"].outputs["iterations"]["SUCCESS"] == 3
    assert len(workspace.executions(flow="rows")) == before


def test_failures_may_be_left_alone(workspace: Any) -> None:
    workspace.kv("tests").set("fail", "yes")
    run = workspace.run(flow("left-alone", bad=0, transmitFailed=False))
    assert run.state == "SUCCESS"
    assert run["each_items"].outputs["iterations"]["FAILED"] == 1


def test_without_waiting_it_ends_at_once(workspace: Any) -> None:
    run = workspace.run(flow("at-once", wait=False))
    assert run.state == "SUCCESS", run.error
    assert run["each_items"].outputs["iterations"] == {"SUCCESS": 3}


def test_what_is_no_stored_file_is_refused(workspace: Any) -> None:
    run = workspace.run(flow("no-file", items="plain.txt"))
    assert run.state == "FAILED"
    assert "this is not an internal storage URI!" in run.error["message"]


def test_a_missing_flow_fails_the_task(workspace: Any) -> None:
    run = workspace.run(flow("no-flow", flowId="nowhere"))
    assert run.state == "FAILED"
    assert run["each_items"].outputs["iterations"] == {"CREATED": 0, "RUNNING": 0, "FAILED": 3}


def test_each_batch_may_name_its_own_flow(workspace: Any) -> None:
    other = CHILD.replace("id: rows", "id: other").replace("| trim", "| trim | upper")
    workspace.deploy(other)
    picked = "{{ 'other' if read(taskrun.items) | trim == 'b' else 'rows' }}"
    run = workspace.run(flow("own-flow", flowId=picked))
    assert run.state == "SUCCESS"
    merged = run.eval("{{ read(outputs.each_merge.subflowOutputs) }}").splitlines()
    assert [json.loads(line)["text"] for line in merged] == ["a", "B", "c"]
