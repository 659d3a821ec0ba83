"""Something done to many executions at once: all that are found, or none if one isn't fit for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.kinds.state import State

GATE = """
id: gate
namespace: %s
labels: {team: data}
concurrency: {limit: 2}
tasks:
  - {id: hold, type: io.kestra.plugin.core.flow.Pause}
  - {id: fine, type: io.kestra.plugin.core.execution.Fail, condition: "{{ kv('fine', errorOnMissing=false) != true }}"}
"""


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for the world, which has no event to await."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[fb.Workspace]:
    with fb.open(tmp_path, embedded=True) as opened:
        yield opened


@pytest.fixture
def three(workspace: fb.Workspace) -> list[fb.Run]:
    """Two executions that are paused, and one that waits for a slot."""
    runs = [workspace.run(GATE % "shop.orders", wait=False) for _ in range(2)]
    eventually(lambda: all(run.state is State.PAUSED for run in runs))
    runs.append(workspace.run(GATE % "shop.orders", labels={"late": "yes"}, wait=False))
    eventually(lambda: runs[2].state is State.QUEUED)
    return runs


def test_a_query_finds_what_the_action_is_for(workspace: fb.Workspace, three: list[fb.Run]) -> None:
    other = workspace.run(GATE % "shoplifting", wait=False)
    eventually(lambda: other.state is State.PAUSED)
    found = workspace.matching("resume", namespace="shop")
    assert [run.id for run in found] == [run.id for run in three[:2]]
    assert workspace.matching("unqueue", flow="shop.orders.gate", labels={"late": "no"}) == []
    assert len(workspace.matching("kill", until=datetime.now(UTC))) == 4
    assert workspace.matching("kill", since=datetime.now(UTC)) == []
    assert workspace.bulk("kill", state=["PAUSED", "QUEUED"], namespace="shop").ids == tuple(
        run.id for run in three
    )
    eventually(lambda: all(run.state is State.KILLED for run in three))
    assert other.state is State.PAUSED


def test_executions_go_through_their_life_together(
    workspace: fb.Workspace, three: list[fb.Run]
) -> None:
    workspace.bulk("unqueue")
    eventually(lambda: three[2].state is State.PAUSED)
    assert len(workspace.bulk("resume", namespace="shop").ids) == 3
    eventually(lambda: all(run.is_over for run in three))
    assert {run.state for run in three} == {State.FAILED}
    workspace.kv("shop.orders")["fine"] = True
    assert len(workspace.bulk("restart").ids) == 3
    eventually(lambda: all(run.is_over for run in three))
    assert {run.state for run in three} == {State.SUCCESS}
    workspace.bulk("labels", three[:2], to={"seen": "yes"})
    assert [run.labels.get("seen") for run in three] == ["yes", "yes", None]
    workspace.bulk("change-status", three[:1], to="WARNING")
    eventually(lambda: three[0].state is State.WARNING)
    replayed = workspace.bulk("replay", three[:2]).ids
    new = [workspace.execution(execution_id) for execution_id in replayed]
    assert [run.parent_id for run in new] == [run.id for run in three[:2]]
    eventually(lambda: all(run.state is State.PAUSED for run in new))
    workspace.bulk("force-run", new)
    eventually(lambda: all(run.is_over for run in new))


def test_nothing_is_done_if_one_is_not_fit(workspace: fb.Workspace, three: list[fb.Run]) -> None:
    with pytest.raises(fb.BulkRefused, match="Nothing was done") as refused:
        workspace.bulk("resume", [*three, "nobody"])
    assert refused.value.invalids == (
        f"'{three[2].id}' is QUEUED; resume is for PAUSED",
        "There is no execution 'nobody'",
    )
    assert three[0].state is State.PAUSED
    with pytest.raises(fb.InputInvalid, match="'end' can't be done to executions; there are: kill"):
        workspace.bulk("end")
    with pytest.raises(fb.InputInvalid, match="not both"):
        workspace.bulk("kill", three, state="QUEUED")


def test_deleted_executions_are_gone_with_their_files(
    workspace: fb.Workspace, three: list[fb.Run], tmp_path: Path
) -> None:
    with pytest.raises(fb.BulkRefused, match="is PAUSED; delete is for SUCCESS"):
        workspace.delete_execution(three[0].id)
    workspace.bulk("kill")
    eventually(lambda: all(run.is_over for run in three))
    folder = tmp_path / ".flowbook/storage/shop/orders/gate/executions" / three[0].id
    folder.mkdir(parents=True)
    (folder / "left").write_text("x")
    workspace.delete_execution(three[0].id)
    assert not folder.exists()
    with pytest.raises(fb.NotFound):
        workspace.execution(three[0].id)
    assert len(workspace.bulk("delete", namespace="shop").ids) == 2
    assert workspace.executions() == []
    assert workspace.sql("select * from events where kind = 'created'").fetchall() == []
