"""Forked kernels: as fresh as a stock one, and gone with whoever holds them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowbook.elected import Seat
from flowbook.kernels.notebook import Document
from flowbook.kernels.run import run
from flowbook.kernels.stock import find_spec
from flowbook.kernels.terms import NotebookResult
from flowbook.kernels.warm import Warm, WarmKernel, can_fork

from .conftest import PACKAGE, Runner, copy_of, environment

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only"),
]


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with tempfile.TemporaryDirectory(
        prefix="fbk-"
    ) as folder:  # short: a socket's path has 107 bytes
        warm = Warm(Seat(Path(folder), "kernels"), idle=60)
        assert asyncio.run(asyncio.wait_for(warm.warm(environment()), 60)) == 2
        yield warm
        asyncio.run(warm.end())


class WarmRunner(Runner):
    """Runs notebooks in forked kernels only."""

    warm: Warm

    async def __call__(self, *cells: Any, **options: Any) -> NotebookResult:
        task = self.task(*cells, **options)
        result = await asyncio.wait_for(run(task, self.hear, kernels=self), 60)
        assert isinstance(self.kernel, WarmKernel)
        return result

    async def take(self, *arguments: Any, **options: Any) -> Any:
        self.kernel = await self.warm.take(*arguments, **options)
        return self.kernel


@pytest.fixture
def runner(tmp_path: Path, warm: Warm) -> WarmRunner:
    made = WarmRunner(tmp_path)
    made.warm = warm
    return made


def texts(result: NotebookResult) -> list[str]:
    assert result.error is None, result.error
    copy: Document = copy_of(result)
    return [
        "".join(o.get("text", "") for o in cell["outputs"]).rstrip("\n") for cell in copy["cells"]
    ]


async def test_folder_environment_and_zone(runner: WarmRunner) -> None:
    (runner.folder / "locmod.py").write_text("v = 7")
    env = {**environment(), "FOO": "bar", "TZ": "Asia/Tokyo"}
    found = texts(
        await runner(
            "import os, time, locmod\nprint(os.getcwd(), os.environ['FOO'], locmod.v, time.tzname[0])",
            "import subprocess\nprint(subprocess.check_output('echo $FOO $TZ', shell=True).decode())",
            "!echo shell",
            "os.system('echo system')",
            f"print(sorted(set(os.environ) - set({sorted(env)!r})))",
            "import sys; print(__name__, sys.argv[0].endswith('ipykernel_launcher.py'), len(sys.path) == len(set(sys.path)))",
            "print(oct(os.umask(0o22)), open('/dev/stdin').read() == '')",
            env=env,
        )
    )
    assert found[0] == f"{runner.folder} bar 7 JST"
    assert [line.strip() for line in found[1:3]] == ["bar Asia/Tokyo", "shell"]
    assert found[3] == "system"
    known = {"FLOWBOOK_RUN", "MPLBACKEND", "PYDEVD_USE_FRAME_EVAL"}
    assert set(eval(found[4])) <= known | {
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "FORCE_COLOR",
        "GIT_PAGER",
        "PAGER",
        "TERM",
    }
    assert found[5] == "__main__ True True"


async def test_what_stock_kernels_say_forked_ones_say(runner: WarmRunner) -> None:
    """The same questions to both: names, streams, handlers, threads' count aside."""
    cells = (
        "import sys, os, signal, threading, atexit, warnings, logging, locale",
        "print(sorted(n for n in globals() if not n.startswith('_')))",
        "print([str(signal.getsignal(s)).split(' at ')[0] for s in (2, 13, 15, 17)])",
        "print(sys.flags, sys.executable, sys.prefix, sys.getrecursionlimit())",
        "print([p for p in sys.path])",
        "print(type(sys.stdout).__name__, type(sys.displayhook).__name__, sys.excepthook.__name__, sys.stdin)",
        "print(logging.getLogger().level, logging.getLogger().handlers, warnings.filters[:2])",
        "print(locale.getlocale(), os.getpriority(0, 0), os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid())",
        "print(get_ipython().config.get('x'), In[-1], sorted(k for k in os.environ if k.startswith('JPY')))",
        "print(__import__('gc').isenabled(), __import__('gc').get_threshold(), threading.main_thread() is threading.current_thread())",
    )
    forked = texts(await runner(*cells))
    stock = Runner(runner.folder, number=50)
    started = texts(await stock(*cells))
    different = [(a, b) for a, b in zip(forked, started, strict=True) if a != b]
    # a stock kernel is told its parent's pid, to poll for its end
    assert [a.replace("[]", "['JPY_PARENT_PID', 'JPY_SESSION_NAME']") for a, _ in different] in (
        [],
        [b for _, b in different],
        [
            b.replace("['JPY_PARENT_PID']", "['JPY_PARENT_PID', 'JPY_SESSION_NAME']")
            for _, b in different
        ],
    )


async def test_randomness_differs(runner: WarmRunner) -> None:
    source = (
        "import random, uuid, secrets, os, tempfile\nprint(random.random(), uuid.uuid4(), secrets.token_hex(4), "
        "os.urandom(4), tempfile.mktemp())"
    )
    numbers = "import numpy as np\nprint(np.random.rand(), np.random.default_rng().random())"
    seen = [texts(await runner(source, numbers)) for _ in range(3)]
    for cell in range(2):
        for value in zip(*(found[cell].split() for found in seen), strict=True):
            assert len(set(value)) == 3


async def test_threads_processes_and_libraries(runner: WarmRunner) -> None:
    found = texts(
        await runner(
            "from concurrent.futures import ProcessPoolExecutor as P, ThreadPoolExecutor as T\nimport math\n"
            "with P(2) as p: print(list(p.map(math.sqrt, [4, 9])))\nwith T(2) as p: print(list(p.map(math.sqrt, [4, 9])))",
            "import pyarrow as pa, pyarrow.parquet as pq\npq.write_table(pa.table({'a': list(range(100000))}), 'x.parquet')\n"
            "print(pq.read_table('x.parquet').num_rows)",
            "import duckdb\nprint(duckdb.sql('select sum(i) from range(1000000) t(i)').fetchall()[0][0])",
            "import asyncio\nawait asyncio.sleep(0.01)\nprint('awaited')",
            "import numpy as np\na = np.random.rand(400, 400)\nprint((a @ a).shape)",
        )
    )
    assert found == ["[2.0, 3.0]\n[2.0, 3.0]", "100000", "499999500000", "awaited", "(400, 400)"]


async def test_plots(runner: WarmRunner) -> None:
    pytest.importorskip("matplotlib")
    for _ in range(2):  # the second one's library was imported ahead
        result = await runner("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
        assert result.error is None
        assert "image/png" in copy_of(result)["cells"][0]["outputs"][-1]["data"]


SEEN = """
import sys, os, signal, random, tempfile, json, threading
left = {
    "names": sorted(n for n in globals() if n in ("mine", "np")),
    "module": "mine" in sys.modules or hasattr(json, "mine"),
    "cwd": os.path.basename(os.getcwd()),
    "env": os.environ.get("MINE"),
    "handler": str(signal.getsignal(signal.SIGUSR1)),
    "threads": [t.name for t in threading.enumerate() if t.name == "mine"],
    "files": [p for p in (os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")) if "mine" in p],
    "temp": tempfile.gettempdir() == "/mine",
    "path": "mine" in sys.path,
}
print(json.dumps(left))
mine = sys.modules["mine"] = 1
json.mine = 1
sys.path.append("mine")
os.environ["MINE"] = "1"
tempfile.tempdir = "/mine"
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
keep = open("mine.txt", "w")
threading.Thread(target=threading.Event().wait, args=(5,), name="mine", daemon=True).start()
os.chdir("/")
print(random.random())
"""


async def test_a_standby_that_died_is_not_lent(runner: WarmRunner) -> None:
    await runner.warm.warm(environment())
    keeper = psutil.Process((await runner.warm.listed() or {})["pid"])
    for standby in keeper.children()[0].children():
        standby.kill()
    assert texts(await runner("print('alive')")) == ["alive"]


@pytest.mark.parametrize("rounds", [8, pytest.param(200, marks=pytest.mark.slow)])
async def test_nothing_of_another_notebook_is_seen(runner: WarmRunner, rounds: int) -> None:
    numbers = set()
    for _ in range(rounds):
        said, number = texts(await runner(SEEN))[0].splitlines()
        numbers.add(number)
        assert json.loads(said) == {
            "names": [],
            "module": False,
            "cwd": runner.folder.name,
            "env": None,
            "handler": "0",
            "threads": [],
            "files": [],
            "temp": False,
            "path": False,
        }
    assert len(numbers) == rounds


async def test_the_end_is_as_the_interpreters(runner: WarmRunner) -> None:
    result = await runner(
        "import atexit\nf = open('left.txt', 'w')\nf.write('flushed at the end')\n"
        "atexit.register(lambda: open('atexit.txt', 'w').write('ran'))\n"
        "class D:\n    def __del__(self): open('del.txt', 'w').write('ran')\nd = D()"
    )
    assert result.error is None
    assert [(runner.folder / n).read_text() for n in ("left.txt", "atexit.txt", "del.txt")] == [
        "flushed at the end",
        "ran",
        "ran",
    ]


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("os.kill(os.getpid(), 9)", "signal 9: perhaps out of memory"),
        ("os._exit(3)", "exit code 3"),
        ("import ctypes; ctypes.string_at(0)", "signal 11: segmentation fault"),
    ],
)
async def test_a_dead_kernel_is_named(runner: WarmRunner, code: str, how: str) -> None:
    result = await runner("import os", code)
    assert result.error is not None
    assert result.error.message == f"The kernel died in cell 2 of 2 ({how})"


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(60)",
        "while True: pass",
        "import subprocess; subprocess.run(['sleep', '60'])",
    ],
)
async def test_interrupts(runner: WarmRunner, code: str) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    result = await runner(code, cell_timeout=0.3)
    assert result.error is not None
    assert "took longer than PT0.3S" in result.error.message
    assert loop.time() - began < 5


async def test_what_a_notebook_started_is_asked_to_end(runner: WarmRunner) -> None:
    child = (
        "import pathlib, signal, sys, time\n"
        "signal.signal(15, lambda *_: (pathlib.Path('asked').touch(), sys.exit()))\n"
        "print('up', flush=True)\ntime.sleep(600)"
    )
    found = texts(
        await runner(
            "import subprocess, sys",
            f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)",
            "print(child.stdout.readline())",
        )
    )
    assert "up" in found[2]
    assert (runner.folder / "asked").exists()


async def test_what_the_kernel_itself_prints_is_in_its_log(runner: WarmRunner) -> None:
    result = await runner(
        "import os\nos.write(2, b'raw words\\n')",
        "log = os.environ['FLOWBOOK_RUN'] + '/kernel.log'\n"
        "while 'raw words' not in open(log).read(): pass\nos._exit(1)",
    )
    assert result.error is not None
    assert "raw words" in result.error.traceback


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def gone(*pids: int) -> bool:
    async def wait() -> bool:
        while any(alive(pid) for pid in pids):
            await asyncio.sleep(0.005)
        return True

    return await asyncio.wait_for(wait(), 10)


HOST = """
import asyncio, json, sys
from pathlib import Path
from flowbook.elected import Seat
from flowbook.kernels.warm import Warm
from flowbook.kernels.stock import find_spec
async def main():
    kernel = await Warm(Seat(Path(sys.argv[1]), "kernels")).take(
        find_spec("python3"), "python3", cwd=Path("/"), env=json.loads(sys.argv[2]), log=Path(sys.argv[3]))
    print(type(kernel).__name__, kernel.pid, flush=True)
    await kernel.ended()
asyncio.run(main())
"""


async def test_a_killed_host_takes_its_kernel_along(warm: Warm, tmp_path: Path) -> None:
    env = environment()
    command = [
        sys.executable,
        "-c",
        HOST,
        str(warm._seat.folder),
        json.dumps(env),
        str(tmp_path / "log"),
    ]
    host = subprocess.Popen(  # noqa: ASYNC220 - it only forks
        command, stdout=subprocess.PIPE, text=True, env={**env, "PYTHONPATH": str(PACKAGE)}
    )
    assert host.stdout is not None
    kind, pid = (await asyncio.to_thread(host.stdout.readline)).split()
    assert kind == "WarmKernel"
    assert alive(int(pid))
    host.kill()
    await asyncio.to_thread(host.wait)
    assert await gone(int(pid))


@pytest.mark.parametrize("victim", ["keeper", "zygote"])
async def test_a_killed_keeper_or_zygote_leaves_nothing_and_is_replaced(
    tmp_path: Path, victim: str
) -> None:
    with tempfile.TemporaryDirectory(prefix="fbk-") as folder:
        warm = Warm(Seat(Path(folder), "kernels"), idle=60)
        env = environment()
        await asyncio.wait_for(warm.warm(env), 60)
        kernel = await warm.take(
            find_spec("python3"), "python3", cwd=tmp_path, env=env, log=tmp_path / "log"
        )
        assert isinstance(kernel, WarmKernel)
        keeper = psutil.Process((await warm.listed() or {})["pid"])
        everybody = [p.pid for p in keeper.children(recursive=True)]
        assert kernel.pid in everybody
        killed = keeper if victim == "keeper" else keeper.children()[0]
        os.kill(killed.pid, signal.SIGKILL)
        assert str(await asyncio.wait_for(kernel.ended(), 10)).startswith("signal 9")
        assert await gone(killed.pid, *everybody)
        assert await asyncio.wait_for(warm.warm(env), 60) == 2
        await warm.end()


async def test_the_keeper_ends_when_nobody_asks(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fbk-") as folder:
        warm = Warm(Seat(Path(folder), "kernels"), idle=0.5)
        await asyncio.wait_for(warm.warm(environment()), 60)
        keeper = psutil.Process((await warm.listed() or {})["pid"])
        family = [keeper.pid, *(p.pid for p in keeper.children(recursive=True))]
        assert await gone(*family)
        assert not list(Path(folder).glob("k-*"))


async def test_another_environment_gets_a_stock_kernel(warm: Warm, tmp_path: Path) -> None:
    env = {**environment(), "PYTHONHASHSEED": "7"}
    kernel = await warm.take(
        find_spec("python3"), "python3", cwd=tmp_path, env=env, log=tmp_path / "log"
    )
    assert not isinstance(kernel, WarmKernel)
    await kernel.kill()


def test_who_may_be_forked(tmp_path: Path) -> None:
    spec = find_spec("python3")
    assert can_fork(spec, {"HOME": str(tmp_path)})
    startup = tmp_path / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("x = 1")
    assert not can_fork(spec, {"HOME": str(tmp_path)})
