"""Fix the failed cell and go on, from Python: what a notebook's kernel does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.errors import Conflict, NotFound, Unconfirmed
from flowbook.kinds.state import State
from weekly import FIXED, fix, source_of


@pytest.fixture
def ws(folder: Path) -> Iterator[fb.Workspace]:
    with fb.open(folder) as ws:
        yield ws
        ws.portal.call(ws.engine.continuing.warm.end())


@pytest.fixture
def failed(ws: fb.Workspace, folder: Path) -> fb.Run:
    run = ws.run(folder / "flow.yaml", timeout=120)
    assert run.state is State.FAILED
    return run


def states_of_cells(run: fb.Run, attempt: int) -> dict[int, str]:
    rows = run.workspace.portal.call(run.workspace.engine.history.cells(run.id))
    report = run["report"].id
    found = [row for row in rows if row["task_run_id"] == report and row["attempt"] == attempt]
    return {row["cell"]: row["state"] for row in found}


def test_variables_fixed_cell_and_the_rest_of_the_flow(failed: fb.Run, folder: Path) -> None:
    assert failed.error is not None
    assert failed.error["message"] == "Cell 9 of 12 failed: ZeroDivisionError: division by zero"
    assert [run.task_id for run in failed.task_runs] == ["prepare", "report", "notify"]
    kernel = failed["report"].kernel
    assert kernel.value("n") == 0
    assert {row["name"]: row["size"] for row in kernel.variables()}["table"] == "3 × 2"
    assert kernel.execute("words").text == "['a', 'b']\n"
    kernel.execute("n = 4")
    fix(failed["report"].open())
    with pytest.raises(Unconfirmed, match=r"notify \(errors\)"):
        failed.restart(continue_from=9)

    failed.restart(continue_from=9, confirm=True).wait(120)

    assert failed.state is State.SUCCESS, failed.error
    assert (folder / "runs.txt").read_text() == "report\n"
    assert (folder / "published.txt").read_text() == "once\n"
    assert [run.task_id for run in failed.task_runs] == ["prepare", "report", "publish"]
    report = failed["report"]
    copied = dict.fromkeys(range(1, 9), "COPIED")
    assert states_of_cells(failed, 2) == copied | dict.fromkeys(range(9, 13), "DONE")
    assert dict(report.outputs)["cells"] == {"total": 12, "done": 12, "failed": 0}
    assert (report.outputs["early"], report.outputs["share"]) == (1, 0.25)
    first, second = report.attempts
    assert first["rendered"] is None
    kept = second["rendered"]
    assert (kept["continues"], kept["cell"]) == (1, 9)
    [edit] = kept["edits"]
    assert edit == {"cell": 9, "id": "cell-9", "before": "share = 1 / n", "after": FIXED}
    steps = [state for state, _ in report.history]
    assert steps[-4:] == [State.FAILED, State.RESTARTED, State.RUNNING, State.SUCCESS]
    copy = json.loads(report.path("notebook").read_text())
    assert [cell["id"] for cell in copy["cells"]] == [f"cell-{n}" for n in range(1, 13)]
    assert "".join(copy["cells"][5]["outputs"][0]["text"]) == "six\n"
    assert copy["metadata"]["flowbook"]["continues"] == 1
    assert ["scratch" in line["message"] for line in failed.logs(task="report")].count(True) == 1
    with pytest.raises(NotFound):
        report.kernel.value("n")

    with pytest.raises(Conflict, match="Task 'report' can't be continued: it is SUCCESS"):
        failed.restart(continue_from=9)


def test_the_fix_is_written_back_unless_the_cell_changed(failed: fb.Run, folder: Path) -> None:
    failed["report"].edit(9, FIXED)
    failed.restart(continue_from=9, confirm=True).wait(120)
    assert failed.state is State.SUCCESS, failed.error
    source = folder / "report.ipynb"
    before = source.read_text()
    changed = before.replace("share = 1 / n", "share = 2 / n")
    source.write_text(changed)
    with pytest.raises(Conflict) as conflict:
        failed["report"].apply()
    assert "share = 2 / n" in str(conflict.value)
    assert FIXED in str(conflict.value)
    assert source.read_text() == changed

    source.write_text(before)
    applied = failed["report"].apply()
    assert "-share = 1 / n\n+share = 1 / max(n, 1)" in applied.diff
    assert source_of(folder, 9) == FIXED
    assert source.read_text() == before.replace("share = 1 / n", FIXED)
    failed["report"].apply()


def test_when_the_kernel_is_gone_it_begins_anew_and_says_so(failed: fb.Run, folder: Path) -> None:
    fix(failed["report"].open())
    failed["report"].kernel.end()
    with pytest.raises(NotFound, match="The kernel of 'report' is gone: somebody ended it"):
        failed["report"].kernel.value("n")
    failed.restart(continue_from=9, confirm=True).wait(120)
    assert failed.state is State.SUCCESS, failed.error
    assert (folder / "runs.txt").read_text() == "report\n" * 2
    said = [line["message"] for line in failed.logs("WARN", "report")]
    assert "The parked kernel is gone: cells 1 to 8 are run again" in said
    assert failed["report"].outputs["share"] == 1


@pytest.mark.parametrize("opened", [False, True], ids=["no-copy", "a-copy-without-edits"])
def test_the_fix_may_be_in_the_source(failed: fb.Run, folder: Path, opened: bool) -> None:
    if opened:
        failed["report"].open()
    source = folder / "report.ipynb"
    source.write_text(source.read_text().replace("share = 1 / n", FIXED))
    failed.restart(continue_from=9, confirm=True).wait(120)
    assert failed.state is State.SUCCESS, failed.error
    assert (folder / "runs.txt").read_text() == "report\n"


def test_it_may_fail_again_and_go_on_again(failed: fb.Run, folder: Path) -> None:
    failed["report"].edit(9, FIXED)
    failed["report"].edit(10, "open('runs.txt', 'a').write('ten\\n'); 1 / 0")
    failed.restart(continue_from=9, confirm=True).wait(120)
    assert failed.error is not None
    assert failed.error["message"].startswith("Cell 10 of 12 failed")
    assert failed["report"].kernel.value("share") == 1
    failed["report"].edit(10, "print('ten')")
    with pytest.raises(Conflict, match="Cell 10 failed"):
        failed.restart(continue_from=11, confirm=True)
    failed.restart(continue_from=10, confirm=True).wait(120)
    assert failed.state is State.SUCCESS, failed.error
    assert (folder / "runs.txt").read_text() == "report\nten\n"
    edits = {edit["cell"]: edit["before"] for edit in failed["report"].edits}
    assert edits == {9: "share = 1 / n", 10: "print('ten', share)"}
    assert [
        one["rendered"] and one["rendered"]["continues"] for one in failed["report"].attempts
    ] == [
        None,
        1,
        2,
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"task": "prepare"}, "Task 'prepare' can't be continued: it is SUCCESS"),
        ({"task": "notify"}, "Task 'notify' can't be continued: it is no notebook"),
        ({"continue_from": 13}, "The notebook has no cell 13: its cells are 1 to 12"),
        ({"continue_from": 10}, "Cell 9 failed: go on from it, or from an earlier one"),
    ],
)
def test_refusals(failed: fb.Run, options: dict[str, object], said: str) -> None:
    with pytest.raises((Conflict, NotFound)) as refused:
        failed.restart(**({"continue_from": 9, "confirm": True} | options))
    assert str(refused.value) == said
    assert failed.state is State.FAILED


def test_a_notebook_that_ended_well_is_not_opened(failed: fb.Run, folder: Path) -> None:
    before = set(folder.rglob("*.ipynb"))
    with pytest.raises(
        NotFound, match="'prepare' has no parked kernel and can't be continued: it is SUCCESS"
    ):
        failed["prepare"].open()
    assert set(folder.rglob("*.ipynb")) == before
