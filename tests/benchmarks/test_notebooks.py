"""Notebooks through warm and stock kernels, beside papermill and nbclient, in one run.

Budgets: 3 cells, 20 in turn, warm ≤ 90 ms each (papermill 713); 4 at a time on 2 cores ≤ 45 ms each
(papermill 264); first reply of a standby ≤ 20 ms (stock start 526); 50 cells × 200 kB saved as it runs
≤ 1.1 × the same unsaved (papermill 4.5 ×). The peers' figures are of an idle machine of 2 cores.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowbook.elected import Seat
from flowbook.kernels import run as running
from flowbook.kernels.client import KernelClient
from flowbook.kernels.environment import without_secrets
from flowbook.kernels.run import run
from flowbook.kernels.stock import Kernels, Stock, find_spec
from flowbook.kernels.terms import NotebookRun
from flowbook.kernels.warm import Warm, WarmKernel

PACKAGE = Path(__file__).parents[2] / "kernel_ext"
THREE = ("a = 1", "b = a + 1\nprint(b)", "[b] * 3")
PANDAS = ("import pandas as pd", "df = pd.DataFrame({'a': range(1000)})", "df.describe()")
LOUD = tuple(f"print('x' * 200_000, {number})" for number in range(50))
NUMBERS = itertools.count()


def environment() -> dict[str, str]:
    found = without_secrets(os.environ) | {"PYTHONPATH": str(PACKAGE)}
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTEST_CURRENT_TEST"):
        found.pop(name, None)
    return found


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with tempfile.TemporaryDirectory(prefix="fbk-") as folder:
        warm = Warm(Seat(Path(folder), "kernels"), idle=120)
        asyncio.run(asyncio.wait_for(warm.warm(environment()), 60))
        yield warm
        asyncio.run(warm.end())


def written(folder: Path, cells: tuple[str, ...]) -> Path:
    path = folder / "in.ipynb"
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {},
            "source": s,
            "outputs": [],
            "execution_count": None,
        }
        for n, s in enumerate(cells)
    ]
    path.write_text(
        json.dumps(
            {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": made}
        )
    )
    return path


def task(path: Path) -> NotebookRun:
    out = path.parent / f"run-{next(NUMBERS)}"
    out.mkdir(mode=0o700)
    return NotebookRun(notebook=path, out_dir=out, cwd=path.parent, env=environment())


async def one(path: Path, kernels: Kernels) -> None:
    result = await run(task(path), lambda news: None, kernels=kernels)
    assert result.error is None


def by_papermill(path: Path, engine: str | None = None) -> None:
    import papermill

    out = path.parent / f"out-{next(NUMBERS)}.ipynb"
    papermill.execute_notebook(str(path), str(out), engine_name=engine, progress_bar=False)


def by_our_engine(path: Path) -> None:
    """papermill with our engine where no keeper is."""
    import papermill

    from flowbook.hosts.papermill import FlowbookEngine

    papermill.engines.papermill_engines.register("flowbook", FlowbookEngine)
    by_papermill(path, "flowbook")


def by_nbclient(path: Path) -> None:
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    nbformat.write(notebook, path.parent / f"out-{next(NUMBERS)}.ipynb")


def timed(benchmark: Any, work: Callable[[], object], rounds: int, each: int = 1) -> None:
    benchmark.extra_info["notebooks a round"] = each
    benchmark.pedantic(work, rounds=rounds, warmup_rounds=1)


@pytest.mark.parametrize("cells", [THREE, PANDAS], ids=["three", "pandas"])
@pytest.mark.parametrize("way", ["warm", "stock", "papermill", "engine", "nbclient"])
def test_one_after_another(
    benchmark: Any,
    tmp_path: Path,
    warm: Warm,
    cells: Any,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    benchmark.group = f"notebook in turn: {'3 cells' if cells is THREE else 'pandas'}"
    path = written(tmp_path, cells)
    peers = {"papermill": by_papermill, "engine": by_our_engine, "nbclient": by_nbclient}
    if (peer := peers.get(way)) is not None:
        monkeypatch.setenv("FLOWBOOK_HOME", str(tmp_path))
        timed(benchmark, lambda: peer(path), rounds=5)
        return
    with asyncio.Runner() as runner:
        kernels: Kernels = warm if way == "warm" else Stock()
        timed(benchmark, lambda: runner.run(one(path, kernels)), rounds=20 if way == "warm" else 5)


@pytest.mark.benchmark(group="20 notebooks, 4 at a time")
@pytest.mark.parametrize("way", ["warm", "papermill", "nbclient"])
def test_four_at_a_time(benchmark: Any, tmp_path: Path, warm: Warm, way: str) -> None:
    path = written(tmp_path, THREE)
    if way != "warm":
        peer = by_papermill if way == "papermill" else by_nbclient

        def in_threads() -> None:
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda _: peer(path), range(20)))

        timed(benchmark, in_threads, rounds=1, each=20)
        return

    async def all_of_them() -> None:
        four = asyncio.Semaphore(4)

        async def bounded() -> None:
            async with four:
                await one(path, warm)

        await asyncio.gather(*(bounded() for _ in range(20)))

    with asyncio.Runner() as runner:
        timed(benchmark, lambda: runner.run(all_of_them()), rounds=3, each=20)


async def first_reply(kernels: Kernels, folder: Path) -> Any:
    spec = find_spec("python3")
    kernel = await kernels.take(spec, "python3", cwd=folder, env=environment(), log=folder / "log")
    async with KernelClient(kernel.connection) as client:
        await client.ready()
        await client.execute("1")
    return kernel


@pytest.mark.benchmark(group="first reply of a kernel")
@pytest.mark.parametrize("way", ["standby", "stock"])
def test_first_reply(benchmark: Any, tmp_path: Path, warm: Warm, way: str) -> None:
    kernels: Kernels = warm if way == "standby" else Stock()
    with asyncio.Runner() as runner:
        taken: list[Any] = []

        def make_ready() -> None:
            while taken:
                runner.run(taken.pop().kill())
            if way == "standby":
                assert runner.run(warm.warm(environment())) == 2

        def reply() -> None:
            taken.append(runner.run(first_reply(kernels, tmp_path)))

        benchmark.pedantic(reply, setup=make_ready, rounds=10 if way == "standby" else 4)
        assert all(isinstance(kernel, WarmKernel) == (way == "standby") for kernel in taken)
        make_ready()


@pytest.mark.benchmark(group="50 cells of 200 kB")
@pytest.mark.parametrize("way", ["saved", "unsaved", "papermill"])
def test_loud_cells(
    benchmark: Any, tmp_path: Path, warm: Warm, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, LOUD)
    if way == "papermill":
        timed(benchmark, lambda: by_papermill(path), rounds=3)
        return
    if way == "unsaved":
        monkeypatch.setattr("flowbook.kernels.journal.Journal.add", lambda self, entry: None)
        monkeypatch.setattr(running, "write", lambda *notebook: None)
        monkeypatch.setattr("flowbook.kernels.executed.Executed.get_ready", lambda self: None)
    with asyncio.Runner() as runner:
        timed(benchmark, lambda: runner.run(one(path, warm)), rounds=5)


@pytest.mark.benchmark(group="memory of 4 pandas kernels")
@pytest.mark.parametrize("way", ["warm", "stock"])
def test_memory(benchmark: Any, tmp_path: Path, warm: Warm, way: str) -> None:
    """USS in MiB of one kernel with pandas, as extra information."""
    psutil = pytest.importorskip("psutil")
    kernels: Kernels = warm if way == "warm" else Stock()
    folder = tmp_path

    async def four() -> float:
        if way == "warm":
            await one(written(folder, PANDAS), warm)  # learned from
            await warm.warm(environment())
        found = []
        spec = find_spec("python3")
        for _ in range(4):
            kernel: Any = await kernels.take(
                spec, "python3", cwd=folder, env=environment(), log=folder / "log"
            )
            async with KernelClient(kernel.connection) as client:
                await client.ready()
                await client.execute(
                    "import pandas as pd\npd.DataFrame({'a': range(1000)}).describe()"
                )
                found.append((kernel, psutil.Process(kernel.pid).memory_full_info().uss / 2**20))
        for kernel, _ in found:
            await kernel.kill()
        return sum(size for _, size in found) / 4

    with asyncio.Runner() as runner:
        size = benchmark.pedantic(lambda: runner.run(four()), rounds=1)
    benchmark.extra_info["MiB a kernel"] = round(size, 1)


@pytest.mark.benchmark(group="kill to last process gone")
@pytest.mark.parametrize("way", ["warm", "stock"])
@pytest.mark.parametrize("cell", ["sleeps", "spins", "deaf"])
def test_interrupt(benchmark: Any, tmp_path: Path, warm: Warm, way: str, cell: str) -> None:
    """From the kill of a running cell, which has a child, until neither it nor its kernel lives.

    A deaf cell catches interrupts: the grace of 5 s passes before its kernel is killed.
    """
    body = {
        "sleeps": "time.sleep(600)",
        "spins": "while True: pass",
        "deaf": "while True:\n    try: time.sleep(600)\n    except KeyboardInterrupt: pass",
    }[cell]
    start = "import os, subprocess, sys, time\nchild = subprocess.Popen(['sleep', '600'])"
    path = written(tmp_path, (start, f"print(os.getpid(), child.pid, flush=True)\n{body}"))
    kernels: Kernels = warm if way == "warm" else Stock()
    with asyncio.Runner() as runner:
        going: list[tuple[asyncio.Task[Any], list[int]]] = []

        async def begun() -> None:
            said: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()

            def hear(news: Any) -> None:
                if getattr(news, "cell", 0) == 2 and news.text.strip() and not said.done():
                    said.set_result([int(pid) for pid in news.text.split()])

            work = asyncio.create_task(run(task(path), hear, kernels=kernels))
            going.append((work, await asyncio.wait_for(said, 30)))

        async def killed() -> None:
            work, pids = going.pop()
            work.cancel()
            await asyncio.wait({work})
            while any(lives(pid) for pid in pids):
                await asyncio.sleep(0.001)

        rounds = 20 if cell != "deaf" else 2
        benchmark.pedantic(
            lambda: runner.run(killed()), setup=lambda: runner.run(begun()), rounds=rounds
        )
    if benchmark.stats is not None:
        times = sorted(benchmark.stats.stats.data)
        p95 = round(times[int(0.95 * (len(times) - 1))] * 1000)
        benchmark.extra_info["p95 ms"] = p95
        print(f"\nkill to last process gone, {way}, {cell}: p95 {p95} ms of {len(times)}")


def lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def test_figures_are_of_whole_notebooks(tmp_path: Path, warm: Warm) -> None:
    """What is measured has run: the copy holds all outputs."""
    asked = task(written(tmp_path, THREE))
    result = asyncio.run(run(replace(asked), lambda news: None, kernels=warm))
    assert result.cells == {"total": 3, "done": 3, "failed": 0}
    assert json.loads(result.executed.read_text())["cells"][1]["outputs"][0]["text"] == ["2\n"]
