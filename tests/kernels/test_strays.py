"""What a notebook leaves running in sessions of its own ends with its kernel, and nothing else does."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowbook.elected import Seat
from flowbook.kernels.run import Kernels, Stock, run
from flowbook.kernels.stock import find_spec
from flowbook.kernels.terms import NotebookResult
from flowbook.kernels.warm import Warm

from .conftest import Runner, environment
from .processes import eventually, marked

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="they are found by /proc"),
]
LEAVES = """
import os, subprocess, sys
def say(what, pid):
    print(what, pid, flush=True)
say("session", subprocess.Popen(["sleep", "600"], start_new_session=True).pid)
double = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True, stdout=-3).pid)"
said = subprocess.run([sys.executable, "-c", double], stdout=subprocess.PIPE, text=True)
say("daemon", said.stdout.strip())
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(writing, f"{os.getpid()}\\n".encode())
        os.closerange(0, 3)
        os.execvp("sleep", ["sleep", "600"]) if DAEMON_EXECS else __import__("time").sleep(600)
    os._exit(0)
os.wait()
say("forked", os.read(reading, 20).decode().strip())
"""


@pytest.fixture(scope="module", params=["forked", "stock", "held"])
def kernels(request: pytest.FixtureRequest) -> Iterator[Kernels]:
    """Kernels of each origin."""
    if request.param == "stock":
        yield Stock()
        return
    with tempfile.TemporaryDirectory(prefix="fbk-") as folder:
        warm = Warm(Seat(Path(folder), "kernels"), idle=60, fork=request.param == "forked")
        assert asyncio.run(asyncio.wait_for(warm.warm(environment()), 60)) == 2
        yield warm
        asyncio.run(warm.end())


class LeavingRunner(Runner):
    """Runs notebooks that leave processes behind."""

    kernels: Kernels

    async def __call__(self, *cells: Any, **options: Any) -> NotebookResult:
        task = self.task(*cells, **options)
        return await asyncio.wait_for(run(task, self.hear, kernels=self.kernels), 60)

    def left(self) -> list[psutil.Process]:
        said = next(news.text for news in reversed(self.news) if "forked" in news.text)
        pids = [int(line.split()[1]) for line in said.splitlines()]
        assert len(pids) == 3
        return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]


@pytest.fixture
def runner(tmp_path: Path, kernels: Kernels) -> LeavingRunner:
    made = LeavingRunner(tmp_path)
    made.kernels = kernels
    return made


def over(processes: list[psutil.Process]) -> bool:
    return not any(is_alive(process) for process in processes)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two questions
        return False


@pytest.mark.parametrize("execs", [True, False], ids=["programs", "copies"])
async def test_they_end_with_a_notebook_that_ended_well(runner: LeavingRunner, execs: bool) -> None:
    result = await runner(LEAVES.replace("DAEMON_EXECS", str(execs)), "print('on')")
    assert result.error is None, result.error
    left = runner.left()
    await asyncio.to_thread(eventually, lambda: over(left))


async def test_another_notebooks_go_on(runner: LeavingRunner) -> None:
    task = runner.task(
        LEAVES.replace("DAEMON_EXECS", "True"),
        "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.05)",
        name="long.ipynb",
    )
    said = asyncio.Event()
    runner.on_news = lambda news: said.set() if "forked" in news.text else None
    running = asyncio.create_task(run(task, runner.hear, kernels=runner.kernels))
    await asyncio.wait_for(said.wait(), 60)
    left = runner.left()
    other = await runner("print('short')", name="short.ipynb")
    assert other.error is None
    assert len(left) == 3
    assert all(process.is_running() for process in left)
    (runner.folder / "go").touch()
    assert (await asyncio.wait_for(running, 60)).error is None
    await asyncio.to_thread(eventually, lambda: over(left))


async def test_they_end_when_the_kernel_is_killed(runner: LeavingRunner) -> None:
    result = await runner(
        LEAVES.replace("DAEMON_EXECS", "True"), "import os\nos.kill(os.getpid(), 9)"
    )
    assert result.error is not None
    assert "signal 9" in result.error.message
    left = runner.left()
    await asyncio.to_thread(eventually, lambda: over(left))


async def test_a_workspace_opened_in_a_notebook_keeps_its_storekeeper(
    runner: LeavingRunner,
) -> None:
    place = runner.folder / "other"
    result = await runner(
        f"import flowbook as fb\nwith fb.open({str(place)!r}) as ws:\n"
        "    ws.kv('a').set('b', 1)\n"
        "    print(ws.engine.place.runtime / 'store.lock')"
    )
    assert result.error is None, result.error
    keeper = psutil.Process(int(Path(runner.news[-1].text.strip()).read_text()))
    assert keeper.is_running()
    assert not any(name == "FLOWBOOK_RUN" for name in keeper.environ())
    keeper.send_signal(signal.SIGTERM)
    await asyncio.to_thread(eventually, lambda: over([keeper]))


async def test_the_zygote_that_a_notebook_asked_for_outlives_it(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fbk-") as folder:
        warm = Warm(Seat(Path(folder), "kernels"), idle=60)
        warm.ensure()
        while await warm.listed() is None:
            await asyncio.sleep(0.05)
        try:
            env = {**environment(), "FLOWBOOK_RUN": str(tmp_path)}
            log = tmp_path / "kernel.log"
            kernel = await warm.take(
                find_spec("python3"), "python3", cwd=tmp_path, env=env, log=log
            )
            assert await asyncio.wait_for(warm.warm(environment()), 60) == 2
            forked = zygotes(folder)
            await kernel.kill()
            assert await asyncio.wait_for(warm.warm(environment()), 60) == 2
            assert zygotes(folder) == forked
        finally:
            await warm.end()


def zygotes(folder: str) -> set[int]:
    """The zygote of a keeper and its standbys."""
    return {each.pid for each in marked(folder) if "kernels.zygote" in each.command}
