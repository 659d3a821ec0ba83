"""`kill -9` of host, zygote, keeper, kernel or storekeeper at random moments while notebooks run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest

import flowbook as fb
from flowbook.elected import Seat
from flowbook.kernels.environment import without_secrets
from flowbook.kernels.warm import Warm
from flowbook.kinds.state import State

from .conftest import notebook
from .processes import below, eventually, marked

ROUNDS = int(os.environ.get("FLOWBOOK_KILL_ROUNDS", "50"))
BESIDE = 2
"""Workspaces in which rounds go on side by side."""
SEED = int(os.environ.get("FLOWBOOK_KILL_SEED", "7"))
HOST = Path(__file__).with_name("kill_host.py")
VICTIMS = ("host", "zygote", "keeper", "kernel", "storekeeper")
FLOW = """
id: mortal
namespace: tests
tasks:
  - id: both
    type: io.kestra.plugin.core.flow.Parallel
    tasks:
      - id: again
        type: flowbook.jupyter.Notebook
        path: cells.ipynb
        retry: {type: constant, interval: PT0.1S, maxAttempts: 5}
      - {id: once, type: flowbook.jupyter.Notebook, path: cells.ipynb, allowFailure: true}
  - id: last
    type: flowbook.jupyter.Notebook
    path: cells.ipynb
    retry: {type: constant, interval: PT0.1S, maxAttempts: 5}
"""
CELLS = (
    "import subprocess, time\nsleeper = subprocess.Popen(['sleep', '120'])\nprint('one')",
    "time.sleep(0.3)\nprint('two')",
    "import flowbook as fb\nfb.outputs(answer=42)\nsleeper.kill()",
)
LOST = (
    "Host lost while the task was running",
    "The kernel died",
    "The kernel 'python3' died",
)


class Mortals:
    """The processes of one workspace, and a host among them that is replaced when it is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = f"MARK_{folder.name}_{os.getpid()}"
        self.host: subprocess.Popen[str] | None = None
        self.workspace = fb.open(folder)
        self.runtime = self.workspace.engine.place.runtime
        self.warm = Warm(Seat(self.runtime, "kernels"))
        self.flow = folder / "flow.yaml"
        self.flow.write_text(FLOW)
        (folder / "cells.ipynb").write_text(json.dumps(notebook(*CELLS)))

    def begin(self) -> str:
        """Have the host run the flow; the execution's id."""
        if self.host is None or self.host.poll() is not None:
            self.host = subprocess.Popen(
                [sys.executable, str(HOST), str(self.folder), str(self.flow)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "MORTAL": self.mark},
            )
        assert self.host.stdin is not None
        assert self.host.stdout is not None
        self.host.stdin.write("\n")
        self.host.stdin.flush()
        return self.host.stdout.readline().strip()

    def kept(self, execution_id: str) -> bool:
        """Whether the history knows the execution."""
        query = self.workspace.engine.store.query("execution_row", id=execution_id)
        return bool(self.workspace.portal.call(query))

    def pid(self, victim: str, chance: random.Random) -> int | None:
        match victim:
            case "host":
                return self.host.pid if self.host is not None else None
            case "keeper":
                return Seat(self.runtime, "kernels").holder()
            case "storekeeper":
                return Seat(self.runtime, "store").holder()
            case "zygote":
                keeper = Seat(self.runtime, "kernels").holder()
                return next((p.pid for p in marked(self.mark) if p.parent == keeper), None)
            case _:
                held = asyncio.run(self.warm.listed()) or {"kernels": []}
                own = self.host.pid if self.host is not None else None
                stock = [
                    p.pid
                    for p in marked(self.mark)
                    if p.parent == own and "ipykernel_launcher" in p.command
                ]
                every = sorted([*held["kernels"], *stock])
                return chance.choice(every) if every else None

    def orphans(self) -> list[str]:
        """Processes that nobody who lives holds."""
        every = marked(self.mark)
        keeper = Seat(self.runtime, "kernels").holder()
        held = {keeper, Seat(self.runtime, "store").holder(), self.host.pid if self.host else None}
        held |= {p.pid for p in below(every, keeper) if "sleep" not in p.command}
        return [f"{p.pid} ({p.parent}) {p.command}" for p in every if p.pid not in held]

    def lent(self) -> list[int]:
        return list((asyncio.run(self.warm.listed()) or {"kernels": []})["kernels"])

    def end(self) -> None:
        if self.host is not None:
            self.host.kill()
            self.host.communicate()
        asyncio.run(self.warm.end())
        self.workspace.close()


def is_as_it_should_be(mortals: Mortals, run: Any) -> None:
    """States as spec'd, and every executed copy opens."""
    again, once, last = run["again"], run["once"], run["last"]
    assert (again.state, last.state) == (State.SUCCESS, State.SUCCESS), run.error
    assert once.state in (State.SUCCESS, State.WARNING)
    assert run.state is once.state
    if once.state is State.WARNING:
        assert once.error["message"].startswith(LOST), once.error
    for task_run in (again, once, last):
        outputs = task_run.outputs or {}
        if task_run.state is State.SUCCESS:
            assert outputs["answer"] == 42
            assert outputs["cells"] == {"total": 3, "done": 3, "failed": 0}
        for attempt in task_run.attempts[:-1]:
            assert attempt["state"] in ("KILLED", "FAILED")
            assert str(attempt["error"]["message"]).startswith((*LOST, "host lost"))
    for path in mortals.folder.rglob("cells*.ipynb"):
        if run.id in str(path) or path.parent != mortals.folder:
            nbformat.validate(nbformat.read(path, as_version=4))


def one_round(mortals: Mortals, victim: str, chance: random.Random, tally: Counter[str]) -> str:
    """Run the flow, kill the victim at some moment, and look at what came of it."""
    began = time.monotonic()
    execution_id = mortals.begin()
    time.sleep(chance.uniform(0.0, 1.2))  # the moment is what is tried
    pid = mortals.pid(victim, chance)
    said = f"{victim} {pid}, execution {execution_id}"
    until = time.monotonic() + 1
    while pid is None and time.monotonic() < until:
        pid = mortals.pid(victim, chance)
    with contextlib.suppress(ProcessLookupError):
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            tally[victim] += 1
    if victim == "host":
        assert mortals.host is not None
        mortals.host.communicate()
        if not mortals.kept(execution_id):
            return f"{said}: killed before it was durable"
    try:
        eventually(lambda: mortals.kept(execution_id))
        run = mortals.workspace.execution(execution_id)
        eventually(lambda: run.state.is_terminal, 60)
        is_as_it_should_be(mortals, run)
        eventually(lambda: not mortals.orphans(), 10)
        eventually(lambda: not mortals.lent(), 10)
        eventually(lambda: not list((mortals.runtime / "runs").glob("*")), 10)
    except BaseException as error:
        error.add_note(f"{said}; orphans: {mortals.orphans()}")
        raise
    return f"{said}: {run.state} after {time.monotonic() - began:.1f} s"


def rounds(folder: Path, order: Sequence[str], chance: random.Random, tally: Counter[str]) -> None:
    """Several rounds, one after another, in a workspace of their own."""
    folder.mkdir()
    mortals = Mortals(folder)
    try:
        asyncio.run(mortals.warm.warm(without_secrets({**os.environ, "MORTAL": mortals.mark})))
        for number, victim in enumerate(order):
            said = one_round(mortals, victim, chance, tally)
            print(f"{folder.name}, round {number}: {said}", flush=True)
    finally:
        mortals.end()
    eventually(lambda: not mortals.orphans(), 10)


@pytest.mark.slow
def test_whatever_is_killed_the_flow_ends_well(tmp_path: Path) -> None:
    order = [VICTIMS[number % len(VICTIMS)] for number in range(ROUNDS)]
    random.Random(SEED).shuffle(order)
    tally: Counter[str] = Counter()
    with ThreadPoolExecutor(BESIDE) as pool:  # mostly they wait: a host counts as dead after 10 s
        parts = [
            pool.submit(
                rounds, tmp_path / f"w{n}", order[n::BESIDE], random.Random(SEED + n), tally
            )
            for n in range(BESIDE)
        ]
    for part in parts:
        part.result()
    print(dict(tally))
    if ROUNDS >= 50:
        assert all(tally[victim] >= 3 for victim in VICTIMS), tally
