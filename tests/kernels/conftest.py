"""Notebooks made in a folder, run in real kernels."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flowbook.kernels.environment import without_secrets
from flowbook.kernels.run import run
from flowbook.kernels.terms import CellNews, MetricNews, NotebookResult, NotebookRun

PACKAGE = Path(__file__).parents[2] / "kernel_ext"


def notebook(*cells: str | Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    """A notebook whose cells are given by their source, or as `{source, tags, cell_type}`."""
    made = []
    for number, cell in enumerate(cells):
        said = {"source": cell} if isinstance(cell, str) else dict(cell)
        kind = said.get("cell_type", "code")
        made.append(
            {
                "cell_type": kind,
                "id": f"cell-{number}",
                "metadata": {"tags": list(said.get("tags", ()))},
                "source": said["source"],
            }
            | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        )
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made}


def environment() -> dict[str, str]:
    found = without_secrets(os.environ)
    found["PYTHONPATH"] = str(PACKAGE)
    for name in (
        "PYTHONDONTWRITEBYTECODE",
        "PYTEST_CURRENT_TEST",
    ):  # ipykernel looks for the latter
        found.pop(name, None)
    return found


@dataclass
class Runner:
    """Runs notebooks in a folder and keeps what they told."""

    folder: Path
    news: list[CellNews] = field(default_factory=list)
    metrics: list[MetricNews] = field(default_factory=list)
    number: int = 0
    on_news: Callable[[CellNews], None] = lambda news: None

    def task(
        self, *cells: str | Mapping[str, Any], name: str = "train.ipynb", **options: Any
    ) -> NotebookRun:
        path = self.folder / name
        path.write_text(
            json.dumps(notebook(*cells, **options.pop("metadata", {}))), encoding="utf-8"
        )
        self.number += 1
        out = self.folder / f"run-{self.number}"
        out.mkdir(mode=0o700)
        return NotebookRun(
            **(
                {"notebook": path, "out_dir": out, "cwd": self.folder, "env": environment()}
                | options
            )
        )

    def hear(self, news: CellNews | MetricNews) -> None:
        if isinstance(news, CellNews):
            self.news.append(news)
            self.on_news(news)
        else:
            self.metrics.append(news)

    async def __call__(self, *cells: str | Mapping[str, Any], **options: Any) -> NotebookResult:
        return await asyncio.wait_for(run(self.task(*cells, **options), self.hear), 60)

    def states(self) -> dict[int, str]:
        return {news.cell: news.state for news in self.news}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.fixture
def bash_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel named `bash`, found by this test only."""
    spec = tmp_path / "share" / "kernels" / "bash"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    said = {"argv": argv, "display_name": "Bash", "language": "bash", "env": {"PS1": "$"}}
    (spec / "kernel.json").write_text(json.dumps(said))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))


def copy_of(result: NotebookResult) -> dict[str, Any]:
    """The executed copy, checked against nbformat's schema."""
    import nbformat

    found = nbformat.read(result.executed, as_version=nbformat.NO_CONVERT)
    nbformat.validate(found)
    return found
