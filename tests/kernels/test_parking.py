"""Parked kernels: they outlive their host, and end with their time, for want of room, or when told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowbook.elected import Seat
from flowbook.kernels import parked
from flowbook.kernels.run import run
from flowbook.kernels.terms import Continues, NotebookResult, Parking
from flowbook.kernels.warm import Warm

from .conftest import PACKAGE, Runner, copy_of, environment

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]
GIB = 2**30


@pytest.fixture
async def warm() -> AsyncIterator[Warm]:
    with tempfile.TemporaryDirectory(prefix="fbk-") as folder:
        warm = Warm(Seat(Path(folder), "kernels"), idle=60, fork=False)
        yield warm
        await warm.end()


class ParkingRunner(Runner):
    """Runs notebooks whose kernels are parked when they fail."""

    warm: Warm
    limits: Mapping[str, Any] = {"ttl": 600, "count": 8, "bytes": 64 * GIB}

    def parking(self, key: str) -> Parking:
        self.told: list[Any] = []
        self.resumed: list[Any] = []

        def told(answer: Any, release: Any) -> None:
            self.told.append(answer)
            release()

        return Parking(
            always=False,
            order={"key": key, "about": {"task": key}, **self.limits},
            is_timeout=lambda: False,
            folders=list,
            told=told,
        )

    async def fail(self, *cells: Any, key: str = "train", **options: Any) -> NotebookResult:
        task = self.task(*cells, **options)
        return await self.carry(replace(task, parking=self.parking(key)))

    async def carry(self, task: Any) -> NotebookResult:
        return await asyncio.wait_for(run(task, self.hear, kernels=self.warm), 60)

    async def go_on(self, result: NotebookResult, cell: int, key: str = "train") -> NotebookResult:
        self.number += 1
        out = self.folder / f"run-{self.number}"
        out.mkdir(mode=0o700)
        parking = self.parking(key)
        ended = await self.carry(
            replace(
                self.task(""),
                notebook=result.executed,
                out_dir=out,
                continues=Continues(cell=cell, key=key, resumed=self.resumed.append),
                parking=parking,
            )
        )
        for release in filter(None, self.resumed):
            release()
        return ended


@pytest.fixture
def runner(tmp_path: Path, warm: Warm) -> ParkingRunner:
    made = ParkingRunner(tmp_path)
    made.warm = warm
    return made


async def gone(*pids: int) -> bool:
    async with asyncio.timeout(20):
        while any(psutil.pid_exists(pid) and _runs(pid) for pid in pids):
            await asyncio.sleep(0.05)
    return True


def _runs(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


async def found(warm: Warm, key: str = "train") -> parked.ParkedKernel:
    kernel = await parked.find(warm, key)
    assert kernel is not None
    return kernel


async def test_a_failed_notebook_leaves_its_variables(runner: ParkingRunner) -> None:
    result = await runner.fail("n = 40 + 2\nwords = ['a', 'b']", "1 / 0")
    assert result.error is not None
    assert result.error.cell == 2
    kernel = await found(runner.warm)
    assert await kernel.value("n") == 42
    shown = await kernel.execute("print('hello')\nn")
    assert shown.text == "hello\n42\n"
    names = {one["name"]: one for one in await kernel.variables()}
    assert names["n"]["type"] == "int"
    assert names["words"]["size"] == "2"
    failed = await kernel.execute("1 / 0")
    assert failed.error is not None
    assert failed.error["name"] == "ZeroDivisionError"


async def test_going_on_at_a_cell_runs_no_cell_twice(runner: ParkingRunner) -> None:
    first = await runner.fail(
        "import flowbook as fb; fb.outputs(early=1)\nn = 0",
        "open('runs.txt', 'a').write('x\\n'); print('two')",
        "m = 1 / n",
        "fb.outputs(m=m)",
    )
    assert first.error is not None
    assert first.error.cell == 3
    kernel = await found(runner.warm)
    await kernel.execute("n = 4")
    sockets = Path(kernel.connection["ip"]).parent
    assert sockets.is_dir()
    runner.news.clear()
    second = await runner.go_on(first, 3)
    assert second.error is None, second.error
    assert runner.states() == {1: "COPIED", 2: "COPIED", 3: "DONE", 4: "DONE"}
    assert {name: out.value for name, out in second.outputs.items()} == {"early": 1, "m": 0.25}
    assert second.cells == {"total": 4, "done": 4, "failed": 0}
    assert (runner.folder / "runs.txt").read_text() == "x\n"
    copy = copy_of(second)
    assert copy["cells"][1]["outputs"][0]["text"].strip() == "two"
    assert await parked.find(runner.warm, "train") is None
    assert (await runner.warm.listed() or {})["parked"] == []
    async with asyncio.timeout(20):
        while sockets.exists():
            await asyncio.sleep(0.05)


async def test_without_the_kernel_it_begins_anew(runner: ParkingRunner) -> None:
    first = await runner.fail("n = 1", "open('runs.txt', 'a').write('x\\n')", "1 / (n - 1)")
    await runner.warm.end_parked()
    again = await runner.go_on(first, 3)
    assert again.error is not None
    assert again.error.cell == 3
    assert (runner.folder / "runs.txt").read_text() == "x\nx\n"
    assert runner.resumed == [None]
    assert await (await found(runner.warm)).value("n") == 1


async def test_a_busy_kernel_is_left_alone(
    runner: ParkingRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await runner.fail("import flowbook as fb; fb.outputs(early=1); n = 1", "1 / (n - 1)")
    kernel = await found(runner.warm)
    busy = asyncio.create_task(kernel.execute("open('on', 'w')\nwhile n == 1: pass"))
    async with asyncio.timeout(30):
        while not (runner.folder / "on").exists():
            await asyncio.sleep(0.05)
    monkeypatch.setattr("flowbook.kernels.run.START_TIMEOUT", 1.0)
    second = await runner.go_on(first, 2)
    assert second.error is not None
    assert "The parked kernel is busy" in second.error.message
    assert set(second.outputs) == {"early"}
    kernel = await found(runner.warm)
    await kernel.interrupt()
    assert (await busy).error is not None
    monkeypatch.undo()
    await kernel.execute("n = 3")
    third = await runner.go_on(second, 2)
    assert third.error is None, third.error
    assert set(third.outputs) == {"early"}


async def test_the_oldest_make_room(runner: ParkingRunner) -> None:
    runner.limits = {**runner.limits, "count": 2}
    for key in ("a", "b", "c"):
        await runner.fail("1 / 0", key=key)
    [answer] = runner.told
    assert [one["key"] for one in answer["ended"]] == ["a"]
    assert answer["ended"][0]["reason"] == "count"
    listed = await runner.warm.listed() or {}
    assert [one["key"] for one in listed["parked"]] == ["b", "c"]
    assert (await runner.warm.parked("a") or {})["gone"]["reason"] == "count"


async def test_memory_is_a_budget_too(runner: ParkingRunner) -> None:
    await runner.fail("1 / 0", key="small")
    usual = runner.told[0]["parked"]["memory"]
    runner.limits = {**runner.limits, "bytes": 1.5 * usual + 200 * 2**20}
    await runner.fail("big = bytearray(b'x') * (200 * 2**20)", "1 / 0", key="big")
    [answer] = runner.told
    assert [(one["key"], one["reason"]) for one in answer["ended"]] == [("small", "memory")]
    assert answer["kept"]


async def test_none_outlives_its_time(runner: ParkingRunner) -> None:
    runner.limits = {**runner.limits, "ttl": 0.5}
    await runner.fail("import os; pid = os.getpid()", "1 / 0")
    pid = runner.told[0]["parked"]["pid"]
    assert await gone(pid)
    assert (await runner.warm.parked("train") or {})["gone"]["reason"] == "time"
    assert (await runner.warm.listed() or {})["parked"] == []
    assert not list((runner.warm._seat.folder / "parked").glob("*.json"))


async def test_a_newer_one_takes_the_place_of_the_same_task_run(runner: ParkingRunner) -> None:
    await runner.fail("x = 1", "1 / 0")
    first = runner.told[0]["parked"]["pid"]
    await runner.fail("x = 2", "1 / 0")
    assert await gone(first)
    assert await (await found(runner.warm)).value("x") == 2


async def test_nothing_is_left_when_the_keeper_is_killed(runner: ParkingRunner) -> None:
    cells = ("import subprocess; child = subprocess.Popen(['sleep', '600']).pid", "1 / 0")
    await runner.fail(*cells)
    child = await (await found(runner.warm)).value("child")
    keeper = (await runner.warm.listed() or {})["pid"]
    pid = runner.told[0]["parked"]["pid"]
    os.kill(keeper, signal.SIGKILL)
    assert await gone(keeper, pid)
    assert await parked.find(runner.warm, "train") is None
    await runner.fail("1 / 0")  # starts the next keeper, which ends what is left of the first
    assert await gone(child)


async def test_a_parked_kernel_outlives_its_host(tmp_path: Path, warm: Warm) -> None:
    """The host is another process, and it is killed once the kernel is parked."""
    code = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from flowbook.elected import Seat
from flowbook.kernels.warm import Warm
from tests.kernels.test_parking import ParkingRunner
async def main():
    runner = ParkingRunner(Path({str(tmp_path)!r}))
    runner.warm = Warm(Seat(Path({str(warm._seat.folder)!r}), "kernels"), idle=60)
    await runner.fail("n = 7", "1 / 0")
    print(runner.told[0]["parked"]["pid"], flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    host = subprocess.Popen(  # noqa: ASYNC220 - it only forks
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**environment(), "PYTHONPATH": str(PACKAGE)},
    )
    assert host.stdout is not None
    pid = int(await asyncio.to_thread(host.stdout.readline))
    host.kill()
    await asyncio.to_thread(host.wait)
    assert await (await found(warm)).value("n") == 7
    assert await warm.end()
    assert await gone(pid)


async def test_the_connection_file_is_one_that_jupyter_opens(runner: ParkingRunner) -> None:
    from jupyter_client.blocking.client import BlockingKernelClient

    await runner.fail("n = 5", "1 / 0")
    kernel = await found(runner.warm)
    assert json.loads(kernel.file.read_text())["kernel_name"] == "python3"

    def ask() -> Any:
        client = BlockingKernelClient()
        client.load_connection_file(str(kernel.file))
        client.start_channels()
        client.wait_for_ready(timeout=30)
        reply = client.execute("", user_expressions={"n": "n"}, reply=True, timeout=30)
        client.stop_channels()
        return reply["content"]["user_expressions"]["n"]["data"]["text/plain"]

    assert await asyncio.to_thread(ask) == "5"


async def test_forked_kernels_are_parked_too(tmp_path: Path) -> None:
    """They are the zygote's; a killed keeper leaves nothing of them."""
    with tempfile.TemporaryDirectory(prefix="fbk-") as folder:
        warm = Warm(Seat(Path(folder), "kernels"), idle=60)
        assert await asyncio.wait_for(warm.warm(environment()), 60)
        runner = ParkingRunner(tmp_path)
        runner.warm = warm
        first = await runner.fail("n = 0", "open('runs.txt', 'a').write('x')", "1 / n")
        keeper = (await warm.listed() or {})["pid"]
        [row] = (await warm.listed() or {})["parked"]
        assert psutil.Process(row["pid"]).parent().pid != keeper  # the zygote's
        await (await found(warm)).execute("n = 1")
        second = await runner.go_on(first, 3)
        assert second.error is None
        assert (tmp_path / "runs.txt").read_text() == "x"
        await runner.fail("import subprocess; subprocess.Popen(['sleep', '600'])", "1 / 0")
        pid = runner.told[0]["parked"]["pid"]
        below = [one.pid for one in psutil.Process(pid).children(recursive=True)]
        assert below
        os.kill(keeper, signal.SIGKILL)
        assert await gone(keeper, pid, *below)


async def test_the_keeper_stays_as_long_as_one_is_parked(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fbk-") as folder:
        runner = ParkingRunner(tmp_path)
        runner.warm = Warm(Seat(Path(folder), "kernels"), idle=2, fork=False)
        runner.limits = {**runner.limits, "ttl": 6.0}
        await runner.fail("1 / 0")
        keeper = (await runner.warm.listed() or {})["pid"]
        assert await gone(runner.told[0]["parked"]["pid"])
        assert (await runner.warm.parked("train") or {})["gone"]["reason"] == "time"
        assert await gone(keeper)


async def test_other_languages_are_parked_and_continued(
    runner: ParkingRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = runner.folder / "share" / "kernels" / "bash"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    said = {"argv": argv, "display_name": "Bash", "language": "bash", "env": {"PS1": "$"}}
    (spec / "kernel.json").write_text(json.dumps(said))
    monkeypatch.setenv("JUPYTER_PATH", str(runner.folder / "share"))
    first = await runner.fail(
        "n=4", "echo x >> runs.txt", "test $n = 5", "echo n is $n", kernel="bash"
    )
    assert first.error is not None
    kernel = await found(runner.warm)
    assert await kernel.value("n") == "4"
    await kernel.execute("n=5")
    second = await runner.go_on(first, 3)
    assert second.error is None, second.error
    assert (runner.folder / "runs.txt").read_text() == "x\n"
