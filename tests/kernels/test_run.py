"""Notebooks run in real kernels: states, messages, outputs and the executed copy."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowbook.kernels import journal
from flowbook.kernels.notebook import NotANotebook
from flowbook.kernels.parameters import ParametersInvalid
from flowbook.kernels.run import run
from flowbook.kernels.stock import NoKernel
from flowbook.kernels.terms import CellNews

from .conftest import Runner, copy_of

pytestmark = pytest.mark.anyio
PARAMETERS = {"source": "alpha = 0.1\nkey = ''", "tags": ["parameters"]}


async def test_parameters_results_and_cells(runner: Runner) -> None:
    result = await runner(
        PARAMETERS,
        {"source": "# a title", "cell_type": "markdown"},
        "import flowbook as fb\nprint('alpha', alpha, fb.inputs['a'], fb.execution.id)",
        "fb.metric('rows', 3, src='crm')\nfb.outputs(auc=0.9, both=[1, 2])",
        "",
        parameters={"alpha": "0.7"},
        inputs={"a": 1},
        execution={"id": "x1"},
    )
    assert result.error is None
    assert result.cells == {"total": 4, "done": 3, "failed": 0}
    assert {name: out.value for name, out in result.outputs.items()} == {"auc": 0.9, "both": [1, 2]}
    assert runner.states() == {1: "DONE", 2: "DONE", 3: "DONE", 4: "SKIPPED"}
    assert runner.news[-2].text == ""
    assert [n.text for n in runner.news if n.cell == 2][-1] == "alpha 0.7 1 x1\n"
    assert [(m.name, m.value, m.tags) for m in runner.metrics] == [("rows", 3.0, {"src": "crm"})]
    copy = copy_of(result)
    assert [cell["source"] for cell in copy["cells"]][:2] == [
        PARAMETERS["source"],
        "# Parameters\nalpha = 0.7\n",
    ]
    assert copy["cells"][1]["metadata"]["tags"] == ["injected-parameters"]
    assert copy["metadata"]["papermill"]["parameters"] == {"alpha": 0.7}
    assert copy["metadata"]["language_info"]["name"] == "python"
    assert copy["cells"][3]["metadata"]["papermill"]["status"] == "completed"


async def test_a_failing_cell_names_its_place(runner: Runner) -> None:
    result = await runner(
        "n = 0",
        "import flowbook as fb\nfb.outputs(kept=1)",
        "a = 1\nb = 1 / n\nc = 2",
        "print('never')",
    )
    assert result.error is not None
    assert result.error.message == "Cell 3 of 4 failed: ZeroDivisionError: division by zero"
    assert (result.error.cell, result.error.line) == (3, 2)
    assert result.error.excerpt == "    1 | a = 1\n→   2 | b = 1 / n\n    3 | c = 2"
    assert "ZeroDivisionError" in result.error.traceback
    assert "\x1b" not in result.error.traceback
    assert result.outputs["kept"].value == 1
    assert result.cells == {"total": 4, "done": 2, "failed": 1}
    assert runner.news[-1].error is not None
    assert copy_of(result)["cells"][2]["outputs"][0]["ename"] == "ZeroDivisionError"


async def test_tags(runner: Runner) -> None:
    result = await runner(
        {"source": "1 / 0", "tags": ["raises-exception"]},
        {"source": "1 / 0", "tags": ["skip-execution"]},
        "x = 1",
    )
    assert result.error is None
    assert runner.states() == {1: "DONE", 2: "SKIPPED", 3: "DONE"}


async def test_cell_timeout(runner: Runner) -> None:
    result = await runner("import time", "time.sleep(60)", cell_timeout=0.5)
    assert result.error is not None
    assert result.error.message == "Cell 2 of 2 took longer than PT0.5S"
    assert runner.states()[2] == "STOPPED"


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("os.kill(os.getpid(), 9)", "signal 9: perhaps out of memory"),
        ("os._exit(3)", "exit code 3"),
        ("import ctypes; ctypes.string_at(0)", "signal 11: segmentation fault"),
    ],
)
async def test_a_dead_kernel_is_named(runner: Runner, code: str, how: str) -> None:
    result = await runner("import os\nprint('here', flush=True)", code)
    assert result.error is not None
    assert result.error.message == f"The kernel died in cell 2 of 2 ({how})"
    assert result.error.died
    assert copy_of(result)["cells"][0]["outputs"][0]["text"] == "here\n"


@pytest.mark.parametrize("call", ["input('name? ')", "__import__('getpass').getpass()"])
async def test_a_keyboard_is_refused(runner: Runner, call: str) -> None:
    result = await runner(call)
    assert result.error is not None
    assert result.error.message.endswith(
        "flowbook runs notebooks without a keyboard: make it a parameter"
    )
    assert "without a keyboard" in copy_of(result)["cells"][0]["outputs"][0]["evalue"]


async def test_an_interrupt_from_outside_is_named(runner: Runner) -> None:
    result = await runner(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)"
    )
    assert result.error is not None
    assert result.error.message == "Cell 1 of 1 was interrupted"


async def cancelled_in(runner: Runner, *cells: Any, **options: Any) -> tuple[Path, float]:
    """Cancel a run as soon as its last cell says something; its folder, and how long the end took."""
    task = runner.task(*cells, **options)
    said = asyncio.Event()
    runner.on_news = lambda news: said.set() if news.text else None
    running = asyncio.create_task(run(task, runner.hear))
    await asyncio.wait_for(said.wait(), 30)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 30)
    return task.out_dir, loop.time() - begun


def is_alive(pid: int) -> bool:
    try:
        return (
            psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        )  # of a dead parent, until init looks
    except psutil.NoSuchProcess:
        return False


PID = "import os, time, subprocess\nchild = subprocess.Popen(['sleep', '600'])\nprint(os.getpid(), child.pid)\n"


async def test_cancelling_interrupts_and_leaves_no_process(runner: Runner) -> None:
    folder, took = await cancelled_in(runner, PID + "time.sleep(600)")
    assert took < 3
    assert runner.states() == {1: "STOPPED"}
    assert not [pid for pid in runner.news[-1].text.split() if is_alive(int(pid))]
    assert journal.seal(folder)[0].exists()
    assert journal.read(folder).is_done


async def test_a_cell_that_ignores_the_interrupt_ends_with_its_kernel(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowbook.kernels.run.GRACE", 0.5)
    stubborn = (
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + PID + "time.sleep(600)"
    )
    _, took = await cancelled_in(runner, stubborn)
    assert 0.5 <= took < 5
    assert not [pid for pid in runner.news[-1].text.split() if is_alive(int(pid))]


async def test_what_is_wrong_before_a_kernel_starts(runner: Runner) -> None:
    with pytest.raises(ParametersInvalid, match=r"it has alpha, key$"):
        await runner(PARAMETERS, parameters={"alfa": 1})
    with pytest.raises(NoKernel, match=r"^No kernel 'ir': installed are python3"):
        await runner("1", kernel="ir")
    task = runner.task("1")
    task.notebook.write_text("no json")
    with pytest.raises(NotANotebook, match=r"^train\.ipynb is not a notebook: "):
        await run(task, runner.hear)


async def test_secrets_are_masked_everywhere(runner: Runner) -> None:
    result = await runner(
        PARAMETERS,
        "import sys\nprint('got', key)\nprint(key[:3], end='', flush=True)\nprint(key[3:])",
        "raise ValueError(key)",
        parameters={"key": "hunter2hunter2"},
        secrets=["hunter2hunter2"],
    )
    assert result.error is not None
    assert result.error.message == "Cell 3 of 3 failed: ValueError: ********"
    text = result.executed.read_text()
    assert "hunter2hunter2" not in text
    assert 'key = \\"********\\"' in text
    assert "got ********" in text
    assert "hunter2hunter2" not in repr(runner.news)


async def test_declared_outputs(runner: Runner) -> None:
    result = await runner("n = 3\nrows = [1]", outputs=[("count", "n"), ("rows", "rows")])
    assert {name: out.value for name, out in result.outputs.items()} == {"count": 3, "rows": [1]}
    result = await runner("n = 3", outputs=[("count", "m")])
    assert result.error is not None
    assert result.error.message == "train.ipynb did not define 'm'"


async def test_a_result_that_cannot_be_stored(runner: Runner) -> None:
    result = await runner("import flowbook as fb, threading\nfb.outputs(model=threading.Lock())")
    assert result.error is not None
    assert (
        "Output 'model' is a lock: hand on a number, text, table, figure or file"
        in result.error.message
    )


async def test_a_journal_that_takes_no_more_ends_the_run(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = journal.Journal.add

    def full(self: journal.Journal, entry: Mapping[str, Any]) -> None:
        if entry["op"] == "output":
            raise OSError(errno.ENOSPC, "No space left on device")
        add(self, entry)

    monkeypatch.setattr(journal.Journal, "add", full)
    with pytest.raises(OSError, match="No space left on device"):
        await runner("print(1, flush=True)\nimport time; time.sleep(600)")


async def test_environment_and_folder(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    (runner.folder / "lib.py").write_text("v = 7")
    result = await runner(
        "import os, lib\nprint(os.getcwd(), os.environ['FOO'], lib.v, os.environ['FLOWBOOK_RUN'])",
        env={**os.environ, "FOO": "bar"},
    )
    assert result.error is None
    assert runner.news[-1].text == f"{runner.folder} bar 7 {result.executed.parent}\n"


async def test_progress_is_told_while_the_cell_runs(runner: Runner) -> None:
    go = runner.folder / "go"
    seen: list[CellNews] = []

    def hear(news: CellNews) -> None:
        if news.progress == 0.4 and news.state == "RUNNING":
            seen.append(news)
            go.touch()

    runner.on_news = hear
    result = await runner(
        "import flowbook as fb, os, time\nfb.progress(0.4, 'fold 2 of 5')\n"
        "while not os.path.exists('go'): time.sleep(0.01)"
    )
    assert result.error is None
    assert seen[0].note == "fold 2 of 5"
