"""Which kernels are parked, and what the history says of those that had to go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.kinds.state import State
from weekly import notebook

FLOW = """
id: one
namespace: demo
tasks:
  - {id: it, type: flowbook.jupyter.Notebook, path: it.ipynb, OPTIONS}
"""


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[fb.Workspace]:
    with fb.open(tmp_path) as ws:
        yield ws
        ws.portal.call(ws.engine.continuing.warm.end())


def ran(ws: fb.Workspace, *cells: str, options: str = "keepKernel: ON_FAILURE") -> fb.Run:
    (ws.root / "it.ipynb").write_text(json.dumps(notebook(*cells)))
    (ws.root / "one.yaml").write_text(FLOW.replace("OPTIONS", options))
    return ws.run("one.yaml", timeout=120)


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("cells", "options", "kept"),
    [
        (("x = 1",), "keepKernel: ON_FAILURE", False),
        (("x = 1",), "keepKernel: ALWAYS", True),
        (("x = 1", "1 / 0"), "keepKernel: NEVER", False),
        (("x = 1", "import time; time.sleep(60)"), "timeout: PT3S", True),
        (("x = 1", "import time; time.sleep(60)"), "cellTimeout: PT1S", True),
        (("x = 1", "raise KeyboardInterrupt"), "kernelTtl: PT5M", True),
        (
            ("x = 1", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
            "retry: null",
            False,
        ),
    ],
    ids=["success", "always", "never", "timeout", "cell-timeout", "interrupted", "died"],
)
def test_when_it_is_kept(
    ws: fb.Workspace, cells: tuple[str, ...], options: str, kept: bool
) -> None:
    run = ran(ws, *cells, options=options)
    assert [row["task"] for row in ws.kernels()] == ["it"] * kept
    assert [run["it"].kernel.value("x") for _ in ws.kernels()] == [1] * kept


def test_a_killed_execution_keeps_none(ws: fb.Workspace) -> None:
    (ws.root / "it.ipynb").write_text(
        json.dumps(notebook("open('on', 'w'); [0 for _ in iter(int, 1)]"))
    )
    (ws.root / "one.yaml").write_text(FLOW.replace("OPTIONS", "keepKernel: ALWAYS"))
    run = ws.run("one.yaml", wait=False)
    for view in run.watch(0.05):
        if (ws.root / "on").exists() and not view.is_over:
            run.kill()
            break
    run.wait(60)
    assert run.state is State.KILLED
    assert ws.kernels() == []


def test_a_later_attempt_that_succeeds_needs_none(ws: fb.Workspace) -> None:
    cells = (
        "import pathlib\nif not pathlib.Path('tried').exists():\n    open('tried', 'w')\n    1 / 0"
    )
    retry = "retry: {type: constant, interval: PT0.1S, maxAttempts: 2}"
    run = ran(ws, cells, options=retry)
    assert run.state is State.SUCCESS
    assert ws.kernels() == []
    assert "The kernel is parked until" in "".join(line["message"] for line in run.logs())


def test_a_deleted_execution_keeps_none(ws: fb.Workspace) -> None:
    run = ran(ws, "x = 1", "1 / 0")
    copy = run["it"].open()
    assert [row["execution"] for row in ws.kernels()] == [run.id]
    ws.delete_execution(run.id)
    assert ws.kernels() == []
    assert copy.is_file()
    assert list((ws.root / ".flowbook" / "opened").iterdir()) == []


def test_the_history_says_which_had_to_go(tmp_path: Path) -> None:
    (tmp_path / ".flowbook").mkdir()
    (tmp_path / ".flowbook" / "config.yml").write_text("flowbook: {kernels: {max-parked: 1}}")
    with fb.open(tmp_path) as ws:
        first, second = ran(ws, "x = 1", "1 / 0"), ran(ws, "x = 2", "1 / 0")
        [kept] = ws.kernels()
        assert kept["execution"] == second.id
        said = [line["message"] for line in first.logs("WARN")]
        assert (
            "The parked kernel was ended: others needed its place (flowbook.kernels.max-parked)"
            in said
        )
        with pytest.raises(fb.NotFound, match="others needed its place"):
            first["it"].kernel.value("x")
        ws.portal.call(ws.engine.continuing.warm.end())


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("max-parked: many", "flowbook.kernels.max-parked is 'many': give a whole number from 0"),
        ("max-memory: lots", "flowbook.kernels.max-memory is 'lots': give a part of the machine's"),
    ],
)
def test_settings_that_are_none(tmp_path: Path, setting: str, said: str) -> None:
    (tmp_path / ".flowbook").mkdir()
    (tmp_path / ".flowbook" / "config.yml").write_text(f"flowbook: {{kernels: {{{setting}}}}}")
    with fb.open(tmp_path) as ws:
        run = ran(ws, "x = 1")
        assert run.error is not None
        assert said in str(run.error["message"])
