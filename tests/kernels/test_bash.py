"""Notebooks that don't know flowbook, in a kernel of another language."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from flowbook.errors import FlowbookError
from flowbook.kernels.run import run

from .conftest import Runner, copy_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("bash_kernel")]
BASH = {"kernelspec": {"name": "bash", "display_name": "Bash", "language": "bash"}}


async def test_parameters_and_declared_outputs(runner: Runner) -> None:
    (runner.folder / "data.txt").write_text("a\nb\n")
    result = await runner(
        {"source": "dir=/nowhere", "tags": ["parameters"]},
        'n=$(wc -l < "$dir/data.txt")\necho "in $dir"',
        parameters={"dir": str(runner.folder)},
        outputs=[("count", "n")],
        metadata=BASH,
    )
    assert result.error is None
    assert result.outputs["count"].value == "2"
    copy = copy_of(result)
    assert copy["cells"][1]["source"] == f"# Parameters\ndir={runner.folder}\n"
    assert copy["metadata"]["language_info"]["name"] == "bash"
    assert runner.news[-1].text == f"in {runner.folder}\n"


async def test_a_variable_that_is_not_there(runner: Runner) -> None:
    result = await runner("a=1", outputs=[("count", "n")], metadata=BASH)
    assert result.error is not None
    assert result.error.message == "train.ipynb did not define 'n'"


async def test_a_cell_that_fails(runner: Runner) -> None:
    result = await runner("echo before\nfalse", "echo never", metadata=BASH)
    assert result.error is not None
    assert result.error.message.startswith("Cell 1 of 2 failed: ")
    assert runner.states() == {1: "FAILED", 2: "WAITING"}


async def test_cancelling_leaves_no_process(runner: Runner) -> None:
    task = runner.task("echo $$\nsleep 600", metadata=BASH)
    said = asyncio.Event()
    runner.on_news = lambda news: said.set() if news.text else None
    running = asyncio.create_task(run(task, runner.hear))
    await asyncio.wait_for(said.wait(), 30)
    shell = psutil.Process(int(runner.news[-1].text.split()[0]))
    started = [shell, *shell.children()]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 30)
    _, alive = await asyncio.to_thread(psutil.wait_procs, started, 5)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


async def test_outputs_of_a_language_nobody_reads(runner: Runner) -> None:
    from flowbook.kernels import declared

    with pytest.raises(FlowbookError, match="kernels of Python, R, Julia, bash, not of Ruby"):
        declared.snippet("Ruby", [("a", "b")], runner.folder)
