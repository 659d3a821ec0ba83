"""The engine with tasks that do nothing, everything durable, beside a bare loop with durable history.

Budgets, a task: fan-out ≤ 100 µs, the same at 10,000 (floor 19; Prefect 3.8: 5,200, Dagster: 42,000);
chain with a commit a task ≤ 1.2 ms (a commit 0.9 and a socket 0.3; Prefect 18, Dagster 64); beside a
thread that spins in Python ≤ 150 µs. What has no budget is flat: an execution costs the same in a queue of 100
and of 1,000, an iteration of a Loop the same among 1,000 and 10,000.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import probe_part
from flowbook.engine.workspace import Workspace
from flowbook.flows.model import Flow
from flowbook.flows.parse import parse
from flowbook.kinds.find import index

from .floors import Log, bare

NUMBERS = itertools.count()
Row = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def probes() -> Iterator[None]:
    index()["types"]["task"]["Probe"] = "probe_part"
    probe_part.SCRIPT.clear()
    yield
    del index()["types"]["task"]["Probe"]


class Stage:
    """A workspace as a kernel opens it, with its own storekeeper, on a loop of this thread."""

    def __init__(self, runner: asyncio.Runner, workspace: Workspace) -> None:
        self._runner, self._workspace = runner, workspace

    def deployed(self, text: str) -> tuple[Flow, int]:
        flow = parse(text)
        return flow, self._runner.run(self._workspace.flows.save(flow, draft=False))

    def run(self, flow: Flow, revision: int) -> None:
        self._runner.run(asyncio.wait_for(self._run(flow, revision), 120))

    def queue(self, flow: Flow, revision: int, count: int) -> None:
        self._runner.run(asyncio.wait_for(self._queue(flow, revision, count), 600))

    async def _queue(self, flow: Flow, revision: int, count: int) -> None:
        start, wait = self._workspace.start, self._workspace.wait
        ids = [await start(flow, revision, inputs={}) for _ in range(count)]
        await asyncio.gather(*map(wait, ids))
        rows = await self._workspace.history.executions(flow_id=flow.id, limit=2 * count)
        assert [row["state"] for row in rows].count("SUCCESS") >= count

    async def _run(self, flow: Flow, revision: int) -> None:
        id = await self._workspace.start(flow, revision, inputs={})
        await self._workspace.wait(id)
        row = await self._workspace.history.row(id)
        assert row["state"] == "SUCCESS"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        folder = Path(tempfile.mkdtemp(prefix="fbb-"))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "run"))
        patch.setenv("JUPYTER_CONFIG_DIR", str(folder / "config"))
        workspace = runner.run(Workspace.open(folder / "workspace", kind="kernel"))
        yield Stage(runner, workspace)
        runner.run(workspace.close())
        shutil.rmtree(folder, ignore_errors=True)


def flow(kind: str, count: int) -> str:
    """A flow of so many tasks that do nothing."""
    head = f"id: {kind}-{count}-{next(NUMBERS)}\nnamespace: bench\ntasks:\n"
    match kind:
        case "chain":
            tasks = "".join(f"  - {{id: t{n}, type: Probe}}\n" for n in range(count))
        case "fan-out":
            tasks = "  - id: fan\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n"
            tasks += "".join(f"      - {{id: t{n}, type: Probe}}\n" for n in range(count))
        case "queue":
            tasks = "  - {id: t, type: Probe}\nconcurrency: {limit: 1}\n"
        case "loop":
            tasks = (
                "  - id: each\n    type: io.kestra.plugin.core.flow.Loop\n"
                f'    values: "{{{{ range(1, {count}) }}}}"\n    concurrencyLimit: 0\n'
                "    tasks: [{id: t, type: Probe}]\n"
            )
        case _:
            tasks = (
                "  - id: each\n    type: io.kestra.plugin.core.flow.ForEach\n"
                f'    values: "{{{{ range(1, {count}) }}}}"\n    concurrencyLimit: 0\n'
                "    tasks: [{id: t, type: Probe}]\n"
            )
    return head + tasks


def measured(row: Row, stage: Stage, kind: str, count: int, rounds: int, **told: Any) -> None:
    saved = stage.deployed(flow(kind, count))
    row(*told.pop("under"), per=count, **told).pedantic(
        stage.run, saved, rounds=rounds, warmup_rounds=1 if rounds > 2 else 0
    )


def floor(row: Row, group: str, name: str, kind: str, count: int, folder: Path) -> None:
    tasks = {n: [n - 1] if kind == "chain" and n else [] for n in range(count)}

    def run(log: Log) -> None:
        asyncio.run(bare(log, tasks))

    logs: list[Log] = []

    def fresh() -> tuple[tuple[Log], dict[str, Any]]:
        logs.append(Log(folder / f"{len(logs)}.duckdb"))
        return (logs[-1],), {}

    row(group, name, per=count).pedantic(run, setup=fresh, rounds=3)
    for log in logs:
        log.close()


FAN = "fan-out, a task"
CHAIN = "chain, a commit a task"


def test_floor_of_a_fan_out(row: Row, tmp_path: Path) -> None:
    floor(row, FAN, "floor: bare loop, durable history, 1,000", "fan-out", 1000, tmp_path)


def test_fan_out_of_1000(row: Row, stage: Stage) -> None:
    under = FAN, "1,000 tasks"
    measured(row, stage, "fan-out", 1000, 5, under=under, budget="≤ 100 µs")


def test_fan_out_of_10000(row: Row, stage: Stage) -> None:
    under = FAN, "10,000 tasks"
    measured(row, stage, "fan-out", 10_000, 2, under=under, budget="as 1,000 (at most 1.3 ×)")


def test_for_each_of_10000(row: Row, stage: Stage) -> None:
    measured(row, stage, "for-each", 10_000, 2, under=(FAN, "ForEach of 10,000 values"))


def test_beside_a_kernel_that_spins(row: Row, stage: Stage) -> None:
    under = FAN, "1,000 tasks beside a thread that spins"
    with spinning():
        measured(row, stage, "fan-out", 1000, 4, under=under, budget="≤ 150 µs")


def test_floor_of_a_chain(row: Row, tmp_path: Path) -> None:
    floor(row, CHAIN, "floor: bare loop, durable history, 300", "chain", 300, tmp_path)


def test_chain_of_1000(row: Row, stage: Stage) -> None:
    under = CHAIN, "1,000 tasks"
    measured(row, stage, "chain", 1000, 2, under=under, budget="≤ 1.2 ms")


QUEUE = "executions that queue for one slot, an execution"
LOOP = "Loop, an iteration"


@pytest.mark.parametrize("count", [100, 1000])
def test_a_queue(row: Row, stage: Stage, count: int) -> None:
    saved = stage.deployed(flow("queue", count))
    bench = row(QUEUE, f"{count:,} executions", per=count, budget="flat")
    bench.pedantic(stage.queue, (*saved, count), rounds=1)


@pytest.mark.parametrize("count", [1000, 10_000])
def test_a_loop(row: Row, stage: Stage, count: int) -> None:
    measured(row, stage, "loop", count, 2, under=(LOOP, f"{count:,} iterations"), budget="flat")


@contextmanager
def spinning() -> Iterator[None]:
    """A thread that computes in Python, as a user's cell does."""
    over = threading.Event()

    def spin() -> None:
        number = 0
        while not over.is_set():
            for _ in range(1000):
                number += 1

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
