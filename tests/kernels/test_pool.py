"""Stock kernels that wait: of Python where it isn't forked, and of other languages."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowbook.elected import Seat
from flowbook.kernels import pool as pools
from flowbook.kernels.pool import Pool
from flowbook.kernels.run import run
from flowbook.kernels.stock import find_spec
from flowbook.kernels.terms import NotebookResult
from flowbook.kernels.warm import Warm

from .conftest import Runner, copy_of, environment
from .processes import eventually

pytestmark = pytest.mark.anyio
BASH = {"kernelspec": {"name": "bash", "display_name": "Bash", "language": "bash"}}


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with tempfile.TemporaryDirectory(prefix="fbp-") as folder:  # short, for the sockets' paths
        warm = Warm(Seat(Path(folder), "kernels"), idle=60, fork=False)
        assert asyncio.run(asyncio.wait_for(warm.warm(environment()), 60)) == pools.AHEAD
        yield warm
        asyncio.run(warm.end())


class PoolRunner(Runner):
    """Runs notebooks in the keeper's kernels, and knows whether the last one had waited."""

    warm: Warm
    waited = False

    async def __call__(self, *cells: Any, **options: Any) -> NotebookResult:
        task = self.task(*cells, **options)
        return await asyncio.wait_for(run(task, self.hear, kernels=self), 60)

    async def take(self, *arguments: Any, **options: Any) -> Any:
        held = await self.warm.listed()
        assert held is not None
        waiting = [child.pid for child in psutil.Process(held["pid"]).children()]
        kernel = await self.warm.take(*arguments, **options)
        self.waited = kernel.pid in waiting
        return kernel


@pytest.fixture
def runner(tmp_path: Path, warm: Warm) -> PoolRunner:
    made = PoolRunner(tmp_path)
    made.warm = warm
    return made


async def ready(warm: Warm, kernel: str) -> int:
    held = await warm.listed()
    assert held is not None
    return sum(row["ready"] for row in held["pool"] if row["kernel"] == kernel)


async def until_ready(warm: Warm, kernel: str) -> None:
    async with asyncio.timeout(60):
        while not await ready(warm, kernel):
            await asyncio.sleep(0.05)


def texts(result: NotebookResult) -> list[str]:
    assert result.error is None, result.error
    cells = copy_of(result)["cells"]
    return ["".join(o.get("text", "") for o in cell["outputs"]).rstrip("\n") for cell in cells]


QUESTIONS = (
    "import os, sys, time, locmod\nprint(os.getcwd(), os.environ['FOO'], locmod.v, time.tzname[0], _dh)",
    "print(sorted(n for n in globals() if not n.startswith('_')), [n for n in globals() if 'flowb' in n])",
    "print(sorted(k for k in os.environ if k not in ('FLOWBOOK_RUN', 'JPY_PARENT_PID')))",
    "print(sys.path, len(sys.argv), sys.stdin, oct(os.umask(0o22)))",
    "print(In[1].count('\\n'), get_ipython().execution_count, sorted(n for n in sys.modules if 'flowbook' in n))",
    "import tempfile; print(tempfile.gettempdir())",
)


async def test_a_python_kernel_that_waited_is_as_one_started_now(runner: PoolRunner) -> None:
    (runner.folder / "locmod.py").write_text("v = 7")
    env = {**environment(), "FOO": "bar", "TZ": "Asia/Tokyo", "TMPDIR": str(runner.folder)}
    await until_ready(runner.warm, "python3")
    waited = texts(await runner(*QUESTIONS, env=env))
    assert runner.waited
    stock = texts(await Runner.__call__(runner, *QUESTIONS, env=env))
    assert waited == stock
    assert waited[0] == f"{runner.folder} bar 7 JST [PosixPath('{runner.folder}')]"


async def test_each_notebook_gets_another_one(runner: PoolRunner) -> None:
    seen = []
    for number in range(3):
        result = await runner(
            f"import flowbook as fb\nfb.outputs(number={number})\nold = globals().get('mark')\nmark = 1",
            "print(old)",
        )
        seen.append((texts(result)[1], result.outputs["number"].value))
    assert seen == [("None", 0), ("None", 1), ("None", 2)]


async def test_its_death_is_told_with_what_it_said_last(runner: PoolRunner) -> None:
    await until_ready(runner.warm, "python3")
    result = await runner("import os\nos.write(2, b'last words\\n')\nos.kill(os.getpid(), 9)")
    assert runner.waited
    assert result.error is not None
    assert result.error.message == (
        "The kernel died in cell 1 of 1 (signal 9: perhaps out of memory)"
    )


@pytest.mark.usefixtures("bash_kernel")
async def test_other_languages_wait_for_the_same_folder_and_environment(runner: PoolRunner) -> None:
    env = {**environment(), "FOO": "bar"}
    asks = 'echo "$PWD $FOO $x"; x=1; cat "$FLOWBOOK_RUN/inputs.json"'
    seen = []
    for _ in range(2):
        seen.append(texts(await runner(asks, env=env, metadata=BASH, inputs={"a": 1})))
        assert not runner.waited
    await until_ready(runner.warm, "bash")
    seen.append(texts(await runner(asks, env=env, metadata=BASH, inputs={"a": 1})))
    assert runner.waited
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0].startswith(f"{runner.folder} bar \n{{")
    await until_ready(runner.warm, "bash")
    await runner(asks, env={**env, "FOO": "other"}, metadata=BASH)
    assert not runner.waited


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[Pool]:
    made = Pool(tmp_path)
    yield made
    made.close()


async def order(folder: Path) -> Mapping[str, Any]:
    warm = Warm(Seat(folder, "kernels"), fork=False)
    spec = find_spec("python3")
    return await warm._order(
        spec, "python3", folder, environment(), folder / "kernel.log", ahead=True
    )


def processes(pool: Pool) -> list[psutil.Process]:
    return [
        psutil.Process(one.lease.pid) for shelf in pool._shelves.values() for one in shelf.waiting
    ]


@pytest.mark.parametrize("limit", ["SHARE", "UNUSED"])
async def test_what_waits_ends_for_want_of_memory_or_of_use(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    assert await pool.warm(await order(tmp_path)) == pools.AHEAD
    waiting = processes(pool)
    pool.tidy()
    assert pool.rows()[0]["ready"] == pools.AHEAD
    assert pool.rows()[0]["memory"] > 20 * 2**20
    monkeypatch.setattr(pools, limit, -1)
    pool.tidy()
    assert pool.rows() == []
    _, alive = await asyncio.to_thread(psutil.wait_procs, waiting, 20)
    assert alive == []
    assert list(tmp_path.glob("p-*")) == []


async def test_none_is_started_where_memory_is_short(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "available", lambda: 0)
    assert await pool.warm(await order(tmp_path)) == 0


async def test_new_packages_make_new_kernels(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await pool.warm(await order(tmp_path)) == pools.AHEAD
    before = processes(pool)
    monkeypatch.setattr(pools, "packages", lambda: (("/site", 1),))
    assert await pool.warm(await order(tmp_path)) == pools.AHEAD
    assert not set(before) & set(processes(pool))
    _, alive = await asyncio.to_thread(psutil.wait_procs, before, 20)
    assert alive == []


async def test_the_keeper_takes_them_along(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fbp-") as folder:
        warm = Warm(Seat(Path(folder), "kernels"), idle=60, fork=False)
        assert await warm.warm(environment()) == pools.AHEAD
        held = await warm.listed()
        assert held is not None
        children = psutil.Process(held["pid"]).children(recursive=True)
        assert await warm.end()
        eventually(lambda: not any(child.is_running() for child in children))
