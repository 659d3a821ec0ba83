"""The command line in real processes, each test file in a workspace of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[2] / "kernel_ext"


class Terminal:
    """A folder in which `flowbook …` is typed; its workspace is the folder `ws`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FLOWBOOK_", "JUPYTER_", "PYTHONDONTWRITE", "FORCE_COLOR"))
        } | {
            "FLOWBOOK_HOME": str(folder / "ws"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "PYTHONPATH": str(PACKAGE),
            "TERM": "xterm",
            "COLUMNS": "120",
        }

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """The command, running."""
        return subprocess.Popen(
            [sys.executable, "-m", "flowbook", *words],
            cwd=self.folder,
            env={**self.environment, **options.pop("environment", {})},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )

    def __call__(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The command, when it has ended."""
        process = self.start(*words, environment=environment or {})
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def json(self, *words: str) -> Any:
        """What the command says in JSON."""
        done = self(*words, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def flowbook(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A terminal with an empty workspace, shared by the tests of a file."""
    return Terminal(tmp_path_factory.mktemp("cli"))
