"""Schedules in servers: no kernel, no tab, never twice, never untrusted."""

from __future__ import annotations

import json
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import PATIENCE, Server, flow

Serve = Callable[[Path], Server]
pytestmark = pytest.mark.slow


def notebook(path: Path, source: str) -> None:
    cell = {
        "cell_type": "code",
        "id": "one",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [cell]}
    path.write_text(json.dumps(content))


def dates(executions: list[dict[str, Any]]) -> Counter[str]:
    return Counter(one["trigger"]["variables"]["date"] for one in executions)


def over(server: Server, count: int) -> Callable[[], list[dict[str, Any]] | None]:
    def enough() -> list[dict[str, Any]] | None:
        ended = [one for one in server.executions() if "endDate" in one["state"]]
        return ended if len(ended) >= count else None

    return enough


def in_a_kernel(root: Path, *cells: str) -> None:
    """Execute cells in a kernel of its own, and end it."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", cwd=str(root))
    try:
        for source in cells:
            reply = client.execute_interactive(source, timeout=PATIENCE, output_hook=lambda _: None)
            assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def test_a_notebook_scheduled_from_a_cell_fires_without_its_kernel(
    root: Path, serve: Serve
) -> None:
    notebook(root / "report.ipynb", "station = 'none'\nprint(station)")
    server = serve(root)
    assert not (root / ".flowbook").exists()

    in_a_kernel(
        root,
        "%load_ext flowbook",
        '%flow schedule report.ipynb --cron "*/2 * * * * *" --timezone UTC --namespace demo',
    )
    before = len(server.executions())
    ended = server.wait(over(server, before + 2))

    assert {one["state"]["current"] for one in ended} == {"SUCCESS"}
    assert set(dates(ended).values()) == {1}
    assert server.get("api/x/schedules")["held"]


def test_two_servers_never_fire_twice_and_one_replaces_the_other(root: Path, serve: Serve) -> None:
    import flowbook as fb

    with fb.open(root) as workspace:
        workspace.deploy(flow())
    first, second = serve(root), serve(root)
    first.wait(over(first, 3))
    held = [server for server in (first, second) if server.get("api/x/schedules")["held"]]
    assert len(held) == 1
    [holder] = held
    other = second if holder is first else first

    holder.process.send_signal(signal.SIGKILL)
    before = len(other.executions())
    ended = other.wait(over(other, before + 3))

    assert set(dates(ended).values()) == {1}
    seconds = sorted(dates(ended))
    assert len(seconds) == len(ended)


def test_a_backfill_survives_its_server_and_no_date_runs_twice(root: Path, serve: Serve) -> None:
    import flowbook as fb

    minutes = flow(task="core.flow.Sleep, duration: PT0.7S").replace("* * * * * *", "0 * * * * *")
    with fb.open(root) as workspace:
        workspace.deploy(minutes)
        workspace.backfill("demo.tick", start="2026-01-01T00:00", end="2026-01-01T00:11")
    first = serve(root)
    first.wait(over(first, 3))
    first.process.send_signal(signal.SIGKILL)
    second = serve(root)

    def done() -> bool:
        with fb.open(root) as workspace:
            [backfill] = workspace.backfills()
            return backfill.state == "DONE"

    second.wait(done)
    ended = [one for one in second.wait(over(second, 12)) if "2026-01-01" in str(one["trigger"])]
    assert len(ended) == 12
    assert set(dates(ended).values()) == {1}


def test_a_clone_that_nobody_has_trusted_fires_nothing(
    root: Path, tmp_path: Path, serve: Serve
) -> None:
    import flowbook as fb

    (root / "flows").mkdir()
    (root / "flows" / "tick.yaml").write_text(flow())
    with fb.open(root) as workspace:
        workspace.deploy(root / "flows" / "tick.yaml")
    clone = tmp_path / "clone"
    shutil.copytree(root, clone)

    untrusted = serve(clone)
    trusted = serve(root)
    trusted.wait(over(trusted, 4))

    assert untrusted.executions() == []
    assert untrusted.get("api/x/trust")["trusted"] is False
    assert untrusted.get("api/x/trust")["schedules"] == 1
    assert [one["id"] for one in untrusted.get("api/v1/flows/search")["results"]] == ["tick"]
