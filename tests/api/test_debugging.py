"""Looking into an execution: compared with the last good one, one of its tasks tried again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import flowbook as fb

FLOW = """
id: sales
namespace: tests
inputs:
  - {id: day, type: STRING, defaults: monday}
  - {id: rows, type: INT, defaults: 3}
  - {id: word, type: SECRET, defaults: correct-horse}
outputs:
  - {id: total, type: INT, value: "{{ outputs.load.value }}"}
tasks:
  - {id: load, type: Return, format: "{{ inputs.rows }}"}
  - {id: report, type: Return, format: "{{ inputs.day }}: {{ outputs.load.value }}"}
  - {id: password, type: Return, format: "{{ inputs.word }} {{ inputs.rows }}"}
  - {id: check, type: Fail, runIf: "{{ inputs.rows == 0 }}", errorMessage: no rows}
  - {id: last, type: Return, format: "{{ outputs.report.value | upper }}"}
"""


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[fb.Workspace]:
    with fb.open(tmp_path / "ws", embedded=True) as workspace:
        yield workspace


def test_a_failed_execution_is_compared_with_the_last_good_one(ws: fb.Workspace) -> None:
    ws.deploy(FLOW)
    ws.run("tests.sales", {"day": "sunday"})
    good = ws.run("tests.sales")
    ws.run("tests.sales", only="report")  # good, but only a part of the flow
    ws.deploy(FLOW.replace("upper", "lower"))
    bad = ws.run("tests.sales", {"rows": 0})
    ws.run("tests.sales")

    found = bad.diff()

    assert found.old.id == good.id
    changes = {(line.name, line.old, line.new) for each in found.sections for line in each.lines}
    assert ("state", "SUCCESS", "FAILED") in changes
    assert ("error", None, "no rows") in changes
    assert ("rows", "3", "0") in changes
    assert ("report.value", "monday: 3", "monday: 0") in changes
    assert ("last", "SUCCESS", None) in changes
    assert ("total", "3", "0") in changes
    assert not any(name == "day" for name, _, _ in changes)
    shown = str(found)
    assert "-  - {id: last" in shown
    assert "lower }}" in shown
    assert "correct-horse" not in shown + found._repr_html_() + repr(found.to_json())


def test_two_executions_that_say_the_same(ws: fb.Workspace) -> None:
    first, second = ws.run(FLOW), ws.run(FLOW)

    found = ws.diff(second.id, first.id)

    assert found.sections == []
    assert found.same == 5
    assert "Nothing else differs." in str(found)


def test_addresses_of_files_differ_only_by_their_execution(ws: fb.Workspace) -> None:
    flow = FLOW + "  - {id: kept, type: core.storage.Write, content: x, extension: .txt}\n"
    first, second = ws.run(flow), ws.run(flow)

    assert first["kept"].outputs["uri"] != second["kept"].outputs["uri"]
    assert not any("uri" in line.name for each in second.diff().sections for line in each.lines)


def test_what_parts_late_in_a_long_text_is_seen(ws: fb.Workspace) -> None:
    first = ws.run(FLOW, {"day": "x" * 500 + "one"})
    second = ws.run(FLOW, {"day": "x" * 500 + "two"})

    [inputs] = [each for each in second.diff(first.id).sections if each.title == "Inputs"]

    assert "one" in str(inputs.lines[0].old)
    assert "two" in str(inputs.lines[0].new)


def test_without_a_good_one_before_it_there_is_nothing_to_compare_with(ws: fb.Workspace) -> None:
    bad = ws.run(FLOW, {"rows": 0})
    ws.run(FLOW)

    with pytest.raises(fb.NotFound, match="name the one to compare with"):
        bad.diff()


def test_a_task_is_run_again_on_what_was_handed_to_it(ws: fb.Workspace) -> None:
    run = ws.run(FLOW, {"day": "sunday", "rows": 7})
    ws.run(FLOW)  # newer: its outputs are not meant

    again = run.rerun("report").wait()
    other = run.rerun("report", format="{{ outputs.load.value }} on {{ inputs.day }}").wait()

    assert [one.task_id for one in again.task_runs if one.attempts] == ["report"]
    assert again["report"].outputs["value"] == "sunday: 7"
    assert (again.revision, other.revision) == (1, 2)
    assert other["report"].outputs["value"] == "7 on sunday"
    assert other.parent_id == run.id
    assert [row["draft"] for row in ws.revisions("tests.sales")] == [True, True]


def test_properties_change_for_one_run_only(ws: fb.Workspace) -> None:
    ws.deploy(FLOW)
    run = ws.run("tests.sales")

    run.rerun("report", format="else").wait()
    run.rerun("check", runIf=None, errorMessage="meant").wait()

    assert ws.run("tests.sales")["report"].outputs["value"] == "monday: 3"
    assert ws.executions(limit=2)[1].error["message"] == "meant"  # type: ignore[index]


@pytest.mark.parametrize(
    ("task", "properties", "said"),
    [
        ("lod", {}, "did you mean 'load'"),
        ("report", {"frmat": "x"}, "Did you mean 'format'"),
        ("report", {"format": "{{ outputs.last.value }}"}, "has not brought it to a good end"),
    ],
)
def test_what_cannot_be_run_again_leaves_nothing(
    ws: fb.Workspace, task: str, properties: dict[str, str], said: str
) -> None:
    run = ws.run(FLOW, {"rows": 0})

    with pytest.raises(fb.FlowbookError) as refused:
        run.rerun(task, **properties)

    assert said in str(refused.value)
    assert len(ws.executions()) == len(ws.revisions("tests.sales")) == 1
